//! Streams of Kinesis into lakes: nothing is lost and nothing doubled, whatever is split, merged, made again or killed.

use std::time::Duration;

use crate::engines::kinesis::{Kinesis, REGION};
use crate::engines::kinesis_streams::{Entry, Streams};
use crate::engines::ministack::Ministack;
use crate::inputs::{events, gzip};
use crate::kafka::{assert_equal, plain, wait_for_rows};
use crate::kinesis_load::Load;
use crate::lab::{balance, text};
use crate::stream::Stream;
use crate::streams_of_kinesis::{STREAM, as_batch, lab, put};

fn started(shards: i32) -> Option<(tempfile::TempDir, Kinesis, Streams)> {
    let folder = tempfile::tempdir().unwrap();
    let kinesis = Kinesis::start(folder.path())?;
    let streams = Streams::on(&kinesis.endpoint(), REGION).unwrap();
    streams.create(STREAM, shards).unwrap();
    Some((folder, kinesis, streams))
}

/// Splits and merges between the runs, of which the first reads shards that were closed before it began: a split, a split of a
/// split, a merge.
#[test]
fn batches_go_on_across_splits_and_merges() {
    let Some((_folder, kinesis, streams)) = started(1) else { return };
    let lines = events("--agents 12 --events 300 --days 2 --seed 71 --duplicates 0.02");
    let parts: Vec<Vec<&str>> = lines.lines().collect::<Vec<_>>().chunks(60).map(<[&str]>::to_vec).collect();
    let lab = lab(&kinesis, "batch", "", "[commit]\ninput = \"1 MiB\"");
    let mut read = 0;
    for (number, part) in parts.iter().enumerate() {
        put(&streams, part.iter().copied());
        read += part.len() as u64;
        let open = streams.open_shards(STREAM).unwrap();
        match number {
            // A run reads both sides of these, and one of those below.
            0 | 1 => streams.split(STREAM, &open[0]).unwrap(),
            2 => streams.merge(STREAM, &open[0], &open[1]).unwrap(),
            _ => {}
        }
        if number > 1 {
            assert_eq!(lab.run()["tally"]["read"].as_u64(), Some(read), "{number}");
            read = 0;
        }
    }
    assert_equal(&plain(&lines), &lab);
    let status = lab.status();
    let ended = |position: &&serde_json::Value| position["position"] == "end";
    let positions = status["positions"].as_array().unwrap();
    assert_eq!(positions.iter().filter(ended).count(), 4, "{status}");
    assert!(status["lag"].as_array().unwrap().iter().all(|lag| lag["seconds"].is_null()), "{status}");
    put(&streams, lines.lines().take(1));
    assert!(lab.status()["lag"].as_array().unwrap().iter().any(|lag| lag["seconds"].is_u64()));
}

/// A split or a merge every two seconds while three processes come and die.
#[test]
fn workers_share_a_stream_that_is_resharded() {
    let Some((_folder, kinesis, streams)) = started(2) else { return };
    let lines = events("--agents 30 --events 1500 --days 2 --seed 72 --duplicates 0.02");
    let lab = lab(&kinesis, "streaming", "lease_duration = \"3s\"\ndiscover = \"5s\"", "[commit]\nevery = \"1s\"");
    let load = Load {
        endpoint: kinesis.endpoint(),
        region: REGION.to_owned(),
        stream: STREAM.to_owned(),
        rate: 150,
        packed: 5,
        every: Duration::from_secs(2),
        seed: 4,
    };
    let mut workers: Vec<Stream> = (0..3).map(|_| Stream::start(&lab)).collect();
    let fed = std::thread::scope(|scope| {
        let feeding = scope.spawn(|| load.feed(lines.lines()));
        while !feeding.is_finished() {
            std::thread::park_timeout(Duration::from_secs(4));
            drop(workers.remove(0));
            workers.push(Stream::start(&lab));
        }
        feeding.join().unwrap().unwrap()
    });
    assert!(fed.splits > 0 && fed.splits + fed.merges > 2, "{fed:?}");
    let expected = plain(&lines);
    wait_for_rows(&lab, expected.status()["tables"]["agent_event"]["rows"].as_u64().unwrap() as usize);
    for worker in workers {
        assert_eq!(worker.stop()["outcome"], "drained");
    }
    as_batch(&lab);
    assert_eq!(lab.run()["tally"]["made_rows"], 0);
    assert_equal(&expected, &lab);
    assert!(streams.shards(STREAM).unwrap().len() > 4, "{fed:?}");
}

/// The table is made by who comes first.
#[test]
fn leases_may_be_kept_in_dynamodb() {
    let Some((folder, kinesis, streams)) = started(2) else { return };
    let Some(ministack) = Ministack::start_dynamodb(folder.path()) else { return };
    let lines = events("--agents 20 --events 200 --days 1 --seed 76");
    let source = "lease_table = \"lab-leases\"\nlease_duration = \"3s\"";
    let lab = lab(&kinesis, "streaming", source, "[commit]\nevery = \"1s\"");
    let endpoint = ministack.endpoint();
    let variables = [("AWS_ENDPOINT_URL_DYNAMODB", endpoint.as_str())];
    let mut workers: Vec<Stream> = (0..2).map(|_| Stream::start_with(&lab, &variables)).collect();
    put(&streams, lines.lines().take(100));
    wait_for_rows(&lab, 100);
    // Whose shards the other takes when their leases have run out.
    drop(workers.remove(0));
    put(&streams, lines.lines().skip(100));
    wait_for_rows(&lab, 200);
    assert_eq!(workers.remove(0).stop()["outcome"], "drained");
    assert!(!lab.lake().join("_tributary/lab/leases").exists());
}

