//! Cases looked at from outside: parsed, and folded again by the rules of the event stream alone.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value, json};

use crate::{Options, Report, Simulation};

pub(super) fn options(case_events: u64) -> Options {
    Options { agents: 0, case_events, duration: Some(std::time::Duration::from_secs(3 * 86_400)), ..Options::default() }
}

pub(super) fn run(options: Options) -> (String, Vec<Value>, Report) {
    let (mut out, mut truth) = (Vec::new(), Vec::new());
    let report = Simulation::new(options).unwrap().run(&mut out, Some(&mut truth)).unwrap();
    assert_eq!(out.len() as u64, report.bytes);
    let truth = String::from_utf8(truth).unwrap();
    (String::from_utf8(out).unwrap(), truth.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), report)
}

pub(super) fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {path} in {value}"))
}

/// What a reader can use of a stream: JSON with an id and a time that exists.
pub(super) fn usable(out: &str) -> Vec<Value> {
    let events = out.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let is_whole = |event: &Value| {
        let time = event.pointer("/detail/approximateChangeTime").and_then(Value::as_str);
        event["id"].is_string() && time.is_some_and(|time| time.get(5..7) != Some("13"))
    };
    events.filter(is_whole).collect()
}

pub(super) fn is_item(event: &Value) -> bool {
    event["detail"].get("relatedItem").is_some()
}

fn custom_fields(event: &Value) -> u64 {
    let fields = event.pointer("/detail/case/fields").and_then(Value::as_object);
    fields.map_or(0, |fields| fields.keys().filter(|id| id.len() == 36).count() as u64)
}

/// The latest state of each case, from events in any order, some of them repeated.
fn fold(events: &[Value]) -> BTreeMap<String, Value> {
    let mut seen = HashSet::new();
    let mut states: BTreeMap<String, Value> = BTreeMap::new();
    let mut item_events: HashMap<String, u64> = HashMap::new();
    for event in events.iter().filter(|event| seen.insert(text(event, "/id").to_owned())) {
        if is_item(event) {
            *item_events.entry(text(event, "/detail/relatedItem/caseId").to_owned()).or_default() += 1;
            continue;
        }
        let value = |id: &str| event.pointer(&format!("/detail/case/fields/{id}/value/stringValue")).cloned();
        let case = text(event, "/detail/case/caseId").to_owned();
        let mut state = json!({
            "event_timestamp": event["detail"]["approximateChangeTime"],
            "last_updated_timestamp": value("last_updated_datetime"),
            "event_id": event["id"],
            "event_type": event["detail"]["eventType"],
            "status": value("status"),
            "custom_fields": custom_fields(event),
            "case_events": 1,
        });
        let order = |state: &Value| {
            ["event_timestamp", "last_updated_timestamp", "event_id"].map(|key| state[key].as_str().map(str::to_owned))
        };
        if let Some(before) = states.get(&case) {
            let count = before["case_events"].as_u64().unwrap() + 1;
            if order(before) > order(&state) {
                state = before.clone();
            }
            state["case_events"] = json!(count);
        }
        states.insert(case, state);
    }
    for (case, state) in &mut states {
        state["item_events"] = json!(item_events.get(case).copied().unwrap_or(0));
    }
    states
}

