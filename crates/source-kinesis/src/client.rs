//! The calls.

use std::future::Future;
use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::operation::get_records::GetRecordsOutput;
use aws_sdk_kinesis::primitives::DateTime;
use aws_sdk_kinesis::types::{EncryptionType, ShardIteratorType, StreamStatus};
use tokio::time::{Instant, sleep, timeout_at};
use tributary_core::Timestamp;

use crate::answer::Answer;
use crate::error::Error;
use crate::options::Options;
use crate::place::From;
use crate::shard::{Shard, Shards};

/// How long a question about the stream may take before it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A stream that can be asked.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) client: Client,
    name: String,
    stream: String,
    is_arn: bool,
}

/// What is known of a stream at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Described {
    pub(crate) arn: String,
    pub(crate) shards: Shards,
    pub(crate) retention: Duration,
    /// The key that it is encrypted with, by AWS KMS.
    pub(crate) key: Option<String>,
    /// How many consumers with fan-out are registered.
    pub(crate) consumers: Option<i32>,
    pub(crate) open_shards: i32,
}

impl Stream {
    /// Configures the connection; nothing is sent yet but what finds credentials and region.
    pub(crate) async fn connect(options: &Options) -> Result<Self, Error> {
        let shared = tributary_aws::connect(&options.connection).await;
        let shared = shared.map_err(|cause| Error::Connection { name: options.name.clone(), cause })?;
        let endpoint = options.connection.endpoint.clone();
        let endpoint = endpoint.or_else(|| tributary_aws::configured_endpoint(&shared, "Kinesis"));
        // A shard that is throttled is left alone for a while by its reader, which knows when it was asked last.
        let retries = RetryConfig::standard().with_max_attempts(1);
        let mut config = aws_sdk_kinesis::config::Builder::from(&shared).retry_config(retries);
        if let Some(endpoint) = endpoint {
            config = config.endpoint_url(endpoint);
        }
        Ok(Self {
            client: Client::from_conf(config.build()),
            name: options.name.clone(),
            stream: options.stream.clone(),
            is_arn: options.is_arn(),
        })
    }

    /// The stream by name, where it is called so.
    fn by_name(&self) -> Option<String> {
        (!self.is_arn).then(|| self.stream.clone())
    }

    /// The stream by its ARN, where it is called so: the way into another account.
    pub(crate) fn by_arn(&self) -> Option<String> {
        self.is_arn.then(|| self.stream.clone())
    }

    pub(crate) fn refused(&self, verb: &'static str, answer: Answer) -> Error {
        Error::refused(&self.name, verb, &self.stream, answer)
    }

    fn strange(&self, said: String) -> Error {
        Error::Answer { name: self.name.clone(), stream: self.stream.clone(), said }
    }

    /// Describes the stream and lists its shards.
    pub(crate) async fn describe(&self, source: &str) -> Result<Described, Error> {
        let summary = patiently(|| async {
            let call = self.client.describe_stream_summary();
            let sent = call.set_stream_name(self.by_name()).set_stream_arn(self.by_arn()).send().await;
            sent.map_err(|error| Answer::of(&error, "kinesis:DescribeStreamSummary on the stream"))
        });
        let summary = summary.await.map_err(|answer| self.refused("describing the stream", answer))?;
        let Some(summary) = summary.stream_description_summary else {
            return Err(self.strange("it is described by nothing".to_owned()));
        };
        if matches!(summary.stream_status, StreamStatus::Creating | StreamStatus::Deleting) {
            let said = format!("it is {}; try again when that is over", summary.stream_status.as_str());
            return Err(self.refused("reading the stream", Answer::InUse(said)));
        }
        let listed = self.list().await?;
        let created = summary.stream_creation_timestamp.secs();
        let hours = u64::try_from(summary.retention_period_hours).unwrap_or(24).max(1);
        Ok(Described {
            shards: Shards::new(source, &summary.stream_name, created, listed),
            arn: summary.stream_arn,
            retention: Duration::from_secs(hours * 3_600),
            key: (summary.encryption_type == Some(EncryptionType::Kms)).then(|| summary.key_id.unwrap_or_default()),
            consumers: summary.consumer_count,
            open_shards: summary.open_shard_count,
        })
    }

