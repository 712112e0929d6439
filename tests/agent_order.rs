//! Events that come first, late, twice or not at all, of agents who clear their contacts before they leave.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::agent_time::{by_hour, event};
use crate::engines::{Engine, Engines};
use crate::inputs::{events, scale};
use crate::lab::{Lab, difference};

/// A stream that lost some of its events: a gap at each of the places, and nowhere else; the same with the days in reverse.
#[test]
fn gaps_are_where_events_were_lost() {
    let Some(engines) = Engines::get() else { return };
    let lines = events(&format!("--agents {} --events {} --days 4 --seed 3", 20 * scale(), 10_000 * scale()));
    let (mut kept, mut places, mut lost) = (String::new(), Vec::new(), 0);
    // By agent: whether an event was kept, and whether one was lost since.
    let mut agents: BTreeMap<String, (bool, bool)> = BTreeMap::new();
    for (number, line) in lines.lines().enumerate() {
        let event: Value = serde_json::from_str(line).unwrap();
        let agent = agents.entry(event["AgentARN"].as_str().unwrap().to_owned()).or_default();
        let is_beat = event["EventType"] == "HEART_BEAT";
        // What changes the next status alone is in no column of the snapshot before.
        let compared = |snapshot: &str| {
            let mut snapshot = event[snapshot].clone();
            snapshot.as_object_mut().unwrap().remove("NextAgentStatus");
            snapshot
        };
        if number % 97 == 13 && (is_beat || compared("CurrentAgentSnapshot") != compared("PreviousAgentSnapshot")) {
            (agent.1, lost) = (agent.1 || !is_beat, lost + 1);
            continue;
        }
        kept.push_str(line);
        kept.push('\n');
        if !is_beat {
            if agent.0 && agent.1 {
                places.push(event["EventId"].as_str().unwrap().to_owned());
            }
            *agent = (true, false);
        }
    }
    assert!(lost > 100 && places.len() > 60, "{lost} {}", places.len());
    let lab = Lab::new("");
    lab.input("events.jsonl", &kept);
    lab.run();
    places.sort();
    let query = "sql:SELECT event_id FROM agent_stream_gaps ORDER BY ALL";
    let found = engines.ask(Engine::DuckDb, &lab.lake(), &[query])[0]["rows"].clone();
    let found: Vec<String> = found.as_array().unwrap().iter().map(|row| row[0].as_str().unwrap().to_owned()).collect();
    let only =
        |these: &[String], those: &[String]| these.iter().filter(|id| !those.contains(id)).cloned().collect::<Vec<_>>();
    assert_eq!((only(&found, &places), only(&places, &found)), (Vec::new(), Vec::new()));

    // The days backwards, a run each.
    let backwards = Lab::new("");
    for (number, day) in by_day(&kept).iter().enumerate().rev() {
        backwards.input(&format!("{number}.jsonl"), day);
        backwards.run();
    }
    assert_eq!(difference(&lab.lake(), &backwards.lake()), Some(Vec::new()));
}

/// The lines of a stream, by the day of their event.
fn by_day(lines: &str) -> Vec<String> {
    let mut days: BTreeMap<String, String> = BTreeMap::new();
    for hour in by_hour(lines) {
        let (_, after) = hour.split_once("\"EventTimestamp\":\"").unwrap();
        days.entry(after.get(..10).unwrap().to_owned()).or_default().push_str(&hour);
    }
    days.into_values().collect()
}

