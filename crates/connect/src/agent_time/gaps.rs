//! Whether an agent's stream is whole: each event tells what was before it, and that is what the last one told.
//!
//! Source: of captured streams every previous snapshot equals the agent's last current one, heart beats left out.

use tributary_core::Timestamp;

use super::sighting::EventKind;

/// The columns that `agent_event` holds of both snapshots, as `current_` and `previous_`, in its order.
pub const PAIRED: [&str; 23] = [
    "agent_status_arn",
    "agent_status_name",
    "agent_status_start_timestamp",
    "agent_status_type",
    "configuration_proficiencies",
    "routing_profile_arn",
    "routing_profile_name",
    "routing_profile_concurrency",
    "routing_profile_default_outbound_queue_arn",
    "routing_profile_default_outbound_queue_name",
    "routing_profile_default_outbound_queue_channels",
    "routing_profile_inbound_queues",
    "agent_hierarchy_groups_level_1_arn",
    "agent_hierarchy_groups_level_1_name",
    "agent_hierarchy_groups_level_2_arn",
    "agent_hierarchy_groups_level_2_name",
    "agent_hierarchy_groups_level_3_arn",
    "agent_hierarchy_groups_level_3_name",
    "agent_hierarchy_groups_level_4_arn",
    "agent_hierarchy_groups_level_4_name",
    "agent_hierarchy_groups_level_5_arn",
    "agent_hierarchy_groups_level_5_name",
    "contacts",
];

/// The hashes of a snapshot's [`PAIRED`] columns; zero stands for null.
pub type Digest = [u64; PAIRED.len()];

/// One hash of a whole snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole(u64);

impl Whole {
    /// A snapshot that is missing: every column is null.
    pub const NOTHING: Self = Self::of(&[0; PAIRED.len()]);

    /// That of a snapshot with these columns.
    pub const fn of(digest: &Digest) -> Self {
        let (mut whole, mut at) = (Self::START, 0);
        while at < digest.len() {
            whole = whole.with(digest[at]);
            at += 1;
        }
        whole
    }

    /// Before the first column.
    pub const START: Self = Self(0x6a09_e667_f3bc_c908);

    /// As a number.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// That of [`bits`](Self::bits).
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// With the hash of the next column, whose bits are spread.
    #[must_use]
    pub const fn with(self, column: u64) -> Self {
        Self((self.0.rotate_left(23) ^ column).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

/// The snapshots of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Before it.
    pub previous: Whole,
    /// After it.
    pub current: Whole,
}

impl Link {
    /// As numbers: the previous one, the current one.
    pub const fn bits(self) -> [u64; 2] {
        [self.previous.bits(), self.current.bits()]
    }

    /// That of [`bits`](Self::bits).
    pub const fn from_bits([previous, current]: [u64; 2]) -> Self {
        Self { previous: Whole::from_bits(previous), current: Whole::from_bits(current) }
    }
}

/// A row of `agent_stream_gaps`: something is missing between two events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// When the later event happened.
    pub at: Timestamp,
    /// Its id.
    pub event: Box<str>,
    /// When the earlier one happened.
    pub last_at: Timestamp,
    /// Its id.
    pub last_event: Box<str>,
    /// Which of [`PAIRED`] differ.
    pub columns: Vec<&'static str>,
}

impl Gap {
    /// The gap between two events, by the snapshot that the earlier told last and the one that the later found; none where
    /// these are the same.
    pub fn between(
        last: (Timestamp, &str),
        current: &Digest,
        this: (Timestamp, &str),
        previous: &Digest,
    ) -> Option<Self> {
        let columns = differing(current, previous);
        let ((last_at, last_event), (at, event)) = (last, this);
        (!columns.is_empty()).then(|| Self { at, event: event.into(), last_at, last_event: last_event.into(), columns })
    }
}

/// The end of one agent's stream so far.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    last: Option<Last>,
}

#[derive(Clone, Debug)]
struct Last {
    at: Timestamp,
    event: String,
    current: Whole,
}

impl Chain {
    /// Whether something is missing before an event. Heart beats repeat older snapshots: nothing is asked of them. Nor of an
    /// event without the snapshot before it.
    pub fn is_broken_by(&self, kind: EventKind, link: Link) -> bool {
        let differs = |last: &Last| last.current != link.previous;
        kind != EventKind::HeartBeat && link.previous != Whole::NOTHING && self.last.as_ref().is_some_and(differs)
    }

    /// The event that the chain ends with: when it happened, and its id.
    pub fn last(&self) -> Option<(Timestamp, &str)> {
        self.last.as_ref().map(|last| (last.at, last.event.as_str()))
    }

