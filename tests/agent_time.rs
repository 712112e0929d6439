//! The tables of agent time against what the simulator acted out, and against SQL over `agent_event`.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::engines::{Engine, Engines};
use crate::inputs::{events, scale};
use crate::lab::{Lab, difference, output_of};

/// Table, its columns that the truth knows, the truth's kind and keys.
const TRUTH: [(&str, &str, &str, &str); 4] = [
    (
        "agent_sessions",
        "agent_id, start_timestamp, login_timestamp, end_timestamp, end_reason",
        "session",
        "agent_id, start, login, \"end\", end_reason",
    ),
    (
        "agent_status_intervals",
        "agent_id, status_arn, status_name, status_type, status_start_timestamp, start_timestamp, end_timestamp, \
         duration_ms, end_reason",
        "status",
        "agent_id, status_arn, name, type, status_start, start, \"end\", duration_ms, end_reason",
    ),
    (
        "agent_contact_segments",
        "agent_id, contact_id, initial_contact_id, channel, state, start_timestamp, end_timestamp, duration_ms, end_reason",
        "segment",
        "agent_id, contact_id, initial_contact_id, channel, state, start, \"end\", duration_ms, end_reason",
    ),
    (
        "agent_acw",
        "agent_id, contact_id, channel, start_timestamp, end_timestamp, duration_ms, end_reason",
        "acw",
        "agent_id, contact_id, channel, start, \"end\", duration_ms, end_reason",
    ),
];

/// What the columns of the truth are.
const TYPES: &str = "kind: 'VARCHAR', agent_id: 'VARCHAR', status_arn: 'VARCHAR', name: 'VARCHAR', type: 'VARCHAR', \
    contact_id: 'VARCHAR', initial_contact_id: 'VARCHAR', channel: 'VARCHAR', state: 'VARCHAR', end_reason: 'VARCHAR', \
    status_start: 'TIMESTAMP', start: 'TIMESTAMP', login: 'TIMESTAMP', \"end\": 'TIMESTAMP', duration_ms: 'BIGINT', \
    event_timestamp: 'TIMESTAMP'";

/// Every row of the four tables is true, and every truth has its row; how many there are by table.
pub(crate) fn is_true(engines: &Engines, lab: &Lab, truth: &Path) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    for (table, columns, kind, keys) in TRUTH {
        // The simulator knows of a silence before it has lasted: within the last quarter of an hour nobody else does.
        let with = format!(
            "WITH truth AS (SELECT * FROM read_json('{}', format = 'newline_delimited', columns = {{{TYPES}}})), \
             unsure AS (SELECT agent_id FROM truth WHERE kind = 'session' AND end_reason = 'silence' \
               AND \"end\" >= (SELECT max(event_timestamp) FROM truth) - INTERVAL 15 MINUTE), \
             theirs AS (SELECT {keys} FROM truth WHERE kind = '{kind}' AND end_reason <> 'still_open_at_end_of_input' \
               AND agent_id NOT IN (FROM unsure)), \
             ours AS (SELECT {columns} FROM {table} WHERE agent_id NOT IN (FROM unsure))",
            truth.display()
        );
        let query = format!(
            "sql:{with} SELECT (SELECT count(*) FROM ours), (SELECT count(*) FROM (FROM theirs EXCEPT ALL FROM ours)), \
             (SELECT count(*) FROM (FROM ours EXCEPT ALL FROM theirs)), (SELECT count(*) FROM unsure)"
        );
        let answer = engines.ask(Engine::DuckDb, &lab.lake(), &[&query]);
        let row = &answer[0]["rows"][0];
        assert_eq!((&row[1], &row[2]), (&json!(0), &json!(0)), "{table}: {row}");
        assert!(row[3].as_u64().unwrap() < 5, "too much is left out: {row}");
        counts.insert(table, row[0].as_u64().unwrap());
    }
    counts
}

/// The lines of a stream, by the hour of their event.
pub(crate) fn by_hour(lines: &str) -> Vec<String> {
    let mut hours: BTreeMap<&str, String> = BTreeMap::new();
    for line in lines.lines() {
        let (_, after) = line.split_once("\"EventTimestamp\":\"").unwrap();
        let hour = hours.entry(after.get(..13).unwrap()).or_default();
        hour.push_str(line);
        hour.push('\n');
    }
    hours.into_values().collect()
}

