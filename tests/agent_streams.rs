//! Streams as bad as they come: contacts left over logouts, missing logins and logouts, silences, stale heart beats, lost
//! events, several in a millisecond. Loaded at once, in any parts and order, and rebuilt, they give the same rows.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::agent_order::fingerprint;
use crate::agent_statistics::Comparison;
use crate::engines::{Engine, Engines};
use crate::inputs::scale;
use crate::lab::{Lab, output_of};

const INSTANCE: &str = "arn:aws:connect:eu-central-1:000000000042:instance/11111111-2222-4333-8444-555555555555";

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Days of a stream, from 2025-03-03 on.
const DAYS: i64 = 5;

/// Numbers that look random. Source: Knuth's linear congruential generator MMIX, its upper bits.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// Milliseconds since the stream's first midnight, as they are written.
fn moment(at: i64) -> String {
    let (day, rest) = (at.div_euclid(DAY), at.rem_euclid(DAY));
    let (hour, minute, second) = (rest / HOUR, rest / MINUTE % 60, rest / SECOND % 60);
    format!("2025-03-{:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", 3 + day, rest % SECOND)
}

/// An agent who does what comes to mind.
struct Agent<'a> {
    random: &'a mut Random,
    name: String,
    at: i64,
    status: (&'static str, i64),
    profile: &'static str,
    contacts: Vec<Value>,
    last: Value,
    events: Vec<(i64, String)>,
}

impl Agent<'_> {
    fn snapshot(&self) -> Value {
        let (status, since) = self.status;
        let kind = match status {
            "Available" => "ROUTABLE",
            "Offline" => "OFFLINE",
            _ => "CUSTOM",
        };
        json!({
            "AgentStatus": {"ARN": format!("{INSTANCE}/agent-state/{status}"), "Name": status, "StartTimestamp": moment(since),
                "Type": kind},
            "Configuration": {"Username": "u", "RoutingProfile": {"ARN": format!("{INSTANCE}/routing-profile/{}", self.profile),
                "Name": self.profile, "InboundQueues": [], "Concurrency": []}},
            "Contacts": self.contacts, "NextAgentStatus": null,
        })
    }

    fn tell(&mut self, kind: &str) {
        let snapshot = self.snapshot();
        self.tell_of(kind, snapshot);
    }

    fn tell_of(&mut self, kind: &str, snapshot: Value) {
        let event = json!({
            "AWSAccountId": "000000000042", "AgentARN": format!("{INSTANCE}/agent/{}", self.name), "InstanceARN": INSTANCE,
            "EventId": format!("{}-{:04}", self.name, self.events.len()), "EventTimestamp": moment(self.at), "EventType": kind,
            "Version": "2017-10-01", "CurrentAgentSnapshot": snapshot, "PreviousAgentSnapshot": self.last,
        });
        self.events.push((self.at, format!("{event}\n")));
        if kind != "HEART_BEAT" {
            self.last = snapshot;
        }
    }

    /// A little before now.
    fn just(&mut self) -> i64 {
        self.at - self.random.one(&[0, 0, 5, 60])
    }

    fn contact(&mut self) {
        let since = moment(self.just());
        if self.contacts.is_empty() || self.random.chance(25) {
            let method = self.random.one(&["INBOUND", "OUTBOUND", "CALLBACK", "API", "MONITOR", "QUEUE_TRANSFER"]);
            let state = if method == "CALLBACK" { "INCOMING" } else { self.random.one(&["CONNECTING", "CONNECTED"]) };
            let queue = self.random.one(&["q1", "q2", ""]);
            let queue = (!queue.is_empty()).then(|| json!({"ARN": format!("{INSTANCE}/queue/{queue}"), "Name": queue}));
            self.contacts.push(json!({
                "ContactId": format!("{}-{}", self.name, self.events.len()), "InitialContactId": null,
                "Channel": self.random.one(&["VOICE", "CHAT"]), "InitiationMethod": method, "State": state,
                "StateStartTimestamp": since, "ConnectedToAgentTimestamp": null, "QueueTimestamp": null, "Queue": queue,
            }));
            return;
        }
        let place = self.random.below(self.contacts.len());
        let next: &[&str] = match self.contacts[place]["State"].as_str().unwrap() {
            "INCOMING" => &["CONNECTING", "MISSED"],
            "CONNECTING" => &["CONNECTED", "MISSED", "ERROR", "REJECTED"],
            "CONNECTED" | "CONNECTED_ONHOLD" => &["CONNECTED", "CONNECTED_ONHOLD", "ENDED", "ENDED", "gone"],
            _ => &["gone"],
        };
        let next = self.random.one(next);
        if next == "gone" {
            self.contacts.remove(place);
            return;
        }
        let contact = &mut self.contacts[place];
        contact["State"] = json!(next);
        contact["StateStartTimestamp"] = json!(since);
        if next == "CONNECTED" {
            contact["ConnectedToAgentTimestamp"] = json!(since);
        }
    }

    fn work(&mut self) {
        match self.random.below(100) {
            ..25 => {
                // Its snapshot may be an older one.
                let snapshot = if self.random.chance(50) { self.last.clone() } else { self.snapshot() };
                return self.tell_of("HEART_BEAT", snapshot);
            }
            25..45 => self.status = (self.random.one(&["Available", "Break", "Lunch", "Offline"]), self.just()),
            45..50 => self.profile = self.random.one(&["one", "two"]),
            _ => self.contact(),
        }
        self.tell("STATE_CHANGE");
    }

    fn sign_in(&mut self) {
        self.status = ("Offline", self.at);
        // A LOGIN lists nothing; what was never cleared is listed again afterwards.
        let contacts = std::mem::take(&mut self.contacts);
        if self.random.chance(85) {
            self.tell("LOGIN");
        }
        if self.random.chance(50) {
            self.contacts = contacts;
        }
    }

    fn sign_out(&mut self) {
        if self.random.chance(70) {
            self.tell("LOGOUT");
            for _ in 0..self.random.below(3) {
                self.at += self.random.one(&[2 * MINUTE, 30 * MINUTE]);
                let last = self.last.clone();
                self.tell_of("HEART_BEAT", last);
            }
        }
        self.at += self.random.one(&[SECOND, 10 * MINUTE, 40 * MINUTE, 6 * HOUR, 20 * HOUR, 40 * HOUR]);
    }

    fn live(&mut self) {
        const STEPS: [i64; 13] = [
            0,
            1,
            50,
            SECOND,
            MINUTE,
            5 * MINUTE,
            5 * MINUTE,
            10 * MINUTE,
            14 * MINUTE,
            15 * MINUTE - 1,
            15 * MINUTE,
            15 * MINUTE + 1,
            5 * HOUR,
        ];
        let mut is_there = false;
        while self.at < DAYS * DAY {
            if !is_there {
                self.sign_in();
                is_there = true;
            } else if self.random.chance(8) {
                self.sign_out();
                is_there = false;
            } else {
                self.work();
            }
            self.at += self.random.one(&STEPS);
            let midnight = (self.at / DAY + 1) * DAY;
            if self.random.chance(15) && midnight - self.at < 20 * HOUR {
                self.at = midnight - self.random.one(&[1, 50, MINUTE, 5 * MINUTE]);
            }
        }
    }
}

