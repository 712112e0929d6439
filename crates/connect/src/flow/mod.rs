//! Contact flow logs: lines of blocks that ran, and the executions that they make.
//!
//! Source: Amazon Connect Administrator Guide, "Track events as customers interact with flows" and "Data in flow logs"; what real lines
//! have beyond it is in docs/flows.md.

mod block;
mod execution;
mod execution_rows;
mod line;
mod line_rows;
mod masks;

use tributary_core::Table;

/// The table `contact_flow_events`: made of rows that are in the lake, not of events.
pub fn contact_flow_events() -> Table {
    crate::generated::contact_flow_events()
}

pub use block::{Block, Lane, Said};
pub use execution::{ContactLog, Execution, Executions, Happening, Outcome};
pub use execution_rows::{ContactFacts, ExecutionRows};
pub(crate) use line::Line;
pub(crate) use line_rows::LineRows;
pub use masks::KeyPattern;
