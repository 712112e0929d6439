//! A state of a contact, as statistics see it.

use std::sync::Arc;

use tributary_core::Timestamp;

use super::ended::{EndReason, Segment};
use super::statistics::QueueAndChannel;

/// What an agent has to do with a contact in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// It rings at the agent.
    Ringing,
    /// It rings at the customer, and the agent waits: on contact, but not handled yet.
    OutboundRinging,
    /// The agent handles it: talk, hold, pause, after-contact work.
    Handled,
    /// The agent missed or rejected it, or it failed.
    Failed,
    /// A state that is not counted.
    Other,
}

/// How a contact began, as far as columns tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    /// INBOUND, TRANSFER, QUEUE_TRANSFER.
    Incoming,
    /// OUTBOUND, EXTERNAL_OUTBOUND.
    Outbound,
    /// CALLBACK.
    Callback,
    /// API.
    Api,
}

impl Routing {
    /// How many there are.
    pub const COUNT: usize = 4;

    /// That of an initiation method.
    fn of(method: &str) -> Option<Self> {
        match method {
            "INBOUND" | "TRANSFER" | "QUEUE_TRANSFER" => Some(Self::Incoming),
            "OUTBOUND" | "EXTERNAL_OUTBOUND" => Some(Self::Outbound),
            "CALLBACK" => Some(Self::Callback),
            "API" => Some(Self::Api),
            _ => None,
        }
    }
}

/// Something that is counted once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// It was offered to the agent.
    Offered,
    /// It began to ring.
    Attempt(Routing),
    /// The agent missed or rejected it.
    Missed,
    /// The customer gave up while it rang.
    Abandoned,
    /// Its conversation ended.
    Handled,
}

/// A state of a contact.
#[derive(Clone, Debug)]
pub(crate) struct CountedContact {
    pub(crate) start: i64,
    /// None where its session's end is all that is known.
    pub(crate) end: Option<i64>,
    pub(crate) class: Class,
    pub(crate) routing: Option<Routing>,
    pub(crate) queue: Arc<QueueAndChannel>,
    counts: [Option<(i64, Count)>; 2],
}

impl CountedContact {
    /// A segment of this queue.
    pub(crate) fn new(segment: &Segment, queue: Arc<QueueAndChannel>) -> Self {
        let (start, end) = (segment.stretch.start.micros(), segment.stretch.end.map(Timestamp::micros));
        let routing = segment.contact.method.as_deref().and_then(Routing::of);
        let is_connected = segment.contact.connected.is_some();
        let is_outbound = routing == Some(Routing::Outbound);
        // What goes on from the session before was counted there; what goes on from INCOMING, with that.
        let is_new = segment.is_from_its_beginning();
        let begins = |count: Count| Some((start, count)).filter(|_| is_new);
        let rings = |count: Count| begins(count).filter(|_| !segment.follows_incoming);
        let attempt = routing.and_then(|routing| rings(Count::Attempt(routing)));
        let (class, counts) = match &*segment.state {
            "CONNECTING" | "INCOMING" if is_outbound => (Class::OutboundRinging, [attempt, None]),
            "CONNECTING" | "INCOMING" => (Class::Ringing, [rings(Count::Offered), attempt]),
            "CONNECTED" | "CONNECTED_ONHOLD" | "PAUSED" => {
                let is_last = segment.stretch.reason == EndReason::ContactGone;
                (Class::Handled, [end.filter(|_| is_last).map(|end| (end, Count::Handled)), None])
            }
            "ENDED" => (Class::Handled, [begins(Count::Handled).filter(|_| is_connected), None]),
            "MISSED" | "REJECTED" => (Class::Failed, [begins(Count::Missed), None]),
            // Before it was connected the customer gave up; that an outbound call fails is no answer the agent owes.
            "ERROR" => (Class::Failed, [begins(Count::Abandoned).filter(|_| !is_connected && !is_outbound), None]),
            _ => (Class::Other, [None, None]),
        };
        Self { start, end, class, routing, queue, counts }
    }

    /// What is counted of it, and when.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (i64, Count)> {
        self.counts.into_iter().flatten()
    }
}