/// In one file; disordered, repeated, by the hour in three runs; rebuilt day by day: always the same rows, and true.
#[test]
fn time_is_what_the_simulator_acted_out() {
    let Some(engines) = Engines::get() else { return };
    let plain = Lab::new("");
    let truth = plain.path("truth.jsonl");
    let size = format!("--agents {} --events {} --days 3 --seed 5", 20 * scale(), 8_000 * scale());
    plain.input("events.jsonl", events(&format!("{size} --truth {}", truth.display())));
    let summary = plain.run();
    assert!(!plain.lake().join("agent_stream_gaps").exists(), "nothing is missing");
    let counts = is_true(&engines, &plain, &truth);
    assert!(counts["agent_acw"] > 500 && counts["agent_sessions"] > 40, "{counts:?}");
    assert!(summary["tally"]["rows"]["agent_acw"].as_u64().unwrap() >= counts["agent_acw"], "{summary}");

    // So many commits that the row groups of a day are merged by way of the spool.
    let mixed = Lab::new("[commit]\ninput = \"100 KiB\"");
    let hours = by_hour(&events(&format!("{size} --disorder 0.2 --duplicates 0.05")));
    for run in 0..3 {
        // Each run brings hours of every day: the days are derived again and again.
        for (number, hour) in hours.iter().enumerate().filter(|(number, _)| number * 7 % 3 == run) {
            mixed.input(&format!("{:02}-{number}.jsonl", 99 - number), hour);
        }
        mixed.run();
    }
    assert_eq!(difference(&plain.lake(), &mixed.lake()), Some(Vec::new()));
    let files = mixed.status()["tables"]["agent_event"]["files"].as_u64().unwrap();
    assert!(files > 3 * 48, "{files}");

    for day in ["2025-03-04", "2025-03-03", "2025-03-05"] {
        let rebuilt = output_of(&mut mixed.command(&["rebuild", "pipeline.toml", "--day", day, "--output", "json"]));
        let rebuilt: Value = serde_json::from_slice(&rebuilt).unwrap();
        assert!(rebuilt["replaced_files"].as_u64().unwrap() >= 4 && rebuilt["epoch"].is_u64(), "{rebuilt}");
    }
    assert_eq!(difference(&plain.lake(), &mixed.lake()), Some(Vec::new()));

    // Nothing new: nothing is derived.
    let before = mixed.status();
    mixed.run();
    assert_eq!(before["epochs"], mixed.status()["epochs"]);
}

/// An event of an agent that has no contacts.
pub(crate) fn event(agent: &str, kind: &str, at: &str, since: &str) -> String {
    let arn = "arn:aws:connect:eu-central-1:000000000042:instance/11111111-2222-4333-8444-555555555555";
    let snapshot = json!({
        "AgentStatus": {"ARN": format!("{arn}/agent-state/s"), "Name": "Available", "StartTimestamp": since},
        "Configuration": null, "Contacts": [], "NextAgentStatus": null,
    });
    let event = json!({
        "AWSAccountId": "000000000042", "AgentARN": format!("{arn}/agent/{agent}"), "InstanceARN": arn,
        "EventId": format!("{agent} {at}"), "EventTimestamp": at, "EventType": kind, "Version": "2017-10-01",
        "CurrentAgentSnapshot": snapshot, "PreviousAgentSnapshot": snapshot,
    });
    format!("{event}\n")
}

