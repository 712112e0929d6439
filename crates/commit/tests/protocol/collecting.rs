//! `gc`: bans first, aborts then.

use std::time::Duration;

use bytes::Bytes;
use tributary_commit::{Claim, FencedBy, GcReport, LogOptions, Proposal, gc};
use tributary_core::{Attempt, ScopeId, StateKind, TableId, Timestamp};
use tributary_store::ObjectStore;

use crate::support::*;

const DAY: Duration = Duration::from_secs(86_400);

fn later(days: i64) -> Timestamp {
    Timestamp::from_micros(days * 86_400_000_000)
}

/// The schedule *seal, stop, gc, wake, claim*: without the ban the claim would name an upload that is gone.
#[tokio::test]
async fn seal_stop_gc_wake_claim() {
    let lake = Lake::default();
    let mut sleeper = lake.open().await;
    sleeper.recover().await.unwrap();
    let sealed = proposal(&lake.memory, 1, "s", 0, 10).await;

    let mut collector = lake.open().await;
    let report = gc(&mut collector, Attempt::from_bits(99), DAY, later(2)).await.unwrap();
    assert_eq!(report, GcReport { banned: 1, aborted: 1, ..GcReport::default() });
    assert_eq!(lake.memory.uploads().await.unwrap(), []);

    let claim = sleeper.claim(sealed).await.unwrap();
    assert!(matches!(claim, Claim::Fenced(FencedBy::Ban { .. })), "{claim:?}");
    let again = proposal(&lake.memory, 2, "s", 0, 10).await;
    claim_and_publish(&mut sleeper, again).await;
    assert_eq!(check_invariants(&lake.memory).await, 10);
}

#[tokio::test]
async fn what_is_claimed_or_young_is_left_alone() {
    let lake = Lake::default();
    let mut log = lake.open().await;
    let claimed = proposal(&lake.memory, 1, "s", 0, 10).await;
    let permit = owned(log.claim(claimed).await.unwrap());
    lake.memory.set_now(later(2));
    proposal(&lake.memory, 2, "s", 10, 20).await;
    let report = gc(&mut lake.open().await, Attempt::from_bits(99), DAY, later(2)).await.unwrap();
    assert_eq!(report, GcReport { kept: 2, ..GcReport::default() });
    assert_eq!(records(&lake.memory).await.0.len(), 1, "nothing to ban, no epoch");
    log.publish(permit).await.unwrap();
    assert_eq!(check_invariants(&lake.memory).await, 10);
}

#[tokio::test]
async fn another_pipelines_uploads_are_none_of_its_business() {
    let lake = Lake::default();
    let tables = ["v", "rejected"].map(TableId::new).to_vec();
    let mut other = lake.open_with(LogOptions { pipeline: "q".parse().unwrap(), tables, ..options() }).await.unwrap();
    let mine = sealed(&lake.memory, 1, ("v", 0), &key("v/day=2024-10-04/1.parquet"), 1).await;
    let bad = sealed(&lake.memory, 2, ("rejected", 0), &key("rejected/day=2024-10-04/2.parquet"), 1).await;
    let first = owned(other.claim(Proposal { adds: vec![mine], ..empty(1) }).await.unwrap());
    let second = owned(other.claim(Proposal { adds: vec![bad], ..empty(2) }).await.unwrap());
    let report = gc(&mut lake.open().await, Attempt::from_bits(99), DAY, later(9)).await.unwrap();
    assert_eq!(report, GcReport { kept: 2, ..GcReport::default() });
    other.publish(first).await.unwrap();
    other.publish(second).await.unwrap();
}

#[tokio::test]
async fn an_interrupted_collection_is_finished_by_the_next() {
    use tributary_store::memory::{Outcome, Verb};
    let lake = Lake::default();
    let mut log = lake.open().await;
    let mut dead = proposal(&lake.memory, 1, "s", 0, 10).await;
    // It got as far as storing its snapshots.
    dead.state.push((ScopeId::new("a"), StateKind::Full, Bytes::from_static(b"x")));
    lake.memory.inject(Verb::Create, Outcome::Proceed);
    lake.memory.inject(Verb::Create, Outcome::FailBefore);
    assert!(log.claim(dead).await.is_err());

    lake.memory.inject(Verb::Abort, Outcome::FailBefore);
    let mut collector = lake.open().await;
    assert!(gc(&mut collector, Attempt::from_bits(98), DAY, later(2)).await.is_err());
    let report = gc(&mut lake.open().await, Attempt::from_bits(99), DAY, later(2)).await.unwrap();
    assert_eq!(report, GcReport { aborted: 1, states: 1, ..GcReport::default() });
}

/// S3 begins an upload twice when its first answer is lost: the second one belongs to an attempt that has claimed, however
/// long ago, and whose snapshot the log still names.
#[tokio::test]
async fn an_upload_that_was_begun_twice_costs_no_snapshot() {
    let lake = Lake::default();
    let mut log = lake.open().await;
    log.recover().await.unwrap();
    let mut first = proposal(&lake.memory, 1, "s", 0, 10).await;
    first.state.push((ScopeId::new("a"), StateKind::Full, Bytes::from_static(b"x")));
    claim_and_publish(&mut log, first).await;
    drop(lake.memory.begin(&Attempt::from_bits(1), &file_name(1)).await.unwrap());
    // Past a checkpoint record, which forgets who has claimed.
    for number in 2..=110_u64 {
        let next = proposal(&lake.memory, u128::from(number), "s", (number - 1) * 10, number * 10).await;
        claim_and_publish(&mut log, next).await;
    }
    let report = gc(&mut lake.open().await, Attempt::from_bits(999), DAY, later(2)).await.unwrap();
    assert_eq!(report, GcReport { kept: 1, ..GcReport::default() });
    assert_eq!(lake.memory.list(&key("_tributary/p/state"), None).await.unwrap().len(), 1);
    assert!(lake.open().await.recover().await.is_ok());
}
