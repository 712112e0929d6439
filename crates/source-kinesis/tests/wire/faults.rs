//! What the service does in place of what it was asked.

use std::time::Duration;

use tributary_core::Fault as Asked;
use tributary_source_kinesis::Group;

use crate::fake::{Call, Fake, Fault};
use crate::line::{SharedLog, join, lock, options, read_failure, read_records};
use crate::play;

fn put(fake: &Fake, count: usize) -> Vec<String> {
    let texts: Vec<String> = (0..count).map(|number| number.to_string()).collect();
    texts.iter().for_each(|text| drop(fake.put("agent-1", text.as_str())));
    texts
}

/// Everything is read though the next calls have a fault, and pauses between them grow.
async fn comes_through(call: Call, fault: Fault) -> Fake {
    let fake = Fake::start(1);
    fake.pages_of(3);
    let texts = put(&fake, 10);
    let group = join(&fake, options(&fake)).await;
    fake.fail(call, 3, fault);
    let log = SharedLog::default();
    read_records(&group, &fake, &log, 10).await;
    assert_eq!((lock(&log).texts(), fake.faults_left()), (texts, 0));
    fake
}

#[test]
fn what_is_throttled_is_asked_again_later_each_time() {
    play("faults::what_is_throttled_is_asked_again_later_each_time", async {
        let fake = comes_through(Call::Records, Fault::Throttled).await;
        let came: Vec<_> =
            fake.came().into_iter().filter(|came| came.call == Call::Records).map(|came| came.at).collect();
        let pauses: Vec<Duration> = came.windows(2).map(|pair| pair[1] - pair[0]).take(3).collect();
        // Between half of 250 ms, 500 ms, 1 s and all of it, and never less than 200 ms.
        for (pause, least) in pauses.iter().zip([200, 250, 500]) {
            assert!(*pause >= Duration::from_millis(least - 5), "{pauses:?}");
        }
        assert_eq!(fake.count(Call::Iterator), 1, "the iterator is still good");
    });
}

#[test]
fn what_fails_inside_of_the_service_is_asked_again() {
    play("faults::what_fails_inside_of_the_service_is_asked_again", async {
        comes_through(Call::Records, Fault::Internal).await;
        comes_through(Call::Iterator, Fault::Internal).await;
        comes_through(Call::Iterator, Fault::Throttled).await;
    });
}

#[test]
fn what_is_cut_is_asked_again() {
    play("faults::what_is_cut_is_asked_again", async {
        comes_through(Call::Records, Fault::Cut).await;
        comes_through(Call::Iterator, Fault::Cut).await;
    });
}

#[test]
fn an_expired_iterator_is_renewed_where_the_last_page_ended() {
    play("faults::an_expired_iterator_is_renewed_where_the_last_page_ended", async {
        let fake = comes_through(Call::Records, Fault::Expired).await;
        assert!(fake.count(Call::Iterator) >= 4);
        let fake = Fake::start(1);
        fake.iterators_serve(2);
        fake.pages_of(3);
        let texts = put(&fake, 20);
        let group = join(&fake, options(&fake)).await;
        let log = SharedLog::default();
        read_records(&group, &fake, &log, 20).await;
        assert_eq!(lock(&log).texts(), texts);
        let begun: Vec<_> = fake.came().into_iter().filter_map(|came| came.kind).collect();
        assert!(begun.len() >= 4 && begun[1..].iter().all(|kind| kind == "AFTER_SEQUENCE_NUMBER"), "{begun:?}");
    });
}

/// An empty page is not the tip: the service looks through a shard piece by piece.
#[test]
fn pages_without_records_are_read_past() {
    play("faults::pages_without_records_are_read_past", async {
        comes_through(Call::Records, Fault::Empty).await;
    });
}

#[test]
fn describing_and_listing_are_patient() {
    play("faults::describing_and_listing_are_patient", async {
        for (call, fault) in
            [(Call::Describe, Fault::Throttled), (Call::List, Fault::Internal), (Call::List, Fault::Cut)]
        {
            let fake = Fake::start(5);
            fake.fail(call, 2, fault);
            join(&fake, options(&fake)).await;
            assert_eq!(fake.faults_left(), 0);
        }
    });
}

#[test]
fn what_is_not_allowed_names_the_grant() {
    play("faults::what_is_not_allowed_names_the_grant", async {
        for (call, grant) in [
            (Call::Describe, "kinesis:DescribeStreamSummary"),
            (Call::List, "kinesis:ListShards"),
            (Call::Iterator, "kinesis:GetShardIterator"),
            (Call::Records, "kinesis:GetRecords"),
        ] {
            let fake = Fake::start(1);
            let (failure, said) = if matches!(call, Call::Describe | Call::List) {
                fake.fail(call, 1, Fault::Denied);
                let error = Group::join(options(&fake), None, fake.clock()).await.unwrap_err();
                ((error.fault(), error.code()), error.to_string())
            } else {
                let group = join(&fake, options(&fake)).await;
                fake.fail(call, 1, Fault::Denied);
                let failure = read_failure(&group, &fake, &SharedLog::default()).await;
                ((failure.fault(), failure.code()), failure.to_string())
            };
            assert_eq!(failure, (Asked::Config, "source-kinesis/denied"));
            assert!(said.contains(&format!("grant {grant}")), "{said}");
        }
    });
}
