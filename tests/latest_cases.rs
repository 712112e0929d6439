//! The newest state of each case equals the view of AWS over its events, however they came.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cases::{DOMAIN, instances};
use crate::engines::{Engine, Engines};
use crate::lab::{Lab, output_of};

/// AWS's view, with what breaks its ties.
const VIEW: &str = "SELECT * EXCLUDE (rn) FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY case_id, instance_id ORDER BY \
    event_timestamp DESC, last_updated_timestamp DESC NULLS LAST, event_id DESC) AS rn FROM events \
    WHERE case_id IS NOT NULL) WHERE rn = 1";

fn lab() -> Lab {
    let lab = Lab::new("");
    lab.connect(&instances());
    lab
}

/// An event of a case. Moments are few, so that many are tied.
fn event(number: u64, case: u64) -> Value {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let mut fields = json!({
        "title": {"value": {"stringValue": format!("title {number}")}},
        "f0000000-0000-4000-8000-000000000001": {"value": {"doubleValue": number as f64}},
    });
    if !mixed.is_multiple_of(3) {
        let updated = format!("2025-03-10T09:{:02}:00.000Z", mixed % 2);
        fields["last_updated_datetime"] = json!({"value": {"stringValue": updated}});
    }
    json!({
        "version": "0", "id": format!("e{:05}", mixed % 100_000), "detail-type": "Amazon Connect Cases Change",
        "source": "aws.cases", "account": "004711000815", "time": "2025-03-12T10:00:00Z",
        "resources": [format!("arn:aws:cases:eu-central-1:004711000815:domain/{DOMAIN}")],
        "detail": {
            "eventType": "CASE.UPDATED", "approximateChangeTime": format!("2025-03-{:02}T09:05:0{}.000Z", 10 + mixed / 4 % 2, mixed / 8 % 4),
            "changedFieldIds": ["title"], "case": {"caseId": format!("case-{case}"), "templateId": "t1", "fields": fields},
        },
    })
}

fn events(numbers: std::ops::Range<u64>, cases: u64) -> String {
    numbers.map(|number| event(number, number % cases).to_string() + "\n").collect()
}

/// Rows of the table that the view lacks, and the other way round.
fn differences(engines: &Engines, lab: &Lab) -> Value {
    let files = |table: &str| lab.lake().join(table).join("*/*.parquet").display().to_string();
    let queries = format!(
        "sql:WITH events AS (SELECT * FROM read_parquet('{}', hive_partitioning = false)), expected AS ({VIEW}), \
         latest AS (SELECT * FROM read_parquet('{}', hive_partitioning = false)) \
         SELECT (SELECT count(*) FROM (FROM latest EXCEPT ALL BY NAME FROM expected)), \
         (SELECT count(*) FROM (FROM expected EXCEPT ALL BY NAME FROM latest)), (SELECT count(*) FROM latest)",
        files("case_events"),
        files("latest_case_state"),
    );
    let queries = queries.replace("EXCEPT ALL BY NAME", "EXCEPT ALL");
    engines.ask(Engine::DuckDb, &lab.lake(), &[&queries])[0]["rows"][0].clone()
}

fn buckets(lab: &Lab) -> BTreeSet<String> {
    let table = lab.lake().join("latest_case_state");
    let files = |bucket: std::fs::DirEntry| std::fs::read_dir(bucket.path()).unwrap();
    let all = std::fs::read_dir(table).unwrap().flat_map(|bucket| files(bucket.unwrap()));
    all.map(|file| file.unwrap().path().strip_prefix(lab.lake()).unwrap().display().to_string()).collect()
}

#[test]
fn equals_the_view_after_each_run() {
    let lab = lab();
    let Some(engines) = Engines::get() else { return };
    for (run, numbers) in [0..400, 400..500, 500..1_200].into_iter().enumerate() {
        lab.input(&format!("{run}.jsonl"), events(numbers, 150));
        lab.run();
        assert_eq!(differences(&engines, &lab), json!([0, 0, 150]), "run {run}");
    }
    // One event more of one case: its bucket is written anew, the others stay what they are.
    let before = buckets(&lab);
    lab.input("more.jsonl", events(9_000..9_001, 150));
    lab.run();
    let after = buckets(&lab);
    assert_eq!(differences(&engines, &lab), json!([0, 0, 150]));
    assert_eq!((before.difference(&after).count(), after.difference(&before).count()), (1, 1));
    // The same event again adds nothing, and nothing is written.
    lab.input("again.jsonl", events(9_000..9_001, 150));
    lab.run();
    assert_eq!(buckets(&lab), after);
    // All of it anew is the same.
    let said = output_of(
        lab.command(&["rebuild", "pipeline.toml", "--table", "latest_case_state"]).stderr(std::process::Stdio::null()),
    );
    assert!(crate::lab::text(&said).contains("150  rows"), "{}", crate::lab::text(&said));
    assert_eq!(differences(&engines, &lab), json!([0, 0, 150]));
    assert!(buckets(&lab).is_disjoint(&after));
}

/// Killed between its claim and what makes it visible, it is there once after the next run.
#[test]
fn a_kill_leaves_no_half() {
    let Some(engines) = Engines::get() else { return };
    for failpoint in ["commit:after_claim", "commit:after_first_complete", "commit:before_done", "seal:after_all"] {
        let lab = lab();
        lab.input("0.jsonl", events(0..300, 40));
        lab.run();
        lab.input("1.jsonl", events(300..500, 40));
        // The first commit is that of the events.
        let mut command = lab.command(&["run", "pipeline.toml", "--no-progress"]);
        command.env("FAILPOINTS", format!("{failpoint}=1*off->return"));
        assert!(!command.output().unwrap().status.success(), "{failpoint}");
        lab.run();
        assert_eq!(differences(&engines, &lab), json!([0, 0, 40]), "{failpoint}");
    }
}
