//! A topic of a real broker into a lake, beside a consumer that throws the bytes away, and beside the same input as a file.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _, stdout};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::contender::{self, Contender};
use super::input::Input;
use super::{measured, peers, report};
use crate::engines::kafka::Kafka;
use crate::engines::venv;
use crate::programs::Programs;
use crate::topic::{PARTITIONS, Topic, WAIT};

/// What is no event of its own is derived, which no peer does.
pub(super) const EVENTS: &str = "[transform.connect]\ntables = [\"agent_event\", \"agent_event_contacts\"]\n";

/// Fills a topic with each input, measures, prints the table.
pub(super) fn run(programs: &Programs, inputs: &[Input], rounds: usize, with_peers: bool) -> Result<()> {
    let folder = venv::cache().join(format!("bench/broker-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let broker = Kafka::start(&folder).context("there is no broker to measure with")?;
    let outcome = inputs.iter().try_for_each(|input| one(programs, input, rounds, with_peers, &broker.bootstrap()));
    drop(broker);
    fs::remove_dir_all(&folder)?;
    outcome
}

fn one(programs: &Programs, input: &Input, rounds: usize, with_peers: bool, brokers: &str) -> Result<()> {
    let topic = input.name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    produce(brokers, &topic, "zstd", &input.path)?;
    let from_topic = |topic: &str, tables: &str| {
        format!("[sources.agents.kafka]\nbrokers = '{brokers}'\ntopics = ['{topic}']\n{tables}")
    };
    let from_file = |tables: &str| format!("[sources.agents.file]\npaths = ['{}']\n{tables}", input.path.display());
    let mut contenders = vec![
        discard(programs, brokers, &topic),
        contender(programs, "kafka-events", "run: two tables, from the topic", from_topic(&topic, EVENTS)),
        contender(programs, "file-events", "run: two tables, from the file", from_file(EVENTS)),
        contender(programs, "kafka", "run: every table, from the topic", from_topic(&topic, "")),
        contender(programs, "file", "run: every table, from the file", from_file("")),
    ];
    if with_peers {
        let other = format!("{topic}-{}", peers::CODEC);
        produce(brokers, &other, peers::CODEC, &input.path)?;
        let does = "run: two tables, from the peers' topic";
        contenders.push(contender(programs, "kafka-lz4", does, from_topic(&other, EVENTS)));
        contenders.extend(peers::all(brokers, &other)?);
    }
    let samples = measured(&contenders, input, rounds)?;
    report::print(input, &contenders, &samples)
}

fn contender(programs: &Programs, name: &'static str, does: &'static str, sections: String) -> Contender {
    // Each run is a group that nobody knows.
    let sections = move |folder: &Path| {
        let group = format!("group_id = '{}'\n", folder.display());
        sections.replace("[sources.agents.kafka]\n", &format!("[sources.agents.kafka]\n{group}"))
    };
    contender::of_sections(programs, name, does, sections)
}

fn discard(programs: &Programs, brokers: &str, topic: &str) -> Contender {
    let (xtask, brokers, topic) = (programs.xtask.clone(), brokers.to_owned(), topic.to_owned());
    let command = move |_: &Path, _: &Path| {
        let mut command = Command::new(&xtask);
        command.args(["discard", &brokers, &topic]);
        Ok(command)
    };
    Contender { name: "discard", does: "the same consumer throws the bytes away", command: Box::new(command) }
}

/// `xtask discard BROKERS TOPIC`: reads the topic to its end and keeps nothing; prints how many records there were.
pub fn discard_topic(brokers: &str, topic: &str) -> Result<()> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "discard").set("enable.auto.commit", "false");
    config.set("enable.partition.eof", "true");
    // As `run` has it, whose budget gives the client an eighth of 24 MiB: see crates/source-kafka/src/config.rs.
    config.set("queued.max.messages.kbytes", "3072").set("queued.min.messages", "100000");
    config.set("fetch.queue.backoff.ms", "20");
    config.set("fetch.max.bytes", (1 << 20).to_string()).set("fetch.message.max.bytes", (64 << 10).to_string());
    let consumer: BaseConsumer = config.create()?;
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        list.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    consumer.assign(&list)?;
    let (mut records, mut bytes, mut open) = (0_u64, 0_usize, PARTITIONS);
    while open > 0 {
        match consumer.poll(WAIT) {
            Some(Ok(message)) => {
                records += 1;
                bytes += message.payload().map_or(0, <[u8]>::len);
            }
            Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => open -= 1,
            Some(Err(error)) => return Err(error.into()),
            None => bail!("the broker is silent"),
        }
    }
    writeln!(stdout(), "{records} records, {bytes} bytes")?;
    Ok(())
}

/// One record a line.
fn produce(brokers: &str, topic: &str, codec: &str, file: &Path) -> Result<()> {
    let topic = Topic::create(brokers, topic, codec, Duration::from_millis(20))?;
    for line in BufReader::new(fs::File::open(file)?).lines() {
        topic.produce(&line?)?;
    }
    topic.flush()
}
