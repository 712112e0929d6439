//! The port: what a line reads of the shards.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use async_trait::async_trait;
use tokio::sync::mpsc::{Receiver, Sender};
use tributary_core::{Checkpoint, Failure, Lag, Lineage, RawBatch, Source, UnreadInput};

use crate::coordinator::Command;
use crate::error::Error;
use crate::shard::positions_of;

/// Why a line is fed no more.
#[derive(Debug, Default)]
pub(crate) struct End(AtomicU8);

impl End {
    const INTERRUPTED: u8 = 1;
    const FINISHED: u8 = 2;

    /// The shards are other ones: what was handed on is all.
    pub(crate) fn interrupt(&self) {
        self.0.store(Self::INTERRUPTED, Ordering::Release);
    }

    /// Nothing will follow.
    pub(crate) fn finish(&self) {
        self.0.store(Self::FINISHED, Ordering::Release);
    }

    fn is_interrupted(&self) -> bool {
        self.0.load(Ordering::Acquire) == Self::INTERRUPTED
    }

    fn is_said(&self) -> bool {
        self.0.load(Ordering::Acquire) != 0
    }
}

/// What the source shows.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) name: String,
    /// Milliseconds behind the newest record of the shard that is furthest behind; negative while that is not known.
    pub(crate) behind: AtomicI64,
}

/// Records of the shards that are ours while it lives.
pub struct KinesisSource {
    pub(crate) id: u64,
    pub(crate) batches: Receiver<Result<RawBatch, Error>>,
    pub(crate) end: Arc<End>,
    pub(crate) commands: Sender<Command>,
    pub(crate) facts: Arc<Facts>,
    pub(crate) lineage: Lineage,
}

impl std::fmt::Debug for KinesisSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KinesisSource").field("name", &self.facts.name).field("id", &self.id).finish_non_exhaustive()
    }
}

#[async_trait]
impl Source for KinesisSource {
    async fn next(&mut self) -> Result<Option<RawBatch>, Failure> {
        match self.batches.recv().await {
            Some(batch) => Ok(Some(batch?)),
            None if self.end.is_said() => Ok(None),
            None => Err(Error::Task { name: self.facts.name.clone() }.into()),
        }
    }

    async fn release(&mut self, durable: &Checkpoint) -> Result<(), Failure> {
        // A courtesy: where the task is gone, what is read next says why.
        self.commands.send(Command::Durable(positions_of(&self.facts.name, durable))).await.ok();
        Ok(())
    }

    fn lag(&self) -> Option<Lag> {
        u64::try_from(self.facts.behind.load(Ordering::Relaxed)).ok().map(Lag::Millis)
    }

    fn unread(&self) -> Vec<UnreadInput> {
        Vec::new()
    }

    fn goes_on(&self) -> bool {
        self.end.is_interrupted()
    }

    fn lineage(&self) -> Lineage {
        self.lineage.clone()
    }
}
