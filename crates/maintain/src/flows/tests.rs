//! Executions out of a lake: whatever the order in which lines come, and however often they are derived, they are the same.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::Array as _;
use proptest::prelude::*;
use serde_json::{Value, json};
use tributary_connect::flow::contact_flow_events;
use tributary_core::Fault;
use tributary_store::MemoryStore;
use tributary_testkit::FixedClock;

use super::*;
use crate::memory_lake::{MemoryLake, play};

const ARN: &str = "arn:aws:connect:eu-central-1:111122223333:instance/i-1";

fn moment(day: u32, second: u32) -> String {
    let (hours, minutes, seconds) = (second / 3_600, second / 60 % 60, second % 60);
    format!("2025-03-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.000Z")
}

/// A line of a contact's flow `flow`.
fn line(contact: u32, flow: &str, kind: &str, (day, second): (u32, u32)) -> String {
    let line: Value = json!({
        "ContactId": format!("C-{contact}"), "ContactFlowId": format!("{ARN}/contact-flow/{flow}"),
        "ContactFlowModuleType": kind, "Timestamp": moment(day, second), "Parameters": {},
    });
    line.to_string()
}

fn event(contact: u32, kind: &str, (day, second): (u32, u32)) -> String {
    let mut detail = json!({
        "contactId": format!("C-{contact}"), "eventType": kind, "instanceArn": ARN, "channel": "VOICE",
        "initiationMethod": "INBOUND",
    });
    match kind {
        "DISCONNECTED" => detail["disconnectTimestamp"] = json!(moment(day, second)),
        "QUEUED" => {
            let queue = format!("{ARN}/queue/agent/a-{contact}");
            detail["queueInfo"] = json!({"queueArn": queue, "enqueueTimestamp": moment(day, second)});
        }
        "CONNECTED_TO_AGENT" => detail["agentInfo"] = json!({"connectedToAgentTimestamp": moment(day, second)}),
        _ => detail["initiationTimestamp"] = json!(moment(day, second)),
    }
    json!({
        "version": "0", "id": format!("{contact}-{kind}-{day}-{second}"), "detail-type": "Amazon Connect Contact Event",
        "source": "aws.connect", "account": "111122223333", "time": moment(day, second), "detail": detail,
    })
    .to_string()
}

/// An agent's snapshot with a contact.
fn snapshot(contact: u32, channel: &str, (day, second): (u32, u32)) -> String {
    json!({
        "AgentARN": format!("{ARN}/agent/a-1"), "AWSAccountId": "111122223333", "EventId": format!("{contact}-{channel}-{day}-{second}"),
        "EventTimestamp": moment(day, second), "EventType": "STATE_CHANGE", "InstanceARN": ARN, "Version": "2017-10-01",
        "PreviousAgentSnapshot": null,
        "CurrentAgentSnapshot": {
            "AgentStatus": {"ARN": format!("{ARN}/agent-state/s"), "Name": "Available", "StartTimestamp": moment(day, second)},
            "Configuration": null,
            "Contacts": [{
                "ContactId": format!("C-{contact}"), "InitialContactId": null, "Channel": channel, "InitiationMethod": "INBOUND",
                "State": "CONNECTED", "StateStartTimestamp": moment(day, second),
                "ConnectedToAgentTimestamp": moment(day, second), "QueueTimestamp": null, "Queue": null,
            }],
        },
    })
    .to_string()
}

/// What a row says in all of its columns but the last, by its id.
type Rows = BTreeMap<String, String>;

struct Lake(MemoryLake);

impl Lake {
    async fn open(store: &MemoryStore, process: u128) -> Self {
        Self(MemoryLake::open(store, process, &[AGENTS, LINES, EVENTS, EXECUTIONS]).await)
    }

    async fn tell(&mut self, payloads: &[String]) {
        self.0.tell(payloads, Lookups::default()).await;
    }

    async fn update(&mut self, memory: u64, goes_on: bool) -> Result<Option<Walk>, Failure> {
        let recovered = self.0.log.recover().await.unwrap();
        let kept = recovered.states.get(&Walked::scope()).cloned().unwrap_or_default();
        let walked = if goes_on { Walked::of(&kept).unwrap() } else { Walked::default() };
        self.update_as(memory, walked).await
    }

