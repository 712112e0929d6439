//! Topics of Kafka: made, filled and deleted, and pipelines that read them.

use std::fs;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::engines::kafka::Kafka;
use crate::lab::Lab;
use crate::stream::wait_until;

pub(crate) const TOPIC: &str = "agent-events";

/// What is produced, and how the topics are made.
pub(crate) struct Topics {
    producer: BaseProducer,
    admin: AdminClient<DefaultClientContext>,
}

impl Topics {
    pub(crate) fn on(kafka: &Kafka) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", kafka.bootstrap()).set("linger.ms", "5");
        Self { producer: config.create().unwrap(), admin: config.create().unwrap() }
    }

    pub(crate) fn create(&self, topic: &str, partitions: i32, settings: &[(&str, &str)]) {
        let wanted = settings
            .iter()
            .fold(NewTopic::new(topic, partitions, TopicReplication::Fixed(1)), |topic, (key, value)| {
                topic.set(key, value)
            });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        wait_until("the topic is made", || {
            let made = runtime.block_on(self.admin.create_topics([&wanted], &AdminOptions::new())).unwrap().remove(0);
            // On a busy machine the broker is late to say that it lives, and its controller has none for a moment.
            let is_early = matches!(made, Err((_, RDKafkaErrorCode::InvalidReplicationFactor)));
            assert!(is_early || made.is_ok(), "{made:?}");
            !is_early
        });
    }

    pub(crate) fn delete(&self, topic: &str) {
        let gone = self.admin.delete_topics(&[topic], &AdminOptions::new());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(gone).unwrap().into_iter().for_each(|gone| drop(gone.unwrap()));
        wait_until("the topic is gone", || {
            let metadata = self.producer.client().fetch_metadata(None, Duration::from_secs(10)).unwrap();
            metadata.topics().iter().all(|found| found.name() != topic)
        });
    }

    /// As retention would: what lies before `offset` in partition 0.
    pub(crate) fn delete_records(&self, topic: &str, offset: i64) {
        let mut before = TopicPartitionList::new();
        before.add_partition_offset(topic, 0, Offset::Offset(offset)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(self.admin.delete_records(&before, &AdminOptions::new())).unwrap();
    }

    /// One record a line, keyed by its agent.
    pub(crate) fn produce<'a>(&self, topic: &str, lines: impl Iterator<Item = &'a str>) {
        for line in lines {
            let key = line.split("\"AgentARN\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
            self.produce_keyed(topic, key, line);
        }
        self.flush();
    }

    /// Without waiting for it.
    pub(crate) fn produce_keyed(&self, topic: &str, key: &str, line: &str) {
        let mut record = BaseRecord::to(topic).key(key).payload(line);
        while let Err((_, back)) = self.producer.send(record) {
            record = back;
            self.producer.poll(Duration::from_millis(10));
        }
    }

    pub(crate) fn flush(&self) {
        self.producer.flush(Duration::from_secs(30)).unwrap();
    }
}

/// Makes the pipeline of a lab read the topic instead of files; `source` are lines about how.
pub(crate) fn read_topic(lab: &Lab, bootstrap: &str, source: &str) {
    let pipeline = fs::read_to_string(lab.path("pipeline.toml")).unwrap();
    let files = "[sources.files.file]\npaths = [\"in/*\"]\n";
    assert!(pipeline.contains(files));
    let topic = format!("[sources.files.kafka]\nbrokers = {bootstrap:?}\ntopics = [{TOPIC:?}]\n{source}\n");
    fs::write(lab.path("pipeline.toml"), pipeline.replace(files, &topic)).unwrap();
}

/// A lab that reads the topic, in this mode, instead of files.
pub(crate) fn lab(bootstrap: &str, mode: &str, source: &str, options: &str) -> Lab {
    let lab = Lab::new(options);
    read_topic(&lab, bootstrap, source);
    let pipeline = fs::read_to_string(lab.path("pipeline.toml")).unwrap();
    fs::write(lab.path("pipeline.toml"), pipeline.replace("mode = \"batch\"", &format!("mode = {mode:?}"))).unwrap();
    lab
}

/// Makes a stream that has ended a batch: what a stream derives from time to time a batch derives at its end.
pub(crate) fn as_batch(lab: &Lab) {
    let pipeline = fs::read_to_string(lab.path("pipeline.toml")).unwrap();
    fs::write(lab.path("pipeline.toml"), pipeline.replace("\"streaming\"", "\"batch\"")).unwrap();
}
