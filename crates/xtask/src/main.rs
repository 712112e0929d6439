//! (room: xtask)
fn main() {}
