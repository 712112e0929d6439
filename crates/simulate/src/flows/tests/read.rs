//! A stream of payloads taken apart again: lines with the ids of their log events, and contact events.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A line, with its keys in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) id: String,
    pub(super) contact: String,
    pub(super) at: String,
    pub(super) resource: String,
    pub(super) stack: Vec<String>,
    pub(super) kind: String,
    pub(super) identifier: Option<String>,
    /// The values of `Parameters`, if the key is there.
    pub(super) parameters: Option<Vec<String>>,
    pub(super) results: Option<String>,
}

/// What was told of a contact.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// By id, as the same one may come twice.
    pub(super) lines: BTreeMap<String, Line>,
    /// Types and moments.
    pub(super) events: BTreeSet<(String, String)>,
    /// Moments and queues of `QUEUED`.
    pub(super) queued: BTreeSet<(String, String)>,
    pub(super) channel: Option<String>,
    pub(super) method: Option<String>,
    pub(super) sub_type: Option<String>,
}

/// All contacts, and what they came in.
#[derive(Clone, Debug, Default)]
pub(super) struct Stream {
    pub(super) contacts: BTreeMap<String, Told>,
    pub(super) newest: String,
    pub(super) lines: u64,
    pub(super) envelopes: BTreeMap<usize, u64>,
    pub(super) rows: u64,
    pub(super) bare: u64,
    pub(super) event_ids: BTreeSet<String>,
    pub(super) detail_types: BTreeMap<String, u64>,
    /// Payloads that nobody can use.
    pub(super) rejected: u64,
}

pub(super) fn read(out: &str) -> Stream {
    let mut stream = Stream::default();
    for text in out.lines() {
        let taken = serde_json::from_str::<Value>(text).ok().and_then(|value| take(&mut stream, text, &value));
        stream.rejected += u64::from(taken.is_none());
    }
    stream
}

fn take(stream: &mut Stream, text: &str, value: &Value) -> Option<()> {
    if let Some(events) = value.get("logEvents").and_then(Value::as_array) {
        assert!(value["logGroup"].as_str()?.starts_with("/aws/connect/"));
        *stream.envelopes.entry(events.len()).or_default() += 1;
        let ids: Vec<&str> = events.iter().filter_map(|event| event["id"].as_str()).collect();
        assert!(ids.is_sorted() && ids.iter().all(|id| id.len() == 56), "{ids:?}");
        return events.iter().try_for_each(|event| take_message(stream, &event["id"], &event["message"]));
    }
    if value.get("eventid").is_some() {
        stream.rows += 1;
        return take_message(stream, &value["eventid"], &value["message"]);
    }
    if value.get("detail-type").is_some() {
        return take_event(stream, value);
    }
    let line = line(value, text)?;
    stream.bare += 1;
    keep(stream, line);
    Some(())
}

fn take_message(stream: &mut Stream, id: &Value, message: &Value) -> Option<()> {
    let line = line(&serde_json::from_str(message.as_str()?).ok()?, id.as_str()?)?;
    keep(stream, line);
    Some(())
}

fn keep(stream: &mut Stream, line: Line) {
    stream.lines += 1;
    stream.newest = stream.newest.clone().max(line.at.clone());
    let lines = &mut stream.contacts.entry(line.contact.clone()).or_default().lines;
    let before = lines.insert(line.id.clone(), line.clone());
    assert!(before.is_none_or(|before| before == line), "one id, two lines: {line:?}");
}

fn is_moment(text: &str) -> bool {
    text.len() == "2025-03-03T00:00:00.000Z".len() && text.get(5..7).is_some_and(|month| month <= "12")
}

fn line(value: &Value, id: &str) -> Option<Line> {
    let members = value.as_object()?.iter();
    let members: BTreeMap<String, &Value> = members.map(|(key, value)| (key.to_lowercase(), value)).collect();
    let string = |key: &str| members.get(key).and_then(|value| value.as_str()).map(str::to_owned);
    let resource = string("contactflowid")?;
    let strings = |value: &Value| value.as_str().map(str::to_owned);
    let stack = members.get("moduleexecutionstack").and_then(|stack| stack.as_array());
    let parameters = members.get("parameters").and_then(|parameters| parameters.as_object());
    Some(Line {
        id: id.to_owned(),
        contact: string("contactid")?,
        at: string("timestamp").filter(|at| is_moment(at))?,
        resource: resource.strip_suffix(":7").unwrap_or(&resource).to_owned(),
        stack: stack.map(|stack| stack.iter().filter_map(strings).collect()).unwrap_or_default(),
        kind: string("contactflowmoduletype")?,
        identifier: string("identifier"),
        parameters: parameters.map(|parameters| parameters.values().filter_map(strings).collect()),
        results: string("results"),
    })
}

fn take_event(stream: &mut Stream, event: &Value) -> Option<()> {
    let detail = &event["detail"];
    let string = |value: &Value| value.as_str().map(str::to_owned);
    let contact = string(&detail["contactId"])?;
    let kind = string(&detail["eventType"])?;
    let at = string(match kind.as_str() {
        "INITIATED" => &detail["initiationTimestamp"],
        "CONNECTED_TO_SYSTEM" => &detail["connectedToSystemTimestamp"],
        "QUEUED" => &detail["queueInfo"]["enqueueTimestamp"],
        "CONNECTED_TO_AGENT" => &detail["agentInfo"]["connectedToAgentTimestamp"],
        "DISCONNECTED" => &detail["disconnectTimestamp"],
        _ => &event["time"],
    });
    let at = at.filter(|at| at.get(5..7).is_some_and(|month| month <= "12"))?;
    let told = stream.contacts.entry(contact).or_default();
    let first = |slot: &mut Option<String>, value: Option<String>| *slot = slot.take().or(value);
    first(&mut told.channel, string(&detail["channel"]).map(|channel| channel.to_uppercase()));
    first(&mut told.method, string(&detail["initiationMethod"]));
    first(&mut told.sub_type, string(&detail["segmentAttributes"]["connect:Subtype"]["valueString"]));
    if kind == "QUEUED" {
        told.queued.insert((at.clone(), string(&detail["queueInfo"]["queueArn"])?));
    }
    told.events.insert((kind, at.clone()));
    stream.newest = stream.newest.clone().max(at);
    stream.event_ids.insert(string(&event["id"])?);
    *stream.detail_types.entry(string(&event["detail-type"])?).or_default() += 1;
    Some(())
}
