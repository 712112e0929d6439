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
fn is_true(engines: &Engines, lab: &Lab, truth: &Path) -> BTreeMap<&'static str, u64> {
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
fn by_hour(lines: &str) -> Vec<String> {
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
fn event(agent: &str, kind: &str, at: &str, since: &str) -> String {
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

/// Lunch and Break of the instance that seed 5 gives.
const CUSTOM: [&str; 2] = [
    "arn:aws:connect:us-west-2:012345678901:instance/ce102abb-1de4-4cdb-a6e7-e5b1ca0c3358/agent-state/1b6ff89b-0507-4fae-8726-b4ce391368c7",
    "arn:aws:connect:us-west-2:012345678901:instance/ce102abb-1de4-4cdb-a6e7-e5b1ca0c3358/agent-state/51d52078-98ea-4052-81ce-c179764c7a13",
];

/// The queries of `docs/agent-statistics.md` give every row of both tables; and where agents belonged is what `agent_event`
/// says.
#[test]
fn the_documented_queries_give_the_statistic_records() {
    let Some(engines) = Engines::get() else { return };
    let lab = Lab::new(&format!("[transform.connect.agent_time]\nopen = true\ncustom_states = {CUSTOM:?}"));
    lab.input("events.jsonl", events("--agents 20 --events 8000 --days 3 --seed 5"));
    lab.run();
    let document = include_str!("../docs/agent-statistics.md");
    let queries: Vec<&str> = document.split("```sql\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let [agents, queues] = queries.as_slice() else { unreachable!("the document has two queries") };
    let compare = |theirs: &str, table: &str, columns: &str| {
        let columns = format!("interval_start_time, {columns}");
        format!(
            "sql:WITH theirs AS (SELECT agent_arn, {columns} FROM ({theirs})), \
             ours AS (SELECT user_arn, {columns} FROM {table}) SELECT (SELECT count(*) FROM ours), \
             (SELECT count(*) FROM (FROM ours EXCEPT ALL FROM theirs)), \
             (SELECT count(*) FROM (FROM theirs EXCEPT ALL FROM ours))"
        )
    };
    let belonged = "sql:WITH told AS (SELECT agent_arn, event_timestamp, current_routing_profile_arn AS profile, \
        current_agent_hierarchy_groups_level_1_arn AS group_1 FROM agent_event \
        WHERE event_type <> 'HEART_BEAT' OR event_id IN (SELECT start_event_id FROM agent_sessions)), \
        row AS (SELECT record.*, greatest(interval_start_time, started) AS moment FROM agent_statistic_record AS record \
        JOIN (SELECT agent_arn, start_timestamp AS started, coalesce(end_timestamp, 'infinity') AS ended FROM agent_sessions) \
        ON agent_arn = user_arn AND started < interval_end_time AND ended > interval_start_time \
        QUALIFY row_number() OVER (PARTITION BY asr_statistic_id ORDER BY started) = 1) \
        SELECT count(*), count(*) FILTER (agent_routing_profile_arn IS DISTINCT FROM profile \
        OR agent_hierarchy_level_1_arn IS DISTINCT FROM group_1), count(DISTINCT profile) > 1, count(group_1) > 0, \
        count(DISTINCT asr_statistic_id) FROM row ASOF JOIN told ON row.user_arn = told.agent_arn AND moment >= event_timestamp";
    let custom = "sql:WITH open AS (SELECT agent_arn FROM agent_sessions WHERE end_timestamp IS NULL) \
        SELECT sum(custom_state_time_01), sum(custom_state_time_02) FROM agent_statistic_record \
        WHERE user_arn NOT IN (FROM open) UNION ALL \
        SELECT sum(duration_ms) FILTER (status_name = 'Lunch'), sum(duration_ms) FILTER (status_name = 'Break') \
        FROM agent_status_intervals WHERE agent_arn NOT IN (FROM open)";
    let agents = compare(
        agents,
        "agent_statistic_record",
        "online_time, error_time, non_productive_time, agent_idle_time, agent_on_contact_time",
    );
    let queues = compare(
        queues,
        "agent_queue_statistic_record",
        "queue_arn, channel, agent_non_response, contacts_offered, contacts_handled, handle_time, \
         agent_incoming_connecting_time, agent_outbound_connecting_time, agent_callback_connecting_time, \
         agent_api_connecting_time, incoming_connecting_attempts, outbound_connecting_attempts, \
         callback_connecting_attempts, api_connecting_attempts, contact_time_ms, \
         agent_non_response_without_customer_abandons",
    );
    let answers = engines.ask(Engine::DuckDb, &lab.lake(), &[&agents, &queues, belonged, custom]);
    for (answer, least) in answers.iter().zip([400, 900]) {
        let row = &answer["rows"][0];
        assert!(row[0].as_u64().unwrap() > least && row[1] == json!(0) && row[2] == json!(0), "{row}");
    }
    let rows = answers[0]["rows"][0][0].clone();
    assert_eq!(answers[2]["rows"][0], json!([rows, 0, true, true, rows]));
    assert_eq!(answers[3]["rows"][0], answers[3]["rows"][1]);
}

/// A stream that lost some of its events: a gap at each of the places, and nowhere else, whatever the order of the files.
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

    // The days backwards, a run each, and then what was lost of one of them.
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

/// Every order, every cut into files and runs, with some events twice, gives the rows of the day in order; its events of one
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
fn fingerprint(lake: &Path) -> String {
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