/// An agent comes back days later: only then is it seen that something was lost, also when the earlier day comes last. And a
/// session that goes on for days has its intervals on each of them, by what is told late of the first.
#[test]
fn late_news_change_later_days() {
    let Some(engines) = Engines::get() else { return };
    let since = "2025-03-03T08:00:00.000Z";
    let beats_from = |day: u32, hour: u32| -> String {
        (hour..24)
            .map(|hour| event("long", "HEART_BEAT", &format!("2025-03-{day:02}T{hour:02}:30:00.000Z"), since))
            .collect()
    };
    let beats = |day: u32| beats_from(day, 0);
    let chosen = "2025-03-03T23:10:00.000Z";
    let days = [
        event("long", "LOGIN", since, since) + &beats_from(3, 8),
        event("gone", "LOGIN", "2025-03-03T10:00:00.000Z", since),
        event("long", "STATE_CHANGE", chosen, chosen)
            .replace("Available", "Lunch")
            .replace("\"ARN\"", "\"Type\":\"CUSTOM\",\"ARN\""),
        beats(4),
        beats(5),
        beats(6) + &event("gone", "LOGIN", "2025-03-06T10:00:00.000Z", "2025-03-05T20:00:00.000Z"),
        beats(7) + &event("long", "LOGOUT", "2025-03-07T23:45:00.000Z", chosen),
    ];
    let lab = |order: &[usize]| {
        let lab = Lab::new("[transform.connect.agent_time]\nsilence = \"2h\"");
        for number in order {
            lab.input(&format!("{number}.jsonl"), &days[*number]);
            lab.run();
        }
        lab
    };
    let at_once = Lab::new("[transform.connect.agent_time]\nsilence = \"2h\"");
    at_once.input("all.jsonl", days.concat());
    at_once.run();
    let queries = [
        "sql:SELECT split_part(agent_arn, '/agent/', 2), event_timestamp::VARCHAR, last_event_timestamp::VARCHAR, columns \
         FROM agent_stream_gaps ORDER BY ALL",
        "sql:SELECT day::VARCHAR, count(*), sum(non_productive_time) // 60000 FROM agent_statistic_record \
         WHERE user_id = 'long' GROUP BY ALL ORDER BY ALL",
    ];
    let answers = engines.ask(Engine::DuckDb, &at_once.lake(), &queries);
    let gap = json!(["gone", "2025-03-06 10:00:00", "2025-03-03 10:00:00", ["agent_status_start_timestamp"]]);
    assert!(answers[0]["rows"].as_array().unwrap().contains(&gap), "{}", answers[0]["rows"]);
    let time = |day: u32, rows: u32, minutes: u32| json!([format!("2025-03-{day:02}"), rows, minutes]);
    let expected = [time(3, 64, 50), time(4, 96, 1_440), time(5, 96, 1_440), time(6, 96, 1_440), time(7, 95, 1_425)];
    assert_eq!(answers[1]["rows"], json!(expected));
    for order in [[0, 2, 3, 4, 5, 6, 1], [0, 1, 3, 4, 5, 6, 2], [6, 5, 4, 3, 2, 1, 0]] {
        assert_eq!(difference(&at_once.lake(), &lab(&order).lake()), Some(Vec::new()), "{order:?}");
    }
}

/// An event of an agent: what was before it, and what is after; `contacts` are `id state start`.
fn change(agent: &str, number: u32, at: &str, before: &Snapshot, after: &Snapshot) -> String {
    let arn = "arn:aws:connect:eu-central-1:000000000042:instance/11111111-2222-4333-8444-555555555555";
    let snapshot = |(status, since, contacts): &Snapshot| {
        let contacts: Vec<Value> = contacts
            .iter()
            .map(|(id, state, start)| {
                json!({
                    "ContactId": id, "InitialContactId": null, "Channel": "CHAT", "InitiationMethod": "INBOUND",
                    "State": state, "StateStartTimestamp": start, "ConnectedToAgentTimestamp": null,
                    "QueueTimestamp": null, "Queue": {"ARN": format!("{arn}/queue/q"), "Name": "Q"},
                })
            })
            .collect();
        json!({
            "AgentStatus": {"ARN": format!("{arn}/agent-state/{status}"), "Name": status, "StartTimestamp": since},
            "Configuration": null, "Contacts": contacts, "NextAgentStatus": null,
        })
    };
    let kind = match number {
        0 => "LOGIN",
        _ if after.0 == "Out" => "LOGOUT",
        _ => "STATE_CHANGE",
    };
    let event = json!({
        "AWSAccountId": "000000000042", "AgentARN": format!("{arn}/agent/{agent}"), "InstanceARN": arn,
        // The later of two has the smaller id.
        "EventId": format!("{agent}-{:03}", 999 - number), "EventTimestamp": at, "EventType": kind,
        "Version": "2017-10-01", "CurrentAgentSnapshot": snapshot(after), "PreviousAgentSnapshot": snapshot(before),
    });
    format!("{event}\n")
}

