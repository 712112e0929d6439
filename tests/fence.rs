//! Two runs of one pipeline at once.

use std::process::Child;

use crate::inputs::events;
use crate::lab::{Lab, balance, difference};

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
