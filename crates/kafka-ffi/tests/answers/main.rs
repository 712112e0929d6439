//! Every kind of answer that a broker can be made to give.

#![expect(clippy::unwrap_used, reason = "a broken expectation panics")]

mod broker;

use std::time::{Duration, Instant};

use proptest::prelude::*;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, DefaultProducerContext, Producer as _};
use tributary_kafka_ffi::{Error, Question, Topic, topic_ids};

use crate::broker::{Broker, Manner, Said};

const PATIENCE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(500);

fn said(name: &str, error: i16, id: u128) -> Said {
    Said { name: name.to_owned(), error, id }
}

fn broker(topics: &[Said]) -> Broker {
    Broker::start(Manner { version: 10, topics: topics.to_vec(), cut: None, delay: Duration::ZERO })
}

fn consumer(brokers: &str) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "test").set("reconnect.backoff.max.ms", "100");
    config.create().unwrap()
}

fn ask(consumer: &BaseConsumer, topics: &[&str], patience: Duration) -> Result<Vec<Topic>, Error> {
    topic_ids(consumer.client(), topics, patience)
}

/// Name, id and error of each.
fn shown(told: &[Topic]) -> Vec<(&str, Option<String>, Option<i32>)> {
    told.iter().map(|topic| (&*topic.name, topic.id.map(|id| id.to_string()), topic.error)).collect()
}

#[test]
fn topics_have_the_ids_that_the_broker_tells() {
    let broker = broker(&[said("two", 0, 2), said("one", 0, u128::MAX)]);
    let told = ask(&consumer(&broker.bootstrap()), &["one", "two"], PATIENCE).unwrap();
    let one = ("one", Some("_____________________w".to_owned()), None);
    let two = ("two", Some("AAAAAAAAAAAAAAAAAAAAAg".to_owned()), None);
    assert_eq!(shown(&told), [one, two], "in the order asked");
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", broker.bootstrap()).create().unwrap();
    assert_eq!(topic_ids(producer.client(), &["one", "two"], PATIENCE).unwrap(), told);
}

/// Also by a number that no client knows yet; and a topic may be left out.
#[test]
fn what_is_wrong_with_one_topic_is_told_with_it() {
    let broker = broker(&[said("absent", 3, 0), said("good", 0, 1), said("hidden", 29, 7), said("new", 999, 7)]);
    let consumer = consumer(&broker.bootstrap());
    let asked = ["left out", "good", "hidden", "left out too", "new", "absent", "and this"];
    let told = ask(&consumer, &asked, PATIENCE).unwrap();
    let id = Some("AAAAAAAAAAAAAAAAAAAAAQ".to_owned());
    assert_eq!(
        shown(&told),
        [("good", id, None), ("hidden", None, Some(29)), ("new", None, Some(999)), ("absent", None, Some(3))]
    );
    broker.behave(|manner| manner.topics.clear());
    assert_eq!(ask(&consumer, &asked, PATIENCE), Ok(Vec::new()));
}

/// Those before 2.8 speak a Metadata without ids; later ones may have topics without.
#[test]
fn a_broker_may_tell_no_ids() {
    for version in [9, 10] {
        let broker = broker(&[said("one", 0, 0)]);
        broker.behave(|manner| manner.version = version);
        let told = ask(&consumer(&broker.bootstrap()), &["one"], PATIENCE).unwrap();
        assert_eq!(shown(&told), [("one", None, None)]);
    }
}

#[test]
fn questions_that_make_no_sense_are_refused() {
    let broker = broker(&[]);
    let consumer = consumer(&broker.bootstrap());
    assert_eq!(ask(&consumer, &[], PATIENCE), Ok(Vec::new()));
    for topics in [&["a\0b"][..], &[""], &["one", "one"]] {
        let error = ask(&consumer, topics, PATIENCE).unwrap_err();
        assert!(error.code() == -186 && !error.is_transient(), "{topics:?}: {error}");
    }
}

#[test]
fn an_answer_may_come_too_late() {
    let broker = broker(&[said("one", 0, 1)]);
    let consumer = consumer(&broker.bootstrap());
    assert_eq!(ask(&consumer, &["one"], PATIENCE).map(|told| told.len()), Ok(1));
    broker.behave(|manner| manner.delay = SHORT * 3);
    let since = Instant::now();
    let error = ask(&consumer, &["one"], SHORT).unwrap_err();
    assert!(error.is_transient() && since.elapsed() < SHORT * 3, "{error}, after {:?}", since.elapsed());
    // It has nowhere to go.
    broker.behave(|manner| manner.delay = Duration::ZERO);
    std::thread::park_timeout(SHORT * 4);
    assert_eq!(ask(&consumer, &["one"], PATIENCE).map(|told| told.len()), Ok(1));
}

