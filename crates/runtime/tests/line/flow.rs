//! What goes in comes out, how much is on its way meanwhile, and when epochs end.

use std::num::NonZeroUsize;
use std::time::Duration;

use tokio::time::Instant;
use tributary_core::{Position, SplitId};
use tributary_runtime::{Cadence, Outcome};
use tributary_store::ObjectStore;
use tributary_testkit::{Script, Step};

use crate::world::{World, notes, script, settle, sorted};

#[tokio::test(start_paused = true)]
async fn every_payload_ends_as_one_of_four() {
    let payloads =
        ["2025-07-01|a|1", "skip", "2025-07-02|b|2", "rubbish", "2025-07-01|a|again", "skip", "2025-07-01|c|3"];
    let world = World::new(Script::of(payloads, 2));
    let summary = world.run().await.unwrap();

    assert_eq!(summary.outcome, Outcome::Finished);
    let tally = &summary.tally;
    assert_eq!((tally.read, tally.made_rows, tally.duplicates, tally.rejected), (7, 3, 1, 1));
    assert_eq!(tally.skipped_total(), 2);
    assert!(tally.is_balanced());
    let rows: Vec<(&str, u64)> = tally.rows.iter().map(|(table, rows)| (table.as_str(), *rows)).collect();
    assert_eq!(rows, [("note", 3), ("rejected", 1)]);

    assert_eq!(world.notes().await, ["2025-07-01|a|1", "2025-07-01|c|3", "2025-07-02|b|2"]);
    assert_eq!(world.rejected().await, ["input|3|malformed"]);
    assert_eq!((summary.epochs, summary.files, summary.held[0].1.keys), (1, 3, 3));
    assert_eq!(serde_json::to_value(&summary).unwrap()["outcome"], "finished");
}

#[tokio::test(start_paused = true)]
async fn empty_input_commits_nothing() {
    let world = World::new(Script { splits: Vec::new(), batch: 1 });
    let summary = world.run().await.unwrap();
    assert_eq!((summary.outcome, summary.epochs, summary.epoch), (Outcome::Finished, 0, None));
    assert!(world.released.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn running_again_over_the_same_input_adds_nothing() {
    let payloads = notes(10, 20);
    let world = World::new(script(&payloads, 3));
    world.run().await.unwrap();
    let again = world.run().await.unwrap();
    assert_eq!((again.epochs, again.tally.read), (0, 0));
    assert_eq!(world.notes().await, sorted(payloads));
}

/// An epoch that made no rows still moves positions, or its records would be read for ever.
#[tokio::test(start_paused = true)]
async fn an_epoch_without_files_is_committed() {
    let world = World::new(Script::of(["skip", "skip"], 1));
    let summary = world.run().await.unwrap();
    assert_eq!((summary.epochs, summary.files, summary.tally.skipped_total()), (1, 0, 2));
    assert_eq!(world.released.lock().unwrap().last().unwrap().position(&SplitId::new("input")), &Position::End);
}

/// The sum of all places in a stalled line: in the sink's hand 1, in the channel to it 2, in the transform's hand 1,
/// decoded or being decoded `decoders`, in the channel from read 2, in the reader's hand 1.
#[tokio::test(start_paused = true)]
async fn a_stalled_line_holds_an_exact_number_of_batches() {
    for decoders in [1, 2, 5] {
        let payloads = notes(40, 20);
        let mut world = World::new(script(&payloads, 1));
        world.settings.decoders = NonZeroUsize::new(decoders).unwrap();
        world.gate.close();
        let running = world.start();
        settle().await;
        assert_eq!(world.meter.batches(), 1 + 2 + 1 + decoders as u64 + 2 + 1, "with {decoders} decoders");
        world.gate.open();
        running.end().await.unwrap();
        assert_eq!(world.notes().await, sorted(payloads), "in order or not, all of them");
    }
}

/// INV-5: the budget and the one batch that waits for a share of it.
#[tokio::test(start_paused = true)]
async fn the_budget_bounds_what_is_on_its_way() {
    let payloads = notes(40, 1 << 10);
    let mut world = World::new(script(&payloads, 1));
    world.settings.budget = 3 << 10;
    world.gate.close();
    let running = world.start();
    settle().await;
    assert_eq!(world.meter.batches(), 3 + 1);
    world.gate.open();
    running.end().await.unwrap();
    assert!(world.meter.most() <= 3 + 1, "{} on their way", world.meter.most());
    assert_eq!(world.notes().await, sorted(payloads));
}

#[tokio::test(start_paused = true)]
async fn a_batch_larger_than_the_budget_passes_alone() {
    let payloads = notes(10, 5 << 10);
    let mut world = World::new(script(&payloads, 1));
    world.settings.budget = 1 << 10;
    assert_eq!(world.run().await.unwrap().tally.made_rows, 10);
    assert!(world.meter.most() <= 2, "one passes, one waits: {}", world.meter.most());
}

#[tokio::test(start_paused = true)]
async fn an_epoch_ends_after_its_bytes() {
    let payloads = notes(10, 100);
    let mut world = World::new(script(&payloads, 1));
    world.settings.cadence = Cadence { every: Duration::MAX, input: Some(300), splits: usize::MAX };
    let summary = world.run().await.unwrap();
    assert_eq!(summary.epochs, 4, "3 + 3 + 3 + 1");
    assert_eq!(world.notes().await, sorted(payloads));
}

#[tokio::test(start_paused = true)]
async fn an_epoch_ends_after_its_splits() {
    let payloads = notes(7, 100);
    let split = |(number, payload): (usize, &String)| {
        (SplitId::new(format!("input{number}")), vec![Step::Payload(payload.clone())])
    };
    let mut world = World::new(Script { splits: payloads.iter().enumerate().map(split).collect(), batch: 1 });
    world.settings.cadence = Cadence { every: Duration::MAX, input: None, splits: 3 };
    let summary = world.run().await.unwrap();
    assert_eq!(summary.epochs, 3, "3 + 3 + 1");
    assert_eq!(world.notes().await, sorted(payloads));
}

#[tokio::test(start_paused = true)]
async fn an_epoch_ends_when_its_time_is_up_and_not_while_nothing_comes() {
    let mut steps = vec![Step::Pause(Duration::from_secs(100))];
    steps.extend(notes(2, 20).into_iter().map(Step::Payload));
    steps.push(Step::Pause(Duration::from_secs(7_200)));
    steps.extend(notes(3, 20).into_iter().skip(2).map(Step::Payload));
    let mut world = World::new(Script { splits: vec![(SplitId::new("input"), steps)], batch: 1 });
    world.settings.cadence = Cadence { every: Duration::from_secs(10), input: None, splits: usize::MAX };

    let begun = Instant::now();
    let mut running = world.start();
    running.progress.wait_for(|progress| progress.epochs == 1).await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 110, "ten seconds after the first record, not after the start");
    let summary = running.end().await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 7_300);
    assert_eq!(summary.epochs, 2, "two silent hours are no epoch");
}