/// Status, its start, contacts.
type Snapshot = (&'static str, String, Vec<(&'static str, &'static str, String)>);

/// A small day of an agent who does several things in the same millisecond.
fn small_day(agent: &str) -> Vec<String> {
    // From ten minutes before midnight.
    let at = |second: u32| match second {
        ..600 => format!("2025-03-03T23:{:02}:{:02}.500Z", 50 + second / 60, second % 60),
        _ => format!("2025-03-04T00:{:02}:{:02}.500Z", second / 60 - 10, second % 60),
    };
    let one = |state, second| ("one", state, at(second));
    let two = |state, second| ("two", state, at(second));
    let steps: Vec<(u32, Snapshot)> = vec![
        (0, ("Offline", at(0), vec![])),
        (10, ("Available", at(10), vec![])),
        (20, ("Available", at(10), vec![one("CONNECTING", 20)])),
        (20, ("Available", at(10), vec![one("CONNECTING", 20), two("CONNECTING", 20)])),
        (25, ("Available", at(10), vec![one("CONNECTED", 25), two("CONNECTING", 20)])),
        (25, ("Available", at(10), vec![one("CONNECTED", 25), two("MISSED", 25)])),
        (25, ("Available", at(10), vec![one("CONNECTED", 25)])),
        (40, ("Available", at(10), vec![one("ENDED", 40)])),
        (50, ("Lunch", at(50), vec![])),
        (50, ("Available", at(50), vec![])),
        (50, ("Lunch", at(50), vec![])),
        (660, ("Available", at(660), vec![])),
        (700, ("Out", at(700), vec![])),
    ];
    let mut before = steps[0].1.clone();
    let mut events = Vec::new();
    for (number, (second, after)) in steps.into_iter().enumerate() {
        events.push(change(agent, number as u32, &at(second), &before, &after));
        before = after;
    }
    events
}

/// Shuffled, cut into files and runs, with some events twice, it gives the rows of the day in order; its events of one
/// millisecond are told apart by the snapshots before them.
#[test]
fn any_order_of_a_small_day_gives_the_same_rows() {
    let Some(engines) = Engines::get() else { return };
    let day: Vec<String> = ["a", "b"].into_iter().flat_map(small_day).collect();
    let lab = |files: &[Vec<&str>], each: bool| {
        let lab = Lab::new("");
        for (number, file) in files.iter().enumerate() {
            lab.input(&format!("{number}.jsonl"), file.concat());
            if each || number + 1 == files.len() {
                lab.run();
            }
        }
        lab
    };
    let plain = lab(&[day.iter().map(String::as_str).collect()], false);
    let rows = "sql:SELECT contact_id, state, duration_ms, end_reason FROM agent_contact_segments WHERE agent_id = 'a' \
        ORDER BY start_timestamp, contact_id";
    let statuses = "sql:SELECT status_name, duration_ms FROM agent_status_intervals WHERE agent_id = 'a' \
        ORDER BY start_timestamp, end_timestamp, status_name";
    let answers = engines.ask(Engine::DuckDb, &plain.lake(), &[rows, statuses]);
    let segments = json!([
        ["one", "CONNECTING", 5_000, "next_state"],
        ["two", "CONNECTING", 5_000, "next_state"],
        ["one", "CONNECTED", 15_000, "next_state"],
        ["two", "MISSED", 0, "contact_gone"],
        ["one", "ENDED", 10_000, "contact_gone"],
    ]);
    assert_eq!(answers[0]["rows"], segments);
    let statuses = [("Offline", 10_000), ("Available", 40_000), ("Available", 0), ("Lunch", 0), ("Lunch", 610_000)];
    let last = [("Available", 40_000), ("Out", 0)];
    let statuses: Vec<_> = statuses.into_iter().chain(last).map(|(name, millis)| json!([name, millis])).collect();
    assert_eq!(answers[1]["rows"], json!(statuses));
    assert!(!plain.lake().join("agent_stream_gaps").exists());

    let mut state = 7_u64;
    let mut below = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    };
    for _ in 0..scale() {
        let mut labs = Vec::new();
        for _ in 0..20 {
            let mut lines: Vec<&str> = day.iter().map(String::as_str).collect();
            (0..below(4)).for_each(|_| lines.push(&day[below(day.len())]));
            (1..lines.len()).rev().for_each(|at| lines.swap(at, below(at + 1)));
            let mut files = vec![Vec::new(); 1 + below(3)];
            for line in lines {
                let file = below(files.len());
                files[file].push(line);
            }
            files.retain(|file| !file.is_empty());
            labs.push(lab(&files, below(2) == 0));
        }
        let queries: Vec<String> = labs.iter().chain([&plain]).map(|lab| fingerprint(&lab.lake())).collect();
        let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
        let answers = engines.ask(Engine::DuckDb, &plain.lake(), &queries);
        let expected = &answers.last().unwrap()["rows"];
        assert_eq!(expected.as_array().unwrap().len(), 6, "{expected}");
        for (answer, lab) in answers.iter().zip(&labs) {
            if answer["rows"] != *expected {
                let files: Vec<_> =
                    (0..3).map(|file| std::fs::read_to_string(lab.path(&format!("{file}.jsonl")))).collect();
                assert_eq!(answer["rows"], *expected, "{files:?}");
            }
        }
    }
}

/// A query for a count and a hash of the rows of each derived table that has any.
pub(crate) fn fingerprint(lake: &Path) -> String {
    let mut parts = Vec::new();
    for (table, excluded) in DERIVED {
        let files = lake.join(table).join("*/*.parquet");
        let has_rows = lake.join(table).read_dir().is_ok_and(|days| {
            days.flatten().any(|day| day.path().read_dir().is_ok_and(|mut files| files.next().is_some()))
        });
        if has_rows {
            parts.push(format!(
                "SELECT '{table}' AS name, count(*) AS rows, bit_xor(hash(made)) AS hash FROM \
                 (SELECT * EXCLUDE ({excluded}data_lake_last_processed_timestamp) FROM read_parquet('{}')) AS made",
                files.display()
            ));
        }
    }
    format!("sql:SELECT name, rows, hash::VARCHAR FROM ({}) ORDER BY ALL", parts.join(" UNION ALL "))
}

/// The derived tables, and what else than the time of processing differs from run to run.
const DERIVED: [(&str, &str); 7] = [
    ("agent_status_intervals", ""),
    ("agent_contact_segments", ""),
    ("agent_acw", ""),
    ("agent_sessions", ""),
    ("agent_statistic_record", "published_date, "),
    ("agent_queue_statistic_record", "published_date, "),
    ("agent_stream_gaps", ""),
];
