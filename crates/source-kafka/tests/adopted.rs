//! Lakes that were begun without ids of topics go on with them.

#![expect(clippy::unwrap_used, reason = "a broken expectation panics")]

#[expect(dead_code, reason = "the tests of the whole use more of it")]
#[path = "../../../tests/engines/kafka.rs"]
mod kafka;
#[path = "../../../tests/engines/server.rs"]
mod server;
#[expect(dead_code, reason = "the tests of the whole use more of it")]
#[path = "../../../tests/engines/venv.rs"]
mod venv;

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use tributary_core::{Checkpoint, Position, RawBatch, Source as _, SplitId};
use tributary_source_kafka::{Group, KafkaSource, Options, Signing, StartAt};

const TOPIC: &str = "events";

async fn next(source: &mut KafkaSource) -> Option<RawBatch> {
    tokio::time::timeout(Duration::from_secs(60), source.next()).await.unwrap().unwrap()
}

fn advanced(checkpoint: &Checkpoint, batch: &RawBatch) -> Checkpoint {
    let advanced = checkpoint.advance(&batch.delta).unwrap();
    assert!(advanced.gaps.is_empty(), "{:?}", advanced.gaps);
    advanced.checkpoint
}

#[tokio::test]
async fn positions_go_over_to_the_id_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let Some(broker) = kafka::Kafka::start(folder.path()) else { return };
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.bootstrap());
    let admin: AdminClient<DefaultClientContext> = config.create().unwrap();
    let topic = NewTopic::new(TOPIC, 2, TopicReplication::Fixed(1));
    admin.create_topics([&topic], &AdminOptions::new()).await.unwrap().remove(0).unwrap();
    let producer: BaseProducer = config.create().unwrap();
    for number in 0..20_i32 {
        let payload = number.to_string();
        producer.send(BaseRecord::to(TOPIC).partition(number % 2).key("").payload(&payload)).unwrap();
    }
    producer.flush(Duration::from_secs(20)).unwrap();

    let options = Options {
        // It says nothing about a topic that was read already.
        start: StartAt::Latest,
        ..Options::new("calls", broker.bootstrap(), vec![TOPIC.to_owned()])
    };
    // Partition 1 came later, when nobody was there.
    let old: Checkpoint = [(SplitId::new("calls/events/0"), Position::Offset(4))].into_iter().collect();
    let group = Group::join(options.clone(), &Signing::default()).unwrap();
    // The first line may be ended by the assignment.
    let (mut source, moved) = loop {
        let mut source = group.attach(&old).unwrap();
        if let Some(moved) = next(&mut source).await {
            break (source, moved);
        }
        assert!(source.goes_on());
    };
    assert!(moved.records.is_empty());
    let spans: Vec<(String, String)> =
        moved.delta.spans().map(|(split, span)| (split.to_string(), span.to_string())).collect();
    let [(split, span)] = &spans[..] else { panic!("{spans:?}") };
    assert!(split.starts_with("calls/events@") && split.ends_with("/0") && span.ends_with("..4)"), "{spans:?}");
    assert!(next(&mut source).await.is_none() && source.goes_on(), "they are committed first");
    drop(source);

    let mut log = advanced(&old, &moved);
    let mut source = group.attach(&log).unwrap();
    let mut read = Vec::new();
    while read.len() < 16 {
        let batch = next(&mut source).await.unwrap();
        log = advanced(&log, &batch);
        read.extend(batch.records.iter().map(|record| (record.origin.to_string(), record.position.clone())));
    }
    read.sort_by_key(|(origin, position)| (origin.clone(), format!("{position:>4}")));
    let wanted = (4..10).map(|offset| ("events/0", offset)).chain((0..10).map(|offset| ("events/1", offset)));
    let wanted: Vec<(String, Position)> =
        wanted.map(|(origin, offset)| (origin.to_owned(), Position::Offset(offset))).collect();
    assert_eq!(read, wanted);
    assert_eq!(log.position(&SplitId::new("calls/events/0")), &Position::Offset(4), "where it was left");
    drop((source, group));

    // Of a topic with the same id the brokers lost something: it is not read from its beginning.
    let lost: Checkpoint = log.positions().map(|(split, _)| (split.clone(), Position::Offset(40))).collect();
    let group = Group::join(options, &Signing::default()).unwrap();
    let failure = loop {
        let mut source = group.attach(&lost).unwrap();
        match tokio::time::timeout(Duration::from_secs(60), source.next()).await.unwrap() {
            Ok(None) => assert!(source.goes_on()),
            Ok(Some(batch)) => panic!("{}", batch.delta),
            Err(failure) => break failure,
        }
    };
    assert_eq!(failure.code(), "source-kafka/beyond");
}
