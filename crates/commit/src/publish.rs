//! Publishing: makes what is claimed visible. Safe to repeat, by anybody.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use tributary_core::{Epoch, Key, SealedFile, Timestamp};
use tributary_store::{ObjectStore, StoreError};

use crate::load::load;
use crate::log::Duty;
use crate::record::Record;
use crate::{CommitError, CommitLog, Permit, Receipt, checkpoint};

/// Uploads that are completed at once.
const AT_ONCE: usize = 8;

/// A checkpoint that could not be written because others had not published yet is written when so many times the usual
/// epochs have passed, from the log, up to the newest epoch where everything is.
const OVERDUE: u64 = 2;

impl CommitLog {
    /// Makes the files of a claimed epoch visible and marks it. May be repeated by anybody, any number of times. Writes
    /// a checkpoint record when one is due; that it could not be written is no failure.
    ///
    /// # Errors
    /// [`CommitError::Lost`] when a file can no longer be published; [`CommitError::Damaged`] when something else
    /// stands in its place; what the store says: then recover, the epoch will be among the unfinished.
    pub async fn publish(&mut self, permit: Permit) -> Result<Receipt, CommitError> {
        let Permit { record, checkpoint } = permit;
        self.publish_record(&record).await?;
        if let Err(error) = self.checkpoint_if_due().await {
            tracing::warn!(%error, epoch = %record.epoch, "checkpoint record could not be written");
        }
        Ok(Receipt { record, checkpoint })
    }

    /// Finishes epochs that others left undone for longer than the takeover time.
    pub(crate) async fn finish_stale(&mut self, now: Timestamp) -> Result<(), CommitError> {
        let takeover = i64::try_from(self.options.takeover.as_micros()).unwrap_or(i64::MAX);
        let stale = |duty: Duty| matches!(duty, Duty::Other(seen) if seen.plus_micros(takeover) <= now);
        let records: Vec<Arc<Record>> = self
            .undone
            .values()
            .filter(|undone| stale(undone.duty))
            .map(|undone| Arc::clone(&undone.step.record))
            .collect();
        for record in records {
            if self.is_marked(record.epoch).await? {
                self.undone.remove(&record.epoch);
                continue;
            }
            tracing::info!(epoch = %record.epoch, attempt = %record.attempt, "finishing an epoch that was left unpublished");
            self.publish_record(&record).await?;
        }
        Ok(())
    }

    async fn publish_record(&mut self, record: &Record) -> Result<(), CommitError> {
        if !record.replaces.is_empty() {
            self.publish_earlier(record.epoch).await?;
        }
        self.publish_one(record).await
    }

    /// An earlier epoch that were published after its files were replaced would bring them back.
    async fn publish_earlier(&mut self, epoch: Epoch) -> Result<(), CommitError> {
        let earlier: Vec<Arc<Record>> =
            self.undone.range(..epoch).map(|(_, undone)| Arc::clone(&undone.step.record)).collect();
        for record in earlier {
            if self.is_marked(record.epoch).await? {
                self.undone.remove(&record.epoch);
            } else {
                self.publish_one(&record).await?;
            }
        }
        Ok(())
    }

    /// First the new files, then the replaced ones go: a reader in between sees both, never neither.
    async fn publish_one(&mut self, record: &Record) -> Result<(), CommitError> {
        self.publish_files(record).await?;
        for key in &record.replaces {
            self.store.delete(key).await?;
        }
        self.mark(record).await
    }

