//! Which topic's partition is at its end, where ours have several of one number.
//!
//! The client tells of an end by the number of the partition and not by its topic (rdkafka's `PartitionEOF`). Where that
//! leaves it open, one topic is read alone for a moment: the partitions of the others are paused, the client throws away what
//! it has of them, and the next end is known to be of the topic. A position passes what is no record only then: whatever is
//! passed over by mistake is lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaResult;

use crate::context::{Context, State};
use crate::part::Part;

/// In a batch, which ends with it, a partition is looked into after so long.
const PATIENCE_OF_BATCH: Duration = Duration::from_secs(1);

/// In a stream only its lag is at stake, and more records may come of themselves.
const PATIENCE_OF_STREAM: Duration = Duration::from_secs(15);

/// The others wait no longer than that for a broker that does not answer; it is asked again later.
const LONGEST: Duration = Duration::from_secs(3);

/// A topic that is read alone.
pub(crate) struct Alone {
    topic: Arc<str>,
    /// The partitions that are asked.
    numbers: Vec<i32>,
    since: Instant,
    /// Others were paused or resumed since: an end may be of any topic again.
    pub(crate) is_void: bool,
}

impl Alone {
    fn asks(&self, part: &Part) -> bool {
        part.topic == self.topic && self.numbers.contains(&part.partition)
    }

    /// Whether a partition is paused so that it cannot be mistaken for one that is asked.
    fn stops(&self, part: &Part) -> bool {
        part.topic != self.topic && self.numbers.contains(&part.partition)
    }
}

impl State {
    /// The client is at the end of a partition of this number: it counts where it is known whose that is.
    pub(crate) fn at_end(&mut self, partition: i32) {
        let alike = |part: &&mut Part| part.partition == partition;
        if self.parts.iter_mut().filter(alike).count() == 1 {
            self.parts.iter_mut().filter(alike).for_each(Part::at_end);
        } else if let Some(alone) = self.alone.as_ref().filter(|alone| !alone.is_void) {
            self.parts.iter_mut().filter(alike).filter(|part| alone.asks(part)).for_each(Part::at_end);
        }
    }

    /// The topic to be read alone: of the partitions that cannot go on before it is known whether they are at their ends, the one
    /// that has waited longest is of it.
    fn to_single_out(&self, is_batch: bool, now: Instant) -> Option<Alone> {
        let patience = if is_batch { PATIENCE_OF_BATCH } else { PATIENCE_OF_STREAM };
        let is_alike = |part: &Part| self.parts.iter().filter(|other| other.partition == part.partition).count() > 1;
        let waiting = self.parts.iter().filter_map(|part| Some((part.waits_since()?, part)));
        let due = waiting.filter(|(since, part)| now.duration_since(*since) >= patience && is_alike(part));
        let topic = Arc::clone(&due.min_by_key(|(since, _)| *since)?.1.topic);
        let asked = self.parts.iter().filter(|part| part.topic == topic && part.waits_since().is_some());
        let numbers = asked.map(|part| part.partition).collect();
        Some(Alone { topic, numbers, since: now, is_void: false })
    }
}

/// Reads a topic alone where that is needed, and the others again afterwards.
pub(crate) fn single_out(member: &BaseConsumer<Context>, state: &mut State, is_batch: bool) -> KafkaResult<()> {
    let now = Instant::now();
    let Some(alone) = state.alone.take() else {
        let alone = state.to_single_out(is_batch, now).filter(|_| state.session.is_some());
        return alone.map_or(Ok(()), |alone| begin(member, state, alone));
    };
    // Whoever made it void has resumed all of them, or the next line will.
    if alone.is_void || state.session.is_none() {
        return Ok(());
    }
    let is_known = state.parts.iter().filter(|part| alone.asks(part)).all(Part::is_settled);
    if !is_known && now.duration_since(alone.since) < LONGEST {
        state.alone = Some(alone);
        return Ok(());
    }
    let mut others = TopicPartitionList::new();
    for part in &mut state.parts {
        if alone.stops(part) {
            others.add_partition(&part.topic, part.partition);
            part.interrupt();
        } else if alone.asks(part) && !part.is_settled() {
            // It has its turn when others had theirs.
            part.doubt();
        }
    }
    if others.count() == 0 { Ok(()) } else { member.resume(&others) }
}

