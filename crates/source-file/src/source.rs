//! The port: hands out batches while the next one is read on a blocking thread.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::task::{self, JoinHandle};
use tributary_core::{Checkpoint, Conflict, Failure, Lag, RawBatch, ScopeId, Source, UnreadInput};

use crate::choose::{Chosen, choose};
use crate::reader::{Progress, Reader};
use crate::{Error, Options};

/// Reads files and standard input, one after the other, in the order of the patterns and of the names each matches.
///
/// One batch is read ahead. A source that is dropped leaves at most one read of it running, which ends by itself; of
/// standard input, when the other side writes or closes it.
pub struct FileSource {
    state: State,
    unread: Vec<UnreadInput>,
    progress: Arc<Progress>,
}

enum State {
    /// Nothing was asked yet.
    Idle(Box<Reader>),
    /// A batch is being read.
    Reading(JoinHandle<Turn>),
    /// Everything is read.
    Done,
}

/// What the blocking thread gives back.
struct Turn {
    reader: Box<Reader>,
    batch: Result<Option<RawBatch>, Conflict>,
    unread: Vec<UnreadInput>,
}

impl FileSource {
    /// Finds the files and where each of them resumes. Blocks for a short read of each file. Fails when a path names
    /// nothing or a directory, or when a file has changed and [`OnChanged::Fail`](crate::OnChanged::Fail) says so;
    /// one that cannot be read is left out and listed by `unread`.
    pub fn open(options: Options, checkpoint: &Checkpoint) -> Result<Self, Error> {
        let Chosen { inputs, unread } = choose(&options, checkpoint)?;
        let scope = ScopeId::new(format!("source:{}", options.name));
        let reader = Reader::new(scope, options.record_limit, options.batch_bytes, inputs);
        let progress = reader.progress();
        Ok(Self { state: State::Idle(Box::new(reader)), unread, progress })
    }
}

/// Reads the next batch on a thread that may block.
fn read_on(mut reader: Box<Reader>) -> JoinHandle<Turn> {
    task::spawn_blocking(move || {
        let mut unread = Vec::new();
        let batch = reader.batch(&mut unread);
        Turn { reader, batch, unread }
    })
}

#[async_trait]
impl Source for FileSource {
    async fn next(&mut self) -> Result<Option<RawBatch>, Failure> {
        if matches!(self.state, State::Idle(_))
            && let State::Idle(reader) = std::mem::replace(&mut self.state, State::Done)
        {
            self.state = State::Reading(read_on(reader));
        }
        let State::Reading(task) = &mut self.state else {
            return Ok(None);
        };
        // The only await: until it is over the task stays in `self`, so that a dropped future loses nothing.
        let turn = task.await;
        self.state = State::Done;
        let Turn { reader, batch, unread } = turn.map_err(Error::Reader)?;
        self.unread.extend(unread);
        let batch = batch.map_err(Error::Positions)?;
        if batch.is_some() {
            self.state = State::Reading(read_on(reader));
        }
        Ok(batch)
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
