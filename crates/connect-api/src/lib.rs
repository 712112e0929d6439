//! A small client of the API of Amazon Connect: what is asked of it about flows, modules of flows and test cases. The SDK's
//! own client holds all of the service and would take longer to build than everything else of ours together.
//!
//! Source: the service's model (`connect`, 2017-08-08), protocol `rest-json`, signed by Signature Version 4.
//!
//! # Invariants
//! - Nothing is changed: each call is a GET.
//! - A call is made again while its failure may pass, each try counts for the pace, and nobody waits longer than
//!   [`Options::patience`] for one page.
//! - Of a list all pages are had, or an error.
//! - An id is data: whatever is in it, it stays one segment of the path.
//! - No secret is in an error, a log line or a `Debug` of this room.
//!
//! # Deliberately absent
//! What flows and executions mean for the lake (their rows, their names), what is kept of answers and for how long, every
//! other call of the service.

mod answer;
mod client;
mod endpoint;
mod epoch;
mod error;
mod flows;
mod modules;
mod options;
mod pace;
mod request;
mod sent;
mod signer;
mod test_cases;

pub use client::Client;
pub use error::Error;
pub use flows::{Edition, Flow, FlowSummary, FlowVersion};
pub use modules::{Module, ModuleSummary, ModuleVersion};
pub use options::Options;
pub use sent::Sent;
pub use test_cases::{
    EntryPoint, Execution, ExecutionFilter, ExecutionRecord, ExecutionStatus, ExecutionSummary, TestCase,
    TestCaseSummary,
};
