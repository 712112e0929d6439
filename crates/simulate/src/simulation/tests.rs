//! The stream and the truth, looked at from outside: parsed, and derived again by the rules of the event stream alone.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::Read as _;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use serde_json::Value;

use super::*;

const HOUR: u64 = 3_600;

fn options(agents: u32, hours: u64) -> Options {
    Options { agents, duration: Some(Duration::from_secs(hours * HOUR)), ..Options::default() }
}

fn run(options: Options) -> (Vec<u8>, Vec<u8>, Report) {
    let (mut out, mut truth) = (Vec::new(), Vec::new());
    let report = Simulation::new(options).unwrap().run(&mut out, Some(&mut truth)).unwrap();
    assert_eq!(out.len() as u64, report.bytes);
    assert_eq!(lines(&out).count() as u64, report.lines());
    (out, truth, report)
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.strip_suffix(b"\n").unwrap_or(bytes).split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

fn events(bytes: &[u8]) -> Vec<Value> {
    lines(bytes).map(|line| serde_json::from_slice(line).unwrap()).collect()
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {path} in {value}"))
}

/// FNV-1a, 64 bits.
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Guards the promise that a seed means the same bytes for ever. Whoever changes these numbers changes every benchmark
/// and every pinned expectation that is made with the simulator.
#[test]
fn a_seed_means_the_same_bytes_for_ever() {
    let noisy = Options {
        events: Some(2_000),
        duplicate_rate: 0.05,
        disorder_rate: 0.2,
        malformed_rate: 0.01,
        foreign_rate: 0.02,
        ..options(20, 48)
    };
    for (options, expected) in [
        (Options { events: Some(1_000), ..options(20, 24) }, [0x2cac_9d45_2b9f_525a, 0x3ef8_36b0_ea48_2aac]),
        (noisy.clone(), [0xbea9_40ff_2d02_9c65, 0x66ba_8976_f4cd_ab3f]),
        (Options { shuffle: true, ..noisy }, [0x3080_e208_bf5f_8416, 0x66ba_8976_f4cd_ab3f]),
    ] {
        let (out, truth, _) = run(options);
        assert_eq!([digest(&out), digest(&truth)], expected);
    }
}

/// Guards the shape: keys in alphabetical order, compact, as in captured payloads.
#[test]
fn every_line_is_compact_json_with_its_keys_in_order() {
    let (out, ..) = run(options(20, 8));
    for line in lines(&out) {
        let value: Value = serde_json::from_slice(line).unwrap();
        let keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = [
            "AWSAccountId",
            "AgentARN",
            "CurrentAgentSnapshot",
            "EventId",
            "EventTimestamp",
            "EventType",
            "InstanceARN",
            "PreviousAgentSnapshot",
            "Version",
        ];
        assert_eq!(keys, expected);
        // serde_json sorts the keys that it writes; only the escapes are its own.
        let mut plain = String::from_utf8(line.to_vec()).unwrap();
        for (escape, letter) in
            [("\\u00e9", "é"), ("\\u00e8", "è"), ("\\u00f3", "ó"), ("\\u00ed", "í"), ("\\u00e7", "ç")]
        {
            plain = plain.replace(escape, letter);
        }
        assert_eq!(plain, value.to_string());
    }
}

fn paths(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let path = format!("{at}/{key}");
                paths(member, &path, found);
                found.insert(path);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| paths(item, &format!("{at}[]"), found)),
        _ => {}
    }
}

/// Guards the shape against captured payloads, where they are at hand.
#[test]
fn keys_are_those_of_captured_events() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/samples/agent-events-2025-first-35.jsonl");
    let Ok(samples) = std::fs::read(path) else {
        eprintln!("not compared: the captured events are not beside the checkout");
        return;
    };
    let (mut captured, mut made) = (BTreeSet::new(), BTreeSet::new());
    events(&samples).iter().for_each(|event| paths(event, "", &mut captured));
    events(&run(options(20, 8)).0).iter().for_each(|event| paths(event, "", &mut made));
    let lacking: Vec<_> = captured.difference(&made).collect();
    assert!(lacking.is_empty(), "{lacking:?}");
    // No captured agent had a place in a hierarchy, a proficiency or a status waiting.
    let known = ["/AgentHierarchyGroups/", "/Proficiencies[]/", "/NextAgentStatus/"];
    let invented: Vec<_> =
        made.difference(&captured).filter(|path| !known.iter().any(|known| path.contains(known))).collect();
    assert!(invented.is_empty(), "{invented:?}");
}

