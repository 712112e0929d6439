//! What was typed about Amazon Connect Cases.

use serde::Deserialize;

use super::{Moment, Time};

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
    /// The region of the domain.
    pub region: Option<String>,
    /// The URL of a server.
    pub endpoint: Option<String>,
    /// A profile of the shared configuration files.
    pub profile: Option<String>,
    /// A role to assume.
    pub role: Option<String>,
    /// The external id of the role.
    pub external_id: Option<String>,
    /// A file of certificates.
    pub authorities: Option<String>,
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
    /// The region of the domain.
    pub region: Option<String>,
    /// The URL of a server.
    pub endpoint: Option<String>,
    /// A profile of the shared configuration files.
    pub profile: Option<String>,
    /// A role to assume.
    pub role: Option<String>,
    /// The external id of the role.
    pub external_id: Option<String>,
    /// A file of certificates.
    pub authorities: Option<String>,
}
