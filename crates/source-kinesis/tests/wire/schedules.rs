//! Any order of events, by seed: records are put, shards split and merged, calls fail, lines are dropped, workers come and go,
//! and in the end everything is in the log once, each key in its order.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tributary_core::Fault;
use tributary_leases::{LeaseTable, MemoryTable};
use tributary_testkit::aggregate;

use crate::fake::Fake;
use crate::line::{Line, Log, SharedLog, Turn, lock, options};
use crate::play;
use crate::random::Random;
use crate::workers::Worker;

/// Schedules that are played side by side: they mostly wait.
const AT_ONCE: usize = 6;

/// No schedule takes longer, beside others.
/// What takes so long never ends: a call without an answer is given up after a minute.
const PATIENCE: Duration = Duration::from_secs(200);

const KEYS: usize = 12;

/// What was put, in order, by key.
type Put = BTreeMap<String, Vec<String>>;

/// Reads by line after line, some of which are dropped with what they have in hand, until the log has `count` records.
async fn read_carelessly(fake: &Fake, log: &SharedLog, random: &mut Random, is_over: impl Fn() -> bool) {
    let mut group = join_anyway(fake).await;
    loop {
        if random.one_in(4) {
            // Another process.
            group = join_anyway(fake).await;
        }
        let mut line = match Line::attach(&group, fake, log).await {
            Ok(line) => line,
            Err(failure) => {
                assert_eq!(failure.fault(), Fault::Transient, "{failure}");
                continue;
            }
        };
        let mut patience = 20 + random.below(60);
        loop {
            let turn = line.turn().await;
            patience -= 1;
            if patience == 0 || matches!(turn, Turn::Failed(_)) {
                if let Turn::Failed(failure) = &turn {
                    assert_eq!(failure.fault(), Fault::Transient, "{failure}");
                }
                break;
            }
            let is_last = matches!(turn, Turn::Over { .. });
            if is_last || random.one_in(2) {
                // It dies sometimes before it commits what it read last.
                if is_last && random.one_in(5) {
                    break;
                }
                assert!(line.commit().await, "nobody else commits");
            }
            if is_over() {
                return;
            }
            match turn {
                Turn::Over { goes_on } => {
                    assert!(goes_on);
                    break;
                }
                Turn::Batch | Turn::Quiet | Turn::Failed(_) => {}
            }
        }
    }
}

/// Calls fail, so that a start may too.
async fn join_anyway(fake: &Fake) -> tributary_source_kinesis::Group {
    loop {
        match tributary_source_kinesis::Group::join(options(fake), None, fake.clock()).await {
            Ok(group) => return group,
            Err(error) => assert_eq!(error.fault(), Fault::Transient, "{error}"),
        }
    }
}

/// Puts records, some packed, and splits and merges shards.
async fn produce(fake: &Fake, random: &mut Random, rounds: usize, put: &mut Put) {
    for round in 0..rounds {
        for _ in 0..random.below(25) {
            let key = format!("agent-{}", random.below(KEYS));
            let texts = put.entry(key.clone()).or_default();
            let number = texts.len();
            if random.one_in(5) {
                let packed: Vec<String> =
                    (0..1 + random.below(4)).map(|index| format!("{key}/{}", number + index)).collect();
                let users: Vec<(&str, Option<&str>, &[u8])> =
                    packed.iter().map(|text| (key.as_str(), None, text.as_bytes())).collect();
                fake.put(&key, aggregate(&users));
                texts.extend(packed);
            } else {
                let text = format!("{key}/{number}");
                fake.put(&key, text.as_str());
                texts.push(text);
            }
        }
        let open = fake.open();
        let at = random.below(open.len());
        match random.below(6) {
            0 | 1 if open.len() < 6 => drop(fake.split(&open[at])),
            2 if at + 1 < open.len() => drop(fake.merge(&open[at], &open[at + 1])),
            _ => {}
        }
        if round % 3 == 2 {
            tokio::time::sleep(Duration::from_millis(random.below(900) as u64)).await;
        }
    }
}

