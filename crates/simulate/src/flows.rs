//! Contact flows: contacts run flows and modules, and of that tell lines of contact flow logs and contact events.
//!
//! Everything is decided by sources of chance of its own, so that flows change nothing of what agents and cases do.
//! Only contacts that are under way are kept. `docs/flows.md` says what an execution is.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

mod act;
mod catalogue;
mod event;
mod line;
mod service;
mod story;
mod truth;
mod wrap;

use self::act::{Act, Contact, Happening, Line, Play};
use self::catalogue::Catalogue;
use self::line::{Style, push_line};
use self::truth::{Silent, Tally};
use self::wrap::{Envelope, event_id, push_row};
use crate::agent::Marks;
use crate::contact::Channel;
use crate::instance::Instance;
use crate::options::Options;
use crate::random::{Random, Uuid};
use crate::truth::Truth;

/// How long contacts come where the options do not say.
const USUAL: Duration = Duration::from_secs(86_400);

/// A payload that was appended. Moments are milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    /// When it comes.
    pub(crate) at: i64,
    /// The earliest and the latest moment that it tells of.
    pub(crate) moments: (i64, i64),
    /// Lines of logs in it; none in a contact event.
    pub(crate) lines: u64,
    pub(crate) marks: Marks,
}

/// All contacts with flows.
#[derive(Debug)]
pub(crate) struct Flows {
    catalogue: Catalogue,
    /// What is acted out, and in what form it is told.
    chance: Random,
    form: Random,
    /// First moment, and the last one.
    window: (i64, i64),
    /// How many lines there are to be, and how many have been acted out.
    wanted: u64,
    acted: u64,
    due: BinaryHeap<Reverse<(i64, u64)>>,
    live: HashMap<u64, Play>,
    /// The contact that began last: an agent may have transferred it to the next one.
    previous: Uuid,
    envelope: Option<Envelope>,
    silent: Silent,
    tally: Tally,
    /// The latest moment that was told of.
    newest: i64,
}

impl Flows {
    /// The contacts of `instance`, connected to `agents`.
    pub(crate) fn new(options: &Options, instance: &Instance, agents: &[Uuid]) -> Self {
        let start = options.start.millis();
        let span = options.duration.unwrap_or(USUAL).as_millis() as i64;
        let mut chance = Random::new(options.seed, 8);
        let catalogue = Catalogue::new(instance, agents, &mut chance);
        let mut flows = Self {
            previous: chance.uuid(),
            catalogue,
            chance,
            form: Random::new(options.seed, 9),
            window: (start, start + span - 1),
            wanted: options.flow_lines,
            acted: 0,
            due: BinaryHeap::new(),
            live: HashMap::new(),
            envelope: None,
            silent: Silent::default(),
            tally: Tally::default(),
            newest: i64::MIN,
        };
        flows.begin();
        flows
    }

    /// When the next payload may come.
    pub(crate) fn due(&self) -> Option<i64> {
        let next = self.due.peek().map(|Reverse((at, _))| *at);
        let envelope = self.envelope.as_ref().map(|envelope| envelope.due);
        next.into_iter().chain(envelope).min()
    }

    /// Lets the next thing happen and appends the payload that tells of it. `None` where a line waits for its envelope
    /// to be sent, and where nothing is left.
    pub(crate) fn tell(&mut self, out: &mut Vec<u8>, truth: Option<&mut Truth<'_>>) -> Option<Told> {
        let next = self.due.peek().map_or(i64::MAX, |Reverse((at, _))| *at);
        if self.envelope.as_ref().is_some_and(|envelope| envelope.due <= next) {
            return self.send(None, out);
        }
        let Reverse((at, number)) = self.due.pop()?;
        let mut play = self.live.remove(&number)?;
        let (_, happening) = play.left.pop()?;
        let told = match happening {
            Happening::Line(line) => self.tell_line(&play, &line, out),
            Happening::Event(event) => {
                self.newest = self.newest.max(event.at);
                self.tally.contact_events += u64::from(!event.is_repeated);
                self.tally.delivered_contact_events += 1;
                let marks = event::push_event(out, &self.catalogue, (&play.contact, &event), &mut self.form);
                Some(Told { at, moments: (event.at, event.at), lines: 0, marks })
            }
        };
        match play.left.last() {
            Some((next, _)) => {
                self.due.push(Reverse((*next, number)));
                self.live.insert(number, play);
            }
            None => self.conclude(&play, truth),
        }
        self.begin();
        told
    }

    /// A payload was repeated, with so many lines in it.
    pub(crate) fn repeat(&mut self, lines: u64) {
        self.tally.lines += lines;
    }