    async fn update_as(&mut self, memory: u64, walked: Walked) -> Result<Option<Walk>, Failure> {
        let attempt = self.0.attempt();
        let mut sink = self.0.sink(contact_flow_events());
        let clock = FixedClock::default();
        let mut flows = Flows {
            store: Arc::clone(&self.0.store),
            log: &mut self.0.log,
            lookups: Arc::default(),
            open_for: OPEN_FOR,
            memory,
            clock: &clock,
        };
        flows.update(&mut sink, attempt, walked).await
    }

    async fn rows(&mut self) -> Rows {
        self.0.log.recover().await.unwrap();
        let mut rows = Rows::new();
        let live = self.0.log.live().clone();
        let table = contact_flow_events();
        let columns: Vec<&'static str> =
            table.schema.fields().iter().map(|field| &*Box::leak(field.name().clone().into_boxed_str())).collect();
        for (_, partition, file) in live.iter().filter(|(table, ..)| table.as_str() == EXECUTIONS) {
            scan(self.0.store.as_ref(), file, &columns, &mut |batch| {
                for (id, said) in said(batch) {
                    assert!(said.contains(&format!(" start_timestamp={}", partition.day().unwrap())), "{said}");
                    assert_eq!(rows.insert(id, said), None, "an execution is there once");
                }
                Ok(())
            })
            .await
            .unwrap();
        }
        rows
    }

    /// What all lines and events make that are in the lake, with no derivation between: each contact's as a whole.
    async fn expected(&mut self) -> Rows {
        self.0.log.recover().await.unwrap();
        let live = self.0.log.live().clone();
        let (mut known, mut shared, mut newest) = (Contacts::new(), read::Shared::default(), i64::MIN);
        let mut agents = Vec::new();
        for (table, day, file) in live.iter() {
            let mut see = |batch: &RecordBatch| {
                let moments = batch.column_by_name("event_timestamp").unwrap();
                let moments = moments.as_primitive::<TimestampMicrosecondType>().values().iter();
                newest = moments.copied().fold(newest, i64::max);
            };
            match table.as_str() {
                LINES => {
                    scan(self.0.store.as_ref(), file, &LINE, &mut |batch| {
                        see(batch);
                        read::lines(batch, &file.key, &Wanted::default(), &mut known, &mut shared)
                    })
                    .await
                }
                EVENTS => {
                    scan(self.0.store.as_ref(), file, &EVENT, &mut |batch| {
                        see(batch);
                        read::events(batch, &file.key, &Wanted::default(), &mut known, &mut shared)
                    })
                    .await
                }
                _ => Ok(()),
            }
            .unwrap();
            agents.extend((table.as_str() == AGENTS).then(|| (day.day().unwrap(), file)));
        }
        // Whoever is known is asked about, on all days.
        let all: HashSet<u64> = known.keys().map(|(instance, contact)| read::hash(instance, contact)).collect();
        for (day, file) in agents {
            scan(self.0.store.as_ref(), file, &read::AGENT, &mut |batch| {
                read::agents(batch, (&file.key, day), &all, &mut known, &mut shared)
            })
            .await
            .unwrap();
        }
        let mut rows = ExecutionRows::default();
        for ((instance, contact), known) in known {
            for mut part in known.parts(OPEN_FOR) {
                for execution in part.log.executions(Timestamp::from_micros(newest), part.open_for).ended {
                    let derived = Timestamp::from_micros(0);
                    rows.push((&instance, &contact), &part.facts, &execution, &Lookups::default(), derived);
                }
            }
        }
        said(&rows.finish().unwrap()).into_iter().collect()
    }
}

const DAY: Duration = Duration::from_secs(24 * 3_600);

const OPEN_FOR: OpenFor = OpenFor { usual: DAY, tasks: Duration::from_secs(50 * 3_600) };

