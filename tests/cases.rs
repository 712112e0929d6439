//! Events of cases, in one stream with those of agents: every table of theirs, once, and only what was asked for.

use serde_json::{Value, json};

use crate::engines::{Engine, Engines};
use crate::inputs::events;
use crate::lab::{Lab, balance};

const INSTANCE: &str = "0a1b2c3d-1111-4222-8333-444455556666";
pub(crate) const DOMAIN: &str = "d0000000-0000-4000-8000-000000000001";
const DUE: &str = "f0000000-0000-4000-8000-000000000001";
const AMOUNT: &str = "f0000000-0000-4000-8000-000000000002";

const LOOKUPS: &str = "[templates]\nt1 = \"Loss\"\n[fields]\n\
    f0000000-0000-4000-8000-000000000001 = { name = \"Due\", type = \"DateTime\" }\n\
    f0000000-0000-4000-8000-000000000002 = { name = \"Amount\", type = \"Number\" }\n";

fn case(number: u32, kind: &str, second: u32, fields: &Value) -> Value {
    json!({
        "version": "0", "id": format!("e{number}"), "detail-type": "Amazon Connect Cases Change", "source": "aws.cases",
        "account": "004711000815", "time": "2025-03-10T10:00:00Z", "region": "eu-central-1",
        "resources": [format!("arn:aws:cases:eu-central-1:004711000815:domain/{DOMAIN}")],
        "detail": {
            "version": "0", "eventType": kind, "approximateChangeTime": format!("2025-03-10T09:05:{second:02}.000Z"),
            "changedFieldIds": ["status", "title"],
            "performedBy": {"iamPrincipalArn": "arn:aws:iam::004711000815:role/r"},
            "case": {"caseId": "c1", "templateId": "t1", "createdDateTime": "2025-03-10T09:00:00.000Z", "fields": fields},
        },
    })
}

fn comment(number: u32) -> Value {
    json!({
        "version": "0", "id": format!("e{number}"), "detail-type": "Amazon Connect Cases Change", "source": "aws.cases",
        "account": "004711000815", "time": "2025-03-10T10:00:00Z", "region": "eu-central-1",
        "resources": [format!("arn:aws:cases:eu-central-1:004711000815:domain/{DOMAIN}")],
        "detail": {
            "version": "0", "eventType": "RELATED_ITEM.CREATED", "approximateChangeTime": "2025-03-10T09:06:00.000Z",
            "performedBy": {"user": {"customEntity": "sync"}},
            "relatedItem": {"relatedItemType": "Comment", "relatedItemId": "r1", "caseId": "c1",
                "createdDateTime": "2025-03-10T09:06:00.000Z", "comment": {"body": "call back", "contentType": "Text/Plain"}},
        },
    })
}

fn audit() -> Value {
    let event = |number: u32| {
        json!({"eventId": format!("a{number}"), "type": "Case.Updated", "performedTime": "2025-03-10T09:05:00.000000+00:00",
            "fields": [{"eventFieldId": "status", "oldValue": {"stringValue": "open"}, "newValue": {"stringValue": "closed"}},
                {"eventFieldId": AMOUNT, "newValue": {"doubleValue": 2.5}}],
            "performedBy": {"iamPrincipalArn": "arn:aws:iam::004711000815:role/r"}})
    };
    json!({"domainId": DOMAIN, "caseId": "c1", "auditEvents": [event(1), event(2)]})
}

/// Two events of a case, a comment, two audit events, and one of a case that belongs to nobody.
fn payloads() -> String {
    let fields = json!({
        "status": {"value": {"stringValue": "open"}}, DUE: {"value": {"stringValue": "2025-04-01T12:00:00.000Z"}},
        AMOUNT: {"value": {"doubleValue": 2.5}}, "customer_id": {"value": {"stringValue": "arn:aws:profile:::p1"}},
    });
    let mut lost = case(9, "CASE.UPDATED", 9, &json!({}));
    lost["resources"] = json!(["arn:aws:cases:eu-central-1:004711000815:domain/unknown"]);
    let all =
        [case(1, "CASE.CREATED", 1, &fields), case(2, "CASE.DELETED", 2, &Value::Null), comment(3), audit(), lost];
    all.map(|payload| payload.to_string()).join("\n") + "\n"
}

fn lab(transform: &str, more: &str) -> Lab {
    let lab = Lab::new(more);
    lab.connect(&format!("{}lookups = \"lookups.toml\"\n{transform}", instances()));
    std::fs::write(lab.path("lookups.toml"), LOOKUPS).unwrap();
    lab
}

/// Whose the domain is.
pub(crate) fn instances() -> String {
    format!("instances = {{ \"{DOMAIN}\" = \"{INSTANCE}\" }}\n")
}

