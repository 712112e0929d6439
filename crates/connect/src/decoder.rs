//! Records to rows, without any state that matters.

mod families;

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::RecordBatch;
use bytes::Bytes;
use serde_json::Value;
use tributary_core::{
    Body, Day, Decoded, Decoder, Headers, RawBatch, Record, RejectReason, Rejection, RowKey, SkipReason, TableBatch,
    TableId, Timestamp,
};
use tributary_framing::{Envelope, Opened, open};

use crate::agent::{AgentRows, Dictionaries, Event, FieldRefusal, Memory, NotAnEvent, Refusal, read_event};
use crate::agent_time::Digester;
use crate::case::CaseRows;
use crate::contact::ContactRows;
use crate::envelope::{Payload, recognise};
use crate::flow::LineRows;
use crate::json::SyntaxError;
use crate::key::agent_event_key;
use crate::object::Refused;
use crate::subjects::Subjects;
use crate::test_case::ResultRows;
use crate::transform::{Family, Options};

/// An event that claims to be later than this after its arrival does not move the watermark: one hour.
const FUTURE_MICROS: i64 = 3_600_000_000;

/// Decodes batches; remembers what recurs.
#[derive(Debug)]
pub(crate) struct ConnectDecoder {
    rows: AgentRows,
    memory: Memory,
    dictionaries: Dictionaries,
    /// Their number: of the decoder, and how often they were begun anew.
    number: (u32, u32),
    unknown: BTreeMap<Box<str>, u64>,
    key_text: Vec<u8>,
    cases: CaseRows,
    lines: LineRows,
    contacts: ContactRows,
    results: ResultRows,
    tables: [Option<TableId>; 2],
    linked: Linked,
    options: Options,
}

/// How the snapshots of a batch's agent events hang together.
#[derive(Debug, Default)]
struct Linked {
    digester: Digester,
    /// Of each row of `agent_event`: the place of its event.
    events: Vec<u32>,
}

impl Linked {
    /// The links of the events that became these rows.
    fn finish(&mut self, rows: &RecordBatch) -> Vec<(u32, [u64; 2])> {
        let events = std::mem::take(&mut self.events);
        let links = self.digester.links(rows).filter(|links| links.len() == events.len()).unwrap_or_default();
        events.into_iter().zip(links).map(|(event, link)| (event, link.bits())).collect()
    }
}

/// What a batch has become so far.
#[derive(Debug, Default)]
struct Outcome {
    events: Vec<RowKey>,
    days: BTreeSet<Day>,
    latest: Option<Timestamp>,
    rejected: Vec<Rejection>,
    skipped: BTreeMap<SkipReason, u64>,
    unknown_keys: BTreeMap<Box<str>, u64>,
    subjects: Subjects,
    read: u64,
}

/// One payload and where it stood.
#[derive(Clone, Copy)]
struct Place<'r> {
    record: &'r Record,
    index: u32,
    arrival: Timestamp,
}

impl Place<'_> {
    fn rejection(&self, reason: RejectReason, message: impl Into<Box<str>>, bytes: &[u8]) -> Rejection {
        Rejection {
            split: self.record.split.clone(),
            origin: self.record.origin.clone(),
            position: self.record.position.clone(),
            index: self.index,
            arrived_at: self.record.arrived_at,
            key: self.record.key.clone(),
            headers: self.record.headers.clone(),
            reason,
            field: None,
            message: message.into(),
            // A copy, because a slice would keep the whole batch alive.
            bytes: Bytes::copy_from_slice(bytes),
            length: bytes.len() as u64,
        }
    }

    fn refused(&self, refused: Refused, bytes: &[u8]) -> Rejection {
        Rejection {
            field: Some(refused.field.into_boxed_str()),
            ..self.rejection(refused.reason, refused.message, bytes)
        }
    }

    /// The moment of an event, if its day is one that a row can have.
    fn usable(&self, found: Option<Timestamp>, field: &str, bytes: &[u8]) -> Result<Timestamp, Box<Rejection>> {
        let message = match found {
            Some(found) if found.day().is_usable(self.arrival.day()) => return Ok(found),
            None => "the field is missing or null, so the row has no day".to_owned(),
            Some(found) => format!(
                "the day {} is outside {} .. {} (the day after arrival)",
                found.day(),
                Day::EARLIEST,
                self.arrival.day().next()
            ),
        };
        let rejection = self.rejection(RejectReason::NoDay, message, bytes);
        Err(Box::new(Rejection { field: Some(field.into()), ..rejection }))
    }

    fn malformed(&self, error: SyntaxError, bytes: &[u8]) -> Rejection {
        let message = format!("not JSON: expected {} at byte {}", error.expected, error.at);
        self.rejection(RejectReason::Malformed, message, bytes)
    }
}

