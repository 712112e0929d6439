//! Short ways to say what the tests are about.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tributary_commit::{
    Claim, CommitError, CommitLog, LogOptions, OptionDigest, Permit, Proposal, Receipt, Record, invariants,
};
use tributary_core::{
    Attempt, Clock, Day, Delta, Epoch, Key, PartitionPath, PipelineId, Position, SealedFile, Span, SplitId, TableId,
    Tally, Timestamp,
};
use tributary_store::{MemoryStore, ObjectStore};

/// A clock that moves when it is told to.
#[derive(Debug, Default)]
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn forward(&self, time: Duration) {
        self.0.fetch_add(i64::try_from(time.as_micros()).unwrap(), Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
}

pub(crate) const TAKEOVER: Duration = Duration::from_secs(60);
pub(crate) const ATTEMPT_AGE: Duration = Duration::from_secs(24 * 3_600);

pub(crate) fn pipeline() -> PipelineId {
    "p".parse().unwrap()
}

pub(crate) fn key(text: &str) -> Key {
    text.parse().unwrap()
}

pub(crate) fn day(number: i32) -> PartitionPath {
    PartitionPath::of(Day::from_days(20_000 + number))
}

pub(crate) fn digest(value: &str) -> OptionDigest {
    OptionDigest::new(BTreeMap::from([("transform.lateness".to_owned(), value.to_owned())]))
}

pub(crate) fn options() -> LogOptions {
    LogOptions {
        pipeline: pipeline(),
        options: digest("10m"),
        accept_change: false,
        tables: ["t", "u", "rejected"].map(TableId::new).to_vec(),
        takeover: TAKEOVER,
        attempt_age: ATTEMPT_AGE,
        checkpoint_every: LogOptions::CHECKPOINT_EVERY,
    }
}

/// A lake in memory, with a clock.
#[derive(Clone, Default)]
pub(crate) struct Lake {
    pub(crate) memory: MemoryStore,
    pub(crate) clock: Arc<TestClock>,
}

impl Lake {
    pub(crate) async fn open_with(&self, options: LogOptions) -> Result<CommitLog, CommitError> {
        CommitLog::open(Arc::new(self.memory.clone()), options, self.clock.clone()).await
    }

    pub(crate) async fn open(&self) -> CommitLog {
        self.open_with(options()).await.unwrap()
    }

    /// Commits and publishes `[from, to)` of a split as one file.
    pub(crate) async fn commit(&self, log: &mut CommitLog, attempt: u128, split: &str, from: u64, to: u64) -> Receipt {
        let proposal = proposal(&self.memory, attempt, split, from, to).await;
        claim_and_publish(log, proposal).await
    }

    pub(crate) async fn exists(&self, name: &Key) -> bool {
        self.memory.size(name).await.unwrap().is_some()
    }
}

pub(crate) fn span(from: u64, to: u64) -> Span {
    let at = |offset| if offset == 0 { Position::Start } else { Position::Offset(offset) };
    Span::new(at(from), at(to)).unwrap()
}

/// The name of an attempt's only file.
pub(crate) fn file_name(attempt: u128) -> Key {
    key(&format!("t/{}/{}-0001.parquet", day(0), Attempt::from_bits(attempt)))
}

pub(crate) async fn sealed(
    store: &dyn ObjectStore,
    attempt: u128,
    place: (&str, i32),
    name: &Key,
    rows: u64,
) -> SealedFile {
    let mut upload = store.begin(&Attempt::from_bits(attempt), name).await.unwrap();
    upload.write(Bytes::from(format!("rows of {name}"))).await.unwrap();
    let ticket = upload.seal().await.unwrap();
    SealedFile { table: TableId::new(place.0), partition: day(place.1), key: name.clone(), ticket, rows }
}

/// A proposal without files.
pub(crate) fn empty(attempt: u128) -> Proposal {
    Proposal {
        attempt: Attempt::from_bits(attempt),
        delta: Delta::default(),
        tally: Tally::default(),
        adds: Vec::new(),
        replaces: Vec::new(),
        bans: Vec::new(),
        state: Vec::new(),
        guarded: false,
        read: Vec::new(),
        began: Timestamp::from_micros(0),
    }
}

pub(crate) fn tally(rows: u64) -> Tally {
    let mut tally = Tally { read: rows, made_rows: rows, ..Tally::default() };
    tally.rows.insert(TableId::new("t"), rows);
    tally
}

/// `[from, to)` of a split as one sealed file with as many rows.
pub(crate) async fn proposal(store: &dyn ObjectStore, attempt: u128, split: &str, from: u64, to: u64) -> Proposal {
    let file = sealed(store, attempt, ("t", 0), &file_name(attempt), to - from).await;
    let delta = Delta::of(SplitId::new(split), span(from, to));
    Proposal { delta, tally: tally(to - from), adds: vec![file], ..empty(attempt) }
}

pub(crate) async fn claim_and_publish(log: &mut CommitLog, proposal: Proposal) -> Receipt {
    let permit = owned(log.claim(proposal).await.unwrap());
    log.publish(permit).await.unwrap()
}

#[track_caller]
pub(crate) fn owned(claim: Claim) -> Permit {
    match claim {
        Claim::Owned(permit) => permit,
        other => panic!("not owned: {other:?}"),
    }
}

/// All records of the log, as they lie there.
pub(crate) async fn records(store: &dyn ObjectStore) -> (Vec<Record>, BTreeSet<Epoch>) {
    let mut records = Vec::new();
    let mut done = BTreeSet::new();
    for name in store.list(&key("_tributary/p/commits"), None).await.unwrap() {
        if name.as_str().ends_with(".json") {
            records.push(serde_json::from_slice(&store.read(&name).await.unwrap().unwrap()).unwrap());
        } else {
            let number = name.file_name().trim_end_matches(".done").parse().unwrap();
            done.insert(Epoch::new(number));
        }
    }
    (records, done)
}

/// INV-1 to INV-4 on what lies in the store; tells how many rows the lake shows.
pub(crate) async fn check_invariants(store: &dyn ObjectStore) -> u64 {
    let (records, done) = records(store).await;
    for record in &records {
        invariants::conservation(&record.tally).unwrap();
    }
    invariants::contiguity(&records).unwrap();
    invariants::one_owner(&records).unwrap();
    let visible: BTreeSet<Key> = store.list(&key("t"), None).await.unwrap().into_iter().collect();
    invariants::published(&records, &done, |name| visible.contains(name)).unwrap();
    let mut rows = 0;
    for name in &visible {
        let adds = records.iter().flat_map(|record| &record.adds).find(|file| file.key == *name);
        rows += adds.unwrap_or_else(|| panic!("{name} is visible and in no record: a loser published")).rows;
    }
    rows
}