/// Events of some agents, a twentieth of them lost: when, of which agent, the line.
fn stream(random: &mut Random) -> Vec<(i64, usize, String)> {
    let mut lines = Vec::new();
    for number in 0..3 {
        let at = random.below(DAY as usize) as i64;
        let (name, status) = (format!("agent{number}"), ("Offline", at));
        let mut agent = Agent {
            random,
            name,
            at,
            status,
            profile: "one",
            contacts: Vec::new(),
            last: Value::Null,
            events: Vec::new(),
        };
        agent.last = agent.snapshot();
        agent.live();
        let events = agent.events;
        let kept = events.into_iter().filter(|(at, _)| *at < DAYS * DAY && !random.chance(5));
        lines.extend(kept.map(|(at, line)| (at, number, line)));
    }
    lines
}

/// The lines in parts, shuffled: by day, agent, both, eight hours, or anyhow.
fn parts(random: &mut Random, lines: &[(i64, usize, String)]) -> Vec<String> {
    let how = random.below(5);
    let mut parts: BTreeMap<(i64, usize), String> = BTreeMap::new();
    for (at, agent, line) in lines {
        let part = match how {
            0 => (at / DAY, 0),
            1 => (0, *agent),
            2 => (at / DAY, *agent),
            3 => (at / (8 * HOUR), 0),
            _ => (0, random.below(4)),
        };
        parts.entry(part).or_default().push_str(line);
    }
    let mut parts: Vec<String> = parts.into_values().collect();
    (1..parts.len()).rev().for_each(|at| parts.swap(at, random.below(at + 1)));
    parts
}

fn loaded(options: &str, parts: &[String]) -> Lab {
    let lab = Lab::new(&format!("[transform.connect.agent_time]\n{options}"));
    for (number, part) in parts.iter().enumerate() {
        lab.input(&format!("{number}.jsonl"), part);
        lab.run();
    }
    lab
}

/// Each at once, in parts, and rebuilt: 12 streams at scale 1.
#[test]
fn bad_streams_give_the_same_rows_in_any_parts_and_order() {
    let Some(engines) = Engines::get() else { return };
    let options = ["", "open = true", "silence = \"2h\"", "interval = \"30m\"", "silence = \"1d\"\nopen = true"];
    for seed in 0..12 * scale() {
        let mut random = Random(seed);
        let options = options[seed as usize % options.len()];
        let lines = stream(&mut random);
        let whole: String = lines.iter().map(|(_, _, line)| line.as_str()).collect();
        let parts = parts(&mut random, &lines);
        let at_once = loaded(options, &[whole]);
        let in_parts = loaded(options, &parts);
        let mut days: Vec<i64> = (0..DAYS).collect();
        (1..days.len()).rev().for_each(|at| days.swap(at, random.below(at + 1)));
        let before = engines.ask(Engine::DuckDb, &at_once.lake(), &[&fingerprint(&at_once.lake())]);
        for day in days {
            let day = format!("2025-03-{:02}", 3 + day);
            output_of(&mut at_once.command(&["rebuild", "pipeline.toml", "--day", &day]));
        }
        let queries = [fingerprint(&at_once.lake()), fingerprint(&in_parts.lake())];
        let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
        let after = engines.ask(Engine::DuckDb, &at_once.lake(), &queries);
        assert!(before[0]["rows"].as_array().unwrap().len() >= 6, "{before:?}");
        assert_eq!(after[0]["rows"], before[0]["rows"], "rebuilt: seed {seed}, {options:?}");
        assert_eq!(after[1]["rows"], before[0]["rows"], "in {} parts: seed {seed}, {options:?}", parts.len());
    }
}

/// The documented queries over the rows of bad streams give their statistic records.
#[test]
fn bad_streams_have_the_documented_statistics() {
    let Some(engines) = Engines::get() else { return };
    for seed in 0..12 * scale() {
        let lines = stream(&mut Random(seed));
        let lab = loaded("open = true", &[lines.into_iter().map(|(_, _, line)| line).collect()]);
        for (comparison, least) in Comparison::both().into_iter().zip([20, 20]) {
            comparison.holds(&engines, &lab, least);
        }
    }
}
