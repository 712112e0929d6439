#![allow(unreachable_code)]

fn main() {
    let _ = tributary_commit::Receipt { record: todo!(), checkpoint: todo!() };
}