fn without(value: &Value, keys: &[&str]) -> Value {
    let members = value.as_object().unwrap().iter().filter(|(key, _)| !keys.contains(&key.as_str()));
    Value::Object(members.map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// Guards the truth: whoever reads the stream with all its flaws comes to the same states and counts.
#[test]
fn the_truth_is_what_the_events_tell() {
    let noisy = Options {
        duplicate_rate: 0.05,
        disorder_rate: 0.2,
        malformed_rate: 0.02,
        old_detail_type_rate: 0.3,
        ..options(8_000)
    };
    let (out, truth, report) = run(noisy);
    let events = usable(&out);
    assert_eq!(events.len() as u64, report.case_events + report.duplicates);
    assert_eq!(out.lines().count() as u64, report.lines());
    assert!(report.duplicates > 200 && report.delayed > 1_000 && report.malformed > 80, "{report:?}");

    let told: BTreeMap<String, Value> = truth
        .iter()
        .filter(|line| line["kind"] == "case")
        .map(|line| (text(line, "/case_id").to_owned(), without(line, &["kind", "case_id", "instance_id"])))
        .collect();
    assert_eq!(told, fold(&events));
    assert!(told.len() > 500, "{}", told.len());

    let mut seen = HashSet::new();
    let unique: Vec<&Value> = events.iter().filter(|event| seen.insert(text(event, "/id"))).collect();
    let (mut event_types, mut item_types) = (BTreeMap::<String, u64>::new(), BTreeMap::<String, u64>::new());
    for event in &unique {
        let kind = text(event, "/detail/eventType");
        let prefix = if is_item(event) { "CASE." } else { "" };
        *event_types.entry(format!("{prefix}{kind}")).or_default() += 1;
        if is_item(event) {
            let kind = text(event, "/detail/relatedItem/relatedItemType").to_lowercase();
            *item_types.entry(kind.replace("connectcase", "connect")).or_default() += 1;
        }
    }
    let total = truth.last().unwrap();
    assert_eq!(total["kind"], "cases");
    assert_eq!(total["event_types"], json!(event_types));
    assert_eq!(total["item_types"], json!(item_types));
    assert_eq!(total["custom_fields"], json!(unique.iter().map(|event| custom_fields(event)).sum::<u64>()));
    assert_eq!(total["cases"], json!(told.len()));
    let sum = total["case_events"].as_u64().unwrap() + total["item_events"].as_u64().unwrap();
    assert_eq!((sum, report.case_events), (8_000, 8_000));
    assert_eq!((event_types.len(), item_types.len()), (6, 6), "{event_types:?} {item_types:?}");
}

/// Guards the rule by which a cleared field is told from one that nobody asked for, and what else is promised of changes.
#[test]
fn what_changes_is_named_and_what_is_not_named_stays() {
    let (out, ..) = run(options(6_000));
    let mut before: HashMap<String, Map<String, Value>> = HashMap::new();
    let (mut cleared, mut reopened, mut ties) = (0, 0, 0);
    let mut last: HashMap<String, String> = HashMap::new();
    for event in usable(&out).iter().filter(|event| event["detail"]["eventType"] != "CASE.DELETED" && !is_item(event)) {
        let case = text(event, "/detail/case/caseId").to_owned();
        let at = text(event, "/detail/approximateChangeTime").to_owned();
        let changed: HashSet<&str> =
            event["detail"]["changedFieldIds"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        // An agreement moves it, and no case event tells of that.
        let mut fields = event["detail"]["case"]["fields"].as_object().unwrap().clone();
        fields.remove("next_sla_breach_datetime");
        cleared += changed.iter().filter(|id| !fields.contains_key(**id) && id.len() == 36).count();
        let string = |id: &str| fields.get(id).and_then(|field| field.pointer("/value/stringValue"));
        let is_reopened = string("last_reopened_datetime").is_some() && string("status") != Some(&json!("closed"));
        if is_reopened {
            assert!(string("last_closed_datetime").is_some(), "the moment of the last closing stays: {event}");
            reopened += 1;
        }
        ties += u32::from(last.insert(case.clone(), at.clone()).as_deref() == Some(at.as_str()));
        if let Some(before) = before.insert(case, fields.clone()) {
            for id in before.keys().chain(fields.keys()).filter(|id| !changed.contains(id.as_str())) {
                assert_eq!(before.get(id), fields.get(id), "{id} of {event}");
            }
        }
    }
    assert!(cleared > 30 && reopened > 30 && ties > 20, "{cleared} cleared, {reopened} reopened, {ties} ties");
}

/// The members of a union, wherever they are.
fn members(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => object.iter().for_each(|(key, inner)| {
            if key.ends_with("Value") || key == "userArn" || key == "customEntity" {
                found.insert(key.clone());
            }
            members(inner, found);
        }),
        Value::Array(items) => items.iter().for_each(|item| members(item, found)),
        _ => {}
    }
}

/// Guards the breadth: each kind of value, actor, spelling and agreement occurs, and no envelope is early or too large.
#[test]
fn everything_occurs() {
    let (out, ..) = run(Options { old_detail_type_rate: 0.5, ..options(6_000) });
    let longest = out.lines().map(str::len).max().unwrap();
    assert!((10_000..256_000).contains(&longest), "{longest}");
    let mut unions = BTreeSet::new();
    let (mut kinds, mut slas) = (BTreeSet::new(), BTreeSet::new());
    let (mut silent, mut maps, mut lists) = (0, 0, 0);
    for event in usable(&out) {
        members(&event, &mut unions);
        kinds.insert(text(&event, "/detail-type").to_owned());
        assert!(text(&event, "/time") > text(&event, "/detail/approximateChangeTime"), "{event}");
        assert_eq!(text(&event, "/time").len(), "2025-03-03T00:00:00Z".len());
        silent += u32::from(event["detail"].get("performedBy").is_none());
        let item = &event["detail"]["relatedItem"];
        slas.extend(item.pointer("/sla/slaConfiguration/status").map(Value::to_string));
        maps += u32::from(item["custom"]["fields"].is_object());
        lists += u32::from(item["custom"]["fields"].is_array());
    }
    let all = ["booleanValue", "customEntity", "doubleValue", "emptyValue", "stringValue", "userArn", "userArnValue"];
    assert_eq!(unions, all.map(str::to_owned).into());
    assert_eq!(kinds, ["Amazon Connect Cases Change", "Amazon Connect Cases Event"].map(str::to_owned).into());
    assert_eq!(slas, ["\"Active\"", "\"Met\"", "\"NotMet\"", "\"Overdue\""].map(str::to_owned).into());
    assert!(silent > 10 && maps > 5 && lists > 20, "{silent} {maps} {lists}");
}

/// Guards the look-ups: they name the domain, every template and every custom field that occurs, agents or none.
#[test]
fn lookups_name_what_occurs() {
    let with_agents = Options { agents: 5, ..options(2_000) };
    let lookups = Simulation::new(options(2_000)).unwrap().lookups();
    assert_eq!(lookups, Simulation::new(with_agents.clone()).unwrap().lookups());
    let (out, ..) = run(with_agents);
    let mut compared = 0;
    for event in usable(&out) {
        let (_, domain) = text(&event, "/resources/0").split_once("domain/").unwrap();
        assert!(lookups.contains(&format!("[instances]\n\"{domain}\" = ")), "{domain}");
        let Some(fields) = event.pointer("/detail/case/fields").and_then(Value::as_object) else { continue };
        assert!(lookups.contains(&format!("\n\"{}\" = \"", text(&event, "/detail/case/templateId"))));
        for id in fields.keys().filter(|id| id.len() == 36) {
            assert!(lookups.contains(&format!("\n\"{id}\" = {{ name = ")), "{id}");
            compared += 1;
        }
    }
    assert!(compared > 500, "{compared}");
}

/// Guards: cases are told in order of time among agent events, and agents do what they do without them.
#[test]
fn agents_do_not_mind_cases() {
    let agents = Options { case_events: 0, agents: 8, ..options(0) };
    let (alone, ..) = run(agents.clone());
    let (both, truth, report) = run(Options { case_events: 1_500, ..agents });
    let is_case = |line: &&str| line.contains(r#""source":"aws.cases""#);
    let others: Vec<&str> = both.lines().filter(|line| !is_case(line)).collect();
    assert_eq!(others, alone.lines().collect::<Vec<_>>());
    assert_eq!(both.lines().filter(is_case).count() as u64, report.case_events);
    assert!(truth.iter().any(|line| line["kind"] == "session"));
    let time = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        let time = event.pointer("/detail/approximateChangeTime").or_else(|| event.get("EventTimestamp"));
        time.and_then(Value::as_str).unwrap().to_owned()
    };
    let times: Vec<String> = both.lines().map(time).collect();
    assert!(times.is_sorted());
    assert!(times.iter().all(|time| time.as_str() < "2025-03-06"), "nothing happens after the end");
}

/// Guards the promise that a seed means the same bytes for ever.
#[test]
fn a_seed_means_the_same_cases_for_ever() {
    let digest = |text: &str| {
        text.bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    };
    let (out, ..) = run(options(1_000));
    assert_eq!(digest(&out), 0x2a55_b8e4_c77c_7897);
    assert_ne!(out, run(Options { seed: 2, ..options(1_000) }).0);
    let (few, _, report) = run(Options { duration: None, ..options(1) });
    assert_eq!((few.lines().count(), report.case_events), (1, 1));
}
