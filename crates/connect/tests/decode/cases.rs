//! Events of cases and audit events: golden files, rows written by hand, and input at random.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};
use tributary_connect::{Connect, FieldLookup, Known, Lookups, Options};
use tributary_core::{Decoded, RejectReason, Transform};

use crate::{decode, is_conserved, options, rows, samples};

const DOMAIN: &str = "22222222-0000-4000-8000-000000000001";
const INSTANCE: &str = "0a1b2c3d-1111-4222-8333-444455556666";
const DUE: &str = "66666666-0000-4000-8000-000000000003";

fn connect() -> Connect {
    let field = |name: &str, kind: &str| FieldLookup { name: Some(name.to_owned()), kind: Some(kind.to_owned()) };
    let lookups = Lookups {
        instances: BTreeMap::from([(DOMAIN.to_owned(), INSTANCE.to_owned())]),
        templates: BTreeMap::from([("44444444-0000-4000-8000-000000000001".to_owned(), "Loss".to_owned())]),
        fields: BTreeMap::from([(DUE.to_owned(), field("Due", "DateTime"))]),
        ..Lookups::default()
    };
    Connect::new(Options { lookups: Known::new(lookups).into(), ..options() })
}

fn one(payload: &Value) -> Decoded {
    decode(connect().decoder().as_mut(), &[payload.to_string()])
}

const TABLES: [&str; 4] = ["case_events", "case_related_item_events", "case_events_flattened", "case_field_changes"];

/// Rows without columns that are null, rejections and counts, for a snapshot.
fn outcome(decoded: &Decoded) -> Value {
    let filled = |row: Value| match row {
        Value::Object(columns) => columns.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        other => other,
    };
    let table = |table: &&str| ((*table).to_owned(), rows(decoded, table).into_iter().map(filled).collect::<Value>());
    let tables: BTreeMap<String, Value> = TABLES.iter().map(table).collect();
    let rejected = decoded.rejected.iter().map(|rejection| {
        json!({"reason": rejection.reason.as_str(), "field": rejection.field, "message": rejection.message})
    });
    json!({
        "tables": tables, "rejected": rejected.collect::<Vec<_>>(), "skipped": decoded.skipped,
        "read": decoded.read, "unknown_keys": decoded.unknown_keys,
    })
}

/// Other people's events are read to their last word: each has its row, and no field of theirs is unknown.
#[test]
fn samples_have_their_rows() {
    let instances = BTreeMap::from([("22222222-0000-0000-0000-000000000001".to_owned(), INSTANCE.to_owned())]);
    let lookups = Lookups { instances, ..Lookups::default() };
    let connect = Connect::new(Options { lookups: Known::new(lookups).into(), ..options() });
    let read = |payload: &Value| {
        let decoded = decode(connect.decoder().as_mut(), &[payload.to_string()]);
        assert!(decoded.rejected.is_empty() && decoded.skipped.is_empty(), "{:?}", decoded.rejected);
        let unknown = decoded.unknown_keys.keys().find(|name| !name.starts_with("lookup."));
        assert_eq!(unknown, None, "{payload}");
        decoded
    };
    for sample in samples("case-event-") {
        let payload: Value = serde_json::from_str(&sample).unwrap();
        let detail = &payload["detail"];
        let decoded = read(&payload);
        let item = &detail["relatedItem"]["relatedItemId"];
        if item.is_string() {
            let rows = rows(&decoded, "case_related_item_events");
            assert_eq!((rows.len(), &rows[0]["related_item_id"]), (1, item));
            continue;
        }
        let rows_of_events = rows(&decoded, "case_events");
        let row = &rows_of_events[0];
        assert_eq!((rows_of_events.len(), &row["case_id"]), (1, &detail["case"]["caseId"]));
        let fields = detail["case"]["fields"].as_object().unwrap();
        assert_eq!(row["status"], fields["status"]["value"]["stringValue"]);
        let custom = fields.keys().filter(|id| id.len() == 36).count();
        assert_eq!(rows(&decoded, "case_events_flattened").len(), custom);
    }
    for sample in samples("case-audit-events-") {
        let mut answer: Value = serde_json::from_str(&sample).unwrap();
        answer["domainId"] = json!("22222222-0000-0000-0000-000000000001");
        answer["caseId"] = json!("c1");
        let events = answer["auditEvents"].as_array().unwrap();
        let changes = events.iter().map(|event| event["fields"].as_array().map_or(0, Vec::len).max(1));
        assert_eq!(rows(&read(&answer), "case_field_changes").len(), changes.sum::<usize>());
    }
}

