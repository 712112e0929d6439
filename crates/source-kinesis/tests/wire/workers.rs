//! Several workers that share a stream: leases say who reads what, the log says who was first.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tributary_core::{Failure, Fault, Position};
use tributary_leases::{Change, Lease, LeaseTable, MemoryTable};
use tributary_source_kinesis::Options;

use crate::fake::Fake;
use crate::line::{Line, SharedLog, Turn, join_as, lock, options};
use crate::play;

/// A call without an answer is given up after a minute.
const PATIENCE: Duration = Duration::from_secs(100);

/// A process that reads until it is told to leave, line after line.
pub struct Worker {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Worker {
    pub fn start(name: &str, table: &Arc<dyn LeaseTable>, fake: &Fake, options: Options, log: &SharedLog) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (name, table, fake, log) = (name.to_owned(), Arc::clone(table), fake.clone(), Arc::clone(log));
        let task = async move { Box::pin(work(&name, &table, &fake, options, &log, stopped)).await };
        Self { stop, task: tokio::spawn(task) }
    }

    /// It commits what it has and says goodbye.
    pub async fn leave(self) {
        self.stop.send(true).unwrap();
        self.task.await.unwrap();
    }

    /// It is gone from one moment to the next, with what it had in hand.
    pub async fn die(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled(), "until now it went well");
    }
}

async fn work(
    name: &str,
    table: &Arc<dyn LeaseTable>,
    fake: &Fake,
    options: Options,
    log: &SharedLog,
    stopped: watch::Receiver<bool>,
) {
    let group = join_as(name, table, fake, options).await;
    while !*stopped.borrow() {
        let mut line = match Line::attach_as(name, &group, fake, log).await {
            Ok(line) => line,
            Err(failure) => {
                assert_eq!(failure.fault(), Fault::Transient, "{failure}");
                continue;
            }
        };
        while !*stopped.borrow() {
            let turn = line.turn().await;
            let is_first = line.commit().await;
            match turn {
                Turn::Batch | Turn::Quiet if is_first => {}
                Turn::Failed(failure) => {
                    assert_eq!(failure.fault(), Fault::Transient, "{failure}");
                    break;
                }
                Turn::Over { goes_on: false } => return group.leave().await,
                Turn::Batch | Turn::Quiet | Turn::Over { .. } => break,
            }
        }
    }
    group.leave().await;
}

pub async fn until(log: &SharedLog, what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}: {:#?}", lock(log).checkpoint);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn table() -> Arc<dyn LeaseTable> {
    Arc::new(MemoryTable::new())
}

fn put(fake: &Fake, round: usize) {
    (0..40).for_each(|key| drop(fake.put(&format!("agent-{key}"), format!("{round}/{key}"))));
}

/// Everything that was put in so many rounds is there once.
fn assert_once(log: &SharedLog, rounds: usize) {
    let texts = lock(log).texts();
    let once: BTreeSet<&String> = texts.iter().collect();
    assert_eq!((texts.len(), once.len()), (40 * rounds, 40 * rounds));
    assert!(lock(log).gaps.is_empty());
}

