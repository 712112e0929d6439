//! The truth: what the schedule says, written before an event tells of it. The crate's documentation has the lines.

mod audits;

use std::io::{self, Write};

use crate::cases::truth::{Outcome, Tally};
use crate::contact::{Contact, State};
use crate::instance::Instance;
use crate::random::Uuid;
use crate::scene::{Change, Ending, Scene};
use crate::text::{push_day, push_moment, push_number};

/// Why something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndReason {
    NextState,
    ContactGone,
    Logout,
    Silence,
    StillOpen,
}

impl EndReason {
    const fn name(self) -> &'static str {
        match self {
            Self::NextState => "next_state",
            Self::ContactGone => "contact_gone",
            Self::Logout => "logout",
            Self::Silence => "silence",
            Self::StillOpen => "still_open_at_end_of_input",
        }
    }
}

/// What is true of an agent up to where its schedule is decided.
#[derive(Clone, Copy, Debug)]
struct Known {
    user: Uuid,
    session: Option<Session>,
    status: u8,
    status_start: i64,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    start: i64,
    has_login: bool,
}

/// A state of a contact that has not ended yet.
#[derive(Clone, Copy)]
struct Open {
    slot: usize,
    state: State,
    start: i64,
}

/// Writes the truth.
pub(crate) struct Truth<'a> {
    out: &'a mut dyn Write,
    buffer: Vec<u8>,
    known: Vec<Known>,
}

/// What an event is expected to carry.
pub(crate) struct Expected {
    pub(crate) agent: usize,
    pub(crate) event: Uuid,
    pub(crate) at: i64,
    pub(crate) kind: &'static str,
    pub(crate) contacts: usize,
    pub(crate) departed: usize,
}

/// A scene as it is acted out.
pub(crate) struct Acted<'a> {
    pub(crate) agent: usize,
    /// The scene, without what lies behind the end of the input.
    pub(crate) scene: &'a Scene,
    /// Whether something lies there.
    pub(crate) is_cut: bool,
    /// The last heart beat, when the scene ends in silence before the end of the input.
    pub(crate) last_beat: Option<i64>,
}

impl<'a> Truth<'a> {
    pub(crate) fn new(out: &'a mut dyn Write) -> Self {
        Self { out, buffer: Vec::new(), known: Vec::new() }
    }

    /// The run itself.
    pub(crate) fn simulation(&mut self, instance: &Instance, seed: u64, agents: u32) {
        let (id, account) = (&instance.id, &instance.account);
        let line = format!(
            r#"{{"kind":"simulation","instance_id":"{id}","account":"{account}","seed":{seed},"agents":{agents}}}"#
        );
        self.buffer.extend_from_slice(line.as_bytes());
        self.buffer.push(b'\n');
    }

    /// The next agent, and the status that it has from the beginning.
    pub(crate) fn agent(&mut self, user: Uuid, status: u8, status_start: i64) {
        self.known.push(Known { user, session: None, status, status_start });
    }

    /// What a scene makes true.
    pub(crate) fn scene(&mut self, instance: &Instance, acted: &Acted<'_>) {
        let agent = acted.agent;
        let scene = acted.scene;
        let mut open: Vec<Open> = Vec::new();
        for step in &scene.steps {
            match step.change {
                Change::Login => self.known[agent].session = Some(Session { start: step.at, has_login: true }),
                Change::Beat => self.known[agent].session = Some(Session { start: step.at, has_login: false }),
                Change::Logout => {
                    self.close_contacts(agent, scene, &mut open, EndReason::Logout);
                    self.close_session(instance, agent, Some(step.at), EndReason::Logout);
                }
                Change::Status { index, lag } => self.change_status(instance, agent, (index, step.at - lag)),
                Change::Contact { slot, state, start, .. } => {
                    self.change_contact(agent, scene, &mut open, Open { slot, state, start })
                }
                Change::Gone { slot } => self.remove_contact(agent, scene, &mut open, (slot, step.at)),
                Change::GoneInto { slot, index, lag } => {
                    self.remove_contact(agent, scene, &mut open, (slot, step.at));
                    self.change_status(instance, agent, (index, step.at - lag));
                }
                Change::Next { .. } | Change::Configure(_) => {}
            }
        }
        if let Some(last) = acted.last_beat {
            self.close_contacts(agent, scene, &mut open, EndReason::Silence);
            self.close_session(instance, agent, Some(last), EndReason::Silence);
        }
        debug_assert!(open.is_empty() || acted.is_cut || scene.ending != Ending::Open, "a contact outlives its scene");
        self.close_contacts(agent, scene, &mut open, EndReason::StillOpen);
    }

