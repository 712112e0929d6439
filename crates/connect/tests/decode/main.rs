//! The decoder against golden files, an oracle that reads the same payloads through a DOM, and random input.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a broken expectation of a test is a panic, and what was not checked is said"
)]

mod cases;
mod flows;
mod oracle;
mod privacy;
mod render;
mod test_cases;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use tributary_connect::{Connect, Family, Options, Privacy, Recall, tables};
use tributary_core::{
    Body, Decoded, Decoder, Delta, Position, RawBatch, Record, RecordLimit, ScopeId, SplitId, StateKind, Timestamp,
    Transform,
};

/// 2025-07-05T00:00:00Z, later than every fixture.
const READ_AT: Timestamp = Timestamp::from_micros(1_751_673_600_000_000);

fn connect() -> Connect {
    recalling(Recall::Remember)
}

fn recalling(recall: Recall) -> Connect {
    Connect::new(Options { recall, ..options() })
}

fn options() -> Options {
    Options {
        families: [Family::Agent, Family::Case, Family::Audit].into(),
        lookups: Arc::default(),
        tables: tables().into_iter().map(|table| table.id).collect(),
        dedup_horizon: std::time::Duration::from_secs(48 * 3_600),
        dedup_memory: 1 << 20,
        recall: Recall::Remember,
        record_limit: RecordLimit::DEFAULT,
        privacy: Privacy::default(),
        scratch: None,
        links: None,
    }
}

fn batch(bodies: Vec<Body>) -> RawBatch {
    let record = |(index, body): (usize, Body)| Record {
        split: SplitId::new("test/file"),
        origin: Arc::from("file"),
        position: Position::Offset(index as u64),
        arrived_at: None,
        key: None,
        headers: tributary_core::Headers::default(),
        body,
    };
    RawBatch {
        scope: ScopeId::new("source:test"),
        records: bodies.into_iter().enumerate().map(record).collect(),
        delta: Delta::default(),
        read_at: Some(READ_AT),
    }
}

fn whole(text: impl Into<Bytes>) -> Body {
    Body::Whole(text.into())
}

fn decode(decoder: &mut dyn Decoder, texts: &[String]) -> Decoded {
    decoder.decode(&batch(texts.iter().map(|text| whole(text.clone())).collect()))
}

fn rows(decoded: &Decoded, table: &str) -> Vec<Value> {
    let batch = decoded.tables.iter().find(|batch| batch.table.as_str() == table);
    batch.map(|batch| render::rows(&batch.rows)).unwrap_or_default()
}

fn is_conserved(decoded: &Decoded) -> bool {
    let skipped: u64 = decoded.skipped.values().sum();
    decoded.read == (decoded.events.len() + decoded.rejected.len()) as u64 + skipped
}

/// Rows, rejections and counts of one payload, for a snapshot.
fn outcome(decoded: &Decoded) -> Value {
    let rejected = decoded.rejected.iter().map(|rejection| {
        json!({"reason": rejection.reason.as_str(), "field": rejection.field, "message": rejection.message})
    });
    json!({
        "agent_event": rows(decoded, "agent_event"),
        "agent_event_contacts": rows(decoded, "agent_event_contacts"),
        "rejected": rejected.collect::<Vec<_>>(),
        "unknown_keys": decoded.unknown_keys,
    })
}

fn fixtures() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/agent");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |path: std::path::PathBuf| {
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(&path).unwrap())
    };
    files.into_iter().map(read).collect()
}

/// The samples whose names begin so, where they lie beside the checkout.
fn samples(begin: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("NOT CHECKED: no samples at {}", folder.display());
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let events = paths.filter(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with(begin) && name.ends_with(".json")
    });
    events.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn golden() {
    for (name, text) in fixtures() {
        let decoded = decode(connect().decoder().as_mut(), &[text]);
        assert!(is_conserved(&decoded), "{name}");
        assert_eq!(name.starts_with("refused"), !decoded.rejected.is_empty(), "{name}: {:?}", decoded.rejected);
        insta::assert_json_snapshot!(name, outcome(&decoded));
    }
}

