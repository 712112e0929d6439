//! Topics of a real Kafka into lakes: nothing is lost and nothing doubled, whoever comes, goes or dies.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use crate::engines::kafka::{Kafka, Options, USER};
use crate::inputs::events;
use crate::lab::{Lab, difference};
use crate::stream::{Stream, wait_until};
use crate::topics::{TOPIC, Topics, as_batch, lab};

/// Producers wait so long at most.
const WAIT: Duration = Duration::from_secs(30);

/// What a batch over a file of these lines makes.
pub(crate) fn plain(lines: &str) -> Lab {
    let plain = Lab::new("");
    plain.input("all.jsonl", lines);
    plain.run();
    plain
}

pub(crate) fn assert_equal(plain: &Lab, lab: &Lab) {
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
        let lab = lab(
            &kafka.bootstrap(),
            "batch",
            &format!("group = {group:?}\ngroup_id = {group:?}"),
            "[commit]\ninput = \"1 MiB\"",
        );
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
    let lab = lab(&kafka.bootstrap(), "streaming", source, "[commit]\nevery = \"1s\"");
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

/// Waits until so many events are in the lake.
pub(crate) fn wait_for_rows(lab: &Lab, rows: usize) {
    wait_until("the events are committed", || {
        lab.status()["tables"]["agent_event"]["rows"].as_u64() == Some(rows as u64)
    });
}

#[test]
fn a_broker_may_die_or_stand_still() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut kafka) = Kafka::start(folder.path()) else { return };
    let topics = Topics::on(&kafka);
    topics.create(TOPIC, 2, &[]);
    let lines = events("--agents 5 --events 90 --days 1 --seed 53");
    let parts: Vec<Vec<&str>> = lines.lines().collect::<Vec<_>>().chunks(30).map(<[&str]>::to_vec).collect();
    let lab = lab(&kafka.bootstrap(), "streaming", "session_timeout = \"3s\"", "[commit]\nevery = \"1s\"");
    let stream = Stream::start(&lab);
    topics.produce(TOPIC, parts[0].iter().copied());
    wait_for_rows(&lab, 30);
    kafka.kill();
    std::thread::park_timeout(Duration::from_secs(4));
    kafka.restart().unwrap();
    topics.produce(TOPIC, parts[1].iter().copied());
    wait_for_rows(&lab, 60);
    kafka.pause().unwrap();
    std::thread::park_timeout(Duration::from_secs(5));
    kafka.resume().unwrap();
    topics.produce(TOPIC, parts[2].iter().copied());
    wait_for_rows(&lab, 90);
    assert_eq!(stream.stop()["outcome"], "drained");
    as_batch(&lab);
    assert_eq!(lab.run()["tally"]["read"], 0);
    assert_equal(&plain(&lines), &lab);
}

/// What was there before is not read; what comes is, also by a run that comes later; and what is no event is told of.
#[test]
fn a_topic_begins_where_the_options_say() {
    let folder = tempfile::tempdir().unwrap();
    let Some(kafka) = Kafka::start(folder.path()) else { return };
    let topics = Topics::on(&kafka);
    topics.create(TOPIC, 2, &[]);
    let lines = events("--agents 5 --events 60 --days 1 --seed 54");
    let (old, new): (Vec<_>, Vec<_>) = lines.lines().enumerate().partition(|(number, _)| *number < 30);
    topics.produce(TOPIC, old.iter().map(|(_, line)| *line));
    let lab = lab(&kafka.bootstrap(), "batch", "start = \"latest\"", "");
    assert_eq!(lab.run()["tally"]["read"], 0);
    assert_eq!(lab.status()["positions"].as_array().map(Vec::len), Some(2), "they are committed");
    topics.produce(TOPIC, new.iter().map(|(_, line)| *line).chain(["", "\0\0\0\0\x07{}"]));
    let summary = lab.run();
    assert_eq!((&summary["tally"]["made_rows"], &summary["tally"]["rejected"]), (&30.into(), &2.into()), "{summary}");
    assert_eq!(summary["tally"]["read"], 32, "{summary}");
}

