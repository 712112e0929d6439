//! How much is asked for, and how much is in hand.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tributary_core::Source as _;
use tributary_source_kinesis::Options;

use crate::fake::{Call, Fake};
use crate::line::{Line, SharedLog, join, lock, options, read_for, read_records};
use crate::play;

/// A shard answers five calls a second, whoever asks.
#[test]
fn a_shard_is_asked_five_times_a_second_at_most() {
    play("pace::a_shard_is_asked_five_times_a_second_at_most", async {
        let fake = Fake::start(2);
        fake.pages_of(1);
        (0..60).for_each(|key| drop(fake.put(&format!("agent-{key}"), "text")));
        let quick = Options { idle: Duration::ZERO, ..options(&fake) };
        let group = join(&fake, quick).await;
        let log = SharedLog::default();
        read_for(&group, &fake, &log, Duration::from_secs(3)).await;
        let mut shards: BTreeMap<String, Vec<Instant>> = BTreeMap::new();
        for came in fake.came().into_iter().filter(|came| came.call == Call::Records) {
            shards.entry(came.shard.unwrap()).or_default().push(came.at);
        }
        assert_eq!(shards.len(), 2);
        for (shard, calls) in shards {
            assert!(calls.len() > 8, "{shard} is asked as often as it may be: {} times", calls.len());
            for (at, first) in calls.iter().enumerate() {
                let second = Duration::from_secs(1);
                let within = calls[at..].iter().filter(|call| call.duration_since(*first) < second).count();
                assert!(within <= 5, "{shard}: {within} calls in a second");
            }
        }
    });
}

/// A shard that gave nothing is left alone for a while.
#[test]
fn a_shard_that_gives_nothing_is_asked_less_often() {
    play("pace::a_shard_that_gives_nothing_is_asked_less_often", async {
        let fake = Fake::start(1);
        let patient = Options { idle: Duration::from_millis(800), ..options(&fake) };
        let group = join(&fake, patient).await;
        read_for(&group, &fake, &SharedLog::default(), Duration::from_secs(3)).await;
        let asked = fake.count(Call::Records);
        assert!((3..=5).contains(&asked), "{asked} times in 3 s");
    });
}

/// Whatever the number of shards: as many pages as are allowed, and two that wait for the line.
#[test]
fn pages_in_hand_are_bounded_while_the_line_takes_nothing() {
    play("pace::pages_in_hand_are_bounded_while_the_line_takes_nothing", async {
        const SHARDS: usize = 30;
        const PAGES: usize = 4;
        let fake = Fake::start(SHARDS);
        fake.pages_of(1);
        (0..600).for_each(|key| drop(fake.put(&format!("agent-{key}"), "text")));
        let narrow = Options { queue_bytes: PAGES << 20, ..options(&fake) };
        let group = join(&fake, narrow).await;
        let log = SharedLog::default();
        let mut line = Line::attach(&group, &fake, &log).await.unwrap();
        while fake.count(Call::Records) < PAGES {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let asked = fake.count(Call::Records);
        assert!(asked <= PAGES + 2, "{asked} pages");
        assert_eq!(line.source.unread(), []);
        // Nothing is lost of what waited, and nobody is forgotten.
        line.turn().await;
        assert!(line.commit().await);
        drop(line);
        fake.pages_of(10_000);
        read_records(&group, &fake, &log, 600).await;
        assert_eq!(lock(&log).records.len(), 600);
    });
}
