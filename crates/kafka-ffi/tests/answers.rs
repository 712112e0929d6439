//! Every kind of answer that librdkafka's mock cluster can be made to give.

#![expect(clippy::unwrap_used, reason = "a broken expectation panics")]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{ClientConfig, Message as _};
use tributary_kafka_ffi::{Error, Question, Topic, TopicId, topic_ids};

const PATIENCE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(500);

fn cluster() -> MockCluster<'static, DefaultProducerContext> {
    MockCluster::new(1).unwrap()
}

fn consumer(brokers: &str) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "test").set("allow.auto.create.topics", "false");
    config.create().unwrap()
}

fn ask(consumer: &BaseConsumer, topics: &[&str], patience: Duration) -> Result<Vec<Topic>, Error> {
    topic_ids(consumer.client(), topics, patience)
}

#[test]
fn topics_have_ids_of_their_own_that_stay() {
    let cluster = cluster();
    for topic in ["one", "two"] {
        cluster.create_topic(topic, 2, 1).unwrap();
    }
    let first = consumer(&cluster.bootstrap_servers());
    let told = ask(&first, &["two", "one"], PATIENCE).unwrap();
    assert_eq!(told.iter().map(|topic| &*topic.name).collect::<Vec<_>>(), ["two", "one"], "in the order asked");
    let ids: Vec<TopicId> = told.iter().map(|topic| topic.id.unwrap()).collect();
    assert_ne!(ids[0], ids[1]);
    assert_eq!(ask(&consumer(&cluster.bootstrap_servers()), &["two", "one"], PATIENCE).unwrap(), told);
    // A client of another kind.
    let producer: rdkafka::producer::BaseProducer =
        ClientConfig::new().set("bootstrap.servers", cluster.bootstrap_servers()).create().unwrap();
    let client = rdkafka::producer::Producer::client(&producer);
    assert_eq!(topic_ids(client, &["two", "one"], PATIENCE).unwrap(), told);
}

#[test]
fn what_is_wrong_with_one_topic_is_told_with_it() {
    let cluster = cluster();
    for topic in ["good", "hidden"] {
        cluster.create_topic(topic, 1, 1).unwrap();
    }
    cluster.topic_error("hidden", RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED).unwrap();
    let told = ask(&consumer(&cluster.bootstrap_servers()), &["absent", "good", "hidden"], PATIENCE).unwrap();
    let found: Vec<(&str, bool, Option<i32>)> =
        told.iter().map(|topic| (&*topic.name, topic.id.is_some(), topic.error)).collect();
    assert_eq!(found, [("absent", false, Some(3)), ("good", true, None), ("hidden", false, Some(29))]);
}

/// Brokers before 2.8 speak a Metadata without ids.
#[test]
fn an_old_broker_tells_no_ids() {
    let cluster = cluster();
    cluster.create_topic("one", 1, 1).unwrap();
    cluster.apiversion(RDKafkaApiKey::Metadata, Some(0), Some(9)).unwrap();
    let told = ask(&consumer(&cluster.bootstrap_servers()), &["one"], PATIENCE).unwrap();
    assert_eq!(told, [Topic { name: "one".to_owned(), id: None, error: None }]);
}

#[test]
fn questions_that_make_no_sense_are_refused() {
    let cluster = cluster();
    let consumer = consumer(&cluster.bootstrap_servers());
    assert_eq!(ask(&consumer, &[], PATIENCE), Ok(Vec::new()));
    for topics in [&["a\0b"][..], &[""], &["one", "one"]] {
        let error = ask(&consumer, topics, PATIENCE).unwrap_err();
        assert!(error.code() == -186 && !error.is_transient(), "{topics:?}: {error}");
    }
}

/// A code that `rdkafka-sys` may not know would be no value of its enumeration; one that it knows stands for it here.
#[test]
fn an_error_of_the_whole_answer_is_one_of_the_question() {
    let cluster = cluster();
    cluster.create_topic("one", 1, 1).unwrap();
    let consumer = consumer(&cluster.bootstrap_servers());
    assert!(ask(&consumer, &["one"], PATIENCE).is_ok());
    cluster.broker_round_trip_time(1, Duration::from_secs(5)).unwrap();
    let since = Instant::now();
    let error = ask(&consumer, &["one"], SHORT).unwrap_err();
    assert!(error.is_transient() && since.elapsed() < SHORT * 4, "{error}, after {:?}", since.elapsed());
    // The answer that comes too late has nowhere to go.
    cluster.broker_round_trip_time(1, Duration::ZERO).unwrap();
    std::thread::park_timeout(SHORT);
    assert!(ask(&consumer, &["one"], PATIENCE).is_ok());
}

