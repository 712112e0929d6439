//! What was typed about test cases.

use serde::Deserialize;

use super::{Moment, ReachSection, Time};

/// `[sources.NAME.test_cases]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestCasesSection {
    /// The id of the instance.
    pub instance: String,
    /// Only executions that began then or later.
    pub since: Option<Moment>,
    /// How long an execution is left alone.
    pub settle: Option<Time>,
    /// How long one that is not over is waited for.
    pub open_for: Option<Time>,
    /// Calls in a second.
    pub rate: Option<u32>,
    /// How often a stream sweeps.
    pub poll: Option<Time>,
    /// How the service is reached.
    #[serde(flatten)]
    pub reach: ReachSection,
}