#[tokio::test(start_paused = true)]
async fn a_full_sink_ends_the_epoch_early() {
    let payloads = notes(40, 20);
    let mut world = World::new(script(&payloads, 1));
    world.room = 5;
    let summary = world.run().await.unwrap();
    assert!(summary.early_seals >= 2, "{}", summary.early_seals);
    assert!(summary.early_seals >= summary.epochs - 1, "only the last one ended for another reason");
    assert_eq!(world.notes().await, sorted(payloads));
}

/// INV-3: the source hears of published epochs only, each further than the one before.
#[tokio::test(start_paused = true)]
async fn receipts_only_move_forward() {
    let payloads = notes(30, 100);
    let mut world = World::new(script(&payloads, 1));
    world.settings.cadence.input = Some(200);
    world.run().await.unwrap();
    let released = world.released.lock().unwrap().clone();
    let split = SplitId::new("input");
    assert_eq!(released.last().unwrap().position(&split), &Position::End);
    for pair in released.windows(2) {
        assert!(pair[0].position(&split).order(pair[1].position(&split)).unwrap().is_lt(), "{pair:?}");
    }
}

/// Decoders finish in any order; rows, and which of two duplicates is the first, are those of the input.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_decoders_keep_the_order() {
    let first = (0..600).map(|number| format!("2025-07-01|{number:03}|first"));
    let second = (0..600).map(|number| format!("2025-07-01|{number:03}|second"));
    let payloads: Vec<String> = first.clone().chain(second).collect();
    let mut world = World::new(script(&payloads, 1));
    world.settings.decoders = NonZeroUsize::new(8).unwrap();
    let summary = world.run().await.unwrap();
    assert_eq!((summary.tally.made_rows, summary.tally.duplicates), (600, 600));
    let files = world.store.list(&"note".parse().unwrap(), None).await.unwrap();
    let body = world.store.read(&files[0]).await.unwrap().unwrap();
    let rows: Vec<String> = String::from_utf8_lossy(&body).lines().map(str::to_owned).collect();
    assert_eq!((files.len(), rows), (1, first.collect()));
}