    async fn publish_files(&mut self, record: &Record) -> Result<(), CommitError> {
        let Some((first, rest)) = record.adds.split_first() else { return Ok(()) };
        let mut outcomes = vec![complete(self.store.as_ref(), first).await];
        fail::fail_point!("commit:after_first_complete", |_| std::process::abort());
        // Collected first: a closure that borrows inside a stream is not `Send` for every lifetime (rust-lang/rust#102211).
        let completions: Vec<_> = rest.iter().map(|file| complete(self.store.as_ref(), file)).collect();
        outcomes.extend(stream::iter(completions).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await);
        let mut gone = Vec::new();
        for outcome in outcomes {
            match outcome {
                Ok(()) => {}
                Err(StoreError::Gone { key }) => gone.push(key),
                Err(StoreError::Different { key, found, expected }) => {
                    let reason = format!("it has {found} bytes and should have {expected}, or another checksum");
                    return Err(CommitError::Damaged { key, reason });
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.account_for(record, gone).await
    }

    /// Files that are neither there nor to be completed: published by somebody and replaced since, or lost.
    async fn account_for(&mut self, record: &Record, gone: Vec<Key>) -> Result<(), CommitError> {
        if gone.is_empty() {
            return Ok(());
        }
        if self.is_marked(record.epoch).await? {
            return Ok(());
        }
        self.catch_up().await?;
        match gone.into_iter().find(|key| !self.head.since.replaced.contains_key(key)) {
            None => Ok(()),
            Some(key) => {
                Err(CommitError::Lost { cause: StoreError::Gone { key: key.clone() }, key, epoch: record.epoch })
            }
        }
    }

    async fn is_marked(&self, epoch: Epoch) -> Result<bool, CommitError> {
        if self.store.size(&self.layout.done(epoch)?).await?.is_some() {
            return Ok(true);
        }
        self.passed(epoch).await
    }

    /// Writes the mark. An unknown outcome needs no look: whoever reads the log next publishes again.
    async fn mark(&mut self, record: &Record) -> Result<(), CommitError> {
        fail::fail_point!("commit:before_done", |_| std::process::abort());
        let key = self.layout.done(record.epoch)?;
        if let Err(error) = self.store.create(&key, Bytes::from_static(b"{}\n")).await
            && !self.is_marked(record.epoch).await?
        {
            return Err(error.into());
        }
        fail::fail_point!("commit:after_done", |_| std::process::abort());
        self.undone.remove(&record.epoch);
        Ok(())
    }

    /// Writes a checkpoint record of the newest epoch up to which everything is published, when one is due.
    async fn checkpoint_if_due(&mut self) -> Result<(), CommitError> {
        if !checkpoint::is_due(&self.head, self.options.checkpoint_every) {
            return Ok(());
        }
        let others: Vec<Epoch> = self.undone.keys().copied().collect();
        for epoch in others {
            if self.is_marked(epoch).await? {
                self.undone.remove(&epoch);
            }
        }
        let store = self.store.as_ref();
        let (pipeline, every) = (&self.options.pipeline, self.options.checkpoint_every);
        let Some(first_undone) = self.undone.keys().next().copied() else {
            return checkpoint::write(store, &self.layout, pipeline, &mut self.head, every).await;
        };
        let settled = first_undone.number().checked_sub(1).map(Epoch::new);
        let newest = self.head.base.epoch.max(self.written_behind).map_or(0, Epoch::number);
        let enough = settled.is_some_and(|settled| settled.number() >= newest + every);
        if checkpoint::epochs_since(&self.head) < OVERDUE * every || !enough {
            return Ok(());
        }
        let mut past = load(store, &self.layout, pipeline, settled).await?.head;
        // The head goes on from the old record; only recoveries start at the new one.
        checkpoint::write(store, &self.layout, pipeline, &mut past, every).await?;
        self.written_behind = past.base.epoch;
        Ok(())
    }
}

/// Completes one upload. A failure is looked at once: `complete` itself looks at the object before it says no.
async fn complete(store: &dyn ObjectStore, file: &SealedFile) -> Result<(), StoreError> {
    match store.complete(&file.key, &file.ticket).await {
        Err(StoreError::Io { .. }) => store.complete(&file.key, &file.ticket).await.map(drop),
        outcome => outcome.map(drop),
    }
}
