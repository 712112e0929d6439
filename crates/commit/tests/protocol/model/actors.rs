//! Who acts, and how the scheduler makes them.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tributary_commit::{Claim, CommitError, CommitLog, LogOptions, Proposal, gc};
use tributary_core::{Attempt, Delta, Fault, Key, Position, SplitId, Timestamp};
use tributary_store::memory::Outcome;
use tributary_store::{MemoryStore, ObjectStore};

use super::schedule::Chooser;
use super::store::{Gate, SimStore};
use crate::support::*;

/// Rows of each epoch.
const ROWS: u64 = 10;
/// A sleeper is thought of once in so many steps.
const SLEEP: usize = 40;
const FAULTS: [Outcome; 4] = [Outcome::FailBefore, Outcome::FailAfter, Outcome::CrashBefore, Outcome::CrashAfter];

/// What an actor does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Script {
    /// Has recovered and sealed before the schedule begins; claims and publishes one epoch, and ends whatever happens.
    Commit {
        /// Of which split.
        split: u8,
    },
    /// The same, but it stands still for long between two calls.
    Sleep {
        /// Of which split.
        split: u8,
    },
    /// Everything from opening the log on, epoch after epoch; after an error or a crash again from the beginning.
    Work {
        /// Of which split.
        split: u8,
        /// How many it tries to commit.
        epochs: u64,
    },
    /// One sweep that takes every unclaimed upload for abandoned. Has opened its log before the schedule begins.
    Collect,
}

/// What the actors share.
#[derive(Clone)]
pub(crate) struct World {
    lake: Lake,
    attempts: Arc<AtomicU64>,
    /// Few: records are deleted while others are at work.
    checkpoint_every: u64,
    looks_pass: bool,
}

type Act = Pin<Box<dyn Future<Output = ()>>>;

struct Actor {
    script: Script,
    gate: Gate,
    act: Option<Act>,
}

impl World {
    fn store(&self, gate: &Gate) -> Arc<dyn ObjectStore> {
        Arc::new(SimStore { lake: self.lake.memory.clone(), gate: gate.clone(), looks_pass: self.looks_pass })
    }

    /// Whether records go while others are at work.
    fn deletes(&self) -> bool {
        self.checkpoint_every < LogOptions::CHECKPOINT_EVERY
    }

    fn attempt(&self) -> u128 {
        u128::from(self.attempts.fetch_add(1, Ordering::Relaxed)) + 1
    }

    async fn open(&self, gate: &Gate) -> Result<CommitLog, CommitError> {
        let options = LogOptions { checkpoint_every: self.checkpoint_every, ..options() };
        CommitLog::open(self.store(gate), options, self.lake.clock.clone()).await
    }

    fn start(&self, script: Script, gate: &Gate) -> Act {
        let (world, gate) = (self.clone(), gate.clone());
        match script {
            Script::Commit { split } | Script::Sleep { split } => {
                Box::pin(async move { commit(&world, &gate, split).await })
            }
            Script::Work { split, epochs } => Box::pin(async move { work(&world, &gate, split, epochs).await }),
            Script::Collect => Box::pin(async move { collect(&world, &gate).await }),
        }
    }
}

/// Plays the scripts, one call of one actor at a time, until all have ended.
pub(crate) fn play(scripts: &[Script], faults: usize, checkpoint_every: u64, chooser: &mut dyn Chooser) -> World {
    let looks_pass = faults == 0 && checkpoint_every == LogOptions::CHECKPOINT_EVERY;
    let lake = Lake { memory: MemoryStore::fickle(faults as u64), ..Lake::default() };
    let world = World { lake, attempts: Arc::default(), checkpoint_every, looks_pass };
    let mut faults = faults;
    let mut actors: Vec<Actor> = Vec::new();
    for script in scripts {
        let gate = Gate::default();
        // What is not part of the script passes until the actor itself closes its gate.
        gate.set_open(!matches!(script, Script::Work { .. }));
        let mut act = world.start(*script, &gate);
        let ended = poll(&mut act).is_ready();
        actors.push(Actor { script: *script, gate, act: (!ended).then_some(act) });
    }
    while let Some((actor, outcome)) = choose(&mut actors, &mut faults, chooser) {
        let Some(act) = actor.act.as_mut() else { continue };
        actor.gate.allow(outcome);
        let ended = poll(act).is_ready();
        if ended {
            actor.act = None;
        } else if matches!(outcome, Outcome::CrashBefore | Outcome::CrashAfter) {
            // A worker is started again by whoever watches over it.
            actor.act = match actor.script {
                Script::Work { .. } => Some(world.start(actor.script, &actor.gate)),
                Script::Commit { .. } | Script::Sleep { .. } | Script::Collect => None,
            };
            if let Some(act) = actor.act.as_mut() {
                assert!(poll(act).is_pending(), "a worker begins with a call");
            }
        }
    }
    world
}

