//! The model: a handful of actors over one store, every call of which may be delayed, lose its reply, fail, or be the
//! last thing that its caller does.
//!
//! A deterministic executor polls the actors one call at a time. `explore` walks every schedule of a short script depth
//! first; `wander` draws long ones from a seed, which is printed when one goes wrong. After each schedule whatever is
//! left is recovered, and INV-1 to INV-4 are checked on what lies in the store.

mod actors;
mod schedule;
mod store;

use actors::{Script, check_end, play};
use schedule::{Chooser, Exhaustive, Random};

use tributary_commit::LogOptions;

use Script::{Collect, Commit, Sleep, Work};

/// Walks every schedule of the scripts with at most `faults` faults; tells how many there were.
fn explore(scripts: &[Script], faults: usize) -> usize {
    let mut chooser = Exhaustive::default();
    let mut schedules = 0;
    loop {
        run(scripts, faults, &mut chooser);
        schedules += 1;
        if !chooser.next_schedule() {
            return schedules;
        }
    }
}

fn run(scripts: &[Script], faults: usize, chooser: &mut dyn Chooser) {
    run_with(scripts, faults, LogOptions::CHECKPOINT_EVERY, chooser);
}

fn run_with(scripts: &[Script], faults: usize, checkpoint_every: u64, chooser: &mut dyn Chooser) {
    let played = std::panic::AssertUnwindSafe(|| check_end(&play(scripts, faults, checkpoint_every, chooser)));
    let outcome = std::panic::catch_unwind(played);
    if let Err(panic) = outcome {
        eprintln!("schedule: {}", chooser.describe());
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn two_writers_of_different_splits_with_any_one_fault() {
    let schedules = explore(&[Commit { split: 0 }, Commit { split: 1 }], 1);
    println!("{schedules} schedules");
    assert!(schedules > 1_000, "{schedules}");
}

#[test]
fn two_writers_of_one_split_with_any_two_faults() {
    let schedules = explore(&[Commit { split: 0 }, Commit { split: 0 }], 2);
    println!("{schedules} schedules");
    assert!(schedules > 500, "{schedules}");
}

#[test]
fn three_writers_in_every_order() {
    let schedules = explore(&[Commit { split: 0 }, Commit { split: 1 }, Commit { split: 0 }], 0);
    println!("{schedules} schedules");
    assert!(schedules > 500, "{schedules}");
}

/// Among these is *seal, stop, gc, wake, claim*; it has a test of its own in `collecting.rs`.
#[test]
fn a_writer_and_a_collector_with_any_one_fault() {
    let schedules = explore(&[Commit { split: 0 }, Collect], 1);
    println!("{schedules} schedules");
    assert!(schedules > 500, "{schedules}");
}

/// Too many schedules to walk them all: some thousands by seed.
#[test]
fn two_writers_and_a_collector_by_seed() {
    for seed in 0..2_000 {
        run(&[Commit { split: 0 }, Commit { split: 1 }, Collect], 2, &mut Random::new(seed));
    }
}

/// Long scripts with restarts: two writers share one split, a third has its own, and two collectors sweep.
#[test]
fn long_scripts_by_seed() {
    let scripts =
        [Work { split: 0, epochs: 12 }, Work { split: 0, epochs: 12 }, Work { split: 1, epochs: 12 }, Collect, Collect];
    for seed in 0..100 {
        run(&scripts, 12, &mut Random::new(seed));
    }
}

/// A checkpoint record every two epochs, so that records are deleted while two workers write, two more stand still with what
/// they have sealed, and two collectors sweep. `TRIBUTARY_TEST_SCALE=100` plays 100,000 schedules.
#[test]
fn deletions_beside_writers_by_seed() {
    let scripts = [
        Work { split: 0, epochs: 4 },
        Work { split: 1, epochs: 4 },
        Sleep { split: 0 },
        Sleep { split: 2 },
        Collect,
        Collect,
    ];
    let scale = std::env::var_os("TRIBUTARY_TEST_SCALE").and_then(|text| text.to_str()?.parse().ok()).unwrap_or(1);
    for seed in 0..1_000 * scale {
        run_with(&scripts, 3, 2, &mut Random::new(seed));
    }
}
