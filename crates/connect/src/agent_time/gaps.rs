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

/// Bytes of the hash of a column.
const HASH: usize = 8;

/// The hashes of a snapshot's [`PAIRED`] columns one behind the other; zero stands for null.
pub type Digest = [u8; PAIRED.len() * HASH];

/// The snapshots of an event.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// Before it.
    pub previous: &'a Digest,
    /// After it.
    pub current: &'a Digest,
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

/// The end of one agent's stream so far.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    last: Option<Last>,
}

#[derive(Clone, Debug)]
struct Last {
    at: Timestamp,
    event: Box<str>,
    current: Box<Digest>,
}

impl Chain {
    /// Takes the next event of the agent: when, its id, its kind. Says whether something is missing before it. Heart beats repeat older
    /// snapshots: nothing is asked of them. An event without a snapshot says nothing, and nothing is asked after it.
    pub fn follow(&mut self, (at, event, kind): (Timestamp, &str, EventKind), link: Link<'_>) -> Option<Gap> {
        if kind == EventKind::HeartBeat {
            return None;
        }
        let is_there = |digest: &Digest| digest.iter().any(|byte| *byte != 0);
        let broken = |last: &Last| *last.current != *link.previous && is_there(link.previous);
        let gap = self.last.as_ref().filter(|last| broken(last)).map(|last| Gap {
            at,
            event: event.into(),
            last_at: last.at,
            last_event: last.event.clone(),
            columns: differing(&last.current, link.previous),
        });
        let last = || Last { at, event: event.into(), current: Box::new(*link.current) };
        self.last = is_there(link.current).then(last);
        gap
    }
}

/// The order in which events of one agent and one moment followed one another, as places among them: each after the one
/// whose current snapshot it has for its previous one. They are given in an order that does not depend on their arrival,
/// which stands where nothing is told.
pub fn succession(chain: Option<&Chain>, events: &[(EventKind, Link<'_>)]) -> Vec<usize> {
    let mut last = chain.and_then(|chain| Some(*chain.last.as_ref()?.current));
    // Heart beats tell nothing of the order, and come last: a LOGIN of the same moment begins the session.
    let (beats, mut left): (Vec<usize>, Vec<usize>) =
        (0..events.len()).partition(|at| events[*at].0 == EventKind::HeartBeat);
    let mut order = Vec::with_capacity(events.len());
    while !left.is_empty() {
        let follows = |at: &usize| last.is_some_and(|last| *events[*at].1.previous == last);
        let is_first = |at: &usize| {
            let previous = events[*at].1.previous;
            !left.iter().any(|other| other != at && events[*other].1.current == previous)
        };
        let next = left.iter().position(follows).or_else(|| left.iter().position(is_first)).unwrap_or(0);
        let at = left.remove(next);
        last = Some(*events[at].1.current);
        order.push(at);
    }
    order.extend(beats);
    order
}

fn differing(left: &Digest, right: &Digest) -> Vec<&'static str> {
    let hashes = left.chunks(HASH).zip(right.chunks(HASH));
    PAIRED.iter().zip(hashes).filter(|(_, (left, right))| left != right).map(|(name, _)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(contacts: u8) -> Digest {
        let mut digest = [7; PAIRED.len() * HASH];
        digest[PAIRED.len() * HASH - 1] = contacts;
        digest
    }

    #[test]
    fn events_of_one_moment_follow_one_another() {
        let (one, two, three, four) = (digest(1), digest(2), digest(3), digest(4));
        fn event<'a>(previous: &'a Digest, current: &'a Digest) -> (EventKind, Link<'a>) {
            (EventKind::Change, Link { previous, current })
        }
        let mut chain = Chain::default();
        let events = [event(&three, &four), event(&one, &two), event(&two, &three)];
        assert_eq!(succession(None, &events), [1, 2, 0]);
        // There and back: only what was before says with which it began.
        let events = [event(&two, &one), event(&one, &two)];
        assert_eq!(succession(None, &events), [0, 1]);
        chain.follow((Timestamp::from_micros(0), "e", EventKind::Change), Link { previous: &four, current: &one });
        assert_eq!(succession(Some(&chain), &events), [1, 0]);
        // Of those that follow none the first stands first, and a heart beat after all.
        let beat = (EventKind::HeartBeat, Link { previous: &two, current: &two });
        let events = [event(&three, &two), event(&two, &one), beat, event(&four, &four)];
        assert_eq!(succession(None, &events), [0, 1, 3, 2]);
    }

    #[test]
    fn a_broken_chain() {
        let (mut chain, nothing) = (Chain::default(), [0; PAIRED.len() * HASH]);
        let mut follow = |at: i64, kind: EventKind, previous: Digest, current: Digest| {
            chain.follow((Timestamp::from_micros(at), "e", kind), Link { previous: &previous, current: &current })
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
