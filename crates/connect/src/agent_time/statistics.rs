//! How an agent's time was spent, interval by interval.
//!
//! What ended is kept until its session ends, and is then spread over the intervals of the clock. Definitions:
//! `docs/agent-statistics.md`. Source: Amazon Connect administrator guide, "Metric definitions".

use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;
use tributary_core::Timestamp;

use super::counted::{Class, Count, CountedContact, Routing};
use super::ended::{Assigned, EndReason, Ended, Segment, StatusInterval};

/// What is counted, and how.
#[derive(Clone, Debug)]
pub struct Counting {
    /// The length of an interval in microseconds; a day is a multiple of it.
    pub interval: i64,
    /// The ARNs of the custom statuses that have a column of their own, in the order of the columns.
    pub custom_states: Vec<Box<str>>,
    /// The moments, in microseconds, whose intervals are counted: whole days.
    pub range: Range<i64>,
}

impl Counting {
    /// When the interval began that a moment is in, both in microseconds.
    pub fn interval_of(&self, moment: i64) -> i64 {
        moment.div_euclid(self.interval) * self.interval
    }
}

/// A queue and a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueAndChannel {
    /// The queue's ARN.
    pub queue_arn: Option<Box<str>>,
    /// The channel.
    pub channel: Option<Box<str>>,
}

/// An agent's time in an interval, in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// In a status other than Offline.
    pub online: i64,
    /// With a contact in error.
    pub error: i64,
    /// In a custom status.
    pub non_productive: i64,
    /// Available, without a contact that is handled or rings.
    pub idle: i64,
    /// With a contact that is handled, in a status that is neither custom nor Offline.
    pub on_contact: i64,
    /// In each of the custom statuses asked for.
    pub custom: Vec<i64>,
}

/// An agent's contacts of a queue and a channel in an interval; times in microseconds, the sum over contacts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handled {
    /// Missed, rejected, or given up by the customer while they rang.
    pub non_response: i64,
    /// Missed or rejected.
    pub non_response_of_agent: i64,
    /// Offered to the agent.
    pub offered: i64,
    /// Whose conversation ended.
    pub handled: i64,
    /// Time handled.
    pub handle_time: i64,
    /// The part of it in a status that is neither custom nor Offline.
    pub contact_time: i64,
    /// Time ringing, by [`Routing`].
    pub connecting_time: [i64; Routing::COUNT],
    /// Contacts that began to ring, by [`Routing`].
    pub attempts: [i64; Routing::COUNT],
}

/// An interval of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntervalOfAgent {
    /// When it begins.
    pub start: Timestamp,
    /// When it ends.
    pub end: Timestamp,
    /// Where the agent belonged at its start, or when the session began in it.
    pub assigned: Option<Arc<Assigned>>,
    /// None where the agent had no session, and only a contact ended with the interval before.
    pub spent: Option<Spent>,
    /// What was done, in the order in which the queues were met; those of all agents are the same ones.
    pub contacts: Vec<(Arc<QueueAndChannel>, Handled)>,
}

#[derive(Clone, Debug, Default)]
struct Cell {
    assigned: Option<Arc<Assigned>>,
    spent: Option<Spent>,
    contacts: Vec<(Arc<QueueAndChannel>, Handled)>,
}

impl Cell {
    fn contacts(&mut self, queue: &Arc<QueueAndChannel>) -> &mut Handled {
        let known = self.contacts.iter().position(|(known, _)| Arc::ptr_eq(known, queue));
        let at = known.unwrap_or_else(|| {
            self.contacts.push((Arc::clone(queue), Handled::default()));
            self.contacts.len() - 1
        });
        &mut self.contacts[at].1
    }
}

/// The queues of all agents, each once.
#[derive(Debug, Default)]
pub struct Queues {
    /// By ARN, or an empty text: one for each channel.
    known: HashMap<Box<str>, Vec<Arc<QueueAndChannel>>>,
}

