//! What templates and fields are called, asked of Amazon Connect Cases: kept, asked for again, and done without.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use tributary_testkit::{CasesFault, CasesServer};

use crate::cases::{DOMAIN, instances};
use crate::cases_poll::NOW;
use crate::engines::{Engine, Engines};
use crate::lab::{Lab, text};
use crate::stream::{Stream, wait_at_most, wait_until};

const FIELD: &str = "f0000000-0000-4000-8000-000000000001";

/// A domain with one template and one field of moments.
fn domain() -> CasesServer {
    let server = CasesServer::start(DOMAIN, NOW).unwrap();
    name(&server, "Loss", "Due");
    server
}

fn name(server: &CasesServer, template: &str, field: &str) {
    let mut domain = server.domain();
    domain.templates.insert("t1".to_owned(), template.to_owned());
    domain.fields.insert(FIELD.to_owned(), (field.to_owned(), "DateTime".to_owned()));
}

fn lab(server: &CasesServer, refresh: &str) -> Lab {
    let api = format!(
        "[transform.connect.cases_api]\ncache = \"kept/names.json\"\nrefresh = {refresh:?}\nrate = 1000\n\
         region = \"eu-central-1\"\nendpoint = {:?}\n",
        server.endpoint()
    );
    let lab = Lab::new(&format!("{api}[commit]\nevery = \"1s\""));
    lab.connect(&instances());
    lab
}

fn event(number: u32) -> String {
    json!({
        "version": "0", "id": format!("e{number}"), "detail-type": "Amazon Connect Cases Change", "source": "aws.cases",
        "account": "004711000815", "time": "2025-03-10T10:00:00Z", "region": "eu-central-1",
        "resources": [format!("arn:aws:cases:eu-central-1:004711000815:domain/{DOMAIN}")],
        "detail": {
            "eventType": "CASE.UPDATED", "approximateChangeTime": format!("2025-03-10T09:{:02}:00.000Z", number % 60),
            "changedFieldIds": [FIELD], "case": {"caseId": "c1", "templateId": "t1",
                "fields": {FIELD: {"value": {"stringValue": "2025-04-01T12:00:00.000Z"}}}},
        },
    })
    .to_string()
        + "\n"
}

/// Of each event the name of its template, the name of its field, and whether that is a moment.
fn named(lab: &Lab) -> Option<Value> {
    let engines = Engines::get()?;
    let files = lab.lake().join("case_events_flattened/*/*.parquet");
    let query = format!(
        "sql:SELECT template_name, custom_field_name, custom_field_timestamp_value IS NOT NULL FROM read_parquet('{}') ORDER BY event_id",
        files.display()
    );
    Some(engines.ask(Engine::DuckDb, &lab.lake(), &[&query])[0]["rows"].clone())
}

fn denied(operation: &'static str) -> Vec<CasesFault> {
    vec![CasesFault { operation: Some(operation), code: "AccessDeniedException", status: 403, every: 1 }]
}

#[test]
fn names_are_asked_for_once_and_kept() {
    let server = domain();
    let lab = lab(&server, "1h");
    lab.input("1.jsonl", event(1));
    lab.run();
    let asked: Vec<&str> = server.domain().calls().iter().map(|call| call.operation).collect();
    assert_eq!(asked, ["ListDomains", "ListTemplates", "ListFields"]);
    // What is kept is young enough.
    name(&server, "Damage", "Until");
    lab.input("2.jsonl", event(2));
    lab.run();
    assert_eq!(server.domain().calls().len(), 3);
    let status = lab.status();
    assert!(status["names"]["age_seconds"].as_u64().unwrap() < 600, "{status}");
    assert_eq!((&status["names"]["templates"], &status["names"]["fields"]), (&json!(1), &json!(1)));
    let said = text(&lab.command(&["status", "pipeline.toml"]).output().unwrap().stdout);
    assert!(said.contains("names of 1 templates and 1 fields, "), "{said}");
    // What is too old is asked for again, unless it cannot be.
    let kept = fs::read_to_string(lab.path("kept/names.json")).unwrap();
    let mut old: Value = serde_json::from_str(&kept).unwrap();
    old["asked_at"] = json!("2026-01-01T00:00:00.000000Z");
    fs::write(lab.path("kept/names.json"), old.to_string()).unwrap();
    server.domain().faults = denied("ListFields");
    lab.input("3.jsonl", event(3));
    let (code, _, stderr) = lab.try_run();
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("begins with old answers") && stderr.contains("grant cases:ListFields"), "{stderr}");
    server.domain().faults.clear();
    lab.input("4.jsonl", event(4));
    lab.run();
    // Names of another domain are none of this one's.
    let pipeline = fs::read_to_string(lab.path("pipeline.toml")).unwrap();
    let line = "cache = \"kept/names.json\"\n";
    fs::write(lab.path("pipeline.toml"), pipeline.replace(line, &format!("{line}domain = \"d-2\"\n"))).unwrap();
    let (code, _, stderr) = lab.try_run();
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("there is no domain d-2"), "{stderr}");
    let Some(named) = named(&lab) else { return };
    let (old, new) = (json!(["Loss", "Due", true]), json!(["Damage", "Until", true]));
    assert_eq!(named, json!([old, old, old, new]));
}

/// Without any names a run would write nulls for ever.
#[test]
fn without_names_a_run_does_not_begin() {
    let server = domain();
    server.domain().faults = denied("ListTemplates");
    let lab = lab(&server, "1h");
    lab.input("1.jsonl", event(1));
    let (code, _, stderr) = lab.try_run();
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("grant cases:ListTemplates on the domain"), "{stderr}");
    let said = |lab: &Lab| text(&lab.command(&["check", "pipeline.toml"]).output().unwrap().stdout);
    let answer = said(&lab);
    assert!(answer.contains("FAILED  ask for the names of templates and fields:"), "{answer}");
    server.domain().faults.clear();
    let answer = said(&lab);
    assert!(answer.contains("ok      ask for the names of templates and fields: 1 templates and 1 fields"), "{answer}");
}

#[test]
fn a_stream_learns_new_names() {
    let server = domain();
    let lab = lab(&server, "10s");
    let pipeline = fs::read_to_string(lab.path("pipeline.toml")).unwrap();
    let pipeline = pipeline.replace("\"batch\"", "\"streaming\"").replace("[\"in/*\"]", "[\"in/*\"]\npoll = \"1s\"");
    fs::write(lab.path("pipeline.toml"), pipeline).unwrap();
    lab.input("1.jsonl", event(1));
    let stream = Stream::start(&lab);
    let made = |lab: &Lab| lab.lake().exists().then(|| lab.status()["tally"]["made_rows"].clone());
    wait_until("the first event is there", || made(&lab) == Some(json!(1)));
    name(&server, "Damage", "Until");
    let before = server.domain().calls().len();
    wait_at_most(Duration::from_secs(60), "names are asked for again", || server.domain().calls().len() >= before + 3);
    // What was answered is known a moment later.
    std::thread::park_timeout(Duration::from_secs(1));
    lab.input("2.jsonl", event(2));
    wait_until("the second event is there", || made(&lab) == Some(json!(2)));
    assert_eq!(stream.stop()["outcome"], "drained");
    let Some(named) = named(&lab) else { return };
    assert_eq!(named, json!([["Loss", "Due", true], ["Damage", "Until", true]]));
}