    /// What is true of all of them, where `newest` is the latest moment of the whole stream.
    pub(crate) fn finish(&mut self, newest: i64, truth: &mut Truth<'_>) {
        while let Some(line) = self.silent.release(newest) {
            truth.append(&line);
        }
        while let Some(line) = self.silent.give_up() {
            truth.append(&line);
        }
        truth.append(&self.tally.line(&self.catalogue.instance_id));
    }

    fn tell_line(&mut self, play: &Play, line: &Line, out: &mut Vec<u8>) -> Option<Told> {
        self.newest = self.newest.max(line.at);
        self.tally.lines += 1;
        self.tally.distinct_lines += 1;
        let told = (&self.catalogue, play, line);
        let form = self.form.below(10);
        let style = Style::by_chance(form == 0 || form == 1, &mut self.form);
        if let 2..5 = form {
            let marks = push_line(out, told, style, &mut self.form);
            out.push(b'\n');
            self.tally.bare += 1;
            return Some(Told { at: line.at, moments: (line.at, line.at), lines: 1, marks });
        }
        let mut message = Vec::with_capacity(768);
        push_line(&mut message, told, style, &mut self.form);
        let id = event_id(line.at, self.tally.distinct_lines);
        if style.is_lower {
            let marks = push_row(out, &id, line.at, &message);
            self.tally.rows += 1;
            return Some(Told { at: line.at, moments: (line.at, line.at), lines: 1, marks });
        }
        let envelope = self.envelope.get_or_insert_with(|| Envelope::new(line.at, &mut self.form));
        if envelope.take(id, line.at, message) { self.send(Some(line.at), out) } else { None }
    }

    /// Sends the envelope, at that moment or when it is due.
    fn send(&mut self, at: Option<i64>, out: &mut Vec<u8>) -> Option<Told> {
        let envelope = self.envelope.take()?;
        let marks = envelope.push(out, &self.catalogue, &mut self.form);
        self.tally.envelopes += 1;
        let moments = (envelope.first, envelope.last);
        Some(Told { at: at.unwrap_or(envelope.due), moments, lines: envelope.len(), marks })
    }

    /// The contact is over.
    fn conclude(&mut self, play: &Play, truth: Option<&mut Truth<'_>>) {
        let Some(truth) = truth else {
            return;
        };
        for line in truth::lines(&self.catalogue, play, &mut self.tally, &mut self.silent) {
            truth.append(&line);
        }
        while let Some(line) = self.silent.release(self.newest) {
            truth.append(&line);
        }
    }

    /// Acts out the contacts that begin before the next thing happens. They begin evenly over the first nine tenths of
    /// the time; each is acted out to its end.
    fn begin(&mut self) {
        while self.acted < self.wanted {
            let (start, end) = self.window;
            let share = i128::from(end - start) * 9 / 10 * i128::from(self.acted) / i128::from(self.wanted);
            let at = start + share as i64;
            if self.due.peek().is_some_and(|Reverse((next, _))| *next < at) {
                return;
            }
            let contact = self.contact(at);
            let mut act = Act::new(&self.catalogue, contact, end, &mut self.chance);
            act.perform();
            let play = act.curtain();
            self.acted += play.executions.iter().map(|execution| u64::from(execution.lines)).sum::<u64>();
            self.previous = play.contact.id;
            if let Some((first, _)) = play.left.last() {
                self.tally.contacts += 1;
                self.due.push(Reverse((*first, self.tally.contacts)));
                self.live.insert(self.tally.contacts, play);
            }
        }
    }

    fn contact(&mut self, at: i64) -> Contact {
        let random = &mut self.chance;
        let (channel, methods, sub_types): (_, &[&'static str], &[&'static str]) = match random.below(10) {
            0..6 => (Channel::Voice, VOICE_METHODS, &["connect:Telephony", "connect:Telephony", "connect:WebRTC"]),
            6 | 7 => (Channel::Chat, &["API", "API", "TRANSFER"], &["connect:Chat", "connect:SMS"]),
            8 => (Channel::Task, &["API", "TRANSFER"], &["connect:Task"]),
            _ => (Channel::Email, &["INBOUND", "TRANSFER"], &["connect:Email"]),
        };
        let method = methods[random.below(methods.len())];
        let sub_type = (!random.chance(50)).then(|| sub_types[random.below(sub_types.len())]);
        Contact {
            id: random.uuid(),
            previous: (method == "TRANSFER").then_some(self.previous),
            channel,
            method,
            sub_type,
            is_told: !random.chance(SILENCE),
            agent: random.below(self.catalogue.agents.len()),
            initiated: at,
        }
    }
}

/// How many contacts in a thousand have no contact events: they are delivered on a best-effort basis.
const SILENCE: usize = 20;

const VOICE_METHODS: &[&str] =
    &["INBOUND", "INBOUND", "INBOUND", "INBOUND", "INBOUND", "TRANSFER", "API", "CALLBACK", "OUTBOUND"];

#[cfg(test)]
mod tests;
