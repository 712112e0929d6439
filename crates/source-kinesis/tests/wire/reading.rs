//! One worker, one stream: where reading begins and goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use tributary_core::{Body, Fault, Lag, Position, RecordLimit, Source as _, SplitId, Timestamp};
use tributary_source_kinesis::{Group, Options, StartAt};

use crate::fake::{Call, Fake, STREAM};
use crate::line::{Line, SharedLog, Turn, join, lock, options, read, read_failure, read_for, read_records, text};
use crate::play;

#[test]
fn a_record_comes_whole_and_goes_on_behind_itself() {
    play("reading::a_record_comes_whole_and_goes_on_behind_itself", async {
        let fake = Fake::start(1);
        let moment = Timestamp::from_micros(1_751_327_000_123_000);
        let shard = fake.put_at("agent-1", "one", moment);
        let group = join(&fake, options(&fake)).await;
        let log = SharedLog::default();
        read_records(&group, &fake, &log, 1).await;
        {
            let log = lock(&log);
            let record = &log.records[0];
            assert_eq!(record.key.as_deref(), Some(&b"agent-1"[..]));
            assert_eq!(record.arrived_at, Some(moment), "to the millisecond");
            assert_eq!(record.origin.as_ref(), format!("{STREAM}/{shard}"));
            assert_eq!((record.position.clone(), text(record)), (log.position(&fake, &shard), "one".to_owned()));
        }
        fake.put("agent-1", "two");
        // Another process.
        let group = join(&fake, options(&fake)).await;
        read_records(&group, &fake, &log, 2).await;
        assert_eq!(lock(&log).texts(), ["one", "two"]);
    });
}

#[test]
fn a_stream_may_be_called_by_its_arn() {
    play("reading::a_stream_may_be_called_by_its_arn", async {
        let fake = Fake::start(4);
        (0..20).for_each(|number| drop(fake.put(&format!("agent-{number}"), "text")));
        let arn = format!("arn:aws:kinesis:us-east-1:111122223333:stream/{STREAM}");
        let group = join(&fake, Options { stream: arn, ..options(&fake) }).await;
        let log = SharedLog::default();
        read_records(&group, &fake, &log, 20).await;
        // The same splits by its name.
        let group = join(&fake, options(&fake)).await;
        fake.put("agent-1", "more");
        read_records(&group, &fake, &log, 21).await;
    });
}

/// More shards than come on one page of their list.
#[test]
fn shards_are_listed_page_by_page() {
    play("reading::shards_are_listed_page_by_page", async {
        let fake = Fake::start(10);
        let texts: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        texts.iter().for_each(|text| drop(fake.put(text, text.as_str())));
        let group = join(&fake, options(&fake)).await;
        let log = SharedLog::default();
        read_records(&group, &fake, &log, 100).await;
        assert_eq!(lock(&log).checkpoint.len(), 10);
        assert!(fake.count(Call::List) >= 4);
    });
}

/// Committed once; a restart never asks for the end of the stream again.
#[test]
fn latest_is_resolved_once() {
    play("reading::latest_is_resolved_once", async {
        let fake = Fake::start(2);
        fake.put("agent-1", "before");
        fake.advance(Duration::from_secs(1));
        let log = SharedLog::default();
        let latest = || Options { start: StartAt::Latest, ..options(&fake) };
        let group = join(&fake, latest()).await;
        let ended = read(&group, &fake, &log, |log| log.commits == 1).await;
        assert_eq!(lock(&log).checkpoint.len(), 2, "{ended:?}");
        drop(group);
        fake.put("agent-1", "while nobody read");
        let group = join(&fake, latest()).await;
        read_records(&group, &fake, &log, 1).await;
        assert_eq!(lock(&log).texts(), ["while nobody read"]);
        assert!(fake.came().iter().all(|came| came.kind.as_deref() != Some("LATEST")));
    });
}