/// One row of each table, written by hand from the mapping tables of the documentation.
#[test]
fn a_row_by_hand() {
    let (_, text) = fixtures().into_iter().find(|(name, _)| name == "contact-ended-to-none").unwrap();
    let decoded = decode(connect().decoder().as_mut(), &[text]);
    let instance = "arn:aws:connect:eu-central-1:004711000815:instance/0a1b2c3d-1111-4222-8333-444455556666";
    let row = &rows(&decoded, "agent_event")[0];
    for (column, expect) in [
        ("instance_id", json!("0a1b2c3d-1111-4222-8333-444455556666")),
        ("aws_account_id", json!("004711000815")),
        ("event_timestamp", json!("2025-03-10T09:05:00.000000Z")),
        ("current_agent_status_arn", json!(format!("{instance}/agent-state/s2"))),
        ("current_agent_status_start_timestamp", json!("2025-03-10T09:00:00.000000Z")),
        ("current_configuration_auto_accept", json!(false)),
        ("current_configuration_sip_address", json!("")),
        ("current_configuration_proficiencies", json!([])),
        ("current_contacts", json!([])),
        ("current_snapshot_timestamp", Value::Null),
        (
            "previous_contacts",
            json!([{
                "contact_id": "c0000000-0000-4000-8000-000000000001",
                "initial_contact_id": "c0000000-0000-4000-8000-000000000001",
                "channel": "VOICE",
                "initiation_method": "INBOUND",
                "state": "ENDED",
                "state_start_timestamp": "2025-03-10T09:04:50.750000Z",
                "connected_to_agent_timestamp": "2025-03-10T09:00:59.980000Z",
                "queue_timestamp": "2025-03-10T08:59:50.100000Z",
                "queue": {"arn": format!("{instance}/queue/q1"), "name": "Support"},
            }]),
        ),
        (
            "previous_routing_profile_concurrency",
            json!([{"channel": "VOICE", "available_slots": 0, "maximum_slots": 1, "current_available_slots": 0}]),
        ),
        ("data_lake_last_processed_timestamp", json!("2025-07-05T00:00:00.000000Z")),
    ] {
        assert_eq!(row[column], expect, "{column}");
    }
    let contacts = rows(&decoded, "agent_event_contacts");
    assert_eq!(contacts.len(), 1);
    assert_eq!(contacts[0]["snapshot"], "previous");
    assert_eq!(contacts[0]["agent_id"], "9d2f6c1e-0000-4000-8000-00000000a001");
    assert_eq!(contacts[0]["queue_arn"], format!("{instance}/queue/q1"));
}

/// Fixtures and samples, each alone and all by one decoder, equal what the oracle makes of them.
#[test]
fn equals_the_oracle() {
    let mut texts: Vec<String> = fixtures().into_iter().map(|(_, text)| text).collect();
    texts.extend(samples("agent-event-"));
    // Twice over, so that what the decoder remembers is used.
    texts.extend(texts.clone());
    let mut decoder = connect().decoder();
    for text in &texts {
        let expect = serde_json::from_str(text).ok().and_then(|value: Value| oracle::rows(&value, READ_AT));
        for decoded in [
            decode(decoder.as_mut(), std::slice::from_ref(text)),
            decode(connect().decoder().as_mut(), std::slice::from_ref(text)),
        ] {
            match &expect {
                Some((event, contacts)) => {
                    assert_eq!(rows(&decoded, "agent_event"), std::slice::from_ref(event), "{text}");
                    assert_eq!(&rows(&decoded, "agent_event_contacts"), contacts, "{text}");
                }
                None => assert_eq!(decoded.rejected.len(), 1, "{text}"),
            }
        }
    }
}

#[test]
fn columns_are_the_published_ones() {
    let events = &tables()[0];
    assert_eq!((events.id.as_str(), events.schema.fields().len()), ("agent_event", 67));
}

#[test]
fn broken_bodies_and_foreign_families() {
    let bodies = vec![
        Body::TooLong { head: Bytes::from_static(b"{"), length: 5_000_000_000 },
        Body::Truncated(Bytes::from_static(b"{\"a\":")),
        Body::Damaged { bytes: Bytes::new(), why: "bad gzip".into() },
        whole("  "),
        whole(Bytes::from_static(b"{\"a\":\"\xff\"}")),
        whole("{\"a\":1,}"),
        whole("{\"a\":1}"),
        whole("{\"ContactId\":\"c\",\"AWSContactTraceRecordFormatVersion\":\"2017-03-10\"}"),
        whole("{\"AgentARN\":\"a\",\"EventType\":\"LOGIN\",\"EventId\":5}"),
    ];
    let decoded = connect().decoder().decode(&batch(bodies));
    let reasons: Vec<_> = decoded.rejected.iter().map(|rejection| rejection.reason.as_str()).collect();
    assert_eq!(
        reasons,
        ["too_long", "truncated", "corrupt", "empty_payload", "malformed", "malformed", "unrecognised", "bad_value"]
    );
    assert_eq!(decoded.rejected[0].length, 5_000_000_000);
    assert_eq!(decoded.rejected[7].field.as_deref(), Some("EventId"));
    assert_eq!(decoded.skipped.values().sum::<u64>(), 1);
    assert!(is_conserved(&decoded));
}

