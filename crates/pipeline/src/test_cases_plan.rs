//! What is read of test cases, checked.

use std::num::NonZeroU32;

use tributary_source_test_cases::Options;

use crate::file::{Moment, SourceName, TestCasesSection, Time};

/// A source for executions of test cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestCasesPlan {
    /// What the source is told, as in a stream. What a run adds (its mode, its memory) is filled in when it is built.
    pub options: Options,
}

impl TestCasesPlan {
    pub(crate) fn new(name: &SourceName, section: TestCasesSection) -> Self {
        let defaults = Options::new(name.as_str(), section.instance);
        let options = Options {
            since: section.since.map(Moment::timestamp),
            settle: section.settle.map_or(defaults.settle, Time::duration),
            open_for: section.open_for.map_or(defaults.open_for, Time::duration),
            rate: section.rate.and_then(NonZeroU32::new).unwrap_or(defaults.rate),
            poll: Some(section.poll.map_or(std::time::Duration::from_secs(60), Time::duration)),
            connection: section.reach.connection(),
            ..defaults
        };
        Self { options }
    }
}
