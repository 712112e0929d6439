//! The same events in every framing give the same rows.

use std::path::Path;
use std::process::Stdio;

use crate::inputs::{events, gzip, kinesis};
use crate::lab::{Lab, balance, difference};

/// The same lines as: NDJSON, gzip of two members, concatenated, an array, pretty-printed, a Kinesis wrapper.
fn framings(lines: &str) -> Vec<(&'static str, Vec<u8>)> {
    let all: Vec<&str> = lines.lines().collect();
    let (first, second) = all.split_at(all.len() / 2);
    let members = [first.join("\n") + "\n", second.join("\n") + "\n"];
    let pretty = |line: &&str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        serde_json::to_string_pretty(&value).unwrap()
    };
    vec![
        ("ndjson", lines.as_bytes().to_vec()),
        ("gzip", gzip(&[members[0].as_bytes(), members[1].as_bytes()])),
        ("concatenated", all.concat().into_bytes()),
        ("array", format!("[{}]", all.join(",\n")).into_bytes()),
        ("pretty", all.iter().map(pretty).collect::<Vec<_>>().join("\n").into_bytes()),
        ("kinesis", kinesis(lines)),
    ]
}

fn check(lines: &str) {
    let count = lines.lines().count() as u64;
    let mut plain: Option<Lab> = None;
    for (name, bytes) in framings(lines) {
        let lab = Lab::new("");
        // No framing is known by its name.
        lab.input("events.data", bytes);
        assert_eq!(balance(&lab.run()), [count, count, 0, 0, 0], "{name}");
        assert_eq!(lab.status()["tables"]["agent_event"]["rows"], count, "{name}");
        match &plain {
            None => plain = Some(lab),
            Some(plain) => {
                if let Some(differences) = difference(&plain.lake(), &lab.lake()) {
                    assert_eq!(differences, Vec::<String>::new(), "{name}");
                }
            }
        }
    }
}

#[test]
fn simulated_events_in_every_framing() {
    check(&events("--agents 5 --events 300 --seed 7"));
}

#[test]
fn the_captured_sample_in_every_framing() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/samples/agent-events-2025-first-35.jsonl");
    match std::fs::read_to_string(&path) {
        Ok(lines) => check(&lines),
        Err(_) => eprintln!("NOT CHECKED: there is no {}", path.display()),
    }
}

#[test]
fn standard_input_is_read_once_and_repeats_are_found() {
    let lab = Lab::new("");
    lab.write_pipeline("-");
    lab.input("events", events("--agents 3 --events 50 --seed 3"));
    for expect in [[50, 50, 0, 0, 0], [50, 0, 50, 0, 0]] {
        let mut command = lab.command(&["run", "pipeline.toml", "--output", "json"]);
        command.stdin(Stdio::from(std::fs::File::open(lab.path("in/events")).unwrap()));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(balance(&serde_json::from_slice(&output.stdout).unwrap()), expect);
    }
}

#[test]
fn a_file_that_grew_a_truncated_record_and_what_cannot_be_read() {
    let lab = Lab::new("");
    let lines = events("--agents 3 --events 20 --seed 5");
    let all: Vec<&str> = lines.lines().collect();
    let ten = all[..10].join("\n") + "\n";
    lab.input("a.jsonl", &ten);
    assert_eq!(balance(&lab.run()), [10, 10, 0, 0, 0]);
    assert_eq!(balance(&lab.run()), [0; 5]);

    // A record that is still being written is rejected once, and made whole when the rest of it has come.
    let half = all[10].get(..all[10].len() / 2).unwrap();
    lab.input("a.jsonl", format!("{ten}{half}"));
    assert_eq!(balance(&lab.run()), [1, 0, 0, 1, 0]);
    assert_eq!(balance(&lab.run()), [0; 5]);
    lab.input("a.jsonl", lines.as_bytes());
    assert_eq!(balance(&lab.run()), [10, 10, 0, 0, 0]);

    // A new file adds just itself; one that cannot be read is named, has its own exit code and is tried again.
    lab.input("b.jsonl", events("--agents 3 --events 5 --seed 6"));
    std::os::unix::fs::symlink(lab.path("nowhere"), lab.path("in/c.jsonl")).unwrap();
    let (code, summary, _) = lab.try_run();
    assert_eq!((code, balance(&summary)), (Some(7), [5, 5, 0, 0, 0]));
    assert!(summary["unread"][0]["name"].as_str().unwrap().ends_with("c.jsonl"), "{summary}");
    std::fs::write(lab.path("nowhere"), events("--agents 3 --events 4 --seed 8")).unwrap();
    assert_eq!(balance(&lab.run()), [4, 4, 0, 0, 0]);
}

#[test]
fn a_record_beyond_the_limit_is_one_rejection() {
    let lab = Lab::new("");
    lab.input("long", vec![b'x'; 40 << 20]);
    assert_eq!(balance(&lab.run()), [1, 0, 0, 1, 0]);
}
