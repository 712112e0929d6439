//! How records come from one shard: asked for, or pushed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_kinesis::primitives::event_stream::EventReceiver;
use aws_sdk_kinesis::types::error::SubscribeToShardEventStreamError;
use aws_sdk_kinesis::types::{Record, ShardIteratorType, StartingPosition, SubscribeToShardEventStream};
use tokio::time::{Instant, sleep_until};
use tributary_core::SequenceNumber;

use crate::answer::Answer;
use crate::client::{Stream, to_date_time};
use crate::place::From;

/// A shard answers five calls a second, whoever asks.
///
/// Source: API Reference, `GetRecords`.
const BETWEEN_CALLS: Duration = Duration::from_millis(200);

/// The service refuses a subscription of a shard within 5 s of the one before.
///
/// Source: API Reference, `SubscribeToShard`.
pub(crate) const BETWEEN_SUBSCRIPTIONS: Duration = Duration::from_secs(5);

/// A subscription says something every few seconds; one that says nothing for so long is dead.
const SILENCE: Duration = Duration::from_secs(60);

/// How often a closed shard is asked whether it is over, while its subscription says nothing of it.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// About how many bytes of records are asked for at once.
pub(crate) const PAGE_BYTES: usize = 1 << 20;

/// The most records that a call may ask for.
const MOST_RECORDS: usize = 10_000;

/// What came at once.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) records: Vec<Record>,
    /// Whether the shard has nothing more, ever.
    pub(crate) is_last: bool,
    /// How far behind the newest record, in milliseconds.
    pub(crate) behind: Option<i64>,
}

/// The feed of one shard.
pub(crate) enum Feed {
    Polling(Polling),
    FanOut(Box<FanOut>),
}

impl Feed {
    /// The next page from `from` on, or from where the page before ended. Cancel-safe only as a whole: who drops it begins
    /// anew.
    pub(crate) async fn next(&mut self, from: &From) -> Result<Page, Answer> {
        match self {
            Self::Polling(polling) => polling.next(from).await,
            Self::FanOut(fan_out) => fan_out.next(from).await,
        }
    }

    /// Until it may be asked.
    pub(crate) async fn wait(&self) {
        if let Self::Polling(polling) = self {
            sleep_until(polling.not_before).await;
        }
    }

    /// Nothing more is there for now: the shard is left alone for a while.
    pub(crate) fn idle(&mut self, pause: Duration) {
        if let Self::Polling(polling) = self {
            polling.not_before = polling.not_before.max(Instant::now() + pause);
        }
    }

    /// Whether the shard still has the record `sequence`, or an older one, and so everything behind it.
    pub(crate) async fn keeps(&mut self, sequence: &SequenceNumber) -> Result<bool, Answer> {
        self.wait().await;
        let (stream, shard) = match self {
            Self::Polling(polling) => (&polling.stream, &polling.shard),
            Self::FanOut(fan_out) => (&fan_out.stream, &fan_out.shard),
        };
        let iterator = stream.iterator(shard, &From::Oldest).await?;
        let page = stream.records(&iterator, 1).await;
        self.idle(BETWEEN_CALLS);
        let oldest = page?.records.into_iter().next().map(|record| SequenceNumber::try_from(record.sequence_number));
        Ok(oldest.is_some_and(|oldest| oldest.is_ok_and(|oldest| oldest <= *sequence)))
    }

    /// What comes next begins where it is told.
    pub(crate) fn forget(&mut self) {
        match self {
            Self::Polling(polling) => polling.iterator = None,
            Self::FanOut(fan_out) => fan_out.events = None,
        }
    }

    /// The page that came last was not taken: what comes next is that one again.
    pub(crate) fn take_back(&mut self) {
        self.forget();
        if let Self::FanOut(fan_out) = self {
            fan_out.continuation = None;
        }
    }

    /// Whether records are pushed.
    pub(crate) const fn is_fan_out(&self) -> bool {
        matches!(self, Self::FanOut(_))
    }
}

/// Records that are asked for.
pub(crate) struct Polling {
    stream: Stream,
    shard: String,
    iterator: Option<String>,
    /// Bytes of a record, lately.
    weight: usize,
    not_before: Instant,
}

impl Polling {
    pub(crate) fn new(stream: Stream, shard: &str) -> Self {
        // Ten times an event of an agent: the first page says how large they are.
        Self { stream, shard: shard.to_owned(), iterator: None, weight: 30_000, not_before: Instant::now() }
    }