#[test]
fn golden() {
    for family in ["case", "audit"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(family);
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(files.len() > 3, "{files:?}");
        for file in files {
            let name = format!("{family}-{}", file.file_stem().unwrap().to_str().unwrap());
            let decoded = one(&serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap());
            assert!(is_conserved(&decoded), "{name}");
            assert_eq!(name.contains("refused"), !decoded.rejected.is_empty(), "{name}: {:?}", decoded.rejected);
            insta::assert_json_snapshot!(name, outcome(&decoded));
        }
    }
}

fn event(detail: &Value) -> Value {
    json!({
        "version": "0", "id": "e1", "detail-type": "Amazon Connect Cases Change", "source": "aws.cases",
        "account": "004711000815", "time": "2025-03-10T10:00:00Z", "region": "eu-central-1",
        "resources": [
            format!("arn:aws:cases:eu-central-1:004711000815:domain/{DOMAIN}"),
            format!("arn:aws:cases:eu-central-1:004711000815:domain/{DOMAIN}/case/c1"),
        ],
        "detail": detail,
    })
}

/// One row, written by hand from the mapping tables of the documentation.
#[test]
fn a_case_by_hand() {
    let text = |text: &str| json!({"value": {"stringValue": text}});
    let decoded = one(&event(&json!({
        "version": "0", "eventType": "CASE.UPDATED", "approximateChangeTime": "2025-03-10T09:33:32.123Z",
        "changedFieldIds": ["status", "summary"],
        "performedBy": {"user": {"userArn": "arn:user"}, "iamPrincipalArn": "arn:role"},
        "case": {
            "caseId": "c1", "templateId": "44444444-0000-4000-8000-000000000001",
            "createdDateTime": "2025-03-01T08:00:00.000Z",
            "fields": {
                "status": text("open"), "title": text("Lost parcel"), "reference_number": text("00012345"),
                "assigned_user": {"value": {"userArnValue": "arn:agent"}}, "assigned_queue": text("arn:queue"),
                "customer_id": text("arn:profile"), "last_updated_datetime": text("2025-03-10T09:33:31.000Z"),
                "created_by": text("somebody"), "case_id": text("c1"),
                DUE: text("2025-04-01T12:00:00.250Z"),
                "66666666-0000-4000-8000-000000000004": {"value": {"doubleValue": 12.5}},
                "66666666-0000-4000-8000-000000000005": {"value": {"booleanValue": false}},
                "66666666-0000-4000-8000-000000000006": {"value": {"emptyValue": {}}},
                "66666666-0000-4000-8000-000000000007": {"value": {"mapValue": {}}},
            },
        },
    })));
    let row = &rows(&decoded, "case_events")[0];
    for (column, expect) in [
        ("instance_id", json!(INSTANCE)),
        ("event_id", json!("e1")),
        ("case_id", json!("c1")),
        ("event_timestamp", json!("2025-03-10T09:33:32.123000Z")),
        ("changed_field_ids", json!(["status", "summary"])),
        ("event_type", json!("CASE.UPDATED")),
        ("performed_by_iam_principal", json!("arn:role")),
        ("performed_by_user_arn", json!("arn:user")),
        ("performed_by_custom_entity", Value::Null),
        ("cases_domain_arn", json!(format!("arn:aws:cases:eu-central-1:004711000815:domain/{DOMAIN}"))),
        ("template_name", json!("Loss")),
        ("status", json!("open")),
        ("reference_number", json!("00012345")),
        ("assigned_user", json!("arn:agent")),
        ("assigned_queue", json!("arn:queue")),
        ("case_title", json!("Lost parcel")),
        ("case_summary", Value::Null),
        ("customer_profile_arn", json!("arn:profile")),
        ("created_timestamp", json!("2025-03-01T08:00:00.000000Z")),
        ("last_updated_timestamp", json!("2025-03-10T09:33:31.000000Z")),
        ("last_closed_timestamp", Value::Null),
    ] {
        assert_eq!(row[column], expect, "{column}");
    }
    let custom = row["custom_fields"].as_array().unwrap();
    let due = json!({"id": DUE, "field_name": "Due", "string_value": null, "double_value": null, "boolean_value": null,
        "timestamp_value": 1_743_508_800_250_i64});
    assert!(custom.len() == 5 && custom.contains(&due), "{custom:?}");
    let flattened: Vec<Value> = rows(&decoded, "case_events_flattened");
    let kinds: BTreeMap<&str, (&str, &Value)> = flattened
        .iter()
        .map(|row| (row["custom_field_id"].as_str().unwrap(), (row["custom_field_type"].as_str().unwrap(), row)))
        .collect();
    assert_eq!(kinds[DUE].1["custom_field_timestamp_value"], json!("2025-04-01T12:00:00.250000Z"));
    let types: Vec<&str> = kinds.values().map(|(kind, _)| *kind).collect();
    assert_eq!(types, ["timestamp", "double", "boolean", "unknown", "unknown"]);
    let unknown: Vec<(&str, u64)> = decoded.unknown_keys.iter().map(|(path, count)| (&**path, *count)).collect();
    let expected = [
        ("detail.case.fields.66666666-0000-4000-8000-000000000007.mapValue", 1),
        ("detail.case.fields.created_by", 1),
        ("lookup.field", 4),
    ];
    assert_eq!(unknown, expected);
}

