//! What is to be simulated, and what of it is impossible.

use std::time::Duration;

use thiserror::Error;
use tributary_core::{Day, Fault, Timestamp};

/// What is to be simulated. Every field has a sensible default; the same options give the same bytes for ever.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// How many agents there are: at least one, or none where there are cases or flows.
    pub agents: u32,
    /// The first moment of the stream (UTC; fractions of a millisecond are dropped).
    pub start: Timestamp,
    /// How long it lasts at most, in event time. `None`: until `events` are written.
    pub duration: Option<Duration>,
    /// How many agent events are written at most, repeats and broken lines not counted. With a `duration` as well, the
    /// events are spread over it: each agent's sessions are as long as it takes. `None`: until the time is over.
    pub events: Option<u64>,
    /// How many events of cases and of their related items there are, repeats and broken lines not counted; about nine
    /// to a case. They are spread over the `duration` (a day, without one) among the agent events, and change nothing
    /// of them but which of their lines are repeated, late or followed by others.
    pub case_events: u64,
    /// Also writes answers of GetCaseAuditEvents, each with the ids of its domain and case: a case's history where its
    /// events are over, or before it is deleted. Needs cases. All other lines stay what they are.
    pub audits: bool,
    /// About how many lines of contact flow logs there are, repeats and broken ones not counted; the contact events of
    /// the same contacts come with them. They are spread over the `duration` (a day, without one) as cases are; a
    /// contact that has begun is acted out to its end, if need be a little beyond the duration.
    pub flow_lines: u64,
    /// The share of case events that have the `detail-type` of 2022, `Amazon Connect Cases Event` (0 to 1).
    pub old_detail_type_rate: f64,
    /// The seed of everything.
    pub seed: u64,
    /// The account that all ARNs name: 12 digits, leading zeros allowed.
    pub account: String,
    /// The share of events whose bytes come a second time (0 to 1).
    pub duplicate_rate: f64,
    /// How much later in the stream, in event time, a repeat comes at most.
    pub duplicate_window: Duration,
    /// The share of events that come late (0 to 1). At 0 the lines are ordered by event time.
    pub disorder_rate: f64,
    /// How late, in event time, a late event comes at most.
    pub disorder_window: Duration,
    /// Unusable lines per event (0 to 1). They are added; the events themselves stay.
    pub malformed_rate: f64,
    /// Contact records and contact events per event (0 to 1). They are added.
    pub foreign_rate: f64,
    /// Inbound queues of each routing profile, besides the agent's own: 1 to 40.
    pub inbound_queues: u8,
    /// The deepest level of the agent hierarchy: 0 to 5. Each agent stands somewhere between none and this.
    pub hierarchy_levels: u8,
    /// The most proficiencies an agent has: 0 to 20.
    pub proficiencies: u8,
    /// Gives every snapshot identifiers of its own (of queues, profiles, groups), so that a reader that remembers
    /// earlier snapshots finds none of them again. Same schedule, same sizes, same truth; but no previous snapshot
    /// equals the current one before it.
    pub shuffle: bool,
}

impl Default for Options {
    /// One day of 100 agents from 2025-03-03, without repeats, disorder or broken lines; 5.0 to 5.7 KB an event.
    fn default() -> Self {
        Self {
            agents: 100,
            start: Day::from_days(20_150).start(), // 2025-03-03, a Monday
            duration: Some(Duration::from_secs(86_400)),
            events: None,
            case_events: 0,
            audits: false,
            flow_lines: 0,
            old_detail_type_rate: 0.0,
            seed: 1,
            account: "012345678901".to_owned(),
            duplicate_rate: 0.0,
            duplicate_window: Duration::from_secs(600),
            disorder_rate: 0.0,
            disorder_window: Duration::from_secs(600),
            malformed_rate: 0.0,
            foreign_rate: 0.0,
            inbound_queues: 4,
            hierarchy_levels: 5,
            proficiencies: 3,
            shuffle: false,
        }
    }
}

/// Options that cannot be acted out.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum Error {
    /// A number is outside of what it may be.
    #[error("{option} is {value}, but must be {allowed}")]
    OutOfRange {
        /// The field of [`Options`].
        option: &'static str,
        /// What it was.
        value: String,
        /// What it may be.
        allowed: &'static str,
    },
    /// Neither a duration nor a number of events is given.
    #[error("neither a duration nor a number of events says when to stop")]
    Endless,
}