    /// What an event carries.
    pub(crate) fn event(&mut self, expected: &Expected) {
        self.begin("event", expected.agent);
        self.text("event_id", &expected.event);
        self.moment("event_timestamp", Some(expected.at));
        self.text("event_type", expected.kind.as_bytes());
        self.buffer.extend_from_slice(b",\"day\":\"");
        push_day(&mut self.buffer, expected.at);
        self.buffer.extend_from_slice(b"\",\"contacts\":");
        push_number(&mut self.buffer, expected.contacts as i64);
        self.buffer.extend_from_slice(b",\"departed\":");
        push_number(&mut self.buffer, expected.departed as i64);
        self.buffer.extend_from_slice(b"}\n");
    }

    /// The latest state of a case.
    pub(crate) fn case(&mut self, instance_id: &str, case_id: &Uuid, outcome: &Outcome) {
        let Some(latest) = &outcome.latest else {
            return;
        };
        self.buffer.extend_from_slice(b"{\"kind\":\"case\"");
        self.text("instance_id", instance_id.as_bytes());
        self.text("case_id", case_id);
        self.text("event_id", &latest.event);
        self.moment("event_timestamp", Some(latest.at));
        self.moment("last_updated_timestamp", latest.last_updated);
        self.text("event_type", latest.state.event_type.as_bytes());
        self.maybe("status", latest.state.status);
        self.number("custom_fields", latest.state.custom_fields as u64);
        self.number("case_events", outcome.case_events);
        self.number("item_events", outcome.item_events);
        self.buffer.extend_from_slice(b"}\n");
    }

    /// How many events of cases there were of each kind.
    pub(crate) fn cases(&mut self, tally: &Tally) {
        self.buffer.extend_from_slice(b"{\"kind\":\"cases\"");
        self.number("cases", tally.cases);
        self.number("case_events", tally.case_events);
        self.number("item_events", tally.item_events);
        self.number("custom_fields", tally.custom_fields);
        self.counts("event_types", tally.event_types.iter().map(|(name, count)| (name.as_str(), *count)));
        self.counts("item_types", tally.item_types.iter().map(|(name, count)| (*name, *count)));
        self.buffer.extend_from_slice(b"}\n");
    }

    /// A line that is written elsewhere.
    pub(crate) fn append(&mut self, line: &str) {
        self.buffer.extend_from_slice(line.as_bytes());
        self.buffer.push(b'\n');
    }

