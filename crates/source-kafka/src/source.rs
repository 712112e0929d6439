//! The port: what a line reads of the group.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;

use async_trait::async_trait;
use tokio::sync::mpsc::Receiver;
use tributary_core::{Checkpoint, Failure, Lag, Position, RawBatch, Source, UnreadInput};

use crate::context::{Command, End, Facts};
use crate::error::Error;

/// Records of the partitions that are ours while it lives.
pub struct KafkaSource {
    id: u64,
    batches: Receiver<Result<RawBatch, Error>>,
    end: Arc<End>,
    commands: Sender<Command>,
    facts: Arc<Facts>,
}

impl KafkaSource {
    pub(crate) fn new(
        id: u64,
        batches: Receiver<Result<RawBatch, Error>>,
        end: Arc<End>,
        commands: Sender<Command>,
        facts: Arc<Facts>,
    ) -> Self {
        Self { id, batches, end, commands, facts }
    }
}

impl Drop for KafkaSource {
    fn drop(&mut self) {
        // A thread that is gone needs no word.
        self.commands.send(Command::Detach(self.id)).ok();
    }
}

#[async_trait]
impl Source for KafkaSource {
    async fn next(&mut self) -> Result<Option<RawBatch>, Failure> {
        match self.batches.recv().await {
            Some(batch) => Ok(Some(batch?)),
            None if self.end.is_finished() || self.end.is_interrupted() => Ok(None),
            None => Err(self.facts.gone().into()),
        }
    }

    async fn release(&mut self, durable: &Checkpoint) -> Result<(), Failure> {
        let prefix = format!("{}/", self.facts.name);
        let ours = durable.positions().filter(|(split, _)| split.as_str().starts_with(&prefix));
        let offsets = ours.filter_map(|(split, position)| match position {
            Position::Offset(offset) => Some((split.clone(), *offset)),
            _ => None,
        });
        // A courtesy. Where the thread is gone, what is read next says why.
        self.commands.send(Command::Commit(offsets.collect())).ok();
        Ok(())
    }

    fn lag(&self) -> Option<Lag> {
        let lag = self.facts.lag.load(Ordering::Relaxed);
        (lag != u64::MAX).then_some(Lag::Records(lag))
    }

    fn unread(&self) -> Vec<UnreadInput> {
        Vec::new()
    }

    fn goes_on(&self) -> bool {
        self.end.is_interrupted()
    }
}
