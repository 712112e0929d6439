//! Pretends: a source that reads from a script, a transform for notes, a sink of text files, a producer that packs records
//! into one, a domain of Amazon Connect Cases, an instance of Amazon Connect, faults on order; a server that answers as it was
//! told, and a proxy that breaks calls to a server that does not pretend.
//!
//! A *note* is a payload `YYYY-MM-DD|key|text`; it becomes one row of the table `note`. The payload `skip` is skipped,
//! and everything else is rejected.
//!
//! # Invariants
//! - Deterministic: nothing here reads a clock, a disk or a random number. (The proxy numbers calls as they come.)
//! - What a fake does wrong, it was ordered to do wrong: see [`Faults`].
//!
//! # Deliberately absent
//! Being shipped: this room is for `dev-dependencies` alone. A store (`store::MemoryStore` is one) and the runtime.

mod again;
mod aggregate;
mod cases;
mod clock;
mod connect;
mod faults;
mod gate;
mod http;
mod keys;
mod note;
mod proxy;
mod server;
mod service;
mod sink;
mod source;
mod transform;

pub use again::run_again;
pub use aggregate::{aggregate, hash_key};
pub use cases::{CasesCall, CasesDomain, CasesFault, CasesServer, HistoryOrder};
pub use clock::FixedClock;
pub use connect::{ConnectCall, ConnectInstance, ConnectServer};
pub use faults::{Faults, Place, Trouble};
pub use gate::{Gate, Meter};
pub use keys::NoteKeys;
pub use note::{note_key, note_table};
pub use proxy::{CallFault, FaultProxy};
pub use server::{Reply, Request, ScriptedServer};
pub use service::ServiceFault;
pub use sink::{TextSink, lines};
pub use source::{Script, ScriptedSource, Step};
pub use transform::NoteTransform;
