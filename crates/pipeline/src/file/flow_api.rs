//! What was typed about asking Amazon Connect.

use serde::Deserialize;

use super::Time;

/// `[transform.connect.flow_api]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowApiSection {
    /// The id of the instance.
    pub instance: String,
    /// How old answers may be.
    pub refresh: Option<Time>,
    /// The file that they are kept in.
    pub cache: String,
    /// Calls in a second.
    pub rate: Option<u32>,
    /// The region of the instance.
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
