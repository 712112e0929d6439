//! What happens when partitions come and go: the line that is fed ends, and another one begins where the log stands.

use std::sync::atomic::Ordering;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _, RebalanceProtocol};
use rdkafka::{Offset, TopicPartitionList};
use tributary_core::RawBatch;

use crate::context::{Command, Context, Session, State};
use crate::error::Error;
use crate::part::Part;
use crate::place::{self, Placed, place};

/// How long a line may take to begin anew while a rebalance waits for it; then the partitions are taken without one.
const NEW_LINE: Duration = Duration::from_secs(60);

type Member = BaseConsumer<Context>;

/// Whether a line is fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fed {
    /// From now on.
    Yes,
    /// The next one may be, after what this one commits.
    AfterACommit,
    /// Not for now.
    No,
}

impl Context {
    /// Ends the line that is fed and waits until it has committed what it has, for as long as a rebalance may take.
    fn end_line(&self, member: &Member, state: &mut State) {
        state.parts.iter_mut().for_each(Part::forget);
        let id = match (state.session.take(), state.finished) {
            (Some(session), _) => session.interrupt(),
            // It is still committing.
            (None, Some(finished)) if !state.is_over => finished,
            (None, _) => return,
        };
        let deadline = Instant::now() + self.options.rebalance_deadline;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match state.commands.recv_timeout(left) {
                Ok(Command::Detach(detached)) => {
                    state.detached(detached);
                    if detached == id {
                        return;
                    }
                }
                Ok(Command::Commit(offsets)) => self.commit(member, state, &offsets),
                Ok(other @ Command::Attach(_)) => state.later.push_back(other),
                Err(RecvTimeoutError::Timeout) => {
                    let seconds = self.options.rebalance_deadline.as_secs_f64();
                    tracing::warn!(seconds, "the line did not end in time: its partitions go to others before it does");
                    return;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    state.is_over = true;
                    return;
                }
            }
        }
    }

    /// Waits for a line that has read the log after the partitions became ours.
    fn new_line(&self, member: &Member, state: &mut State) -> Option<Session> {
        let deadline = Instant::now() + NEW_LINE;
        while !state.is_over {
            let left = deadline.saturating_duration_since(Instant::now());
            let came = match state.later.pop_front() {
                Some(command) => Ok(command),
                None => state.commands.recv_timeout(left),
            };
            match came {
                Ok(Command::Attach(session)) => return Some(session),
                Ok(Command::Detach(detached)) => state.detached(detached),
                Ok(Command::Commit(offsets)) => self.commit(member, state, &offsets),
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => state.is_over = true,
            }
        }
        None
    }

    /// Brings all our partitions to where a line's checkpoint says; whether that line is fed from now on.
    pub(crate) fn feed(&self, member: &Member, state: &mut State, session: Session) -> Fed {
        let State { parts, ends, ids, .. } = state;
        match place(member, &self.options, parts, &session.checkpoint, ends, ids) {
            Ok(Placed::Ready) => {
                state.session = Some(session);
                return Fed::Yes;
            }
            Ok(Placed::Resolved(delta)) => {
                tracing::info!(splits = delta.len(), "where reading begins is committed first");
                let scope = tributary_core::ScopeId::new(format!("source:{}", self.options.name));
                let batch = RawBatch { scope, records: Vec::new(), delta, read_at: None };
                // The channel is new.
                if session.batches.try_send(Ok(batch)).is_ok() {
                    session.interrupt();
                }
                return Fed::AfterACommit;
            }
            Ok(Placed::Other) => self.leave(state, session),
            Err(error) => session.fail(error),
        }
        Fed::No
    }

    /// The line ends, and with it this member: the next one joins anew.
    pub(crate) fn leave(&self, state: &mut State, session: Session) {
        state.parts.iter_mut().for_each(Part::forget);
        self.facts.has_left.store(true, Ordering::Release);
        // The thread stays until the line has committed what it has.
        state.finished = Some(session.interrupt());
    }

    pub(crate) fn assigned(&self, member: &Member, list: &mut TopicPartitionList) {
        // Every member is called when anything moves, also one that keeps all that it has.
        if list.count() == 0 && matches!(member.rebalance_protocol(), RebalanceProtocol::Cooperative) {
            if let Err(error) = member.incremental_assign(list) {
                tracing::error!(%error, "an assignment of nothing was refused");
            }
            // The client has paused and resumed what we keep, and thrown away what it had fetched of it. What we paused stays so.
            self.state().parts.iter_mut().for_each(Part::doubt);
            return;
        }
        let mut state = self.state();
        let had_line = state.session.is_some();
        self.end_line(member, &mut state);
        let kept = state.parts.len();
        for element in list.elements() {
            tracing::info!(topic = element.topic(), partition = element.partition(), "partition is ours");
            state.parts.push(Part::new(&self.options.name, element.topic(), element.partition()));
        }
        // One that was on its way may have read the log before they were ours.
        if !had_line && let Some(session) = self.new_line(member, &mut state) {
            session.interrupt();
        }
        let mut is_fed = false;
        // Only for a commit of ours another line is waited for here: what fails may fail for as long as these partitions are
        // ours, and whoever takes them from us has to be heard.
        while let Some(session) = self.new_line(member, &mut state) {
            match self.feed(member, &mut state, session) {
                Fed::AfterACommit => {}
                fed => {
                    is_fed = fed == Fed::Yes;
                    break;
                }
            }
        }
        for element in &mut list.elements() {
            let at = state.find(element.topic(), element.partition());
            let next = at.and_then(|at| state.parts.get(at)).map_or(0, |part| part.next);
            let set = element.set_offset(if is_fed { place::offset(next) } else { Offset::Beginning });
            if let Err(error) = set {
                tracing::error!(%error, "a partition cannot be placed");
            }
        }
        let done = match member.rebalance_protocol() {
            RebalanceProtocol::Cooperative => member.incremental_assign(list),
            RebalanceProtocol::Eager | RebalanceProtocol::None => member.assign(list),
        };
        let done = done.and_then(|()| if is_fed { Ok(()) } else { member.pause(list) });
        // They may have been paused for a line that is gone.
        let resumed = if is_fed { place::resume(member, &self.options, &state.parts) } else { Ok(()) };
        let sought = resumed.and_then(|()| place::seek(member, &self.options, state.parts.iter().take(kept)));
        state.doubt();
        match (done, sought) {
            (Ok(()), Ok(())) => {}
            (Err(cause), _) => {
                state.fail(Error::Call {
                    name: self.options.name.clone(),
                    verb: "taking partitions",
                    cause: Box::new(cause),
                });
            }
            (Ok(()), Err(error)) => state.fail(error),
        }
    }

    pub(crate) fn revoked(&self, member: &Member, list: &TopicPartitionList) {
        let mut state = self.state();
        if member.assignment_lost() {
            tracing::warn!("the group took us for dead: others have our partitions already");
            state.parts.iter_mut().for_each(Part::forget);
            state.session.take().map(Session::interrupt);
        } else {
            self.end_line(member, &mut state);
        }
        for element in list.elements() {
            tracing::info!(topic = element.topic(), partition = element.partition(), "partition goes to others");
            if let Some(at) = state.find(element.topic(), element.partition()) {
                state.parts.remove(at);
            }
        }
        // The client remembers that a partition was paused, also when it comes back later.
        if let Err(error) = member.resume(list) {
            tracing::debug!(%error, "partitions could not be resumed");
        }
        let done = match member.rebalance_protocol() {
            RebalanceProtocol::Cooperative => member.incremental_unassign(list),
            RebalanceProtocol::Eager | RebalanceProtocol::None => member.unassign(),
        };
        if let Err(error) = done {
            tracing::error!(%error, "partitions cannot be given up");
        }
    }
}
