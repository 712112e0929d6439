//! How far a checkpoint is behind the ends of the partitions, asked from outside of the group.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::metadata::MetadataPartition;
use rdkafka::topic_partition_list::Offset;
use tributary_core::{Checkpoint, Clock, Position, SplitId, Timestamp};

use crate::client::{self, Looking};
use crate::config;
use crate::error::Error;
use crate::naming::{self, Known};
use crate::options::Options;
use crate::part::arrival;

/// How long a broker may take to answer somebody who looks.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is not read yet of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionLag {
    /// Offsets between the position and the end; marks of transactions, and what compaction took, are counted in.
    pub records: u64,
    /// When the first of them came, by its own timestamp; `None` where there is none to read.
    pub oldest: Option<Timestamp>,
}

type Reader = BaseConsumer<Looking>;

/// A partition that is looked at.
struct Place {
    split: SplitId,
    next: u64,
    end: u64,
    oldest: Option<Timestamp>,
}

/// How far `checkpoint` is behind each partition of the topics that `options` name, and of those that it holds. Blocks for
/// some seconds; joins no group and moves nothing. One record of each partition that is behind is read for its time.
///
/// # Errors
/// [`Error::Settings`], [`Error::Topic`], [`Error::Call`].
pub fn lag(
    options: &Options,
    checkpoint: &Checkpoint,
    clock: &Arc<dyn Clock>,
) -> Result<BTreeMap<SplitId, PartitionLag>, Error> {
    let mut config = config::member(options);
    // One record each is wanted, and the answer that there is none.
    config.set("enable.partition.eof", "true").set("fetch.message.max.bytes", "65536").remove("group.instance.id");
    let looking = Looking::start(options, clock)?;
    let reader: Reader = config.create_with_context(looking).map_err(|cause| Error::settings(&options.name, &cause))?;
    client::first_token(&reader, options);
    let mut places = BTreeMap::new();
    for (topic, (told, partitions)) in topics(&reader, options, checkpoint)? {
        let known = Known::of(checkpoint, &options.name, &topic);
        for partition in partitions {
            let place = known.place(&options.name, &topic, told.as_deref(), partition, checkpoint);
            places.insert((topic.clone(), partition), ends(&reader, options, (&topic, partition), place)?);
        }
    }
    look(&reader, options, &mut places)?;
    let lags = places.into_values().map(|place| {
        let records = place.end.saturating_sub(place.next);
        (place.split, PartitionLag { records, oldest: place.oldest })
    });
    Ok(lags.collect())
}

fn failed(options: &Options) -> impl Fn(KafkaError) -> Error {
    let name = options.name.clone();
    move |cause| Error::Call { name: name.clone(), verb: "looking how far reading is behind", cause: Box::new(cause) }
}

/// Where a partition is read next, and where it ends.
fn ends(
    reader: &Reader,
    options: &Options,
    (topic, partition): (&str, i32),
    (split, position): (SplitId, Position),
) -> Result<Place, Error> {
    let (low, high) = reader.fetch_watermarks(topic, partition, PATIENCE).map_err(failed(options))?;
    let (low, high) = (u64::try_from(low).unwrap_or(0), u64::try_from(high).unwrap_or(0));
    let next = match position {
        Position::Offset(offset) => offset.max(low),
        _ => low,
    };
    Ok(Place { split, next, end: high, oldest: None })
}

/// Topics with their ids and partitions.
type Topics = BTreeMap<String, (Option<String>, BTreeSet<i32>)>;

/// The topics that are named, and those that were read and are still there.
fn topics(reader: &Reader, options: &Options, checkpoint: &Checkpoint) -> Result<Topics, Error> {
    let mut wanted: BTreeSet<String> = options.topics.iter().filter(|topic| !topic.starts_with('^')).cloned().collect();
    wanted.extend(naming::topics(checkpoint, &options.name));
    let mut found = Topics::new();
    for topic in wanted {
        let metadata = reader.fetch_metadata(Some(&topic), PATIENCE).map_err(failed(options))?;
        for told in metadata.topics() {
            match told.error().map(RDKafkaErrorCode::from) {
                None => {
                    let partitions = told.partitions().iter().map(MetadataPartition::id).collect();
                    found.insert(topic.clone(), (None, partitions));
                }
                // It has nothing to read any more.
                Some(RDKafkaErrorCode::UnknownTopicOrPartition) => {}
                Some(code) => {
                    let cause = Box::new(KafkaError::MetadataFetch(code));
                    return Err(Error::Topic { name: options.name.clone(), topic, cause });
                }
            }
        }
    }
    for (topic, id) in naming::told(reader, options, &found.keys().cloned().collect())? {
        if let Some((told, _)) = found.get_mut(&topic) {
            *told = id;
        }
    }
    Ok(found)
}

/// Reads the first record of each partition that has one, as far as they come in time.
fn look(reader: &Reader, options: &Options, places: &mut BTreeMap<(String, i32), Place>) -> Result<(), Error> {
    let mut list = TopicPartitionList::new();
    for ((topic, partition), place) in places.iter().filter(|(_, place)| place.next < place.end) {
        let at = Offset::Offset(i64::try_from(place.next).unwrap_or(i64::MAX));
        list.add_partition_offset(topic, *partition, at).map_err(failed(options))?;
    }
    let mut open: BTreeSet<(String, i32)> =
        list.elements().iter().map(|element| (element.topic().to_owned(), element.partition())).collect();
    if open.is_empty() {
        return Ok(());
    }
    let is_one_topic = open.iter().map(|(topic, _)| topic).collect::<BTreeSet<_>>().len() == 1;
    reader.assign(&list).map_err(failed(options))?;
    let until = Instant::now() + PATIENCE;
    while !open.is_empty() && Instant::now() < until {
        match reader.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                let at = (message.topic().to_owned(), message.partition());
                if open.remove(&at)
                    && let Some(place) = places.get_mut(&at)
                {
                    place.oldest = arrival(message.timestamp());
                }
            }
            // Nothing but marks of transactions; it does not say of which topic.
            Some(Err(KafkaError::PartitionEOF(partition))) if is_one_topic => {
                open.retain(|(_, other)| *other != partition);
            }
            Some(Err(error)) => tracing::debug!(%error, "looking"),
            None => {}
        }
    }
    Ok(())
}