impl Error {
    /// What the caller should do.
    pub fn fault(&self) -> Fault {
        Fault::Config
    }

    /// The code under which the cause and the cure are documented.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OutOfRange { .. } => "simulate/out-of-range",
            Self::Endless => "simulate/endless",
        }
    }
}

/// The longest duration and window: beyond it timestamps would leave four-digit years.
const LONGEST: Duration = Duration::from_secs(1_000 * 366 * 86_400);

impl Options {
    /// Refuses what cannot be acted out.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.agents > 0 && self.duration.is_none() && self.events.is_none() {
            return Err(Error::Endless);
        }
        let check = |option, fine: bool, value: &dyn ToString, allowed| {
            if fine { Ok(()) } else { Err(Error::OutOfRange { option, value: value.to_string(), allowed }) }
        };
        let from = Day::EARLIEST.start();
        let to = Day::from_days(100_000).start();
        let fewest = if self.case_events == 0 && self.flow_lines == 0 { 1 } else { 0 };
        let agents_allowed = "1 to 1,000,000 (0 where there are cases or flows)";
        check("agents", (fewest..=1_000_000).contains(&self.agents), &self.agents, agents_allowed)?;
        check("case_events", self.case_events <= 1_000_000_000, &self.case_events, "at most 1,000,000,000")?;
        check("flow_lines", self.flow_lines <= 1_000_000_000, &self.flow_lines, "at most 1,000,000,000")?;
        check("start", (from..to).contains(&self.start), &self.start, "between 2015-01-01 and 2243-10-16")?;
        let duration = self.duration.unwrap_or(LONGEST);
        let duration_allowed = "at least a millisecond and at most 1,000 years";
        let duration_fine = duration >= Duration::from_millis(1) && duration <= LONGEST;
        check("duration", duration_fine, &format!("{duration:?}"), duration_allowed)?;
        let is_account = self.account.len() == 12 && self.account.bytes().all(|byte| byte.is_ascii_digit());
        check("account", is_account, &self.account, "12 digits")?;
        for (option, rate) in [
            ("duplicate_rate", self.duplicate_rate),
            ("disorder_rate", self.disorder_rate),
            ("malformed_rate", self.malformed_rate),
            ("foreign_rate", self.foreign_rate),
            ("old_detail_type_rate", self.old_detail_type_rate),
        ] {
            check(option, (0.0..=1.0).contains(&rate), &rate, "between 0 and 1")?;
        }
        for (option, window) in [("duplicate_window", self.duplicate_window), ("disorder_window", self.disorder_window)]
        {
            let fine = window >= Duration::from_millis(1) && window <= LONGEST;
            check(option, fine, &format!("{window:?}"), duration_allowed)?;
        }
        check("inbound_queues", (1..=40).contains(&self.inbound_queues), &self.inbound_queues, "1 to 40")?;
        check("hierarchy_levels", self.hierarchy_levels <= 5, &self.hierarchy_levels, "0 to 5")?;
        check("proficiencies", self.proficiencies <= 20, &self.proficiencies, "0 to 20")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_possible() {
        assert_eq!(Options::default().check(), Ok(()));
        assert_eq!(Options::default().start.day().to_string(), "2025-03-03");
    }

    #[test]
    fn what_is_impossible_is_named() {
        let base = Options::default;
        let cases = [
            (
                Options { agents: 0, ..base() },
                "agents is 0, but must be 1 to 1,000,000 (0 where there are cases or flows)",
            ),
            (Options { account: "12".to_owned(), ..base() }, "account is 12, but must be 12 digits"),
            (Options { duplicate_rate: 1.5, ..base() }, "duplicate_rate is 1.5, but must be between 0 and 1"),
            (Options { foreign_rate: f64::NAN, ..base() }, "foreign_rate is NaN, but must be between 0 and 1"),
            (Options { hierarchy_levels: 6, ..base() }, "hierarchy_levels is 6, but must be 0 to 5"),
            (
                Options { duration: Some(Duration::ZERO), ..base() },
                "duration is 0ns, but must be at least a millisecond and at most 1,000 years",
            ),
            (
                Options { duration: None, events: None, ..base() },
                "neither a duration nor a number of events says when to stop",
            ),
        ];
        for (options, expected) in cases {
            assert_eq!(options.check().map_err(|error| error.to_string()), Err(expected.to_owned()));
        }
    }
}
