//! Lines of contact flow logs and contact events: golden files, other people's, and input at random.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};
use tributary_connect::flow::KeyPattern;
use tributary_connect::{Connect, Family, Known, Lookups, Options, Privacy, Treatment};
use tributary_core::{Decoded, Transform};

use crate::{decode, is_conserved, options, rows, samples};

fn connect(privacy: Privacy) -> Connect {
    let instances = BTreeMap::from([("acme".to_owned(), "0a1b2c3d-1111-4222-8333-444455556666".to_owned())]);
    Connect::new(Options {
        families: [Family::Flow, Family::Contact].into(),
        lookups: Known::new(Lookups { instances, ..Lookups::default() }).into(),
        privacy,
        ..options()
    })
}

fn one(text: &str) -> Decoded {
    decode(connect(Privacy::default()).decoder().as_mut(), &[text.to_owned()])
}

/// Rows without columns that are null, rejections and counts, for a snapshot.
fn outcome(decoded: &Decoded) -> Value {
    let filled = |row: Value| match row {
        Value::Object(columns) => columns.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        other => other,
    };
    let table = |table: &str| rows(decoded, table).into_iter().map(filled).collect::<Value>();
    let rejected = decoded.rejected.iter().map(|rejection| {
        json!({"reason": rejection.reason.as_str(), "field": rejection.field, "message": rejection.message})
    });
    json!({
        "contact_flow_log_events": table("contact_flow_log_events"), "contact_events": table("contact_events"),
        "rejected": rejected.collect::<Vec<_>>(), "read": decoded.read, "unknown_keys": decoded.unknown_keys,
    })
}

#[test]
fn golden() {
    for family in ["flow", "contact"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(family);
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(files.len() > 8, "{files:?}");
        for file in files {
            let name = format!("{family}-{}", file.file_stem().unwrap().to_str().unwrap());
            let decoded = one(&std::fs::read_to_string(&file).unwrap());
            assert!(is_conserved(&decoded), "{name}");
            insta::assert_snapshot!(name, serde_json::to_string_pretty(&outcome(&decoded)).unwrap());
        }
    }
}

#[test]
fn what_customers_typed_is_left_out() {
    let privacy = Privacy {
        flow_parameters: vec![KeyPattern::new("*pin*").unwrap()],
        flow_results: Treatment::Drop,
        ..Privacy::default()
    };
    let line = json!({
        "ContactId": "c", "ContactFlowId": "arn:aws:connect:eu-central-1:1:instance/i/contact-flow/f",
        "ContactFlowModuleType": "StoreUserInput", "Timestamp": "2025-03-10T09:05:01.250Z",
        "Parameters": {"Text": "Your PIN, please", "CustomerPin": "1234"}, "Results": "1234", "ExternalResults": {"pinOk": "1234"},
    });
    let decoded = decode(connect(privacy).decoder().as_mut(), &[line.to_string()]);
    let row = &rows(&decoded, "contact_flow_log_events")[0];
    assert_eq!(row["results"], Value::Null);
    assert!(!row.to_string().contains("1234") && row.to_string().contains("Your PIN"), "{row}");
}

/// The same thing that happened may be told under two ids; other things of one moment have ids of their own.
#[test]
fn a_contact_event_is_told_by_what_happened() {
    let event = |id: &str, kind: &str| {
        json!({
            "id": id, "detail-type": "Amazon Connect Contact Event", "source": "aws.connect", "time": "2025-03-10T09:06:00Z",
            "detail": {"contactId": "C-1", "eventType": kind, "instanceArn": "arn:aws:connect:x:1:instance/i",
                "disconnectTimestamp": "2025-03-10T09:05:59.000Z"},
        })
        .to_string()
    };
    let keys = |events: &[String]| {
        let decoded = decode(connect(Privacy::default()).decoder().as_mut(), events);
        decoded.events.iter().map(|key| key.hash).collect::<BTreeSet<_>>().len()
    };
    assert_eq!(keys(&[event("1", "DISCONNECTED"), event("2", "DISCONNECTED")]), 1);
    assert_eq!(keys(&[event("1", "CONTACT_DATA_UPDATED"), event("2", "CONTACT_DATA_UPDATED")]), 2);
}

/// Other people's lines and events are read to their last word, but for those that were cut down to a few fields.
#[test]
fn samples_have_their_rows() {
    for sample in samples("contact-event-2025-") {
        let decoded = one(&sample);
        assert_eq!(
            (rows(&decoded, "contact_events").len(), decoded.unknown_keys.len()),
            (1, 0),
            "{:?}",
            outcome(&decoded)
        );
    }
    let reasons: BTreeSet<_> = samples("flow-log-")
        .iter()
        .flat_map(|sample| {
            let decoded = one(sample);
            assert_eq!(decoded.read, 1);
            decoded.rejected.into_iter().map(|rejection| rejection.reason.as_str())
        })
        .collect();
    assert!(reasons.iter().all(|reason| ["no_instance", "bad_timestamp"].contains(reason)), "{reasons:?}");
    for sample in samples("cloudwatch-subscription-data-message.json") {
        let decoded = one(&sample);
        assert!(decoded.rejected.is_empty() && decoded.read > 1, "{:?}", decoded.rejected);
        assert_eq!(rows(&decoded, "contact_flow_log_events").len() as u64, decoded.read);
    }
}

proptest! {
    #[test]
    fn whatever_comes_is_counted(text in any::<String>(), key in "[A-Za-z]{1,12}", number in any::<f64>(), place in 0..6_usize) {
        let mut line = json!({
            "ContactId": "c", "ContactFlowId": "arn:aws:connect:x:1:instance/i/contact-flow/f",
            "ContactFlowModuleType": "SetQueue", "Timestamp": "2025-03-10T09:05:01.250Z", "Parameters": {"Queue": "q"},
            "ModuleExecutionStack": [],
        });
        let names = ["ContactId", "ContactFlowId", "Timestamp", "Parameters", "ModuleExecutionStack", "Results"];
        for value in [json!(text), json!({ &key: number }), json!([text, number]), json!(number), Value::Null] {
            line[names[place]] = value;
            prop_assert!(is_conserved(&one(&line.to_string())));
        }
    }
}
