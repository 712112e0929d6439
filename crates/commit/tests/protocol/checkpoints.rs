//! Checkpoint records: a recovery reads them instead of everything.

use bytes::Bytes;
use tributary_commit::{Proposal, inspect};
use tributary_core::{Attempt, Delta, Epoch, Position, ScopeId, Span, SplitId, StateKind, TableId};
use tributary_store::ObjectStore;

use crate::support::*;

async fn checkpoints(lake: &Lake) -> Vec<String> {
    let keys = lake.memory.list(&key("_tributary/p/checkpoints"), None).await.unwrap();
    keys.iter().map(|key| key.file_name().trim_start_matches('0').to_owned()).collect()
}

#[tokio::test]
async fn after_100_epochs_a_recovery_needs_no_older_record() {
    let lake = Lake::default();
    let mut log = lake.open().await;
    for number in 0..250 {
        let mut proposed = proposal(&lake.memory, u128::from(number) + 1, "s", number, number + 1).await;
        let kind = if number == 20 { StateKind::Full } else { StateKind::Delta };
        proposed.state.push((ScopeId::new("a"), kind, Bytes::from(vec![number as u8])));
        if number == 30 {
            proposed.replaces.push(file_name(3));
        }
        if number == 40 {
            proposed.bans.push(Attempt::from_bits(7_777));
        }
        claim_and_publish(&mut log, proposed).await;
    }
    assert_eq!(checkpoints(&lake).await, ["99.json", "199.json"]);
    let full = lake.open().await.recover().await.unwrap();
    let before = inspect(&lake.memory, &pipeline()).await.unwrap();

    // Nothing below the newest checkpoint is read: everything there is gone.
    for number in 0..200 {
        for kind in ["json", "done"] {
            lake.memory.delete(&key(&format!("_tributary/p/commits/{number:020}.{kind}"))).await.unwrap();
        }
    }
    let mut log = lake.open().await;
    let recovered = log.recover().await.unwrap();
    assert_eq!(recovered.next, Epoch::new(250));
    assert_eq!((&recovered.checkpoint, &recovered.live), (&full.checkpoint, &full.live));
    assert_eq!(recovered.live.day(&TableId::new("t"), day(0)).len(), 249);
    assert_eq!(recovered.states[&ScopeId::new("a")].len(), 230);
    let after = inspect(&lake.memory, &pipeline()).await.unwrap();
    assert_eq!(
        (after.tally.read, &after.tables, after.newest_checkpoint),
        (250, &before.tables, Some(Epoch::new(199)))
    );
    let banned = proposal(&lake.memory, 7_777, "s", 250, 251).await;
    assert!(matches!(log.claim(banned).await.unwrap(), tributary_commit::Claim::Fenced(_)));
    lake.commit(&mut log, 9_999, "s", 250, 251).await;
}

#[tokio::test]
async fn a_damaged_checkpoint_costs_time_and_nothing_else() {
    let lake = Lake::default();
    let mut log = lake.open().await;
    for number in 0..205 {
        lake.commit(&mut log, u128::from(number) + 1, "s", number, number + 1).await;
    }
    let good = lake.open().await.recover().await.unwrap();
    let newest = key("_tributary/p/checkpoints/00000000000000000199.json");
    lake.memory.delete(&newest).await.unwrap();
    lake.memory.create(&newest, Bytes::from_static(b"{\"format\": 1, \"pipe")).await.unwrap();
    // The older one has lost a manifest.
    let manifests = lake.memory.list(&key("_tributary/p/manifests"), None).await.unwrap();
    lake.memory.delete(&manifests[0]).await.unwrap();
    let recovered = lake.open().await.recover().await.unwrap();
    assert_eq!((recovered.checkpoint, recovered.live), (good.checkpoint, good.live));
}

/// Files that have ended are written down a logarithmic number of times, and come back.
#[tokio::test]
async fn ended_splits_are_folded_into_side_objects() {
    let lake = Lake::default();
    let mut log = lake.open().await;
    for epoch in 0..8_u64 {
        let mut delta = Delta::default();
        for number in 0..1_000 {
            let split = SplitId::new(format!("file{}", epoch * 1_000 + number));
            let span = Span::new(Position::Start, Position::End).unwrap();
            delta.append(Delta::of(split, span)).unwrap();
        }
        delta.append(Delta::of(SplitId::new("open"), span(epoch, epoch + 1))).unwrap();
        let proposed = Proposal { delta, ..empty(u128::from(epoch) + 1) };
        claim_and_publish(&mut log, proposed).await;
    }
    assert_eq!(checkpoints(&lake).await.len(), 8);
    let newest = lake.memory.read(&key("_tributary/p/checkpoints/00000000000000000007.json")).await.unwrap().unwrap();
    assert!(newest.len() < 4_000, "{} bytes", newest.len());
    let recovered = lake.open().await.recover().await.unwrap();
    assert_eq!(recovered.checkpoint.len(), 8_001);
    assert_eq!(recovered.checkpoint.position(&SplitId::new("file4321")), &Position::End);
    assert_eq!(recovered.checkpoint.position(&SplitId::new("open")), &Position::Offset(8));
}

#[tokio::test]
async fn no_checkpoint_covers_an_unpublished_epoch() {
    let lake = Lake::default();
    let (mut stuck, mut busy) = (lake.open().await, lake.open().await);
    lake.commit(&mut busy, 1, "busy", 0, 1).await;
    for number in 1..60 {
        lake.commit(&mut busy, 1 + u128::from(number), "busy", number, number + 1).await;
    }
    let proposed = proposal(&lake.memory, 5_000, "stuck", 0, 1).await;
    let permit = owned(stuck.claim(proposed).await.unwrap());
    for number in 60..300 {
        lake.commit(&mut busy, 1 + u128::from(number), "busy", number, number + 1).await;
    }
    assert_eq!(checkpoints(&lake).await, Vec::<String>::new(), "epoch 60 is not published");
    stuck.publish(permit).await.unwrap();
    lake.commit(&mut busy, 6_000, "busy", 300, 301).await;
    assert_eq!(checkpoints(&lake).await, ["301.json"]);
    let recovered = lake.open().await.recover().await.unwrap();
    assert_eq!((recovered.unfinished.len(), recovered.live.len()), (0, 302));
}

/// With several busy workers the head is hardly ever published whole; a checkpoint comes all the same.
#[tokio::test]
async fn a_checkpoint_behind_the_head_comes_when_it_is_overdue() {
    let lake = Lake::default();
    let mut log = lake.open().await;
    let mut previous = None;
    for number in 0..330 {
        let proposed = proposal(&lake.memory, u128::from(number) + 1, "s", number, number + 1).await;
        let permit = owned(log.claim(proposed).await.unwrap());
        // The epoch before is published when this one is claimed already.
        if let Some(previous) = previous.replace(permit) {
            log.publish(previous).await.unwrap();
        }
    }
    assert_eq!(checkpoints(&lake).await, ["198.json", "298.json"]);
    let mut log = lake.open().await;
    let recovered = log.recover().await.unwrap();
    let unfinished: Vec<Epoch> = recovered.unfinished.iter().map(tributary_commit::Permit::epoch).collect();
    assert_eq!((unfinished, recovered.live.len()), (vec![Epoch::new(329)], 330));
}
