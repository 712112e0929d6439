//! Who of several workers reads which input: leases that are renewed, taken when they run out, and handed over when asked for.
//!
//! # Invariants
//! - A lease only saves work. Two who both hold it for a moment are told apart by the commit log, which fences one of them.
//! - Nobody's clock is compared with anybody else's: a lease has run out when its counter did not move for its duration, on
//!   the clock of whoever looks.
//! - As long as clocks run equally fast, nobody takes a lease before its owner has stopped counting it as his.
//! - Nobody takes from a worker that lives: it is asked, and gives when it likes.
//!
//! # Deliberately absent
//! What an input is, where leases are kept (`leases-dynamodb`, `leases-store`), positions: those are the commit log's. Time:
//! the caller brings the clock and calls [`Keeper::turn`].

mod balance;
#[doc(hidden)]
pub mod conformance;
mod keeper;
pub mod memory;
mod plan;
mod sight;
mod table;

pub use keeper::{Held, Keeper, Settings};
pub use memory::MemoryTable;
pub use table::{Change, Lease, LeaseTable, Report};