#[test]
fn what_is_gone_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let Some(kafka) = Kafka::start(folder.path()) else { return };
    let topics = Topics::on(&kafka);
    topics.create(TOPIC, 1, &[]);
    let lines = events("--agents 5 --events 60 --days 1 --seed 55");
    let all: Vec<&str> = lines.lines().collect();
    let lab = lab(&kafka.bootstrap(), "batch", "", "");
    topics.produce(TOPIC, all[..10].iter().copied());
    assert_eq!(lab.run()["tally"]["made_rows"], 10);
    topics.produce(TOPIC, all[10..30].iter().copied());
    topics.delete_records(TOPIC, 30);
    topics.produce(TOPIC, all[30..40].iter().copied());
    let (code, _, said) = lab.try_run();
    assert_eq!(code, Some(6), "{said}");
    assert!(said.contains("files/agent-events@") && said.contains("(10..30)") && said.contains("on_gap"), "{said}");
    let pipeline = fs::read_to_string(lab.path("pipeline.toml")).unwrap();
    fs::write(lab.path("pipeline.toml"), format!("{pipeline}\n[commit]\non_gap = \"continue\"\n")).unwrap();
    assert_eq!(lab.run()["tally"]["made_rows"], 10);
}

/// As many records as before, and more: the old position says nothing about them.
#[test]
fn a_topic_that_was_made_again_is_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let Some(kafka) = Kafka::start(folder.path()) else { return };
    let topics = Topics::on(&kafka);
    topics.create(TOPIC, 2, &[]);
    let lines = events("--agents 5 --events 120 --days 1 --seed 58");
    let all: Vec<&str> = lines.lines().collect();
    let early = lab(&kafka.bootstrap(), "batch", "group_id = \"early\"", "");
    let late = lab(&kafka.bootstrap(), "batch", "group_id = \"late\"\nstart = \"latest\"", "");
    assert_eq!(late.run()["tally"]["read"], 0);
    topics.produce(TOPIC, all[..20].iter().copied());
    for lab in [&early, &late] {
        assert_eq!(lab.run()["tally"]["made_rows"], 20);
    }
    topics.delete(TOPIC);
    topics.create(TOPIC, 2, &[]);
    assert_eq!(early.run()["tally"]["read"], 0, "also where the log stands behind its end");
    topics.produce(TOPIC, all[20..].iter().copied());
    for lab in [&early, &late] {
        let (code, summary, said) = lab.try_run();
        assert_eq!((code, &summary["tally"]["made_rows"]), (Some(0), &100.into()), "{said}");
        assert!(said.contains("made again"), "{said}");
        let (_, summary, said) = lab.try_run();
        assert_eq!(summary["tally"]["read"], 0);
        assert!(!said.contains("made again"), "{said}");
        let status = lab.status();
        let splits = status["positions"].as_array().unwrap().iter().filter_map(|position| position["split"].as_str());
        let ids: BTreeSet<&str> = splits.filter_map(|split| split.split(['@', '/']).nth(2)).collect();
        assert!(ids.len() == 2 && ids.iter().all(|id| id.len() == 22), "{status}");
    }
    assert_equal(&plain(&lines), &early);
}

