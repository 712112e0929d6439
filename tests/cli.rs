//! What a person types and reads.

use crate::inputs::events;
use crate::lab::{Lab, text};

#[test]
fn validate_names_every_mistake_with_its_place() {
    let lab = Lab::new("");
    let broken = "version = 1\nname = \"lab\"\nmode = \"batsh\"\n[sources.files.file]\npath = [\"in/*\"]\n[lake]\nlocation = \"lake\"\n\
                  [commit]\nevery = \"60\"\n";
    std::fs::write(lab.path("broken.toml"), broken).unwrap();
    let output = lab.command(&["validate", "broken.toml", "pipeline.toml"]).output().unwrap();
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for part in ["broken.toml:3:", "broken.toml:5:1", "broken.toml:9:", "did you mean", "pipeline.toml: fine"] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    // `run` refuses it with the same words and the same code.
    let output = lab.command(&["run", "broken.toml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("broken.toml:5:1"), "{}", text(&output.stderr));
}

#[test]
fn an_environment_variable_overrides_an_option() {
    let lab = Lab::new("");
    lab.input("events.jsonl", events("--agents 3 --events 10"));
    let mut command = lab.command(&["run", "pipeline.toml"]);
    let output = command.env("TRIBUTARY__LAKE__LOCATION", lab.path("elsewhere")).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(lab.path("elsewhere/agent_event").is_dir() && !lab.lake().exists());
    let mut command = lab.command(&["validate", "pipeline.toml"]);
    let output = command.env("TRIBUTARY__COMMIT__EVERY", "soon").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stdout).contains("TRIBUTARY__COMMIT__EVERY"), "{}", text(&output.stdout));
}

#[test]
fn schema_shows_the_published_columns() {
    let lab = Lab::new("");
    let output = lab.command(&["schema", "show", "agent_event", "--output", "json"]).output().unwrap();
    let table: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(table["columns"].as_array().unwrap().len(), 67);
    let list = lab.command(&["schema", "list"]).output().unwrap();
    assert!(text(&list.stdout).contains("agent_event_contacts"));
    let unknown = lab.command(&["schema", "show", "agents"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("agent_event"), "{}", text(&unknown.stderr));
}

#[test]
fn status_before_and_after_a_run() {
    let lab = Lab::new("");
    let before = lab.command(&["status", "pipeline.toml"]).output().unwrap();
    assert!(text(&before.stdout).contains("nothing"), "{before:?}");
    assert!(!lab.lake().exists(), "looking makes nothing");
    lab.input("events.jsonl", events("--agents 3 --events 10"));
    lab.run();
    let after = text(&lab.command(&["status", "pipeline.toml"]).output().unwrap().stdout);
    for part in ["agent_event", "published", "events.jsonl"] {
        assert!(after.contains(part), "{part} is not in\n{after}");
    }
}

#[test]
fn a_signal_commits_what_was_read() {
    let lab = Lab::new("");
    lab.write_pipeline("-");
    let mut command = lab.command(&["run", "pipeline.toml", "--output", "json", "--log", "tributary::phase=debug"]);
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // More than a batch is written, and standard input stays open: the run waits for more.
    std::io::Write::write_all(&mut stdin, events("--agents 20 --events 3000").as_bytes()).unwrap();
    let mut said = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("writing") {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut said, &mut line).unwrap() > 0, "nothing was written");
    }
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    // What is said is read to its end, so that a full pipe holds nobody up.
    let rest = std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    let output = child.wait_with_output().unwrap();
    rest.join().unwrap().unwrap();
    drop(stdin);
    assert!(output.status.success(), "{output:?}");
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["outcome"], "drained");
    assert!(summary["tally"]["made_rows"].as_u64().unwrap() > 0);
    assert_eq!(lab.status()["tables"]["agent_event"]["rows"], summary["tally"]["made_rows"]);
}