#[test]
fn a_wrapper_counts_as_what_is_in_it() {
    let texts: Vec<String> = fixtures().into_iter().take(7).map(|(_, text)| text.trim().to_owned()).collect();
    let array = format!("[{}]", texts.join(","));
    let concatenated = texts.concat();
    for wrapped in [array, concatenated] {
        let decoded = decode(connect().decoder().as_mut(), &[wrapped]);
        assert_eq!((decoded.read, decoded.events.len()), (7, 7));
        let indices: Vec<_> = decoded.rejected.iter().map(|rejection| rejection.index).collect();
        assert!(indices.is_empty(), "{indices:?}");
    }
}

#[test]
fn duplicates_are_left_out_across_snapshots_and_learned_days() {
    let connect = connect();
    let texts: Vec<String> =
        fixtures().into_iter().filter(|(name, _)| !name.starts_with("refused")).map(|f| f.1).collect();
    let twice: Vec<String> = texts.iter().chain(&texts).cloned().collect();
    let id = ScopeId::new("source:test");
    let mut scope = connect.scope(&id, &[]).unwrap();
    let normalized = scope.apply(decode(connect.decoder().as_mut(), &twice));
    let count = texts.len() as u64;
    assert_eq!((normalized.tally.made_rows, normalized.tally.duplicates), (count, count));
    assert!(normalized.tally.is_balanced());
    let written: usize = normalized.tables[0].rows.num_rows();
    assert_eq!(written as u64, count);

    // A scope restored from the snapshot, and one that is told the keys of the days, know them as well. The event of
    // 2018 is beyond the horizon of the snapshot, but not of what the lake holds.
    for kind in [StateKind::Full, StateKind::Delta] {
        let mut scope = connect.scope(&id, &[]).unwrap();
        scope.apply(decode(connect.decoder().as_mut(), &texts));
        let state = tributary_core::ScopeState { kind, bytes: scope.snapshot(kind) };
        let mut restored = connect.scope(&id, &[state]).unwrap();
        let tally = restored.apply(decode(connect.decoder().as_mut(), &texts)).tally;
        assert_eq!((tally.made_rows, tally.duplicates), (1, count - 1));
    }
    let decoded = decode(connect.decoder().as_mut(), &texts);
    let mut scope = connect.scope(&id, &[]).unwrap();
    assert_eq!(scope.unknown_days(&decoded.days), decoded.days);
    for day in &decoded.days {
        scope.learn(*day, &decoded.events);
    }
    assert_eq!(scope.unknown_days(&decoded.days), []);
    assert_eq!(scope.apply(decoded).tally.duplicates, count);
}

#[test]
fn a_newer_or_damaged_snapshot_is_refused() {
    let connect = connect();
    let id = ScopeId::new("source:test");
    for (bytes, code) in [(&b"TribKey\x02"[..], "connect/newer-state"), (b"Trib", "connect/damaged-state")] {
        let state = tributary_core::ScopeState { kind: StateKind::Full, bytes: Bytes::from_static(bytes) };
        assert_eq!(connect.scope(&id, &[state]).err().unwrap().code(), code);
    }
}

/// Contacts that recur, also at another place of the payload, are the same whether they are remembered or read; keys of
/// theirs that no column takes are counted each time.
#[test]
fn contacts_that_recur() {
    let plain = fixtures().into_iter().find(|(name, _)| name == "contact-connecting-to-connected").unwrap().1;
    let changed = |from: &str, to: &str| {
        let text = plain.replace(from, to);
        assert_ne!(text, plain, "{from}");
        text
    };
    let variants = [
        changed("\"Version\"", "\"Version\" "),
        changed("\"AgentARN\"", "\"NewKey\":[1],\"AgentARN\""),
        changed("\"Contacts\":[{", "\"Contacts\":[{\"New\":1,"),
        changed("\"Channel\":\"VOICE\",\"Connected", "\"Channel\":\"V\\u004fICE\",\"Connected"),
        changed("\"INBOUND\"", "null"),
        changed("\"Contacts\":[{", "\"Contacts\": [ {"),
        changed("\"Configuration\":{", "\"Configuration\":{\"New\":1,"),
    ];
    for variant in &variants {
        let texts = [&plain, variant, variant, &plain, variant].map(String::clone);
        let remembered = decode(connect().decoder().as_mut(), &texts);
        let read = decode(recalling(Recall::Forget).decoder().as_mut(), &texts);
        assert_eq!(outcome(&remembered), outcome(&read), "{variant}");
        assert_eq!(read.events.len(), 5);
    }
    let texts = [&variants[2]; 3].map(String::clone);
    let counted = decode(connect().decoder().as_mut(), &texts).unknown_keys;
    assert_eq!(counted.values().sum::<u64>(), 6, "{counted:?}");
}

