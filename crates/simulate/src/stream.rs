//! The stream as it arrives: with repeats, late events, broken lines and records of other families among the events.
//!
//! It has a source of chance of its own, so that no rate changes what is acted out.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::io::{self, Write};
use std::ops::Range;

use tributary_core::Timestamp;

use crate::agent::{Agent, Marks};
use crate::cases::audit::Answer;
use crate::flows::Told;
use crate::foreign;
use crate::instance::Instance;
use crate::options::Options;
use crate::random::{Random, Rate};

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Agents.
    pub agents: u32,
    /// Different agent events.
    pub events: u64,
    /// Different events of cases and of their related items.
    pub case_events: u64,
    /// Different answers that tell histories of cases.
    pub audit_answers: u64,
    /// Audit events in them.
    pub audit_events: u64,
    /// Different lines of contact flow logs.
    pub flow_lines: u64,
    /// What those lines come in, and the contact events of the same contacts: a line of the stream each.
    pub flow_payloads: u64,
    /// Lines that repeat an event or an answer byte for byte.
    pub duplicates: u64,
    /// Events that came late.
    pub delayed: u64,
    /// Lines that no reader can use.
    pub malformed: u64,
    /// Contact records, which agent event readers skip.
    pub contact_records: u64,
    /// Contact events, which agent event readers skip.
    pub contact_events: u64,
    /// Bytes, line ends included.
    pub bytes: u64,
    /// The earliest event time.
    pub first: Option<Timestamp>,
    /// The latest event time.
    pub last: Option<Timestamp>,
}

impl Report {
    /// All lines of the stream.
    pub fn lines(&self) -> u64 {
        let payloads = self.events + self.case_events + self.audit_answers + self.flow_payloads;
        payloads + self.duplicates + self.malformed + self.foreign()
    }

    /// The lines of other families.
    pub fn foreign(&self) -> u64 {
        self.contact_records + self.contact_events
    }
}

/// A line that comes later.
struct Waiting {
    at: i64,
    number: u64,
    bytes: Box<[u8]>,
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Waiting {}

/// The stream under way.
pub(crate) struct Stream<'a> {
    out: &'a mut dyn Write,
    pub(crate) buffer: Vec<u8>,
    waiting: BinaryHeap<Reverse<Waiting>>,
    waited: u64,
    chance: Random,
    /// Decides which answers are repeated, so that they change nothing of what other lines do.
    repeats: Random,
    duplicate: (Rate, i64),
    disorder: (Rate, i64),
    malformed: Rate,
    foreign: Rate,
    report: Report,
}

/// Bytes gathered before they are handed on.
const BUFFER: usize = 256 << 10;

impl<'a> Stream<'a> {
    pub(crate) fn new(out: &'a mut dyn Write, options: &Options) -> Self {
        Self {
            out,
            buffer: Vec::with_capacity(BUFFER + (64 << 10)),
            waiting: BinaryHeap::new(),
            waited: 0,
            chance: Random::new(options.seed, 1),
            repeats: Random::new(options.seed, 7),
            duplicate: (Rate::new(options.duplicate_rate), options.duplicate_window.as_millis() as i64),
            disorder: (Rate::new(options.disorder_rate), options.disorder_window.as_millis() as i64),
            malformed: Rate::new(options.malformed_rate),
            foreign: Rate::new(options.foreign_rate),
            report: Report { agents: options.agents, ..Report::default() },
        }
    }

    /// Lets the lines come whose time is `at` or before.
    pub(crate) fn release(&mut self, at: i64) -> io::Result<()> {
        while let Some(Reverse(waiting)) = self.waiting.peek()
            && waiting.at <= at
        {
            if let Some(Reverse(waiting)) = self.waiting.pop() {
                self.buffer.extend_from_slice(&waiting.bytes);
            }
            self.pass_on()?;
        }
        Ok(())
    }

    /// The event that was appended to the buffer from `begin` on: counted, repeated, delayed, surrounded.
    pub(crate) fn settle(&mut self, begin: usize, marks: Marks, agent: &Agent, instance: &Instance) -> io::Result<()> {
        self.report.events += 1;
        let line = begin..self.buffer.len();
        let delay = self.disturb(line.clone(), marks, agent.latest);
        if self.foreign.happens(&mut self.chance) {
            if self.chance.chance(500) {
                self.report.contact_records += 1;
                foreign::push_contact_record(&mut self.buffer, instance, agent, &mut self.chance);
            } else {
                self.report.contact_events += 1;
                foreign::push_contact_event(&mut self.buffer, instance, agent, &mut self.chance);
            }
        }
        self.delay(line, agent.latest, delay);
        self.pass_on()
    }

    /// The event of a case, of the moment `at`, that was appended to the buffer as `line`.
    pub(crate) fn settle_case(&mut self, line: Range<usize>, marks: Marks, at: i64) -> io::Result<()> {
        self.report.case_events += 1;
        let delay = self.disturb(line.clone(), marks, at);
        self.delay(line, at, delay);
        self.pass_on()
    }

