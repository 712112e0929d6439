//! Amazon Connect events: bytes to typed events to Arrow rows.
//!
//! # Invariants
//! - Pure: no file, no clock, no runtime; where a record came from is only copied.
//! - Total: every payload ends as rows, a duplicate, a rejection or a counted skip; nothing panics.
//! - Decoding a batch gives the same rows whatever was decoded before: what a decoder remembers only saves work.
//! - No invented value: what the payload does not say is null.
//!
//! # Deliberately absent
//! Partitions, files and commits; and a DOM on the way of an agent event.

mod agent;
pub mod agent_time;
mod arn;
mod case;
mod cells;
mod columns;
mod contact;
mod decoder;
mod dictionary;
mod envelope;
mod error;
pub mod flow;
mod generated;
mod json;
mod key;
mod object;
mod privacy;
mod scope;
mod seen;
mod subjects;
mod test_case;
mod timestamp;
mod transform;

pub use case::{FieldLookup, FlowLookup, Known, Lookups, latest_case_state};
pub use error::Error;
pub use key::{agent_event_key, case_event_key, contact_event_key, field_change_key, flow_log_key, test_case_key};
pub use privacy::{Privacy, Treatment};
pub use transform::{Connect, Family, Options, Recall, tables};