/// Nobody hears of one agent again; only the other's events show, a day later, that the session has fallen silent. A
/// night shift of the other ends on the day after: its rows stand where they began.
#[test]
fn what_ends_a_day_later_is_written_where_it_began() {
    let Some(engines) = Engines::get() else { return };
    let (first, since) = ("2025-03-03T23:50:00.000Z", "2025-03-03T20:00:00.000Z");
    let evening = [
        event("silent", "LOGIN", first, since),
        event("silent", "HEART_BEAT", "2025-03-03T23:58:00.000Z", since),
        event("night", "LOGIN", "2025-03-03T23:55:00.000Z", since),
    ];
    let morning = [
        event("night", "STATE_CHANGE", "2025-03-04T00:05:00.000Z", "2025-03-04T00:05:00.000Z"),
        event("night", "LOGOUT", "2025-03-04T00:15:30.000Z", "2025-03-04T00:05:00.000Z"),
    ];
    let query = "sql:SELECT split_part(agent_arn, '/agent/', 2), day::VARCHAR, strftime(start_timestamp, '%H:%M:%S'), \
        strftime(end_timestamp, '%H:%M:%S'), end_reason FROM {} ORDER BY ALL";
    for is_open in [false, true] {
        let lab = Lab::new(&format!("[transform.connect.agent_time]\nopen = {is_open}"));
        let ask =
            |table: &str| engines.ask(Engine::DuckDb, &lab.lake(), &[&query.replace("{}", table)])[0]["rows"].clone();
        lab.input("evening.jsonl", evening.concat());
        lab.run();
        assert_eq!(lab.lake().join("agent_sessions").exists(), is_open, "nothing has ended yet");
        if is_open {
            let open = |agent, start| json!([agent, "2025-03-03", start, null, "still_open_at_end_of_input"]);
            assert_eq!(ask("agent_sessions"), json!([open("night", "23:55:00"), open("silent", "23:50:00")]));
        }
        lab.input("morning.jsonl", morning.concat());
        lab.run();
        all_has_ended(&ask);
    }
}

fn all_has_ended(ask: &dyn Fn(&str) -> Value) {
    assert_eq!(
        ask("agent_sessions"),
        json!([
            ["night", "2025-03-03", "23:55:00", "00:15:30", "logout"],
            ["silent", "2025-03-03", "23:50:00", "23:58:00", "silence"]
        ])
    );
    assert_eq!(
        ask("agent_status_intervals"),
        json!([
            ["night", "2025-03-03", "23:55:00", "00:05:00", "next_state"],
            ["night", "2025-03-04", "00:05:00", "00:15:30", "logout"],
            ["silent", "2025-03-03", "23:50:00", "23:58:00", "silence"]
        ])
    );
}

/// The later day first: what it says of the night is another thing once the evening is known.
#[test]
fn an_evening_that_comes_after_its_morning() {
    let Some(engines) = Engines::get() else { return };
    let (chosen, beat) =
        ("2025-03-03T23:55:00.000Z", |at: &str| event("a", "HEART_BEAT", at, "2025-03-03T23:55:00.000Z"));
    let evening = event("a", "LOGIN", chosen, chosen) + &beat("2025-03-03T23:57:00.000Z");
    let morning = beat("2025-03-04T00:01:00.000Z")
        + &event("a", "STATE_CHANGE", "2025-03-04T00:05:00.000Z", "2025-03-04T00:05:00.000Z")
        + &event("a", "LOGOUT", "2025-03-04T00:10:00.000Z", "2025-03-04T00:05:00.000Z");
    let week_later = event("b", "LOGIN", "2025-03-11T10:00:00.000Z", chosen);
    let lab = |inputs: &[&String]| {
        let lab = Lab::new("");
        for (number, input) in inputs.iter().enumerate() {
            lab.input(&format!("{number}.jsonl"), input);
            lab.run();
        }
        lab
    };
    let all = lab(&[&format!("{evening}{morning}{week_later}")]);
    let rows = "sql:SELECT count(*), min(start_timestamp)::VARCHAR, sum(duration_ms) FROM agent_sessions";
    let expected = json!([[1, "2025-03-03 23:55:00", 900_000]]);
    assert_eq!(engines.ask(Engine::DuckDb, &all.lake(), &[rows])[0]["rows"], expected);
    for order in
        [[&morning, &week_later, &evening], [&evening, &week_later, &morning], [&week_later, &morning, &evening]]
    {
        assert_eq!(difference(&all.lake(), &lab(&order).lake()), Some(Vec::new()));
    }
}

/// A day on which nothing began is derived once, and not by every run again.
#[test]
fn a_day_without_rows_is_not_derived_for_ever() {
    let lab = Lab::new("");
    let since = "2025-03-07T23:00:00.000Z";
    lab.input("1.jsonl", event("a", "LOGIN", since, since));
    lab.run();
    lab.input("2.jsonl", event("a", "LOGOUT", "2025-03-08T00:05:00.000Z", since));
    lab.run();
    let before = lab.status();
    lab.run();
    assert_eq!(before["epochs"], lab.status()["epochs"]);
    assert!(!lab.lake().join("agent_sessions/day=2025-03-08").exists());
}

