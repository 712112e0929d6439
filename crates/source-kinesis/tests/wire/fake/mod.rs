//! Kinesis as its documentation has it, in this process: a stream whose shards are split, merged and trimmed by the test, and
//! a server that answers for it, with the faults that it is told to have.
//!
//! Source: Amazon Kinesis Data Streams API Reference, version 2013-12-02, and the Developer Guide, "Resharding a stream".

mod calls;
mod push;
mod server;
mod stream;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tributary_core::{Clock, Timestamp};

use crate::random::Random;

pub use stream::Stream;

/// What the source and the stream go by: it runs as fast as real time, from a fixed moment on, and can be put forward.
#[derive(Debug)]
pub struct Hands {
    started: Instant,
    ahead: AtomicI64,
}

impl Hands {
    /// 2025-07-01T00:00:00Z.
    pub const START: Timestamp = Timestamp::from_micros(1_751_328_000_000_000);

    pub fn advance(&self, by: Duration) {
        self.ahead.fetch_add(by.as_micros() as i64, Ordering::Relaxed);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        let micros = self.started.elapsed().as_micros() as i64 + self.ahead.load(Ordering::Relaxed);
        Self::START.plus_micros(micros)
    }
}

/// The operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    Describe,
    List,
    Iterator,
    Records,
    /// Of a consumer: whether it is there, and its registration.
    Consumer,
    Subscribe,
}

/// What is answered in place of what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Throttled,
    Expired,
    Internal,
    Denied,
    /// The connection is closed without an answer.
    Cut,
    /// A page without records, though there are some: the service looks through a shard piece by piece.
    Empty,
}

/// A call as it came.
#[derive(Clone, Debug)]
pub struct Came {
    pub call: Call,
    /// Of which shard, where it is of one.
    pub shard: Option<String>,
    pub at: Instant,
    /// Where an iterator was to begin.
    pub kind: Option<String>,
}

struct State {
    clock: Arc<Hands>,
    stream: Option<Stream>,
    faults: BTreeMap<Call, VecDeque<Fault>>,
    /// One call in so many has a fault, by chance.
    trouble: Option<(Random, usize)>,
    /// Iterators serve so many pages, then a new one has to be had.
    iterator_life: u64,
    /// An iterator of a stream before this one is as good as any.
    any_iterator: bool,
    /// Shards on a page of their list.
    listed_at_once: usize,
    /// Records on a page, however many are asked for.
    page: usize,
    /// A subscription ends after so many events.
    events: usize,
    /// Consumers that are registered.
    consumers: Vec<String>,
    came: Vec<Came>,
}

/// The service.
#[derive(Clone)]
pub struct Fake {
    endpoint: String,
    clock: Arc<Hands>,
    state: Arc<Mutex<State>>,
}

pub const STREAM: &str = "agent-events";

impl Fake {
    /// With one stream of so many shards.
    pub fn start(shards: usize) -> Self {
        let clock = Arc::new(Hands { started: Instant::now(), ahead: AtomicI64::new(0) });
        let state = State {
            stream: Some(Stream::new(STREAM, shards, clock.now())),
            clock: Arc::clone(&clock),
            faults: BTreeMap::new(),
            trouble: None,
            iterator_life: u64::MAX,
            any_iterator: false,
            listed_at_once: 3,
            page: 10_000,
            events: usize::MAX,
            consumers: Vec::new(),
            came: Vec::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let endpoint = server::start(Arc::clone(&state));
        Self { endpoint, clock, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The stream is changed or looked at.
    pub fn stream<T>(&self, look: impl FnOnce(&mut Stream, Timestamp) -> T) -> T {
        let now = self.clock.now();
        look(self.state().stream.as_mut().unwrap(), now)
    }

    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::<Hands>::clone(&self.clock)
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// A record arrives now; the shard that takes it.
    pub fn put(&self, key: &str, data: impl Into<Vec<u8>>) -> String {
        self.stream(|stream, now| stream.put(key, data.into(), now))
    }

    /// A record has arrived at `moment`.
    pub fn put_at(&self, key: &str, data: impl Into<Vec<u8>>, moment: Timestamp) -> String {
        self.stream(|stream, _| stream.put(key, data.into(), moment))
    }

    pub fn split(&self, shard: &str) -> [String; 2] {
        self.stream(|stream, now| stream.split(shard, now))
    }

    pub fn merge(&self, one: &str, other: &str) -> String {
        self.stream(|stream, now| stream.merge(one, other, now))
    }

    /// The shards that take records, in the order of their keys.
    pub fn open(&self) -> Vec<String> {
        self.stream(|stream, _| stream.open())
    }

    /// What arrived before `moment` is deleted.
    pub fn trim(&self, moment: Timestamp) {
        self.stream(|stream, _| stream.trim(moment));
    }

    /// The stream is deleted.
    pub fn delete(&self) {
        self.state().stream = None;
    }

    /// The stream is deleted and made again a second later, its shards called as before.
    pub fn recreate(&self, shards: usize) {
        self.advance(Duration::from_secs(1));
        let now = self.clock.now();
        self.state().stream = Some(Stream::new(STREAM, shards, now));
    }

    /// The stream is made again, and iterators of the old one lead into the new one.
    pub fn recreate_with_iterators(&self) {
        self.recreate(1);
        self.state().any_iterator = true;
    }

    /// The next so many calls have a fault.
    pub fn fail(&self, call: Call, times: usize, fault: Fault) {
        self.state().faults.entry(call).or_default().extend(std::iter::repeat_n(fault, times));
    }

    /// One call in `one_in` has a fault from now on.
    pub fn trouble(&self, seed: u64, one_in: usize) {
        self.state().trouble = Some((Random::new(seed), one_in));
    }

    pub fn calm(&self) {
        let mut state = self.state();
        state.trouble = None;
        state.faults.clear();
    }

    /// How many faults are still to come.
    pub fn faults_left(&self) -> usize {
        self.state().faults.values().map(VecDeque::len).sum()
    }

    pub fn iterators_serve(&self, pages: u64) {
        self.state().iterator_life = pages;
    }

    pub fn pages_of(&self, records: usize) {
        self.state().page = records;
    }

    pub fn subscriptions_serve(&self, events: usize) {
        self.state().events = events;
    }

    /// The calls that came so far.
    pub fn came(&self) -> Vec<Came> {
        self.state().came.clone()
    }

    /// How many calls of a kind came so far.
    pub fn count(&self, call: Call) -> usize {
        self.state().came.iter().filter(|came| came.call == call).count()
    }
}
