//! Topics of a real Kafka into lakes: nothing is lost and nothing doubled, whoever comes, goes or dies.

use std::fs;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use crate::engines::kafka::Kafka;
use crate::inputs::events;
use crate::lab::{Lab, difference};
use crate::stream::{Stream, wait_until};

const TOPIC: &str = "agent-events";

/// What is produced, and how the topics are made.
struct Topics {
    producer: BaseProducer,
    admin: AdminClient<DefaultClientContext>,
}

impl Topics {
    fn on(kafka: &Kafka) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", kafka.bootstrap()).set("linger.ms", "5");
        Self { producer: config.create().unwrap(), admin: config.create().unwrap() }
    }

    fn create(&self, topic: &str, partitions: i32, settings: &[(&str, &str)]) {
        let wanted = settings
            .iter()
            .fold(NewTopic::new(topic, partitions, TopicReplication::Fixed(1)), |topic, (key, value)| {
                topic.set(key, value)
            });
        let made = self.admin.create_topics([&wanted], &AdminOptions::new());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(made).unwrap().into_iter().for_each(|made| drop(made.unwrap()));
    }

    /// One record a line, keyed by its agent.
    fn produce<'a>(&self, topic: &str, lines: impl Iterator<Item = &'a str>) {
        for line in lines {
            let key = line.split("\"AgentARN\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
            let mut record = BaseRecord::to(topic).key(key).payload(line);
            while let Err((_, back)) = self.producer.send(record) {
                record = back;
                self.producer.poll(Duration::from_millis(10));
            }
        }
        self.producer.flush(Duration::from_secs(30)).unwrap();
    }
}

/// A lab that reads the topic instead of files.
fn lab(kafka: &Kafka, mode: &str, source: &str, options: &str) -> Lab {
    let lab = Lab::new(options);
    let pipeline = fs::read_to_string(lab.path("pipeline.toml")).unwrap();
    let topic = format!("[sources.files.kafka]\nbrokers = {:?}\ntopics = [{TOPIC:?}]\n{source}\n", kafka.bootstrap());
    let pipeline = pipeline.replace("[sources.files.file]\npaths = [\"in/*\"]\n", &topic);
    fs::write(lab.path("pipeline.toml"), pipeline.replace("mode = \"batch\"", &format!("mode = {mode:?}"))).unwrap();
    lab
}

/// What a batch over a file of these lines makes.
fn plain(lines: &str) -> Lab {
    let plain = Lab::new("");
    plain.input("all.jsonl", lines);
    plain.run();
    plain
}

fn assert_equal(plain: &Lab, lab: &Lab) {
    assert_eq!(difference(&plain.lake(), &lab.lake()).unwrap_or_default(), Vec::<String>::new());
}

#[test]
fn a_batch_ends_with_what_was_there_and_the_next_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let Some(kafka) = Kafka::start(folder.path()) else { return };
    let topics = Topics::on(&kafka);
    topics.create(TOPIC, 3, &[]);
    let lines = events("--agents 12 --events 3000 --days 2 --seed 51 --duplicates 0.02");
    let half = lines.lines().count() / 2;
    topics.produce(TOPIC, lines.lines().take(half));

    for group in ["classic", "consumer"] {
        let lab =
            lab(&kafka, "batch", &format!("group = {group:?}\ngroup_id = {group:?}"), "[commit]\ninput = \"1 MiB\"");
        let summary = lab.run();
        assert_eq!(summary["tally"]["read"].as_u64(), Some(half as u64), "{summary}");
        assert_equal(&plain(&lines.lines().take(half).map(|line| format!("{line}\n")).collect::<String>()), &lab);
        assert_eq!(lab.run()["tally"]["read"], 0);
        if group == "consumer" {
            topics.produce(TOPIC, lines.lines().skip(half));
            assert_eq!(lab.run()["tally"]["read"].as_u64(), Some((lines.lines().count() - half) as u64));
            assert_equal(&plain(&lines), &lab);
        }
    }
}

#[test]
fn processes_share_a_stream_and_die() {
    let folder = tempfile::tempdir().unwrap();
    let Some(kafka) = Kafka::start(folder.path()) else { return };
    let topics = Topics::on(&kafka);
    topics.create(TOPIC, 6, &[]);
    let lines = events("--agents 30 --events 6000 --days 2 --seed 52 --duplicates 0.02");
    let source = "session_timeout = \"2s\"\nrebalance_deadline = \"5s\"";
    let lab = lab(&kafka, "streaming", source, "[commit]\nevery = \"1s\"");
    let all: Vec<&str> = lines.lines().collect();
    let mut streams: Vec<Stream> = (0..2).map(|_| Stream::start(&lab)).collect();
    for (number, part) in all.chunks(all.len() / 12 + 1).enumerate() {
        topics.produce(TOPIC, part.iter().copied());
        std::thread::park_timeout(Duration::from_millis(500));
        if number % 3 == 2 {
            // The oldest dies, and another one comes.
            drop(streams.remove(0));
            streams.push(Stream::start(&lab));
        }
    }
    let expected = plain(&lines);
    let rows = expected.status()["tables"]["agent_event"]["rows"].clone();
    wait_until("all events are committed", || lab.status()["tables"]["agent_event"]["rows"] == rows);
    for stream in streams {
        assert_eq!(stream.stop()["outcome"], "drained");
    }
    assert_eq!(lab.status()["tables"]["agent_event"]["rows"], rows, "nothing more comes of it");
}
