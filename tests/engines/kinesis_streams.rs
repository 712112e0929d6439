//! Streams of Kinesis: made, filled, split, merged, read and deleted.

use std::time::{Duration, Instant};

use aws_sdk_kinesis::config::{Builder, Credentials};
use aws_sdk_kinesis::error::SdkError;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, Record, ShardIteratorType, StreamStatus};
use aws_sdk_kinesis::{Client, types};
use tokio::runtime::Runtime;
use tributary_aws::Connection;

/// How long a stream may be busy with what it was asked for.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long is waited between two looks at a stream, and before what was refused is put again.
const PAUSE: Duration = Duration::from_millis(50);

/// The most that one PutRecords takes, and the most bytes in one: half of AWS's limit (API reference, PutRecords).
const MOST: usize = 500;
const MOST_BYTES: usize = 5 << 19;

/// A client that asks and waits.
pub(crate) struct Streams {
    client: Client,
    runtime: Runtime,
}

/// A part of a stream, open or closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    pub(crate) id: String,
    /// The first and the last hash key that belong to it.
    pub(crate) keys: (u128, u128),
    pub(crate) is_open: bool,
}

impl Shard {
    /// Whether what has this hash key belongs to it.
    pub(crate) fn holds(&self, hash_key: u128) -> bool {
        (self.keys.0..=self.keys.1).contains(&hash_key)
    }

    fn new(shard: &types::Shard) -> Result<Self, String> {
        let keys = shard.hash_key_range().ok_or("a shard without hash keys")?;
        let number = |digits: &str| digits.parse::<u128>().map_err(|error| format!("the hash key {digits}: {error}"));
        Ok(Self {
            id: shard.shard_id().to_owned(),
            keys: (number(keys.starting_hash_key())?, number(keys.ending_hash_key())?),
            // Of a closed one there is a number; kinesis-local says one that is none of the shard's.
            is_open: shard.sequence_number_range().is_some_and(|range| range.ending_sequence_number().is_none()),
        })
    }
}

/// What becomes one record of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) explicit_hash_key: Option<u128>,
    pub(crate) data: Vec<u8>,
}

impl Entry {
    fn request(&self) -> Result<PutRecordsRequestEntry, String> {
        let entry = PutRecordsRequestEntry::builder().partition_key(&self.key).data(Blob::new(self.data.as_slice()));
        let explicit = self.explicit_hash_key.map(|hash_key| hash_key.to_string());
        entry.set_explicit_hash_key(explicit).build().map_err(|error| error.to_string())
    }
}

