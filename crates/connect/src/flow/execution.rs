//! The executions of flows and modules by a contact. `docs/flows.md` has the rules; they are called by their numbers here.

use std::sync::Arc;
use std::time::Duration;

use sha1::{Digest as _, Sha1};
use tributary_core::Timestamp;
use uuid::{Builder, Uuid};

use super::block::{Block, Ending, Lane, Role, Target};

/// The namespace of the ids: made for this table, and never changed.
const NAMESPACE: Uuid = Uuid::from_u128(0xf2a3_e8d6_6d1b_5c0e_9a54_3c1f_0d7b_2a61);

/// How an execution ended.
///
/// Source: Amazon Connect Administrator Guide, "Amazon Connect rules function language", the values of a flow's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The contact ended without it.
    Dropped,
    /// It disconnected the contact.
    DisconnectedParticipant,
    /// It was over.
    EndedFlowExecution,
    /// To a queue.
    TransferredToQueue,
    /// To an agent.
    TransferredToAgent,
    /// To a flow.
    TransferredToFlow,
    /// To a phone number.
    TransferredToPhoneNumber,
    /// A module went back.
    ReturnedToFlow,
}

impl Outcome {
    /// As the table has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dropped => "DROPPED",
            Self::DisconnectedParticipant => "DISCONNECTED_PARTICIPANT",
            Self::EndedFlowExecution => "ENDED_FLOW_EXECUTION",
            Self::TransferredToQueue => "TRANSFERRED_TO_QUEUE",
            Self::TransferredToAgent => "TRANSFERRED_TO_AGENT",
            Self::TransferredToFlow => "TRANSFERRED_TO_FLOW",
            Self::TransferredToPhoneNumber => "TRANSFERRED_TO_PHONE_NUMBER",
            Self::ReturnedToFlow => "RETURNED_TO_FLOW",
        }
    }
}

/// An execution.
#[derive(Clone, Debug)]
pub struct Execution {
    /// What ran.
    pub lane: Arc<Lane>,
    /// Its version, if its first line says one.
    pub version: Option<Box<str>>,
    /// The moment of its first line.
    pub start: Timestamp,
    /// The id of its first line.
    pub first: Box<str>,
    /// The moment it ended, if anything says so.
    pub end: Option<Timestamp>,
    /// How.
    pub outcome: Option<Outcome>,
    /// The flow that the contact was transferred to.
    pub next_flow: Option<Box<str>>,
    /// The queue that the contact was transferred to.
    pub next_queue: Option<Box<str>>,
}

impl Execution {
    /// Its id: UUIDv5 (RFC 9562, section 5.5) of the instance, the contact, what ran, the stack and the first
    /// line: its moment, and its id, for a lane may have two executions that begin at one moment.
    pub fn id(&self, instance_id: &str, contact_id: &str) -> Uuid {
        let mut name = Sha1::new_with_prefix(NAMESPACE.as_bytes());
        let start = self.start.micros().to_string();
        let lane =
            [instance_id, contact_id, self.lane.resource()].into_iter().chain(self.lane.stack.iter().map(|arn| &**arn));
        for (place, text) in lane.chain([start.as_str(), &self.first]).enumerate() {
            if place > 0 {
                name.update([0]);
            }
            name.update(text.as_bytes());
        }
        let digest = name.finalize();
        Builder::from_sha1_bytes(digest.first_chunk::<16>().copied().unwrap_or_default()).into_uuid()
    }
}

/// Something that happened to a contact; of one moment in this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Happening {
    /// It came into a queue.
    Queued {
        /// Its id, if it is known; of the queue of an agent the agent's.
        queue: Option<Box<str>>,
        /// Whether it is an agent's.
        is_agents: bool,
    },
    /// An agent took it.
    Connected,
    /// It ended.
    Disconnected,
}

/// What ran for a contact, and what happened to it; in any order.
#[derive(Clone, Debug, Default)]
pub struct ContactLog {
    /// Lines.
    pub blocks: Vec<Block>,
    /// Events.
    pub happenings: Vec<(Timestamp, Happening)>,
}

/// What a contact's log says.
#[derive(Clone, Debug, Default)]
pub struct Executions {
    /// Those that ended, or of which nothing more is expected, in the order of their first lines.
    pub ended: Vec<Execution>,
    /// Of those that go on, the earliest moment of a last line: the first of which nothing more will be expected.
    pub open: Option<Timestamp>,
}

/// An execution in the making.
struct Running {
    execution: Execution,
    last: Timestamp,
    /// The line that ended it.
    marker: Option<usize>,
    /// Whether it ended because the contact did.
    is_dropped: bool,
    target: Option<Target>,
}

