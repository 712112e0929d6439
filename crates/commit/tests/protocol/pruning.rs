//! What no recovery reads any more is deleted, beside writers, killed half way, and with one that stood still.

use std::time::Duration;

use bytes::Bytes;
use tributary_commit::{Claim, CommitError, CommitLog, GcReport, Proposal, gc};
use tributary_core::{Attempt, Epoch, Fault, ScopeId, StateKind, Timestamp};
use tributary_store::ObjectStore;
use tributary_store::memory::{Outcome, Verb};

use crate::support::*;

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn later(days: u32) -> Timestamp {
    Timestamp::from_micros(i64::try_from((DAY * days).as_micros()).unwrap())
}

/// Commits `from..to` of the split, a number an epoch, each with a snapshot that supersedes the one before.
async fn commit(lake: &Lake, log: &mut CommitLog, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let mut next = proposal(&lake.memory, u128::from(number) + 1, "s", number, number + 1).await;
        next.state.push((ScopeId::new("a"), StateKind::Full, Bytes::from(number.to_string())));
        claim_and_publish(log, next).await;
    }
}

async fn names(lake: &Lake, folder: &str) -> Vec<String> {
    let keys = lake.memory.list(&key(&format!("_tributary/p/{folder}")), None).await.unwrap();
    keys.iter().map(|key| key.file_name().trim_start_matches('0').to_owned()).collect()
}

#[tokio::test]
async fn the_log_is_as_small_as_what_a_recovery_reads() {
    let lake = Lake::default();
    let mut log = lake.open().await;
    commit(&lake, &mut log, 0..350).await;
    let before = lake.open().await.recover().await.unwrap();
    assert_eq!(names(&lake, "checkpoints").await, ["99.json", "199.json", "299.json"]);
    let young = gc(&mut lake.open().await, Attempt::from_bits(999), DAY, Timestamp::from_micros(0)).await.unwrap();
    assert_eq!(young, GcReport::default());

    // The newest one that another stands above: 199.
    let report = gc(&mut lake.open().await, Attempt::from_bits(999), DAY, later(2)).await.unwrap();
    assert_eq!((report.records, report.checkpoints, report.states), (199, 1, 199));
    assert!(report.lists > 0);
    assert_eq!(names(&lake, "checkpoints").await, ["199.json", "299.json"]);
    assert_eq!(names(&lake, "commits").await.len(), 2 * 151);
    assert_eq!(names(&lake, "state").await.len(), 151);
    let again = gc(&mut lake.open().await, Attempt::from_bits(999), DAY, later(2)).await.unwrap();
    assert_eq!(again, GcReport::default());
    // The writer that was there goes on, and so does a new one; each of the two that are left can be begun at.
    commit(&lake, &mut log, 350..360).await;
    lake.memory.delete(&key("_tributary/p/checkpoints/00000000000000000299.json")).await.unwrap();
    let mut log = lake.open().await;
    let after = log.recover().await.unwrap();
    assert_eq!(after.next, Epoch::new(360));
    assert_eq!(after.live.iter().count(), before.live.iter().count() + 10);
    commit(&lake, &mut log, 360..361).await;
}

/// Deletions fail at every place; whoever comes next finds a log that can be read, and gc can be repeated.
#[tokio::test]
async fn a_log_that_is_half_deleted_can_be_read() {
    for failing in 0..40 {
        let lake = Lake::default();
        commit(&lake, &mut lake.open().await, 0..210).await;
        let before = lake.open().await.recover().await.unwrap();
        for _ in 0..failing * 17 {
            lake.memory.inject(Verb::Delete, Outcome::Proceed);
        }
        lake.memory.inject(Verb::Delete, Outcome::FailBefore);
        let failed = gc(&mut lake.open().await, Attempt::from_bits(999), DAY, later(2)).await.is_err();
        let after = lake.open().await.recover().await.unwrap();
        assert_eq!((&after.checkpoint, &after.live, &after.states), (&before.checkpoint, &before.live, &before.states));
        gc(&mut lake.open().await, Attempt::from_bits(999), DAY, later(2)).await.unwrap();
        assert_eq!(names(&lake, "commits").await.len(), 2 * 111, "{failing}");
        if !failed {
            return assert!(failing > 10, "{failing}");
        }
    }
    panic!("there was always something left to delete");
}

/// A writer that has sealed what follows epoch 4 and stood still since, while others went on and the log was deleted.
async fn asleep(lake: &Lake) -> (CommitLog, Proposal) {
    commit(lake, &mut lake.open().await, 0..5).await;
    let mut asleep = lake.open().await;
    asleep.recover().await.unwrap();
    let theirs = proposal(&lake.memory, 5_000, "s", 5, 6).await;
    commit(lake, &mut lake.open().await, 5..320).await;
    gc(&mut lake.open().await, Attempt::from_bits(999), DAY, later(2)).await.unwrap();
    (asleep, theirs)
}

