//! What a source of audit events is told.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use tributary_aws::Connection;
use tributary_core::{SplitId, Timestamp};
use twox_hash::XxHash3_64;

/// Which cases of the domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cases {
    /// Those that were changed, as SearchCases finds them.
    Changed,
    /// These.
    Listed(BTreeSet<String>),
}

/// The options of a source of audit events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The name of the source in the pipeline; its split begins with it.
    pub name: String,
    /// The id of the domain of Amazon Connect Cases.
    pub domain: String,
    /// Which cases.
    pub cases: Cases,
    /// Of a domain that was never read: only events that were performed then or later.
    pub since: Option<Timestamp>,
    /// How long an event is left alone after it was performed.
    pub settle: Duration,
    /// Calls in a second, at most.
    pub rate: NonZeroU32,
    /// In a stream: how long after a sweep the next one begins. None: one sweep.
    pub poll: Option<Duration>,
    /// About how many bytes of memory the records of a batch take.
    pub batch_bytes: usize,
    /// How Amazon Connect Cases is reached.
    pub connection: Connection,
}

impl Options {
    /// Two minutes: the service does not say how fast its search follows a change, and an audit can wait so long.
    pub const SETTLE: Duration = Duration::from_secs(120);

    /// Five calls a second: the quota is the account's, and others call too.
    pub const RATE: NonZeroU32 = NonZeroU32::MIN.saturating_add(4);

    /// The defaults, for a source of this name that reads this domain once.
    pub fn new(name: impl Into<String>, domain: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            domain: domain.into(),
            cases: Cases::Changed,
            since: None,
            settle: Self::SETTLE,
            rate: Self::RATE,
            poll: None,
            batch_bytes: 8 << 20,
            connection: Connection::default(),
        }
    }

    /// The split. Another list of cases is another split: what is new in it is read from its beginning.
    pub(crate) fn split(&self) -> SplitId {
        let Self { name, domain, cases, .. } = self;
        match cases {
            Cases::Changed => SplitId::new(format!("{name}/cases@{domain}")),
            Cases::Listed(listed) => {
                let ids: String = listed.iter().map(|case| format!("{case}\n")).collect();
                SplitId::new(format!("{name}/cases@{domain}#{:016x}", XxHash3_64::oneshot(ids.as_bytes())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_list_is_another_split() {
        let listed = |cases: &[&str]| Options {
            cases: Cases::Listed(cases.iter().map(|case| (*case).to_owned()).collect()),
            ..Options::new("audit", "d-1")
        };
        assert_eq!(Options::new("audit", "d-1").split().as_str(), "audit/cases@d-1");
        assert_eq!(listed(&["a", "b"]).split(), listed(&["b", "a"]).split());
        assert_ne!(listed(&["a", "b"]).split(), listed(&["ab"]).split());
    }
}