fn assert_once_in_order(log: &SharedLog, put: &Put) {
    let log = lock(log);
    let mut found = Put::new();
    for record in &log.records {
        let key = String::from_utf8(record.key.clone().unwrap().into()).unwrap();
        found.entry(key).or_default().push(crate::line::text(record));
    }
    assert_eq!(found, *put);
    assert!(log.gaps.is_empty(), "{:?}", log.gaps);
}

fn count(put: &Put) -> usize {
    put.values().map(Vec::len).sum()
}

fn stream(seed: u64, random: &mut Random) -> Fake {
    let fake = Fake::start(1 + random.below(3));
    fake.pages_of(4 + random.below(12));
    fake.trouble(seed, 12);
    if random.one_in(2) {
        fake.iterators_serve(1 + random.below(4) as u64);
    }
    fake
}

async fn one_worker(seed: u64) {
    let mut random = Random::new(seed);
    let (fake, log, mut put) = (stream(seed, &mut random), SharedLog::default(), Put::new());
    let mut of_producer = random.clone();
    produce(&fake, &mut of_producer, 4, &mut put).await;
    let total = AtomicUsize::new(usize::MAX);
    let producing = async {
        produce(&fake, &mut of_producer, 15, &mut put).await;
        total.store(count(&put), Ordering::Relaxed);
    };
    let is_over = || lock(&log).records.len() >= total.load(Ordering::Relaxed);
    tokio::join!(read_carelessly(&fake, &log, &mut random, is_over), producing);
    assert_once_in_order(&log, &put);
    assert_eq!(lock(&log).fences, 0);
}

async fn several_workers(seed: u64) {
    let mut random = Random::new(seed);
    let (fake, log, mut put) = (stream(seed, &mut random), SharedLog::default(), Put::new());
    let table: Arc<dyn LeaseTable> = Arc::new(MemoryTable::new());
    let start = |number: usize| Worker::start(&format!("worker-{number}"), &table, &fake, options(&fake), &log);
    let mut workers: Vec<Worker> = (0..2).map(start).collect();
    for number in 2..5 {
        produce(&fake, &mut random, 6, &mut put).await;
        let gone = workers.remove(random.below(workers.len()));
        if random.one_in(2) {
            gone.die().await
        } else {
            gone.leave().await
        }
        workers.push(start(number));
        if workers.len() < 3 && random.one_in(2) {
            workers.push(start(number + 10));
        }
    }
    fake.calm();
    let total = count(&put);
    let is_read = tokio::time::timeout(PATIENCE / 2, async {
        while lock(&log).records.len() < total {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    if is_read.await.is_err() {
        let (leases, log) = (table.read().await.unwrap(), lock(&log));
        let Log { records, checkpoint, by, commits, fences, .. } = &*log;
        panic!(
            "seed {seed}: {} of {total} records by {by:?} in {commits} commits, {fences} too late; {checkpoint:?}; {leases:#?}",
            records.len()
        );
    }
    for worker in workers {
        worker.leave().await;
    }
    assert_once_in_order(&log, &put);
}

/// Plays so many schedules, a few side by side: they mostly wait.
async fn play_seeds<F: Future<Output = ()> + Send + 'static>(seeds: u64, schedule: fn(u64) -> F) {
    let number = |name| std::env::var_os(name).and_then(|text| text.to_str()?.parse::<u64>().ok());
    let all = 0..seeds * number("TRIBUTARY_TEST_SCALE").unwrap_or(1);
    let mut playing = JoinSet::new();
    for seed in number("TRIBUTARY_TEST_SEED").map_or(all, |seed| seed..seed + 1) {
        if playing.len() == AT_ONCE {
            playing.join_next().await.unwrap().unwrap();
        }
        let schedule = tokio::spawn(schedule(seed));
        playing.spawn(async move {
            let played = tokio::time::timeout(PATIENCE, schedule).await;
            assert!(matches!(played, Ok(Ok(()))), "seed {seed}: {played:?}");
        });
    }
    while let Some(played) = playing.join_next().await {
        played.unwrap();
    }
}

#[test]
fn one_worker_reads_everything_once_and_in_order() {
    play("schedules::one_worker_reads_everything_once_and_in_order", play_seeds(6, one_worker));
}

#[test]
fn several_workers_read_everything_once_and_in_order() {
    play("schedules::several_workers_read_everything_once_and_in_order", play_seeds(4, several_workers));
}
