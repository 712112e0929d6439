//! INV-3 by types: nobody outside makes a permit or a receipt.

#[test]
fn permits_and_receipts_cannot_be_forged() {
    trybuild::TestCases::new().compile_fail("tests/forge/*.rs");
}
