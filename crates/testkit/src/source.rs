//! A source that reads from a script.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::Instant;
use tributary_core::{
    Body, Checkpoint, Delta, Failure, Fault, Lag, Position, RawBatch, Record, ScopeId, Source, Span, SplitId,
    UnreadInput,
};

use crate::{Faults, Meter, Place};

/// One thing that a split holds. Its offset is its index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A record.
    Payload(String),
    /// Nothing comes for so long, by the clock of timers.
    Pause(Duration),
    /// What stood here is gone: the batch after it does not follow on.
    Gap,
    /// Nothing comes any more, though the split has not ended.
    Silence,
}

/// What there is to read: the splits in the order in which they are read, and how many records make a batch.
#[derive(Clone, Debug)]
pub struct Script {
    /// The splits.
    pub splits: Vec<(SplitId, Vec<Step>)>,
    /// Records to a batch, at most.
    pub batch: usize,
}

impl Script {
    /// One split called `input` with these payloads.
    pub fn of<'a>(payloads: impl IntoIterator<Item = &'a str>, batch: usize) -> Self {
        let steps = payloads.into_iter().map(|payload| Step::Payload(payload.to_owned())).collect();
        Self { splits: vec![(SplitId::new("input"), steps)], batch }
    }
}

/// Reads a [`Script`] from a checkpoint on.
pub struct ScriptedSource {
    script: Arc<Script>,
    faults: Faults,
    meter: Meter,
    released: Arc<Mutex<Vec<Checkpoint>>>,
    /// Index of the split that is being read, and where.
    split: usize,
    at: Position,
    reached: Checkpoint,
    paused_until: Option<Instant>,
}

impl ScriptedSource {
    /// Begins where `checkpoint` says. Each released checkpoint is appended to `released`.
    pub fn new(
        script: Arc<Script>,
        checkpoint: &Checkpoint,
        faults: Faults,
        meter: Meter,
        released: Arc<Mutex<Vec<Checkpoint>>>,
    ) -> Self {
        let at = script.splits.first().map_or(Position::End, |(split, _)| checkpoint.position(split).clone());
        Self { script, faults, meter, released, split: 0, at, reached: checkpoint.clone(), paused_until: None }
    }

    fn next_split(&mut self) {
        self.split += 1;
        let position = self.script.splits.get(self.split).map(|(split, _)| self.reached.position(split).clone());
        self.at = position.unwrap_or(Position::End);
    }

    /// The records from `first` on, up to where something else than a record stands.
    fn batch(&mut self, first: usize, from: Position) -> Result<Option<RawBatch>, Failure> {
        let (split, steps) = &self.script.splits[self.split];
        let payloads = steps[first..].iter().take(self.script.batch).map_while(|step| match step {
            Step::Payload(text) => Some(Bytes::from(text.clone())),
            Step::Pause(_) | Step::Gap | Step::Silence => None,
        });
        let origin: Arc<str> = split.as_str().into();
        let records: Vec<Record> = payloads
            .enumerate()
            .map(|(index, bytes)| Record {
                split: split.clone(),
                origin: Arc::clone(&origin),
                position: Position::Offset((first + index) as u64),
                arrived_at: None,
                key: None,
                headers: tributary_core::Headers::default(),
                body: Body::Whole(bytes),
            })
            .collect();
        let after = first + records.len();
        let to = if after == steps.len() { Position::End } else { Position::Offset(after as u64) };
        let span = Span::new(from, to.clone()).map_err(|error| Failure::new(Fault::Bug, "test/source", error))?;
        let delta = Delta::of(split.clone(), span);
        self.at = to;
        self.meter.give(records.len() as u64);
        Ok(Some(RawBatch { scope: ScopeId::new("input"), records, delta, read_at: None }))
    }
}

#[async_trait]
impl Source for ScriptedSource {
    async fn next(&mut self) -> Result<Option<RawBatch>, Failure> {
        let mut from = self.at.clone();
        self.faults.hit(Place::Next)?;
        loop {
            let Some((_, steps)) = self.script.splits.get(self.split) else { return Ok(None) };
            let index = match self.at {
                Position::Start => 0,
                Position::Offset(index) => usize::try_from(index).unwrap_or(usize::MAX),
                Position::Since(_) | Position::After(_) | Position::Polled(_) | Position::End => usize::MAX,
            };
            match steps.get(index) {
                None => {
                    self.next_split();
                    from = self.at.clone();
                }
                Some(Step::Silence) => std::future::pending().await,
                Some(Step::Gap) => {
                    self.at = Position::Offset(index as u64 + 1);
                    from = self.at.clone();
                }
                Some(Step::Pause(length)) => {
                    let until = *self.paused_until.get_or_insert_with(|| Instant::now() + *length);
                    tokio::time::sleep_until(until).await;
                    self.paused_until = None;
                    self.at = Position::Offset(index as u64 + 1);
                }
                Some(Step::Payload(_)) => return self.batch(index, from),
            }
        }
    }

    async fn release(&mut self, durable: &Checkpoint) -> Result<(), Failure> {
        self.faults.hit(Place::Release)?;
        self.released.lock().unwrap_or_else(PoisonError::into_inner).push(durable.clone());
        Ok(())
    }

    fn lag(&self) -> Option<Lag> {
        Some(Lag::Records(self.script.splits.len().saturating_sub(self.split) as u64))
    }

    fn unread(&self) -> Vec<UnreadInput> {
        Vec::new()
    }
}