#[test]
fn reading_may_begin_at_a_moment() {
    play("reading::reading_may_begin_at_a_moment", async {
        let fake = Fake::start(2);
        let moment = fake.now().plus_micros(-3_600_000_000);
        fake.put_at("agent-1", "before", moment.plus_micros(-1_000));
        fake.put_at("agent-1", "then", moment);
        fake.put("agent-1", "now");
        let since = Options { start: StartAt::Since(moment), ..options(&fake) };
        let group = join(&fake, since).await;
        let log = SharedLog::default();
        read_records(&group, &fake, &log, 2).await;
        read_for(&group, &fake, &log, Duration::from_millis(500)).await;
        assert_eq!(lock(&log).texts(), ["then", "now"]);
    });
}

#[test]
fn reading_may_begin_at_the_oldest_record() {
    play("reading::reading_may_begin_at_the_oldest_record", async {
        let fake = Fake::start(2);
        fake.put_at("agent-1", "old", fake.now().plus_micros(-23 * 3_600_000_000));
        let group = join(&fake, options(&fake)).await;
        let log = SharedLog::default();
        read_records(&group, &fake, &log, 1).await;
        assert!(lock(&log).gaps.is_empty());
    });
}

#[test]
fn a_record_beyond_the_limit_is_cut_to_its_head() {
    play("reading::a_record_beyond_the_limit_is_cut_to_its_head", async {
        let fake = Fake::start(1);
        let long = "x".repeat(100_000);
        fake.put("agent-1", long.as_str());
        fake.put("agent-1", "short");
        let group = join(&fake, Options { record_limit: RecordLimit::new(70_000), ..options(&fake) }).await;
        let log = SharedLog::default();
        read_records(&group, &fake, &log, 2).await;
        let log = lock(&log);
        let Body::TooLong { head, length } = &log.records[0].body else { panic!("{:?}", log.records[0].body) };
        assert_eq!((head.as_ref(), *length), (&long.as_bytes()[..RecordLimit::HEAD], 100_000));
        assert_eq!(text(&log.records[1]), "short");
    });
}

#[test]
fn a_stream_that_is_not_there_is_a_mistake_of_the_configuration() {
    play("reading::a_stream_that_is_not_there_is_a_mistake_of_the_configuration", async {
        let fake = Fake::start(1);
        let elsewhere = Options { stream: "elsewhere".to_owned(), ..options(&fake) };
        let error = Group::join(elsewhere, None, fake.clock()).await.unwrap_err();
        assert_eq!((error.fault(), error.code()), (Fault::Config, "source-kinesis/no-stream"));
        // Deleted while it is read.
        let group = join(&fake, options(&fake)).await;
        let log = SharedLog::default();
        fake.put("agent-1", "one");
        read_records(&group, &fake, &log, 1).await;
        fake.delete();
        let mut failure = read_failure(&group, &fake, &log).await;
        if failure.fault() == Fault::Transient {
            failure = read_failure(&group, &fake, &log).await;
        }
        assert_eq!((failure.fault(), failure.code()), (Fault::Config, "source-kinesis/no-stream"));
    });
}

/// The line ends so that another begins.
async fn ends_transiently(line: &mut Line) {
    loop {
        match line.turn().await {
            Turn::Failed(failure) => return assert_eq!(failure.fault(), Fault::Transient, "{failure}"),
            Turn::Over { goes_on } => return assert!(goes_on),
            Turn::Batch => assert!(line.commit().await),
            Turn::Quiet => {}
        }
    }
}

