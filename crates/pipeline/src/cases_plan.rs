//! What is read of Amazon Connect Cases, checked.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use tributary_aws::Connection;
use tributary_core::Timestamp;

use crate::file::{CasesSection, Moment, Time};

/// A source for the audit events of Amazon Connect Cases. What is meant stands here, and not in the source's own options: a
/// program may be built without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CasesPlan {
    /// The id of the domain.
    pub domain: String,
    /// Which cases.
    pub cases: CasesChoice,
    /// Only events that were performed then or later.
    pub since: Option<Timestamp>,
    /// How long an event is left alone after it was performed.
    pub settle: Duration,
    /// Calls in a second, at most.
    pub rate: NonZeroU32,
    /// How long after a sweep a stream begins the next one.
    pub poll: Duration,
    /// How the service is reached.
    pub connection: Connection,
}

/// Which cases of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CasesChoice {
    /// Those that were changed.
    Changed,
    /// These.
    Listed(BTreeSet<String>),
    /// Those whose ids stand in this file, one a line.
    File(PathBuf),
}

impl CasesPlan {
    pub(crate) fn new(section: CasesSection) -> Self {
        let time = |time: Option<Time>, default: u64| time.map_or_else(|| Duration::from_secs(default), Time::duration);
        let cases = match (section.cases, section.cases_file) {
            (Some(cases), _) => CasesChoice::Listed(cases.into_iter().collect()),
            (None, Some(file)) => CasesChoice::File(file.into()),
            (None, None) => CasesChoice::Changed,
        };
        Self {
            domain: section.domain,
            cases,
            since: section.since.map(Moment::timestamp),
            settle: time(section.settle, 120),
            rate: section.rate.and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN.saturating_add(4)),
            poll: time(section.poll, 60),
            connection: section.reach.connection(),
        }
    }
}