/// Guards the chain test of the domain: nothing is lost between two events of an agent.
#[test]
fn previous_snapshots_are_the_current_ones_before() {
    let (out, ..) = run(options(15, 26));
    let mut current: HashMap<String, Value> = HashMap::new();
    let mut compared = 0;
    for event in events(&out) {
        if event["EventType"] == "HEART_BEAT" {
            assert_eq!(
                current.get(text(&event, "/AgentARN")).unwrap_or_else(|| &event["CurrentAgentSnapshot"]),
                &event["CurrentAgentSnapshot"]
            );
            continue;
        }
        let agent = text(&event, "/AgentARN").to_owned();
        if let Some(before) = current.insert(agent, event["CurrentAgentSnapshot"].clone()) {
            assert_eq!(before, event["PreviousAgentSnapshot"], "{event}");
            compared += 1;
        }
    }
    assert!(compared > 1_000, "{compared}");
}

/// Guards order, ids, sizes, days and the first and last moment of the report.
#[test]
fn the_default_stream_is_ordered_and_of_the_right_size() {
    let (out, _, report) = run(Options { agents: 12, ..options(12, 60) });
    let mut ids = HashSet::new();
    let mut days = BTreeSet::new();
    let mut latest = String::new();
    let mut latest_of_agents: HashMap<String, String> = HashMap::new();
    for event in events(&out) {
        assert!(ids.insert(text(&event, "/EventId").to_owned()));
        let at = text(&event, "/EventTimestamp").to_owned();
        assert!(at >= latest, "{at} after {latest}");
        let before = latest_of_agents.insert(text(&event, "/AgentARN").to_owned(), at.clone());
        assert!(before.is_none_or(|before| before < at), "two events of an agent at {at}");
        days.insert(text(&event, "/EventTimestamp").chars().take(10).collect::<String>());
        latest = at;
    }
    assert_eq!(days.into_iter().collect::<Vec<_>>(), ["2025-03-03", "2025-03-04", "2025-03-05"]);
    let size = report.bytes / report.events;
    assert!((5_000..=5_700).contains(&size), "{size}");
    assert_eq!(report.last.unwrap().to_string(), latest.replace('Z', "000Z"));
    assert!(report.first.unwrap() >= options(1, 1).start);
}