/// The same shards, and numbers, of another stream.
#[test]
fn a_stream_that_was_made_again_has_splits_of_its_own() {
    play("reading::a_stream_that_was_made_again_has_splits_of_its_own", async {
        let fake = Fake::start(1);
        fake.put("agent-1", "one");
        let log = SharedLog::default();
        let group = join(&fake, options(&fake)).await;
        read_records(&group, &fake, &log, 1).await;
        let mut line = Line::attach(&group, &fake, &log).await.unwrap();
        while !matches!(line.turn().await, Turn::Quiet) {}
        fake.recreate(1);
        ["two", "three"].into_iter().for_each(|text| drop(fake.put("agent-1", text)));
        // What the iterator leads to is gone: the line looks for what is there now.
        ends_transiently(&mut line).await;
        drop(line);
        read_records(&group, &fake, &log, 3).await;
        let log = lock(&log);
        assert_eq!(log.texts(), ["one", "two", "three"]);
        assert!(log.records[0].split != log.records[1].split && log.gaps.is_empty());
    });
}

/// The first start was that of the stream before: everything in the new one arrived after it.
#[test]
fn of_a_stream_that_was_made_again_everything_is_later_than_latest() {
    play("reading::of_a_stream_that_was_made_again_everything_is_later_than_latest", async {
        let fake = Fake::start(1);
        let log = SharedLog::default();
        let latest = Options { start: StartAt::Latest, ..options(&fake) };
        let group = join(&fake, latest.clone()).await;
        read_for(&group, &fake, &log, Duration::from_millis(300)).await;
        drop(group);
        fake.recreate(1);
        fake.put("agent-1", "one");
        fake.advance(Duration::from_secs(2));
        fake.put("agent-1", "two");
        let group = join(&fake, latest).await;
        read_records(&group, &fake, &log, 1).await;
        assert_eq!(lock(&log).texts(), ["one", "two"]);
    });
}

/// A stream that is made again while nothing of it was read has no number that would be refused: the list of shards tells.
#[test]
fn a_quiet_stream_that_is_made_again_is_noticed() {
    play("reading::a_quiet_stream_that_is_made_again_is_noticed", async {
        let fake = Fake::start(1);
        let log = SharedLog::default();
        let group = join(&fake, options(&fake)).await;
        let mut line = Line::attach(&group, &fake, &log).await.unwrap();
        while !line.has_pending() {
            line.turn().await;
        }
        assert!(line.commit().await);
        // The iterators of the old one are as good as those of the new one, for all that anybody promises.
        fake.recreate_with_iterators();
        tokio::time::timeout(Duration::from_secs(5), ends_transiently(&mut line)).await.unwrap();
    });
}

async fn lags(fake: &Fake, log: &SharedLog) -> BTreeMap<SplitId, Option<Timestamp>> {
    let checkpoint = lock(log).checkpoint.clone();
    tributary_source_kinesis::lag(&options(fake), &checkpoint, &fake.clock()).await.unwrap()
}

#[test]
fn lag_is_the_time_behind_the_newest_record() {
    play("reading::lag_is_the_time_behind_the_newest_record", async {
        let fake = Fake::start(2);
        (0..10).for_each(|number| {
            let moment = fake.now().plus_micros((number - 10) * 60_000_000);
            fake.put_at("agent-1", "text", moment);
        });
        fake.pages_of(5);
        let log = SharedLog::default();
        let group = join(&fake, options(&fake)).await;
        let mut line = Line::attach(&group, &fake, &log).await.unwrap();
        let mut seen = Vec::new();
        while !seen.contains(&Lag::Millis(0)) {
            line.turn().await;
            seen.extend(line.source.lag());
        }
        assert!(line.commit().await);
        let found = lags(&fake, &log).await;
        assert!(found.len() == 2 && found.values().all(Option::is_none), "{found:?}");
        let moment = fake.now().plus_micros(-1);
        let shard = fake.put_at("agent-1", "more", Timestamp::from_micros(moment.millis() * 1_000));
        let found = lags(&fake, &log).await;
        let behind = found.iter().find(|(split, _)| split.as_str().ends_with(&shard)).unwrap().1;
        assert_eq!(behind.map(Timestamp::millis), Some(moment.millis()));
        assert!(matches!(lock(&log).position(&fake, &shard), Position::After(_)));
    });
}