/// The client goes on at the old offset, and says nothing; or, where the old topic had seen more leaders, takes what it is told of
/// the new one for outdated.
#[test]
fn a_topic_is_made_again_under_a_stream() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut kafka) = Kafka::start(folder.path()) else { return };
    let topics = Topics::on(&kafka);
    let lines = events("--agents 5 --events 150 --days 1 --seed 59");
    let all: Vec<&str> = lines.lines().collect();
    for group in ["classic", "consumer"] {
        topics.create(TOPIC, 1, &[]);
        let source = format!("group = {group:?}\ngroup_id = {group:?}");
        let lab = lab(&kafka.bootstrap(), "streaming", &source, "[commit]\nevery = \"1s\"");
        let stream = Stream::start(&lab);
        Topics::on(&kafka).produce(TOPIC, all[..10].iter().copied());
        wait_for_rows(&lab, 10);
        for (from, to) in [(10, 60), (60, 150)] {
            topics.delete(TOPIC);
            topics.create(TOPIC, 1, &[]);
            // Its client knows the old topic too, and may not find the new one.
            Topics::on(&kafka).produce(TOPIC, all[from..to].iter().copied());
            wait_for_rows(&lab, to);
            kafka.restart().unwrap();
        }
        topics.delete(TOPIC);
        std::thread::park_timeout(Duration::from_secs(5));
        assert_eq!(stream.stop()["outcome"], "drained", "it goes on without a topic that is gone");
        topics.create(TOPIC, 1, &[]);
        let pipeline = fs::read_to_string(lab.path("pipeline.toml")).unwrap();
        fs::write(lab.path("pipeline.toml"), pipeline.replace("\"streaming\"", "\"batch\"")).unwrap();
        assert_eq!(lab.run()["tally"]["read"], 0);
        assert_equal(&plain(&lines), &lab);
        topics.delete(TOPIC);
    }
}

#[test]
fn what_was_not_committed_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let Some(kafka) = Kafka::start(folder.path()) else { return };
    let topics = Topics::on(&kafka);
    topics.create(TOPIC, 1, &[]);
    let lines = events("--agents 5 --events 30 --days 1 --seed 56");
    let all: Vec<&str> = lines.lines().collect();
    let producer = transactional(&kafka);
    for (part, is_kept) in [(&all[..10], true), (&all[10..20], false), (&all[20..], true)] {
        transact(&producer, part.iter().map(|line| BaseRecord::to(TOPIC).key("").payload(*line)), is_kept);
    }
    let read = |source: &str| lab(&kafka.bootstrap(), "batch", source, "").run()["tally"]["made_rows"].clone();
    assert_eq!((read("group_id = \"a\""), read("group_id = \"b\"\nread_uncommitted = true")), (20.into(), 30.into()));
}

fn transactional(kafka: &Kafka) -> BaseProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka.bootstrap()).set("transactional.id", "test");
    let producer: BaseProducer = config.create().unwrap();
    producer.init_transactions(WAIT).unwrap();
    producer
}

fn transact<'a>(producer: &BaseProducer, records: impl Iterator<Item = BaseRecord<'a, str, str>>, is_kept: bool) {
    producer.begin_transaction().unwrap();
    records.for_each(|record| producer.send(record).map_err(|(error, _)| error).unwrap());
    producer.flush(WAIT).unwrap();
    if is_kept { producer.commit_transaction(WAIT) } else { producer.abort_transaction(WAIT) }.unwrap();
}

/// Each partition ends with a mark of a transaction, and each number stands for partitions of three topics.
#[test]
fn ends_of_several_topics_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let Some(kafka) = Kafka::start(folder.path()) else { return };
    let names = ["calls", "chats", "tasks"];
    names.iter().for_each(|topic| Topics::on(&kafka).create(topic, 2, &[]));
    let lines = events("--agents 12 --events 120 --days 1 --seed 60");
    let producer = transactional(&kafka);
    let all: Vec<&str> = lines.lines().collect();
    let to_all = |lines: &[&str], is_kept: bool| {
        let record = |(at, line)| BaseRecord::to(names[at % 3]).partition(at as i32 / 3 % 2).key("").payload(line);
        transact(&producer, lines.iter().copied().enumerate().map(record), is_kept);
    };
    all.chunks(40).for_each(|part| to_all(part, true));
    let lab = lab(&kafka.bootstrap(), "batch", "", "");
    let pipeline = fs::read_to_string(lab.path("pipeline.toml")).unwrap();
    let wanted = pipeline.replace(&format!("[{TOPIC:?}]"), &format!("{names:?}"));
    assert_ne!(wanted, pipeline);
    fs::write(lab.path("pipeline.toml"), wanted).unwrap();
    assert_eq!(lab.run()["tally"]["made_rows"], 120);
    // The client gives nothing of these: only that each is at its end says that nothing is left.
    to_all(&all[..40], false);
    assert_eq!(lab.run()["tally"]["read"], 0);
    assert_equal(&plain(&lines), &lab);
}

