//! Records to rows, without any state that matters.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use tributary_core::{
    Body, Day, Decoded, Decoder, Headers, RawBatch, Record, RecordLimit, RejectReason, Rejection, RowKey, SkipReason,
    TableBatch, TableId, Timestamp,
};
use tributary_framing::{Opened, open};

use crate::agent::{AgentRows, Dictionaries, Event, FieldRefusal, Memory, NotAnEvent, Refusal, read_event};
use crate::envelope::{Family, recognise};
use crate::json::SyntaxError;
use crate::key::agent_event_key;
use crate::subjects::Subjects;
use crate::transform::Recall;

/// An event that claims to be later than this after its arrival does not move the watermark: one hour.
const FUTURE_MICROS: i64 = 3_600_000_000;

/// Decodes batches; remembers what recurs.
#[derive(Debug)]
pub(crate) struct ConnectDecoder {
    rows: AgentRows,
    memory: Memory,
    dictionaries: Dictionaries,
    unknown: BTreeMap<Box<str>, u64>,
    key_text: Vec<u8>,
    tables: [Option<TableId>; 2],
    record_limit: RecordLimit,
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

    fn malformed(&self, error: SyntaxError, bytes: &[u8]) -> Rejection {
        let message = format!("not JSON: expected {} at byte {}", error.expected, error.at);
        self.rejection(RejectReason::Malformed, message, bytes)
    }
}

impl ConnectDecoder {
    /// A decoder that makes rows of these two tables (`agent_event`, `agent_event_contacts`), where they are asked for.
    pub(crate) fn new(tables: [Option<TableId>; 2], record_limit: RecordLimit, recall: Recall) -> Self {
        Self {
            rows: AgentRows::new(),
            memory: Memory::new(recall),
            dictionaries: Dictionaries::default(),
            unknown: BTreeMap::new(),
            key_text: Vec::new(),
            tables,
            record_limit,
        }
    }