#[test]
fn nobody_answers() {
    let nobody = consumer("127.0.0.1:1");
    // It has no controller.
    let cluster: MockCluster<'_, DefaultProducerContext> = MockCluster::new(1).unwrap();
    let mock = consumer(&cluster.bootstrap_servers());
    for consumer in [&nobody, &mock] {
        let since = Instant::now();
        let error = ask(consumer, &["one"], SHORT).unwrap_err();
        assert!(error.is_transient() && since.elapsed() < SHORT * 3, "{error}, after {:?}", since.elapsed());
        // Both are out of what librdkafka takes.
        assert!(ask(consumer, &["one"], Duration::ZERO).unwrap_err().is_transient());
        let question = Question::ask(consumer.client(), &["one"], Duration::MAX).unwrap();
        assert!(question.answer(Duration::ZERO).is_none());
    }
}

/// Questions are dropped, and their client after them, before, while and after the answer comes.
#[test]
fn questions_may_be_dropped_at_any_time() {
    let broker = broker(&[said("one", 0, 1)]);
    let mut answered = 0;
    for round in 0..40_u64 {
        let consumer = consumer(&broker.bootstrap());
        let questions: Vec<Question<'_>> =
            (0..8).map(|_| Question::ask(consumer.client(), &["one"], PATIENCE).unwrap()).collect();
        for question in questions.iter().skip(4) {
            if let Some(answer) = question.answer(Duration::from_millis(round)) {
                assert!(answer.unwrap()[0].id.is_some());
                assert!(question.answer(Duration::ZERO).is_none(), "it is there once");
                answered += 1;
            }
        }
    }
    assert!(answered > 0);
}

#[test]
fn many_threads_may_ask_one_client() {
    let broker = broker(&[said("one", 0, 1), said("two", 0, 2)]);
    let consumer = consumer(&broker.bootstrap());
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    (0..50).all(|_| ask(&consumer, &["two", "one"], PATIENCE).is_ok_and(|told| told[0].name == "two"))
                })
            })
            .collect();
        assert!(asking.into_iter().all(|thread| thread.join().unwrap()));
    });
}

/// What is wrong is an error in the end, never the end of the process. Answers that name topics which were not asked for, or
/// one twice, are left out: librdkafka itself reads what it has freed then.
#[test]
fn any_answer_is_a_value_or_an_error() {
    let broker = broker(&[]);
    let consumer = consumer(&broker.bootstrap());
    let topic = ("[a-zA-Z0-9._-]{1,249}", prop_oneof![Just(0_i16), any::<i16>()], any::<u128>());
    let topics = proptest::collection::vec((topic, any::<bool>()), 0..6);
    let cut = proptest::option::weighted(0.3, 0_usize..200);
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(topics in topics, cut in cut)| {
        let mut told: Vec<(Said, bool)> =
            topics.iter().map(|((name, error, id), is_told)| (said(name, *error, *id), *is_told)).collect();
        told.sort_by(|(left, _), (right, _)| left.name.cmp(&right.name));
        told.dedup_by(|(left, _), (right, _)| left.name == right.name);
        let asked: Vec<&str> = told.iter().map(|(said, _)| &*said.name).collect();
        let told: Vec<Said> = told.iter().filter(|(_, is_told)| *is_told).map(|(said, _)| said.clone()).collect();
        broker.behave(|manner| (manner.topics, manner.cut) = (told.clone(), cut));
        match ask(&consumer, &asked, SHORT) {
            Ok(answer) => {
                prop_assert_eq!(answer.len(), told.len());
                for (answer, told) in answer.iter().zip(&told) {
                    prop_assert_eq!(&answer.name, &told.name);
                    prop_assert_eq!(answer.error, Some(i32::from(told.error)).filter(|error| *error != 0));
                    prop_assert_eq!(answer.id.is_some(), told.error == 0 && told.id != 0);
                }
            }
            Err(error) => prop_assert!(cut.is_some(), "{}", error),
        }
    });
}