/// The rules at work.
struct Walk<'b> {
    blocks: &'b [Block],
    running: Vec<Running>,
    /// The queue that was set last (rule of `next_queue_resource_id`).
    queue: Option<Target>,
    /// The transfers of the contact to queues: the line of each. The last one says since when it waits.
    queued: Vec<usize>,
    /// Whether the contact has ended.
    ended: bool,
}

impl ContactLog {
    /// The executions, when `newest` is the newest moment that is known of anybody.
    pub fn executions(&mut self, newest: Timestamp, open_for: Duration) -> Executions {
        self.blocks.sort_by(|one, other| (one.at, &one.event_id).cmp(&(other.at, &other.event_id)));
        self.blocks.dedup_by(|one, other| one.at == other.at && one.event_id == other.event_id);
        self.happenings.sort();
        self.happenings.dedup();
        let mut walk =
            Walk { blocks: &self.blocks, running: Vec::new(), queue: None, queued: Vec::new(), ended: false };
        let mut happenings = self.happenings.iter().peekable();
        for at in 0..self.blocks.len() {
            // Of one moment lines come first.
            while let Some((moment, happening)) = happenings.next_if(|(moment, _)| *moment < self.blocks[at].at) {
                walk.happens(*moment, happening);
            }
            walk.block(at);
        }
        happenings.for_each(|(moment, happening)| walk.happens(*moment, happening));
        self.settle(walk.running, newest, open_for)
    }

    fn settle(&self, running: Vec<Running>, newest: Timestamp, open_for: Duration) -> Executions {
        let micros = i64::try_from(open_for.as_micros()).unwrap_or(i64::MAX);
        let mut found = Executions::default();
        let flows: Vec<(Timestamp, Arc<Lane>)> = running
            .iter()
            .filter(|running| running.execution.lane.module.is_none())
            .map(|running| (running.execution.start, Arc::clone(&running.execution.lane)))
            .collect();
        for Running { mut execution, last, target, .. } in running {
            if execution.end.is_none() && newest.micros().saturating_sub(last.micros()) < micros {
                found.open = Some(found.open.map_or(last, |open| open.min(last)));
                continue;
            }
            if let (Some(end), Some(outcome)) = (execution.end, execution.outcome) {
                self.say_next(&mut execution, (end, outcome), target, &flows);
            }
            found.ended.push(execution);
        }
        found
    }

    fn say_next(
        &self,
        execution: &mut Execution,
        (end, outcome): (Timestamp, Outcome),
        target: Option<Target>,
        flows: &[(Timestamp, Arc<Lane>)],
    ) {
        match (outcome, target) {
            (Outcome::TransferredToFlow, Some(Target::Flow(flow))) => execution.next_flow = Some(flow),
            (Outcome::TransferredToFlow, _) => {
                let next = flows.iter().find(|(start, _)| *start >= end && *start > execution.start);
                execution.next_flow = next.and_then(|(_, lane)| lane.flow.as_deref().map(Into::into));
            }
            (Outcome::TransferredToQueue, Some(Target::Queue(queue)))
            | (Outcome::TransferredToAgent, Some(Target::AgentQueue(queue))) => execution.next_queue = Some(queue),
            (Outcome::TransferredToQueue, _) => {
                let queued = self.happenings.iter().find_map(|(at, happening)| match happening {
                    Happening::Queued { queue: Some(queue), is_agents } if *at >= end => Some((queue, *is_agents)),
                    _ => None,
                });
                execution.next_queue = queued.map(|(queue, _)| queue.clone());
                if queued.is_some_and(|(_, is_agents)| is_agents) {
                    execution.outcome = Some(Outcome::TransferredToAgent);
                }
            }
            _ => {}
        }
    }
}

