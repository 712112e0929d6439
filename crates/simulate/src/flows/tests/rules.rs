//! The rules of `docs/flows.md`, applied to lines and contact events alone.

use std::collections::HashMap;

use serde_json::{Value, json};
use tributary_core::Day;

use super::read::{Line, Stream, Told};

type Lane = (String, Vec<String>);

#[derive(Clone, Debug)]
struct Run {
    lane: Lane,
    start: String,
    last: String,
    lines: u64,
    end: Option<(String, &'static str)>,
    next: Next,
}

#[derive(Clone, Debug, PartialEq)]
enum Next {
    Nowhere,
    Queue(Option<String>),
    /// With the ARN, where the block names it.
    Flow(Option<String>),
}

/// A contact as far as its lines are read.
struct Reader<'a> {
    told: &'a Told,
    runs: Vec<Run>,
    open: HashMap<Lane, usize>,
    latest: HashMap<Lane, usize>,
    /// The last line of a lane.
    before: HashMap<Lane, &'a Line>,
    queue: Option<String>,
    connected: Option<&'a str>,
    disconnected: Option<&'a str>,
    is_over: bool,
}

/// The executions of all contacts, as the truth writes them. Lines of the same moment come in the order of their ids,
/// or in the opposite one, which must not matter.
pub(super) fn executions(stream: &Stream, is_reversed: bool) -> Vec<Value> {
    let mut all = Vec::new();
    for (contact, told) in &stream.contacts {
        let mut lines: Vec<&Line> = told.lines.values().collect();
        lines.sort_by(|one, other| {
            let ids = if is_reversed { other.id.cmp(&one.id) } else { one.id.cmp(&other.id) };
            one.at.cmp(&other.at).then(ids)
        });
        let mut reader = Reader::new(told);
        for line in lines {
            reader.mark(&line.at);
            reader.read(line);
        }
        reader.mark("9");
        all.extend((0..reader.runs.len()).map(|place| reader.row(contact, place, &stream.newest)));
    }
    all
}

fn fails(line: &Line) -> bool {
    let is_error = |results: &str| results.starts_with("Error") || results.starts_with("Status Code");
    line.results.as_deref().is_some_and(|results| is_error(results) || results == "true" && to_queue(line))
}

fn to_queue(line: &Line) -> bool {
    match line.kind.as_str() {
        "TransferToQueue" | "TransferContactToQueue" => true,
        "Transfer" => flow_of(line).is_none() && !has_number(line),
        _ => false,
    }
}

fn flow_of(line: &Line) -> Option<String> {
    line.parameters.iter().flatten().find(|value| value.contains("/contact-flow/")).cloned()
}

fn has_number(line: &Line) -> bool {
    line.parameters.iter().flatten().any(|value| value.starts_with('+'))
}

/// Milliseconds since 1970 of a moment with or without a fraction.
fn millis(at: &str) -> i64 {
    let number = |from: usize, to: usize| at.get(from..to).unwrap().parse::<i64>().unwrap();
    let fraction = if at.len() > 20 { number(20, 23) } else { 0 };
    let seconds = (number(11, 13) * 60 + number(14, 16)) * 60 + number(17, 19);
    Day::parse(at.get(..10).unwrap()).unwrap().start().millis() + seconds * 1_000 + fraction
}

impl<'a> Reader<'a> {
    fn new(told: &'a Told) -> Self {
        let first = |kind: &str| told.events.iter().find(|(of, _)| of == kind).map(|(_, at)| at.as_str());
        Self {
            told,
            runs: Vec::new(),
            open: HashMap::new(),
            latest: HashMap::new(),
            before: HashMap::new(),
            queue: None,
            connected: first("CONNECTED_TO_AGENT"),
            disconnected: first("DISCONNECTED"),
            is_over: false,
        }
    }

    /// Rules 5 and 6, for what happened before that moment.
    fn mark(&mut self, until: &str) {
        if let Some(at) = self.connected.filter(|at| *at < until) {
            self.connected = None;
            let transfers = self.runs.iter().filter(|run| matches!(run.next, Next::Queue(_)));
            let transfer = transfers.filter_map(|run| run.end.as_ref().map(|(at, _)| at.clone())).max();
            if let Some(transfer) = transfer {
                let runs = &self.runs;
                let ended: Vec<Lane> = self
                    .open
                    .iter()
                    .filter(|(_, place)| runs[**place].start >= transfer)
                    .map(|(lane, _)| lane.clone())
                    .collect();
                for lane in ended {
                    self.close(&lane, at, "TRANSFERRED_TO_AGENT", Next::Nowhere);
                }
            }
        }
        if let Some(at) = self.disconnected.filter(|at| *at < until) {
            self.disconnected = None;
            self.is_over = true;
            let open: Vec<Lane> = self.open.keys().cloned().collect();
            for lane in open {
                self.close(&lane, at, "DROPPED", Next::Nowhere);
            }
        }
    }

    fn close(&mut self, lane: &Lane, at: &str, outcome: &'static str, next: Next) {
        if let Some(place) = self.open.remove(lane) {
            self.runs[place].end = Some((at.to_owned(), outcome));
            self.runs[place].next = next;
        }
    }