impl Outcome {
    /// The place of the next event among all.
    fn owner(&self) -> u32 {
        u32::try_from(self.events.len()).unwrap_or(u32::MAX)
    }

    /// An event has its rows.
    fn made(&mut self, key: RowKey, at: Timestamp, arrival: Timestamp) {
        self.events.push(key);
        self.days.insert(at.day());
        if at <= arrival.plus_micros(FUTURE_MICROS) {
            self.latest = self.latest.max(Some(at));
        }
    }

    fn count(&mut self, unknown: &BTreeMap<Box<str>, u64>) {
        for (path, count) in unknown {
            *self.unknown_keys.entry(path.clone()).or_default() += count;
        }
    }

    /// One payload.
    fn skip(&mut self, reason: SkipReason) -> u32 {
        *self.skipped.entry(reason).or_default() += 1;
        1
    }

    /// One payload.
    fn reject(&mut self, rejection: Rejection) -> u32 {
        self.rejected.push(rejection);
        1
    }
}

impl ConnectDecoder {
    /// A decoder that makes rows of these two tables (`agent_event`, `agent_event_contacts`), where they are asked for, and of
    /// those of cases that the options name. No other decoder of the transform has the `number`.
    pub(crate) fn new(tables: [Option<TableId>; 2], options: &Options, number: u32) -> Self {
        Self {
            rows: AgentRows::new(),
            memory: Memory::new(options.recall),
            dictionaries: Dictionaries::new(&options.privacy),
            number: (number, 0),
            unknown: BTreeMap::new(),
            key_text: Vec::new(),
            cases: CaseRows::new(options),
            lines: LineRows::new(options),
            contacts: ContactRows::new(options),
            results: ResultRows::new(options),
            tables,
            linked: Linked::default(),
            options: options.clone(),
        }
    }

    fn record(&mut self, record: &Record, read_at: Timestamp, outcome: &mut Outcome) {
        let place = Place { record, index: 0, arrival: record.arrived_at.unwrap_or(read_at) };
        let rejection = match &record.body {
            Body::Whole(bytes) => return self.whole(place, bytes, read_at, outcome),
            Body::TooLong { head, length } => {
                let limit = self.options.record_limit.bytes();
                let message = format!("the record has {length} bytes, at most {limit} are read (record_limit)");
                Rejection { length: *length, ..place.rejection(RejectReason::TooLong, message, head) }
            }
            Body::Truncated(bytes) => {
                place.rejection(RejectReason::Truncated, "the input ends inside the record", bytes)
            }
            Body::Damaged { bytes, why } => place.rejection(RejectReason::Corrupt, why.clone(), bytes),
        };
        outcome.read += 1;
        outcome.rejected.push(rejection);
    }

    fn whole(&mut self, place: Place<'_>, bytes: &[u8], read_at: Timestamp, outcome: &mut Outcome) {
        // Nearly every record is one agent event: that is tried first, and nothing of it stays when it is not.
        self.unknown.clear();
        if let Ok(event) = read_event(bytes, &mut self.memory, &mut self.dictionaries, &mut self.unknown) {
            outcome.read += 1;
            return self.event(place, (&event, bytes), read_at, outcome);
        }
        self.opened(place, bytes, read_at, outcome);
    }

    #[cold]
    fn opened(&mut self, place: Place<'_>, bytes: &[u8], read_at: Timestamp, outcome: &mut Outcome) {
        let mut index = 0;
        open(bytes, self.options.record_limit, &mut |opened| {
            let place = Place { index, ..place };
            let units = match opened {
                Opened::Payload { bytes, envelope } => self.payload(place, (bytes, &envelope), read_at, outcome),
                Opened::Empty(reason) => outcome.skip(reason),
                Opened::Corrupt { bytes, message } => {
                    outcome.reject(place.rejection(RejectReason::Corrupt, message, bytes))
                }
            };
            index += units;
            outcome.read += u64::from(units);
        });
    }

