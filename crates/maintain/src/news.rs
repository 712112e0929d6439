//! Events that were not derived before, and what of other days they change.

use tributary_commit::LiveFile;
use tributary_connect::agent_time::{AgentTime, EventKind};
use tributary_core::{Day, Timestamp};

use crate::derive::Rules;

/// Events that were not derived before.
#[derive(Clone, Debug)]
pub(crate) struct News {
    /// The first of their days.
    pub(crate) first: Day,
    /// The last of them.
    pub(crate) last: Day,
    /// The files that have them.
    pub(crate) files: Vec<LiveFile>,
    /// Whether no day from the first of theirs on had been derived before.
    pub(crate) are_newest: bool,
}

impl News {
    /// The end of their last day.
    pub(crate) fn border(&self) -> Timestamp {
        self.last.next().start()
    }

    /// The first day before `days` whose rows may be other ones because what is open goes on.
    pub(crate) fn reach(&self, time: &AgentTime, rules: &Rules, days: Day) -> Option<Day> {
        let since = time.earliest_open().map(Timestamp::day).filter(|since| *since < days)?;
        if time.last_sign().is_none_or(|last| last.day() < self.first) {
            return None;
        }
        // Its rows may have been written without an end, or ended by silence: that takes an event of another agent that is
        // newer than the first of these by more than the silence.
        if rules.write_open || !self.are_newest {
            return Some(since);
        }
        // Or they tell of something that had begun on an earlier day.
        let told = time.so_far().into_iter().filter(|open| open.stretch().told.day() >= self.first);
        told.map(|open| open.stretch().start.day()).filter(|since| *since < days).min()
    }
}

/// What an event tells, as far as it hangs on what was told before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) at: Timestamp,
    pub(crate) kind: EventKind,
    /// Its current snapshot tells the status, the contacts and where the agent belongs.
    pub(crate) is_full: bool,
}

impl Told {
    /// Whether where the agent stands afterwards does not hang on what was before. Heart beats repeat older snapshots.
    pub(crate) fn settles(self) -> bool {
        match self.kind {
            EventKind::Login | EventKind::Logout => true,
            EventKind::Change => self.is_full,
            EventKind::HeartBeat => false,
        }
    }
}

/// What an agent has done since the last day of the news. A session depends on the one before it, and on no older one; what
/// was open in the old session, where it went on in the place of the new one, on neither.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SinceNews {
    /// A session has begun.
    has_begun: bool,
    /// And something was told in it that does not hang on what was before.
    is_settled: bool,
}

impl SinceNews {
    /// Takes an event that the agent has been shown.
    pub(crate) fn take(&mut self, time: &AgentTime, told: Told, news: &News) {
        let border = news.border();
        if told.at >= border {
            self.has_begun |= time.open_since().is_some_and(|since| since >= border);
            self.is_settled |= self.has_begun && told.settles();
        }
    }

    /// Whether the agent's further rows are what they are without the news.
    pub(crate) fn is_settled(self) -> bool {
        self.is_settled
    }
}