    async fn list(&self) -> Result<Vec<Shard>, Error> {
        let mut listed = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let page = patiently(|| async {
                let mut call = self.client.list_shards();
                // A token stands for everything that was asked first.
                call = match &token {
                    Some(token) => call.next_token(token),
                    None => call.set_stream_name(self.by_name()).set_stream_arn(self.by_arn()),
                };
                let sent = call.send().await;
                sent.map_err(|error| Answer::of(&error, "kinesis:ListShards on the stream"))
            });
            let page = page.await.map_err(|answer| self.refused("listing the shards of", answer))?;
            for shard in page.shards.unwrap_or_default() {
                listed.push(read_shard(shard).map_err(|said| self.strange(said))?);
            }
            match page.next_token {
                Some(next) if token.as_ref() != Some(&next) => token = Some(next),
                _ => return Ok(listed),
            }
        }
    }

    /// An iterator that begins there.
    pub(crate) async fn iterator(&self, shard: &str, from: &From) -> Result<String, Answer> {
        let (kind, sequence, moment) = match from {
            From::Oldest => (ShardIteratorType::TrimHorizon, None, None),
            From::Moment(moment) => (ShardIteratorType::AtTimestamp, None, Some(to_date_time(*moment))),
            From::At(sequence) => (ShardIteratorType::AtSequenceNumber, Some(sequence.as_str().to_owned()), None),
            From::After(sequence) => (ShardIteratorType::AfterSequenceNumber, Some(sequence.as_str().to_owned()), None),
        };
        let call = self.client.get_shard_iterator().shard_id(shard).shard_iterator_type(kind);
        let call = call.set_starting_sequence_number(sequence).set_timestamp(moment);
        let sent = call.set_stream_name(self.by_name()).set_stream_arn(self.by_arn()).send().await;
        let answer = sent.map_err(|error| Answer::of(&error, "kinesis:GetShardIterator on the stream"))?;
        answer.shard_iterator.ok_or_else(|| Answer::Failed("it gave no iterator".to_owned()))
    }

    /// At most `limit` records.
    pub(crate) async fn records(&self, iterator: &str, limit: i32) -> Result<GetRecordsOutput, Answer> {
        let call = self.client.get_records().shard_iterator(iterator).limit(limit).set_stream_arn(self.by_arn());
        call.send().await.map_err(|error| Answer::of(&error, "kinesis:GetRecords on the stream"))
    }
}

/// Asks again, twice as late each time, while the answer may be another one later.
pub(crate) async fn patiently<T, F>(ask: impl Fn() -> F) -> Result<T, Answer>
where
    F: Future<Output = Result<T, Answer>>,
{
    let until = Instant::now() + PATIENCE;
    let mut last = Answer::Failed(format!("no answer within {} s", PATIENCE.as_secs()));
    let mut pause = Duration::from_millis(100);
    loop {
        match timeout_at(until, ask()).await {
            Err(_) => return Err(last),
            Ok(Err(answer)) if answer.is_passing() && Instant::now() + pause < until => last = answer,
            Ok(answered) => return answered,
        }
        sleep(pause).await;
        pause *= 2;
    }
}

fn read_shard(shard: aws_sdk_kinesis::types::Shard) -> Result<Shard, String> {
    let range = shard.hash_key_range.ok_or_else(|| format!("shard {} has no range", shard.shard_id))?;
    let key = |text: &str| text.parse::<u128>().map_err(|_| format!("shard {}: no hash key: {text:?}", shard.shard_id));
    let range = (key(&range.starting_hash_key)?, key(&range.ending_hash_key)?);
    let is_closed = shard.sequence_number_range.is_some_and(|range| range.ending_sequence_number.is_some());
    let parents = [shard.parent_shard_id, shard.adjacent_parent_shard_id].into_iter().flatten();
    Ok(Shard { id: shard.shard_id, parents: parents.collect(), range, is_closed })
}

/// The moment of a record; `None` outside of what microseconds can say. The service writes seconds with a fraction, and its
/// digits, as the SDK reads them, may fall some nanoseconds short.
pub(crate) fn from_date_time(moment: &DateTime) -> Option<Timestamp> {
    let fraction = (moment.subsec_nanos() + 500) / 1_000;
    let micros = moment.secs().checked_mul(1_000_000)?.checked_add(i64::from(fraction))?;
    Some(Timestamp::from_micros(micros))
}

pub(crate) fn to_date_time(moment: Timestamp) -> DateTime {
    // Milliseconds are what the service compares by.
    DateTime::from_millis(moment.micros().div_euclid(1_000))
}
