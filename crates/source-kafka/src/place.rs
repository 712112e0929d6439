//! Where reading of the partitions goes on: the checkpoint, held against what the brokers have.

use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset;
use tributary_core::{Checkpoint, Delta, Position, Span, Timestamp};

use crate::context::{Context, Ends, Ids};
use crate::error::Error;
use crate::naming::{self, Known, Named};
use crate::options::{Options, StartAt};
use crate::part::Part;

/// How long a broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

type Member = BaseConsumer<Context>;

/// Where the partitions stand.
pub(crate) enum Placed {
    /// Reading can begin.
    Ready,
    /// Some were never read, and the options say where that begins, or positions go over to the id of their topic: it has to
    /// be committed first, so that no restart asks again.
    Resolved(Delta),
    /// A topic was made again since this client saw it: only another client can read it.
    Other,
}

/// Brings `parts` to where `checkpoint` says; the ends of a batch are asked for once.
pub(crate) fn place(
    member: &Member,
    options: &Options,
    parts: &mut [Part],
    checkpoint: &Checkpoint,
    ends: &mut Ends,
    ids: &mut Ids,
) -> Result<Placed, Error> {
    match naming::name(member, options, parts, checkpoint, ids)? {
        Named::Other => return Ok(Placed::Other),
        Named::Ready(delta) if !delta.is_empty() => return Ok(Placed::Resolved(delta)),
        Named::Ready(_) => {}
    }
    if !matches!(options.start, StartAt::Earliest) {
        let delta = resolve(member, options, parts, checkpoint, ids)?;
        if !delta.is_empty() {
            return Ok(Placed::Resolved(delta));
        }
    }
    for part in parts {
        let (low, high) = watermarks(member, options, &part.topic, part.partition)?;
        let end = if options.batch { Some(end(member, options, part, high, ends)?) } else { None };
        let handed = checkpoint.position(&part.split).clone();
        match handed {
            Position::Offset(position) if position > high => {
                // It may have been made again since its id was told.
                let topic = BTreeSet::from([part.topic.to_string()]);
                if naming::told(member, options, &topic)?
                    .iter()
                    .any(|(topic, told)| ids.is_other(topic, told.as_deref()))
                {
                    return Ok(Placed::Other);
                }
                return Err(Error::Beyond {
                    name: options.name.clone(),
                    topic: part.topic.to_string(),
                    partition: part.partition,
                    position,
                    end: high,
                });
            }
            // What retention deleted first is a gap, which the commit stage judges by `commit.on_gap`.
            Position::Offset(position) if position < low => part.place(Position::Offset(low), low, end),
            Position::Offset(position) => part.place(handed, position, end),
            _ => part.place(Position::Start, low, end),
        }
    }
    Ok(Placed::Ready)
}

/// Where a partition of a batch ends: asked once a process, so that a line that begins anew ends where the first would have.
fn end(member: &Member, options: &Options, part: &Part, high: u64, ends: &mut Ends) -> Result<u64, Error> {
    if let Some(end) = ends.get(&part.split) {
        return Ok(*end);
    }
    let until = options.until.map(|moment| since(member, options, part, moment)).transpose()?;
    let end = until.flatten().map_or(high, |until| until.min(high));
    ends.insert(part.split.clone(), end);
    Ok(end)
}

fn watermarks(member: &Member, options: &Options, topic: &str, partition: i32) -> Result<(u64, u64), Error> {
    let answer = member.fetch_watermarks(topic, partition, PATIENCE);
    let (low, high) = answer.map_err(call(options, "asking for the ends of a partition"))?;
    let offset = |offset: i64| u64::try_from(offset).unwrap_or(0);
    Ok((offset(low), offset(high)))
}

fn call(options: &Options, verb: &'static str) -> impl Fn(KafkaError) -> Error {
    let name = options.name.clone();
    move |cause| Error::Call { name: name.clone(), verb, cause: Box::new(cause) }
}