    /// Hands on what is written, when it is much.
    pub(crate) fn pass_on(&mut self) -> io::Result<()> {
        if self.buffer.len() >= 256 << 10 {
            self.out.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    /// The end of the input: what is open stays open.
    pub(crate) fn finish(mut self, instance: &Instance) -> io::Result<()> {
        for agent in 0..self.known.len() {
            if self.known[agent].session.is_some() {
                self.close_session(instance, agent, None, EndReason::StillOpen);
            }
            self.pass_on()?;
        }
        self.out.write_all(&self.buffer)?;
        self.out.flush()
    }

    fn change_status(&mut self, instance: &Instance, agent: usize, (index, start): (u8, i64)) {
        self.status_row(instance, agent, Some(start), EndReason::NextState);
        self.known[agent].status = index;
        self.known[agent].status_start = start;
    }

    fn close_session(&mut self, instance: &Instance, agent: usize, end: Option<i64>, reason: EndReason) {
        self.status_row(instance, agent, end, reason);
        let Some(session) = self.known[agent].session.take() else {
            return;
        };
        self.begin("session", agent);
        self.moment("start", Some(session.start));
        self.moment("login", session.has_login.then_some(session.start));
        self.moment("end", end);
        self.text("end_reason", reason.name().as_bytes());
        self.buffer.extend_from_slice(b"}\n");
    }

    fn status_row(&mut self, instance: &Instance, agent: usize, end: Option<i64>, reason: EndReason) {
        let Known { session: Some(session), status, status_start, .. } = self.known[agent] else {
            return;
        };
        let status = &instance.statuses[usize::from(status)];
        self.begin("status", agent);
        self.text("status_arn", status.arn.as_bytes());
        self.buffer.extend_from_slice(b",\"name\":");
        self.buffer.extend_from_slice(status.name.as_bytes());
        self.text("type", status.kind.as_bytes());
        self.moment("status_start", Some(status_start));
        self.span(status_start.max(session.start), end, reason);
    }

    fn change_contact(&mut self, agent: usize, scene: &Scene, open: &mut Vec<Open>, next: Open) {
        match open.iter_mut().find(|open| open.slot == next.slot) {
            None => open.push(next),
            Some(now) if now.state == next.state && now.start == next.start => {}
            Some(now) => {
                let ended = std::mem::replace(now, next);
                self.contact_rows(agent, &scene.cast[ended.slot], ended, (Some(next.start), EndReason::NextState));
            }
        }
    }

    fn remove_contact(&mut self, agent: usize, scene: &Scene, open: &mut Vec<Open>, (slot, at): (usize, i64)) {
        if let Some(place) = open.iter().position(|open| open.slot == slot) {
            let ended = open.remove(place);
            self.contact_rows(agent, &scene.cast[slot], ended, (Some(at), EndReason::ContactGone));
        }
    }

    fn close_contacts(&mut self, agent: usize, scene: &Scene, open: &mut Vec<Open>, reason: EndReason) {
        for contact in open.drain(..) {
            self.contact_rows(agent, &scene.cast[contact.slot], contact, (None, reason));
        }
    }

    fn contact_rows(&mut self, agent: usize, contact: &Contact, open: Open, (end, reason): (Option<i64>, EndReason)) {
        self.begin("segment", agent);
        self.text("contact_id", &contact.id);
        self.text("initial_contact_id", &contact.initial);
        self.text("channel", contact.channel.name().as_bytes());
        self.text("state", open.state.name().as_bytes());
        self.span(open.start, end, reason);
        if open.state == State::Ended {
            self.begin("acw", agent);
            self.text("contact_id", &contact.id);
            self.text("channel", contact.channel.name().as_bytes());
            self.span(open.start, end, reason);
        }
    }

    fn begin(&mut self, kind: &str, agent: usize) {
        self.buffer.extend_from_slice(b"{\"kind\":\"");
        self.buffer.extend_from_slice(kind.as_bytes());
        self.buffer.push(b'"');
        let user = self.known[agent].user;
        self.text("agent_id", &user);
    }

    fn text(&mut self, key: &str, text: &[u8]) {
        self.key(key);
        self.buffer.push(b'"');
        self.buffer.extend_from_slice(text);
        self.buffer.push(b'"');
    }

    fn maybe(&mut self, key: &str, text: Option<&str>) {
        match text {
            Some(text) => self.text(key, text.as_bytes()),
            None => {
                self.key(key);
                self.buffer.extend_from_slice(b"null");
            }
        }
    }

    fn number(&mut self, key: &str, number: u64) {
        self.key(key);
        push_number(&mut self.buffer, number as i64);
    }

    fn counts<'n>(&mut self, key: &str, counts: impl Iterator<Item = (&'n str, u64)>) {
        let counts: Vec<String> = counts.map(|(name, count)| format!("\"{name}\":{count}")).collect();
        self.key(key);
        self.buffer.extend_from_slice(format!("{{{}}}", counts.join(",")).as_bytes());
    }

    fn moment(&mut self, key: &str, moment: Option<i64>) {
        self.key(key);
        match moment {
            Some(moment) => {
                self.buffer.push(b'"');
                push_moment(&mut self.buffer, moment);
                self.buffer.push(b'"');
            }
            None => self.buffer.extend_from_slice(b"null"),
        }
    }

    /// The last keys of what has a start and an end, and the end of the line.
    fn span(&mut self, start: i64, end: Option<i64>, reason: EndReason) {
        self.moment("start", Some(start));
        self.moment("end", end);
        self.key("duration_ms");
        match end {
            Some(end) => push_number(&mut self.buffer, end - start),
            None => self.buffer.extend_from_slice(b"null"),
        }
        self.text("end_reason", reason.name().as_bytes());
        self.buffer.extend_from_slice(b"}\n");
    }

    fn key(&mut self, key: &str) {
        self.buffer.extend_from_slice(b",\"");
        self.buffer.extend_from_slice(key.as_bytes());
        self.buffer.extend_from_slice(b"\":");
    }
}