/// What is related to a case, and what is spelled in another way in the lake.
#[test]
fn items_by_hand() {
    let item = |kind: &str, content: (&str, Value)| {
        let mut item = json!({"relatedItemType": kind, "relatedItemId": "r1", "caseId": "c1"});
        item[content.0] = content.1;
        let decoded = one(&event(&json!({"eventType": "RELATED_ITEM.UPDATED",
            "approximateChangeTime": "2025-03-10T09:33:32.123Z", "relatedItem": item})));
        assert!(rows(&decoded, "case_events").is_empty());
        rows(&decoded, "case_related_item_events").remove(0)
    };
    let sla = item(
        "Sla",
        (
            "sla",
            json!({"slaConfiguration": {"name": "First answer", "type": "CaseField",
        "status": "NotMet", "fieldId": "status", "targetFieldValues": [{"stringValue": "closed"}, {"doubleValue": 2}],
        "targetTime": "2025-03-10T10:00:00.000Z"}}),
        ),
    );
    assert_eq!(sla["event_type"], "CASE.RELATED_ITEM.UPDATED");
    assert_eq!((&sla["related_item_type"], &sla["sla_status"]), (&json!("sla"), &json!("notmet")));
    assert_eq!(sla["sla_target_field_values"], json!(["closed", "2"]));
    assert_eq!(sla["sla_target_timestamp"], "2025-03-10T10:00:00.000000Z");
    let other = item("ConnectCase", ("connectCase", json!({"caseId": "c2"})));
    assert_eq!((&other["related_item_type"], &other["related_case_id"]), (&json!("connect"), &json!("c2")));
    let arn = "arn:aws:connect:eu-central-1:004711000815:instance/i/contact/k1";
    let contact = item("contact", ("contact", json!({"contactArn": arn, "channel": "CHAT"})));
    assert_eq!((&contact["contact_id"], &contact["contact_channel"]), (&json!("k1"), &json!("CHAT")));
    let custom = item("Custom", ("custom", json!({"fields": [{"id": "f1", "value": {"stringValue": "x"}}]})));
    assert_eq!(custom["custom_related_item_fields"][0]["string_value"], "x");
    let unheard = item("Hologram", ("hologram", json!({"size": 1})));
    assert_eq!(unheard["related_item_type"], "hologram");
}

/// The pipeline's map, then ARNs of Connect, then a refusal that says what to write.
#[test]
fn whose_case_it_is() {
    let mut payload = event(&json!({"eventType": "CASE.CREATED", "approximateChangeTime": "2025-03-10T09:33:32Z",
        "case": {"caseId": "c1", "fields": {"assigned_queue": {"value":
            {"stringValue": "arn:aws:connect:eu-central-1:004711000815:instance/of-the-queue/queue/q"}}}}}));
    payload["resources"] = json!(["arn:aws:cases:eu-central-1:004711000815:domain/other"]);
    assert_eq!(rows(&one(&payload), "case_events")[0]["instance_id"], "of-the-queue");
    payload["detail"]["performedBy"] =
        json!({"user": {"userArn": "arn:aws:connect:eu-central-1:004711000815:instance/of-the-user/agent/a"}});
    assert_eq!(rows(&one(&payload), "case_events")[0]["instance_id"], "of-the-user");
    payload["detail"]["performedBy"] = Value::Null;
    payload["detail"]["case"]["fields"] = json!({});
    let decoded = one(&payload);
    assert_eq!(decoded.rejected[0].reason, RejectReason::NoInstance);
    assert!(decoded.rejected[0].message.contains("instances = { \"other\" = "), "{}", decoded.rejected[0].message);
}

