//! The thread that polls: gathers messages by partition and hands them to the line.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::TryRecvError;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use tokio::sync::mpsc::error::TrySendError;
use tributary_core::RawBatch;

use crate::alone;
use crate::confirm::{Answer, Confirm};
use crate::context::{Command, Context, Session, State};
use crate::error::Error;
use crate::part::Part;
use crate::place;
use crate::rebalance::Fed;

/// How long a poll waits for a message.
const WAIT: Duration = Duration::from_millis(50);

/// A message waits so long for others of its partition.
const GATHER: Duration = Duration::from_millis(200);

/// A line may be busy for so long before the partitions are paused: what the client has fetched is thrown away then.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often it is asked meanwhile.
const AGAIN: Duration = Duration::from_millis(2);

/// How often it is asked whether the topics are still the same while nothing comes of them: a client that holds to a topic that is
/// gone may never read the one that was made again.
const SAME: Duration = Duration::from_secs(15);

/// So long after joining it is told that the group gave us no answer.
const LONG: Duration = Duration::from_secs(30);

/// How often commands, what waits and the end of a batch are looked at while messages come.
const LOOK: Duration = Duration::from_millis(20);

pub(crate) struct Polling {
    member: BaseConsumer<Context>,
    /// The part that the last message belongs to: the next is likely its neighbour.
    last: Cell<usize>,
}

impl Polling {
    pub(crate) fn new(member: BaseConsumer<Context>) -> Self {
        Self { member, last: Cell::new(0) }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.member.context().state()
    }

    /// Until nobody asks for anything more. Dropping the member leaves the group.
    pub(crate) fn run(self) {
        let (mut looked, joined) = (Instant::now(), Instant::now());
        let mut is_told = false;
        let mut quiet = Confirm::new(&self.member);
        let mut confirmed = Instant::now();
        while self.obey() {
            loop {
                let is_full = match self.member.poll(WAIT) {
                    None => true,
                    Some(Ok(message)) => self.take(&message),
                    Some(Err(error)) => {
                        self.judge(error);
                        true
                    }
                };
                if is_full || looked.elapsed() >= LOOK {
                    break;
                }
            }
            if self.hand_on() || confirmed.elapsed() >= SAME && self.is_quiet(&mut quiet) {
                confirmed = Instant::now();
                quiet = Confirm::new(&self.member);
            }
            self.single_out();
            self.finish();
            looked = Instant::now();
            if !is_told && joined.elapsed() >= LONG {
                is_told = true;
                self.tell_waiting();
            }
        }
    }

    /// Where nothing happens, says what it may be.
    fn tell_waiting(&self) {
        if !self.state().was_assigned {
            let topics = self.member.context().options.topics.join(", ");
            tracing::warn!(topics, "no partition yet: no topic is called so, or the group waits for another member");
        }
    }

    /// Does what was asked for; whether to go on.
    fn obey(&self) -> bool {
        let mut state = self.state();
        while !state.is_over {
            let came = state.later.pop_front().map_or_else(|| state.commands.try_recv(), Ok);
            match came {
                Ok(Command::Attach(session)) => self.attach(&mut state, session),
                Ok(Command::Detach(id)) => state.detached(id),
                Ok(Command::Commit(offsets)) => {
                    self.member.context().commit(&self.member, &state, &offsets);
                }
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => state.is_over = true,
            }
        }
        false
    }

    fn attach(&self, state: &mut State, session: Session) {
        let context = self.member.context();
        if context.feed(&self.member, state, session) != Fed::Yes {
            return;
        }
        let sought = place::seek(&self.member, &context.options, state.parts.iter());
        let sought = sought.and_then(|()| place::resume(&self.member, &context.options, &state.parts));
        state.doubt();
        if let Err(error) = sought {
            state.fail(error);
        }
    }

    /// Finds out where partitions end whose number several topics have.
    fn single_out(&self) {
        let context = self.member.context();
        let mut state = context.state();
        if let Err(cause) = alone::single_out(&self.member, &mut state, context.options.batch) {
            let name = context.options.name.clone();
            state.fail(Error::Call { name, verb: "pausing partitions", cause: Box::new(cause) });
        }
    }

