//! A real Kafka whose topics, rights and answers change while they are read.

use std::fs;
use std::time::Duration;

use crate::engines::kafka::{Kafka, Options, USER};
use crate::inputs::{events, scale};
use crate::lab::{Lab, difference};
use crate::raw_kafka::{ask, produce, text};
use crate::stream::{Stream, wait_until};
use crate::topics::{TOPIC, Topics, as_batch, lab};

fn rows(lab: &Lab) -> u64 {
    lab.status()["tables"]["agent_event"]["rows"].as_u64().unwrap_or(0)
}

#[test]
fn status_says_how_far_reading_is_behind() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut kafka) = Kafka::start(folder.path()) else { return };
    let topics = Topics::on(&kafka);
    topics.create(TOPIC, 3, &[]);
    let lines = events("--agents 9 --events 90 --days 1 --seed 61");
    topics.produce(TOPIC, lines.lines().take(50));
    let lab = lab(&kafka.bootstrap(), "batch", "", "");
    lab.run();
    let records = |lag: &serde_json::Value| {
        lag.as_array().unwrap().iter().map(|split| split["records"].as_u64().unwrap()).collect::<Vec<u64>>()
    };
    let read = lab.status()["lag"].clone();
    assert_eq!(records(&read), [0, 0, 0], "{read}");
    assert!(read.as_array().unwrap().iter().all(|split| split["seconds"].is_null()), "{read}");

    topics.produce(TOPIC, lines.lines().skip(50));
    std::thread::park_timeout(Duration::from_millis(2_100));
    let behind = lab.status()["lag"].clone();
    assert_eq!(records(&behind).iter().sum::<u64>(), 40, "{behind}");
    for split in behind.as_array().unwrap().iter().filter(|split| split["records"] != 0) {
        assert!((2..60).contains(&split["seconds"].as_i64().unwrap()), "{behind}");
    }
    let output = lab.command(&["status", "pipeline.toml"]).output().unwrap();
    let said = crate::lab::text(&output.stdout);
    assert!(said.contains("behind by 40 records in") && said.contains("of 3 splits, the oldest waits"), "{said}");

    kafka.kill();
    let status = lab.status();
    assert!(status["lag"]["unknown"].as_str().unwrap().contains("looking how far reading is behind"), "{status}");
    assert_eq!(status["tables"]["agent_event"]["rows"], 50, "the log is told all the same");
}

/// Of most keys only the newest record is left. Offsets without a record are passed over and accounted for.
#[test]
fn what_compaction_left_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let Some(kafka) = Kafka::start(folder.path()) else { return };
    let topics = Topics::on(&kafka);
    let settings = [
        ("cleanup.policy", "compact"),
        ("segment.bytes", "1048576"),
        ("segment.ms", "1000"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("max.compaction.lag.ms", "1000"),
    ];
    topics.create(TOPIC, 1, &settings);
    let lines = events("--agents 4 --events 400 --days 1 --seed 62");
    topics.produce(TOPIC, lines.lines());
    let early = lab(&kafka.bootstrap(), "batch", "group_id = \"early\"", "");
    early.run();

    // Only what is not the active segment is compacted; what comes begins another.
    let last = lines.lines().last().unwrap();
    let mut late = lab(&kafka.bootstrap(), "batch", "group_id = \"late\"", "");
    let mut left = u64::MAX;
    wait_until("the topic is compacted", || {
        topics.produce(TOPIC, [last].into_iter());
        std::thread::park_timeout(Duration::from_millis(1_200));
        late = lab(&kafka.bootstrap(), "batch", "group_id = \"late\"", "");
        left = late.run()["tally"]["read"].as_u64().unwrap();
        left < lines.lines().count() as u64 / 2
    });
    assert!(left >= 4, "one of each key");
    // Both went to the same end, and have nothing more to read.
    early.run();
    let reached = |lab: &Lab| lab.status()["positions"][0]["position"].clone();
    assert_eq!(reached(&early), reached(&late));
    assert_eq!((early.run()["tally"]["read"].clone(), late.run()["tally"]["read"].clone()), (0.into(), 0.into()));
}

