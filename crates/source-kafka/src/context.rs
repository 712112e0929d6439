//! What the callbacks of the client work on: the partitions that are ours, and the line that is fed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::util::Timeout;
use tokio::sync::mpsc::Sender;
use tributary_core::{Checkpoint, RawBatch, SplitId};

use crate::alone::Alone;
use crate::blocks::Blocks;
use crate::error::Error;
use crate::options::Options;
use crate::part::Part;
use crate::place;
use crate::said::Said;
use crate::signing::Signing;

/// Where the partitions of a batch end.
pub(crate) type Ends = BTreeMap<SplitId, u64>;

/// The ids of topics, as this client was first told them.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    told: BTreeMap<String, String>,
    has_warned: bool,
}

impl Ids {
    /// Whether a topic has another id now.
    pub(crate) fn is_other(&self, topic: &str, told: Option<&str>) -> bool {
        matches!((self.of(topic), told), (Some(was), Some(is)) if was != is)
    }

    pub(crate) fn of(&self, topic: &str) -> Option<&str> {
        self.told.get(topic).map(String::as_str)
    }

    pub(crate) fn see(&mut self, topic: String, id: String) {
        self.told.insert(topic, id);
    }

    /// Whether nobody was warned yet that there are none.
    pub(crate) fn warn(&mut self) -> bool {
        !std::mem::replace(&mut self.has_warned, true)
    }
}

/// What the thread is asked for.
pub(crate) enum Command {
    /// A line wants what comes after its checkpoint.
    Attach(Session),
    /// It wants nothing more.
    Detach(u64),
    /// It has committed up to these offsets.
    Commit(Vec<(SplitId, u64)>),
}

/// A line that is fed.
pub(crate) struct Session {
    pub(crate) id: u64,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) batches: Sender<Result<RawBatch, Error>>,
    pub(crate) end: Arc<End>,
}

/// Why a line is fed no more.
#[derive(Debug, Default)]
pub(crate) struct End(AtomicU8);

impl End {
    const INTERRUPTED: u8 = 1;
    const FINISHED: u8 = 2;

    pub(crate) fn is_interrupted(&self) -> bool {
        self.0.load(Ordering::Acquire) == Self::INTERRUPTED
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.0.load(Ordering::Acquire) == Self::FINISHED
    }
}

impl Session {
    /// The splits are other ones: what was handed on is all.
    pub(crate) fn interrupt(self) -> u64 {
        self.end.0.store(End::INTERRUPTED, Ordering::Release);
        self.id
    }

    /// Nothing will follow.
    pub(crate) fn finish(self) {
        self.end.0.store(End::FINISHED, Ordering::Release);
    }

    /// The line fails with `error`.
    pub(crate) fn fail(self, error: Error) {
        // A channel that is full holds batches, behind which the line sees that nothing follows, and begins anew.
        if self.batches.try_send(Err(error)).is_err() {
            self.interrupt();
        }
    }
}

/// What the source shows.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) name: String,
    instance: Option<String>,
    /// Records behind the ends of our partitions; `u64::MAX` while that is not known.
    pub(crate) lag: AtomicU64,
    /// It takes no line any more.
    pub(crate) has_left: AtomicBool,
    /// Why the client can do nothing more.
    fatal: Mutex<Option<KafkaError>>,
    /// What the client complained of last.
    pub(crate) said: Said,
}

impl Facts {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            name: options.name.clone(),
            instance: options.instance_id.clone(),
            lag: AtomicU64::new(u64::MAX),
            has_left: AtomicBool::new(false),
            fatal: Mutex::default(),
            said: Said::default(),
        }
    }

    /// The client can do nothing more.
    pub(crate) fn died(&self, cause: KafkaError) -> Error {
        *self.fatal.lock().unwrap_or_else(PoisonError::into_inner) = Some(cause);
        self.has_left.store(true, Ordering::Release);
        self.gone()
    }

    /// Why the thread that polls is gone.
    pub(crate) fn gone(&self) -> Error {
        match self.fatal.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            Some(cause) => Error::fatal(&self.name, self.instance.as_deref(), cause),
            None => Error::Thread { name: self.name.clone() },
        }
    }
}

pub(crate) struct State {
    pub(crate) commands: Receiver<Command>,
    /// What came while a rebalance waited for something else.
    pub(crate) later: VecDeque<Command>,
    pub(crate) session: Option<Session>,
    pub(crate) parts: Vec<Part>,
    /// Where messages are copied to.
    pub(crate) blocks: Blocks,
    pub(crate) ends: Ends,
    pub(crate) ids: Ids,
    /// Whether the group ever gave us an answer, be it that we have none of the partitions.
    pub(crate) was_assigned: bool,
    /// The partitions are paused, because the line is busy.
    pub(crate) is_paused: bool,
    /// The others are paused for a topic.
    pub(crate) alone: Option<Alone>,
    /// The last line of this member: it has everything of a batch, or the next needs another member.
    pub(crate) finished: Option<u64>,
    /// Nobody will ask for anything more.
    pub(crate) is_over: bool,
}