    /// An answer that was appended to the buffer at `at`. It may come again, but comes neither late nor broken: it has no
    /// moment of its own, and whoever asked has seen that it is whole.
    pub(crate) fn settle_answer(&mut self, answer: &Answer, at: i64) {
        self.report.audit_answers += 1;
        self.report.audit_events += answer.events;
        if self.duplicate.0.happens(&mut self.repeats) {
            let later = at + self.repeats.between(0, self.duplicate.1);
            self.report.duplicates += 1;
            self.hold_back(later, answer.line.clone());
        }
    }

    /// The payload of flows that was appended to the buffer from `begin` on. Whether it is to be repeated.
    pub(crate) fn settle_flow(&mut self, begin: usize, told: &Told) -> io::Result<bool> {
        let (first, last, repeats) = (self.report.first, self.report.last, self.report.duplicates);
        self.report.flow_lines += told.lines;
        self.report.flow_payloads += 1;
        let line = begin..self.buffer.len();
        let delay = self.disturb(line.clone(), told.marks, told.at);
        // It comes later than what it tells of.
        let (earliest, latest) = told.moments;
        let moment = |millis: i64| Some(Timestamp::from_micros(millis.saturating_mul(1_000)));
        self.report.first = first.into_iter().chain(moment(earliest)).min();
        self.report.last = last.max(moment(latest));
        self.delay(line, told.at, delay);
        self.pass_on()?;
        Ok(self.report.duplicates > repeats)
    }

    /// The latest moment that was told of, in milliseconds since 1970.
    pub(crate) fn newest(&self) -> i64 {
        self.report.last.map_or(i64::MIN, Timestamp::millis)
    }

    /// Notes the moment of an event, repeats it or adds a broken copy where chance has it; how late it is to come.
    fn disturb(&mut self, line: Range<usize>, marks: Marks, at: i64) -> i64 {
        let moment = Timestamp::from_micros(at.saturating_mul(1_000));
        self.report.first.get_or_insert(moment);
        self.report.last = Some(moment);
        let delay = if self.disorder.0.happens(&mut self.chance) { self.chance.between(1, self.disorder.1) } else { 0 };
        if self.duplicate.0.happens(&mut self.chance) {
            let later = at + delay + self.chance.between(0, self.duplicate.1);
            self.report.duplicates += 1;
            self.hold_back(later, line.clone());
        }
        if self.malformed.happens(&mut self.chance) {
            self.report.malformed += 1;
            self.append_broken(line, marks);
        }
        delay
    }

    /// Takes a line out that comes later.
    fn delay(&mut self, line: Range<usize>, at: i64, delay: i64) {
        if delay > 0 {
            self.report.delayed += 1;
            self.hold_back(at + delay, line.clone());
            self.buffer.drain(line);
        }
    }

    /// The end: everything that waits comes.
    pub(crate) fn finish(mut self) -> io::Result<Report> {
        self.release(i64::MAX)?;
        self.report.bytes += self.buffer.len() as u64;
        self.out.write_all(&self.buffer)?;
        self.out.flush()?;
        Ok(self.report)
    }

    fn hold_back(&mut self, at: i64, line: Range<usize>) {
        self.waited += 1;
        let bytes = self.buffer[line].into();
        self.waiting.push(Reverse(Waiting { at, number: self.waited, bytes }));
    }

    /// Appends a copy of an event that no reader can use, with an id of its own, on one line.
    fn append_broken(&mut self, event: Range<usize>, marks: Marks) {
        let begin = self.buffer.len();
        let (id, timestamp) = (begin + marks.id - event.start, begin + marks.timestamp - event.start);
        self.buffer.extend_from_within(event);
        let end = self.buffer.len() - 1;
        self.buffer[id..id + 36].copy_from_slice(&self.chance.uuid());
        match self.chance.below(6) {
            // Cut off somewhere inside.
            0 => self.buffer.truncate(begin + 1 + self.chance.below(end - begin - 2)),
            // The last brace is missing.
            1 => self.buffer.truncate(end - 1),
            // A string that never ends.
            2 => self.buffer.truncate(id + 20),
            // Not JSON at all.
            3 => {
                self.buffer.truncate(begin);
                self.buffer.extend_from_slice(b"2025-07-01 12:00:00 ERROR delivery failed: connection reset");
            }
            // JSON, but a time that does not exist: month 13.
            4 => {
                self.buffer[timestamp + 5..timestamp + 7].copy_from_slice(b"13");
                self.buffer.truncate(end);
            }
            // JSON, but without the key that identifies it.
            _ => {
                self.buffer.splice(id - 1..id + 37, *b"null");
                self.buffer.truncate(end - 38 + 4);
            }
        }
        self.buffer.push(b'\n');
    }

    fn pass_on(&mut self) -> io::Result<()> {
        if self.buffer.len() >= BUFFER {
            self.report.bytes += self.buffer.len() as u64;
            self.out.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }
}
