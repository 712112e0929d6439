//! How a run ended.

use serde::Serialize;
use tributary_core::{Epoch, Held, ScopeId, Tally, UnreadInput};

use crate::Progress;

/// What a run did. Its counts are of what this run committed; what an earlier one had committed is not in them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// How it ended.
    pub outcome: Outcome,
    /// What became of the payloads (INV-1).
    pub tally: Tally,
    /// Epochs committed.
    pub epochs: u64,
    /// The newest of them.
    pub epoch: Option<Epoch>,
    /// Files published.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Epochs sealed early because the sink was full (`roll_reason=memory`).
    pub early_seals: u64,
    /// Epochs that an earlier run had claimed and this one published; their rows are not in `tally`.
    pub recovered_epochs: u64,
    /// Spans that nobody accounted for and that `on_gap` let pass.
    pub gaps: u64,
    /// Agents whose events were found in several splits, by the last line: the stream is not keyed by agent.
    pub spread: u64,
    /// How often the line was built anew.
    pub restarts: u64,
    /// Inputs that could not be read; the next run tries them again.
    pub unread: Vec<UnreadInput>,
    /// What each scope remembers for finding duplicates, in the order of the scopes.
    pub held: Vec<(ScopeId, Held)>,
}

impl Summary {
    /// The summary of a run whose line says `progress`.
    pub(crate) fn new(
        outcome: Outcome,
        progress: Progress,
        unread: Vec<UnreadInput>,
        held: Vec<(ScopeId, Held)>,
    ) -> Self {
        Self {
            outcome,
            tally: progress.committed,
            epochs: progress.epochs,
            epoch: progress.epoch,
            files: progress.files,
            bytes: progress.bytes,
            early_seals: progress.early_seals,
            recovered_epochs: progress.recovered_epochs,
            gaps: progress.gaps,
            spread: progress.spread,
            restarts: progress.restarts,
            unread,
            held,
        }
    }
}

/// How a run ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The input ended, and all of it is committed.
    Finished,
    /// It was asked to stop, and all that was read is committed. (Asked while it waited to begin again, it does not
    /// begin again: what was not committed is read by the next run.)
    Drained,
    /// It was told to stop at once, or a drain took too long. What was not committed is read again by the next run.
    Aborted,
}