/// Reading goes on by itself when the right is back, with every event once.
#[test]
fn a_right_is_taken_and_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users=User:ANONYMOUS;User:broker",
    ];
    let options = Options { security: true, settings: &settings };
    let Some(kafka) = Kafka::start_with(folder.path(), &options) else { return };
    let topics = Topics::on(&kafka);
    topics.create(TOPIC, 2, &[]);
    let lines = events("--agents 5 --events 90 --days 1 --seed 63");
    let parts: Vec<Vec<&str>> = lines.lines().collect::<Vec<_>>().chunks(30).map(<[&str]>::to_vec).collect();
    let rights = Rights { broker: kafka.bootstrap() };
    rights.change(Change::Grant, GROUP, "");
    rights.change(Change::Grant, TOPIC_RESOURCE, TOPIC);

    let password = folder.path().join("password");
    fs::write(&password, USER.1).unwrap();
    let source =
        format!("sasl = \"plain\"\nusername = {:?}\npassword_file = {:?}", USER.0, password.display().to_string());
    let lab = lab(&kafka.sasl(), "streaming", &source, "[commit]\nevery = \"1s\"");
    topics.produce(TOPIC, parts[0].iter().copied());
    let stream = Stream::start(&lab);
    wait_until("the first part", || rows(&lab) == 30);

    rights.change(Change::Withdraw, TOPIC_RESOURCE, TOPIC);
    // A fetch that waits at the broker was allowed before.
    std::thread::park_timeout(Duration::from_secs(2));
    topics.produce(TOPIC, parts[1].iter().copied());
    let is_named = |status: &serde_json::Value| {
        status["lag"]["unknown"].as_str().is_some_and(|why| why.contains("grant Describe and Read"))
    };
    wait_until("status names it", || is_named(&lab.status()));
    std::thread::park_timeout(Duration::from_secs(3));
    assert_eq!(rows(&lab), 30, "nothing can be read");
    rights.change(Change::Grant, TOPIC_RESOURCE, TOPIC);
    wait_until("the second part", || rows(&lab) == 60);

    // The group's right as well.
    rights.change(Change::Withdraw, GROUP, "");
    std::thread::park_timeout(Duration::from_secs(3));
    rights.change(Change::Grant, GROUP, "");
    topics.produce(TOPIC, parts[2].iter().copied());
    wait_until("the third part", || rows(&lab) == 90);
    assert_eq!(stream.stop()["outcome"], "drained");
    let plain = Lab::new("");
    plain.input("all.jsonl", &lines);
    plain.run();
    assert_eq!(rows(&plain), rows(&lab));
    as_batch(&lab);
    lab.run();
    assert_eq!(difference(&plain.lake(), &lab.lake()).unwrap_or_default(), Vec::<String>::new());
}

/// Names of headers are bytes, and one record may hold thousands of payloads beside large headers: each is a row, and nothing
/// ends the run or takes memory without end.
#[test]
fn headers_may_be_anything() {
    let folder = tempfile::tempdir().unwrap();
    let Some(kafka) = Kafka::start(folder.path()) else { return };
    let topics = Topics::on(&kafka);
    // What is produced byte by byte is of long ago.
    topics.create(TOPIC, 1, &[("retention.ms", "-1")]);
    let many = format!("[{}]", vec!["{}"; 20_000].join(","));
    let large = vec![b'x'; 200_000];
    produce(&kafka.bootstrap(), TOPIC, b"{}", &[(b"caf\xe9", b"\xff"), (b"", b"")]);
    produce(&kafka.bootstrap(), TOPIC, many.as_bytes(), &[(b"trace", &large)]);
    let lab = lab(&kafka.bootstrap(), "batch", "", "");
    let summary = lab.run();
    assert_eq!(summary["tally"]["rejected"], 20_001, "{summary}");
    assert!(lab.status()["tables"]["rejected"]["bytes"].as_u64().unwrap() < 5_000_000, "{}", lab.status());
}

/// By contact: of an agent's events some are in one partition, some in another. Keyed by agent nothing is said.
#[test]
fn a_topic_that_is_not_keyed_by_agent_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let Some(kafka) = Kafka::start(folder.path()) else { return };
    let topics = Topics::on(&kafka);
    topics.create(TOPIC, 3, &[]);
    let lines = events("--agents 6 --events 120 --days 1 --seed 65");
    topics.produce(TOPIC, lines.lines());
    assert_eq!(lab(&kafka.bootstrap(), "batch", "", "").run()["spread"], 0);
    topics.delete(TOPIC);
    topics.create("contacts", 3, &[]);
    for (number, line) in lines.lines().enumerate() {
        topics.produce_keyed("contacts", &number.to_string(), line);
    }
    topics.flush();
    let lab = lab(&kafka.bootstrap(), "batch", "group_id = \"contacts\"", "");
    let pipeline = fs::read_to_string(lab.path("pipeline.toml")).unwrap();
    fs::write(lab.path("pipeline.toml"), pipeline.replace(&format!("{TOPIC:?}"), "\"contacts\"")).unwrap();
    let output = lab.command(&["run", "pipeline.toml", "--no-progress"]).output().unwrap();
    let said = crate::lab::text(&output.stdout) + &crate::lab::text(&output.stderr);
    assert!(said.contains("agents have events in several splits"), "{said}");
    assert!(said.contains("events of one agent are in both") && said.contains("contacts/"), "{said}");
}