fn poll(act: &mut Act) -> Poll<()> {
    act.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Who goes next, and what becomes of his call; nobody when all have ended.
fn choose<'a>(
    actors: &'a mut [Actor],
    faults: &mut usize,
    chooser: &mut dyn Chooser,
) -> Option<(&'a mut Actor, Outcome)> {
    let mut alive: Vec<usize> = (0..actors.len()).filter(|index| actors[*index].act.is_some()).collect();
    if alive.is_empty() {
        return None;
    }
    let is_awake = |index: &usize| !matches!(actors[*index].script, Script::Sleep { .. });
    if alive.iter().any(is_awake) && !alive.iter().all(is_awake) && chooser.choose(SLEEP) > 0 {
        alive.retain(is_awake);
    }
    let with_faults = *faults > 0 && chooser.wants_fault();
    let kinds = if with_faults && chooser.is_exhaustive() { 1 + FAULTS.len() } else { 1 };
    let choice = chooser.choose(alive.len() * kinds);
    let actor = &mut actors[alive[choice % alive.len()]];
    let outcome = match choice / alive.len() {
        0 if with_faults && !chooser.is_exhaustive() => FAULTS[chooser.choose(FAULTS.len())],
        0 => Outcome::Proceed,
        fault => FAULTS[fault - 1],
    };
    if outcome != Outcome::Proceed {
        *faults -= 1;
    }
    Some((actor, outcome))
}

fn split_name(split: u8) -> SplitId {
    SplitId::new(format!("split{split}"))
}

/// The next `ROWS` of a split, from where the log stands; one file that is sealed in the store.
async fn propose(world: &World, store: &dyn ObjectStore, split: u8, from: u64) -> Result<Proposal, CommitError> {
    let attempt = world.attempt();
    // One call that can be scheduled, then the bytes.
    let name = file_name(attempt);
    let mut upload = store.begin(&Attempt::from_bits(attempt), &name).await?;
    upload.write(Bytes::from(name.to_string())).await?;
    let ticket = upload.seal().await?;
    let file = tributary_core::SealedFile {
        table: tributary_core::TableId::new("t"),
        partition: day(0),
        key: name,
        ticket,
        rows: ROWS,
    };
    let delta = Delta::of(split_name(split), span(from, from + ROWS));
    Ok(Proposal { delta, tally: tally(ROWS), adds: vec![file], ..empty(attempt) })
}

fn offset(position: &Position) -> u64 {
    match position {
        Position::Start => 0,
        Position::Offset(offset) => *offset,
        other => panic!("no such position is ever committed here: {other}"),
    }
}

async fn commit(world: &World, gate: &Gate, split: u8) {
    let store = world.store(gate);
    let mut log = world.open(gate).await.unwrap();
    log.recover().await.unwrap();
    let proposal = propose(world, store.as_ref(), split, 0).await.unwrap();
    gate.set_open(false);
    match log.claim(proposal).await {
        Ok(Claim::Owned(permit)) => no_data_fault(publish(world, &mut log, permit).await),
        Ok(Claim::Fenced(_) | Claim::Overtaken { .. }) => {}
        Err(error) => no_data_fault::<()>(Err(error)),
    }
}

/// INV-3 at the moment of the receipt: every file is there, and so is the mark.
async fn publish(world: &World, log: &mut CommitLog, permit: tributary_commit::Permit) -> Result<(), CommitError> {
    let files: Vec<Key> = permit.adds().iter().map(|file| file.key.clone()).collect();
    let receipt = log.publish(permit).await?;
    for file in files {
        assert!(world.lake.exists(&file).await, "a receipt for {file}, which is not there");
    }
    if world.deletes() {
        return Ok(());
    }
    let (_, done) = records(&world.lake.memory).await;
    assert!(done.contains(&receipt.epoch()) || receipt.epoch().number() == u64::MAX, "a receipt without a mark");
    Ok(())
}