/// Its number is free again, and it must not have it.
#[tokio::test]
async fn who_stood_still_while_the_log_was_deleted_claims_nothing() {
    let lake = Lake::default();
    let (mut asleep, theirs) = asleep(&lake).await;
    let before = lake.open().await.recover().await.unwrap();

    let refused = asleep.claim(theirs).await.unwrap_err();
    assert!(matches!(refused, CommitError::Behind { epoch } if epoch == Epoch::new(5)), "{refused}");
    assert_eq!(refused.fault(), Fault::Transient);
    // Nobody begins at what it left there.
    let after = lake.open().await.recover().await.unwrap();
    assert_eq!((&after.checkpoint, &after.live, after.next), (&before.checkpoint, &before.live, before.next));

    // Awake, it is told that somebody has committed this, and what it left behind goes with the next sweep.
    asleep.recover().await.unwrap();
    let again = proposal(&lake.memory, 5_001, "s", 5, 6).await;
    assert!(matches!(asleep.claim(again).await.unwrap(), Claim::Fenced(_)));
    let report = gc(&mut lake.open().await, Attempt::from_bits(998), DAY, later(2)).await.unwrap();
    // The attempt that slept was banned before it woke.
    assert_eq!((report.records, report.banned), (1, 1));
}

/// A lost reply is looked at: what stands there is its own, and it must not have it all the same.
#[tokio::test]
async fn a_lost_reply_does_not_hide_that_one_stood_still() {
    let lake = Lake::default();
    let (mut asleep, theirs) = asleep(&lake).await;
    lake.memory.inject(Verb::Create, Outcome::FailAfter);
    assert!(matches!(asleep.claim(theirs).await, Err(CommitError::Behind { .. })));
}

/// An epoch whose mark is deleted counts as published: nobody looks for its files, which may be replaced by now.
#[tokio::test]
async fn an_old_epoch_of_others_is_not_published_again() {
    let lake = Lake::default();
    let mut asleep = lake.open().await;
    asleep.recover().await.unwrap();
    let mut log = lake.open().await;
    log.recover().await.unwrap();
    let first = proposal(&lake.memory, 1, "s", 0, 1).await;
    let Claim::Owned(permit) = log.claim(first).await.unwrap() else { panic!("fenced") };
    // It sees the epoch before it is published.
    let lagging = proposal(&lake.memory, 7_000, "x", 0, 1).await;
    claim_and_publish(&mut asleep, lagging).await;
    log.publish(permit).await.unwrap();
    let mut log = lake.open().await;
    log.recover().await.unwrap();
    let mut replacing = proposal(&lake.memory, 2, "s", 1, 2).await;
    replacing.replaces.push(file_name(1));
    claim_and_publish(&mut log, replacing).await;
    commit(&lake, &mut log, 2..320).await;
    gc(&mut lake.open().await, Attempt::from_bits(999), DAY, later(2)).await.unwrap();
    lake.clock.forward(2 * TAKEOVER);
    let late = proposal(&lake.memory, 7_001, "x", 1, 2).await;
    assert!(matches!(asleep.claim(late).await, Err(CommitError::Behind { .. })));
}

/// The first one leaves a record under a deleted number right below one that is kept; the second one reads both, and is not
/// told that the log is damaged.
#[tokio::test]
async fn two_that_stood_still_are_both_told_so() {
    let lake = Lake::default();
    commit(&lake, &mut lake.open().await, 0..198).await;
    let mut asleep = [lake.open().await, lake.open().await];
    commit(&lake, &mut lake.open().await, 198..320).await;
    gc(&mut lake.open().await, Attempt::from_bits(999), DAY, later(2)).await.unwrap();
    for (number, log) in asleep.iter_mut().enumerate() {
        let theirs = proposal(&lake.memory, 5_000 + number as u128, "s", 198, 199).await;
        assert!(matches!(log.claim(theirs).await, Err(CommitError::Behind { .. })), "{number}");
    }
}

/// A collector that stood still does not know who has claimed meanwhile: it aborts nothing.
#[tokio::test]
async fn a_collector_that_stood_still_throws_nothing_away() {
    let lake = Lake::default();
    commit(&lake, &mut lake.open().await, 0..5).await;
    let mut asleep = lake.open().await;
    let mut log = lake.open().await;
    commit(&lake, &mut log, 5..320).await;
    let claimed = proposal(&lake.memory, 5_000, "s", 320, 321).await;
    let Claim::Owned(permit) = log.claim(claimed).await.unwrap() else { panic!("fenced") };
    gc(&mut lake.open().await, Attempt::from_bits(999), DAY, later(2)).await.unwrap();
    let refused = gc(&mut asleep, Attempt::from_bits(998), DAY, later(2)).await.unwrap_err();
    assert!(matches!(refused, CommitError::Behind { .. }), "{refused}");
    log.publish(permit).await.unwrap();
}
