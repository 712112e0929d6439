//! The straight way, and the replies that get lost on it.

use bytes::Bytes;
use tributary_commit::{Claim, FencedBy, inspect, pipelines};
use tributary_core::{Epoch, Position, ScopeId, SplitId, StateKind, TableId};
use tributary_store::memory::{Outcome, Verb};

use crate::support::*;

#[tokio::test]
async fn an_epoch_is_claimed_then_published_and_a_restart_goes_on_after_it() {
    let lake = Lake::default();
    let mut log = lake.open().await;
    let recovered = log.recover().await.unwrap();
    assert_eq!((recovered.next, recovered.checkpoint.len()), (Epoch::FIRST, 0));

    let proposed = proposal(&lake.memory, 1, "s", 0, 10).await;
    let permit = owned(log.claim(proposed).await.unwrap());
    assert!(!lake.exists(&file_name(1)).await, "claimed is not visible");
    assert_eq!(log.live().len(), 1);
    let receipt = log.publish(permit).await.unwrap();
    assert!(lake.exists(&file_name(1)).await);
    assert_eq!(receipt.epoch(), Epoch::FIRST);
    assert_eq!(receipt.checkpoint().position(&SplitId::new("s")), &Position::Offset(10));
    lake.commit(&mut log, 2, "s", 10, 15).await;

    let recovered = lake.open().await.recover().await.unwrap();
    assert_eq!((recovered.next, recovered.unfinished.len()), (Epoch::new(2), 0));
    assert_eq!(recovered.checkpoint.position(&SplitId::new("s")), &Position::Offset(15));
    assert_eq!(recovered.live.day(&TableId::new("t"), day(0)).len(), 2);
    assert_eq!(check_invariants(&lake.memory).await, 15);
}

#[tokio::test]
async fn positions_alone_can_be_epoch_zero() {
    let lake = Lake::default();
    let mut log = lake.open().await;
    let with_positions = proposal(&lake.memory, 1, "s", 0, 10).await;
    let start = tributary_commit::Proposal { adds: Vec::new(), tally: tally(0), ..with_positions };
    claim_and_publish(&mut log, start).await;
    let recovered = lake.open().await.recover().await.unwrap();
    assert_eq!(recovered.checkpoint.position(&SplitId::new("s")), &Position::Offset(10));
}

#[tokio::test]
async fn a_claim_whose_reply_is_lost_is_ours() {
    let lake = Lake::default();
    let mut log = lake.open().await;
    let proposed = proposal(&lake.memory, 1, "s", 0, 10).await;
    lake.memory.inject(Verb::Create, Outcome::FailAfter);
    let permit = owned(log.claim(proposed).await.unwrap());
    log.publish(permit).await.unwrap();
    assert_eq!(records(&lake.memory).await.0.len(), 1);
}

#[tokio::test]
async fn a_claim_that_failed_before_its_effect_can_be_repeated() {
    let lake = Lake::default();
    let mut log = lake.open().await;
    let proposed = proposal(&lake.memory, 1, "s", 0, 10).await;
    lake.memory.inject(Verb::Create, Outcome::FailBefore);
    assert!(log.claim(proposed.clone()).await.is_err());
    let permit = owned(log.claim(proposed.clone()).await.unwrap());
    // And after it: the same attempt is the same epoch.
    drop(permit);
    let permit = owned(log.claim(proposed).await.unwrap());
    assert_eq!(permit.epoch(), Epoch::FIRST);
    log.publish(permit).await.unwrap();
    assert_eq!(check_invariants(&lake.memory).await, 10);
}

#[tokio::test]
async fn completing_and_marking_survive_lost_replies() {
    for verb in [Verb::Complete, Verb::Create] {
        for outcome in [Outcome::FailBefore, Outcome::FailAfter] {
            let lake = Lake::default();
            let mut log = lake.open().await;
            let proposed = proposal(&lake.memory, 1, "s", 0, 10).await;
            let permit = owned(log.claim(proposed).await.unwrap());
            lake.memory.inject(verb, outcome);
            let published = log.publish(permit).await;
            // A mark that could not be set is the only thing that is not set right on the spot.
            assert_eq!(
                published.is_ok(),
                (verb, outcome) != (Verb::Create, Outcome::FailBefore),
                "{verb:?} {outcome:?}"
            );
            let mut log = lake.open().await;
            for permit in log.recover().await.unwrap().unfinished {
                log.publish(permit).await.unwrap();
            }
            assert_eq!(check_invariants(&lake.memory).await, 10);
        }
    }
}