#[test]
fn nobody_answers() {
    let consumer = consumer("127.0.0.1:1");
    let since = Instant::now();
    let error = ask(&consumer, &["one"], SHORT).unwrap_err();
    assert!(error.is_transient() && since.elapsed() < SHORT * 4, "{error}, after {:?}", since.elapsed());
    // Out of range for librdkafka; it takes none of both as given.
    assert!(ask(&consumer, &["one"], Duration::ZERO).unwrap_err().is_transient());
    let question = Question::ask(consumer.client(), &["one"], Duration::MAX).unwrap();
    assert!(question.answer(Duration::ZERO).is_none());
}

/// Questions that are dropped, also with their client, before, while and after the answer comes.
#[test]
fn questions_may_be_dropped_at_any_time() {
    let cluster = cluster();
    cluster.create_topic("one", 1, 1).unwrap();
    let brokers = cluster.bootstrap_servers();
    for round in 0..40_u64 {
        let consumer = consumer(&brokers);
        let questions: Vec<Question<'_>> =
            (0..8).map(|_| Question::ask(consumer.client(), &["one"], PATIENCE).unwrap()).collect();
        let last = questions.last().unwrap().answer(Duration::from_millis(round));
        if let Some(answer) = last {
            assert!(answer.unwrap()[0].id.is_some());
            assert!(questions.last().unwrap().answer(Duration::ZERO).is_none(), "it is there once");
        }
        drop(questions);
        drop(consumer);
    }
}

/// The answers go where they are asked for, and messages where they are polled for.
#[test]
fn a_question_takes_nothing_from_who_polls() {
    let cluster = cluster();
    cluster.create_topic("one", 1, 1).unwrap();
    let brokers = cluster.bootstrap_servers();
    let producer: rdkafka::producer::BaseProducer =
        ClientConfig::new().set("bootstrap.servers", &brokers).create().unwrap();
    for _ in 0..200 {
        producer.send(rdkafka::producer::BaseRecord::<(), _>::to("one").payload("x")).unwrap();
    }
    rdkafka::producer::Producer::flush(&producer, PATIENCE).unwrap();
    let consumer = consumer(&brokers);
    let mut list = rdkafka::TopicPartitionList::new();
    list.add_partition_offset("one", 0, rdkafka::Offset::Beginning).unwrap();
    consumer.assign(&list).unwrap();
    let mut offsets = Vec::new();
    std::thread::scope(|scope| {
        let asking =
            scope.spawn(|| (0..100).all(|_| ask(&consumer, &["one"], PATIENCE).is_ok_and(|told| told.len() == 1)));
        while offsets.len() < 200 {
            if let Some(message) = consumer.poll(PATIENCE) {
                offsets.push(message.unwrap().offset());
            }
            assert!(ask(&consumer, &["one"], PATIENCE).unwrap()[0].id.is_some());
        }
        assert!(asking.join().unwrap());
    });
    assert_eq!(offsets, (0..200).collect::<Vec<i64>>());
}

/// What a line of the pipeline calls topics, sane or not.
#[test]
fn any_names_get_an_answer() {
    let cluster = cluster();
    let brokers = cluster.bootstrap_servers();
    let admin = consumer(&brokers);
    let names = proptest::collection::vec("\\PC{0,300}|[a-z\0]{0,3}", 0..6);
    let config = ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(names in names)| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        match ask(&admin, &names, PATIENCE) {
            Ok(told) => {
                let found: Vec<&str> = told.iter().map(|topic| &*topic.name).collect();
                prop_assert_eq!(found, names);
                prop_assert!(told.iter().all(|topic| topic.id.is_none() && topic.error.is_some()));
            }
            Err(error) => prop_assert!(!error.is_transient(), "{}", error),
        }
    });
}
