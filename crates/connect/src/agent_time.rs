//! Agents through time: sessions, statuses, states of contacts, after-contact work.
//!
//! A pure state machine for each agent ([`AgentTime`]) takes its events in order of time and says what ended; whoever
//! feeds it has put them in order. `docs/agent-time.md` defines each measure.

mod agent;
mod ended;
mod rows;
mod sighting;

#[cfg(test)]
mod tests;

use tributary_core::Table;

pub use agent::AgentTime;
pub use ended::{ContactOf, EndReason, Ended, Segment, Session, StatusInterval, Stretch};
pub use rows::{AgentId, TimeRows};
pub use sighting::{ContactSeen, EventKind, Sighting, StatusSeen};

use crate::generated;

/// The tables of agent time: derived from `agent_event`, and written by a rebuild.
pub fn time_tables() -> Vec<Table> {
    vec![
        generated::agent_status_intervals(),
        generated::agent_contact_segments(),
        generated::agent_acw(),
        generated::agent_sessions(),
    ]
}
