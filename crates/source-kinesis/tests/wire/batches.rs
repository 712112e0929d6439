//! A batch ends with what had arrived when it started.

use std::time::Duration;

use tributary_core::{Position, Timestamp};
use tributary_source_kinesis::{Options, StartAt};

use crate::fake::{Call, Fake, Fault};
use crate::line::{SharedLog, join, lock, options, read_batch};
use crate::play;

fn batch(fake: &Fake) -> Options {
    Options { batch: true, ..options(fake) }
}

fn put(fake: &Fake, keys: usize, text: &str) {
    (0..keys).for_each(|key| drop(fake.put(&format!("agent-{key}"), text)));
}

#[test]
fn it_ends_where_nothing_follows() {
    play("batches::it_ends_where_nothing_follows", async {
        let fake = Fake::start(3);
        fake.pages_of(4);
        // In one millisecond, mostly: that nothing is behind a page does not say that it is the last.
        put(&fake, 50, "one");
        let log = SharedLog::default();
        let group = join(&fake, batch(&fake)).await;
        read_batch(&group, &fake, &log).await;
        assert_eq!(lock(&log).records.len(), 50);
        // The next one reads what came after it.
        put(&fake, 5, "two");
        let group = join(&fake, batch(&fake)).await;
        read_batch(&group, &fake, &log).await;
        assert_eq!(lock(&log).records.len(), 55);
    });
}

#[test]
fn it_ends_though_there_is_nothing() {
    play("batches::it_ends_though_there_is_nothing", async {
        for start in [StartAt::Oldest, StartAt::Latest] {
            let fake = Fake::start(3);
            let log = SharedLog::default();
            let group = join(&fake, Options { start, ..batch(&fake) }).await;
            read_batch(&group, &fake, &log).await;
            assert!(lock(&log).records.is_empty());
        }
    });
}

/// Pages without records come while the service looks through a shard.
#[test]
fn it_does_not_end_at_a_page_without_records() {
    play("batches::it_does_not_end_at_a_page_without_records", async {
        let fake = Fake::start(1);
        put(&fake, 5, "one");
        fake.advance(Duration::from_secs(5));
        fake.fail(Call::Records, 2, Fault::Empty);
        let log = SharedLog::default();
        let group = join(&fake, batch(&fake)).await;
        read_batch(&group, &fake, &log).await;
        assert_eq!(lock(&log).records.len(), 5);
    });
}

#[test]
fn it_ends_before_the_moment_that_it_is_told() {
    play("batches::it_ends_before_the_moment_that_it_is_told", async {
        let fake = Fake::start(1);
        let until = Timestamp::from_micros((fake.now().millis() - 60_000) * 1_000);
        let shard = fake.put_at("agent-1", "before", until.plus_micros(-1_000));
        fake.put_at("agent-1", "then", until);
        fake.put("agent-1", "after");
        let log = SharedLog::default();
        let group = join(&fake, Options { until: Some(until), ..batch(&fake) }).await;
        read_batch(&group, &fake, &log).await;
        assert_eq!(lock(&log).texts(), ["before"]);
        assert!(matches!(lock(&log).position(&fake, &shard), Position::After(_)));
        let group = join(&fake, batch(&fake)).await;
        read_batch(&group, &fake, &log).await;
        assert_eq!(lock(&log).texts(), ["before", "then", "after"]);
    });
}

/// A producer that never rests does not keep it from ending.
#[test]
fn it_ends_in_a_stream_that_never_rests() {
    play("batches::it_ends_in_a_stream_that_never_rests", async {
        let fake = Fake::start(1);
        fake.put("agent-1", "first");
        let group = join(&fake, batch(&fake)).await;
        // Behind what clocks may differ by.
        let later = fake.now().plus_micros(120_000_000);
        (0..10).for_each(|_| drop(fake.put_at("agent-1", "later", later)));
        let log = SharedLog::default();
        read_batch(&group, &fake, &log).await;
        assert_eq!(lock(&log).texts(), ["first"]);
    });
}

#[test]
fn it_reads_closed_shards_to_their_end_and_then_their_children() {
    play("batches::it_reads_closed_shards_to_their_end_and_then_their_children", async {
        let fake = Fake::start(2);
        put(&fake, 20, "one");
        let [first, second] = &fake.open()[..] else { panic!("two") };
        let [left, right] = fake.split(first);
        put(&fake, 20, "two");
        let merged = fake.merge(&right, second);
        put(&fake, 20, "three");
        let log = SharedLog::default();
        let group = join(&fake, batch(&fake)).await;
        read_batch(&group, &fake, &log).await;
        let log = lock(&log);
        assert_eq!(log.records.len(), 60);
        for over in [first, second, &right] {
            assert_eq!(log.position(&fake, over), Position::End);
        }
        for open in [&left, &merged] {
            assert!(matches!(log.position(&fake, open), Position::After(_)));
        }
    });
}