/// A fixture with some of its bytes, or some of its JSON values, changed.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let texts: Vec<String> = fixtures().into_iter().map(|(_, text)| text).collect();
    (prop::sample::select(texts), proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4), 0_u8..4)
        .prop_map(|(text, changes, cut)| {
            let mut bytes = text.into_bytes();
            for (index, byte) in changes {
                let at = index.index(bytes.len());
                bytes[at] = byte;
            }
            if cut == 0 {
                bytes.truncate(bytes.len() / 2);
            }
            bytes
        })
}

/// Replaces the value at a random place of the document.
fn replaced() -> impl Strategy<Value = String> {
    let texts: Vec<String> = fixtures().into_iter().map(|(_, text)| text).collect();
    let value = prop::sample::select(vec![
        json!(null),
        json!(""),
        json!("x"),
        json!(5),
        json!(1.5),
        json!(true),
        json!([]),
        json!([null]),
        json!({}),
        json!("2025-03-10T09:00:00.000Z"),
        json!([{"a": 1}]),
        json!("é\"\\\u{1}"),
    ]);
    (prop::sample::select(texts), any::<prop::sample::Index>(), value).prop_map(|(text, index, value)| {
        let mut document: Value = serde_json::from_str(&text).unwrap();
        let mut pointers = Vec::new();
        collect_pointers(&document, String::new(), &mut pointers);
        *document.pointer_mut(&pointers[index.index(pointers.len())]).unwrap() = value;
        document.to_string()
    })
}

fn collect_pointers(value: &Value, at: String, pointers: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| collect_pointers(value, format!("{at}/{key}"), pointers))
        }
        Value::Array(list) => {
            list.iter()
                .enumerate()
                .for_each(|(index, value)| collect_pointers(value, format!("{at}/{index}"), pointers));
        }
        _ => {}
    }
    if !at.is_empty() {
        pointers.push(at);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// INV-1 for whatever bytes come, and the same outcome whatever the decoder remembers.
    #[test]
    fn conserved_and_independent_of_memory(inputs in proptest::collection::vec(mutated(), 1..8)) {
        let connect = connect();
        let bodies: Vec<Body> = inputs.into_iter().map(whole).collect();
        let fresh = connect.decoder().decode(&batch(bodies.clone()));
        prop_assert!(is_conserved(&fresh));
        let mut used = connect.decoder();
        decode(used.as_mut(), &fixtures().into_iter().map(|f| f.1).collect::<Vec<_>>());
        let repeated = bodies.clone();
        let again = used.decode(&batch(bodies));
        prop_assert_eq!(outcome(&again), outcome(&fresh));
        prop_assert_eq!(&again.events, &fresh.events);
        let forgetful = recalling(Recall::Forget).decoder().decode(&batch(repeated));
        prop_assert_eq!(outcome(&forgetful), outcome(&fresh));
        let normalized = connect.scope(&ScopeId::new("s"), &[]).unwrap().apply(fresh);
        prop_assert!(normalized.tally.is_balanced());
    }

    /// Whatever value stands where, the decoder and the oracle agree on the rows or on the refusal.
    #[test]
    fn agrees_with_the_oracle(text in replaced()) {
        let decoded = decode(connect().decoder().as_mut(), std::slice::from_ref(&text));
        match oracle::rows(&serde_json::from_str(&text).unwrap(), READ_AT) {
            Some((event, contacts)) => {
                prop_assert_eq!(rows(&decoded, "agent_event"), vec![event]);
                prop_assert_eq!(rows(&decoded, "agent_event_contacts"), contacts);
            }
            None => prop_assert_eq!(decoded.rejected.len(), 1),
        }
    }
}