    fn read(&mut self, line: &'a Line) {
        let lane = (line.resource.clone(), line.stack.clone());
        let before = self.before.insert(lane.clone(), line);
        if line.kind == "SetQueue" {
            self.queue = line.parameters.iter().flatten().next().cloned();
        }
        let ended = self.latest.get(&lane).copied().filter(|_| !self.open.contains_key(&lane));
        let is_second = before.is_some_and(|before| {
            before.kind == line.kind && before.identifier == line.identifier && before.results.is_none()
        }) && line.results.is_some();
        let place = match ended {
            Some(place) if self.is_over => {
                let (end, outcome) = self.runs[place].end.clone().unwrap();
                assert_eq!(outcome, "DROPPED", "a line behind the end: {line:?}");
                self.runs[place].end = Some((end.max(line.at.clone()), outcome));
                self.note(place, line);
                return;
            }
            Some(place) if is_second => {
                let end = self.runs[place].end.as_mut().unwrap();
                end.0.clone_from(&line.at);
                if fails(line) {
                    self.runs[place].end = None;
                    self.runs[place].next = Next::Nowhere;
                    self.open.insert(lane, place);
                }
                self.note(place, line);
                return;
            }
            _ => self.open.get(&lane).copied(),
        };
        assert!(place.is_some() || !self.is_over, "nothing begins behind the end: {line:?}");
        let place = place.unwrap_or_else(|| self.begin(&lane, line));
        self.note(place, line);
        if let Some((outcome, next)) = self.ending(line).filter(|_| !fails(line)) {
            self.close(&lane, &line.at, outcome, next);
        }
    }

    fn begin(&mut self, lane: &Lane, line: &Line) -> usize {
        let (lane, start, last) = (lane.clone(), line.at.clone(), line.at.clone());
        self.open.insert(lane.clone(), self.runs.len());
        self.latest.insert(lane.clone(), self.runs.len());
        self.runs.push(Run { lane, start, last, lines: 0, end: None, next: Next::Nowhere });
        self.runs.len() - 1
    }

    fn note(&mut self, place: usize, line: &Line) {
        self.runs[place].last.clone_from(&line.at);
        self.runs[place].lines += 1;
    }

    /// Rule 3.
    fn ending(&self, line: &Line) -> Option<(&'static str, Next)> {
        if to_queue(line) {
            let queued = self.told.queued.iter().find(|(at, _)| *at >= line.at).map(|(_, queue)| queue.clone());
            let queue = self.queue.clone().or(queued);
            let is_agents = queue.as_ref().is_some_and(|queue| queue.contains("/queue/agent/"));
            let outcome = if is_agents { "TRANSFERRED_TO_AGENT" } else { "TRANSFERRED_TO_QUEUE" };
            return Some((outcome, Next::Queue(queue)));
        }
        match line.kind.as_str() {
            "Disconnect" | "DisconnectParticipant" => Some(("DISCONNECTED_PARTICIPANT", Next::Nowhere)),
            "Resume" | "EndFlowExecution" => Some(("ENDED_FLOW_EXECUTION", Next::Nowhere)),
            "ReturnFromFlowModule" => Some(("RETURNED_TO_FLOW", Next::Nowhere)),
            "TransferToFlow" => Some(("TRANSFERRED_TO_FLOW", Next::Flow(flow_of(line)))),
            "Transfer" if flow_of(line).is_some() => Some(("TRANSFERRED_TO_FLOW", Next::Flow(flow_of(line)))),
            "Dial" | "TransferToPhoneNumber" | "TransferParticipantToThirdParty" | "Transfer" => {
                Some(("TRANSFERRED_TO_PHONE_NUMBER", Next::Nowhere))
            }
            _ => None,
        }
    }

    fn row(&self, contact: &str, place: usize, newest: &str) -> Value {
        let run = &self.runs[place];
        let id = |arn: &str| arn.rsplit_once('/').unwrap().1.to_owned();
        let flow = run.lane.1.last().unwrap_or(&run.lane.0);
        let is_module = !run.lane.1.is_empty();
        let following =
            || self.runs[place + 1..].iter().find(|run| run.lane.1.is_empty()).map(|run| run.lane.0.clone());
        let (next_flow, next_queue, next_kind) = match &run.next {
            Next::Nowhere => (None, None, None),
            Next::Queue(queue) => (None, queue.clone(), Some("queue")),
            Next::Flow(flow) => (flow.clone().or_else(following), None, Some("flow")),
        };
        let days = if self.told.channel.as_deref() == Some("TASK") { 7 } else { 1 };
        let is_open = run.end.is_none() && millis(newest) - millis(&run.last) < days * 86_400_000;
        json!({
            "kind": "execution",
            "instance_id": run.lane.0.split('/').nth(1),
            "contact_id": contact,
            "resource_type": if is_module { "module" } else { "flow" },
            "flow_id": id(flow),
            "module_id": is_module.then(|| id(&run.lane.0)),
            "stack": run.lane.1,
            "start": run.start,
            "end": run.end.as_ref().map(|(at, _)| at),
            "outcome": run.end.as_ref().map(|(_, outcome)| outcome),
            "next_flow": next_flow.as_deref().map(id),
            "next_queue": next_queue.as_deref().map(id),
            "next_resource_type": next_kind,
            "channel": self.told.channel,
            "initiation_method": self.told.method,
            "sub_type": self.told.sub_type,
            "lines": run.lines,
            "open": is_open,
        })
    }
}