impl Walk<'_> {
    fn block(&mut self, at: usize) {
        let block = &self.blocks[at];
        let last = self.running.iter().rposition(|running| running.execution.lane == block.lane);
        let marker = last.and_then(|place| self.running[place].marker);
        if marker.is_some_and(|marker| block.repeats(&self.blocks[marker])) {
            return;
        }
        let place = match last {
            Some(place) if self.running[place].goes_on_with(block, self.blocks) => place,
            _ => self.open(block), // rule 1
        };
        self.running[place].last = block.at;
        if self.running[place].is_dropped {
            let end = &mut self.running[place].execution.end;
            *end = (*end).max(Some(block.at)); // rule 6
            return;
        }
        // Rule 4: what ended with the block's first line is open again, until its second line ends it.
        if let Some(first) = self.running[place].marker {
            self.queued.retain(|transfer| *transfer != first);
            self.running.iter_mut().filter(|running| running.marker == Some(first)).for_each(Running::reopen);
        }
        match block.role {
            Role::SetsQueue => self.queue = block.target.clone(),
            Role::Ends(ending) if !block.has_failed() => self.end(place, at, ending),
            // The contact ended while the block was at work.
            Role::Ends(_) if self.ended && marker.is_some() => self.running[place].is_dropped_at(block.at),
            Role::Ends(_) | Role::Step => {}
        }
    }

    fn open(&mut self, block: &Block) -> usize {
        let execution = Execution {
            lane: Arc::clone(&block.lane),
            version: block.version.clone(),
            start: block.at,
            first: block.event_id.clone(),
            end: None,
            outcome: None,
            next_flow: None,
            next_queue: None,
        };
        let running = Running { execution, last: block.at, marker: None, is_dropped: false, target: None };
        self.running.push(running);
        self.running.len() - 1
    }

    /// Rule 3.
    fn end(&mut self, place: usize, at: usize, ending: Ending) {
        let block = &self.blocks[at];
        let (outcome, target) = self.outcome(block, ending);
        if matches!(outcome, Outcome::TransferredToQueue | Outcome::TransferredToAgent) {
            self.queued.push(at);
        }
        self.running[place].is_over(block.at, outcome, target.clone());
        self.running[place].marker = Some(at);
        if outcome != Outcome::ReturnedToFlow && block.lane.module.is_some() {
            let invoking = self.running.iter_mut().filter(|running| running.execution.end.is_none());
            for running in invoking.filter(|running| running.execution.lane.invoked(&block.lane)) {
                running.is_over(block.at, outcome, target.clone());
                running.marker = Some(at);
            }
        }
    }

    fn outcome(&self, block: &Block, ending: Ending) -> (Outcome, Option<Target>) {
        let target = block.target.clone().or_else(|| self.queue.clone());
        let outcome = match (ending, &target) {
            (Ending::Disconnects, _) => Outcome::DisconnectedParticipant,
            (Ending::Ends, _) => Outcome::EndedFlowExecution,
            (Ending::Returns, _) => Outcome::ReturnedToFlow,
            (Ending::ToFlow, _) => return (Outcome::TransferredToFlow, block.target.clone()),
            (Ending::Transfers, Some(Target::Flow(_))) => Outcome::TransferredToFlow,
            (Ending::ToPhone, _) | (Ending::Transfers, Some(Target::Phone)) => Outcome::TransferredToPhoneNumber,
            (Ending::ToAgent, _) | (Ending::Transfers | Ending::ToQueue, Some(Target::AgentQueue(_))) => {
                Outcome::TransferredToAgent
            }
            (Ending::Transfers | Ending::ToQueue, _) => Outcome::TransferredToQueue,
        };
        (outcome, target)
    }

    fn happens(&mut self, moment: Timestamp, happening: &Happening) {
        let open = |running: &&mut Running| running.execution.end.is_none();
        match happening {
            Happening::Queued { .. } => {}
            // Rule 5.
            Happening::Connected => {
                let Some(queued) = self.queued.drain(..).next_back().map(|line| self.blocks[line].at) else { return };
                for running in self.running.iter_mut().filter(open).filter(|running| running.execution.start >= queued)
                {
                    running.is_over(moment, Outcome::TransferredToAgent, None);
                }
            }
            // Rule 6.
            Happening::Disconnected => {
                self.ended = true;
                self.running.iter_mut().filter(open).for_each(|running| running.is_dropped_at(moment));
            }
        }
    }
}

impl Running {
    /// Whether a line of its lane is of it, and of no execution that begins.
    fn goes_on_with(&self, block: &Block, blocks: &[Block]) -> bool {
        self.execution.end.is_none()
            || self.is_dropped
            || self.marker.is_some_and(|marker| {
                let first = &blocks[marker];
                first.lane == block.lane && block.concludes(first)
            })
    }

    fn reopen(&mut self) {
        (self.execution.end, self.execution.outcome, self.marker, self.target) = (None, None, None, None);
    }

    fn is_dropped_at(&mut self, at: Timestamp) {
        self.is_over(at, Outcome::Dropped, None);
        self.is_dropped = true;
    }

    fn is_over(&mut self, at: Timestamp, outcome: Outcome, target: Option<Target>) {
        self.execution.end = Some(at);
        self.execution.outcome = Some(outcome);
        self.target = target;
    }
}

#[cfg(test)]
mod tests;
