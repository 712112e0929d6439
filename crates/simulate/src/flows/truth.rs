//! What is true of flows once their contacts are over.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::cases::domain::text;
use crate::flows::act::{Contact, Execution, Next, Play};
use crate::flows::catalogue::{Catalogue, Queue, Resource};
use crate::text::{MILLIS_PER_DAY, moment};

/// Of what has no end nobody knows for so long whether it goes on: for a day, and of what is known to be a task for a week.
fn patience(contact: &Contact) -> i64 {
    if contact.is_told && contact.channel.name() == "TASK" { 7 * MILLIS_PER_DAY } else { MILLIS_PER_DAY }
}

/// How much there was of everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) contacts: u64,
    /// Lines, with those that were repeated.
    pub(crate) lines: u64,
    /// Log events.
    pub(crate) distinct_lines: u64,
    /// Contact events that differ in contact, kind or moment, and those that differ in their id.
    pub(crate) contact_events: u64,
    pub(crate) delivered_contact_events: u64,
    /// Bare lines, rows and envelopes.
    pub(crate) bare: u64,
    pub(crate) rows: u64,
    pub(crate) envelopes: u64,
    pub(crate) executions: u64,
    pub(crate) modules: u64,
    outcomes: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// The line of all flows.
    pub(crate) fn line(&self, instance_id: &str) -> String {
        let outcomes: Vec<String> = self.outcomes.iter().map(|(name, count)| format!("\"{name}\":{count}")).collect();
        let counts = [
            ("contacts", self.contacts),
            ("executions", self.executions),
            ("modules", self.modules),
            ("lines", self.lines),
            ("distinct_lines", self.distinct_lines),
            ("bare", self.bare),
            ("rows", self.rows),
            ("envelopes", self.envelopes),
            ("contact_events", self.contact_events),
            ("delivered_contact_events", self.delivered_contact_events),
        ];
        let counts: Vec<String> = counts.iter().map(|(name, count)| format!("\"{name}\":{count}")).collect();
        let (counts, outcomes) = (counts.join(","), outcomes.join(","));
        format!(r#"{{"kind":"flows","instance_id":"{instance_id}",{counts},"outcomes":{{{outcomes}}}}}"#)
    }

    fn count(&mut self, execution: &Execution) {
        self.executions += 1;
        self.modules += u64::from(matches!(execution.resource, Resource::Module(_)));
        let outcome = execution.end.map_or("none", |(_, outcome)| outcome.name());
        *self.outcomes.entry(outcome).or_default() += 1;
    }
}

/// Executions without an end, until nobody waits for them any more: by that moment.
#[derive(Debug, Default)]
pub(crate) struct Silent {
    waiting: BinaryHeap<Reverse<(i64, u64, String)>>,
    number: u64,
}

impl Silent {
    fn wait(&mut self, until: i64, line: String) {
        self.number += 1;
        self.waiting.push(Reverse((until, self.number, line)));
    }

    /// The line of the next one that has waited long enough at `now`.
    pub(crate) fn release(&mut self, now: i64) -> Option<String> {
        let Reverse((until, ..)) = self.waiting.peek()?;
        if *until > now {
            return None;
        }
        self.waiting.pop().map(|Reverse((.., line))| finished(line, false))
    }

    /// The line of the next one, though something may still come of it.
    pub(crate) fn give_up(&mut self) -> Option<String> {
        self.waiting.pop().map(|Reverse((.., line))| finished(line, true))
    }
}

fn finished(line: String, is_open: bool) -> String {
    line + &format!(r#","open":{is_open}}}"#)
}

/// The lines of a contact's executions; those that have no end go to the silent ones.
pub(crate) fn lines(catalogue: &Catalogue, play: &Play, tally: &mut Tally, silent: &mut Silent) -> Vec<String> {
    let mut lines = Vec::new();
    for execution in play.executions.iter().filter(|execution| execution.lines > 0) {
        tally.count(execution);
        let line = line(catalogue, &play.contact, execution);
        match execution.end {
            Some(_) => lines.push(finished(line, false)),
            None => silent.wait(execution.last + patience(&play.contact), line),
        }
    }
    lines
}

/// Everything but whether it is still open.
fn line(catalogue: &Catalogue, contact: &Contact, execution: &Execution) -> String {
    let flow = execution.stack.last().unwrap_or(&execution.resource);
    let (kind, module) = match execution.resource {
        Resource::Flow(_) => ("flow", None),
        Resource::Module(place) => ("module", Some(catalogue.modules[place].id.as_str())),
    };
    let (next_flow, next_queue, next_kind) = match execution.next {
        Next::Nowhere => (None, None, None),
        Next::Flow(flow) => (Some(catalogue.flows[flow].id.as_str()), None, Some("flow")),
        Next::Queue(queue) => (None, Some(queue_id(catalogue, queue)), Some("queue")),
    };
    let stack: Vec<String> = execution.stack.iter().map(|of| format!("\"{}\"", catalogue.piece(*of).arn)).collect();
    let (end, outcome) = execution.end.map_or((None, None), |(at, outcome)| (Some(moment(at)), Some(outcome.name())));
    let members = [
        ("instance_id", Some(catalogue.instance_id.as_str())),
        ("contact_id", Some(text(&contact.id))),
        ("resource_type", Some(kind)),
        ("flow_id", Some(catalogue.piece(*flow).id.as_str())),
        ("module_id", module),
    ];
    let rest = [
        ("end", end.as_deref()),
        ("outcome", outcome),
        ("next_flow", next_flow),
        ("next_queue", next_queue.as_deref()),
        ("next_resource_type", next_kind),
        ("channel", contact.is_told.then(|| contact.channel.name())),
        ("initiation_method", contact.is_told.then_some(contact.method)),
        ("sub_type", contact.sub_type.filter(|_| contact.is_told)),
    ];
    let (members, stack, start, rest) = (json(&members), stack.join(","), moment(execution.start), json(&rest));
    let count = execution.lines;
    format!(r#"{{"kind":"execution",{members},"stack":[{stack}],"start":"{start}",{rest},"lines":{count}"#)
}

fn queue_id(catalogue: &Catalogue, queue: Queue) -> String {
    let arn = catalogue.queue_arn(queue);
    arn.rsplit_once('/').map_or_else(String::new, |(_, id)| id.to_owned())
}

fn json(members: &[(&str, Option<&str>)]) -> String {
    let member = |(key, value): &(&str, Option<&str>)| match value {
        Some(value) => format!("\"{key}\":\"{value}\""),
        None => format!("\"{key}\":null"),
    };
    members.iter().map(member).collect::<Vec<_>>().join(",")
}
