//! Drain and abort.

use std::time::Duration;

use tokio::time::Instant;
use tributary_core::{Fault, SplitId};
use tributary_runtime::Outcome;
use tributary_testkit::{Place, Script, Step, Trouble};

use crate::world::{World, notes, settle, sorted};

/// A stream: these notes, and then silence.
fn stream(payloads: &[String]) -> Script {
    let mut steps: Vec<Step> = payloads.iter().cloned().map(Step::Payload).collect();
    steps.push(Step::Silence);
    Script { splits: vec![(SplitId::new("input"), steps)], batch: 1 }
}

#[tokio::test(start_paused = true)]
async fn a_drain_commits_everything_that_was_read() {
    let payloads = notes(20, 20);
    let mut world = World::new(stream(&payloads));
    world.settings.cadence.every = Duration::from_secs(3_600);
    let running = world.start();
    settle().await;
    assert!(world.notes().await.is_empty(), "the epoch is open");
    running.stop.drain.cancel();
    let summary = running.end().await.unwrap();
    assert_eq!((summary.outcome, summary.epochs), (Outcome::Drained, 1));
    assert_eq!(world.notes().await, sorted(payloads));
    assert_eq!(world.released.lock().unwrap().len(), 1, "the last receipt is passed on after reading has stopped");
}

/// What is in a stalled line when the drain comes is committed as well, the batch in the reader's hand included.
#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_a_slow_sink() {
    let payloads = notes(20, 20);
    let world = World::new(stream(&payloads));
    world.gate.close();
    let running = world.start();
    settle().await;
    let read = world.meter.batches();
    running.stop.drain.cancel();
    settle().await;
    world.gate.open();
    let summary = running.end().await.unwrap();
    assert_eq!((summary.outcome, summary.tally.read), (Outcome::Drained, read));
    assert_eq!(world.notes().await.len() as u64, read);
    let rest = world.run_and_drain().await;
    assert_eq!(rest.tally.read, 20 - read, "the next run reads what was left");
    assert_eq!(world.notes().await, sorted(payloads));
}

impl World {
    async fn run_and_drain(&self) -> tributary_runtime::Summary {
        let running = self.start();
        settle().await;
        running.stop.drain.cancel();
        running.end().await.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn an_abort_commits_nothing_more() {
    let payloads = notes(20, 20);
    let world = World::new(stream(&payloads));
    let running = world.start();
    settle().await;
    running.stop.abort.cancel();
    let summary = running.end().await.unwrap();
    assert_eq!((summary.outcome, summary.epochs, summary.tally.read), (Outcome::Aborted, 0, 0));
    assert!(world.notes().await.is_empty());
    assert_eq!(world.run_and_drain().await.tally.read, 20, "nothing is lost");
    assert_eq!(world.notes().await, sorted(payloads));
}

#[tokio::test(start_paused = true)]
async fn a_drain_that_takes_too_long_becomes_an_abort() {
    let mut world = World::new(stream(&notes(20, 20)));
    world.settings.drain_deadline = Duration::from_secs(7);
    world.gate.close();
    let running = world.start();
    settle().await;
    let asked = Instant::now();
    running.stop.drain.cancel();
    assert_eq!(running.end().await.unwrap().outcome, Outcome::Aborted);
    assert_eq!(asked.elapsed().as_secs(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_to_restart_can_be_drained() {
    let world = World::new(stream(&notes(1, 20)));
    world.faults.order(Place::Build, 1, Trouble::Fail(Fault::Transient));
    let running = world.start();
    settle().await;
    running.stop.drain.cancel();
    let summary = running.end().await.unwrap();
    assert_eq!((summary.outcome, summary.restarts), (Outcome::Drained, 1));
    assert_eq!(world.faults.calls(Place::Build), 1);
}
