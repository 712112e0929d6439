//! Case events: EventBridge events of Amazon Connect Cases, and answers of its audit API.
//!
//! Source: Amazon Connect Administrator Guide, "Amazon Connect Cases event streams" and "Amazon Connect data lake"; Amazon
//! Connect Cases API Reference, `GetCaseAuditEvents`.

mod audit;
mod audit_rows;
mod content;
mod event;
mod event_rows;
mod item_rows;
mod lookups;
mod rows;

use tributary_core::Table;

/// The table `latest_case_state`: made of rows of `case_events` that are in the lake, not of events.
pub fn latest_case_state() -> Table {
    crate::generated::latest_case_state()
}

pub(crate) use audit::Answer;
pub(crate) use content::moment;
pub(crate) use event::Event;
pub use lookups::{FieldLookup, FlowLookup, Known, Lookups};
pub(crate) use rows::CaseRows;
