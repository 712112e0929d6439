//! A line and a commit log, as far as a source can tell: batches are taken, committed where they follow on what is there,
//! and what was not committed is dropped and read again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tributary_aws::Connection;
use tributary_core::{Body, Checkpoint, Delta, Failure, Gap, Position, RawBatch, Record, ScopeId, Source as _};
use tributary_leases::LeaseTable;
use tributary_source_kinesis::{Group, KinesisSource, Options};

use crate::fake::{Fake, STREAM};

/// Nothing here takes longer.
/// A call without an answer is given up after a minute.
const PATIENCE: Duration = Duration::from_secs(100);

/// A line waits so long for a batch before it commits what it has.
const CADENCE: Duration = Duration::from_millis(60);

/// Short times, so that tests are.
pub fn options(fake: &Fake) -> Options {
    let endpoint = Some(fake.endpoint());
    Options {
        connection: Connection { endpoint, region: Some("us-east-1".to_owned()), ..Connection::default() },
        idle: Duration::from_millis(20),
        discover: Duration::from_millis(300),
        lease_duration: Duration::from_millis(900),
        ..Options::new("calls", STREAM)
    }
}

pub async fn join(fake: &Fake, options: Options) -> Group {
    Group::join(options, None, fake.clock()).await.unwrap()
}

pub async fn join_as(worker: &str, table: &Arc<dyn LeaseTable>, fake: &Fake, options: Options) -> Group {
    Group::join(options, Some((worker.to_owned(), Arc::clone(table))), fake.clock()).await.unwrap()
}

/// What is committed.
#[derive(Debug, Default)]
pub struct Log {
    pub checkpoint: Checkpoint,
    pub records: Vec<Record>,
    pub gaps: Vec<Gap>,
    pub commits: usize,
    /// Commits of nothing but positions.
    pub empty: usize,
    pub fences: usize,
    /// Who committed how many records of it, by worker.
    pub by: BTreeMap<String, usize>,
}

pub type SharedLog = Arc<Mutex<Log>>;

impl Log {
    /// Takes what follows on what it has; `false` where somebody else was first.
    fn commit(&mut self, worker: &str, delta: &Delta, records: Vec<Record>) -> bool {
        let Ok(advanced) = self.checkpoint.advance(delta) else {
            self.fences += 1;
            return false;
        };
        self.checkpoint = advanced.checkpoint;
        self.gaps.extend(advanced.gaps);
        self.commits += 1;
        self.empty += usize::from(records.is_empty());
        *self.by.entry(worker.to_owned()).or_default() += records.len();
        self.records.extend(records);
        true
    }

    /// What was in the records.
    pub fn texts(&self) -> Vec<String> {
        self.records.iter().map(text).collect()
    }

    /// The position of a shard of the stream that is there now.
    pub fn position(&self, fake: &Fake, shard: &str) -> Position {
        let split = format!("calls/{STREAM}@{}/{shard}", fake.stream(|stream, _| stream.created.div_euclid(1_000)));
        let found = self.checkpoint.positions().find(|(known, _)| known.as_str() == split);
        found.map_or(Position::Start, |(_, position)| position.clone())
    }
}

pub fn text(record: &Record) -> String {
    match &record.body {
        Body::Whole(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        body => panic!("{body:?}"),
    }
}

pub fn lock(log: &SharedLog) -> MutexGuard<'_, Log> {
    log.lock().unwrap()
}

/// What a line came to.
#[derive(Debug)]
pub enum Turn {
    Batch,
    /// Nothing came for a while.
    Quiet,
    /// Nothing follows in this line; whether more does in the next.
    Over {
        goes_on: bool,
    },
    Failed(Failure),
}

/// A line.
pub struct Line {
    pub source: KinesisSource,
    worker: String,
    fake: Fake,
    log: SharedLog,
    attached: Checkpoint,
    /// Where the log will stand once what is pending is committed.
    delta: Delta,
    records: Vec<Record>,
}

impl Line {
    pub async fn attach(group: &Group, fake: &Fake, log: &SharedLog) -> Result<Self, Failure> {
        Self::attach_as("", group, fake, log).await
    }

    pub async fn attach_as(worker: &str, group: &Group, fake: &Fake, log: &SharedLog) -> Result<Self, Failure> {
        let attached = lock(log).checkpoint.clone();
        Ok(Self {
            source: group.attach(&attached).await?,
            worker: worker.to_owned(),
            fake: fake.clone(),
            log: Arc::clone(log),
            attached,
            delta: Delta::default(),
            records: Vec::new(),
        })
    }

    pub async fn turn(&mut self) -> Turn {
        match tokio::time::timeout(CADENCE, self.source.next()).await {
            Err(_) => Turn::Quiet,
            Ok(Ok(None)) => Turn::Over { goes_on: self.source.goes_on() },
            Ok(Err(failure)) => Turn::Failed(failure),
            Ok(Ok(Some(batch))) => {
                self.take(batch);
                Turn::Batch
            }
        }
    }

