//! The names that are asked of Amazon Connect Cases: how, checked; and what was answered.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tributary_aws::Connection;

use crate::file::{CasesApiSection, Time};
use crate::kept::{KeptIn, whom};
use crate::lookups::LookupField;

/// How names are asked for. What is meant stands here, and not in the options of who asks: a program may be built without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CasesApiPlan {
    /// The id of the domain; without one all of the account and region.
    pub domain: Option<String>,
    /// How old names may be before they are asked for again.
    pub refresh: Duration,
    /// The file that they are kept in.
    pub cache: PathBuf,
    /// Calls in a second, at most.
    pub rate: NonZeroU32,
    /// How the service is reached.
    pub connection: Connection,
}

impl CasesApiPlan {
    pub(crate) fn new(section: CasesApiSection) -> Self {
        Self {
            domain: section.domain,
            refresh: section.refresh.map_or(Duration::from_secs(3_600), Time::duration),
            cache: section.cache.into(),
            rate: section.rate.and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN.saturating_add(4)),
            connection: section.reach.connection(),
        }
    }

    /// Where answers are kept, and whose they are.
    pub fn kept_in(&self) -> KeptIn {
        let domain = self.domain.as_ref().map(|domain| ("domain", domain.clone()));
        KeptIn { file: self.cache.clone(), of: whom(domain, &self.connection), refresh: self.refresh }
    }
}

/// What templates and fields are called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseNames {
    /// The name of each template, by its id.
    pub templates: BTreeMap<String, String>,
    /// Each field, by its id.
    pub(crate) fields: BTreeMap<String, LookupField>,
}

impl CaseNames {
    /// How many fields there are.
    pub fn fields(&self) -> usize {
        self.fields.len()
    }
}

#[cfg(feature = "cases")]
impl From<tributary_source_cases::Names> for CaseNames {
    fn from(names: tributary_source_cases::Names) -> Self {
        let field = |(id, field): (String, tributary_source_cases::FieldName)| {
            (id, LookupField { name: Some(field.name), kind: Some(field.kind) })
        };
        Self { templates: names.templates, fields: names.fields.into_iter().map(field).collect() }
    }
}
