//! `tributary check`: what can be used, what cannot, and what to grant.

use std::fs::{self, OpenOptions};
use std::io::Write;

use serde_json::json;

use crate::engines::Engines;
use crate::engines::s3rver::{self, S3rver};
use crate::engines::weed::{READER, Weed};
use crate::inputs::events;
use crate::lab::{Lab, balance, difference, text};

#[test]
fn a_folder_can_be_used() {
    let lab = Lab::new("");
    lab.input("events.jsonl", "");
    let output = lab.command(&["check", "pipeline.toml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = text(&output.stdout);
    assert!(said.lines().count() >= 10 && said.lines().all(|line| line.starts_with("ok ")), "{said}");
    let probes = fs::read_dir(lab.lake().join("_tributary/probes")).unwrap();
    assert_eq!(probes.count(), 0, "what was tried is removed");
    // Nothing to read is a mistake of the sources, not of the lake.
    let lab = Lab::new("");
    let output = lab.command(&["check", "pipeline.toml"]).output().unwrap();
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.starts_with("FAILED  open the source files:") && said.matches("FAILED").count() == 1, "{said}");
}

#[test]
fn a_right_that_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let Some(weed) = Weed::start(folder.path()) else { return };
    let lab = Lab::in_s3(&weed.endpoint(), "check", "");
    lab.input("events.jsonl", "");
    let output = lab.command(&["check", "pipeline.toml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    // Somebody who may read and list alone.
    let output = lab.command(&["check", "pipeline.toml"]).envs(READER).output().unwrap();
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for line in
        ["FAILED  create an object:", "FAILED  upload in parts:", "FAILED  delete objects:", "ok      list objects:"]
    {
        assert!(said.contains(line), "{line} in {said}");
    }
    assert!(said.contains("grant s3:PutObject on the objects (AccessDenied"), "{said}");
    assert!(!said.contains("secret"), "{said}");
    let output = lab.command(&["run", "pipeline.toml"]).envs(READER).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "a run says so at once, too");
    assert!(text(&output.stderr).contains("grant s3:PutObject"), "{}", text(&output.stderr));
}

/// Promises that nobody else writes to the lake in S3.
fn promise(lab: &Lab) {
    // The last table of a lab in S3 is `[lake.s3]`.
    let mut pipeline = OpenOptions::new().append(true).open(lab.path("pipeline.toml")).unwrap();
    pipeline.write_all(b"exclusive = true\n").unwrap();
}

#[test]
fn a_server_that_ignores_conditions_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let Some(s3rver) = S3rver::start(folder.path()) else { return };
    let lab = Lab::in_s3(&s3rver.endpoint(), "ignored", "");
    lab.input("events.jsonl", events("--agents 5 --events 200 --days 2 --seed 41"));
    let ask = |verb: &str| {
        let output = lab.command(&[verb, "pipeline.toml"]).envs(s3rver::KEYS).output().unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (missing, cure) = (
        "the server ignores conditional writes (PutObject with If-None-Match: *)",
        "set exclusive = true in [lake.s3] if",
    );
    let (code, _, said) = ask("run");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains(missing) && said.contains(cure) && said.contains("code: store/unusable"), "{said}");
    assert_eq!(fs::read_dir(folder.path().join("data/lake")).unwrap().count(), 0, "nothing is left there");
    let (code, said, _) = ask("check");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains(&format!("FAILED  create it once only: {missing}")) && said.contains(cure), "{said}");

    // With the promise it is another flaw that stands in the way: its tag of an object is not that of the parts, so that
    // nobody can say whether the object is what was uploaded. It is not believed.
    promise(&lab);
    let (code, said, _) = ask("check");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("ok      create it once only: refused the second time"), "{said}");
    assert!(said.contains("FAILED  complete an upload: _tributary/probes/upload-"), "{said}");
    let (code, _, said) = ask("run");
    assert_eq!(code, Some(6), "{said}");
    assert!(said.contains("code: commit/damaged"), "{said}");
}

/// Nothing that is sent then asks for a condition, so that any server will do.
#[test]
fn a_lake_that_is_promised_to_one_process_is_that_of_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (Some(weed), Some(engines)) = (Weed::start(folder.path()), Engines::get()) else { return };
    let lines = events("--agents 10 --events 2000 --days 2 --seed 42 --duplicates 0.02");
    let plain = Lab::new("");
    plain.input("events.jsonl", &lines);
    let lab = Lab::in_s3(&weed.endpoint(), "exclusive", "");
    promise(&lab);
    lab.input("events.jsonl", &lines);
    assert_eq!(balance(&lab.run()), balance(&plain.run()));
    assert_eq!(lab.run()["tally"]["read"], json!(0), "it knows what it has read");
    let fetched = lab.fetch(&engines, &weed.endpoint(), "fetched");
    assert_eq!(difference(&plain.lake(), &fetched), Some(Vec::new()));
}
