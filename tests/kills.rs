//! Killed at every failpoint and run again: the rows of a plain run, once each.

use crate::engines::Engines;
use crate::engines::weed::Weed;
use crate::inputs::events;
use crate::lab::{Lab, balance, difference};

/// Every place where a run can be killed, and how often it is passed before.
const FAILPOINTS: [(&str, u32); 20] = [
    ("read:after_batch", 1),
    ("transform:after_apply", 1),
    ("write:after_rows", 2),
    ("write:after_part", 3),
    ("seal:begin", 1),
    ("seal:before_file", 2),
    ("seal:after_file", 2),
    ("seal:after_all", 1),
    ("store:before_create", 1),
    ("store:after_create", 1),
    ("commit:before_claim", 1),
    ("commit:after_claim", 1),
    ("commit:between", 1),
    ("store:before_complete", 1),
    ("store:after_complete", 1),
    ("commit:after_first_complete", 1),
    ("commit:before_done", 1),
    ("commit:after_done", 1),
    ("store:after_create", 0),
    ("commit:recovering", 0),
];

fn input(count: u32) -> String {
    events(&format!("--agents 20 --events {count} --days 2 --seed 9 --duplicates 0.02 --malformed 0.01"))
}

const OPTIONS: &str = "[commit]\ninput = \"1 MiB\"";

#[test]
fn at_every_failpoint() {
    let plain = Lab::new(OPTIONS);
    plain.input("events.jsonl", input(1_500));
    let expect = balance(&plain.run());

    for failpoint in FAILPOINTS {
        let lab = Lab::new(OPTIONS);
        kill_and_run_again(&lab, &input(1_500), failpoint, expect);
        if let Some(differences) = difference(&plain.lake(), &lab.lake()) {
            assert_eq!(differences, Vec::<String>::new(), "{failpoint:?}");
        }
    }
}

/// The same on a server: what is uploaded outlives the process there, and so does a claim whose reply nobody read.
#[test]
fn at_every_failpoint_in_s3() {
    let folder = tempfile::tempdir().unwrap();
    let (Some(weed), Some(engines)) = (Weed::start(folder.path()), Engines::get()) else { return };
    let plain = Lab::new(OPTIONS);
    plain.input("events.jsonl", input(700));
    let expect = balance(&plain.run());

    for (number, failpoint) in FAILPOINTS.into_iter().enumerate() {
        let lab = Lab::in_s3(&weed.endpoint(), &format!("kills/{number}"), OPTIONS);
        kill_and_run_again(&lab, &input(700), failpoint, expect);
        let fetched = lab.fetch(&engines, &weed.endpoint(), "fetched");
        assert_eq!(difference(&plain.lake(), &fetched), Some(Vec::new()), "{failpoint:?}");
    }
}

fn kill_and_run_again(lab: &Lab, input: &str, (failpoint, times): (&str, u32), expect: [u64; 5]) {
    lab.input("events.jsonl", input);
    let mut killed = lab.command(&["run", "pipeline.toml"]);
    let action = if times == 0 { "return".to_owned() } else { format!("{times}*off->return") };
    let output = killed.env("FAILPOINTS", format!("{failpoint}={action}")).output().unwrap();
    assert_eq!(output.status.code(), None, "{failpoint} killed nobody: {output:?}");

    lab.run();
    let status = lab.status();
    assert_eq!(status["tally"]["read"], expect[0], "{failpoint}");
    assert_eq!(status["tally"]["made_rows"], expect[1], "{failpoint}");
}