    async fn next(&mut self, from: &From) -> Result<Page, Answer> {
        let iterator = match self.iterator.take() {
            Some(iterator) => iterator,
            None => self.stream.iterator(&self.shard, from).await?,
        };
        let limit = (PAGE_BYTES / self.weight.max(1)).clamp(1, MOST_RECORDS);
        let answer = self.stream.records(&iterator, i32::try_from(limit).unwrap_or(i32::MAX)).await;
        // Counted from the answer: on its way to the service the next call may be faster than this one was.
        self.not_before = Instant::now() + BETWEEN_CALLS;
        let answer = match answer {
            Ok(answer) => answer,
            Err(answer) => {
                // The same page may be asked for again, as long as the iterator lives.
                if answer != Answer::Expired {
                    self.iterator = Some(iterator);
                }
                return Err(answer);
            }
        };
        let bytes: usize = answer.records.iter().map(|record| record.data.as_ref().len()).sum();
        if let Some(weight) = bytes.checked_div(answer.records.len()) {
            self.weight = weight.max(64);
        }
        self.iterator = answer.next_shard_iterator;
        Ok(Page { records: answer.records, is_last: self.iterator.is_none(), behind: answer.millis_behind_latest })
    }
}

type Events = EventReceiver<SubscribeToShardEventStream, SubscribeToShardEventStreamError>;

/// Records that are pushed.
pub(crate) struct FanOut {
    stream: Stream,
    consumer: String,
    shard: String,
    events: Option<Events>,
    /// Where the subscription goes on that ended.
    continuation: Option<SequenceNumber>,
    /// Whether the shard takes no records any more, as it was listed last.
    is_closed: Arc<AtomicBool>,
    /// When it was asked whether it is over.
    asked: Option<Instant>,
    not_before: Instant,
}

impl FanOut {
    /// For the registered consumer with the ARN `consumer`; it subscribes from `not_before` on.
    pub(crate) fn new(
        stream: Stream,
        consumer: &str,
        shard: &str,
        is_closed: Arc<AtomicBool>,
        not_before: Instant,
    ) -> Self {
        Self {
            stream,
            consumer: consumer.to_owned(),
            shard: shard.to_owned(),
            events: None,
            continuation: None,
            is_closed,
            asked: None,
            not_before,
        }
    }

    async fn next(&mut self, from: &From) -> Result<Page, Answer> {
        loop {
            let mut events = match self.events.take() {
                Some(events) => events,
                None => self.subscribe(from).await?,
            };
            let event = match tokio::time::timeout(SILENCE, events.recv()).await {
                Err(_) => return Err(Answer::Failed("the subscription fell silent".to_owned())),
                Ok(Err(error)) => return Err(Answer::of(&error, GRANT)),
                // Five minutes are over.
                Ok(Ok(None)) => continue,
                Ok(Ok(Some(SubscribeToShardEventStream::SubscribeToShardEvent(event)))) => event,
                Ok(Ok(Some(_))) => {
                    self.events = Some(events);
                    continue;
                }
            };
            // The last event of a shard names its children.
            let is_told = event.child_shards.as_ref().is_some_and(|children| !children.is_empty());
            let is_last = is_told || event.records.is_empty() && self.is_over(from).await?;
            self.continuation = SequenceNumber::try_from(event.continuation_sequence_number).ok();
            self.events = Some(events);
            return Ok(Page { records: event.records, is_last, behind: Some(event.millis_behind_latest) });
        }
    }

    /// Whether a closed shard has nothing from there on: not every server says so in its events.
    async fn is_over(&mut self, from: &From) -> Result<bool, Answer> {
        if !self.is_closed.load(Ordering::Relaxed) || self.asked.is_some_and(|asked| asked.elapsed() < LAST_WORDS) {
            return Ok(false);
        }
        self.asked = Some(Instant::now());
        let iterator = self.stream.iterator(&self.shard, from).await?;
        let page = self.stream.records(&iterator, 1).await?;
        Ok(page.records.is_empty() && page.next_shard_iterator.is_none())
    }

    async fn subscribe(&mut self, from: &From) -> Result<Events, Answer> {
        sleep_until(self.not_before).await;
        self.not_before = Instant::now() + BETWEEN_SUBSCRIPTIONS;
        // The number may be of no record: it says how far was looked, so that a quiet shard is not looked through again.
        let place = match self.continuation.take() {
            Some(sequence) => starting(&From::After(sequence)),
            None => starting(from),
        };
        let place = place.map_err(|error| Answer::Failed(error.to_string()))?;
        let call = self.stream.client.subscribe_to_shard().consumer_arn(&self.consumer).shard_id(&self.shard);
        let sent = call.starting_position(place).send().await;
        Ok(sent.map_err(|error| Answer::of(&error, GRANT))?.event_stream)
    }
}

const GRANT: &str = "kinesis:SubscribeToShard on the consumer";

fn starting(from: &From) -> Result<StartingPosition, aws_sdk_kinesis::error::BuildError> {
    let place = StartingPosition::builder();
    match from {
        From::Oldest => place.r#type(ShardIteratorType::TrimHorizon),
        From::Moment(moment) => place.r#type(ShardIteratorType::AtTimestamp).timestamp(to_date_time(*moment)),
        From::At(sequence) => place.r#type(ShardIteratorType::AtSequenceNumber).sequence_number(sequence.as_str()),
        From::After(sequence) => {
            place.r#type(ShardIteratorType::AfterSequenceNumber).sequence_number(sequence.as_str())
        }
    }
    .build()
}