    /// As what it counts: an answer of an API is as many payloads as it has events or executions.
    fn payload(
        &mut self,
        place: Place<'_>,
        (bytes, envelope): (&[u8], &Envelope),
        read_at: Timestamp,
        outcome: &mut Outcome,
    ) -> u32 {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return outcome.reject(place.rejection(RejectReason::EmptyPayload, "nothing in it", bytes));
        }
        let text = match str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let message = format!("not UTF-8 at byte {}", error.valid_up_to());
                return outcome.reject(place.rejection(RejectReason::Malformed, message, bytes));
            }
        };
        self.unknown.clear();
        let rejection = match read_event(bytes, &mut self.memory, &mut self.dictionaries, &mut self.unknown) {
            Ok(event) => {
                self.event(place, (&event, bytes), read_at, outcome);
                return 1;
            }
            Err(NotAnEvent::Refused(Refusal::Syntax(error))) => place.malformed(error, bytes),
            Err(NotAnEvent::Trailing(at)) => {
                place.malformed(SyntaxError { at, expected: "nothing after the first value" }, bytes)
            }
            Err(NotAnEvent::OtherFamily) => return self.other(place, (text, envelope), None, read_at, outcome),
            Err(NotAnEvent::Refused(Refusal::Field(refusal))) => {
                return self.other(place, (text, envelope), Some(*refusal), read_at, outcome);
            }
        };
        outcome.reject(rejection)
    }

    /// A payload that is no readable agent event.
    fn other(
        &mut self,
        place: Place<'_>,
        (text, envelope): (&str, &Envelope),
        refusal: Option<FieldRefusal>,
        read_at: Timestamp,
        outcome: &mut Outcome,
    ) -> u32 {
        let bytes = text.as_bytes();
        // What was counted on the way to finding out that it is no agent event.
        self.unknown.clear();
        let asks = |family| self.options.families.contains(&family);
        let rejection = match (recognise(text), refusal) {
            (Err(error), _) => place.malformed(error, bytes),
            (Ok(Payload::Case), _) if asks(Family::Case) => return self.case(place, text, read_at, outcome),
            (Ok(Payload::FlowLog), _) if asks(Family::Flow) && self.lines.takes() => {
                return self.flow_line(place, (text, envelope), read_at, outcome);
            }
            (Ok(Payload::Contact), _) if asks(Family::Contact) && self.contacts.takes() => {
                return self.contact(place, text, read_at, outcome);
            }
            (Ok(Payload::CaseAudit), _) if asks(Family::Audit) && self.cases.takes_audit() => {
                return self.audit(place, text, read_at, outcome);
            }
            (Ok(Payload::TestCases), _) if asks(Family::TestCase) && self.results.takes() => {
                return self.test_cases(place, text, read_at, outcome);
            }
            (Ok(Payload::Case), _) => return outcome.skip(SkipReason::Case),
            (Ok(Payload::CaseAudit), _) => return outcome.skip(SkipReason::CaseAudit),
            (Ok(Payload::FlowLog), _) => return outcome.skip(SkipReason::FlowLog),
            (Ok(Payload::Contact), _) => return outcome.skip(SkipReason::Contact),
            (Ok(Payload::TestCases), _) => return outcome.skip(SkipReason::TestCase),
            (Ok(Payload::Skipped(reason)), _) => return outcome.skip(reason),
            (Ok(Payload::Agent), Some(_)) if !asks(Family::Agent) => return outcome.skip(SkipReason::Agent),
            (Ok(Payload::Agent), Some(refusal)) => Rejection {
                field: Some(refusal.path.into_boxed_str()),
                ..place.rejection(refusal.reason, refusal.message, bytes)
            },
            (Ok(Payload::Agent | Payload::Unknown), _) => {
                place.rejection(RejectReason::Unrecognised, "JSON, but of no known family of events", bytes)
            }
        };
        outcome.reject(rejection)
    }

    /// Makes the rows of an event, unless it has no usable day.
    fn event(
        &mut self,
        place: Place<'_>,
        (event, bytes): (&Event<'_>, &[u8]),
        read_at: Timestamp,
        outcome: &mut Outcome,
    ) {
        if !self.options.families.contains(&Family::Agent) {
            outcome.skip(SkipReason::Agent);
            return;
        }
        let timestamp = match place.usable(event.timestamp, "EventTimestamp", bytes) {
            Ok(timestamp) => timestamp,
            Err(rejection) => return outcome.rejected.push(*rejection),
        };
        outcome.subjects.saw(event.agent_arn, place.record);
        self.rows.push(event, outcome.owner(), read_at, &mut self.dictionaries);
        let key = agent_event_key(&event.instance_id, &event.event_id, timestamp, &mut self.key_text);
        if self.options.links.is_some() {
            self.linked.events.push(outcome.owner());
        }
        outcome.made(key, timestamp, place.arrival);
        outcome.count(&self.unknown);
    }

    fn finish(&mut self, batch: &RawBatch, outcome: Outcome) -> Decoded {
        let finished = self.rows.finish(&mut self.dictionaries).and_then(|rows| Ok((rows, self.others()?)));
        let ((events, contacts, owners), others) = match finished {
            Ok(finished) => finished,
            Err(error) => {
                self.cases = CaseRows::new(&self.options);
                self.lines = LineRows::new(&self.options);
                self.contacts = ContactRows::new(&self.options);
                self.results = ResultRows::new(&self.options);
                // Half-emptied columns, and codes that mean nothing without their dictionaries.
                self.rows = AgentRows::new();
                self.dictionaries = Dictionaries::new(&self.options.privacy);
                self.number.1 = self.number.1.wrapping_add(1);
                self.memory.forget();
                self.linked = Linked::default();
                return refuse_all(batch, &error.to_string());
            }
        };
        let links = if self.options.links.is_some() { self.linked.finish(&events) } else { Vec::new() };
        let mut decoded = Decoded {
            links,
            events: outcome.events,
            days: outcome.days.into_iter().collect(),
            latest: outcome.latest,
            rejected: told_once(outcome.rejected),
            skipped: outcome.skipped,
            unknown_keys: outcome.unknown_keys,
            subjects: outcome.subjects.finish(&self.dictionaries.agent_arn),
            read: outcome.read,
            ..Decoded::default()
        };
        let all: Vec<u32> = (0..).take(events.num_rows()).collect();
        for (table, (rows, owners)) in self.tables.iter().zip([(events, all), (contacts, owners)]) {
            if let Some(table) = table
                && rows.num_rows() > 0
            {
                decoded.tables.push(TableBatch { table: table.clone(), rows, dictionaries: Some(self.number) });
                decoded.owners.push(owners);
            }
        }
        for (rows, owners) in others {
            decoded.tables.push(rows);
            decoded.owners.push(owners);
        }
        decoded
    }
}

