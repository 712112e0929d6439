//! What a running line says about itself.

use serde::Serialize;
use tokio::sync::watch;
use tributary_commit::Proposal;
use tributary_core::{Attempt, Epoch, Lag, SealedFile, Tally};

/// The facts of a run so far: for a progress bar now, for metrics later.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// What the process did last.
    pub phase: Phase,
    /// How far the source is, if it knows.
    pub lag: Option<Lag>,
    /// What became of the payloads so far, committed or not. Goes back to `committed` when the line restarts.
    pub tally: Tally,
    /// What became of the payloads that are committed.
    pub committed: Tally,
    /// The newest epoch this run committed.
    pub epoch: Option<Epoch>,
    /// Epochs this run committed.
    pub epochs: u64,
    /// Files in them.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Epochs that were sealed early because the sink was full.
    pub early_seals: u64,
    /// Epochs that an earlier run had claimed and this one published.
    pub recovered_epochs: u64,
    /// Spans that were left out and, by `on_gap`, left behind.
    pub gaps: u64,
    /// Agents whose events were found in several splits since the line began.
    pub spread: u64,
    /// How often the line was built anew.
    pub restarts: u64,
    /// The newest attempt, until it is published.
    pub(crate) pending: Option<Pending>,
}

/// An attempt whose end is not known yet. A restart finds out what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) attempt: Attempt,
    /// Whether its claim was answered with yes, and its numbers are therefore counted.
    pub(crate) counted: bool,
}

impl Progress {
    /// A claim begins.
    pub(crate) fn claiming(&mut self, proposal: &Proposal) {
        self.pending = Some(Pending { attempt: proposal.attempt.clone(), counted: false });
    }

    /// An epoch of this run is claimed: from here on it counts as delivered, whoever publishes it.
    pub(crate) fn claimed(&mut self, epoch: Epoch, tally: &Tally, files: &[SealedFile]) {
        if let Some(pending) = &mut self.pending {
            pending.counted = true;
        }
        self.epoch = Some(epoch);
        self.epochs += 1;
        self.committed.append(tally);
        self.files += files.len() as u64;
        self.bytes += files.iter().map(|file| file.ticket.bytes).sum::<u64>();
    }

    /// The line is built anew: what was not committed is read again.
    pub(crate) fn restart(&mut self) {
        self.restarts += 1;
        self.tally = self.committed.clone();
        self.lag = None;
        self.spread = 0;
    }
}

/// What a process is doing: the last thing it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Reading the log, finishing what an earlier run left, building the line.
    #[default]
    Recovering,
    /// Waiting for the source.
    Reading,
    /// Handing rows to the sink.
    Writing,
    /// Finishing the files of an epoch.
    Sealing,
    /// Creating the record of an epoch.
    Claiming,
    /// The record stands; nothing is visible yet.
    Claimed,
    /// Making files visible.
    Publishing,
    /// The epoch is visible.
    Published,
}

impl Phase {
    /// Whether the process is still at `self` although a stage further up began `next`.
    fn outlasts(self, next: Self) -> bool {
        match self {
            Self::Claiming | Self::Claimed | Self::Publishing => {
                matches!(next, Self::Reading | Self::Writing | Self::Sealing)
            }
            Self::Sealing => next == Self::Reading,
            Self::Recovering | Self::Reading | Self::Writing | Self::Published => false,
        }
    }

    /// The label of logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recovering => "recovering",
            Self::Reading => "reading",
            Self::Writing => "writing",
            Self::Sealing => "sealing",
            Self::Claiming => "claiming",
            Self::Claimed => "claimed",
            Self::Publishing => "publishing",
            Self::Published => "published",
        }
    }
}

/// Keeps a [`Progress`] up to date and says each phase as an event of the target `tributary::phase`.
#[derive(Clone, Debug)]
pub(crate) struct Reporter {
    progress: watch::Sender<Progress>,
}

impl Reporter {
    /// Begins at nothing.
    pub(crate) fn new(progress: watch::Sender<Progress>) -> Self {
        progress.send_replace(Progress::default());
        Self { progress }
    }

    /// A stage enters `phase`. Stages work side by side: what a stage further up does is not said while one further
    /// down is at something that a crash would have to be told apart by.
    pub(crate) fn enter(&self, phase: Phase) {
        self.progress.send_if_modified(|progress| {
            let said = !progress.phase.outlasts(phase);
            if said {
                tracing::debug!(target: "tributary::phase", phase = phase.as_str());
                progress.phase = phase;
            }
            said
        });
    }

    /// Adds facts.
    pub(crate) fn note(&self, change: impl FnOnce(&mut Progress)) {
        self.progress.send_modify(change);
    }

    /// The facts so far.
    pub(crate) fn facts(&self) -> Progress {
        self.progress.borrow().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The phases that are said when stages enter these.
    fn check(entered: &[Phase], expect: &[Phase]) {
        let (sender, mut progress) = watch::channel(Progress::default());
        let reporter = Reporter::new(sender);
        let mut said = Vec::new();
        for &phase in entered {
            progress.mark_unchanged();
            reporter.enter(phase);
            if progress.has_changed().unwrap() {
                said.push(phase);
            }
        }
        assert_eq!(said, expect);
    }

    #[test]
    fn what_is_read_meanwhile_does_not_hide_a_commit() {
        use Phase::{Claimed, Claiming, Published, Publishing, Reading, Recovering, Sealing, Writing};
        check(
            &[Reading, Writing, Reading, Sealing, Reading, Claiming, Reading, Claimed, Writing, Publishing, Sealing],
            &[Reading, Writing, Reading, Sealing, Claiming, Claimed, Publishing],
        );
        check(&[Publishing, Published, Reading], &[Publishing, Published, Reading]);
        check(&[Claiming, Recovering, Reading], &[Claiming, Recovering, Reading]);
        check(&[Sealing, Writing, Reading], &[Sealing, Writing, Reading]);
    }

    #[test]
    fn a_restart_takes_back_what_was_not_committed() {
        let tally = Tally { read: 5, made_rows: 5, ..Tally::default() };
        let mut progress = Progress { tally: tally.clone(), ..Progress::default() };
        progress.claimed(Epoch::FIRST, &tally, &[]);
        progress.tally.append(&tally);
        progress.restart();
        assert_eq!((progress.tally.read, progress.committed.read, progress.restarts), (5, 5, 1));
    }
}