/// Each event of an answer is a payload, and a refused one can be read again by itself.
#[test]
fn an_answer_is_as_many_payloads_as_it_has_events() {
    let good = json!({"eventId": "a1", "type": "Case.Updated", "performedTime": 1_741_599_212.5, "fields": [
        {"eventFieldId": "status", "oldValue": {"stringValue": "open"}, "newValue": {"emptyValue": {}}}]});
    let bad =
        json!({"eventId": "a2", "type": "RelatedItem.Created", "performedTime": "soon", "relatedItemType": "Comment"});
    let mut answer = json!({"domainId": DOMAIN, "caseId": "c1", "auditEvents": [bad, good]});
    let decoded = one(&answer);
    assert_eq!((decoded.read, decoded.events.len(), decoded.rejected.len()), (2, 1, 1));
    let row = &rows(&decoded, "case_field_changes")[0];
    assert_eq!(
        (&row["old_type"], &row["old_string_value"], &row["new_type"]),
        (&json!("string"), &json!("open"), &json!("empty"))
    );
    assert_eq!(row["performed_timestamp"], "2025-03-10T09:33:32.500000Z");
    let mut again: Value = serde_json::from_slice(&decoded.rejected[0].bytes).unwrap();
    again["auditEvents"][0]["performedTime"] = json!("2025-03-10T09:33:32+01:00");
    let row = &rows(&one(&again), "case_field_changes")[0];
    assert_eq!((&row["event_type"], &row["field_id"]), (&json!("CASE.RELATED_ITEM.CREATED"), &Value::Null));
    answer["auditEvents"] = json!([]);
    assert_eq!(one(&answer).skipped.values().sum::<u64>(), 1);
    answer["auditEvents"] = json!([good]);
    answer.as_object_mut().unwrap().remove("caseId");
    assert_eq!(one(&answer).rejected[0].field.as_deref(), Some("caseId"));
}

proptest! {
    /// Whatever stands in the place of any value, every payload is accounted for, and nothing panics.
    #[test]
    fn any_value_anywhere_is_accounted_for(place in any::<prop::sample::Index>(), put in value()) {
        let payloads = [
            event(&json!({"eventType": "CASE.UPDATED", "approximateChangeTime": "2025-03-10T09:33:32Z", "changedFieldIds": ["a"],
                "performedBy": {"user": {"userArn": "u"}}, "case": {"caseId": "c", "templateId": "t", "fields": {DUE: {"value": {"stringValue": "x"}}}}})),
            event(&json!({"eventType": "RELATED_ITEM.CREATED", "approximateChangeTime": "2025-03-10T09:33:32Z",
                "relatedItem": {"relatedItemType": "Sla", "sla": {"slaConfiguration": {"status": "Met", "targetFieldValues": [{"stringValue": "a"}]}},
                    "custom": {"fields": [{"id": "f", "value": {"stringValue": "a"}}]}}})),
            json!({"domainId": DOMAIN, "caseId": "c", "auditEvents": [{"eventId": "a", "performedTime": 1, "performedBy": {"user": {}},
                "fields": [{"eventFieldId": "f", "newValue": {"doubleValue": 1}}], "mergeMetadata": {"mergeEventId": "m"}}]}),
        ];
        for mut payload in payloads {
            let mut places = Vec::new();
            pointers(&payload, String::new(), &mut places);
            *payload.pointer_mut(&places[place.index(places.len())]).unwrap() = put.clone();
            let decoded = one(&payload);
            prop_assert!(is_conserved(&decoded), "{payload}");
        }
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("2025-03-10T09:33:32.123Z")),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("id|value|stringValue|[a-z]{1,3}", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn pointers(value: &Value, path: String, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, inner)| pointers(inner, format!("{path}/{name}"), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, inner)| pointers(inner, format!("{path}/{at}"), found));
        }
        _ => {}
    }
    if !path.is_empty() {
        found.push(path);
    }
}
