//! Whatever happens between which calls, and wherever a run is broken off: each event once.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tributary_core::Checkpoint;
use tributary_source_cases::Options;
use tributary_testkit::{CasesServer, HistoryOrder};

use crate::{NOW, commit, ids, is_client, options, read, server, sorted};

/// After so many calls more, time goes on by so many milliseconds, and these cases are changed.
type Happening = (u64, i64, Vec<u8>);

/// A run takes so many batches, of which so many are committed before it dies.
type Life = (usize, usize);

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    proptest::collection::vec((1_u64..4, 0_i64..900, proptest::collection::vec(0_u8..12, 0..5)), 1..30)
}

fn schedule(server: &CasesServer, happenings: &[Happening]) {
    let (mut domain, mut call) = (server.domain(), 0);
    for (number, (calls, millis, cases)) in happenings.iter().cloned().enumerate() {
        call += calls;
        domain.at_call(call, move |domain| {
            let now = domain.now() + millis;
            domain.set_now(now);
            for (place, case) in cases.iter().enumerate() {
                domain.change(&format!("case-{case:02}"), &format!("{number}-{place}"), now, "open");
            }
        });
    }
}

async fn live(options: &Options, lives: &[Life], server: &CasesServer) -> Vec<String> {
    let (mut at, mut taken) = (Checkpoint::default(), Vec::new());
    for (most, committed) in lives {
        let batches = read(options, &at, *most).await.unwrap();
        let committed = batches.len().min(*committed);
        taken.extend(ids(&batches[..committed]));
        at = batches[..committed].iter().fold(at, |at, batch| commit(&at, batch));
    }
    // What was still to happen has happened, and everything has settled.
    while server.domain().calls().len() < 200 {
        read(options, &at, 0).await.unwrap();
        let batches = read(options, &at, usize::MAX).await.unwrap();
        taken.extend(ids(&batches));
        at = batches.iter().fold(at, |at, batch| commit(&at, batch));
        let now = server.domain().now();
        server.domain().set_now(now + 100);
    }
    let now = server.domain().now();
    server.domain().set_now(now + 10_000);
    taken.extend(ids(&read(options, &at, usize::MAX).await.unwrap()));
    sorted(taken)
}

#[test]
fn each_event_is_taken_once() {
    if !is_client("schedules::each_event_is_taken_once") {
        return;
    }
    let lives = proptest::collection::vec((1_usize..9, 0_usize..9), 0..8);
    let config = ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() };
    let played = TestRunner::new(config).run(&(happenings(), lives, any::<bool>()), |(happenings, lives, reversed)| {
        let server = server();
        if reversed {
            server.domain().order = HistoryOrder::NewestFirst;
        }
        for case in 0..6 {
            server.domain().change(&format!("case-{case:02}"), &format!("first-{case}"), NOW - 5_000 + case, "open");
        }
        schedule(&server, &happenings);
        let options = Options { settle: Duration::from_secs(1), ..options(&server) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let taken = runtime.block_on(live(&options, &lives, &server));
        prop_assert_eq!(taken, server.domain().event_ids());
        Ok(())
    });
    played.unwrap();
}