#[test]
fn agents_and_cases_come_out_of_one_stream() {
    let lab = lab("", "");
    let agents = events("--agents 5 --events 200 --seed 3");
    lab.input("events.jsonl", format!("{agents}{}", payloads()));
    let summary = lab.run();
    assert_eq!(balance(&summary), [206, 205, 0, 1, 0], "{summary}");
    let tables = &lab.status()["tables"];
    let rows = |table: &str| tables[table]["rows"].as_u64().unwrap_or(0);
    let expected =
        [("case_events", 2), ("case_related_item_events", 1), ("case_events_flattened", 2), ("case_field_changes", 4)];
    for (table, count) in expected {
        assert_eq!(rows(table), count, "{table}");
    }
    assert_eq!((rows("agent_event"), rows("rejected")), (200, 1));
    // The same under another name: nothing is added, whichever table the keys are in.
    lab.input("again.jsonl", payloads());
    assert_eq!(balance(&lab.run()), [6, 0, 5, 1, 0]);

    let Some(engines) = Engines::get() else { return };
    let ask = |table: &str, columns: &str| {
        let files = lab.lake().join(table).join("*/*.parquet");
        let query = format!("sql:SELECT {columns} FROM read_parquet('{}') ORDER BY ALL", files.display());
        engines.ask(Engine::DuckDb, &lab.lake(), &[&query])[0]["rows"].clone()
    };
    assert_eq!(
        ask("case_events", "event_id, instance_id, case_id, template_name, status, len(custom_fields)"),
        json!([["e1", INSTANCE, "c1", "Loss", "open", 2], ["e2", INSTANCE, "c1", "Loss", null, null]])
    );
    assert_eq!(
        ask(
            "case_events_flattened",
            "custom_field_name, custom_field_type, custom_field_double_value, epoch_ms(custom_field_timestamp_value)"
        ),
        json!([["Amount", "double", 2.5, null], ["Due", "timestamp", null, 1_743_508_800_000_i64]])
    );
    assert_eq!(
        ask("case_related_item_events", "event_type, related_item_type, comment_body, performed_by_custom_entity"),
        json!([["CASE.RELATED_ITEM.CREATED", "comment", "call back", "sync"]])
    );
    assert_eq!(
        ask("case_field_changes", "event_id, field_name, old_string_value, new_string_value, new_double_value"),
        json!([
            ["a1", "Amount", null, null, 2.5],
            ["a1", null, "open", "closed", null],
            ["a2", "Amount", null, null, 2.5],
            ["a2", null, "open", "closed", null]
        ])
    );
    assert_eq!(
        ask("rejected", "reason, message LIKE '%unknown\" = %'"),
        json!([["no_instance", true], ["no_instance", true]])
    );
}

/// Neither a comment nor the ARN of a profile is anywhere in the lake as it came.
#[test]
fn what_is_private_is_nowhere() {
    let lab = lab("", "[privacy]\ncomments = \"drop\"\ncustomer_profiles = \"hash\"\nkey_file = \"privacy.key\"\n");
    std::fs::write(lab.path("privacy.key"), "k1\n").unwrap();
    lab.input("events.jsonl", payloads());
    assert_eq!(balance(&lab.run()), [6, 5, 0, 1, 0]);
    // Under another key the same person would be somebody else.
    std::fs::write(lab.path("privacy.key"), "k2\n").unwrap();
    let (code, _, stderr) = lab.try_run();
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("commit/options-differ") && stderr.contains("privacy.key"), "{stderr}");
    let Some(engines) = Engines::get() else { return };
    let ask = |query: &str| engines.ask(Engine::DuckDb, &lab.lake(), &[&format!("sql:{query}")])[0]["rows"].clone();
    let files = |table: &str| lab.lake().join(table).join("*/*.parquet").display().to_string();
    let hashed = format!(
        "SELECT length(customer_profile_arn) FROM read_parquet('{}') WHERE event_id = 'e1'",
        files("case_events")
    );
    assert_eq!(ask(&hashed), json!([[64]]));
    let bodies = format!("SELECT comment_body FROM read_parquet('{}')", files("case_related_item_events"));
    assert_eq!(ask(&bodies), json!([[null]]));
    let refused = format!("SELECT octet_length(bytes), length > 100 FROM read_parquet('{}')", files("rejected"));
    assert_eq!(ask(&refused), json!([[0, true]]));
}

#[test]
fn families_that_are_not_asked_for_are_skipped() {
    let lab = lab("families = [\"case\"]\ntables = [\"case_events\"]", "");
    let agents = events("--agents 5 --events 20 --seed 3");
    lab.input("events.jsonl", format!("{agents}{}", payloads()));
    let summary = lab.run();
    assert_eq!(balance(&summary), [25, 2, 0, 1, 22], "{summary}");
    assert_eq!(summary["tally"]["skipped"], json!({"agent": 20, "case": 1, "case_audit": 1}));
}

#[test]
fn a_file_of_look_ups_that_is_wrong_is_named() {
    let lab = lab("", "");
    std::fs::write(lab.path("lookups.toml"), "[fields]\nf = { type = \"Date\" }\n").unwrap();
    lab.input("events.jsonl", payloads());
    let (code, _, said) = lab.try_run();
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("lookups.toml") && said.contains("none of Text") && said.contains("pipeline/lookups"),
        "{said}"
    );
}
