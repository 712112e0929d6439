//! Shards that come and go.

use std::time::Duration;

use tributary_core::{Position, Source as _};

use crate::fake::Fake;
use crate::line::{Line, SharedLog, Turn, join, lock, options, read_for, read_records};
use crate::play;

fn put(fake: &Fake, text: &str) {
    (0..20).for_each(|key| drop(fake.put(&format!("agent-{key}"), text)));
}

/// Records of each key stand in the log as they were put.
fn assert_in_order(log: &SharedLog, texts: &[&str]) {
    let log = lock(log);
    for key in (0..20).map(|key| format!("agent-{key}")) {
        let of_key = log.records.iter().filter(|record| record.key.as_deref() == Some(key.as_bytes()));
        let found: Vec<String> = of_key.map(crate::line::text).collect();
        assert_eq!(found, texts, "{key}");
    }
    assert!(log.gaps.is_empty() && log.fences == 0);
}

#[test]
fn children_begin_once_their_parent_is_over_in_the_log() {
    play("resharding::children_begin_once_their_parent_is_over_in_the_log", async {
        let fake = Fake::start(1);
        put(&fake, "one");
        let log = SharedLog::default();
        let group = join(&fake, options(&fake)).await;
        read_records(&group, &fake, &log, 20).await;
        let parent = fake.open().remove(0);
        let children = fake.split(&parent);
        put(&fake, "two");
        read_records(&group, &fake, &log, 40).await;
        assert_eq!(lock(&log).position(&fake, &parent), Position::End);
        let merged = fake.merge(&children[0], &children[1]);
        put(&fake, "three");
        read_records(&group, &fake, &log, 60).await;
        assert!(matches!(lock(&log).position(&fake, &merged), Position::After(_)));
        assert_in_order(&log, &["one", "two", "three"]);
    });
}

#[test]
fn shards_that_were_closed_before_the_start_are_read_to_their_end() {
    play("resharding::shards_that_were_closed_before_the_start_are_read_to_their_end", async {
        let fake = Fake::start(1);
        fake.pages_of(3);
        put(&fake, "one");
        let children = fake.split(&fake.open()[0]);
        put(&fake, "two");
        // One of the children is never written to, and closed.
        let merged = fake.merge(&children[0], &children[1]);
        let grandchildren = fake.split(&merged);
        put(&fake, "three");
        let log = SharedLog::default();
        let group = join(&fake, options(&fake)).await;
        read_records(&group, &fake, &log, 60).await;
        assert_in_order(&log, &["one", "two", "three"]);
        let log = lock(&log);
        assert!(grandchildren.iter().all(|shard| log.position(&fake, shard) != Position::End));
        assert_eq!(log.position(&fake, &merged), Position::End, "without a record of its own");
    });
}

/// The end of a parent that a line read and did not commit is as if it was never read.
#[test]
fn an_end_that_was_not_committed_is_read_again() {
    play("resharding::an_end_that_was_not_committed_is_read_again", async {
        let fake = Fake::start(1);
        put(&fake, "one");
        fake.split(&fake.open()[0]);
        put(&fake, "two");
        let log = SharedLog::default();
        let group = join(&fake, options(&fake)).await;
        let mut line = Line::attach(&group, &fake, &log).await.unwrap();
        while !matches!(line.turn().await, Turn::Over { goes_on: true }) {}
        assert!(line.has_pending());
        // The line dies before it commits.
        drop(line);
        read_records(&group, &fake, &log, 40).await;
        read_for(&group, &fake, &log, Duration::from_millis(500)).await;
        assert_in_order(&log, &["one", "two"]);
    });
}

/// A stream is resharded shard by shard: the line ends once for those that end together.
#[test]
fn ends_are_gathered() {
    play("resharding::ends_are_gathered", async {
        let fake = Fake::start(8);
        put(&fake, "one");
        let log = SharedLog::default();
        let group = join(&fake, options(&fake)).await;
        read_records(&group, &fake, &log, 20).await;
        for shard in fake.open() {
            fake.split(&shard);
        }
        put(&fake, "two");
        let mut lines = 0;
        while lock(&log).records.len() < 40 {
            let mut line = Line::attach(&group, &fake, &log).await.unwrap();
            lines += 1;
            while !matches!(line.turn().await, Turn::Over { goes_on: true }) && lock(&log).records.len() < 40 {
                // The ends are committed with the line, as one whose cadence is longer than theirs would.
                if !line.source.lineage().is_empty() && lines > 1 {
                    assert!(line.commit().await);
                }
            }
            assert!(line.commit().await);
        }
        assert!(lines <= 3, "{lines} lines");
        assert_in_order(&log, &["one", "two"]);
    });
}