    /// What an error of the client means for the line.
    fn judge(&self, error: KafkaError) {
        let context = self.member.context();
        match error {
            KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                // Where the log stands is no longer there: whoever begins anew sees why.
                tracing::warn!("a position is no longer there");
                self.state().session.take().map(Session::interrupt);
            }
            KafkaError::MessageConsumptionFatal(_) => {
                // This member can do nothing more; a line that begins anew needs another one.
                let error = context.facts.died(error);
                let mut state = self.state();
                state.is_over = true;
                state.fail(error);
            }
            KafkaError::PartitionEOF(partition) => self.state().at_end(partition),
            // The callback has told it.
            error => tracing::debug!(%error, "polling"),
        }
    }

    /// Looks after topics of which nothing comes, without waiting; whether that is done.
    fn is_quiet(&self, quiet: &mut Confirm<'_>) -> bool {
        match quiet.look(Duration::ZERO) {
            Answer::Waiting => return false,
            Answer::Same => {}
            Answer::Other => self.leave(),
        }
        true
    }

    /// What was polled may be of another topic: it is dropped, and read again by another member.
    fn leave(&self) {
        let mut state = self.state();
        if let Some(session) = state.session.take() {
            self.member.context().leave(&mut state, session);
        }
    }

    /// Hands on what is large or old enough; the largest where all of it is too much. Where something is old, all of it goes: one
    /// question is enough for what came before it. Whether there was anything.
    fn hand_on(&self) -> bool {
        let context = Arc::clone(self.member.context());
        let mut confirm = Confirm::new(&self.member);
        let (mut has_any, mut is_flush) = (false, false);
        loop {
            confirm.renew();
            let batch = {
                let mut state = context.state();
                let now = Instant::now();
                let is_much = state.parts.iter().map(Part::size).sum::<usize>() >= context.options.queue_bytes;
                let least = state.parts.iter().map(Part::size).max().filter(|_| is_much);
                let least = least.map_or(context.options.batch_bytes, |most| most.min(context.options.batch_bytes));
                let is_old = |since: Instant| now.duration_since(since) >= GATHER;
                is_flush |= state.parts.iter().filter_map(Part::since).any(is_old);
                if is_flush {
                    // No more comes than is gathered in time: nothing is kept for more.
                    state.blocks.clear();
                }
                let is_due = |part: &Part| part.size() >= least.max(1) || is_flush && part.since().is_some();
                let Some(part) = state.parts.iter_mut().find(|part| is_due(part)) else { return has_any };
                part.batch()
            };
            has_any = true;
            match batch {
                Ok(Some(batch)) => self.offer(batch, &mut confirm),
                Ok(None) => {}
                Err(conflict) => self.state().fail(Error::Positions(conflict)),
            }
        }
    }

    /// Waits until its topic is known to be the same and the line takes the batch, or wants nothing more.
    fn offer<'a>(&'a self, batch: RawBatch, confirm: &mut Confirm<'a>) {
        let mut is_paused = false;
        self.wait(batch, confirm, &mut is_paused);
        // Also where the line is another one by now, or none.
        if is_paused {
            let mut state = self.state();
            if let Err(error) = place::resume(&self.member, &self.member.context().options, &state.parts) {
                state.fail(error);
            }
            state.is_paused = false;
            state.doubt();
        }
    }

    fn wait<'a>(&'a self, mut batch: RawBatch, confirm: &mut Confirm<'a>, is_paused: &mut bool) {
        let since = Instant::now();
        let id = self.state().session.as_ref().map(|session| session.id);
        loop {
            match confirm.look(AGAIN) {
                Answer::Other => return self.leave(),
                Answer::Same => match self.give(id, batch) {
                    Some(full) => batch = full,
                    None => return,
                },
                Answer::Waiting if self.state().session.as_ref().map(|session| session.id) != id => return,
                Answer::Waiting => {}
            }
            if since.elapsed() < PATIENCE {
                std::thread::park_timeout(AGAIN);
            } else {
                if !*is_paused {
                    let mut state = self.state();
                    *is_paused = self.pause(&state).is_ok();
                    state.is_paused = *is_paused;
                    state.doubt();
                }
                // What was on its way when they were paused still comes.
                match self.member.poll(WAIT) {
                    Some(Ok(message)) => {
                        self.take(&message);
                    }
                    Some(Err(error)) => self.judge(error),
                    None => {}
                }
                confirm.outdate();
            }
            if !self.obey() {
                return;
            }
        }
    }

    /// Gives the line of this id a batch, which comes back where the line is busy.
    fn give(&self, id: Option<u64>, batch: RawBatch) -> Option<RawBatch> {
        let mut state = self.state();
        let session = state.session.as_ref().filter(|session| Some(session.id) == id)?;
        match session.batches.try_send(Ok(batch)) {
            Ok(()) => None,
            Err(TrySendError::Full(Ok(full))) => Some(full),
            Err(TrySendError::Full(Err(_)) | TrySendError::Closed(_)) => {
                state.session = None;
                None
            }
        }
    }

    fn pause(&self, state: &State) -> Result<(), Error> {
        let name = || self.member.context().options.name.clone();
        let done = self.member.pause(&place::list_of(&state.parts));
        done.map_err(|cause| Error::Call { name: name(), verb: "pausing partitions", cause: Box::new(cause) })
    }

    /// In a batch: whether everything up to the ends was handed on.
    fn finish(&self) {
        let mut state = self.member.context().state();
        if !self.member.context().options.batch || state.session.is_none() || state.parts.is_empty() {
            return;
        }
        let is_over = state.parts.iter().all(|part| part.is_done() && part.since().is_none());
        if is_over {
            // The thread ends with this line, so that others need not wait for what the process does next.
            self.member.context().facts.has_left.store(true, Ordering::Release);
            if let Some(session) = state.session.take() {
                state.finished = Some(session.id);
                session.finish();
            }
        }
    }

    /// Puts a message to those of its partition; whether these are many now.
    fn take(&self, message: &BorrowedMessage<'_>) -> bool {
        let context = Arc::clone(self.member.context());
        let mut state = context.state();
        if state.session.is_none() {
            return false;
        }
        let is_it = |part: &Part| part.partition == message.partition() && &*part.topic == message.topic();
        let at = match state.parts.get(self.last.get()) {
            Some(part) if is_it(part) => Some(self.last.get()),
            _ => state.find(message.topic(), message.partition()),
        };
        let State { parts, blocks, .. } = &mut *state;
        let Some((at, part)) = at.and_then(|at| Some((at, parts.get_mut(at)?))) else { return false };
        part.take(message, context.options.record_limit, Instant::now(), blocks);
        self.last.set(at);
        part.size() >= context.options.batch_bytes
    }
}
