//! `tributary check`: what can be used, what cannot, and what to grant.

use crate::engines::weed::{READER, Weed};
use crate::lab::{Lab, text};

#[test]
fn a_folder_can_be_used() {
    let lab = Lab::new("");
    lab.input("events.jsonl", "");
    let output = lab.command(&["check", "pipeline.toml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = text(&output.stdout);
    assert!(said.lines().count() >= 10 && said.lines().all(|line| line.starts_with("ok ")), "{said}");
    let probes = std::fs::read_dir(lab.lake().join("_tributary/probes")).unwrap();
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