/// In a group of the brokers' own the name of a process is its own until its session is over: who comes with it waits. In a
/// classic group the older of the two ends.
#[test]
fn a_name_is_one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let Some(kafka) = Kafka::start(folder.path()) else { return };
    let topics = Topics::on(&kafka);
    topics.create(TOPIC, 2, &[]);
    let lines = events("--agents 5 --events 60 --days 1 --seed 66");
    let (first, second): (Vec<_>, Vec<_>) = lines.lines().enumerate().partition(|(number, _)| *number < 30);
    for group in ["consumer", "classic"] {
        let source = format!("group = {group:?}\ngroup_id = {group:?}\ninstance_id = \"one\"");
        let lab = lab(&kafka.bootstrap(), "streaming", &source, "[commit]\nevery = \"1s\"");
        let older = Stream::start(&lab);
        if group == "consumer" {
            topics.produce(TOPIC, first.iter().map(|(_, line)| *line));
        }
        let before = if group == "consumer" { 30 } else { 60 };
        wait_until("what is there", || rows(&lab) == before);
        let newer = Stream::start(&lab);
        let said = || fs::read_to_string(lab.path("stream.log")).unwrap();
        if group == "consumer" {
            wait_until("it is named", || said().contains("instance_id one is still held"));
            drop(older);
            topics.produce(TOPIC, second.iter().map(|(_, line)| *line));
            wait_until("the newer has it all", || rows(&lab) == 60);
        } else {
            assert_eq!(older.end(), Some(5), "{}", said());
        }
        assert_eq!(newer.stop()["outcome"], "drained");
    }
}

/// Longer than the session, and at full size longer than any patience of a run that has an end. When the broker is back it
/// stands still once more while the partitions are placed.
#[test]
fn a_broker_is_away_for_long() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut kafka) = Kafka::start(folder.path()) else { return };
    let topics = Topics::on(&kafka);
    topics.create(TOPIC, 2, &[]);
    let lines = events("--agents 5 --events 60 --days 1 --seed 64");
    let (first, second): (Vec<_>, Vec<_>) = lines.lines().enumerate().partition(|(number, _)| *number < 30);
    let lab = lab(&kafka.bootstrap(), "streaming", "session_timeout = \"3s\"", "[commit]\nevery = \"1s\"");
    topics.produce(TOPIC, first.iter().map(|(_, line)| *line));
    let streams = [Stream::start(&lab), Stream::start(&lab)];
    wait_until("the first half", || rows(&lab) == 30);
    let away = Duration::from_secs(6 * scale());
    kafka.kill();
    std::thread::park_timeout(away);
    kafka.restart().unwrap();
    std::thread::park_timeout(Duration::from_millis(700));
    kafka.pause().unwrap();
    std::thread::park_timeout(away / 2);
    kafka.resume().unwrap();
    topics.produce(TOPIC, second.iter().map(|(_, line)| *line));
    wait_until("the second half", || rows(&lab) == 60);
    for stream in streams {
        assert_eq!(stream.stop()["outcome"], "drained");
    }
    assert_eq!(rows(&lab), 60);
}

/// Access control lists, by the one who may do everything.
struct Rights {
    broker: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Grant,
    Withdraw,
}

/// Resource types of Kafka's protocol.
const TOPIC_RESOURCE: u8 = 2;
const GROUP: u8 = 3;

impl Rights {
    /// Lets the user read (and with it describe) a resource, or no more; an empty name means all of the kind.
    ///
    /// Source: Kafka protocol, CreateAcls (30) and DeleteAcls (31), version 1 of both.
    fn change(&self, change: Change, resource: u8, name: &str) {
        const LITERAL: u8 = 3;
        const READ: u8 = 3;
        const ALLOW: u8 = 3;
        let mut body = Vec::from(1_i32.to_be_bytes());
        body.push(resource);
        text(&mut body, if name.is_empty() { "*" } else { name });
        body.push(LITERAL);
        text(&mut body, &format!("User:{}", USER.0));
        text(&mut body, "*");
        body.extend([READ, ALLOW]);
        let answer = ask(&self.broker, if change == Change::Grant { 30 } else { 31 }, 1, &body);
        // Correlation, throttle time, how many results, and the code of the first.
        assert_eq!(answer[12..14], [0, 0], "{answer:?}");
    }
}