impl Queues {
    /// That of a segment. An empty text is none, in the rows' ids as well.
    fn of(&mut self, segment: &Segment) -> Arc<QueueAndChannel> {
        let arn = segment.contact.queue_arn.as_deref().unwrap_or_default();
        let channel = segment.contact.channel.as_deref().filter(|text| !text.is_empty());
        if !self.known.contains_key(arn) {
            self.known.insert(arn.into(), Vec::new());
        }
        let Some(known) = self.known.get_mut(arn) else { return Arc::default() };
        match known.iter().find(|known| known.channel.as_deref() == channel) {
            Some(known) => Arc::clone(known),
            None => {
                let queue_arn = Some(arn).filter(|arn| !arn.is_empty()).map(Into::into);
                let queue = Arc::new(QueueAndChannel { queue_arn, channel: channel.map(Into::into) });
                known.push(Arc::clone(&queue));
                queue
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StatusClass {
    Available,
    Custom,
    Offline,
    /// Another one that Amazon Connect may set, such as `Error`; or not known.
    Other,
}

#[derive(Clone, Copy, Debug)]
struct StatusSpan {
    start: i64,
    end: i64,
    class: StatusClass,
    /// Its place among the custom statuses asked for.
    column: Option<usize>,
}

/// One agent's.
#[derive(Debug, Default)]
pub struct Statistics {
    statuses: Vec<StatusSpan>,
    contacts: Vec<CountedContact>,
    assignments: Vec<(i64, Arc<Assigned>)>,
    /// By their interval's start, which ascends.
    cells: Vec<(i64, Cell)>,
}

impl Statistics {
    /// Takes what ended. With the session's end, all of it is spread over its intervals.
    pub fn take(&mut self, ended: &Ended, counting: &Counting, queues: &mut Queues) {
        let stretch = ended.stretch();
        let (start, end) = (stretch.start.micros(), stretch.end.map(Timestamp::micros));
        if stretch.reason == EndReason::StillOpen {
            return;
        }
        if let Ended::Session(_) = ended {
            return self.settle(start, end.unwrap_or(start), counting);
        }
        if start >= counting.range.end {
            return;
        }
        match ended {
            Ended::Status(status) => self.statuses.push(StatusSpan {
                start,
                end: end.unwrap_or(i64::MAX),
                class: class_of(status),
                column: counting.custom_states.iter().position(|arn| Some(&**arn) == status.arn.as_deref()),
            }),
            Ended::Segment(segment) => {
                let queue = queues.of(segment);
                self.contacts.push(CountedContact::new(segment, queue));
            }
            Ended::Assignment(assignment) => self.assignments.push((start, Arc::clone(&assignment.assigned))),
            Ended::Session(_) => {}
        }
    }

    /// The intervals that began before `border` and to which nothing is added any more; with the last border of a
    /// session, the one that the session ended in stays.
    pub fn drain(&mut self, border: i64, counting: &Counting) -> Vec<IntervalOfAgent> {
        let later = self.cells.split_off(self.cells.partition_point(|(start, _)| *start < border));
        // Agents are many, and most of them have left: nothing is kept that is not used.
        let cells = std::mem::replace(&mut self.cells, later);
        let interval = |(start, cell): (i64, Cell)| IntervalOfAgent {
            start: Timestamp::from_micros(start),
            end: Timestamp::from_micros(start + counting.interval),
            assigned: cell.assigned,
            spent: cell.spent,
            contacts: cell.contacts,
        };
        cells.into_iter().map(interval).collect()
    }

    fn settle(&mut self, start: i64, end: i64, counting: &Counting) {
        let end = end.max(start);
        let counted = start.max(counting.range.start)..end.min(counting.range.end);
        self.assignments.sort_by_key(|(since, _)| *since);
        self.statuses.sort_by_key(|status| status.start);
        let mut settling = Settling {
            counting,
            session: start,
            statuses: std::mem::take(&mut self.statuses),
            assignments: std::mem::take(&mut self.assignments),
            cells: &mut self.cells,
        };
        let contacts = std::mem::take(&mut self.contacts);
        settling.spend(&contacts, counted.clone());
        for contact in &contacts {
            settling.handle(contact, start..end, &counted);
        }
    }
}

/// The class of a status; archives from before types were sent have names only, and these two are Amazon Connect's own.
fn class_of(status: &StatusInterval) -> StatusClass {
    match (status.kind.as_deref(), status.name.as_deref()) {
        (Some("ROUTABLE"), _) | (None, Some("Available")) => StatusClass::Available,
        (Some("CUSTOM"), _) => StatusClass::Custom,
        (Some("OFFLINE"), _) | (None, Some("Offline")) => StatusClass::Offline,
        (None, Some(name)) if name != "Error" => StatusClass::Custom,
        _ => StatusClass::Other,
    }
}

/// A session that is spread over its intervals.
struct Settling<'a> {
    counting: &'a Counting,
    /// When it began.
    session: i64,
    statuses: Vec<StatusSpan>,
    assignments: Vec<(i64, Arc<Assigned>)>,
    cells: &'a mut Vec<(i64, Cell)>,
}

/// What an agent does at a moment.
#[derive(Clone, Copy, Debug, Default)]
struct Doing {
    status: Option<StatusSpan>,
    handled: i32,
    ringing: i32,
    failed: i32,
}

/// A moment at which it becomes another thing; ends come before beginnings.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Status(Option<StatusSpan>),
    Contact(Class, i32),
}

impl Settling<'_> {
    fn cell(&mut self, interval: i64) -> &mut Cell {
        let at = match self.cells.last() {
            Some((last, _)) if *last == interval => Ok(self.cells.len() - 1),
            _ => self.cells.binary_search_by_key(&interval, |(start, _)| *start),
        };
        let at = at.unwrap_or_else(|at| {
            let moment = interval.max(self.session);
            let known = self.assignments.partition_point(|(since, _)| *since <= moment);
            let assigned = known.checked_sub(1).map(|at| Arc::clone(&self.assignments[at].1));
            self.cells.insert(at, (interval, Cell { assigned, ..Cell::default() }));
            at
        });
        &mut self.cells[at].1
    }

    /// Spreads the agent's own time.
    fn spend(&mut self, contacts: &[CountedContact], counted: Range<i64>) {
        let mut turns: Vec<(i64, Turn)> = Vec::with_capacity(2 * (contacts.len() + self.statuses.len()));
        for status in &self.statuses {
            turns.push((status.end, Turn::Status(None)));
            turns.push((status.start, Turn::Status(Some(*status))));
        }
        for contact in contacts.iter().filter(|contact| contact.class != Class::Other) {
            turns.push((contact.end.unwrap_or(i64::MAX), Turn::Contact(contact.class, -1)));
            turns.push((contact.start, Turn::Contact(contact.class, 1)));
        }
        let begins = |turn: &Turn| matches!(turn, Turn::Status(Some(_)) | Turn::Contact(_, 1));
        turns.sort_by_key(|(at, turn)| (*at, begins(turn)));
        let (mut doing, mut since) = (Doing::default(), counted.start);
        for (at, turn) in turns {
            let at = at.clamp(counted.start, counted.end.max(counted.start));
            self.spread(since..at, doing);
            since = at;
            doing.take(turn);
        }
        self.spread(since..counted.end, doing);
    }

    fn spread(&mut self, mut time: Range<i64>, doing: Doing) {
        while time.start < time.end {
            let interval = self.counting.interval_of(time.start);
            let until = time.end.min(interval + self.counting.interval);
            let columns = self.counting.custom_states.len();
            let nothing = || Spent { custom: vec![0; columns], ..Spent::default() };
            doing.spend(until - time.start, self.cell(interval).spent.get_or_insert_with(nothing));
            time.start = until;
        }
    }

    /// Spreads a contact's time, and counts it.
    fn handle(&mut self, contact: &CountedContact, session: Range<i64>, counted: &Range<i64>) {
        for (at, count) in contact.counts() {
            // What began before its session counts where the session begins.
            let at = at.clamp(session.start, session.end);
            if self.counting.range.contains(&at) {
                let interval = self.counting.interval_of(at);
                count.add_to(self.cell(interval).contacts(&contact.queue));
            }
        }
        let time = contact.start.max(counted.start)..contact.end.unwrap_or(i64::MAX).min(counted.end);
        match (contact.class, contact.routing) {
            (Class::Ringing, None) | (Class::Failed | Class::Other, _) => {}
            (Class::Ringing | Class::OutboundRinging, Some(routing)) => {
                self.spread_contact(time, &contact.queue, |done, micros| {
                    done.connecting_time[routing as usize] += micros
                });
            }
            (Class::OutboundRinging, None) => {}
            (Class::Handled, _) => {
                self.spread_contact(time.clone(), &contact.queue, |done, micros| done.handle_time += micros);
                let statuses = std::mem::take(&mut self.statuses);
                for status in statuses.iter().filter(|status| status.counts_contacts()) {
                    let time = time.start.max(status.start)..time.end.min(status.end);
                    self.spread_contact(time, &contact.queue, |done, micros| done.contact_time += micros);
                }
                self.statuses = statuses;
            }
        }
    }

    fn spread_contact(&mut self, mut time: Range<i64>, queue: &Arc<QueueAndChannel>, add: impl Fn(&mut Handled, i64)) {
        while time.start < time.end {
            let interval = self.counting.interval_of(time.start);
            let until = time.end.min(interval + self.counting.interval);
            add(self.cell(interval).contacts(queue), until - time.start);
            time.start = until;
        }
    }
}

impl StatusSpan {
    /// Whether contacts in it are "on contact" time.
    fn counts_contacts(&self) -> bool {
        !matches!(self.class, StatusClass::Custom | StatusClass::Offline)
    }
}

impl Doing {
    fn take(&mut self, turn: Turn) {
        match turn {
            Turn::Status(status) => self.status = status,
            Turn::Contact(Class::Handled | Class::OutboundRinging, count) => self.handled += count,
            Turn::Contact(Class::Ringing, count) => self.ringing += count,
            Turn::Contact(Class::Failed, count) => self.failed += count,
            Turn::Contact(Class::Other, _) => {}
        }
    }

    fn spend(&self, micros: i64, spent: &mut Spent) {
        if self.failed > 0 {
            spent.error += micros;
        }
        let Some(status) = &self.status else { return };
        if status.class != StatusClass::Offline {
            spent.online += micros;
        }
        if status.class == StatusClass::Custom {
            spent.non_productive += micros;
        }
        if let Some(column) = status.column {
            spent.custom[column] += micros;
        }
        if self.handled > 0 && status.counts_contacts() {
            spent.on_contact += micros;
        }
        if status.class == StatusClass::Available && self.handled == 0 && self.ringing == 0 {
            spent.idle += micros;
        }
    }
}

impl Count {
    fn add_to(self, done: &mut Handled) {
        match self {
            Self::Offered => done.offered += 1,
            Self::Attempt(routing) => done.attempts[routing as usize] += 1,
            Self::Missed => {
                done.non_response += 1;
                done.non_response_of_agent += 1;
            }
            Self::Abandoned => done.non_response += 1,
            Self::Handled => done.handled += 1,
        }
    }
}

#[cfg(test)]
mod tests;