/// The same where no row reaches over midnight: the day before is derived again for the silence alone.
#[test]
fn a_silence_that_only_another_agent_shows() {
    let Some(engines) = Engines::get() else { return };
    let lab = Lab::new("");
    let since = "2025-03-03T20:00:00.000Z";
    let evening = [
        event("gone", "LOGIN", "2025-03-03T21:00:00.000Z", since),
        event("gone", "LOGOUT", "2025-03-03T21:00:01.500Z", since),
        event("silent", "LOGIN", "2025-03-03T23:50:00.000Z", since),
    ];
    lab.input("1.jsonl", evening.concat());
    lab.run();
    lab.input("2.jsonl", event("other", "LOGIN", "2025-03-04T10:00:00.000Z", since));
    lab.run();
    let query =
        "sql:SELECT split_part(agent_arn, '/agent/', 2), duration_ms, end_reason FROM agent_sessions ORDER BY ALL";
    let rows = &engines.ask(Engine::DuckDb, &lab.lake(), &[query])[0]["rows"];
    assert_eq!(*rows, json!([["gone", 1_500, "logout"], ["silent", 0, "silence"]]));
}

/// The query of `docs/agent-time.md`, as a sceptic would run it.
#[test]
fn the_documented_query_finds_the_same_ends() {
    let Some(engines) = Engines::get() else { return };
    let lab = Lab::new("");
    lab.input("events.jsonl", events("--agents 15 --events 5000 --days 2 --seed 11"));
    lab.run();
    let document = include_str!("../docs/agent-time.md");
    let queries: Vec<&str> = document.split("```sql\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let [segments, measures] = queries.as_slice() else { unreachable!("the document has two queries") };
    let compare = format!(
        "sql:WITH theirs AS ({segments}), ours AS (SELECT agent_arn, contact_id, state, start_timestamp AS began, \
         end_timestamp AS ended FROM agent_contact_segments WHERE end_reason IN ('next_state', 'contact_gone')) \
         SELECT (SELECT count(*) FROM ours), (SELECT count(*) FROM (FROM ours EXCEPT ALL FROM theirs))"
    );
    let sums = format!(
        "sql:SELECT sum(hold_ms) = (SELECT sum(duration_ms) FROM agent_contact_segments WHERE state = 'CONNECTED_ONHOLD'), \
         sum(after_contact_work_ms) = (SELECT sum(duration_ms) FROM agent_acw), sum(offers) > 100 FROM ({measures})"
    );
    let answers = engines.ask(Engine::DuckDb, &lab.lake(), &[&compare, &sums]);
    let row = &answers[0]["rows"][0];
    assert!(row[0].as_u64().unwrap() > 2_000 && row[1] == json!(0), "{row}");
    assert_eq!(answers[1]["rows"][0], json!([true, true, true]));
}

/// A captured stream, whose contact records are known: hold and after-contact work to the millisecond.
#[test]
fn a_captured_call_has_the_times_of_its_contact_record() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/samples/agent-events-2025-first-35.jsonl");
    let Ok(capture) = std::fs::read(&sample) else {
        eprintln!("LEFT OUT: {} is not there", sample.display());
        return;
    };
    let Some(engines) = Engines::get() else { return };
    let lab = Lab::new("");
    lab.input("capture.jsonl", capture);
    lab.run();
    let query = "sql:SELECT contact_id[:8], sum(duration_ms) FILTER (state = 'CONNECTED_ONHOLD'), \
        sum(duration_ms) FILTER (state = 'ENDED'), count(*) FILTER (state = 'CONNECTING') \
        FROM agent_contact_segments GROUP BY ALL ORDER BY ALL";
    let answer = engines.ask(Engine::DuckDb, &lab.lake(), &[query]);
    let expected =
        json!([["5bb8d15e", 116_557, 14_253, 1], ["7443019a", 19_703, 13_170, 2], ["a4d54dd2", null, null, 2]]);
    assert_eq!(answer[0]["rows"], expected);
}