#[tokio::test]
async fn two_processes_on_different_splits_share_the_log() {
    let lake = Lake::default();
    let (mut left, mut right) = (lake.open().await, lake.open().await);
    for round in 0..5 {
        lake.commit(&mut left, 100 + u128::from(round), "left", round, round + 1).await;
        lake.commit(&mut right, 200 + u128::from(round), "right", round, round + 1).await;
    }
    assert_eq!(records(&lake.memory).await.0.len(), 10);
    assert_eq!(check_invariants(&lake.memory).await, 10);
}

#[tokio::test]
async fn of_two_processes_on_one_split_one_is_fenced_and_told_by_whom() {
    let lake = Lake::default();
    let (mut left, mut right) = (lake.open().await, lake.open().await);
    lake.commit(&mut left, 1, "s", 0, 10).await;
    let late = proposal(&lake.memory, 2, "s", 0, 10).await;
    let Claim::Fenced(by) = right.claim(late).await.unwrap() else { panic!("both committed") };
    let FencedBy::Conflict { by: Some(who), .. } = &by else { panic!("{by:?}") };
    assert_eq!((who.epoch, who.attempt.as_str()), (Epoch::FIRST, "00000000000000000000000000000001"));
    assert!(by.to_string().contains("split s: (start..10) overlaps"), "{by}");
    assert_eq!(check_invariants(&lake.memory).await, 10);
}

#[tokio::test]
async fn an_epoch_left_behind_is_taken_over_after_the_patience_and_not_before() {
    let lake = Lake::default();
    let (mut dead, mut alive) = (lake.open().await, lake.open().await);
    let proposed = proposal(&lake.memory, 1, "dead", 0, 10).await;
    drop(owned(dead.claim(proposed).await.unwrap()));
    lake.commit(&mut alive, 2, "alive", 0, 1).await;
    lake.clock.forward(TAKEOVER / 2);
    lake.commit(&mut alive, 3, "alive", 1, 2).await;
    assert!(!lake.exists(&file_name(1)).await);
    lake.clock.forward(TAKEOVER);
    lake.commit(&mut alive, 4, "alive", 2, 3).await;
    assert!(lake.exists(&file_name(1)).await);
    assert_eq!(check_invariants(&lake.memory).await, 13);
}

#[tokio::test]
async fn a_guarded_claim_is_overtaken_by_others_files_of_its_days_only() {
    let lake = Lake::default();
    let (mut batch, mut stream) = (lake.open().await, lake.open().await);
    let mut guarded = proposal(&lake.memory, 1, "archive", 0, 10).await;
    guarded.guarded = true;
    batch.recover().await.unwrap();
    // Another day is none of its business, nor are its own earlier epochs.
    let elsewhere = sealed(&lake.memory, 9, ("t", 1), &key("t/day=2024-10-05/9.parquet"), 1).await;
    let other = tributary_commit::Proposal { adds: vec![elsewhere], ..empty(9) };
    claim_and_publish(&mut stream, other).await;
    lake.commit(&mut batch, 2, "archive0", 0, 1).await;
    lake.commit(&mut stream, 3, "stream", 0, 5).await;

    let claim = batch.claim(guarded).await.unwrap();
    assert!(matches!(claim, Claim::Overtaken { epoch } if epoch == Epoch::new(2)), "{claim:?}");
    assert_eq!(records(&lake.memory).await.0.len(), 3);
    let recovered = batch.recover().await.unwrap();
    assert_eq!(recovered.live.day(&TableId::new("t"), day(0)).len(), 2);
    let mut again = proposal(&lake.memory, 4, "archive", 0, 10).await;
    again.guarded = true;
    let permit = owned(batch.claim(again).await.unwrap());
    batch.publish(permit).await.unwrap();
}

#[tokio::test]
async fn rejections_of_others_overtake_nobody() {
    let lake = Lake::default();
    let (mut left, mut right) = (lake.open().await, lake.open().await);
    for (log, attempt) in [(&mut left, 1), (&mut right, 2)] {
        let name = key(&format!("rejected/day=2024-10-04/{attempt}.parquet"));
        let file = sealed(&lake.memory, attempt, ("rejected", 0), &name, 1).await;
        let proposed = tributary_commit::Proposal { adds: vec![file], guarded: true, ..empty(attempt) };
        let permit = owned(log.claim(proposed).await.unwrap());
        log.publish(permit).await.unwrap();
    }
}

