//! What was typed about asking Amazon Connect.

use serde::Deserialize;

use super::{ReachSection, Time};

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
    /// How the service is reached.
    #[serde(flatten)]
    pub reach: ReachSection,
}
