//! Two runs of one pipeline at once.

use std::process::Child;

use crate::inputs::events;
use crate::lab::{Lab, balance, difference};
use crate::stream::wait_until;

#[test]
fn one_of_two_is_fenced_and_nothing_is_doubled() {
    let options = "[commit]\ninput = \"1 MiB\"";
    let input = events("--agents 20 --events 2000 --days 2 --seed 21");
    let plain = Lab::new(options);
    plain.input("events.jsonl", &input);
    let expect = balance(&plain.run());

    let lab = Lab::new(options);
    lab.input("events.jsonl", &input);
    // Both stand before their first claim until both are there.
    let start = |_| {
        let mut command = lab.command(&["run", "pipeline.toml"]);
        command.env("FAILPOINTS", "commit:before_claim=1*sleep(3000)").spawn().unwrap()
    };
    let runs: Vec<Child> = (0..2).map(start).collect();
    let outputs: Vec<_> = runs.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    let mut codes: Vec<_> = outputs.iter().map(|output| output.status.code()).collect();
    codes.sort();
    assert_eq!(codes, [Some(0), Some(5)], "{outputs:?}");
    let fenced = outputs.iter().find(|output| output.status.code() == Some(5)).unwrap();
    let message = String::from_utf8_lossy(&fenced.stderr);
    assert!(message.contains("another writer"), "{message}");

    assert_eq!(lab.status()["tally"]["made_rows"], expect[1]);
    if let Some(differences) = difference(&plain.lake(), &lab.lake()) {
        assert_eq!(differences, Vec::<String>::new());
    }
}

#[test]
fn two_runs_over_archives_that_overlap_leave_each_event_once() {
    let lab = Lab::new("");
    let all = events("--agents 10 --events 600 --days 2 --seed 23");
    let lines: Vec<&str> = all.lines().collect();
    let text = std::fs::read_to_string(lab.path("pipeline.toml")).unwrap();
    for (name, part) in [("left", &lines[..400]), ("right", &lines[200..])] {
        std::fs::write(lab.path(name), part.join("\n") + "\n").unwrap();
        std::fs::write(lab.path(&format!("{name}.toml")), text.replace("in/*", name)).unwrap();
    }
    // Each has read the log, and what the lake holds, before the other commits.
    let start = |name: &str| {
        let mut command = lab.command(&["run", &format!("{name}.toml"), "--output", "json"]);
        command.env("FAILPOINTS", "commit:before_claim=1*sleep(3000)").spawn().unwrap()
    };
    let runs = [start("left"), start("right")];
    let mut duplicates = 0;
    for output in runs.map(|run| run.wait_with_output().unwrap()) {
        assert!(output.status.success(), "{output:?}");
        duplicates += balance(&serde_json::from_slice(&output.stdout).unwrap())[2];
    }
    assert_eq!((duplicates, lab.status()["tables"]["agent_event"]["rows"].as_u64()), (200, Some(600)));
}

/// The days that are derived first are not those of the other run, so that its epoch is in nobody's way; and its events are
/// stale.
#[test]
fn what_another_run_left_claimed_is_published_before_it_is_derived() {
    let lab = Lab::new("");
    let all = events("--agents 10 --events 1200 --days 6 --seed 29");
    let day =
        |line: &&str| line.split("\"EventTimestamp\":\"").nth(1).and_then(|rest| rest.get(..10)).map(str::to_owned);
    let (first, last) =
        (all.lines().filter_map(|line| day(&line)).min(), all.lines().filter_map(|line| day(&line)).max());
    let of = |wanted: &Option<String>| -> String {
        all.lines().filter(|line| day(line) == *wanted).map(|line| format!("{line}\n")).collect()
    };
    let plain = Lab::new("");
    let text = std::fs::read_to_string(lab.path("pipeline.toml")).unwrap();
    for (name, day) in [("late", &last), ("early", &first)] {
        assert!(!of(day).is_empty());
        plain.input(name, of(day));
        std::fs::write(lab.path(name), of(day)).unwrap();
        std::fs::write(lab.path(&format!("{name}.toml")), text.replace("in/*", name)).unwrap();
    }
    plain.run();
    let start = |name: &str, failpoints: &str| {
        let mut command = lab.command(&["run", &format!("{name}.toml"), "--output", "json"]);
        command.env("FAILPOINTS", failpoints).spawn().unwrap()
    };
    // It stands before the claim of what it derived while the other one claims its events and dies.
    let deriving = start("late", "commit:before_claim=1*off->1*sleep(5000)->off");
    wait_until("its events are there", || lab.lake().join("agent_event").exists());
    let dying = start("early", "commit:after_claim=return").wait_with_output().unwrap();
    assert_eq!(dying.status.code(), None, "{dying:?}");
    let output = deriving.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(difference(&plain.lake(), &lab.lake()).unwrap_or_default(), Vec::<String>::new());
}

#[test]
fn a_table_belongs_to_one_pipeline_and_options_to_its_log() {
    let lab = Lab::new("");
    lab.input("events.jsonl", events("--agents 3 --events 20"));
    lab.run();
    let original = std::fs::read_to_string(lab.path("pipeline.toml")).unwrap();

    std::fs::write(lab.path("pipeline.toml"), original.replace("\"lab\"", "\"other\"")).unwrap();
    let (code, _, message) = lab.try_run();
    assert_eq!(code, Some(2), "{message}");
    assert!(message.contains("agent_event") && message.contains("lab"), "{message}");

    let changed = original.replace("[transform.connect]", "[transform.connect]\ndedup = { horizon = \"24h\" }");
    std::fs::write(lab.path("pipeline.toml"), changed).unwrap();
    let (code, _, message) = lab.try_run();
    assert_eq!(code, Some(2), "{message}");
    assert!(message.contains("transform.connect.dedup.horizon") && message.contains("--accept-change"), "{message}");
    let accepted = lab.command(&["run", "pipeline.toml", "--accept-change"]).output().unwrap();
    assert!(accepted.status.success(), "{accepted:?}");
}