    fn record(&mut self, record: &Record, read_at: Timestamp, outcome: &mut Outcome) {
        let place = Place { record, index: 0, arrival: record.arrived_at.unwrap_or(read_at) };
        let rejection = match &record.body {
            Body::Whole(bytes) => return self.whole(place, bytes, read_at, outcome),
            Body::TooLong { head, length } => {
                let limit = self.record_limit.bytes();
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
        if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
            self.unknown.clear();
            if let Ok(event) = read_event(text, &mut self.memory, &mut self.dictionaries, &mut self.unknown) {
                outcome.read += 1;
                return self.event(place, (&event, bytes), read_at, outcome);
            }
        }
        self.opened(place, bytes, read_at, outcome);
    }

    #[cold]
    fn opened(&mut self, place: Place<'_>, bytes: &[u8], read_at: Timestamp, outcome: &mut Outcome) {
        let mut index = 0;
        open(bytes, self.record_limit, &mut |opened| {
            let place = Place { index, ..place };
            index += 1;
            outcome.read += 1;
            match opened {
                Opened::Payload { bytes, .. } => self.payload(place, bytes, read_at, outcome),
                Opened::Empty(reason) => *outcome.skipped.entry(reason).or_default() += 1,
                Opened::Corrupt { bytes, message } => {
                    outcome.rejected.push(place.rejection(RejectReason::Corrupt, message, bytes));
                }
            }
        });
    }

    fn payload(&mut self, place: Place<'_>, bytes: &[u8], read_at: Timestamp, outcome: &mut Outcome) {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            outcome.rejected.push(place.rejection(RejectReason::EmptyPayload, "nothing in it", bytes));
            return;
        }
        let text = match str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let message = format!("not UTF-8 at byte {}", error.valid_up_to());
                outcome.rejected.push(place.rejection(RejectReason::Malformed, message, bytes));
                return;
            }
        };
        self.unknown.clear();
        let rejection = match read_event(text, &mut self.memory, &mut self.dictionaries, &mut self.unknown) {
            Ok(event) => {
                return self.event(place, (&event, bytes), read_at, outcome);
            }
            Err(NotAnEvent::Refused(Refusal::Syntax(error))) => place.malformed(error, bytes),
            Err(NotAnEvent::Trailing(at)) => {
                place.malformed(SyntaxError { at, expected: "nothing after the first value" }, bytes)
            }
            Err(NotAnEvent::OtherFamily) => match other_family(place, text, None) {
                Ok(reason) => return *outcome.skipped.entry(reason).or_default() += 1,
                Err(rejection) => *rejection,
            },
            Err(NotAnEvent::Refused(Refusal::Field(refusal))) => match other_family(place, text, Some(*refusal)) {
                Ok(reason) => return *outcome.skipped.entry(reason).or_default() += 1,
                Err(rejection) => *rejection,
            },
        };
        outcome.rejected.push(rejection);
    }

    /// Makes the rows of an event, unless it has no usable day.
    fn event(
        &mut self,
        place: Place<'_>,
        (event, bytes): (&Event<'_>, &[u8]),
        read_at: Timestamp,
        outcome: &mut Outcome,
    ) {
        let timestamp = match event.timestamp {
            Some(timestamp) if timestamp.day().is_usable(place.arrival.day()) => timestamp,
            found => {
                let message = match found {
                    None => "the field is missing or null, so the row has no day".to_owned(),
                    Some(found) => format!(
                        "the day {} is outside {} .. {} (the day after arrival)",
                        found.day(),
                        Day::EARLIEST,
                        place.arrival.day().next()
                    ),
                };
                let rejection = place.rejection(RejectReason::NoDay, message, bytes);
                return outcome.rejected.push(Rejection { field: Some("EventTimestamp".into()), ..rejection });
            }
        };
        let owner = u32::try_from(outcome.events.len()).unwrap_or(u32::MAX);
        outcome.subjects.saw(event.agent_arn, place.record);
        self.rows.push(event, owner, read_at, &mut self.dictionaries);
        outcome.events.push(agent_event_key(&event.instance_id, &event.event_id, timestamp, &mut self.key_text));
        outcome.days.insert(timestamp.day());
        if timestamp <= place.arrival.plus_micros(FUTURE_MICROS) {
            outcome.latest = outcome.latest.max(Some(timestamp));
        }
        for (path, count) in &self.unknown {
            *outcome.unknown_keys.entry(path.clone()).or_default() += count;
        }
    }

    fn finish(&mut self, batch: &RawBatch, outcome: Outcome) -> Decoded {
        let (events, contacts, owners) = match self.rows.finish(&mut self.dictionaries) {
            Ok(finished) => finished,
            Err(error) => {
                // Half-emptied columns, and codes that mean nothing without their dictionaries.
                self.rows = AgentRows::new();
                self.dictionaries = Dictionaries::default();
                self.memory.forget();
                return refuse_all(batch, &error.to_string());
            }
        };
        let mut decoded = Decoded {
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
                decoded.tables.push(TableBatch { table: table.clone(), rows });
                decoded.owners.push(owners);
            }
        }
        decoded
    }
}

impl Decoder for ConnectDecoder {
    fn decode(&mut self, batch: &RawBatch) -> Decoded {
        let read_at = batch.read_at.unwrap_or(Timestamp::from_micros(0));
        let mut outcome = Outcome::default();
        self.dictionaries.begin_batch();
        for record in &batch.records {
            self.record(record, read_at, &mut outcome);
        }
        self.finish(batch, outcome)
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

/// What a payload is that is no readable agent event: a reason to skip it, or the rejection.
fn other_family(place: Place<'_>, text: &str, refusal: Option<FieldRefusal>) -> Result<SkipReason, Box<Rejection>> {
    let bytes = text.as_bytes();
    match (recognise(text), refusal) {
        (Err(error), _) => Err(Box::new(place.malformed(error, bytes))),
        (Ok(Family::Skipped(reason)), _) => Ok(reason),
        (Ok(Family::Agent), Some(refusal)) => Err(Box::new(Rejection {
            field: Some(refusal.path.into_boxed_str()),
            ..place.rejection(refusal.reason, refusal.message, bytes)
        })),
        (Ok(Family::Agent | Family::Unknown), _) => {
            let message = "JSON, but of no known family of events";
            Err(Box::new(place.rejection(RejectReason::Unrecognised, message, bytes)))
        }
    }
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