impl Decoder for ConnectDecoder {
    fn decode(&mut self, batch: &RawBatch) -> Decoded {
        let read_at = batch.read_at.unwrap_or(Timestamp::from_micros(0));
        let mut outcome = Outcome { events: Vec::with_capacity(batch.records.len()), ..Outcome::default() };
        if self.dictionaries.begin_batch() {
            self.number.1 = self.number.1.wrapping_add(1);
        }
        self.cases.begin_batch();
        for record in &batch.records {
            self.record(record, read_at, &mut outcome);
        }
        let mut decoded = self.finish(batch, outcome);
        if self.options.privacy.is_on() {
            // What could not be read may hold anything.
            decoded.rejected.iter_mut().for_each(|rejection| rejection.bytes = Bytes::new());
        }
        decoded
    }
}

/// Key and headers of a record stand with its first rejection alone: one record may hold thousands of payloads.
fn told_once(mut rejected: Vec<Rejection>) -> Vec<Rejection> {
    for index in (1..rejected.len()).rev() {
        let [before, rejection] = &mut rejected[index - 1..=index] else { continue };
        if before.split == rejection.split && before.position == rejection.position {
            rejection.key = None;
            rejection.headers = Headers::default();
        }
    }
    rejected
}

/// The payload as JSON; what our own parser takes for JSON may still be too deep or hold a number that is none.
fn parse(place: Place<'_>, text: &str) -> Result<Value, Box<Rejection>> {
    serde_json::from_str(text).map_err(|error| {
        let message = format!("not JSON that can be read: {error}");
        Box::new(place.rejection(RejectReason::Malformed, message, text.as_bytes()))
    })
}

/// Arrow refused the columns, which only a mistake of ours can bring about: nothing is lost, every record is rejected.
fn refuse_all(batch: &RawBatch, why: &str) -> Decoded {
    let refused = |record: &Record| {
        let place = Place { record, index: 0, arrival: Timestamp::from_micros(0) };
        place.rejection(
            RejectReason::BadValue,
            format!("its batch cannot be made into columns: {why}"),
            record.body.bytes(),
        )
    };
    let rejected: Vec<Rejection> = batch.records.iter().map(refused).collect();
    Decoded { read: rejected.len() as u64, rejected, ..Decoded::default() }
}