/// An answer has 1 MiB at most, and 64 KiB of a partition; a record that is larger comes alone, and is not passed over.
#[test]
fn a_record_may_be_larger_than_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let Some(kafka) = Kafka::start(folder.path()) else { return };
    let topics = Topics::on(&kafka);
    topics.create(TOPIC, 1, &[("max.message.bytes", "8000000")]);
    let lines = events("--agents 5 --events 20 --days 1 --seed 59");
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka.bootstrap()).set("message.max.bytes", "8000000");
    let producer: BaseProducer = config.create().unwrap();
    for (number, line) in lines.lines().enumerate() {
        let spaces = if number % 5 == 2 { 3_000_000 } else { 0 };
        let payload = line.to_owned() + &" ".repeat(spaces);
        producer.send(BaseRecord::to(TOPIC).key("").payload(&payload)).unwrap();
    }
    producer.flush(Duration::from_secs(30)).unwrap();
    let lab = lab(&kafka.bootstrap(), "batch", "", "");
    assert_eq!(lab.run()["tally"]["made_rows"], 20);
    assert_equal(&plain(&lines), &lab);
}

#[test]
fn brokers_are_spoken_to_as_they_ask() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { security: true, settings: &[] };
    let Some(kafka) = Kafka::start_with(folder.path(), &options) else { return };
    let topics = Topics::on(&kafka);
    topics.create(TOPIC, 1, &[]);
    topics.produce(TOPIC, events("--agents 5 --events 20 --days 1 --seed 57").lines());
    let at = |name: &str| kafka.certificates().join(name).display().to_string();
    let tls = format!("tls = true\nauthorities = {:?}", at("ca.crt"));
    let certificate = format!("{tls}\ncertificate = {:?}\nkey = {:?}", at("client.crt"), at("client.key"));
    let sasl =
        |mechanism: &str| format!("sasl = {mechanism:?}\nusername = {:?}\npassword_env = \"TEST_PASSWORD\"", USER.0);
    let run = |brokers: &str, source: &str, password: &str, verb: &str| {
        let lab = lab(&kafka.bootstrap(), "batch", source, "");
        let pipeline = fs::read_to_string(lab.path("pipeline.toml")).unwrap();
        fs::write(lab.path("pipeline.toml"), pipeline.replace(&kafka.bootstrap(), brokers)).unwrap();
        let output = lab.command(&[verb, "pipeline.toml", "--output", "json"]).env("TEST_PASSWORD", password).output();
        let output = output.unwrap();
        (output.status.code(), crate::lab::text(&output.stdout) + &crate::lab::text(&output.stderr))
    };
    for (brokers, source) in [
        (kafka.tls(), certificate),
        (kafka.sasl(), sasl("plain")),
        (kafka.sasl(), sasl("scram-sha-256")),
        (kafka.sasl(), sasl("scram-sha-512")),
        (kafka.sasl_tls(), format!("{tls}\n{}", sasl("scram-sha-256"))),
    ] {
        let (code, said) = run(&brokers, &source, USER.1, "run");
        assert_eq!(code, Some(0), "{source}: {said}");
        assert!(said.contains("\"made_rows\":20"), "{source}: {said}");
    }
    for (password, expected) in [("wrong", "source-kafka/unreachable"), ("", "TEST_PASSWORD")] {
        let (code, said) = run(&kafka.sasl(), &sasl("scram-sha-256"), password, "check");
        assert_ne!(code, Some(0));
        assert!(said.contains(expected) || said.contains("cannot be reached"), "{said}");
        assert!(!said.contains("wrong"), "a password is never said: {said}");
    }
}