impl State {
    pub(crate) fn new(commands: Receiver<Command>) -> Self {
        Self {
            commands,
            later: VecDeque::new(),
            session: None,
            parts: Vec::new(),
            blocks: Blocks::default(),
            ends: Ends::new(),
            ids: Ids::default(),
            finished: None,
            was_assigned: false,
            is_paused: false,
            alone: None,
            is_over: false,
        }
    }

    /// See [`Part::doubt`]; of all partitions.
    pub(crate) fn doubt(&mut self) {
        self.parts.iter_mut().for_each(Part::doubt);
        if let Some(alone) = &mut self.alone {
            alone.is_void = true;
        }
    }

    /// The line that is fed, if there is one, fails with `error`.
    pub(crate) fn fail(&mut self, error: Error) {
        if let Some(session) = self.session.take() {
            session.fail(error);
        }
    }

    /// A line wants nothing more. It may have been the last.
    pub(crate) fn detached(&mut self, id: u64) {
        self.session.take_if(|session| session.id == id);
        self.is_over |= self.finished == Some(id);
    }

    /// The place of a partition among ours.
    pub(crate) fn find(&self, topic: &str, partition: i32) -> Option<usize> {
        self.parts.iter().position(|part| part.partition == partition && &*part.topic == topic)
    }
}

pub(crate) struct Context {
    pub(crate) options: Options,
    pub(crate) facts: Arc<Facts>,
    signing: Signing,
    state: Mutex<State>,
}

type Member = BaseConsumer<Context>;

impl Context {
    pub(crate) fn new(options: Options, facts: Arc<Facts>, signing: Signing, state: State) -> Self {
        Self { options, facts, signing, state: Mutex::new(state) }
    }

    /// Never held while the client is polled: its callbacks take it.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the group where the log stands, for those who look at its lag. Nothing hangs on it.
    pub(crate) fn commit(&self, member: &Member, state: &State, offsets: &[(SplitId, u64)]) {
        let mut list = TopicPartitionList::new();
        for (split, next) in offsets {
            let Some(part) = state.parts.iter().find(|part| part.split == *split) else { continue };
            if let Err(error) = list.add_partition_offset(&part.topic, part.partition, place::offset(*next)) {
                tracing::debug!(%error, %split, "offset cannot be told");
            }
        }
        if list.count() > 0
            && let Err(error) = member.commit(&list, CommitMode::Async)
        {
            tracing::debug!(%error, "the group could not be told of offsets");
        }
    }
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Debug | RDKafkaLogLevel::Info | RDKafkaLogLevel::Notice => {
                tracing::debug!(facility, message, "client");
            }
            // The callback below tells it too.
            _ if facility == "FAIL" => tracing::debug!(facility, message, "client"),
            _ => tracing::warn!(facility, message, "client"),
        }
    }

    fn stats(&self, statistics: Statistics) {
        let now = Instant::now();
        let mut state = self.state();
        let is_fed = state.session.is_some() && !state.is_paused;
        let mut lag = 0;
        for part in &mut state.parts {
            let partitions = statistics.topics.get(&*part.topic).map(|topic| &topic.partitions);
            let Some(seen) = partitions.and_then(|partitions| partitions.get(&part.partition)) else { continue };
            lag += u64::try_from(seen.consumer_lag).unwrap_or(0);
            // Where nothing waits for us, what lies before the end that the client saw was given to us or is no record.
            if let (true, 0, Ok(end)) = (is_fed, seen.fetchq_cnt, u64::try_from(seen.eof_offset)) {
                part.reached(u64::try_from(seen.app_offset).ok(), end, now);
            } else {
                part.stop_waiting();
            }
        }
        self.facts.lag.store(lag, Ordering::Relaxed);
    }

    /// Called where it is polled.
    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.signing.token()
    }

    /// Also of what a poll returns as an error.
    fn error(&self, error: KafkaError, reason: &str) {
        // No trouble: a healthy stream has it all the time.
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::PartitionEOF) {
            return;
        }
        if self.facts.said.note(&error, reason, Instant::now()) {
            tracing::warn!(%error, reason, "brokers");
        } else {
            tracing::debug!(%error, reason, "brokers");
        }
    }
}

impl ConsumerContext for Context {
    fn rebalance(&self, member: &Member, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        match what {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                self.state().was_assigned = true;
                self.assigned(member, list);
            }
            _ => self.revoked(member, list),
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(error) = result {
            tracing::debug!(%error, "the group did not take the offsets");
        }
    }

    fn main_queue_min_poll_interval(&self) -> Timeout {
        Timeout::After(Duration::from_millis(100))
    }
}
