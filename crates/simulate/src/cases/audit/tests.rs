//! Audit events looked at from outside: parsed, and held against the events of the same cases and against the truth.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value, json};
use tributary_core::Day;

use crate::Options;
use crate::cases::tests::{is_item, options, run, text, usable};

fn audited(case_events: u64) -> Options {
    Options { audits: true, ..options(case_events) }
}

fn is_answer(line: &&str) -> bool {
    line.starts_with("{\"domainId\":")
}

fn answers(out: &str) -> Vec<Value> {
    out.lines().filter(is_answer).map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().unwrap()
}

/// The audit events of each case, in order.
fn histories(out: &str) -> BTreeMap<String, Vec<Value>> {
    let mut histories: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for answer in answers(out) {
        let history = histories.entry(text(&answer, "/caseId").to_owned()).or_default();
        history.extend_from_slice(list(&answer, "auditEvents"));
    }
    histories
}

/// A moment in any spelling, in milliseconds since 1970.
fn millis(moment: &Value) -> i64 {
    if let Some(seconds) = moment.as_f64() {
        return (seconds * 1_000.0).round() as i64;
    }
    let text = moment.as_str().unwrap();
    let numbers: Vec<i64> = text.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect();
    let is_shown = text.starts_with("datetime");
    let has_fraction = if is_shown { numbers.len() == 7 } else { text.contains('.') };
    let fraction = if has_fraction { numbers[6] } else { 0 };
    // Three digits, or six that end with zeros.
    let fraction = if fraction >= 1_000 { fraction / 1_000 } else { fraction };
    let second = if is_shown && numbers.len() < 6 { 0 } else { numbers[5] };
    let offset = text.strip_suffix(":00").and_then(|text| text.get(text.len() - 3..));
    let hours = numbers[3] - offset.map_or(0, |offset| offset.parse::<i64>().unwrap());
    let day = Day::parse(&format!("{:04}-{:02}-{:02}", numbers[0], numbers[1], numbers[2])).unwrap();
    day.start().millis() + (hours * 3_600 + numbers[4] * 60 + second) * 1_000 + fraction
}

fn without_answers(out: &str) -> Vec<&str> {
    out.lines().filter(|line| !is_answer(line)).collect()
}

/// Guards the promise that whoever asks for histories changes nothing: of a calm stream, and of one with every flaw.
#[test]
fn all_other_lines_stay_what_they_are() {
    let calm = Options { agents: 4, ..options(1_500) };
    let noisy = Options {
        duplicate_rate: 0.1,
        disorder_rate: 0.2,
        malformed_rate: 0.05,
        foreign_rate: 0.05,
        old_detail_type_rate: 0.3,
        ..calm.clone()
    };
    for options in [calm, noisy] {
        let (without, truth, plain) = run(options.clone());
        let (with, more_truth, report) = run(Options { audits: true, ..options });
        assert_eq!(without_answers(&with), without.lines().collect::<Vec<_>>());
        let others: Vec<Value> =
            more_truth.into_iter().filter(|line| line["kind"] != "audit" && line["kind"] != "audits").collect();
        assert_eq!(others, truth);
        assert_eq!((plain.audit_answers, plain.audit_events), (0, 0));
        assert_eq!(with.lines().count() as u64, report.lines());
        let answers = answers(&with).len() as u64;
        assert_eq!(answers, report.audit_answers + report.duplicates - plain.duplicates);
        assert_eq!((report.first, report.last, report.delayed), (plain.first, plain.last, plain.delayed));
    }
}

/// Guards what an answer is: whose it is, at most so many events with ids of their own, in order, nothing after it.
#[test]
fn answers_are_pages_of_events_with_ids_of_their_own() {
    let (out, _, report) = run(audited(3_000));
    let stream: HashSet<String> = usable(&out).iter().map(|event| text(event, "/id").to_owned()).collect();
    let (mut seen, mut sizes) = (HashSet::new(), BTreeSet::new());
    for answer in answers(&out) {
        assert_eq!(answer.as_object().unwrap().len(), 3, "no token, since nothing is to follow");
        let events = list(&answer, "auditEvents");
        sizes.insert(events.len());
        for event in events {
            let id = text(event, "/eventId").to_owned();
            assert!(!stream.contains(&id) && seen.insert(id), "{event}");
            assert_eq!(event.get("relatedItemType").is_some(), text(event, "/type").starts_with("RelatedItem."));
        }
    }
    assert_eq!(seen.len() as u64, report.audit_events);
    assert_eq!((sizes.first(), sizes.last()), (Some(&1), Some(&25)));
    let histories = histories(&out);
    assert!((histories.len() as u64) < report.audit_answers, "some histories have several pages");
    for events in histories.values() {
        assert!(events.iter().map(|event| millis(&event["performedTime"])).is_sorted(), "{events:?}");
        assert_eq!(events[0]["type"], "Case.Created");
    }
}

