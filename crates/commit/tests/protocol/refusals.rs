//! What the log refuses, and what it says then.

use std::time::Duration;

use bytes::Bytes;
use tributary_commit::{Claim, CommitError, FencedBy, LogOptions, Proposal};
use tributary_core::{Fault, Tally, Timestamp};
use tributary_store::ObjectStore;

use crate::support::*;

#[tokio::test]
async fn a_table_of_another_pipeline_is_refused_by_name_and_rejected_is_everybodys() {
    let lake = Lake::default();
    lake.open().await;
    let other = LogOptions { pipeline: "other".parse().unwrap(), ..options() };
    let error = lake.open_with(other.clone()).await.unwrap_err();
    assert_eq!((error.fault(), error.code()), (Fault::Config, "commit/table-owned"));
    assert!(error.to_string().contains("table t of this lake belongs to pipeline p, not to other"), "{error}");
    let own = ["v", "rejected"].map(tributary_core::TableId::new).to_vec();
    lake.open_with(LogOptions { tables: own, ..other }).await.unwrap();
}

#[tokio::test]
async fn other_options_are_refused_with_the_difference_unless_accepted() {
    let lake = Lake::default();
    let mut log = lake.open().await;
    lake.commit(&mut log, 1, "s", 0, 1).await;
    let changed = LogOptions { options: digest("20m"), ..options() };
    let error = lake.open_with(changed.clone()).await.unwrap_err();
    assert_eq!((error.fault(), error.code()), (Fault::Config, "commit/options-differ"));
    assert!(error.to_string().contains(r#"transform.lateness was "10m" and is "20m""#), "{error}");

    let mut accepting = lake.open_with(LogOptions { accept_change: true, ..changed.clone() }).await.unwrap();
    lake.commit(&mut accepting, 2, "s", 1, 2).await;
    lake.open_with(changed).await.unwrap();
    let error = lake.open_with(options()).await.unwrap_err();
    assert!(error.to_string().contains(r#"was "20m" and is "10m""#), "{error}");

    // The process that goes on with the old options is fenced.
    let late = proposal(&lake.memory, 3, "s", 2, 3).await;
    let claim = log.claim(late).await.unwrap();
    assert!(matches!(claim, Claim::Fenced(FencedBy::Options { .. })), "{claim:?}");
}

#[tokio::test]
async fn a_newer_format_is_refused_by_name() {
    let lake = Lake::default();
    let name = key("_tributary/p/commits/00000000000000000000.json");
    lake.memory.create(&name, Bytes::from_static(b"{\"format\": 2, \"what\": \"ever\"}")).await.unwrap();
    let error = lake.open_with(options()).await.unwrap_err();
    assert_eq!((error.fault(), error.code()), (Fault::Config, "commit/newer-format"));
    assert!(error.to_string().contains("00000000000000000000.json has format 2"), "{error}");
}

#[tokio::test]
async fn damage_and_holes_are_refused() {
    let lake = Lake::default();
    let mut log = lake.open().await;
    for number in 0..3 {
        lake.commit(&mut log, u128::from(number) + 1, "s", number, number + 1).await;
    }
    let second = key("_tributary/p/commits/00000000000000000001.json");
    let body = lake.memory.read(&second).await.unwrap().unwrap();
    lake.memory.delete(&second).await.unwrap();
    let error = lake.open_with(options()).await.unwrap_err();
    assert_eq!((error.fault(), error.code()), (Fault::Data, "commit/hole"));

    // Whatever is changed, even white space, does not fit the record after it.
    let text = String::from_utf8(body.to_vec()).unwrap().replacen("{\n", "{ \n", 1);
    lake.memory.create(&second, Bytes::from(text)).await.unwrap();
    let error = lake.open_with(options()).await.unwrap_err();
    assert_eq!((error.fault(), error.code()), (Fault::Data, "commit/damaged"));
}

#[tokio::test]
async fn what_does_not_add_up_is_refused_before_anything_is_written() {
    let lake = Lake::default();
    let mut log = lake.open().await;
    let sound = proposal(&lake.memory, 1, "s", 0, 5).await;
    let before = lake.memory.list(&key("_tributary"), None).await.unwrap();
    let unbalanced = Proposal { tally: Tally { read: 1, ..Tally::default() }, ..sound.clone() };
    let twice = Proposal { adds: vec![sound.adds[0].clone(), sound.adds[0].clone()], ..sound.clone() };
    let foreign = tributary_core::SealedFile { table: tributary_core::TableId::new("x"), ..sound.adds[0].clone() };
    let stranger = Proposal { adds: vec![foreign], ..sound.clone() };
    for bad in [unbalanced, twice, stranger] {
        let error = log.claim(bad).await.unwrap_err();
        assert!(matches!(error, CommitError::Invalid { .. }), "{error}");
    }
    assert_eq!(lake.memory.list(&key("_tributary"), None).await.unwrap(), before);
}

#[tokio::test]
async fn an_attempt_older_than_its_age_is_not_claimed() {
    let lake = Lake::default();
    let mut log = lake.open().await;
    let old = proposal(&lake.memory, 1, "s", 0, 5).await;
    lake.clock.forward(ATTEMPT_AGE);
    let on_the_border = Proposal { began: Timestamp::from_micros(0), ..old.clone() };
    lake.clock.forward(Duration::from_secs(1));
    let error = log.claim(on_the_border).await.unwrap_err();
    assert_eq!((error.fault(), error.code()), (Fault::Transient, "commit/attempt-too-old"));
    assert!(error.to_string().contains("24 h"), "{error}");
    let young = Proposal { began: Timestamp::from_micros(1_000_000), ..old };
    drop(owned(log.claim(young).await.unwrap()));
}

#[tokio::test]
async fn a_file_that_nobody_can_publish_is_named() {
    let lake = Lake::default();
    let mut log = lake.open().await;
    let proposed = proposal(&lake.memory, 1, "s", 0, 5).await;
    let ticket = proposed.adds[0].ticket.clone();
    let permit = owned(log.claim(proposed).await.unwrap());
    lake.memory.abort(&file_name(1), &ticket.upload).await.unwrap();
    let error = log.publish(permit).await.unwrap_err();
    assert_eq!((error.fault(), error.code()), (Fault::Data, "commit/lost"));
    assert!(error.to_string().contains(file_name(1).as_str()), "{error}");
    assert!(records(&lake.memory).await.1.is_empty(), "it does not count as published");
}
