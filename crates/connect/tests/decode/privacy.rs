//! People's data: dropped, hashed, and nowhere else.

use serde_json::{Value, json};
use tributary_connect::{Connect, Privacy, Treatment};
use tributary_core::{Decoded, Secret, Transform};

use crate::{decode, options, rows};

const PEOPLE: [&str; 4] = ["jane.doe", "Jane", "Doe", "sip:jane@example.com"];

fn event(number: u32, first_name: &Value) -> String {
    json!({
        "AgentARN": "arn:aws:connect:eu-central-1:004711000815:instance/i/agent/a",
        "InstanceARN": "arn:aws:connect:eu-central-1:004711000815:instance/i",
        "AWSAccountId": "004711000815", "EventId": format!("e{number}"), "EventType": "STATE_CHANGE",
        "EventTimestamp": "2025-03-10T09:05:00.000Z", "Version": "2017-10-01",
        "CurrentAgentSnapshot": {"Configuration": {
            "Username": "jane.doe", "FirstName": first_name, "LastName": "Doe", "SipAddress": "sip:jane@example.com",
        }},
        "PreviousAgentSnapshot": null,
    })
    .to_string()
}

/// Two events of one agent, so that what recurs is remembered, and one that is refused.
fn decoded(treatment: Treatment, key: Option<&str>) -> Decoded {
    let privacy = Privacy {
        user_names: treatment,
        names: treatment,
        sip_addresses: treatment,
        key: key.map(|key| Secret::new(key.to_owned())),
        ..Privacy::default()
    };
    let connect = Connect::new(tributary_connect::Options { privacy, ..options() });
    let texts = [event(1, &json!("Jane")), event(2, &json!("Jane")), event(3, &json!(["Jane"]))];
    decode(connect.decoder().as_mut(), &texts)
}

fn people(decoded: &Decoded) -> Vec<[Value; 4]> {
    let of = |row: &Value| {
        let column = |name: &str| row[format!("current_configuration_{name}")].clone();
        ["username", "first_name", "last_name", "sip_address"].map(column)
    };
    rows(decoded, "agent_event").iter().map(of).collect()
}

#[test]
fn by_default_everything_is_kept() {
    let decoded = decoded(Treatment::Keep, None);
    assert_eq!(people(&decoded), vec![PEOPLE.map(Value::from); 2]);
    assert!(!decoded.rejected[0].bytes.is_empty());
}

#[test]
fn what_is_dropped_is_null() {
    let decoded = decoded(Treatment::Drop, None);
    assert_eq!(people(&decoded), vec![[const { Value::Null }; 4]; 2]);
    let rejection = &decoded.rejected[0];
    assert_eq!((rejection.bytes.len(), rejection.length > 100), (0, true));
    assert!(!format!("{decoded:?}").contains("Jane"), "{:?}", rejection.message);
}

/// Equal under one key, other ones under another, and nowhere as they came.
#[test]
fn what_is_hashed_stays_equal() {
    let (one, other) = (decoded(Treatment::Hash, Some("k1")), decoded(Treatment::Hash, Some("k2")));
    let (first, second) = (people(&one), people(&other));
    assert_eq!(first[0], first[1]);
    for (column, clear) in PEOPLE.iter().enumerate() {
        let (hash, another) = (first[0][column].as_str().unwrap(), second[0][column].as_str().unwrap());
        assert!(hash.len() == 64 && hash != another, "{hash} {another}");
        assert!(!format!("{one:?}").contains(clear), "{clear}");
    }
}
