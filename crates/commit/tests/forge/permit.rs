#![allow(unreachable_code)]

fn main() {
    let _ = tributary_commit::Permit { record: todo!(), checkpoint: todo!() };
}