/// Guards what makes histories worth having: each value before is the value after of the event before.
#[test]
fn what_a_field_was_is_what_it_had_become() {
    let (out, ..) = run(audited(3_000));
    let (mut first, mut followed, mut cleared) = (0, 0, 0);
    let mut firsts = BTreeSet::new();
    for events in histories(&out).values() {
        let mut now: HashMap<&str, &Value> = HashMap::new();
        let mut of_items: HashMap<&str, Vec<&Value>> = HashMap::new();
        for event in events {
            for field in list(event, "fields") {
                let (id, new) = (text(field, "/eventFieldId"), &field["newValue"]);
                assert_eq!(new.as_object().unwrap().len(), 1, "{field}");
                if event.get("relatedItemType").is_some() {
                    // An answer does not say which item it is.
                    let known = of_items.entry(id).or_default();
                    let is_known = field.get("oldValue").is_none_or(|old| known.contains(&old));
                    assert!(is_known, "{field}");
                    assert_eq!(field.get("oldValue").is_none(), event["type"] == "RelatedItem.Created", "{event}");
                    known.push(new);
                    continue;
                }
                cleared += u32::from(new.get("emptyValue").is_some());
                if let Some(before) = now.insert(id, new) {
                    assert_eq!(field.get("oldValue"), Some(before), "{field}");
                    followed += 1;
                } else {
                    firsts.insert(field.get("oldValue").map(Value::to_string));
                    first += 1;
                }
            }
        }
    }
    assert_eq!(firsts, [None, Some(r#"{"emptyValue":{}}"#.to_owned())].into());
    assert!(first > 2_500 && followed > 1_000 && cleared > 150, "{first} {followed} {cleared}");
}

/// The moment of a case event and what it says has changed; the whole case as it shows it.
type Told = (i64, Vec<String>, Map<String, Value>);

/// The events of each case itself.
fn changes(events: &[Value]) -> BTreeMap<String, Vec<Told>> {
    let mut changes: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for event in events.iter().filter(|event| !is_item(event) && event["detail"]["eventType"] != "CASE.DELETED") {
        let ids = list(&event["detail"], "changedFieldIds").iter().map(|id| id.as_str().unwrap().to_owned()).collect();
        let fields = event["detail"]["case"]["fields"].as_object().unwrap().clone();
        let at = millis(&event["detail"]["approximateChangeTime"]);
        changes.entry(text(event, "/detail/case/caseId").to_owned()).or_default().push((at, ids, fields));
    }
    changes
}

/// Guards that nothing is missing: each event of a case but its deletion has its audit event, of the same moment and
/// fields, and whoever replays these comes to the case that the event shows, agreements included.
#[test]
fn each_change_is_in_the_history() {
    let (out, ..) = run(audited(3_000));
    let (events, histories) = (usable(&out), histories(&out));
    let changes = changes(&events);
    assert_eq!(changes.keys().collect::<Vec<_>>(), histories.keys().collect::<Vec<_>>());
    let mut moved = 0;
    for (case, told) in &changes {
        let mut told = told.iter();
        let mut state: Map<String, Value> = Map::new();
        for event in histories[case].iter().filter(|event| event.get("relatedItemType").is_none()) {
            let fields = list(event, "fields");
            for field in fields {
                let (id, new) = (text(field, "/eventFieldId"), &field["newValue"]);
                state.insert(id.to_owned(), json!({ "value": new }));
            }
            let ids: Vec<&str> = fields.iter().map(|field| text(field, "/eventFieldId")).collect();
            if ids == ["next_sla_breach_datetime"] {
                moved += 1;
                continue;
            }
            let (at, changed, shown) = told.next().unwrap();
            assert_eq!((millis(&event["performedTime"]), ids), (*at, changed.iter().map(String::as_str).collect()));
            let is_empty = |field: &Value| field.pointer("/value/emptyValue").is_some();
            let full = |fields: &Map<String, Value>| -> Map<String, Value> {
                fields
                    .iter()
                    .filter(|(_, value)| !is_empty(value))
                    .map(|(id, value)| (id.clone(), value.clone()))
                    .collect()
            };
            assert_eq!(full(&state), full(shown), "{event}");
        }
        assert_eq!(told.next(), None, "{case}");
    }
    assert!(moved > 50, "{moved}");
    let items = |kind: &str| events.iter().filter(|event| event["detail"]["eventType"] == kind).count();
    let all: Vec<&Value> = histories.values().flatten().collect();
    for (stream, audit) in [
        ("RELATED_ITEM.CREATED", "RelatedItem.Created"),
        ("RELATED_ITEM.UPDATED", "RelatedItem.Updated"),
        ("RELATED_ITEM.DELETED", "RelatedItem.Deleted"),
    ] {
        assert_eq!(items(stream), all.iter().filter(|event| event["type"] == audit).count(), "{audit}");
    }
}

/// Guards where answers stand: behind the last event of their case, or before its deletion.
#[test]
fn histories_come_when_a_case_is_over_and_before_it_is_deleted() {
    let (out, ..) = run(audited(4_000));
    let (mut over, mut deleted): (HashSet<String>, u32) = (HashSet::new(), 0);
    for line in out.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        let case = value.pointer("/caseId").or_else(|| value.pointer("/detail/case/caseId"));
        let case = case.or_else(|| value.pointer("/detail/relatedItem/caseId")).and_then(Value::as_str).unwrap();
        if is_answer(&line) {
            over.insert(case.to_owned());
        } else if value["detail"]["eventType"] == "CASE.DELETED" {
            assert!(over.contains(case), "{line}");
            deleted += 1;
        } else {
            assert!(!over.contains(case), "{line}");
        }
    }
    assert!(deleted > 20, "{deleted}");
}

/// The rows that a reader makes of answers, as the truth writes them.
fn rows(out: &str) -> Vec<Value> {
    let mut seen = HashSet::new();
    let mut rows = Vec::new();
    for answer in answers(out) {
        for event in list(&answer, "auditEvents").iter().filter(|event| seen.insert(text(event, "/eventId").to_owned()))
        {
            let kind = text(event, "/type").to_uppercase().replace("RELATEDITEM", "CASE.RELATED_ITEM");
            let item =
                event["relatedItemType"].as_str().map(|item| item.to_lowercase().replace("connectcase", "connect"));
            let row = json!({
                "case_id": answer["caseId"], "domain_id": answer["domainId"], "event_id": event["eventId"],
                "performed": millis(&event["performedTime"]), "event_type": kind, "related_item_type": item,
                "performed_by_iam_principal": event["performedBy"]["iamPrincipalArn"],
                "performed_by_user_arn": event["performedBy"]["user"]["userArn"],
                "performed_by_custom_entity": event["performedBy"]["user"]["customEntity"],
            });
            let nothing = [json!({})];
            let fields = list(event, "fields");
            for field in if fields.is_empty() { &nothing } else { fields } {
                let mut row = row.clone();
                row["field_id"] = field["eventFieldId"].clone();
                for (side, key) in [("old", "oldValue"), ("new", "newValue")] {
                    let (kind, value) = side_of(&field[key]);
                    row[format!("{side}_type")] = kind;
                    row[format!("{side}_value")] = value;
                }
                rows.push(row);
            }
        }
    }
    rows
}

fn side_of(union: &Value) -> (Value, Value) {
    let Some((member, value)) = union.as_object().and_then(|union| union.iter().next()) else {
        return (Value::Null, Value::Null);
    };
    let kind = member.trim_end_matches("Value").replace("userArn", "user_arn");
    let value = if kind == "empty" { Value::Null } else { value.clone() };
    (json!(kind), value)
}

/// Guards the truth: a reader comes to the same rows, repeats left out, and each kind of everything occurs.
#[test]
fn the_truth_of_histories_is_what_answers_tell() {
    let (out, truth, report) = run(Options { duplicate_rate: 0.2, disorder_rate: 0.2, ..audited(3_000) });
    let instance = truth[0]["instance_id"].clone();
    let told = truth.iter().filter(|line| line["kind"] == "audit").cloned();
    let told = told.map(|mut line| {
        let performed = millis(&line["performed_timestamp"]);
        let row = line.as_object_mut().unwrap();
        assert_eq!(row.remove("instance_id").as_ref(), Some(&instance));
        row.remove("performed_timestamp");
        row.remove("kind");
        row.insert("performed".to_owned(), json!(performed));
        line
    });
    let told: Vec<Value> = told.collect();
    let rows = rows(&out);
    assert_eq!(rows.len(), told.len());
    for (row, line) in rows.iter().zip(&told) {
        assert_eq!(row, line);
    }
    let kinds = |key: &str| -> BTreeSet<&str> { rows.iter().filter_map(|row| row[key].as_str()).collect() };
    assert_eq!(kinds("old_type"), ["boolean", "double", "empty", "string", "user_arn"].into());
    assert_eq!(kinds("new_type"), ["boolean", "double", "empty", "string", "user_arn"].into());
    assert_eq!(kinds("related_item_type"), ["comment", "connect", "contact", "custom", "file", "sla"].into());
    let total = truth.iter().rev().nth(1).unwrap();
    assert_eq!(total["kind"], "audits");
    assert_eq!(total["rows"], json!(told.len()));
    assert_eq!(total["answers"], json!(report.audit_answers));
    assert_eq!(total["audit_events"], json!(report.audit_events));
    let mut event_types: BTreeMap<&str, HashSet<&str>> = BTreeMap::new();
    for row in &rows {
        event_types.entry(text(row, "/event_type")).or_default().insert(text(row, "/event_id"));
    }
    let event_types: BTreeMap<&str, usize> = event_types.iter().map(|(name, ids)| (*name, ids.len())).collect();
    assert_eq!((&total["event_types"], event_types.len()), (&json!(event_types), 5));
}

/// Guards the promise that a seed means the same bytes for ever.
#[test]
fn a_seed_means_the_same_histories_for_ever() {
    let digest = |text: &str| {
        text.bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    };
    let (out, truth, _) = run(audited(1_000));
    assert_eq!((&out, &truth), (&run(audited(1_000)).0, &run(audited(1_000)).1));
    assert_eq!(digest(&out), 0xd6d4_a784_2504_e1f2);
    assert_ne!(out, run(Options { seed: 2, ..audited(1_000) }).0);
    assert!(answers(&run(Options { case_events: 0, agents: 1, ..audited(0) }).0).is_empty());
}