    /// Takes the next event of the agent: when it happened, its id, its kind. Heart beats do not move the chain; an event
    /// without a snapshot says nothing, and nothing is asked after it. Whether it is the last one now.
    pub fn follow(&mut self, (at, event, kind): (Timestamp, &str, EventKind), link: Link) -> bool {
        if kind == EventKind::HeartBeat {
            return false;
        }
        if link.current == Whole::NOTHING {
            self.last = None;
            return false;
        }
        let last = self.last.get_or_insert_with(|| Last { at, event: String::new(), current: link.current });
        (last.at, last.current) = (at, link.current);
        event.clone_into(&mut last.event);
        true
    }
}

/// The order in which events of one agent and one moment followed one another, as places among them: each after the one
/// whose current snapshot it has for its previous one. They are given in an order that does not depend on their arrival,
/// which stands where nothing is told.
pub fn succession(chain: Option<&Chain>, events: &[(EventKind, Link)]) -> Vec<usize> {
    let mut last = chain.and_then(|chain| Some(chain.last.as_ref()?.current));
    // Heart beats tell nothing of the order, and come last: a LOGIN of the same moment begins the session.
    let (beats, mut left): (Vec<usize>, Vec<usize>) =
        (0..events.len()).partition(|at| events[*at].0 == EventKind::HeartBeat);
    let mut order = Vec::with_capacity(events.len());
    while !left.is_empty() {
        let follows = |at: &usize| last.is_some_and(|last| events[*at].1.previous == last);
        let is_first = |at: &usize| {
            let previous = events[*at].1.previous;
            !left.iter().any(|other| other != at && events[*other].1.current == previous)
        };
        let next = left.iter().position(follows).or_else(|| left.iter().position(is_first)).unwrap_or(0);
        let at = left.remove(next);
        last = Some(events[at].1.current);
        order.push(at);
    }
    order.extend(beats);
    order
}

fn differing(left: &Digest, right: &Digest) -> Vec<&'static str> {
    let hashes = left.iter().zip(right);
    PAIRED.iter().zip(hashes).filter(|(_, (left, right))| left != right).map(|(name, _)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(contacts: u64) -> Digest {
        let mut digest = [7; PAIRED.len()];
        digest[PAIRED.len() - 1] = contacts;
        digest
    }

    fn link(previous: &Digest, current: &Digest) -> Link {
        Link { previous: Whole::of(previous), current: Whole::of(current) }
    }

    #[test]
    fn events_of_one_moment_follow_one_another() {
        let (one, two, three, four) = (digest(1), digest(2), digest(3), digest(4));
        let event = |previous: &Digest, current: &Digest| (EventKind::Change, link(previous, current));
        let mut chain = Chain::default();
        let events = [event(&three, &four), event(&one, &two), event(&two, &three)];
        assert_eq!(succession(None, &events), [1, 2, 0]);
        // There and back: only what was before says with which it began.
        let events = [event(&two, &one), event(&one, &two)];
        assert_eq!(succession(None, &events), [0, 1]);
        chain.follow((Timestamp::from_micros(0), "e", EventKind::Change), link(&four, &one));
        assert_eq!(succession(Some(&chain), &events), [1, 0]);
        // Of those that follow none the first stands first, and a heart beat after all.
        let beat = (EventKind::HeartBeat, link(&two, &two));
        let events = [event(&three, &two), event(&two, &one), beat, event(&four, &four)];
        assert_eq!(succession(None, &events), [0, 1, 3, 2]);
    }

    #[test]
    fn a_broken_chain() {
        let (mut chain, nothing) = (Chain::default(), [0; PAIRED.len()]);
        assert_eq!(Whole::of(&nothing), Whole::NOTHING);
        let mut last = nothing;
        let mut follow = |at: i64, kind: EventKind, previous: Digest, current: Digest| {
            let (at, link) = (Timestamp::from_micros(at), link(&previous, &current));
            let is_broken = chain.is_broken_by(kind, link);
            let gap = is_broken.then(|| Gap::between(chain.last().unwrap(), &last, (at, "e"), &previous).unwrap());
            if chain.follow((at, "e", kind), link) {
                last = current;
            }
            gap
        };
        assert_eq!(follow(0, EventKind::Login, digest(9), digest(1)), None, "nothing is known before the first");
        assert_eq!(follow(1, EventKind::Change, digest(1), digest(2)), None);
        assert_eq!(follow(2, EventKind::HeartBeat, digest(1), digest(2)), None, "heart beats repeat older snapshots");
        assert_eq!(follow(3, EventKind::Change, digest(2), digest(3)), None, "and do not move the chain");
        let gap = follow(5, EventKind::Change, digest(4), digest(5)).unwrap();
        assert_eq!((gap.last_at.micros(), gap.at.micros(), gap.columns), (3, 5, vec!["contacts"]));
        assert_eq!(follow(6, EventKind::Login, nothing, nothing), None, "a snapshot that is missing says nothing");
        assert_eq!(follow(7, EventKind::Change, digest(6), digest(7)), None, "and nothing is known after it");
    }
}