impl Streams {
    /// A client of the server at `endpoint`.
    pub(crate) fn on(endpoint: &str, region: &str) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let connection = Connection {
            region: Some(region.to_owned()),
            endpoint: Some(endpoint.to_owned()),
            ..Connection::default()
        };
        let config = runtime.block_on(tributary_aws::connect(&connection)).map_err(|error| error.to_string())?;
        let config = Builder::from(&config).endpoint_url(endpoint);
        // Servers of tests take any.
        let config = config.credentials_provider(Credentials::new("kinesis", "kinesis", None, None, "tests"));
        Ok(Self { client: Client::from_conf(config.build()), runtime })
    }

    /// Makes a stream of so many shards.
    pub(crate) fn create(&self, stream: &str, shards: i32) -> Result<(), String> {
        let made = self.client.create_stream().stream_name(stream).shard_count(shards).send();
        self.runtime.block_on(made).map_err(in_words)?;
        self.wait_until_active(stream)
    }

    /// Deletes a stream and waits until it is gone.
    pub(crate) fn delete(&self, stream: &str) -> Result<(), String> {
        self.runtime.block_on(self.client.delete_stream().stream_name(stream).send()).map_err(in_words)?;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let found = self.runtime.block_on(self.client.describe_stream_summary().stream_name(stream).send());
            match found.map_err(SdkError::into_service_error) {
                Err(error) if error.is_resource_not_found_exception() => return Ok(()),
                Err(error) => return Err(in_words(error)),
                Ok(_) => std::thread::park_timeout(PAUSE),
            }
        }
        Err(format!("{stream} is still there"))
    }

    /// Its shards, closed ones included.
    pub(crate) fn shards(&self, stream: &str) -> Result<Vec<Shard>, String> {
        let mut shards = Vec::new();
        let mut next = None;
        loop {
            let list = self.client.list_shards();
            // Who goes on does not say of what.
            let list = if next.is_none() { list.stream_name(stream) } else { list.set_next_token(next) };
            let page = self.runtime.block_on(list.send()).map_err(in_words)?;
            shards.extend(page.shards().iter().map(Shard::new).collect::<Result<Vec<_>, _>>()?);
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(shards);
            }
        }
    }

    /// Those that take records, in the order of their hash keys.
    pub(crate) fn open_shards(&self, stream: &str) -> Result<Vec<Shard>, String> {
        let mut shards = self.shards(stream)?;
        shards.retain(|shard| shard.is_open);
        shards.sort_by_key(|shard| shard.keys);
        Ok(shards)
    }

    /// Splits a shard at the middle of its hash keys.
    pub(crate) fn split(&self, stream: &str, shard: &Shard) -> Result<(), String> {
        let middle = shard.keys.0 + (shard.keys.1 - shard.keys.0) / 2 + 1;
        let split = self.client.split_shard().stream_name(stream).shard_to_split(&shard.id);
        let split = split.new_starting_hash_key(middle.to_string());
        self.runtime.block_on(split.send()).map_err(in_words)?;
        self.wait_until_active(stream)
    }

    /// Merges two shards whose hash keys are neighbours.
    pub(crate) fn merge(&self, stream: &str, one: &Shard, other: &Shard) -> Result<(), String> {
        let merge = self.client.merge_shards().stream_name(stream).shard_to_merge(&one.id);
        self.runtime.block_on(merge.adjacent_shard_to_merge(&other.id).send()).map_err(in_words)?;
        self.wait_until_active(stream)
    }

    /// Puts all of them, and again those that were refused; the shard that each came into. The service may take them in any
    /// order: whose order matters are not put by one call.
    pub(crate) fn put(&self, stream: &str, entries: &[Entry]) -> Result<Vec<String>, String> {
        let mut shards = vec![String::new(); entries.len()];
        let mut left: Vec<usize> = (0..entries.len()).collect();
        let begun = Instant::now();
        while !left.is_empty() {
            if begun.elapsed() > PATIENCE {
                return Err(format!("{} of {} records were not taken", left.len(), entries.len()));
            }
            let count = fitting(entries, &left);
            let (now, later) = left.split_at(count);
            let mut refused = self.put_once(stream, entries, now, &mut shards)?;
            if !refused.is_empty() {
                std::thread::park_timeout(PAUSE);
            }
            refused.extend(later);
            left = refused;
        }
        Ok(shards)
    }

    /// One call; those that were refused.
    fn put_once(
        &self,
        stream: &str,
        entries: &[Entry],
        which: &[usize],
        shards: &mut [String],
    ) -> Result<Vec<usize>, String> {
        let records = which.iter().map(|at| entries[*at].request()).collect::<Result<Vec<_>, _>>()?;
        let put = self.client.put_records().stream_name(stream).set_records(Some(records)).send();
        let answer = self.runtime.block_on(put).map_err(in_words)?;
        let mut refused = Vec::new();
        for (at, result) in which.iter().zip(answer.records()) {
            match result.shard_id() {
                Some(shard) => shard.clone_into(&mut shards[*at]),
                None => refused.push(*at),
            }
        }
        Ok(refused)
    }

    /// Reads every shard, one behind the other.
    pub(crate) fn read(&self, stream: &str, mut each: impl FnMut(&str, &Record)) -> Result<(), String> {
        self.shards(stream)?
            .iter()
            .try_for_each(|shard| self.read_shard(stream, shard, |record| each(&shard.id, record)))
    }

    /// Reads a shard from its beginning: a closed one to its end, an open one to its newest record.
    pub(crate) fn read_shard(&self, stream: &str, shard: &Shard, mut each: impl FnMut(&Record)) -> Result<(), String> {
        let from = self.client.get_shard_iterator().stream_name(stream).shard_id(&shard.id);
        let from = from.shard_iterator_type(ShardIteratorType::TrimHorizon).send();
        let mut place = self.runtime.block_on(from).map_err(in_words)?.shard_iterator;
        while let Some(iterator) = place {
            let answer = self.client.get_records().shard_iterator(iterator).send();
            let answer = self.runtime.block_on(answer).map_err(in_words)?;
            answer.records().iter().for_each(&mut each);
            if shard.is_open && answer.records().is_empty() && answer.millis_behind_latest() == Some(0) {
                break;
            }
            place = answer.next_shard_iterator;
        }
        Ok(())
    }

    fn wait_until_active(&self, stream: &str) -> Result<(), String> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let found = self.runtime.block_on(self.client.describe_stream_summary().stream_name(stream).send());
            let summary = found.map_err(in_words)?.stream_description_summary;
            if summary.is_some_and(|summary| *summary.stream_status() == StreamStatus::Active) {
                return Ok(());
            }
            std::thread::park_timeout(PAUSE);
        }
        Err(format!("{stream} is busy after {PATIENCE:?}"))
    }
}

/// How many of them, the first ones, one call takes.
fn fitting(entries: &[Entry], which: &[usize]) -> usize {
    let mut bytes = 0;
    let fits = |at: &&usize| {
        bytes += entries[**at].data.len() + entries[**at].key.len();
        bytes <= MOST_BYTES
    };
    which.iter().take(MOST).take_while(fits).count().max(1)
}

fn in_words(error: impl std::error::Error + 'static) -> String {
    tributary_aws::in_words(&error)
}
