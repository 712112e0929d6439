//! What the splits of a topic are called: by its id, so that a topic that was made again is another one (ADR 13).
//!
//! ```text
//! told     the log knows          split of partition 3
//! id X     nothing, or X          calls/events@X/3
//! id Y     X                      calls/events@Y/3   made again: read from its beginning
//! id X     only calls/events/...  calls/events@X/3   the old positions go over first
//! none     nothing, or no id      calls/events/3
//! none     X                      calls/events@X/3   taken for the one that it was
//! none     X and Y                refused: nobody can tell which
//! ```

use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use tributary_core::{Checkpoint, Delta, Position, Span, SplitId};
use tributary_kafka_ffi::{Topic, topic_ids};

use crate::context::{Context, Ids};
use crate::error::Error;
use crate::options::Options;
use crate::part::Part;

/// How long a broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The split of a partition. Names of topics have neither `@` nor `/`, nor has an id.
pub(crate) fn split(source: &str, topic: &str, id: Option<&str>, partition: i32) -> SplitId {
    match id {
        Some(id) => SplitId::new(format!("{source}/{topic}@{id}/{partition}")),
        None => SplitId::new(format!("{source}/{topic}/{partition}")),
    }
}

/// The topics of a source that a checkpoint names.
pub(crate) fn topics(checkpoint: &Checkpoint, source: &str) -> BTreeSet<String> {
    let of = |split: &SplitId| {
        let (topic, _) = split.as_str().strip_prefix(source)?.strip_prefix('/')?.split_once(['@', '/'])?;
        Some(topic.to_owned())
    };
    checkpoint.positions().filter_map(|(split, _)| of(split)).collect()
}

/// What the log knows of a topic.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// Ids that it was read under.
    ids: BTreeSet<String>,
    /// Partitions that were read without an id, and how far.
    plain: Vec<(i32, Position)>,
}

impl Known {
    pub(crate) fn of(checkpoint: &Checkpoint, source: &str, topic: &str) -> Self {
        let mut known = Self::default();
        let before = format!("{source}/{topic}");
        for (split, position) in checkpoint.positions() {
            let Some(rest) = split.as_str().strip_prefix(&before) else { continue };
            if let Some(partition) = rest.strip_prefix('/') {
                known.plain.extend(partition.parse().ok().map(|partition| (partition, position.clone())));
            } else if let Some((id, _)) = rest.strip_prefix('@').and_then(|rest| rest.split_once('/')) {
                known.ids.insert(id.to_owned());
            }
        }
        known
    }

    /// Whether it was never read.
    pub(crate) fn is_nothing(&self) -> bool {
        self.ids.is_empty() && self.plain.is_empty()
    }

    /// The id that splits are called by, where the brokers tell `told`; as an error the ids that nobody can choose from.
    fn choose(&self, told: Option<&str>) -> Result<Option<String>, String> {
        let all = || self.ids.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        match (told, self.ids.len()) {
            (Some(told), _) => Ok(Some(told.to_owned())),
            (None, 0) => Ok(None),
            (None, 1) => Ok(self.ids.first().cloned()),
            (None, _) => Err(all()),
        }
    }

    /// Where reading of a partition goes on, as [`name`] would have it, and under which split.
    pub(crate) fn place(
        &self,
        source: &str,
        topic: &str,
        told: Option<&str>,
        partition: i32,
        checkpoint: &Checkpoint,
    ) -> (SplitId, Position) {
        let id = self.choose(told).unwrap_or_default();
        let named = split(source, topic, id.as_deref(), partition);
        let at = if self.ids.is_empty() { split(source, topic, None, partition) } else { named.clone() };
        let position = checkpoint.position(&at).clone();
        (named, position)
    }

    /// The positions of a topic that was read without an id so far, under the id that it has now.
    fn adopted(&self, source: &str, topic: &str, id: &str) -> Result<Delta, Error> {
        let mut delta = Delta::default();
        if self.ids.is_empty() {
            for (partition, position) in &self.plain {
                let span = Span::new(Position::Start, position.clone()).map_err(Error::Positions)?;
                let moved = Delta::of(split(source, topic, Some(id), *partition), span);
                delta.append(moved).map_err(Error::Positions)?;
            }
        }
        Ok(delta)
    }
}

/// What became of the names.
pub(crate) enum Named {
    /// The parts have theirs; what has to be committed before anything is read.
    Ready(Delta),
    /// A topic was made again since this client first saw it: what the client remembers of it (epochs of leaders, positions)
    /// is of another one, and may keep it from ever reading this one.
    Other,
}

/// Names the parts by what the brokers tell and the log knows.
pub(crate) fn name(
    member: &BaseConsumer<Context>,
    options: &Options,
    parts: &mut [Part],
    checkpoint: &Checkpoint,
    ids: &mut Ids,
) -> Result<Named, Error> {
    let topics: BTreeSet<String> = parts.iter().map(|part| part.topic.to_string()).collect();
    let mut delta = Delta::default();
    for (topic, told) in told(member, options, &topics)? {
        if let (Some(told), Some(seen)) = (&told, ids.of(&topic))
            && told != seen
        {
            tracing::warn!(topic, was = seen, is = told, "the topic was made again: joining anew");
            return Ok(Named::Other);
        }
        let known = Known::of(checkpoint, &options.name, &topic);
        let id = known.choose(told.as_deref()).map_err(|ids| Error::WhichTopic {
            name: options.name.clone(),
            topic: topic.clone(),
            ids,
        })?;
        if let Some(told) = told {
            if !known.ids.is_empty() && !known.ids.contains(&told) {
                let before = &known.ids;
                tracing::warn!(topic, ?before, is = told, "the topic was made again: it is read from its beginning");
            }
            let adopted = known.adopted(&options.name, &topic, &told)?;
            if !adopted.is_empty() {
                tracing::info!(topic, id = told, "positions of the topic go over to its id");
            }
            delta.append(adopted).map_err(Error::Positions)?;
            ids.see(topic.clone(), told);
        } else if options.topic_ids && ids.warn() {
            tracing::warn!(topic, "no id is told: if it is made again, only an end before what was read shows it");
        }
        for part in parts.iter_mut().filter(|part| *part.topic == *topic) {
            part.rename(&options.name, id.as_deref());
        }
    }
    Ok(Named::Ready(delta))
}

