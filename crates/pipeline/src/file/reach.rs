//! What was typed about reaching a service of AWS.

use std::path::PathBuf;

use serde::Deserialize;
use tributary_aws::{Connection, Role};

/// The keys that stand in every section of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ReachSection {
    /// The region.
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

impl ReachSection {
    /// What it means; that an external id has a role was seen before.
    pub(crate) fn connection(self) -> Connection {
        let Self { region, endpoint, profile, role, external_id, authorities } = self;
        let role = role.map(|arn| Role { arn, external_id });
        Connection { region, endpoint, profile, role, authorities: authorities.map(PathBuf::from) }
    }
}