#[tokio::test]
async fn state_is_the_newest_full_snapshot_and_what_came_after() {
    let lake = Lake::default();
    let mut log = lake.open().await;
    let kinds =
        [StateKind::Delta, StateKind::Full, StateKind::Delta, StateKind::Full, StateKind::Delta, StateKind::Delta];
    for (number, kind) in kinds.into_iter().enumerate() {
        let body = Bytes::from(format!("state {number}"));
        let state = vec![(ScopeId::new("a"), kind, body.clone()), (ScopeId::new("b"), StateKind::Delta, body)];
        let proposed = tributary_commit::Proposal { state, ..empty(number as u128) };
        claim_and_publish(&mut log, proposed).await;
    }
    let states = lake.open().await.recover().await.unwrap().states;
    let texts = |scope: &str| -> Vec<String> {
        let of_scope = &states[&ScopeId::new(scope)];
        of_scope.iter().map(|state| String::from_utf8(state.bytes.to_vec()).unwrap()).collect()
    };
    assert_eq!(texts("a"), ["state 3", "state 4", "state 5"]);
    assert_eq!(texts("b").len(), 6);
}

#[tokio::test]
async fn replaced_files_go_and_the_epochs_that_brought_them_count_as_published() {
    let lake = Lake::default();
    let mut log = lake.open().await;
    lake.commit(&mut log, 1, "s", 0, 10).await;
    // Epoch 1 stays unpublished while epoch 2 replaces its file as well.
    let proposed = proposal(&lake.memory, 2, "s", 10, 20).await;
    let late = owned(log.claim(proposed).await.unwrap());
    let merged = sealed(&lake.memory, 3, ("t", 0), &file_name(3), 20).await;
    let proposed =
        tributary_commit::Proposal { adds: vec![merged], replaces: vec![file_name(1), file_name(2)], ..empty(3) };
    claim_and_publish(&mut log, proposed).await;
    log.publish(late).await.unwrap();
    assert_eq!(log.live().len(), 1);
    assert_eq!(check_invariants(&lake.memory).await, 20);

    let again = tributary_commit::Proposal { replaces: vec![file_name(1)], ..empty(4) };
    let Claim::Fenced(by) = log.claim(again).await.unwrap() else { panic!("replaced twice") };
    assert!(matches!(&by, FencedBy::Replaced { by: Some(who), .. } if who.epoch == Epoch::new(2)), "{by:?}");
}

/// Whoever takes over an epoch that replaces files does all of it.
#[tokio::test]
async fn a_replacement_that_is_taken_over_takes_the_old_files_away() {
    let lake = Lake::default();
    let (mut dead, mut alive) = (lake.open().await, lake.open().await);
    lake.commit(&mut dead, 1, "s", 0, 10).await;
    let proposed = proposal(&lake.memory, 2, "s", 10, 20).await;
    drop(owned(dead.claim(proposed).await.unwrap()));
    let merged = sealed(&lake.memory, 3, ("t", 0), &file_name(3), 20).await;
    let replaces = vec![file_name(1), file_name(2)];
    let proposed = tributary_commit::Proposal { adds: vec![merged], replaces, ..empty(3) };
    drop(owned(dead.claim(proposed).await.unwrap()));
    lake.commit(&mut alive, 4, "u", 0, 1).await;
    lake.clock.forward(TAKEOVER * 2);
    lake.commit(&mut alive, 5, "u", 1, 2).await;
    assert_eq!(check_invariants(&lake.memory).await, 22);
    assert_eq!(records(&lake.memory).await.1.len(), 5);
}

#[tokio::test]
async fn status_reads_the_log_and_leaves_no_trace() {
    let lake = Lake::default();
    assert_eq!(pipelines(&lake.memory).await.unwrap(), []);
    assert_eq!(inspect(&lake.memory, &pipeline()).await.unwrap().epochs.len(), 0);
    let mut log = lake.open().await;
    lake.commit(&mut log, 1, "s", 0, 10).await;
    let proposed = proposal(&lake.memory, 2, "s", 10, 25).await;
    drop(owned(log.claim(proposed).await.unwrap()));
    let view = inspect(&lake.memory, &pipeline()).await.unwrap();
    assert_eq!(pipelines(&lake.memory).await.unwrap(), [pipeline()]);
    let published: Vec<bool> = view.epochs.iter().map(|epoch| epoch.published).collect();
    assert_eq!((published, view.next, view.tally.read), (vec![true, false], Epoch::new(2), 25));
    let table = &view.tables[&TableId::new("t")];
    assert_eq!((table.files, table.rows, table.days), (2, 25, 1));
    assert_eq!(view.checkpoint.position(&SplitId::new("s")), &Position::Offset(25));
}
