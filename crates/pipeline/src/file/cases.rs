//! What was typed about Amazon Connect Cases.

use serde::Deserialize;

use super::{Moment, ReachSection, Time};

/// `[sources.NAME.cases]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CasesSection {
    /// The id of the domain.
    pub domain: String,
    /// The ids of cases.
    pub cases: Option<Vec<String>>,
    /// A file of such ids.
    pub cases_file: Option<String>,
    /// Only events that were performed then or later.
    pub since: Option<Moment>,
    /// How long an event is left alone.
    pub settle: Option<Time>,
    /// Calls in a second.
    pub rate: Option<u32>,
    /// How often a stream sweeps.
    pub poll: Option<Time>,
    /// How the service is reached.
    #[serde(flatten)]
    pub reach: ReachSection,
}

/// `[transform.connect.cases_api]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CasesApiSection {
    /// The id of the domain.
    pub domain: Option<String>,
    /// How old names may be.
    pub refresh: Option<Time>,
    /// The file that they are kept in.
    pub cache: String,
    /// Calls in a second.
    pub rate: Option<u32>,
    /// How the service is reached.
    #[serde(flatten)]
    pub reach: ReachSection,
}
