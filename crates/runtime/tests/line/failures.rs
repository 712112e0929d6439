//! Failures: which error a run ends with, and what a restart makes good.

use std::time::Duration;

use tributary_core::{Fault, SplitId};
use tributary_runtime::{RunError, StageName};
use tributary_store::memory::{Outcome as Reply, Verb};
use tributary_testkit::{Place, Script, Step, Trouble};

use crate::world::{World, notes, script, sorted};

/// A world with several epochs, so that every place is called often.
fn busy() -> (World, Vec<String>) {
    let payloads = notes(30, 100);
    let mut world = World::new(script(&payloads, 2));
    world.settings.cadence.input = Some(500);
    world.settings.guarded = true;
    (world, payloads)
}

/// Where trouble can be ordered, and the stage it belongs to.
const PLACES: [(Place, Option<StageName>); 6] = [
    (Place::Build, None),
    (Place::Next, Some(StageName::Read)),
    (Place::Restore, Some(StageName::Transform)),
    (Place::Keys, Some(StageName::Transform)),
    (Place::Write, Some(StageName::Write)),
    (Place::Seal, Some(StageName::Write)),
];

#[tokio::test(start_paused = true)]
async fn a_lasting_failure_ends_the_run_with_its_stage() {
    for (place, stage) in PLACES {
        for fault in [Fault::Config, Fault::Data, Fault::Fenced, Fault::Bug] {
            let (world, _) = busy();
            world.faults.order(place, 1, Trouble::Fail(fault));
            let error = world.run().await.unwrap_err();
            assert_eq!((error.stage(), error.fault(), error.code()), (stage, fault, "test/ordered"), "{place:?}");
            assert_eq!(world.faults.calls(Place::Build), 1, "{place:?}: no restart");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_mistake_of_ours() {
    let places = [
        (Place::Next, StageName::Read),
        (Place::Decode, StageName::Transform),
        (Place::Apply, StageName::Transform),
        (Place::Write, StageName::Write),
        (Place::Seal, StageName::Write),
    ];
    for (place, stage) in places {
        let (mut world, _) = busy();
        world.settings.decoders = 3.try_into().unwrap();
        world.faults.order(place, 2, Trouble::Panic);
        let error = world.run().await.unwrap_err();
        assert_eq!((error.stage(), error.fault(), error.code()), (Some(stage), Fault::Bug, "runtime/panicked"));
        assert!(matches!(&error, RunError::Panicked { message, .. } if message.contains("ordered")), "{error}");
    }
}

/// Restore equality: whatever fails, and whenever, the lake and the summary are those of a plain run.
#[tokio::test(start_paused = true)]
async fn a_transient_failure_loses_and_doubles_nothing() {
    for (place, _) in PLACES {
        for nth in 1..=12 {
            let (world, payloads) = busy();
            world.faults.order(place, nth, Trouble::Fail(Fault::Transient));
            let summary = world.run().await.unwrap();
            let met = world.faults.calls(place) >= nth;
            assert_eq!(summary.restarts, u64::from(met), "{place:?} {nth}");
            assert_eq!(world.notes().await, sorted(payloads), "{place:?} {nth}");
            assert_eq!((summary.tally.read, summary.tally.made_rows), (30, 30), "{place:?} {nth}");
        }
    }
}

/// The same at every call of the store, with the reply lost before and after the effect: the boundaries of claiming,
/// storing state, publishing and marking.
#[tokio::test(start_paused = true)]
async fn a_store_that_fails_once_loses_and_doubles_nothing() {
    for verb in [Verb::Read, Verb::Create, Verb::List, Verb::Begin, Verb::Write, Verb::Seal, Verb::Complete] {
        for reply in [Reply::FailBefore, Reply::FailAfter] {
            for nth in 0..12 {
                let (world, payloads) = busy();
                inject_after(&world, verb, nth, reply);
                let summary = world.run().await.unwrap();
                let place = format!("{verb:?} {reply:?} after {nth}");
                assert_eq!(world.notes().await, sorted(payloads), "{place}");
                assert_eq!((summary.tally.read, summary.tally.made_rows), (30, 30), "{place}");
            }
        }
    }
}

/// A claim whose reply is lost and whose look afterwards fails too: the restart finds the epoch in the log, and it
/// counts as this run's, once.
#[tokio::test(start_paused = true)]
async fn a_claim_of_unknown_outcome_is_counted_once() {
    for creates in 0..8 {
        for reads in 0..12 {
            for look in [Verb::Read, Verb::List] {
                let (world, payloads) = busy();
                inject_after(&world, Verb::Create, creates, Reply::FailAfter);
                inject_after(&world, look, reads, Reply::FailBefore);
                let summary = world.run().await.unwrap();
                let place = format!("create {creates}, {look:?} {reads}");
                assert_eq!(world.notes().await, sorted(payloads), "{place}");
                assert_eq!((summary.tally.read, summary.tally.made_rows), (30, 30), "{place}");
                let epochs = world.released.lock().unwrap().last().map(|_| summary.epoch.unwrap().number() + 1);
                assert_eq!(Some(summary.epochs), epochs, "{place}");
            }
        }
    }
}

/// So many calls work, and the one after them does not.
fn inject_after(world: &World, verb: Verb, calls: usize, reply: Reply) {
    for _ in 0..calls {
        world.store.inject(verb, Reply::Proceed);
    }
    world.store.inject(verb, reply);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_does_not_go_away_ends_the_run() {
    let (world, _) = busy();
    for nth in 1..=10 {
        world.faults.order(Place::Build, nth, Trouble::Fail(Fault::Transient));
    }
    let begun = tokio::time::Instant::now();
    let error = world.run().await.unwrap_err();
    assert_eq!((error.stage(), error.fault()), (None, Fault::Transient));
    assert_eq!(world.faults.calls(Place::Build), 6, "one try and five restarts");
    assert_eq!(begun.elapsed(), Duration::from_millis(200 + 600 + 1_800 + 5_400 + 10_000));
}

/// A stage that fails while the source is silent must not wait for the next record to be noticed.
#[tokio::test(start_paused = true)]
async fn a_failure_below_a_silent_source_is_noticed() {
    for place in [Place::Write, Place::Seal] {
        let steps = vec![Step::Payload("2025-07-01|a|1".to_owned()), Step::Silence];
        let mut world = World::new(Script { splits: vec![(SplitId::new("input"), steps)], batch: 1 });
        world.settings.cadence.every = Duration::from_secs(1);
        world.faults.order(place, 1, Trouble::Fail(Fault::Data));
        assert_eq!(world.run().await.unwrap_err().stage(), Some(StageName::Write));
    }
}

/// What was read before the source failed is committed all the same.
#[tokio::test(start_paused = true)]
async fn what_a_failed_source_had_given_is_committed() {
    let payloads = notes(9, 20);
    let world = World::new(script(&payloads, 1));
    world.faults.order(Place::Next, 6, Trouble::Fail(Fault::Data));
    assert_eq!(world.run().await.unwrap_err().stage(), Some(StageName::Read));
    assert_eq!(world.notes().await, sorted(payloads[..5].to_vec()));
}

/// Telling the source is a courtesy.
#[tokio::test(start_paused = true)]
async fn a_source_that_cannot_be_told_is_no_failure() {
    let (world, payloads) = busy();
    world.faults.order(Place::Release, 1, Trouble::Fail(Fault::Config));
    assert_eq!(world.run().await.unwrap().restarts, 0);
    assert_eq!(world.notes().await, sorted(payloads));
}
