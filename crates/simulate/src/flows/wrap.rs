//! What lines come in: bare, as rows of Firehose, or several in an envelope of CloudWatch Logs.

use crate::agent::Marks;
use crate::flows::catalogue::Catalogue;
use crate::random::Random;
use crate::text::push_number;

/// The most lines of an envelope.
const LONGEST: i64 = 20;

/// How long an envelope waits for lines, in milliseconds.
const PATIENCE: i64 = 5_000;

/// Lines that wait for their envelope to be sent.
#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) due: i64,
    pub(crate) first: i64,
    pub(crate) last: i64,
    wanted: usize,
    /// Ids, moments and messages.
    lines: Vec<(String, i64, Vec<u8>)>,
}

impl Envelope {
    pub(crate) fn new(at: i64, random: &mut Random) -> Self {
        let wanted = random.between(1, LONGEST) as usize;
        Self { due: at + PATIENCE, first: at, last: at, wanted, lines: Vec::new() }
    }

    /// Takes a line in; whether that was the last one.
    pub(crate) fn take(&mut self, id: String, at: i64, message: Vec<u8>) -> bool {
        self.last = at;
        self.lines.push((id, at, message));
        self.lines.len() >= self.wanted
    }

    pub(crate) fn len(&self) -> u64 {
        self.lines.len() as u64
    }

    /// Appends the envelope as a line.
    pub(crate) fn push(&self, out: &mut Vec<u8>, catalogue: &Catalogue, random: &mut Random) -> Marks {
        let (account, alias) = (&catalogue.account, &catalogue.alias);
        let stream = format!("simulated-{}", random.below(4));
        let begin = out.len();
        let place = br#"{"messageType""#.len();
        out.extend_from_slice(br#"{"messageType":"DATA_MESSAGE","owner":""#);
        let rest = format!(
            r#"{account}","logGroup":"/aws/connect/{alias}","logStream":"{stream}","subscriptionFilters":["flows"],"#
        );
        out.extend_from_slice(rest.as_bytes());
        out.extend_from_slice(br#""logEvents":["#);
        let id = out.len() + br#"{"id":""#.len();
        for (place, (id, at, message)) in self.lines.iter().enumerate() {
            out.extend_from_slice(if place == 0 { br#"{"id":""# } else { br#",{"id":""# });
            out.extend_from_slice(id.as_bytes());
            out.extend_from_slice(br#"","timestamp":"#);
            push_number(out, at + 1);
            out.extend_from_slice(br#","message":""#);
            push_escaped(out, message);
            out.extend_from_slice(br#""}"#);
        }
        out.extend_from_slice(b"]}\n");
        unreadable(begin, place, id)
    }
}

/// Appends a row `{timestamp, eventid, message}` as a line.
pub(crate) fn push_row(out: &mut Vec<u8>, id: &str, at: i64, message: &[u8]) -> Marks {
    let begin = out.len();
    let place = br#"{"timestamp""#.len();
    out.extend_from_slice(br#"{"timestamp":"#);
    push_number(out, at + 1);
    out.extend_from_slice(br#","eventid":""#);
    let marked = out.len();
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(br#"","message":""#);
    push_escaped(out, message);
    out.extend_from_slice(b"\"}\n");
    unreadable(begin, place, marked)
}

/// Marks by which a broken copy is no JSON at all: one line of several that is broken would still let the others be
/// read. What is taken for a month is the colon behind the first key, which ends `place` bytes after `begin`; what is
/// taken for an id is the first 36 digits of a longer one, whose rest is then no JSON.
fn unreadable(begin: usize, place: usize, id: usize) -> Marks {
    const MONTH: usize = "2025-".len();
    Marks { id, timestamp: begin + place - MONTH }
}

/// The id of a log event: 56 digits that rise with the moment and, within it, with the number.
pub(crate) fn event_id(at: i64, number: u64) -> String {
    format!("3{:015}{number:040}", at.max(0))
}

/// A message inside a string.
fn push_escaped(out: &mut Vec<u8>, message: &[u8]) {
    for byte in message {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
}
