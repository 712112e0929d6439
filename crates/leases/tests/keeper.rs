//! A keeper among others, over a table in memory.
#![expect(clippy::unwrap_used, reason = "a broken expectation of a test panics")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tributary_core::{Failure, Fault};
use tributary_leases::{Change, Held, Keeper, Lease, LeaseTable, MemoryTable, Report, Settings, conformance};

const DURATION: Duration = Duration::from_secs(30);

/// A table that can be out of reach.
#[derive(Default)]
struct Flaky {
    table: MemoryTable,
    is_away: AtomicBool,
}

impl Flaky {
    fn check(&self) -> Result<(), Failure> {
        match self.is_away.load(Ordering::SeqCst) {
            true => Err(Failure::new(Fault::Transient, "test/away", "out of reach")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl LeaseTable for Flaky {
    async fn read(&self) -> Result<Vec<Lease>, Failure> {
        self.check()?;
        self.table.read().await
    }

    async fn write(&self, changes: Vec<Change>) -> Result<Vec<bool>, Failure> {
        self.check()?;
        self.table.write(changes).await
    }
}

/// Workers and the time they share.
struct Group {
    table: Arc<Flaky>,
    readable: BTreeSet<String>,
    reports: BTreeMap<String, Report>,
    now: Instant,
}

impl Group {
    fn of(inputs: usize) -> Self {
        let readable = (0..inputs).map(|number| format!("shard-{number:02}")).collect();
        Self { table: Arc::default(), readable, reports: BTreeMap::new(), now: Instant::now() }
    }

    fn worker(&self, name: &str) -> Keeper {
        let table: Arc<dyn LeaseTable> = Arc::clone(&self.table) as _;
        Keeper::new(table, Settings::of(name))
    }

    async fn turn(&self, worker: &mut Keeper) -> Held {
        worker.turn(&self.readable, &self.reports, &|| self.now).await.unwrap()
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    /// Owners and askers: all that is not a renewal.
    async fn face(&self) -> BTreeMap<String, (Option<String>, Option<String>)> {
        let rows = self.table.read().await.unwrap();
        rows.into_iter().map(|row| (row.key, (row.owner, row.wanted_by))).collect()
    }

    /// A round of turns in which everybody gives what was asked for; how many leases each has then.
    async fn round(&mut self, workers: &mut [Keeper]) -> Vec<usize> {
        self.pass(10);
        let mut counts = Vec::new();
        for worker in workers {
            let held = self.turn(worker).await;
            worker.release(&held.asked).await.unwrap();
            counts.push(worker.held(self.now).ours.len());
        }
        counts
    }
}

#[tokio::test]
async fn the_table_in_memory_conforms() {
    let table: Arc<dyn LeaseTable> = Arc::new(MemoryTable::new());
    conformance::run(Arc::clone(&table), vec![table; 8]).await;
}

#[tokio::test]
async fn one_worker_takes_everything_at_once() {
    let group = Group::of(5);
    let held = group.turn(&mut group.worker("ann")).await;
    assert_eq!((&held.ours, &held.known, held.workers), (&group.readable, &group.readable, 1));
}

#[tokio::test]
async fn a_third_worker_gets_its_share_and_then_nothing_moves() {
    let mut group = Group::of(12);
    let mut workers = vec![group.worker("ann"), group.worker("bob")];
    for _ in 0..3 {
        group.round(&mut workers).await;
    }
    assert_eq!(group.round(&mut workers).await, [6, 6]);
    workers.push(group.worker("cyd"));
    for _ in 0..3 {
        group.round(&mut workers).await;
    }
    assert_eq!(group.round(&mut workers).await, [4, 4, 4]);
    let face = group.face().await;
    for _ in 0..10 {
        assert_eq!(group.round(&mut workers).await, [4, 4, 4]);
        assert_eq!(group.face().await, face);
    }
}

#[tokio::test]
async fn loads_are_evened_by_bytes() {
    let mut group = Group::of(9);
    // One carries as much as the eight others.
    let report = |rate| Report { rate, checkpoint: None };
    group.reports = group.readable.iter().map(|key| (key.clone(), report(1_000))).collect();
    group.reports.insert("shard-04".to_owned(), report(8_000));
    let mut workers = vec![group.worker("ann"), group.worker("bob")];
    for _ in 0..6 {
        group.round(&mut workers).await;
    }
    let mut counts = group.round(&mut workers).await;
    counts.sort_unstable();
    // With the heavy one a light one may stay: moving it would make less than the tolerated difference.
    assert_eq!(counts, [2, 7]);
}

#[tokio::test]
async fn what_a_dead_worker_had_is_taken_when_it_has_run_out() {
    let mut group = Group::of(4);
    let (mut ann, mut bob) = (group.worker("ann"), group.worker("bob"));
    group.turn(&mut ann).await;
    for _ in 0..3 {
        assert_eq!(group.turn(&mut bob).await.ours, BTreeSet::new());
        group.pass(9);
    }
    assert!(!ann.held(group.now).ours.is_empty());
    group.pass(3);
    assert_eq!(ann.held(group.now).ours, BTreeSet::new(), "by its own clock");
    let held = group.turn(&mut bob).await;
    assert_eq!((&held.ours, held.workers), (&group.readable, 1));
    assert!(!group.face().await.contains_key("worker/ann"), "forgotten");
}

#[tokio::test]
async fn who_comes_back_under_its_name_goes_on_at_once() {
    let mut group = Group::of(4);
    group.turn(&mut group.worker("ann")).await;
    group.pass(1);
    assert_eq!(group.turn(&mut group.worker("ann")).await.ours, group.readable);
}

#[tokio::test]
async fn who_leaves_lets_others_take_over_at_their_next_turns() {
    let mut group = Group::of(4);
    let (mut ann, mut bob) = (group.worker("ann"), group.worker("bob"));
    group.turn(&mut ann).await;
    group.turn(&mut bob).await;
    ann.leave().await.unwrap();
    assert_eq!(ann.held(group.now).ours, BTreeSet::new());
    group.pass(10);
    let held = group.turn(&mut bob).await;
    assert_eq!((&held.ours, held.workers), (&group.readable, 1));
}

#[tokio::test]
async fn an_asker_gets_what_is_released_and_a_dead_one_does_not() {
    let mut group = Group::of(2);
    let (mut ann, mut bob) = (group.worker("ann"), group.worker("bob"));
    group.turn(&mut ann).await;
    group.turn(&mut bob).await;
    group.pass(10);
    let asked = group.turn(&mut ann).await.asked;
    assert_eq!(asked.len(), 1);
    // Bob dies: his row stands still.
    for _ in 0..3 {
        group.pass(10);
        assert_eq!(group.turn(&mut ann).await.ours.len(), 2, "nobody takes it from ann");
    }
    group.pass(10);
    assert_eq!(group.turn(&mut ann).await.asked, BTreeSet::new());
    let mut bob = group.worker("bob");
    group.turn(&mut bob).await;
    group.pass(10);
    let asked = group.turn(&mut ann).await.asked;
    ann.release(&asked).await.unwrap();
    assert_eq!(group.turn(&mut bob).await.ours, asked);
}

#[tokio::test]
async fn an_end_takes_the_lease_away() {
    let mut group = Group::of(2);
    let mut ann = group.worker("ann");
    let held = group.turn(&mut ann).await;
    ann.end(&held.ours).await.unwrap();
    group.readable.clear();
    group.pass(10);
    assert_eq!(group.turn(&mut ann).await, Held { workers: 1, ..Held::default() });
}

#[tokio::test]
async fn without_the_table_nothing_is_ours_for_long_and_what_was_given_up_stays_so() {
    let mut group = Group::of(3);
    let mut ann = group.worker("ann");
    let held = group.turn(&mut ann).await;
    let one = BTreeSet::from(["shard-01".to_owned()]);
    group.table.is_away.store(true, Ordering::SeqCst);
    assert!(ann.release(&one).await.is_err());
    group.pass(29);
    assert!(ann.turn(&group.readable, &group.reports, &|| group.now).await.is_err());
    assert_eq!(ann.held(group.now).ours, &held.ours - &one);
    group.now = group.now - Duration::from_secs(29) + DURATION;
    assert_eq!(ann.held(group.now).ours, BTreeSet::new());
    group.table.is_away.store(false, Ordering::SeqCst);
    assert_eq!(group.turn(&mut ann).await.ours, &held.ours - &one, "and now it is released");
    assert_eq!(group.face().await["shard-01"], (None, None));
}