/// Each row by its id, and what it says.
fn said(batch: &RecordBatch) -> Vec<(String, String)> {
    let ids = batch.column_by_name("event_id").unwrap().as_string::<i32>();
    let text = |row: usize| {
        let schema = batch.schema();
        let names = schema.fields().iter().map(|field| field.name()).zip(batch.columns());
        let columns = names.take(batch.num_columns() - 1).map(|(name, column)| {
            let value = match column.as_string_opt::<i32>() {
                _ if column.is_null(row) => "-".to_owned(),
                Some(texts) => texts.value(row).to_owned(),
                None => {
                    Timestamp::from_micros(column.as_primitive::<TimestampMicrosecondType>().value(row)).to_string()
                }
            };
            format!(" {name}={value}")
        });
        columns.collect::<String>()
    };
    (0..batch.num_rows()).map(|row| (ids.value(row).to_owned(), text(row))).collect()
}

fn told() -> impl Strategy<Value = String> {
    let kinds = ["PlayPrompt", "SetQueue", "Transfer", "Resume", "Disconnect", "Dial", "ReturnFromFlowModule"];
    let resources = prop::sample::select(vec!["contact-flow/f-1", "contact-flow/f-2", "flow-module/m-1"]);
    let results = prop::sample::select(vec![None, None, Some("false"), Some("Error")]);
    let at = (10..14_u32, prop::sample::select(vec![0, 1, 2, 3_600, 82_000, 86_399_u32]));
    let ids = prop::sample::select(vec!["", "a", "b"]);
    let lines = (0..3_u32, resources, prop::sample::select(kinds.to_vec()), results, at.clone(), ids);
    let lines = lines.prop_map(|(contact, resource, kind, results, at, id)| {
        let arn = format!("{ARN}/{resource}");
        let mut line: Value = serde_json::from_str(&line(contact, "f-1", kind, at)).unwrap();
        line["ContactFlowId"] = json!(arn);
        line["Results"] = json!(results);
        if resource.starts_with("flow-module") {
            line["ModuleExecutionStack"] = json!([arn, format!("{ARN}/contact-flow/f-1")]);
        }
        if kind == "SetQueue" {
            line["Parameters"] = json!({"Queue": format!("{ARN}/queue/q-{contact}")});
        }
        match id {
            "" => line.to_string(),
            id => json!({"timestamp": 1, "eventid": format!("{id}-{contact}-{at:?}"), "message": line.to_string()})
                .to_string(),
        }
    });
    let events = prop::sample::select(vec!["INITIATED", "QUEUED", "CONNECTED_TO_AGENT", "DISCONNECTED"]);
    let channels = prop::sample::select(vec!["", "\"channel\":\"VOICE\",", "\"channel\":\"TASK\","]);
    let events = (0..3_u32, events, at.clone(), channels)
        .prop_map(|(contact, kind, at, channel)| event(contact, kind, at).replace("\"channel\":\"VOICE\",", channel));
    let channels = prop::sample::select(vec!["CHAT", "TASKS", "VOICE"]);
    let snapshots = (0..3_u32, channels, at).prop_map(|(contact, channel, at)| snapshot(contact, channel, at));
    prop_oneof![5 => lines, 1 => events, 1 => snapshots]
}