    fn take(&mut self, batch: RawBatch) {
        let mut before: BTreeMap<_, _> =
            batch.delta.spans().map(|(split, span)| (split, span.from().clone())).collect();
        for record in &batch.records {
            let at = before.get_mut(&record.split).unwrap();
            assert!(at.order(&record.position).is_some_and(|order| order.is_lt()), "{at}, then {}", record.position);
            *at = record.position.clone();
            self.is_in_turn(&batch.scope, record);
        }
        for (split, at) in before {
            let to = batch.delta.get(split).unwrap().to();
            assert!(
                at.order(to).is_some_and(|order| order.is_le()),
                "{at} is within what is accounted for, up to {to}"
            );
        }
        self.delta.append(batch.delta).unwrap();
        self.records.extend(batch.records);
    }

    /// A shard is read once its parents were over in the log that the line began with.
    fn is_in_turn(&self, scope: &ScopeId, record: &Record) {
        let (prefix, shard) = record.split.as_str().rsplit_once('/').unwrap();
        assert_eq!(scope.as_str(), format!("split:{prefix}/{shard}"));
        assert_eq!(record.origin.as_ref(), format!("{STREAM}/{shard}"));
        let parents = self.fake.stream(|stream, _| {
            let parents = stream.parents(shard);
            let kept: BTreeSet<String> = parents.iter().filter(|id| stream.shard(id).is_some()).cloned().collect();
            (parents, kept)
        });
        for parent in &parents.1 {
            let split = tributary_core::SplitId::new(format!("{prefix}/{parent}"));
            assert_eq!(*self.attached.position(&split), Position::End, "{parent} is over before {shard} begins");
        }
        let scopes: Vec<ScopeId> =
            parents.0.iter().map(|parent| ScopeId::new(format!("split:{prefix}/{parent}"))).collect();
        assert_eq!(self.source.lineage().get(scope).cloned().unwrap_or_default(), scopes);
    }

    pub fn has_pending(&self) -> bool {
        !self.delta.is_empty()
    }

    /// Commits what was taken; `false` where somebody else was first.
    pub async fn commit(&mut self) -> bool {
        if self.delta.is_empty() {
            return true;
        }
        let (delta, records) = (std::mem::take(&mut self.delta), std::mem::take(&mut self.records));
        let durable = {
            let mut log = lock(&self.log);
            if !log.commit(&self.worker, &delta, records) {
                return false;
            }
            log.checkpoint.clone()
        };
        self.source.release(&durable).await.unwrap();
        true
    }
}

/// How reading ended.
#[derive(Debug)]
pub enum Ended {
    /// It is as it should be.
    Reached,
    /// A batch is over.
    Finished,
    Failed(Failure),
}

/// Reads, line after line, until the log is as it should be, a batch is over, or something failed.
pub async fn read(group: &Group, fake: &Fake, log: &SharedLog, is_reached: impl Fn(&Log) -> bool) -> Ended {
    let reading = async {
        loop {
            let mut line = match Line::attach(group, fake, log).await {
                Ok(line) => line,
                Err(failure) => return Ended::Failed(failure),
            };
            loop {
                let turn = line.turn().await;
                assert!(line.commit().await, "nobody else commits: {:?}", lock(log).checkpoint);
                if is_reached(&lock(log)) {
                    return Ended::Reached;
                }
                match turn {
                    Turn::Batch | Turn::Quiet => {}
                    Turn::Over { goes_on: true } => break,
                    Turn::Over { goes_on: false } => return Ended::Finished,
                    Turn::Failed(failure) => return Ended::Failed(failure),
                }
            }
        }
    };
    match tokio::time::timeout(PATIENCE, reading).await {
        Ok(ended) => ended,
        Err(_) => panic!("too late: {:#?}", lock(log)),
    }
}

/// Until so many records are committed.
pub async fn read_records(group: &Group, fake: &Fake, log: &SharedLog, count: usize) {
    let ended = read(group, fake, log, |log| log.records.len() >= count).await;
    assert!(matches!(ended, Ended::Reached), "{ended:?}");
}

/// Until a batch is over.
pub async fn read_batch(group: &Group, fake: &Fake, log: &SharedLog) {
    let ended = read(group, fake, log, |_| false).await;
    assert!(matches!(ended, Ended::Finished), "{ended:?}");
}

/// The failure that reading ends with.
pub async fn read_failure(group: &Group, fake: &Fake, log: &SharedLog) -> Failure {
    match read(group, fake, log, |_| false).await {
        Ended::Failed(failure) => failure,
        ended => panic!("{ended:?}"),
    }
}

/// Reads on for a while.
pub async fn read_for(group: &Group, fake: &Fake, log: &SharedLog, span: Duration) {
    let until = std::time::Instant::now() + span;
    let ended = read(group, fake, log, |_| std::time::Instant::now() >= until).await;
    assert!(matches!(ended, Ended::Reached), "{ended:?}");
}