/// Whatever happens, nobody is told that the log is damaged: nothing here damages it.
fn no_data_fault<T>(outcome: Result<T, CommitError>) {
    if let Err(error) = outcome {
        assert_ne!(error.fault(), Fault::Data, "{error}");
    }
}

async fn work(world: &World, gate: &Gate, split: u8, epochs: u64) {
    // A process that is fenced ends; here it is started again, as a person would. The bound is a safety net: an
    // actor that is always too late would never end.
    for _ in 0..60 {
        match work_once(world, gate, split, epochs).await {
            Ok(true) => return,
            outcome => no_data_fault(outcome),
        }
    }
}

/// Works until its share is committed (`true`), or until it is fenced.
async fn work_once(world: &World, gate: &Gate, split: u8, epochs: u64) -> Result<bool, CommitError> {
    let store = world.store(gate);
    let mut log = world.open(gate).await?;
    let recovered = log.recover().await?;
    for permit in recovered.unfinished {
        publish(world, &mut log, permit).await?;
    }
    let mut from = offset(recovered.checkpoint.position(&split_name(split)));
    while from < epochs * ROWS {
        let proposal = propose(world, store.as_ref(), split, from).await?;
        match log.claim(proposal).await? {
            Claim::Owned(permit) => publish(world, &mut log, permit).await?,
            Claim::Fenced(_) | Claim::Overtaken { .. } => return Ok(false),
        }
        world.lake.clock.forward(Duration::from_secs(7));
        from += ROWS;
    }
    Ok(true)
}

async fn collect(world: &World, gate: &Gate) {
    let Ok(mut log) = world.open(gate).await else { return };
    gate.set_open(false);
    let attempt = Attempt::from_bits(1_000_000 + world.attempt());
    no_data_fault(gc(&mut log, attempt, Duration::ZERO, Timestamp::from_micros(i64::MAX / 2)).await);
}

/// After the schedule: a last process recovers, and everything that was ever claimed is there, once.
pub(crate) fn check_end(world: &World) {
    let end = async {
        if world.deletes() {
            return check_lake(world).await;
        }
        check_invariants(&world.lake.memory).await;
        let mut log = world.lake.open().await;
        let recovered = log.recover().await.unwrap();
        for permit in recovered.unfinished {
            log.publish(permit).await.unwrap();
        }
        let rows = check_invariants(&world.lake.memory).await;
        let committed: u64 = recovered.checkpoint.positions().map(|(_, at)| offset(at)).sum();
        assert_eq!(rows, committed, "every row that is committed is visible, once");
        let (records, done) = records(&world.lake.memory).await;
        assert_eq!(records.len(), done.len(), "every claimed epoch ends published");
        assert_content(&world.lake.memory, &records).await;
    };
    let ended = Box::pin(end).as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(ended.is_ready(), "the memory store never waits");
}

/// Where records are deleted, what the log says is all there is to be held against: the files that are live are those
/// that are there, with the rows that are committed.
async fn check_lake(world: &World) {
    let gate = Gate::default();
    gate.set_open(true);
    let mut log = world.open(&gate).await.unwrap();
    let recovered = log.recover().await.unwrap();
    for permit in recovered.unfinished {
        log.publish(permit).await.unwrap();
    }
    let committed: u64 = recovered.checkpoint.positions().map(|(_, at)| offset(at)).sum();
    let live: BTreeSet<Key> = recovered.live.iter().map(|(_, _, file)| file.key.clone()).collect();
    assert_eq!(live.len() as u64 * ROWS, committed, "every row that is committed is live, once");
    let there: BTreeSet<Key> = world.lake.memory.list(&key("t"), None).await.unwrap().into_iter().collect();
    assert_eq!(there, live, "what is live is visible, and nothing else");
}

async fn assert_content(store: &MemoryStore, records: &[tributary_commit::Record]) {
    for file in records.iter().flat_map(|record| &record.adds) {
        let bytes = store.read(&file.key).await.unwrap().unwrap();
        assert_eq!(bytes, Bytes::from(file.key.to_string()));
    }
}
