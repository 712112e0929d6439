//! Records that are pushed to a registered consumer.

use tributary_core::Position;
use tributary_source_kinesis::{Delivery, Options};

use crate::fake::{Call, Fake, Fault};
use crate::line::{SharedLog, join, lock, options, read_records};
use crate::play;

fn pushed(fake: &Fake) -> Options {
    Options { delivery: Delivery::FanOut { consumer: "tributary".to_owned() }, ..options(fake) }
}

fn put(fake: &Fake, text: &str) {
    (0..20).for_each(|key| drop(fake.put(&format!("agent-{key}"), text)));
}

#[test]
fn records_are_pushed_across_a_split() {
    play("fan_out::records_are_pushed_across_a_split", async {
        let fake = Fake::start(1);
        fake.pages_of(3);
        put(&fake, "one");
        let group = join(&fake, pushed(&fake)).await;
        let log = SharedLog::default();
        read_records(&group, &fake, &log, 20).await;
        let parent = fake.open().remove(0);
        fake.split(&parent);
        put(&fake, "two");
        read_records(&group, &fake, &log, 40).await;
        let log = lock(&log);
        assert_eq!((log.position(&fake, &parent), log.records.len(), log.gaps.len()), (Position::End, 40, 0));
        assert_eq!((fake.count(Call::Records), fake.count(Call::Consumer) > 0), (0, true));
    });
}

/// A subscription ends after five minutes.
#[test]
fn a_subscription_that_ended_goes_on() {
    play("fan_out::a_subscription_that_ended_goes_on", async {
        let fake = Fake::start(1);
        fake.pages_of(7);
        fake.subscriptions_serve(2);
        put(&fake, "one");
        let group = join(&fake, pushed(&fake)).await;
        let log = SharedLog::default();
        read_records(&group, &fake, &log, 20).await;
        assert_eq!((lock(&log).records.len(), fake.count(Call::Subscribe)), (20, 2));
    });
}

#[test]
fn a_refused_subscription_is_made_again() {
    play("fan_out::a_refused_subscription_is_made_again", async {
        let fake = Fake::start(1);
        put(&fake, "one");
        let group = join(&fake, pushed(&fake)).await;
        fake.fail(Call::Subscribe, 1, Fault::Throttled);
        let log = SharedLog::default();
        read_records(&group, &fake, &log, 20).await;
        assert_eq!((lock(&log).records.len(), fake.faults_left()), (20, 0));
    });
}

/// At the border of the retention the shard is asked what it still has; where that fails, the page that has come is not lost.
#[test]
fn a_page_that_was_not_taken_comes_again() {
    play("fan_out::a_page_that_was_not_taken_comes_again", async {
        let fake = Fake::start(1);
        fake.pages_of(4);
        let border = fake.now().plus_micros(-24 * 3_600_000_000 - 60_000_000);
        let texts: Vec<String> = (0..12).map(|number| number.to_string()).collect();
        texts.iter().for_each(|text| drop(fake.put_at("agent-1", text.as_str(), border)));
        let group = join(&fake, pushed(&fake)).await;
        fake.fail(Call::Iterator, 1, Fault::Internal);
        let log = SharedLog::default();
        read_records(&group, &fake, &log, 12).await;
        assert_eq!((lock(&log).texts(), fake.faults_left()), (texts, 0));
        assert!(lock(&log).gaps.is_empty());
    });
}

/// Without the grant, or where a stream has as many consumers as it may.
#[test]
fn without_a_consumer_records_are_asked_for() {
    play("fan_out::without_a_consumer_records_are_asked_for", async {
        let fake = Fake::start(1);
        put(&fake, "one");
        fake.fail(Call::Consumer, 1, Fault::Denied);
        let group = join(&fake, pushed(&fake)).await;
        let log = SharedLog::default();
        read_records(&group, &fake, &log, 20).await;
        assert_eq!((lock(&log).records.len(), fake.count(Call::Subscribe)), (20, 0));
    });
}
