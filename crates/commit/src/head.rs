//! The log as far as it was read, summed up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use tributary_core::{Attempt, Checkpoint, Epoch, Key, PartitionPath, ScopeId, SplitId, StateKind, TableId, Tally};

use crate::checkpoint::Base;
use crate::digest::{CheckpointSum, TextDigest};
use crate::record::{Record, StateEntry, decode};
use crate::{CommitError, Committer, LiveFiles};

/// A partition of a table.
pub(crate) type Place = (TableId, PartitionPath);

/// Everything that is true after epoch `next - 1`.
#[derive(Debug, Default)]
pub(crate) struct Head {
    /// How many epochs were read: the number of the next one.
    pub(crate) next: u64,
    /// The digest of the newest record.
    pub(crate) parent: Option<TextDigest>,
    /// The options of the newest record.
    pub(crate) options: Option<TextDigest>,
    pub(crate) options_text: BTreeMap<String, String>,
    pub(crate) checkpoint: Arc<Checkpoint>,
    pub(crate) sum: CheckpointSum,
    pub(crate) live: LiveFiles,
    pub(crate) bans: BTreeMap<Attempt, Epoch>,
    /// Of each scope the newest full snapshot and the deltas after it.
    pub(crate) states: BTreeMap<ScopeId, Vec<StateEntry>>,
    pub(crate) tally: Tally,
    /// The newest checkpoint record, and below it what happened since.
    pub(crate) base: Base,
    pub(crate) since: Since,
}

/// What happened since the newest checkpoint record.
#[derive(Debug, Default)]
pub(crate) struct Since {
    pub(crate) claimed: BTreeMap<Attempt, Epoch>,
    pub(crate) committers: BTreeMap<SplitId, Committer>,
    pub(crate) replaced: BTreeMap<Key, Committer>,
    pub(crate) changed: BTreeSet<Place>,
    pub(crate) ended: BTreeSet<SplitId>,
    pub(crate) moved_splits: usize,
}

impl Head {
    pub(crate) fn next(&self) -> Epoch {
        Epoch::new(self.next)
    }

    /// The newest epoch; `None` while the log is empty.
    pub(crate) fn newest(&self) -> Option<Epoch> {
        self.next.checked_sub(1).map(Epoch::new)
    }

    /// Reads the record of the next epoch and adds it.
    pub(crate) fn read(&mut self, key: &Key, body: &Bytes) -> Result<Arc<Record>, CommitError> {
        let record: Record = decode(key, body)?;
        let record = Arc::new(record);
        self.apply(key, &record, TextDigest::of(body))?;
        Ok(record)
    }

    /// Adds the record of the next epoch, which has this digest. Nothing is changed when it does not fit.
    pub(crate) fn apply(&mut self, key: &Key, record: &Record, digest: TextDigest) -> Result<(), CommitError> {
        let damaged = |reason: String| CommitError::Damaged { key: key.clone(), reason };
        if record.epoch != self.next() {
            return Err(damaged(format!("it says that it is epoch {}", record.epoch)));
        }
        if record.parent != self.parent {
            return Err(damaged("it does not follow the record before it".to_owned()));
        }
        let advanced = self.checkpoint.advance(&record.delta);
        let advanced =
            advanced.map_err(|cause| CommitError::Contradiction { epoch: record.epoch, cause: Box::new(cause) })?;
        let mut sum = self.sum;
        for (split, span) in record.delta.spans() {
            sum.moved(split, self.checkpoint.position(split), span.to());
        }
        if sum.digest() != record.checkpoint {
            return Err(damaged("the checkpoint after it is not the one that it states".to_owned()));
        }
        self.next += 1;
        self.parent = Some(digest);
        self.checkpoint = Arc::new(advanced.checkpoint);
        self.sum = sum;
        if let Some(text) = &record.options_text {
            self.options_text.clone_from(text);
        }
        self.options = Some(record.options);
        self.tally.append(&record.tally);
        self.add_files(record);
        self.add_rest(record);
        Ok(())
    }

    fn add_files(&mut self, record: &Record) {
        for file in &record.adds {
            self.live.add(record.epoch, file);
            self.since.changed.insert((file.table.clone(), file.partition));
        }
        for key in &record.replaces {
            if let Some(place) = self.live.remove(key) {
                self.since.changed.insert(place);
            }
            self.since.replaced.insert(key.clone(), committer(record));
        }
    }

    fn add_rest(&mut self, record: &Record) {
        self.since.moved_splits += record.delta.len();
        for (split, span) in record.delta.spans() {
            self.since.committers.insert(split.clone(), committer(record));
            if *span.to() == tributary_core::Position::End {
                self.since.ended.insert(split.clone());
            }
        }
        self.since.claimed.insert(record.attempt.clone(), record.epoch);
        for attempt in &record.bans {
            self.bans.entry(attempt.clone()).or_insert(record.epoch);
        }
        for entry in &record.state {
            let entries = self.states.entry(entry.scope.clone()).or_default();
            if entry.kind == StateKind::Full {
                entries.clear();
            }
            entries.push(entry.clone());
        }
    }
}

fn committer(record: &Record) -> Committer {
    Committer { epoch: record.epoch, attempt: record.attempt.clone() }
}
