//! Other writers, gaps, and what an earlier run left behind.

use tributary_core::{Fault, SplitId};
use tributary_runtime::{OnGap, Outcome, RunError, StageName};
use tributary_store::memory::{Outcome as Reply, Verb};
use tributary_testkit::{Script, Step};

use crate::world::{World, notes, script, settle, sorted};

/// Two processes on the same input: one of them commits, the other is told so, and nothing is doubled.
#[tokio::test(start_paused = true)]
async fn the_slower_of_two_is_fenced() {
    let payloads = notes(10, 20);
    let slow = World::new(script(&payloads, 2));
    slow.gate.close();
    let running = slow.start();
    settle().await;
    slow.beside(script(&payloads, 2)).run().await.unwrap();
    slow.gate.open();
    let error = running.end().await.unwrap_err();
    assert_eq!(
        (error.fault(), error.code(), error.stage()),
        (Fault::Fenced, "runtime/fenced", Some(StageName::Commit))
    );
    assert_eq!(slow.notes().await, sorted(payloads));
}

fn other_split(payloads: &[String]) -> Script {
    let steps = payloads.iter().cloned().map(Step::Payload).collect();
    Script { splits: vec![(SplitId::new("archive"), steps)], batch: 2 }
}

/// Another process commits other splits with some of the same notes while ours are being written: ours are dropped,
/// read again, and only what is missing is added.
#[tokio::test(start_paused = true)]
async fn the_overtaken_reads_again_and_adds_what_is_missing() {
    let payloads = notes(10, 20);
    let mut archive = World::new(other_split(&payloads));
    archive.settings.guarded = true;
    archive.gate.close();
    let running = archive.start();
    settle().await;
    archive.beside(script(&payloads[..7], 2)).run().await.unwrap();
    archive.gate.open();
    let summary = running.end().await.unwrap();
    assert_eq!((summary.restarts, summary.outcome), (1, Outcome::Finished));
    assert_eq!((summary.tally.made_rows, summary.tally.duplicates), (3, 7));
    assert_eq!(archive.notes().await, sorted(payloads));
}

/// Without the guard the other splits are none of our business.
#[tokio::test(start_paused = true)]
async fn other_splits_do_not_fence() {
    let payloads = notes(10, 20);
    let ours = World::new(script(&payloads, 2));
    ours.gate.close();
    let running = ours.start();
    settle().await;
    ours.beside(other_split(&notes(3, 30))).run().await.unwrap();
    ours.gate.open();
    let summary = running.end().await.unwrap();
    assert_eq!((summary.restarts, summary.tally.made_rows), (0, 10));
}

fn with_gap() -> World {
    let mut steps: Vec<Step> = notes(5, 20).into_iter().map(Step::Payload).collect();
    steps.insert(3, Step::Gap);
    World::new(Script { splits: vec![(SplitId::new("input"), steps)], batch: 1 })
}

/// INV-2: what stands before the gap is committed, nothing after it.
#[tokio::test(start_paused = true)]
async fn a_gap_is_refused() {
    let world = with_gap();
    let error = world.run().await.unwrap_err();
    assert_eq!((error.fault(), error.code()), (Fault::Data, "runtime/gap"));
    assert!(matches!(&error, RunError::Gap { missing, .. } if missing.to_string() == "(3..4)"), "{error}");
    assert_eq!(world.notes().await, sorted(notes(3, 20)));
    assert!(world.run().await.is_err(), "and stays refused");
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_counted_where_it_may_pass() {
    let mut world = with_gap();
    world.settings.on_gap = OnGap::Continue;
    let summary = world.run().await.unwrap();
    assert_eq!((summary.gaps, summary.epochs, summary.tally.made_rows), (1, 2, 5));
}

/// An epoch that one run claimed and could not publish is published by the next, before it reads anything.
#[tokio::test(start_paused = true)]
async fn what_an_earlier_run_claimed_is_published() {
    let payloads = notes(6, 20);
    let world = World::new(script(&payloads, 2));
    world.store.inject(Verb::Complete, Reply::CrashBefore);
    let running = world.start();
    settle().await;
    running.stop.abort.cancel();
    let summary = running.end().await.unwrap();
    assert_eq!((summary.outcome, summary.epochs), (Outcome::Aborted, 1), "claimed is delivered");
    assert!(world.notes().await.is_empty());

    let next = world.run().await.unwrap();
    assert_eq!((next.recovered_epochs, next.epochs, next.tally.read), (1, 0, 0));
    assert_eq!(world.notes().await, sorted(payloads));
}

/// What a scope has seen comes back with the log, whatever the number of short runs: duplicates stay duplicates.
#[tokio::test(start_paused = true)]
async fn a_scope_remembers_across_runs() {
    let payloads = notes(120, 20);
    let first = World::new(script(&payloads[..1], 1));
    first.run().await.unwrap();
    for run in 1..60 {
        let steps = payloads[..2 * run].iter().cloned().map(Step::Payload).collect();
        let split = SplitId::new(format!("input-{run}"));
        let summary = first.beside(Script { splits: vec![(split, steps)], batch: 50 }).run().await.unwrap();
        assert_eq!(summary.tally.made_rows, if run == 1 { 1 } else { 2 }, "run {run}");
    }
    assert_eq!(first.notes().await, sorted(payloads[..118].to_vec()));
}
