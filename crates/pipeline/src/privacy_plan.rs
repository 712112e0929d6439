//! What becomes of people's data, checked; and what only a run finds out: the key.

use std::collections::BTreeMap;

use tributary_connect::flow::KeyPattern;
use tributary_connect::{Privacy, Treatment};
use tributary_core::Failure;

use crate::file::{PrivacySection, TreatmentWord};
use crate::password::Password;

/// What becomes of people's data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrivacyPlan {
    /// What is done, but for the key.
    pub privacy: Privacy,
    /// Where the key is, if something is hashed.
    pub key: Option<Password>,
}

impl PrivacyPlan {
    pub(crate) fn new(section: PrivacySection) -> Self {
        let of = |word: Option<TreatmentWord>| match word {
            None | Some(TreatmentWord::Keep) => Treatment::Keep,
            Some(TreatmentWord::Drop) => Treatment::Drop,
            Some(TreatmentWord::Hash) => Treatment::Hash,
        };
        let privacy = Privacy {
            user_names: of(section.user_names),
            names: of(section.names),
            sip_addresses: of(section.sip_addresses),
            customer_profiles: of(section.customer_profiles),
            comments: of(section.comments),
            flow_results: of(section.flow_results),
            // Each was looked at when the file was walked.
            flow_parameters: section
                .flow_parameters
                .unwrap_or_default()
                .iter()
                .filter_map(|text| KeyPattern::new(text).ok())
                .collect(),
            key: None,
        };
        Self { privacy, key: Password::new(section.key_env, section.key_file) }
    }

    /// What is done, with the key.
    ///
    /// # Errors
    /// When it is not where the plan says.
    pub(crate) fn with_key(&self) -> Result<Privacy, Failure> {
        let key = self.key.as_ref().map(|place| place.read("[privacy]", "key")).transpose()?;
        Ok(Privacy { key, ..self.privacy.clone() })
    }

    /// What of it gives rows their meaning, by option; nothing where everything is kept.
    pub(crate) fn option_digest_entries(&self) -> BTreeMap<String, String> {
        let Privacy {
            user_names,
            names,
            sip_addresses,
            customer_profiles,
            comments,
            flow_results,
            flow_parameters,
            key: _,
        } = &self.privacy;
        let all = [
            ("user_names", user_names),
            ("names", names),
            ("sip_addresses", sip_addresses),
            ("customer_profiles", customer_profiles),
            ("comments", comments),
            ("flow_results", flow_results),
        ];
        let entry = |(option, treatment): (&str, &Treatment)| {
            let word = match treatment {
                Treatment::Keep => return None,
                Treatment::Drop => "drop",
                Treatment::Hash => "hash",
            };
            Some((format!("privacy.{option}"), word.to_owned()))
        };
        let mut entries: BTreeMap<String, String> = all.into_iter().filter_map(entry).collect();
        if !flow_parameters.is_empty() {
            let patterns: Vec<&str> = flow_parameters.iter().map(KeyPattern::as_str).collect();
            entries.insert("privacy.flow_parameters".to_owned(), format!("{patterns:?}"));
        }
        entries
    }
}