/// Guards that what the brief of the simulator names does happen, and within its bounds.
#[test]
fn everything_happens() {
    let (out, ..) = run(options(40, 36));
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut levels = BTreeSet::new();
    for event in events(&out) {
        seen.insert(text(&event, "/EventType").to_owned());
        let snapshot = &event["CurrentAgentSnapshot"];
        seen.insert(text(snapshot, "/AgentStatus/Type").to_owned());
        if !snapshot["NextAgentStatus"].is_null() {
            seen.insert("next".to_owned());
        }
        let groups = snapshot.pointer("/Configuration/AgentHierarchyGroups").unwrap();
        levels.insert(groups.as_object().map_or(0, |groups| groups.values().filter(|group| !group.is_null()).count()));
        let contacts = snapshot["Contacts"].as_array().unwrap();
        for contact in contacts {
            for key in ["State", "Channel", "InitiationMethod"] {
                seen.insert(contact[key].as_str().unwrap().to_owned());
            }
            if contact["InitialContactId"] != contact["ContactId"] {
                seen.insert("transfer leg".to_owned());
            }
            if contact["State"] == "CONNECTED" && contact["ConnectedToAgentTimestamp"].is_null() {
                seen.insert("two-step answer".to_owned());
            }
        }
        if contacts.len() > 2 {
            seen.insert("several at once".to_owned());
        }
        if event["EventType"] == "LOGOUT" && !contacts.is_empty() {
            seen.insert("contact at logout".to_owned());
        }
        check_slots(snapshot);
        check_lateness(&event);
    }
    assert_eq!(levels.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    for expected in [
        "LOGIN",
        "LOGOUT",
        "STATE_CHANGE",
        "HEART_BEAT",
        "ROUTABLE",
        "CUSTOM",
        "OFFLINE",
        "next",
        "INCOMING",
        "CONNECTING",
        "CONNECTED",
        "CONNECTED_ONHOLD",
        "MISSED",
        "REJECTED",
        "ERROR",
        "PAUSED",
        "ENDED",
        "VOICE",
        "CHAT",
        "TASK",
        "EMAIL",
        "INBOUND",
        "OUTBOUND",
        "TRANSFER",
        "CALLBACK",
        "API",
        "transfer leg",
        "two-step answer",
        "several at once",
        "contact at logout",
    ] {
        assert!(seen.contains(expected), "{expected} never happens");
    }
}

/// Slots drop by one for each contact of their channel, and never below nothing.
fn check_slots(snapshot: &Value) {
    for slot in snapshot.pointer("/Configuration/RoutingProfile/Concurrency").unwrap().as_array().unwrap() {
        let contacts = snapshot["Contacts"].as_array().unwrap();
        let busy = contacts.iter().filter(|contact| contact["Channel"] == slot["Channel"]).count() as u64;
        let [available, current, most] =
            ["AvailableSlots", "CurrentAvailableSlots", "MaximumSlots"].map(|key| slot[key].as_u64().unwrap());
        assert_eq!(available + busy, most, "{snapshot}");
        assert!(current == 0 || current == available);
        let is_routable = snapshot.pointer("/AgentStatus/Type").unwrap() == "ROUTABLE";
        assert!(is_routable || current == 0, "{snapshot}");
    }
}

/// The contact that changed did so at most 67 ms before its event.
fn check_lateness(event: &Value) {
    if event["EventType"] != "STATE_CHANGE" {
        return;
    }
    let at = millis(text(event, "/EventTimestamp"));
    let previous = event.pointer("/PreviousAgentSnapshot/Contacts").unwrap().as_array().unwrap();
    for contact in event.pointer("/CurrentAgentSnapshot/Contacts").unwrap().as_array().unwrap() {
        if !previous.contains(contact) {
            let late = at - millis(contact["StateStartTimestamp"].as_str().unwrap());
            assert!((0..=67).contains(&late), "{late} ms: {event}");
        }
    }
}

/// Milliseconds of a timestamp since 2025-01-01, for the months that the tests use.
fn millis(timestamp: &str) -> i64 {
    let numbers: Vec<i64> =
        timestamp.split(|letter: char| !letter.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect();
    let [2025, month, day, hour, minute, second, milli] = numbers[..] else { panic!("{timestamp}") };
    let days = [0, 31, 59, 90][month as usize - 1] + day - 1;
    (((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000 + milli
}

/// Guards the rates, and that they change nothing of what is acted out.
#[test]
fn noise_has_its_rates_and_changes_no_truth() {
    let quiet = options(20, 24);
    let noisy =
        Options { duplicate_rate: 0.05, disorder_rate: 0.2, malformed_rate: 0.02, foreign_rate: 0.03, ..quiet.clone() };
    let (plain, plain_truth, plain_report) = run(quiet);
    let (out, truth, report) = run(noisy.clone());
    assert!(plain_truth == truth, "noise changed the truth");
    assert_eq!(report.events, plain_report.events);
    let near = |count: u64, rate: f64| {
        let expected = report.events as f64 * rate;
        assert!((count as f64 - expected).abs() < 6.0 * expected.sqrt(), "{count}, expected {expected}");
    };
    near(report.duplicates, 0.05);
    near(report.delayed, 0.2);
    near(report.malformed, 0.02);
    near(report.foreign(), 0.03);
    assert!(report.contact_records > 0 && report.contact_events > 0);

    let (mut usable, mut unusable, mut foreign) = (BTreeMap::<&[u8], u64>::new(), 0, 0);
    let mut newest = 0;
    for line in lines(&out) {
        let value = serde_json::from_slice::<Value>(line).ok();
        let id = value.as_ref().and_then(|value| value["EventId"].as_str());
        let at = value.as_ref().and_then(|value| value["EventTimestamp"].as_str());
        match (&value, id, at) {
            (Some(_), Some(_), Some(at)) if !at.starts_with("2025-13") => {
                let count = usable.entry(line).or_default();
                *count += 1;
                let late = newest - millis(at);
                let most = noisy.disorder_window + noisy.duplicate_window;
                assert!(late <= most.as_millis() as i64, "{late}");
                assert!(*count > 1 || late <= noisy.disorder_window.as_millis() as i64, "{late}");
                newest = newest.max(millis(at));
            }
            (Some(value), None, None) if value.get("ContactId").is_some() || value.get("detail-type").is_some() => {
                foreign += 1;
            }
            _ => unusable += 1,
        }
    }
    assert_eq!((unusable, foreign), (report.malformed, report.foreign()));
    let expected: BTreeSet<&[u8]> = lines(&plain).collect();
    assert!(usable.keys().copied().collect::<BTreeSet<_>>() == expected, "an event was lost, changed or invented");
    assert_eq!(usable.values().sum::<u64>() - usable.len() as u64, report.duplicates);
}

/// Guards that a number of events is exact, spread over the duration, and only a beginning of the longer stream.
#[test]
fn a_number_of_events_is_exact() {
    let (long, ..) = run(options(10, 24));
    let (short, _, report) = run(Options { events: Some(777), duration: None, ..options(10, 24) });
    assert_eq!(report.events, 777);
    assert!(long.starts_with(&short));
    let (spread, _, report) = run(Options { events: Some(3_000), ..options(10, 3 * 24) });
    assert_eq!(report.events, 3_000);
    let mut days: BTreeMap<String, u32> = BTreeMap::new();
    for event in events(&spread) {
        *days.entry(text(&event, "/EventTimestamp").chars().take(10).collect()).or_default() += 1;
    }
    assert!(days.len() == 3 && days.values().all(|count| *count > 400), "{days:?}");
    let (nothing, truth, _) = run(Options { events: Some(0), ..options(3, 24) });
    assert!(nothing.is_empty() && lines(&truth).count() == 1);
}

/// Guards the second input of the benchmarks: same schedule and sizes, hardly a snapshot twice.
#[test]
fn shuffled_snapshots_do_not_repeat() {
    let plain = options(15, 8);
    let shuffled = Options { shuffle: true, ..plain.clone() };
    let ((out, truth, _), (shuffled_out, shuffled_truth, _)) = (run(plain), run(shuffled));
    assert!(truth == shuffled_truth);
    let mut snapshots = HashSet::new();
    let mut configurations = HashSet::new();
    let mut count = 0;
    for (line, shuffled_line) in lines(&out).zip(lines(&shuffled_out)) {
        assert_eq!(line.len(), shuffled_line.len());
        let event: Value = serde_json::from_slice(shuffled_line).unwrap();
        for snapshot in ["CurrentAgentSnapshot", "PreviousAgentSnapshot"] {
            count += 1;
            snapshots.insert(event[snapshot].to_string());
            configurations.insert(event[snapshot]["Configuration"].to_string());
        }
    }
    assert_eq!((snapshots.len(), configurations.len()), (count, count));
}

/// What the rules of the event stream make of the events: the rows of the truth, without durations.
#[derive(Default)]
struct Derived {
    rows: BTreeSet<String>,
    session: Option<(String, bool)>,
    status: Option<(String, String)>,
    contacts: BTreeMap<String, (String, String)>,
    latest: String,
}

impl Derived {
    fn see(&mut self, agent: &str, event: &Value) {
        let (at, kind) = (text(event, "/EventTimestamp"), text(event, "/EventType"));
        let snapshot = &event["CurrentAgentSnapshot"];
        if kind == "LOGIN" {
            self.end(agent, "silence");
            self.session = Some((at.to_owned(), true));
        } else if self.session.is_none() && self.latest.is_empty() {
            self.session = Some((at.to_owned(), false));
        }
        if self.session.is_none() {
            return; // Heart beats after a LOGOUT.
        }
        at.clone_into(&mut self.latest);
        let status = (text(snapshot, "/AgentStatus/ARN"), text(snapshot, "/AgentStatus/StartTimestamp"));
        let status = (status.0.to_owned(), status.1.to_owned());
        if let Some(before) = self.status.replace(status.clone())
            && before != status
        {
            self.status_row(agent, &before, (Some(&status.1), "next_state"));
        }
        if kind != "HEART_BEAT" {
            self.see_contacts(agent, at, snapshot["Contacts"].as_array().unwrap());
        }
        if kind == "LOGOUT" {
            self.end(agent, "logout");
        }
    }

    fn see_contacts(&mut self, agent: &str, at: &str, listed: &[Value]) {
        let mut now = BTreeMap::new();
        for contact in listed {
            let state = (text(contact, "/State").to_owned(), text(contact, "/StateStartTimestamp").to_owned());
            now.insert(text(contact, "/ContactId").to_owned(), state);
        }
        for (id, before) in std::mem::take(&mut self.contacts) {
            match now.get(&id) {
                Some(state) if *state == before => {}
                Some(state) => self.segment_row(agent, &id, &before, (Some(&state.1), "next_state")),
                None => self.segment_row(agent, &id, &before, (Some(at), "contact_gone")),
            }
        }
        self.contacts = now;
    }

    fn end(&mut self, agent: &str, reason: &str) {
        let Some((start, has_login)) = self.session.clone() else { return };
        for (id, state) in std::mem::take(&mut self.contacts) {
            self.segment_row(agent, &id, &state, (None, reason));
        }
        let end = (reason != "still_open_at_end_of_input").then(|| self.latest.clone());
        if let Some(status) = self.status.take() {
            self.status_row(agent, &status, (end.as_deref(), reason));
        }
        self.session = None;
        let login = if has_login { &start } else { "-" };
        self.rows.insert(format!("session {agent} {start} {login} {} {reason}", end.as_deref().unwrap_or("-")));
    }

    fn status_row(&mut self, agent: &str, status: &(String, String), (end, reason): (Option<&str>, &str)) {
        let session = &self.session.as_ref().unwrap().0;
        let start = session.max(&status.1);
        let end = end.unwrap_or("-");
        self.rows.insert(format!("status {agent} {} {} {start} {end} {reason}", status.0, status.1));
    }

    fn segment_row(&mut self, agent: &str, id: &str, state: &(String, String), (end, reason): (Option<&str>, &str)) {
        let (name, start) = state;
        let end = end.unwrap_or("-");
        self.rows.insert(format!("segment {agent} {id} {name} {start} {end} {reason}"));
        if name == "ENDED" {
            self.rows.insert(format!("acw {agent} {id} {start} {end} {reason}"));
        }
    }
}

/// A row of the truth, as [`Derived`] writes it; checks the duration.
fn row(truth: &Value) -> Option<String> {
    let keys: &[&str] = match truth["kind"].as_str().unwrap() {
        "session" => &["agent_id", "start", "login", "end", "end_reason"],
        "status" => &["agent_id", "status_arn", "status_start", "start", "end", "end_reason"],
        "segment" => &["agent_id", "contact_id", "state", "start", "end", "end_reason"],
        "acw" => &["agent_id", "contact_id", "start", "end", "end_reason"],
        _ => return None,
    };
    if let (Some(end), Some(duration)) = (truth["end"].as_str(), truth.get("duration_ms")) {
        let expected = millis(end) - millis(truth["start"].as_str().unwrap());
        assert!(expected >= 0 && duration.as_i64() == Some(expected), "{truth}");
    }
    let values = keys.iter().map(|key| truth[key].as_str().unwrap_or("-").to_owned());
    Some(std::iter::once(truth["kind"].as_str().unwrap().to_owned()).chain(values).collect::<Vec<_>>().join(" "))
}

/// Guards the truth: an independent reading of the stream gives exactly its rows.
#[test]
fn the_truth_is_what_the_events_say() {
    for (options, least) in [
        (options(15, 40), 2_000),
        (Options { events: Some(4_000), seed: 9, ..options(25, 3 * 24) }, 1_500),
        (Options { events: Some(500), duration: None, seed: 3, ..options(40, 24) }, 300),
    ] {
        let (out, truth, _) = run(options);
        let truth = events(&truth);
        let silent: HashSet<&str> = truth
            .iter()
            .filter(|row| row["kind"] == "session" && row["end_reason"] == "silence")
            .map(|row| text(row, "/end"))
            .collect();
        let mut agents: BTreeMap<String, Derived> = BTreeMap::new();
        for event in events(&out) {
            let agent = text(&event, "/AgentARN").rsplit('/').next().unwrap().to_owned();
            agents.entry(agent.clone()).or_default().see(&agent, &event);
        }
        let mut derived = BTreeSet::new();
        for (agent, mut rows) in agents {
            // Only the schedule knows whether a silence at the end of the input is one.
            let is_silent = silent.contains(rows.latest.as_str());
            rows.end(&agent, if is_silent { "silence" } else { "still_open_at_end_of_input" });
            derived.append(&mut rows.rows);
        }
        let expected: BTreeSet<String> = truth.iter().filter_map(row).collect();
        let lacking: Vec<_> = expected.difference(&derived).take(5).collect();
        let invented: Vec<_> = derived.difference(&expected).take(5).collect();
        assert!(lacking.is_empty() && invented.is_empty(), "lacking {lacking:#?}, invented {invented:#?}");
        assert!(expected.len() > least, "{}", expected.len());
        check_events(&out, &truth);
        check_cover(&truth);
    }
}

/// Each event is foretold once, with its day and the number of its contacts.
fn check_events(out: &[u8], truth: &[Value]) {
    let foretold: HashMap<&str, &Value> =
        truth.iter().filter(|row| row["kind"] == "event").map(|row| (text(row, "/event_id"), row)).collect();
    let seen = events(out);
    assert_eq!(foretold.len(), seen.len());
    let contacts = |snapshot: &Value| -> HashSet<String> {
        let contacts = snapshot["Contacts"].as_array().unwrap().iter();
        contacts.map(|contact| text(contact, "/ContactId").to_owned()).collect()
    };
    for event in seen {
        let row = foretold[text(&event, "/EventId")];
        let (current, previous) = (contacts(&event["CurrentAgentSnapshot"]), contacts(&event["PreviousAgentSnapshot"]));
        assert_eq!(row["contacts"].as_u64(), Some(current.len() as u64));
        assert_eq!(row["departed"].as_u64(), Some(previous.difference(&current).count() as u64), "{event}");
        assert!(text(&event, "/AgentARN").ends_with(text(row, "/agent_id")));
        assert_eq!((&row["event_timestamp"], &row["event_type"]), (&event["EventTimestamp"], &event["EventType"]));
        assert!(text(&event, "/EventTimestamp").starts_with(text(row, "/day")));
    }
}

/// The statuses of an agent follow one another without overlap and cover each session from end to end.
fn check_cover(truth: &[Value]) {
    let mut statuses: BTreeMap<&str, Vec<(&str, Option<&str>)>> = BTreeMap::new();
    let mut sessions: BTreeMap<&str, Vec<(&str, Option<&str>)>> = BTreeMap::new();
    for row in truth {
        let rows = match row["kind"].as_str() {
            Some("status") => &mut statuses,
            Some("session") => &mut sessions,
            _ => continue,
        };
        rows.entry(text(row, "/agent_id")).or_default().push((text(row, "/start"), row["end"].as_str()));
    }
    for (agent, sessions) in sessions {
        let mut statuses = statuses[agent].iter();
        for (start, end) in sessions {
            let mut at = Some(start);
            while at != end {
                let (status_start, status_end) = statuses.next().unwrap();
                assert_eq!(Some(*status_start), at, "{agent}");
                at = *status_end;
            }
        }
        assert!(statuses.next().is_none());
    }
}

/// Guards the input that ships with the repository: the example `quickstart` still makes it.
#[test]
fn the_quickstart_input_is_what_the_simulator_makes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../pipelines/quickstart/agent-events.jsonl");
    let shipped = std::fs::read(path).unwrap();
    let options = Options {
        start: options(1, 1).start.plus_micros(20 * 3_600_000_000),
        events: Some(150),
        seed: 317,
        ..options(5, 12)
    };
    let (out, ..) = run(options);
    let mut shipped = lines(&shipped);
    assert!(lines(&out).all(|line| shipped.any(|other| other == line)), "run the example `quickstart` again");
}

/// Guards the simulated day beside it: `tributary simulate --agents 4 --seed 7 --start 2025-03-04 --days 1 | gzip -9n`.
#[test]
fn the_quickstart_day_is_what_the_simulator_makes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../pipelines/quickstart/day.jsonl.gz");
    let mut shipped = Vec::new();
    MultiGzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut shipped).unwrap();
    let options = Options { start: options(1, 1).start.plus_micros(24 * 3_600_000_000), seed: 7, ..options(4, 24) };
    let (out, ..) = run(options);
    assert!(out == shipped, "make pipelines/quickstart/day.jsonl.gz again");
}