/// A registered consumer whose records are pushed, also those of the children of a split.
#[test]
fn records_are_pushed_by_fan_out() {
    let Some((_folder, kinesis, streams)) = started(2) else { return };
    let lines = events("--agents 8 --events 300 --days 1 --seed 73");
    let all: Vec<&str> = lines.lines().collect();
    let lab = lab(
        &kinesis,
        "streaming",
        "delivery = \"fan_out\"\nlease_duration = \"3s\"\ndiscover = \"5s\"",
        "[commit]\nevery = \"1s\"",
    );
    put(&streams, all[..100].iter().copied());
    let stream = Stream::start(&lab);
    wait_for_rows(&lab, 100);
    streams.split(STREAM, &streams.open_shards(STREAM).unwrap()[0]).unwrap();
    put(&streams, all[100..200].iter().copied());
    wait_for_rows(&lab, 200);
    assert_eq!(stream.stop()["outcome"], "drained");
    put(&streams, all[200..].iter().copied());
    // Another process goes on by polling: how records come is no part of what is committed.
    as_batch(&lab);
    let pipeline = std::fs::read_to_string(lab.path("pipeline.toml")).unwrap();
    std::fs::write(lab.path("pipeline.toml"), pipeline.replace("delivery = \"fan_out\"", "")).unwrap();
    assert_eq!(lab.run()["tally"]["read"], 100);
    assert_equal(&plain(&lines), &lab);
    let log = std::fs::read_to_string(lab.path("stream.log")).unwrap();
    assert!(!log.contains("no enhanced fan-out"), "{log}");
}

/// What was there before is not read; what comes is, also by a run that comes later; and what is no event is told of, with
/// the key that it was put by.
#[test]
fn a_stream_begins_where_the_options_say() {
    let Some((_folder, kinesis, streams)) = started(2) else { return };
    let lines = events("--agents 5 --events 60 --days 1 --seed 74");
    let (old, new): (Vec<_>, Vec<_>) = lines.lines().enumerate().partition(|(number, _)| *number < 30);
    put(&streams, old.iter().map(|(_, line)| *line));
    std::thread::park_timeout(Duration::from_millis(1_500));
    let lab = lab(&kinesis, "batch", "start = \"latest\"", "");
    assert_eq!(lab.run()["tally"]["read"], 0);
    assert_eq!(lab.status()["positions"].as_array().map(Vec::len), Some(2), "they are committed");
    put(&streams, new.iter().map(|(_, line)| *line));
    let logs = r#"{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","subscriptionFilters":[],"logEvents":[]}"#;
    let odd = [("a-key", b"{no event".to_vec()), ("logs", gzip(&[logs.as_bytes()]))];
    let entries = odd.map(|(key, data)| Entry { key: key.to_owned(), explicit_hash_key: None, data });
    streams.put(STREAM, &entries).unwrap();
    let summary = lab.run();
    assert_eq!(balance(&summary), [32, 30, 0, 1, 1], "{summary}");
}

/// Its shards have the names of those before.
#[test]
fn a_stream_that_was_made_again_is_read_from_its_beginning() {
    let Some((_folder, kinesis, streams)) = started(1) else { return };
    let lines = events("--agents 5 --events 60 --days 1 --seed 75");
    let lab = lab(&kinesis, "batch", "", "");
    put(&streams, lines.lines().take(30));
    assert_eq!(lab.run()["tally"]["read"], 30);
    streams.delete(STREAM).unwrap();
    // The second is what tells them apart.
    std::thread::park_timeout(Duration::from_millis(1_100));
    streams.create(STREAM, 1).unwrap();
    put(&streams, lines.lines().skip(20));
    let summary = lab.run();
    assert_eq!(summary["tally"]["read"], 40, "{summary}");
    assert_eq!(lab.status()["positions"].as_array().map(Vec::len), Some(2));
}

#[test]
fn check_says_what_a_stream_is() {
    let Some((_folder, kinesis, streams)) = started(3) else { return };
    let lab = lab(&kinesis, "streaming", "delivery = \"fan_out\"", "");
    let check = || {
        let output = lab.command(&["check", "pipeline.toml"]).output().unwrap();
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    };
    let (code, said) = check();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("3 open of 3 shards, keeps 24 h") && said.contains("this one as tributary-lab"), "{said}");
    streams.delete(STREAM).unwrap();
    let (code, said) = check();
    assert_ne!(code, Some(0));
    assert!(said.contains("there is no stream agent-events"), "{said}");
    let (code, _, said) = lab.try_run();
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("source-kinesis/no-stream"), "{said}");
}
