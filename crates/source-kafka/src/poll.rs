//! The thread that polls: gathers messages by partition and hands them to the line.

use std::sync::atomic::Ordering;
use std::sync::mpsc::TryRecvError;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use tokio::sync::mpsc::error::TrySendError;
use tributary_core::RawBatch;

use crate::context::{Command, Context, Session, State};
use crate::error::Error;
use crate::part::Part;
use crate::place;

/// How long a poll waits for a message.
const WAIT: Duration = Duration::from_millis(50);

/// A message waits so long for others of its partition.
const GATHER: Duration = Duration::from_millis(200);

/// A line may be busy for so long before the partitions are paused: what the client has fetched is thrown away then.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often it is asked meanwhile.
const AGAIN: Duration = Duration::from_millis(2);

pub(crate) struct Polling {
    member: BaseConsumer<Context>,
    /// The part that the last message belongs to: the next is likely its neighbour.
    last: usize,
    /// Ends of a partition of each number that were reached since the last message of it.
    ends: std::collections::BTreeMap<i32, usize>,
}

impl Polling {
    pub(crate) fn new(member: BaseConsumer<Context>) -> Self {
        Self { member, last: 0, ends: std::collections::BTreeMap::new() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.member.context().state()
    }

    /// Until nobody asks for anything more. Dropping the member leaves the group.
    pub(crate) fn run(mut self) {
        while self.obey() {
            match self.member.poll(WAIT) {
                None => {}
                Some(Ok(message)) => self.last = take(&self.member, self.last, &message, &mut self.ends),
                Some(Err(error)) => {
                    if let Some(error) = self.judge(error) {
                        self.state().fail(error);
                    }
                }
            }
            self.hand_on();
            self.finish();
        }
    }

    /// Does what was asked for; whether to go on.
    fn obey(&self) -> bool {
        let mut state = self.state();
        while !state.is_over {
            let came = state.later.pop_front().map_or_else(|| state.commands.try_recv(), Ok);
            match came {
                Ok(Command::Attach(session)) => self.attach(&mut state, session),
                Ok(Command::Detach(id)) => {
                    if state.session.as_ref().is_some_and(|session| session.id == id) {
                        state.session = None;
                    }
                }
                Ok(Command::Commit(offsets)) => {
                    self.member.context().commit(&self.member, &state, &offsets, CommitMode::Async);
                }
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => state.is_over = true,
            }
        }
        false
    }

    fn attach(&self, state: &mut State, session: Session) {
        let context = self.member.context();
        if !context.feed(&self.member, state, session) {
            return;
        }
        let sought = place::seek(&self.member, &context.options, state.parts.iter());
        let sought = sought.and_then(|()| place::resume(&self.member, &context.options, &state.parts));
        if let Err(error) = sought {
            state.fail(error);
        }
    }

    /// What an error of the client means; the line's error, if it ends it.
    fn judge(&mut self, error: KafkaError) -> Option<Error> {
        let name = self.member.context().options.name.clone();
        match error {
            KafkaError::PartitionEOF(partition) => {
                *self.ends.entry(partition).or_default() += 1;
                None
            }
            KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                // Where the log stands is no longer there: whoever begins anew sees why.
                tracing::warn!("a position is no longer there");
                self.state().session.take().map(Session::interrupt);
                None
            }
            KafkaError::MessageConsumptionFatal(_) => Some(Error::Fatal { name, cause: Box::new(error) }),
            error => {
                tracing::warn!(%error, "polling");
                None
            }
        }
    }

    /// Hands on what is large or old enough.
    fn hand_on(&mut self) {
        let context = std::sync::Arc::clone(self.member.context());
        loop {
            let batch = {
                let mut state = context.state();
                let now = Instant::now();
                let is_due = |part: &Part| {
                    part.size() >= context.options.batch_bytes
                        || part.since().is_some_and(|since| now.duration_since(since) >= GATHER)
                };
                let Some(part) = state.parts.iter_mut().find(|part| is_due(part)) else { return };
                part.batch()
            };
            match batch {
                Ok(Some(batch)) => self.offer(batch),
                Ok(None) => return,
                Err(conflict) => {
                    let session = self.state().session.take();
                    session.into_iter().for_each(|session| session.fail(Error::Positions(conflict.clone())));
                }
            }
        }
    }

    /// Waits until the line takes the batch, or wants nothing more.
    fn offer(&mut self, mut batch: RawBatch) {
        let (since, mut is_paused) = (Instant::now(), false);
        let id = self.state().session.as_ref().map(|session| session.id);
        loop {
            {
                let mut state = self.state();
                let Some(session) = state.session.as_ref().filter(|session| Some(session.id) == id) else { return };
                match session.batches.try_send(Ok(batch)) {
                    Ok(()) => break,
                    Err(TrySendError::Full(Ok(full))) => batch = full,
                    Err(TrySendError::Full(Err(_)) | TrySendError::Closed(_)) => {
                        state.session = None;
                        return;
                    }
                }
            }
            if since.elapsed() < PATIENCE {
                std::thread::park_timeout(AGAIN);
            } else {
                if !is_paused {
                    let state = self.state();
                    is_paused = self.pause(&state).is_ok();
                }
                // What was on its way when they were paused still comes.
                if let Some(Ok(message)) = self.member.poll(WAIT) {
                    self.last = take(&self.member, self.last, &message, &mut self.ends);
                }
            }
            if !self.obey() {
                return;
            }
        }
        if is_paused {
            let mut state = self.state();
            let context = self.member.context();
            if let Err(error) = place::resume(&self.member, &context.options, &state.parts) {
                state.fail(error);
            }
        }
    }

    fn pause(&self, state: &State) -> Result<(), Error> {
        let name = || self.member.context().options.name.clone();
        let done = self.member.pause(&place::list_of(&state.parts));
        done.map_err(|cause| Error::Call { name: name(), verb: "pausing partitions", cause: Box::new(cause) })
    }

    /// In a batch: whether everything up to the ends was handed on.
    fn finish(&mut self) {
        let mut state = self.member.context().state();
        if !self.member.context().options.batch || state.session.is_none() || state.parts.is_empty() {
            return;
        }
        for (partition, reached) in &self.ends {
            let of_it = |part: &&mut Part| part.partition == *partition;
            // The client does not say of which topic: all that have a partition of this number have to be at their ends.
            if state.parts.iter_mut().filter(of_it).count() <= *reached {
                state.parts.iter_mut().filter(of_it).for_each(Part::finish);
            }
        }
        let is_over = state.parts.iter().all(|part| part.is_done() && part.since().is_none());
        if is_over {
            // Others need not wait for what this process does next.
            state.is_over = true;
            self.member.context().facts.has_left.store(true, Ordering::Release);
            state.session.take().into_iter().for_each(Session::finish);
        }
    }
}

/// Puts a message to those of its partition; where that is.
fn take(
    member: &BaseConsumer<Context>,
    last: usize,
    message: &BorrowedMessage<'_>,
    ends: &mut std::collections::BTreeMap<i32, usize>,
) -> usize {
    let context = member.context();
    let mut state = context.state();
    if context.options.batch {
        ends.remove(&message.partition());
    }
    if state.session.is_none() {
        return last;
    }
    let is_it = |part: &Part| part.partition == message.partition() && &*part.topic == message.topic();
    let at = match state.parts.get(last) {
        Some(part) if is_it(part) => Some(last),
        _ => state.find(message.topic(), message.partition()),
    };
    let Some(part) = at.and_then(|at| state.parts.get_mut(at)) else { return last };
    part.take(message, context.options.record_limit, Instant::now());
    at.unwrap_or(last)
}
