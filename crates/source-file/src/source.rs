//! The port: hands out batches while the next one is read on a blocking thread.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::task::{self, JoinHandle};
use tokio::time::Instant;
use tributary_core::{Checkpoint, Conflict, Failure, Lag, Position, RawBatch, ScopeId, Source, SplitId, UnreadInput};

use crate::choose::{Chosen, Looks, choose};
use crate::reader::{Progress, Reader};
use crate::{Error, Options};

/// Reads files and standard input, one after the other, in the order of the patterns and of the names each matches. With
/// [`Options::poll`] it looks for more whenever it has read them all, and never ends.
///
/// One batch is read ahead. A source that is dropped leaves at most one read of it running, which ends by itself; of
/// standard input, when the other side writes or closes it.
pub struct FileSource {
    options: Options,
    /// What was committed when it was opened, and what was handed out before the last look.
    checkpoint: Checkpoint,
    /// What was handed out since.
    handed_out: HashMap<SplitId, Position>,
    state: State,
    unread: Vec<UnreadInput>,
    progress: Arc<Progress>,
}

enum State {
    /// Nothing was asked yet.
    Idle(Box<Hand>),
    /// A batch is being read.
    Reading(JoinHandle<Turn>),
    /// Everything is read that was there; it is looked again at this time.
    Waiting(Box<Hand>, Instant),
    /// Files are being looked for.
    Looking(JoinHandle<Result<Look, Error>>),
    /// Everything is read.
    Done,
}

/// What goes to the blocking thread and comes back.
struct Hand {
    reader: Reader,
    looks: Looks,
}

/// What looking gives back; what was found is in the hand.
struct Look {
    hand: Box<Hand>,
    unread: Vec<UnreadInput>,
}

/// What the blocking thread gives back.
struct Turn {
    hand: Box<Hand>,
    batch: Result<Option<RawBatch>, Conflict>,
    unread: Vec<UnreadInput>,
}

impl FileSource {
    /// Finds the files and where each of them resumes. Blocks for a short read of each file. Fails when a path names
    /// nothing or a directory, or when a file has changed and [`OnChanged::Fail`](crate::OnChanged::Fail) says so;
    /// one that cannot be read is left out and listed by `unread`.
    pub fn open(options: Options, checkpoint: &Checkpoint) -> Result<Self, Error> {
        let mut looks = Looks::default();
        let Chosen { inputs, unread } = choose(&options, checkpoint, &mut looks)?;
        let scope = ScopeId::new(format!("source:{}", options.name));
        let reader = Reader::new(scope, options.record_limit, options.batch_bytes, inputs);
        let progress = reader.progress();
        Ok(Self {
            options,
            checkpoint: checkpoint.clone(),
            handed_out: HashMap::new(),
            state: State::Idle(Box::new(Hand { reader, looks })),
            unread,
            progress,
        })
    }

    /// A batch was read, or there is nothing to read.
    fn take(&mut self, turn: Turn) -> Result<Option<RawBatch>, Failure> {
        let Turn { hand, batch, unread } = turn;
        self.unread.extend(unread);
        let Some(batch) = batch.map_err(Error::Positions)? else {
            if let Some(poll) = self.options.poll {
                self.state = State::Waiting(hand, Instant::now() + poll);
            }
            return Ok(None);
        };
        if self.options.poll.is_some() {
            let reached = batch.delta.spans().map(|(split, span)| (split.clone(), span.to().clone()));
            self.handed_out.extend(reached);
        }
        self.state = State::Reading(read_on(hand));
        Ok(Some(batch))
    }

    /// Looks for files, on a thread that may block.
    fn look(&mut self, mut hand: Box<Hand>) -> State {
        let known = self.checkpoint.positions().map(|(split, position)| (split.clone(), position.clone()));
        let known: HashMap<SplitId, Position> = known.chain(self.handed_out.drain()).collect();
        self.checkpoint = known.into_iter().collect();
        let (options, checkpoint) = (self.options.clone(), self.checkpoint.clone());
        State::Looking(task::spawn_blocking(move || {
            let Chosen { inputs, unread } = choose(&options, &checkpoint, &mut hand.looks)?;
            hand.reader.add(inputs);
            Ok(Look { hand, unread })
        }))
    }
}

/// Reads the next batch on a thread that may block.
fn read_on(mut hand: Box<Hand>) -> JoinHandle<Turn> {
    task::spawn_blocking(move || {
        let mut unread = Vec::new();
        let batch = hand.reader.batch(&mut unread);
        Turn { hand, batch, unread }
    })
}

#[async_trait]
impl Source for FileSource {
    async fn next(&mut self) -> Result<Option<RawBatch>, Failure> {
        loop {
            // Until an await is over what it waits for stays in `self`, so that a dropped future loses nothing.
            match &mut self.state {
                State::Done => return Ok(None),
                State::Idle(_) => {}
                State::Reading(task) => {
                    let turn = task.await;
                    self.state = State::Done;
                    if let Some(batch) = self.take(turn.map_err(Error::Reader)?)? {
                        return Ok(Some(batch));
                    }
                }
                State::Waiting(_, until) => tokio::time::sleep_until(*until).await,
                State::Looking(task) => {
                    let found = task.await;
                    self.state = State::Done;
                    let Look { hand, unread } = found.map_err(Error::Reader)??;
                    for input in unread.iter().filter(|input| !self.unread.contains(input)) {
                        tracing::warn!(name = input.name, reason = input.reason, "an input cannot be read");
                    }
                    self.unread = unread;
                    self.state = State::Idle(hand);
                }
            }
            self.state = match std::mem::replace(&mut self.state, State::Done) {
                State::Idle(hand) => State::Reading(read_on(hand)),
                State::Waiting(hand, until) if Instant::now() >= until => self.look(hand),
                other => other,
            };
        }
    }

    /// Files need no release: nothing is forgotten, nothing is marked.
    async fn release(&mut self, _durable: &Checkpoint) -> Result<(), Failure> {
        Ok(())
    }

    fn lag(&self) -> Option<Lag> {
        let (read, total) = self.progress.now();
        Some(Lag::Bytes { read, total })
    }

    fn unread(&self) -> Vec<UnreadInput> {
        self.unread.clone()
    }
}

#[cfg(test)]
mod tests;