/// Until a worker has a lease.
async fn until_owned(table: &Arc<dyn LeaseTable>, worker: &str) {
    let begun = Instant::now();
    while !owners(table).await.iter().any(|owner| owner == worker) {
        assert!(begun.elapsed() < PATIENCE, "{:?}", owners(table).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The shards that have a lease.
async fn leased(table: &Arc<dyn LeaseTable>) -> BTreeSet<String> {
    let rows = table.read().await.unwrap();
    rows.into_iter().map(|row| row.key).filter(|key| !key.starts_with("worker/")).collect()
}

async fn owners(table: &Arc<dyn LeaseTable>) -> Vec<String> {
    let rows = table.read().await.unwrap();
    let leases = rows.into_iter().filter(|row| !row.key.starts_with("worker/"));
    let mut owners: Vec<String> = leases.filter_map(|row| row.owner).collect();
    owners.sort();
    owners
}

/// Until each lease says where the log stands.
async fn until_said(table: &Arc<dyn LeaseTable>, log: &SharedLog) {
    let stands: BTreeSet<String> = lock(log)
        .checkpoint
        .positions()
        .map(|(_, position)| match position {
            Position::After(after) => after.sequence.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    let begun = Instant::now();
    loop {
        let rows = table.read().await.unwrap();
        let leases = rows.into_iter().filter(|row| !row.key.starts_with("worker/"));
        let said: BTreeSet<String> = leases.filter_map(|row| row.checkpoint).collect();
        if said == stands {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{said:?} for {stands:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn a_lease_shows_where_the_log_stands() {
    play("workers::a_lease_shows_where_the_log_stands", async {
        let (fake, table, log) = (Fake::start(4), table(), SharedLog::default());
        let worker = Worker::start("a", &table, &fake, options(&fake), &log);
        for round in 0..2 {
            put(&fake, round);
            until(&log, "all is read", || lock(&log).records.len() == 40 * (round + 1)).await;
            until_said(&table, &log).await;
        }
        worker.leave().await;
    });
}

#[test]
fn a_second_worker_gets_its_share() {
    play("workers::a_second_worker_gets_its_share", async {
        let (fake, table, log) = (Fake::start(4), table(), SharedLog::default());
        let first = Worker::start("a", &table, &fake, options(&fake), &log);
        put(&fake, 0);
        until(&log, "one reads everything", || lock(&log).records.len() == 40).await;
        let second = Worker::start("b", &table, &fake, options(&fake), &log);
        let begun = Instant::now();
        while owners(&table).await != ["a", "a", "b", "b"] {
            assert!(begun.elapsed() < PATIENCE, "{:?}", owners(&table).await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        put(&fake, 1);
        until(&log, "both read", || lock(&log).records.len() == 80).await;
        assert_once(&log, 2);
        assert!(lock(&log).by.values().all(|records| *records > 0), "{:?}", lock(&log).by);
        first.leave().await;
        second.leave().await;
    });
}

/// Nobody waits until the leases of who has left run out.
#[test]
fn who_leaves_hands_its_shards_over() {
    play("workers::who_leaves_hands_its_shards_over", async {
        let (fake, table, log) = (Fake::start(4), table(), SharedLog::default());
        let long = Options { lease_duration: Duration::from_secs(6), ..options(&fake) };
        let first = Worker::start("a", &table, &fake, long.clone(), &log);
        put(&fake, 0);
        until(&log, "one reads everything", || lock(&log).records.len() == 40).await;
        let second = Worker::start("b", &table, &fake, long, &log);
        let begun = Instant::now();
        while owners(&table).await != ["a", "a", "b", "b"] {
            assert!(begun.elapsed() < PATIENCE, "{:?}", owners(&table).await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        first.leave().await;
        let left = Instant::now();
        put(&fake, 1);
        until(&log, "the other reads everything", || lock(&log).records.len() == 80).await;
        // Two turns of 2 s: what is free is left to others at the first.
        assert!(left.elapsed() < Duration::from_millis(5_500), "{:?}", left.elapsed());
        assert_once(&log, 2);
        second.leave().await;
    });
}

#[test]
fn who_dies_loses_its_shards_when_they_run_out() {
    play("workers::who_dies_loses_its_shards_when_they_run_out", async {
        let (fake, table, log) = (Fake::start(4), table(), SharedLog::default());
        let first = Worker::start("a", &table, &fake, options(&fake), &log);
        let second = Worker::start("b", &table, &fake, options(&fake), &log);
        put(&fake, 0);
        until(&log, "both read", || lock(&log).records.len() == 40).await;
        first.die().await;
        put(&fake, 1);
        until(&log, "the other reads everything", || lock(&log).records.len() == 80).await;
        assert_once(&log, 2);
        second.leave().await;
    });
}

/// A table in which, whenever a lease is handed to a worker, that worker has asked for the next one too.
struct Eager {
    rows: MemoryTable,
}

#[async_trait]
impl LeaseTable for Eager {
    async fn read(&self) -> Result<Vec<Lease>, Failure> {
        self.rows.read().await
    }

    async fn write(&self, changes: Vec<Change>) -> Result<Vec<bool>, Failure> {
        let before = self.rows.read().await?;
        let is_of_other = |lease: &Lease, owner: &str| lease.owner.as_deref().is_some_and(|other| other != owner);
        let given = changes.iter().filter_map(Change::lease).find_map(|lease| {
            let owner = lease.owner.clone()?;
            before.iter().any(|row| row.key == lease.key && is_of_other(row, &owner)).then_some(owner)
        });
        let done = self.rows.write(changes).await?;
        let Some(asker) = given else { return Ok(done) };
        let mut rows = self.rows.read().await?.into_iter();
        let next =
            rows.find(|row| !row.key.starts_with("worker/") && is_of_other(row, &asker) && row.wanted_by.is_none());
        if let Some(row) = next {
            let asked = Lease { counter: row.counter + 1, wanted_by: Some(asker), ..row.clone() };
            self.rows.write(vec![Change::Replace { seen: row.counter, lease: asked }]).await?;
        }
        Ok(done)
    }
}

/// What is asked for while a line begins is neither kept nor forgotten.
#[test]
fn what_is_asked_for_while_a_line_begins_is_read() {
    play("workers::what_is_asked_for_while_a_line_begins_is_read", async {
        let (fake, log) = (Fake::start(4), SharedLog::default());
        let table: Arc<dyn LeaseTable> = Arc::new(Eager { rows: MemoryTable::new() });
        let first = Worker::start("a", &table, &fake, options(&fake), &log);
        put(&fake, 0);
        until(&log, "one reads everything", || lock(&log).records.len() == 40).await;
        let second = Worker::start("b", &table, &fake, options(&fake), &log);
        until_owned(&table, "b").await;
        for round in 1..4 {
            put(&fake, round);
            until(&log, "somebody reads each shard", || lock(&log).records.len() == 40 * (round + 1)).await;
        }
        assert_once(&log, 4);
        first.leave().await;
        second.leave().await;
    });
}

/// Parents and children may be with different workers.
#[test]
fn reshards_are_read_by_whoever_has_them() {
    play("workers::reshards_are_read_by_whoever_has_them", async {
        let (fake, table, log) = (Fake::start(2), table(), SharedLog::default());
        let workers: Vec<Worker> =
            ["a", "b", "c"].map(|name| Worker::start(name, &table, &fake, options(&fake), &log)).into();
        for round in 0..4 {
            put(&fake, round);
            for shard in fake.open() {
                if round % 2 == 0 {
                    fake.split(&shard);
                }
            }
            if round % 2 == 1 {
                fake.open().chunks(2).for_each(|pair| drop(fake.merge(&pair[0], &pair[1])));
            }
        }
        until(&log, "everything is read", || lock(&log).records.len() >= 160).await;
        // The shards of the last merge, which have no records, are begun after that.
        let open: BTreeSet<String> = fake.open().into_iter().collect();
        let begun = Instant::now();
        while !leased(&table).await.is_superset(&open) {
            assert!(begun.elapsed() < PATIENCE, "{:?} of {open:?}", leased(&table).await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for worker in workers {
            worker.leave().await;
        }
        assert_once(&log, 4);
        // Leases of shards that are over are deleted.
        assert_eq!(leased(&table).await, open);
    });
}

/// Where each decides by itself where the stream begins, the log takes one answer.
#[test]
fn a_stream_begins_once_for_all_workers() {
    play("workers::a_stream_begins_once_for_all_workers", async {
        let (fake, table, log) = (Fake::start(3), table(), SharedLog::default());
        put(&fake, 0);
        fake.advance(Duration::from_secs(1));
        let latest = Options { start: tributary_source_kinesis::StartAt::Latest, ..options(&fake) };
        let workers: Vec<Worker> =
            ["a", "b"].map(|name| Worker::start(name, &table, &fake, latest.clone(), &log)).into();
        until(&log, "where it begins is committed", || lock(&log).checkpoint.len() == 3).await;
        put(&fake, 1);
        until(&log, "what follows is read", || lock(&log).records.len() >= 40).await;
        for worker in workers {
            worker.leave().await;
        }
        assert!(lock(&log).texts().iter().all(|text| text.starts_with("1/")));
        assert_once(&log, 1);
    });
}