/// Where reading of topics begins that were never read, under any id: of all their partitions, ours or not, so that one that is
/// added later is read from its beginning.
fn resolve(
    member: &Member,
    options: &Options,
    parts: &[Part],
    checkpoint: &Checkpoint,
    ids: &Ids,
) -> Result<Delta, Error> {
    let mut delta = Delta::default();
    let topics: BTreeSet<&str> = parts.iter().map(|part| &*part.topic).collect();
    for topic in topics {
        if !Known::of(checkpoint, &options.name, topic).is_nothing() {
            continue;
        }
        let metadata = member.fetch_metadata(Some(topic), PATIENCE).map_err(call(options, "asking for partitions"))?;
        if let Some(code) = metadata.topics().iter().find_map(|topic| topic.error()) {
            let cause = KafkaError::MetadataFetch(RDKafkaErrorCode::from(code));
            return Err(call(options, "asking for partitions")(cause));
        }
        let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions()).map(|partition| partition.id());
        let named_by_id = |id| {
            let mut part = Part::new(&options.name, topic, id);
            part.rename(&options.name, ids.of(topic));
            part
        };
        let partitions: Vec<Part> = partitions.map(named_by_id).collect();
        named(options, topic, &partitions)?;
        for part in &partitions {
            let first = Position::Offset(first(member, options, part)?);
            let span = Span::new(Position::Start, first).map_err(Error::Positions)?;
            delta.append(Delta::of(part.split.clone(), span)).map_err(Error::Positions)?;
        }
    }
    Ok(delta)
}

/// The first offset of a partition that the options want.
fn first(member: &Member, options: &Options, part: &Part) -> Result<u64, Error> {
    let (low, high) = watermarks(member, options, &part.topic, part.partition)?;
    let wanted = match &options.start {
        StartAt::Earliest => low,
        StartAt::Latest => high,
        StartAt::Offsets(offsets) => offsets.get(&(part.topic.to_string(), part.partition)).copied().unwrap_or(low),
        // Where nothing is that new, what comes is.
        StartAt::Since(moment) => since(member, options, part, *moment)?.unwrap_or(high),
    };
    let first = wanted.clamp(low, high);
    if first != wanted {
        let (topic, partition) = (&*part.topic, part.partition);
        tracing::warn!(topic, partition, wanted, low, high, begins = first, "no record has the offset to start at");
    }
    Ok(first)
}

/// The offset of the first record of `moment` or later, if there is one.
fn since(member: &Member, options: &Options, part: &Part, moment: Timestamp) -> Result<Option<u64>, Error> {
    let failed = call(options, "asking for the offset of a moment");
    let mut asked = TopicPartitionList::new();
    // As offset the list takes the moment, in milliseconds since 1970.
    let millis = Offset::Offset(moment.millis());
    asked.add_partition_offset(&part.topic, part.partition, millis).map_err(&failed)?;
    let answer = member.offsets_for_times(asked, PATIENCE).map_err(&failed)?;
    let answer = answer.elements();
    let Some(element) = answer.first() else { return Ok(None) };
    element.error().map_err(&failed)?;
    match element.offset() {
        Offset::Offset(offset) => Ok(u64::try_from(offset).ok()),
        _ => Ok(None),
    }
}

/// Whether the partitions that the options name are there.
fn named(options: &Options, topic: &str, partitions: &[Part]) -> Result<(), Error> {
    let StartAt::Offsets(offsets) = &options.start else { return Ok(()) };
    let named = offsets.keys().filter(|(of, _)| of == topic).map(|(_, partition)| *partition);
    let is_there = |partition: &i32| partitions.iter().any(|part| part.partition == *partition);
    match named.into_iter().find(|partition| !is_there(partition)) {
        None => Ok(()),
        Some(partition) => Err(Error::Start {
            name: options.name.clone(),
            topic: topic.to_owned(),
            partition,
            partitions: partitions.len(),
        }),
    }
}

/// Brings the client to where the parts stand. Only of partitions that it has.
pub(crate) fn seek<'a>(member: &Member, options: &Options, parts: impl Iterator<Item = &'a Part>) -> Result<(), Error> {
    let failed = call(options, "going to where the log stands");
    let mut list = TopicPartitionList::new();
    for part in parts {
        list.add_partition_offset(&part.topic, part.partition, offset(part.next)).map_err(&failed)?;
    }
    if list.count() == 0 {
        return Ok(());
    }
    let sought = member.seek_partitions(list, PATIENCE).map_err(&failed)?;
    for element in sought.elements() {
        element.error().map_err(&failed)?;
    }
    Ok(())
}

/// Partitions that were paused are fetched again.
pub(crate) fn resume(member: &Member, options: &Options, parts: &[Part]) -> Result<(), Error> {
    match list_of(parts) {
        list if list.count() > 0 => member.resume(&list).map_err(call(options, "resuming partitions")),
        _ => Ok(()),
    }
}

pub(crate) fn list_of(parts: &[Part]) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for part in parts {
        list.add_partition(&part.topic, part.partition);
    }
    list
}

pub(crate) fn offset(next: u64) -> Offset {
    Offset::Offset(i64::try_from(next).unwrap_or(i64::MAX))
}