/// Pauses those that are asked too: the client says anew where they end.
fn begin(member: &BaseConsumer<Context>, state: &mut State, alone: Alone) -> KafkaResult<()> {
    tracing::debug!(topic = %alone.topic, "read alone, to see whether its partitions are at their ends");
    let (mut paused, mut asked) = (TopicPartitionList::new(), TopicPartitionList::new());
    for part in &mut state.parts {
        if alone.asks(part) {
            paused.add_partition(&part.topic, part.partition);
            asked.add_partition(&part.topic, part.partition);
            part.doubt();
        } else if alone.stops(part) {
            paused.add_partition(&part.topic, part.partition);
            part.interrupt();
        }
    }
    state.alone = Some(alone);
    member.pause(&paused)?;
    member.resume(&asked)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tributary_core::Position;

    use super::*;

    fn state(parts: &[(&str, i32)]) -> State {
        let mut state = State::new(mpsc::channel().1);
        state.parts = parts.iter().map(|(topic, partition)| Part::new("calls", topic, *partition)).collect();
        state.parts.iter_mut().for_each(|part| part.place(Position::Offset(10), 10, Some(13)));
        state
    }

    /// What the statistics say of all of them: there is something to go on to, if it is the end.
    fn tell(state: &mut State, now: Instant) {
        state.parts.iter_mut().for_each(|part| part.reached(Some(10), 13, now));
    }

    fn done(state: &State) -> Vec<bool> {
        state.parts.iter().map(Part::is_done).collect()
    }

    #[test]
    fn an_end_counts_where_it_is_known_whose_it_is() {
        let (mut state, now) = (state(&[("calls", 0), ("chats", 0), ("chats", 1)]), Instant::now());
        for _ in 0..3 {
            state.at_end(0);
            state.at_end(1);
        }
        tell(&mut state, now);
        assert_eq!(done(&state), [false, false, true]);
        assert!(state.to_single_out(true, now).is_none(), "it may come of itself");

        let later = now + PATIENCE_OF_BATCH;
        assert!(state.to_single_out(false, later).is_none(), "a stream has more time");
        state.alone = state.to_single_out(true, later);
        assert_eq!(state.alone.as_ref().map(|alone| (&*alone.topic, &*alone.numbers)), Some(("calls", &[0][..])));
        state.at_end(0);
        tell(&mut state, later);
        assert_eq!(done(&state), [true, false, true]);

        // Everything was resumed meanwhile: the end may be of either.
        state.doubt();
        state.at_end(0);
        tell(&mut state, later);
        assert_eq!(done(&state), [true, false, true]);
    }

    #[test]
    fn whoever_waited_longest_is_asked() {
        let (mut state, now) = (state(&[("a", 0), ("b", 0), ("c", 0)]), Instant::now());
        let second = Duration::from_secs(1);
        state.parts[2].reached(Some(10), 13, now);
        tell(&mut state, now + second);
        let topic = |state: &State, now| state.to_single_out(true, now).map(|alone| alone.topic.to_string());
        assert_eq!(topic(&state, now + 9 * second).as_deref(), Some("c"));
        // Those that were stopped for another keep their turn, those of which something comes do not wait.
        state.parts[2].interrupt();
        assert_eq!(topic(&state, now + 9 * second).as_deref(), Some("c"));
        state.parts[2].stop_waiting();
        assert_eq!(topic(&state, now + 9 * second).as_deref(), Some("a"));
        // What is done is not asked whatever is written behind its end.
        state.parts[0].at_end();
        tell(&mut state, now + 9 * second);
        state.parts[0].reached(Some(13), 20, now);
        assert_eq!(topic(&state, now + 20 * second).as_deref(), Some("b"));
    }
}
