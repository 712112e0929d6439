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

/// The others wait no longer than that for a broker that does not answer.
const LONGEST: Duration = Duration::from_secs(10);

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

    /// The topic to be read alone: one of its partitions cannot go on before it is known whether it is at its end.
    fn to_single_out(&self, is_batch: bool, now: Instant) -> Option<Alone> {
        let patience = if is_batch { PATIENCE_OF_BATCH } else { PATIENCE_OF_STREAM };
        let waits = |part: &Part| part.waits_since().is_some_and(|since| now.duration_since(since) >= patience);
        let is_alike = |part: &Part| self.parts.iter().filter(|other| other.partition == part.partition).count() > 1;
        let topic = Arc::clone(&self.parts.iter().find(|part| waits(part) && is_alike(part))?.topic);
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
    let is_known = state.parts.iter().filter(|part| alone.asks(part)).all(Part::is_at_end);
    if !alone.is_void && !is_known && now.duration_since(alone.since) < LONGEST {
        state.alone = Some(alone);
        return Ok(());
    }
    // Without a line all are paused, and whichever comes resumes them.
    if state.session.is_none() {
        return Ok(());
    }
    let mut others = TopicPartitionList::new();
    for part in state.parts.iter_mut().filter(|part| alone.stops(part)) {
        others.add_partition(&part.topic, part.partition);
        part.doubt();
    }
    if others.count() == 0 { Ok(()) } else { member.resume(&others) }
}

/// Pauses those that are asked too: the client says anew where they end.
fn begin(member: &BaseConsumer<Context>, state: &mut State, alone: Alone) -> KafkaResult<()> {
    tracing::debug!(topic = %alone.topic, "read alone, to see whether its partitions are at their ends");
    let (mut paused, mut asked) = (TopicPartitionList::new(), TopicPartitionList::new());
    for part in &mut state.parts {
        if alone.asks(part) || alone.stops(part) {
            paused.add_partition(&part.topic, part.partition);
            part.doubt();
        }
        if alone.asks(part) {
            asked.add_partition(&part.topic, part.partition);
        }
    }
    state.alone = Some(alone);
    member.pause(&paused)?;
    member.resume(&asked)
}
