//! Agents through time: sessions, statuses, states of contacts, after-contact work.
//!
//! A pure state machine for each agent ([`AgentTime`]) takes its events in order of time and says what ended; whoever
//! feeds it has put them in order. `docs/agent-time.md` defines each measure.

mod agent;
mod counted;
mod digests;
mod ended;
mod gaps;
mod links;
mod rows;
mod sighting;
mod statistic_rows;
mod statistics;

#[cfg(test)]
mod tests;

use tributary_core::Table;

pub use agent::AgentTime;
pub use counted::Routing;
pub use digests::{Digester, Side};
pub use ended::{Assigned, Assignment, ContactOf, EndReason, Ended, Segment, Session, StatusInterval, Stretch};
pub use gaps::{Chain, Digest, Gap, Link, PAIRED, Whole, succession};
pub use links::{LinkLog, Links, MOST_BYTES as MOST_LINK_BYTES};
pub use rows::{AgentId, TimeRows};
pub use sighting::{AssignmentSeen, ContactSeen, EventKind, LEVELS, Sighting, StatusSeen};
pub use statistic_rows::CUSTOM_STATES;
pub use statistics::{Counting, Handled, IntervalOfAgent, QueueAndChannel, Queues, Spent, Statistics};

use crate::generated;

/// The tables of agent time: derived from `agent_event`, and written by a rebuild.
pub fn time_tables() -> Vec<Table> {
    vec![
        generated::agent_status_intervals(),
        generated::agent_contact_segments(),
        generated::agent_acw(),
        generated::agent_sessions(),
        generated::agent_statistic_record(),
        generated::agent_queue_statistic_record(),
        generated::agent_stream_gaps(),
    ]
}
