//! Ten agents and one day, written down by hand: what each did, and what the lake must say of it.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::engines::{Engine, Engines};
use crate::lab::{Lab, balance};

/// Agent, time, event type, status, contacts now (`id:STATE`), contacts before. All on 2025-09-16, Europe's late evening
/// included, so that UTC decides the day.
const DAY: &[(u8, &str, &str, &str, &str, &str)] = &[
    // 1: logs in, is available, one call, after-contact work, logs out.
    (1, "08:00:00.000", "LOGIN", "Offline", "", ""),
    (1, "08:00:41.250", "STATE_CHANGE", "Available", "", ""),
    (1, "08:10:00.000", "STATE_CHANGE", "Available", "c1:CONNECTING", ""),
    (1, "08:10:07.500", "STATE_CHANGE", "Available", "c1:CONNECTED", "c1:CONNECTING"),
    (1, "08:15:00.000", "STATE_CHANGE", "Available", "c1:ENDED", "c1:CONNECTED"),
    (1, "08:15:05.005", "STATE_CHANGE", "Available", "", "c1:ENDED"),
    (1, "16:00:00.000", "LOGOUT", "Offline", "", ""),
    // 2: misses a call, which is offered again.
    (2, "09:00:00.000", "LOGIN", "Offline", "", ""),
    (2, "09:01:00.000", "STATE_CHANGE", "Available", "c2:CONNECTING", ""),
    (2, "09:01:20.000", "STATE_CHANGE", "Available", "c2:MISSED", "c2:CONNECTING"),
    (2, "09:02:09.000", "STATE_CHANGE", "Available", "", "c2:MISSED"),
    (2, "09:02:30.000", "STATE_CHANGE", "Available", "c2:CONNECTING", ""),
    // 3: two chats at once; one enters after-contact work while the other goes on.
    (3, "10:00:00.000", "STATE_CHANGE", "Available", "c3:CONNECTED,c4:CONNECTED", "c3:CONNECTED"),
    (3, "10:05:00.000", "STATE_CHANGE", "Available", "c3:ENDED,c4:CONNECTED", "c3:CONNECTED,c4:CONNECTED"),
    (3, "10:05:30.000", "STATE_CHANGE", "Available", "c4:CONNECTED", "c3:ENDED,c4:CONNECTED"),
    // 4: the customer hangs up while it rings.
    (4, "11:00:00.000", "STATE_CHANGE", "Available", "c5:CONNECTING", ""),
    (4, "11:00:04.000", "STATE_CHANGE", "Available", "c5:ERROR", "c5:CONNECTING"),
    (4, "11:00:04.088", "STATE_CHANGE", "Available", "", "c5:ERROR"),
    // 5: nothing but heart beats, each with an older snapshot before it.
    (5, "12:00:00.000", "HEART_BEAT", "Available", "", "c6:ENDED"),
    (5, "12:02:00.000", "HEART_BEAT", "Available", "", "c6:ENDED"),
    // 6: on hold.
    (6, "13:00:00.000", "STATE_CHANGE", "Available", "c7:CONNECTED_ONHOLD", "c7:CONNECTED"),
    (6, "13:01:56.557", "STATE_CHANGE", "Available", "c7:CONNECTED", "c7:CONNECTED_ONHOLD"),
    // 7: an outbound call while Offline.
    (7, "14:00:00.000", "STATE_CHANGE", "Offline", "c8:CONNECTED", ""),
    // 8: the last millisecond of the day, and a status nobody has heard of.
    (8, "23:59:59.999", "STATE_CHANGE", "Gartenarbeit", "", ""),
    // 9: logs out with a contact that was never cleared.
    (9, "15:00:00.000", "LOGOUT", "Offline", "c9:ENDED", "c9:CONNECTED"),
    // 10: an event type of the future.
    (10, "15:30:00.000", "SIESTA", "Available", "", ""),
];

/// Agent, events, rows of contacts in the current snapshot, in the previous one, last status.
const TRUTH: [(u8, u64, u64, u64, &str); 10] = [
    (1, 7, 3, 1, "Offline"),
    (2, 5, 3, 1, "Available"),
    (3, 3, 5, 1, "Available"),
    (4, 3, 2, 1, "Available"),
    (5, 2, 0, 2, "Available"),
    (6, 2, 2, 0, "Available"),
    (7, 1, 1, 0, "Offline"),
    (8, 1, 0, 0, "Gartenarbeit"),
    (9, 1, 1, 0, "Offline"),
    (10, 1, 0, 0, "Available"),
];

const INSTANCE: &str = "arn:aws:connect:eu-central-1:000000000042:instance/11111111-2222-4333-8444-555555555555";

fn snapshot(status: &str, contacts: &str, time: &str) -> Value {
    let contact = |text: &str| {
        let (id, state) = text.split_once(':').unwrap();
        json!({"ContactId": id, "InitialContactId": id, "Channel": "VOICE", "State": state, "InitiationMethod": "INBOUND",
            "StateStartTimestamp": time, "ConnectedToAgentTimestamp": null, "QueueTimestamp": null, "Queue": null})
    };
    let contacts: Vec<Value> = contacts.split(',').filter(|text| !text.is_empty()).map(contact).collect();
    json!({
        "AgentStatus": {"ARN": format!("{INSTANCE}/agent-state/{status}"), "Name": status, "StartTimestamp": time},
        "Configuration": {"Username": "u", "AgentHierarchyGroups": null},
        "Contacts": contacts,
        "NextAgentStatus": null,
    })
}

#[test]
fn the_lake_says_what_happened() {
    let mut lines = String::new();
    for (index, (agent, time, kind, status, now, before)) in DAY.iter().enumerate() {
        let time = format!("2025-09-16T{time}Z");
        let event = json!({
            "AWSAccountId": "000000000042", "AgentARN": format!("{INSTANCE}/agent/agent-{agent}"), "InstanceARN": INSTANCE,
            "EventId": format!("event-{index}"), "EventTimestamp": time, "EventType": kind, "Version": "2017-10-01",
            "CurrentAgentSnapshot": snapshot(status, now, &time), "PreviousAgentSnapshot": snapshot(status, before, &time),
        });
        writeln!(lines, "{event}").unwrap();
    }
    let lab = Lab::new("");
    lab.input("day.jsonl", &lines);
    let count = DAY.len() as u64;
    assert_eq!(balance(&lab.run()), [count, count, 0, 0, 0]);
    assert!(lab.path("lake/agent_event/day=2025-09-16").is_dir());
    assert_eq!(lab.status()["tables"]["agent_event"]["days"], 1);

    let Some(engines) = Engines::get() else { return };
    let query = "sql:SELECT split_part(agent_arn, 'agent-', 2)::INT AS agent, count(DISTINCT e.event_id), \
        count(*) FILTER (c.snapshot = 'current'), count(*) FILTER (c.snapshot = 'previous'), \
        arg_max(current_agent_status_name, e.event_timestamp) \
        FROM agent_event e LEFT JOIN (SELECT event_id, snapshot FROM agent_event_contacts) c USING (event_id) \
        GROUP BY agent ORDER BY agent";
    let answer = engines.ask(Engine::DuckDb, &lab.lake(), &[query]);
    let expect: Vec<Value> = TRUTH.iter().map(|row| json!([row.0, row.1, row.2, row.3, row.4])).collect();
    assert_eq!(answer[0]["rows"], json!(expect));
}
