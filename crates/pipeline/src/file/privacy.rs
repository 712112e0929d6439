//! What was typed about people's data.

use serde::Deserialize;

use super::word;

/// `[privacy]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrivacySection {
    /// Agents' user names.
    #[serde(default, deserialize_with = "word")]
    pub user_names: Option<TreatmentWord>,
    /// Agents' first and last names.
    #[serde(default, deserialize_with = "word")]
    pub names: Option<TreatmentWord>,
    /// Agents' SIP addresses.
    #[serde(default, deserialize_with = "word")]
    pub sip_addresses: Option<TreatmentWord>,
    /// ARNs of customer profiles.
    #[serde(default, deserialize_with = "word")]
    pub customer_profiles: Option<TreatmentWord>,
    /// Bodies of comments.
    #[serde(default, deserialize_with = "word")]
    pub comments: Option<TreatmentWord>,
    /// Results of blocks of flows.
    #[serde(default, deserialize_with = "word")]
    pub flow_results: Option<TreatmentWord>,
    /// Patterns of parameters of blocks of flows.
    pub flow_parameters: Option<Vec<String>>,
    /// The variable with the key of hashes.
    pub key_env: Option<String>,
    /// The file with the key of hashes.
    pub key_file: Option<String>,
}

/// What becomes of values of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TreatmentWord {
    /// They are written as they came.
    Keep,
    /// They are null.
    Drop,
    /// A keyed hash stands in their place.
    Hash,
}