/// The ids of topics as the brokers tell them; none where they know nothing of ids.
pub(crate) fn told<C: ConsumerContext>(
    member: &BaseConsumer<C>,
    options: &Options,
    topics: &BTreeSet<String>,
) -> Result<Vec<(String, Option<String>)>, Error> {
    let failed = |code: i32| Error::Call {
        name: options.name.clone(),
        verb: "asking for the ids of topics",
        cause: Box::new(KafkaError::AdminOp(code_of(code))),
    };
    if !options.topic_ids {
        return Ok(topics.iter().map(|topic| (topic.clone(), None)).collect());
    }
    let asked: Vec<&str> = topics.iter().map(String::as_str).collect();
    let answer = match topic_ids(member.client(), &asked, PATIENCE) {
        Ok(answer) => answer,
        Err(error) if error.is_transient() => return Err(failed(error.code())),
        // It cannot be asked: that is no reason to stop.
        Err(error) => {
            tracing::warn!(%error, "the ids of topics cannot be had");
            Vec::new()
        }
    };
    let of = |topic: &String| answer.iter().find(|found| found.name == *topic);
    let told = topics.iter().map(|topic| match of(topic) {
        Some(Topic { error: Some(code), .. }) => Err(Error::Asked {
            name: options.name.clone(),
            verb: "asking for the id of topic",
            topic: topic.clone(),
            cause: Box::new(KafkaError::AdminOp(code_of(*code))),
        }),
        found => Ok((topic.clone(), found.and_then(|found| found.id).map(|id| id.to_string()))),
    });
    told.collect()
}

fn code_of(code: i32) -> RDKafkaErrorCode {
    RDKafkaRespErr::try_from(code).map_or(RDKafkaErrorCode::Unknown, RDKafkaErrorCode::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(splits: &[(&str, u64)]) -> Checkpoint {
        splits.iter().map(|(split, offset)| (SplitId::new(*split), Position::Offset(*offset))).collect()
    }

    #[test]
    fn a_topic_is_known_by_its_own_splits_alone() {
        let log = checkpoint(&[
            ("calls/events/0", 7),
            ("calls/events/12", 0),
            ("calls/events@X-_9/0", 3),
            ("calls/events@Y/1", 3),
            ("calls/events.more/0", 5),
            ("calls/events-more@Z/0", 5),
            ("other/events@W/0", 5),
        ]);
        let known = Known::of(&log, "calls", "events");
        assert_eq!(known.ids, BTreeSet::from(["X-_9".to_owned(), "Y".to_owned()]));
        assert_eq!(known.plain, [(0, Position::Offset(7)), (12, Position::Offset(0))]);
        assert!(Known::of(&log, "calls", "event").is_nothing() && !known.is_nothing());
    }

    #[test]
    fn splits_are_called_as_the_table_says() {
        let known = |splits: &[(&str, u64)]| Known::of(&checkpoint(splits), "calls", "events");
        let x = known(&[("calls/events@X/3", 5)]);
        let plain = known(&[("calls/events/3", 5)]);
        let both = known(&[("calls/events@X/3", 5), ("calls/events@Y/3", 5)]);
        let nothing = Known::default();
        for told in ["X", "Y"] {
            for known in [&x, &plain, &both, &nothing] {
                assert_eq!(known.choose(Some(told)), Ok(Some(told.to_owned())));
            }
        }
        assert_eq!((nothing.choose(None), plain.choose(None)), (Ok(None), Ok(None)));
        assert_eq!((x.choose(None), both.choose(None)), (Ok(Some("X".to_owned())), Err("X, Y".to_owned())));
    }

    #[test]
    fn old_positions_go_over_once() {
        let old = checkpoint(&[("calls/events/0", 7), ("calls/events/2", 0)]);
        let known = Known::of(&old, "calls", "events");
        let delta = known.adopted("calls", "events", "X").unwrap();
        let new = old.advance(&delta).unwrap();
        assert!(new.gaps.is_empty());
        let at = |partition| new.checkpoint.position(&split("calls", "events", Some("X"), partition)).clone();
        assert_eq!([at(0), at(1), at(2)], [Position::Offset(7), Position::Start, Position::Offset(0)]);
        // Whoever does the same at the same moment is refused by the log, and finds them moved.
        assert!(new.checkpoint.advance(&delta).is_err());
        let again = Known::of(&new.checkpoint, "calls", "events");
        assert!(again.adopted("calls", "events", "X").unwrap().is_empty());
        assert!(again.adopted("calls", "events", "Y").unwrap().is_empty(), "another topic begins at its beginning");
    }
}