/// Of one id there is one line: the first that is told.
fn once_each(payloads: Vec<String>) -> Vec<String> {
    let mut ids = BTreeSet::new();
    let id = |payload: &str| {
        let payload: Value = serde_json::from_str(payload).unwrap();
        ["eventid", "EventId"].iter().find_map(|name| payload[*name].as_str().map(str::to_owned))
    };
    payloads.into_iter().filter(|payload| id(payload).is_none_or(|id| ids.insert(id))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_order_the_cuts_and_the_company_do_not_matter(
        payloads in prop::collection::btree_set(told(), 1..30).prop_map(|set| set.into_iter().collect::<Vec<_>>()).prop_shuffle(),
        cuts in prop::collection::vec((1..9_usize, 0..4_u8), 40),
        memory in prop::sample::select(vec![3_000, 64 << 20]),
    ) {
        play(async {
            let payloads = once_each(payloads);
            let store = MemoryStore::new();
            let (mut lake, mut other) = (Lake::open(&store, 1).await, Lake::open(&store, 2).await);
            let mut rest = payloads.as_slice();
            for (most, happens) in cuts {
                let (now, later) = rest.split_at(most.min(rest.len()));
                if now.is_empty() {
                    break;
                }
                lake.tell(now).await;
                match happens {
                    1 => drop(lake.update(memory, true).await.unwrap()),
                    // Another process knew of less, and is at work while lines come and this one derives.
                    2 => {
                        let recovered = other.0.log.recover().await.unwrap();
                        let kept = recovered.states.get(&Walked::scope()).cloned().unwrap_or_default();
                        let walked = Walked::of(&kept).unwrap();
                        let (more, latest) = later.split_at(later.len().min(2));
                        if !more.is_empty() {
                            lake.tell(more).await;
                        }
                        rest = latest;
                        lake.update(memory, true).await.unwrap();
                        // It is too late, even to find the files that it knew, or did not touch the same.
                        if let Err(late) = other.update_as(memory, walked).await {
                            let is_outrun = late.fault() == Fault::Fenced || late.code() == "maintain/missing-file";
                            assert!(is_outrun, "{late}");
                        }
                        continue;
                    }
                    _ => {}
                }
                rest = later;
            }
            if !rest.is_empty() {
                lake.tell(rest).await;
            }
            let expected = lake.expected().await;
            lake.update(memory, true).await.unwrap();
            assert_eq!(lake.rows().await, expected);
            assert!(lake.update(memory, true).await.unwrap().is_none(), "nothing is new");
            lake.update(memory, false).await.unwrap();
            assert_eq!(lake.rows().await, expected, "all of it anew");
        });
    }
}

#[test]
fn what_goes_on_is_written_when_nothing_more_is_expected() {
    play(async {
        let mut lake = Lake::open(&MemoryStore::new(), 1).await;
        lake.tell(&[line(1, "f-1", "PlayPrompt", (10, 0)), line(2, "f-1", "Disconnect", (10, 5))]).await;
        let walk = lake.update(64 << 20, true).await.unwrap().unwrap();
        assert_eq!((walk.rows, walk.waiting, walk.contacts), (1, 1, 2));
        // A day later somebody else's line says that it is late.
        lake.tell(&[line(3, "f-1", "Disconnect", (11, 1))]).await;
        let walk = lake.update(64 << 20, true).await.unwrap().unwrap();
        assert_eq!((walk.rows, walk.waiting, walk.contacts, walk.replaces), (2, 0, 2, 0));
        let rows: Vec<String> = lake.rows().await.into_values().collect();
        assert!(rows.iter().any(|row| row.contains("contact_id=c-1") && row.contains("end_timestamp=- ")), "{rows:?}");
        // The line that ends it comes after all: the row is another one.
        lake.tell(&[line(1, "f-1", "Disconnect", (10, 9))]).await;
        let walk = lake.update(64 << 20, true).await.unwrap().unwrap();
        assert_eq!((walk.contacts, walk.replaces), (1, 2), "both files of the day");
        let rows: Vec<String> = lake.rows().await.into_values().collect();
        assert_eq!(rows.len(), 3);
        assert!(
            rows.iter().any(|row| row.contains("contact_id=c-1") && row.contains("DISCONNECTED_PARTICIPANT")),
            "{rows:?}"
        );
    });
}

/// Of a contact without events its agents know the channel, whether they are heard before its lines or after; an event knows better.
#[test]
fn a_channel_is_told_by_agents_where_no_event_does() {
    play(async {
        let mut lake = Lake::open(&MemoryStore::new(), 1).await;
        let said = |rows: Rows| {
            let channel = |row: String| row.split(" channel=").nth(1).unwrap().split(' ').next().unwrap().to_owned();
            rows.into_values().map(channel).collect::<Vec<_>>()
        };
        lake.tell(&[line(1, "f-1", "Disconnect", (10, 86_000))]).await;
        lake.update(64 << 20, true).await.unwrap().unwrap();
        assert_eq!(said(lake.rows().await), ["-"]);
        // Of another contact, and too late to be of this one.
        lake.tell(&[snapshot(2, "VOICE", (10, 86_001)), snapshot(1, "VOICE", (12, 0))]).await;
        lake.update(64 << 20, true).await.unwrap();
        assert_eq!(said(lake.rows().await), ["-"]);
        lake.tell(&[snapshot(1, "TASKS", (11, 5))]).await;
        let walk = lake.update(64 << 20, true).await.unwrap().unwrap();
        assert_eq!((walk.contacts, walk.replaces), (1, 1));
        assert_eq!(said(lake.rows().await), ["TASK"]);
        lake.tell(&[snapshot(1, "TASKS", (11, 6))]).await;
        assert!(lake.update(64 << 20, true).await.unwrap().is_none(), "it is known");
        lake.tell(&[event(1, "DISCONNECTED", (10, 86_001))]).await;
        lake.update(64 << 20, true).await.unwrap().unwrap();
        assert_eq!(said(lake.rows().await), ["VOICE"]);
    });
}

/// Whatever an execution says of its channel, and wherever it begins: what agents say later changes it as it would have before.
#[test]
fn agents_are_heard_whenever_they_speak() {
    let mute = event(1, "DISCONNECTED", (10, 82_000)).replace("\"channel\":\"VOICE\",", "");
    for (before, after, channels) in [
        // The first day counts, and of one day the first word in the order of the alphabet.
        (
            vec![line(1, "f-1", "Disconnect", (10, 0)), snapshot(1, "VOICE", (11, 0))],
            vec![snapshot(1, "CHAT", (10, 1))],
            "CHAT",
        ),
        (
            vec![line(1, "f-1", "Disconnect", (10, 0)), snapshot(1, "VOICE", (10, 0))],
            vec![snapshot(1, "CHAT", (10, 1))],
            "CHAT",
        ),
        // Two executions far from one another, of which the later one has nothing to do with it.
        (
            vec![line(1, "f-1", "Disconnect", (10, 0)), line(1, "f-1", "Disconnect", (13, 0))],
            vec![snapshot(1, "VOICE", (10, 1)), snapshot(2, "VOICE", (13, 0))],
            "VOICE -",
        ),
        // One that begins after it was said.
        (
            vec![line(1, "f-2", "PlayPrompt", (10, 82_000)), line(1, "f-1", "Disconnect", (11, 0))],
            vec![snapshot(1, "VOICE", (10, 82_000))],
            "VOICE",
        ),
        // Said on a day before the first line, and on that of the line.
        (vec![mute.clone(), line(1, "f-1", "Disconnect", (11, 1))], vec![snapshot(1, "CHAT", (10, 82_000))], "-"),
        (vec![mute, line(1, "f-1", "Disconnect", (11, 1))], vec![snapshot(1, "CHAT", (12, 0))], "CHAT"),
    ] {
        play(async {
            let mut lake = Lake::open(&MemoryStore::new(), 1).await;
            lake.tell(&before).await;
            lake.update(64 << 20, true).await.unwrap();
            lake.tell(&after).await;
            lake.update(64 << 20, true).await.unwrap();
            let rows = lake.rows().await;
            assert_eq!(rows, lake.expected().await, "{before:?} {after:?}");
            let mut said: Vec<(String, String)> = rows
                .into_values()
                .map(|row| {
                    let of = |name: &str| row.split(name).nth(1).unwrap().split(' ').next().unwrap().to_owned();
                    (of(" start_timestamp="), of(" channel="))
                })
                .collect();
            said.sort();
            let said: Vec<String> = said.into_iter().map(|(_, channel)| channel).collect();
            assert_eq!(said.join(" "), channels, "{before:?} {after:?}");
        });
    }
}

/// Agents that speak of nobody's executions for long are not listened to again from the beginning.
#[test]
fn what_agents_said_in_vain_is_noted_now_and_then() {
    play(async {
        let mut lake = Lake::open(&MemoryStore::new(), 1).await;
        lake.tell(&[line(1, "f-1", "Disconnect", (10, 0))]).await;
        lake.update(64 << 20, true).await.unwrap().unwrap();
        let mut noted = Vec::new();
        for number in 0..70 {
            lake.tell(&[snapshot(2, "VOICE", (10, number))]).await;
            noted.extend(lake.update(64 << 20, true).await.unwrap().map(|walk| (number, walk.rows)));
        }
        assert_eq!(noted, [(63, 0)]);
    });
}

/// A task is waited for longer, once an event says that it is one.
#[test]
fn tasks_are_waited_for_longer() {
    play(async {
        let task = event(1, "INITIATED", (10, 0)).replace("VOICE", "TASK");
        let lines =
            |contact| [line(contact, "f-1", "PlayPrompt", (10, 1)), line(contact, "f-1", "Disconnect", (12, 0))];
        let mut lake = Lake::open(&MemoryStore::new(), 1).await;
        lake.tell(&[vec![task, event(2, "INITIATED", (10, 0))], lines(1).to_vec(), lines(2).to_vec()].concat()).await;
        lake.update(64 << 20, true).await.unwrap();
        let rows: Vec<String> = lake.rows().await.into_values().collect();
        let of = |contact: &str| rows.iter().filter(|row| row.contains(contact)).count();
        assert_eq!((of("contact_id=c-1 "), of("contact_id=c-2 ")), (1, 2), "{rows:?}");
        // One that goes on is due later than others.
        let mut lake = Lake::open(&MemoryStore::new(), 1).await;
        let task = event(1, "INITIATED", (10, 0)).replace("VOICE", "TASK");
        lake.tell(&[task, line(1, "f-1", "PlayPrompt", (10, 1)), line(2, "f-1", "PlayPrompt", (10, 1))]).await;
        let mut written = Vec::new();
        for day in 10..14 {
            lake.tell(&[line(9, "f-9", "Disconnect", (day, 80_000 + day))]).await;
            lake.update(64 << 20, true).await.unwrap();
            let rows: Vec<String> = lake.rows().await.into_values().collect();
            let of = |contact: &str| rows.iter().filter(|row| row.contains(contact)).count();
            written.push((of("contact_id=c-1 "), of("contact_id=c-2 ")));
        }
        assert_eq!(written, [(0, 0), (0, 1), (1, 1), (1, 1)]);
    });
}

/// Parameters and stacks come back out of the lake as they went in.
#[test]
fn parameters_and_stacks_are_read_back() {
    play(async {
        let module = format!("{ARN}/flow-module/m-1");
        let line = |second: u32, kind: &str, parameters: Value, resource: &str, stack: Value| {
            json!({
                "ContactId": "c-1", "ContactFlowId": resource, "ContactFlowModuleType": kind,
                "Timestamp": moment(10, second), "Parameters": parameters, "ModuleExecutionStack": stack,
            })
            .to_string()
        };
        let flow = format!("{ARN}/contact-flow/f-1");
        let queue = json!({"Other": null, "Queue": format!("{ARN}/queue/agent/a-1")});
        let payloads = [
            line(1, "PlayPrompt", json!({}), &flow, json!(null)),
            line(2, "SetQueue", queue, &module, json!([module, flow])),
            line(3, "ReturnFromFlowModule", json!({}), &module, json!([module, flow])),
            line(4, "Transfer", json!({}), &flow, json!(null)),
        ];
        let mut lake = Lake::open(&MemoryStore::new(), 1).await;
        lake.tell(&payloads).await;
        lake.update(64 << 20, true).await.unwrap();
        let rows: Vec<String> = lake.rows().await.into_values().collect();
        assert_eq!(rows.len(), 2, "{rows:?}");
        assert!(rows.iter().any(|row| row.contains("RETURNED_TO_FLOW")), "{rows:?}");
        assert!(rows.iter().any(|row| row.contains("TRANSFERRED_TO_AGENT")), "{rows:?}");
    });
}

#[test]
fn of_two_processes_one_is_first() {
    play(async {
        let store = MemoryStore::new();
        let (mut one, mut other) = (Lake::open(&store, 1).await, Lake::open(&store, 2).await);
        one.tell(&[line(1, "f-1", "Disconnect", (10, 0))]).await;
        other.0.log.recover().await.unwrap();
        one.update(64 << 20, true).await.unwrap();
        let late = other.update_as(64 << 20, Walked::default()).await.unwrap_err();
        assert_eq!(late.fault(), Fault::Fenced, "{late}");
        assert!(other.update(64 << 20, true).await.unwrap().is_none());
        assert_eq!(one.rows().await.len(), 1);
    });
}
