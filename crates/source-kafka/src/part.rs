//! What is gathered of one partition.

use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use rdkafka::Timestamp as MessageTime;
use rdkafka::message::{BorrowedMessage, Message as _};
use tributary_core::{
    Body, Conflict, Delta, Headers, Position, RawBatch, Record, RecordLimit, ScopeId, Span, SplitId, Timestamp,
};

use tributary_kafka_ffi::headers;

use crate::blocks::{BLOCK, Blocks};
use crate::naming;

/// What schema registries of Confluent put before a JSON document: a zero and the number of the schema.
///
/// Source: Confluent, "Wire format".
const REGISTRY_HEADER: usize = 5;

/// A partition that is ours.
pub(crate) struct Part {
    pub(crate) topic: Arc<str>,
    pub(crate) partition: i32,
    pub(crate) split: SplitId,
    scope: ScopeId,
    origin: Arc<str>,
    /// Up to where it was handed on.
    handed: Position,
    /// The next offset that counts.
    pub(crate) next: u64,
    /// In a batch: where it ends.
    pub(crate) end: Option<u64>,
    /// Whether the client gave us anything since it was placed.
    has_begun: bool,
    /// Whether it did since it was placed, or [doubted](Self::doubt).
    has_taken: bool,
    /// Whether it said since then that it is at the end.
    is_at_end: bool,
    /// Whether statistics came after that.
    is_settled: bool,
    /// Since when it could go on if it were at the end.
    waits_since: Option<Instant>,
    heap: Vec<Heaped>,
    /// Bytes of the heap.
    gathered: usize,
    /// What the last batch had.
    usual: usize,
    /// Where the next message is copied to, and how large it was when it was empty.
    block: BytesMut,
    block_size: usize,
    /// When the first of the heap came.
    since: Option<Instant>,
}

/// A record of the heap.
struct Heaped {
    offset: u64,
    arrived_at: Option<Timestamp>,
    key: Option<Bytes>,
    headers: Headers,
    body: Body,
}

impl Part {
    /// Without an id, until it is [renamed](Self::rename).
    pub(crate) fn new(source: &str, topic: &str, partition: i32) -> Self {
        let split = naming::split(source, topic, None, partition);
        Self {
            topic: topic.into(),
            partition,
            // Without the id: what a producer sent to both topics of a name is there once, and a topic whose positions go over
            // to its id keeps what is known of its events.
            scope: ScopeId::new(format!("split:{split}")),
            origin: format!("{topic}/{partition}").into(),
            split,
            handed: Position::Start,
            next: 0,
            end: None,
            has_begun: false,
            has_taken: false,
            is_at_end: false,
            is_settled: false,
            waits_since: None,
            heap: Vec::new(),
            gathered: 0,
            usual: 0,
            block: BytesMut::new(),
            block_size: 0,
            since: None,
        }
    }

    /// It is of the topic with this id.
    pub(crate) fn rename(&mut self, source: &str, id: Option<&str>) {
        self.split = naming::split(source, &self.topic, id, self.partition);
    }

    /// Reading begins anew: all before `next` is accounted for by whoever said so, as far as `handed`.
    pub(crate) fn place(&mut self, handed: Position, next: u64, end: Option<u64>) {
        self.forget();
        // A batch may be told to end where it was read already.
        let end = end.map(|end| end.max(next));
        (self.handed, self.next, self.end) = (handed, next, end);
        self.has_begun = false;
        self.doubt();
    }

    /// Drops what was not handed on.
    pub(crate) fn forget(&mut self) {
        self.heap.clear();
        self.gathered = 0;
        self.since = None;
    }

    /// The client was told to pause, to go on or to go elsewhere: what it had fetched is thrown away and fetched again. As
    /// long as the broker is slow or away its statistics still tell of the end that it had seen behind that; they count
    /// when it says anew that it is at the end, which comes in the order of the messages.
    pub(crate) fn doubt(&mut self) {
        self.interrupt();
        self.waits_since = None;
    }

    /// The same, where it goes on waiting to be asked for its end.
    pub(crate) fn interrupt(&mut self) {
        (self.is_at_end, self.is_settled, self.has_taken) = (false, false, false);
    }

    /// The client is at its end.
    pub(crate) fn at_end(&mut self) {
        self.is_at_end = true;
    }

    /// Whether what was asked of it is known: records came of it, or it is at its end and has gone on to there.
    pub(crate) fn is_settled(&self) -> bool {
        self.has_taken || self.is_settled
    }

    /// Since when only its end has to be known, if there is something to go on to.
    pub(crate) fn waits_since(&self) -> Option<Instant> {
        self.waits_since
    }

    /// Records are on their way: it does not wait.
    pub(crate) fn stop_waiting(&mut self) {
        self.waits_since = None;
    }

    /// Whether a batch has nothing more to read of it.
    pub(crate) fn is_done(&self) -> bool {
        self.end.is_some_and(|end| self.next >= end)
    }

    /// The client has read up to `reached` and has nothing more for us; what it gave us, or passed over, ends before
    /// `given`. So nothing but marks of transactions, and what compaction took, lies between ours and there. `given` passes
    /// marks in the order of the messages: as far as it came since it began to give, no end has to be known.
    pub(crate) fn reached(&mut self, given: Option<u64>, reached: u64, now: Instant) {
        let is_all = given.map_or(!self.has_taken, |given| given == self.next || given == reached);
        let can_go_on = is_all && reached > self.next && !self.is_done();
        let is_given = self.has_begun && given == Some(reached);
        if can_go_on && (self.is_at_end || is_given) {
            self.next = reached;
            self.since.get_or_insert(now);
        }
        self.is_settled = self.is_at_end;
        let waits = can_go_on && self.next < reached;
        self.waits_since = if waits { self.waits_since.or(Some(now)) } else { None };
    }

    pub(crate) fn size(&self) -> usize {
        self.gathered + self.heap.len() * size_of::<Heaped>()
    }

    pub(crate) fn since(&self) -> Option<Instant> {
        self.since
    }

    /// Takes a message, unless it is one that was handed on, or lies behind the end.
    pub(crate) fn take(
        &mut self,
        message: &BorrowedMessage<'_>,
        limit: RecordLimit,
        now: Instant,
        blocks: &mut Blocks,
    ) {
        let Ok(offset) = u64::try_from(message.offset()) else { return };
        if offset < self.next {
            return;
        }
        self.next = offset + 1;
        (self.has_begun, self.has_taken) = (true, true);
        self.stop_waiting();
        if self.end.is_some_and(|end| offset >= end) {
            return;
        }
        let payload = without_header(message.payload().unwrap_or_default());
        let key = message.key();
        let kept = if payload.len() > limit.bytes() { &payload[..RecordLimit::HEAD] } else { payload };
        self.make_room(key.map_or(0, <[u8]>::len) + kept.len(), blocks);
        let key = key.map(|key| self.copy(key));
        let kept = self.copy(kept);
        let body = match payload.len() > limit.bytes() {
            true => Body::TooLong { head: kept, length: payload.len() as u64 },
            false => Body::Whole(kept),
        };
        let headers = encoded_headers(message);
        self.gathered += key.as_ref().map_or(0, Bytes::len) + headers.size() + body.bytes().len();
        self.heap.push(Heaped { offset, arrived_at: arrival(message.timestamp()), key, headers, body });
        self.since.get_or_insert(now);
    }

    /// Has a block with room for so many bytes.
    fn make_room(&mut self, needed: usize, blocks: &mut Blocks) {
        if self.block.capacity() >= needed {
            return;
        }
        let block = blocks.take(needed, self.gathered.max(self.usual));
        let size = std::mem::replace(&mut self.block_size, block.capacity());
        let full = std::mem::replace(&mut self.block, block);
        if size == BLOCK {
            blocks.lend(full);
        }
    }

    /// Bytes in the block, where there is room for them.
    fn copy(&mut self, bytes: &[u8]) -> Bytes {
        self.block.extend_from_slice(bytes);
        self.block.split().freeze()
    }

    /// The heap as a batch, if there is one; without records where only the position moved.
    pub(crate) fn batch(&mut self) -> Result<Option<RawBatch>, Conflict> {
        let to = Position::Offset(self.next.min(self.end.unwrap_or(u64::MAX)));
        self.since = None;
        if self.handed == to {
            return Ok(None);
        }
        let span = Span::new(std::mem::replace(&mut self.handed, to.clone()), to)?;
        self.usual = std::mem::take(&mut self.gathered);
        if self.usual < BLOCK {
            // Little comes: what is left of the block is not kept for it.
            self.block = BytesMut::new();
        }
        let records = self.heap.drain(..).map(|heaped| Record {
            split: self.split.clone(),
            origin: Arc::clone(&self.origin),
            position: Position::Offset(heaped.offset),
            arrived_at: heaped.arrived_at,
            key: heaped.key,
            headers: heaped.headers,
            body: heaped.body,
        });
        let records = records.collect();
        Ok(Some(RawBatch {
            scope: self.scope.clone(),
            records,
            delta: Delta::of(self.split.clone(), span),
            read_at: None,
        }))
    }
}

/// The headers of a message; few have any.
fn encoded_headers(message: &BorrowedMessage<'_>) -> Headers {
    let mut bytes = BytesMut::new();
    headers(message, &mut |name, value| Headers::encode(name, value, &mut bytes));
    Headers::from_encoded(bytes.freeze())
}

/// When the broker or the producer says that it came.
pub(crate) fn arrival(time: MessageTime) -> Option<Timestamp> {
    let millis = time.to_millis().filter(|millis| *millis > 0)?;
    Some(Timestamp::from_micros(millis.checked_mul(1_000)?))
}

/// The document behind a registry's header, or all of it.
fn without_header(payload: &[u8]) -> &[u8] {
    match payload.split_at_checked(REGISTRY_HEADER) {
        Some(([0, ..], document)) if matches!(document.trim_ascii_start().first(), Some(b'{' | b'[')) => document,
        _ => payload,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_a_registry_is_left_out() {
        assert_eq!(without_header(b"\0\0\0\0\x07 {\"a\": 1}"), b" {\"a\": 1}");
        for other in [&b"{\"a\": 1}"[..], b"\0\0\0\0\x07avro", b"\0\0\0", b""] {
            assert_eq!(without_header(other), other);
        }
    }

    #[test]
    fn a_position_passes_what_is_no_record() {
        let now = Instant::now();
        let placed = || {
            let mut part = Part::new("calls", "events", 0);
            part.place(Position::Offset(10), 10, Some(13));
            part
        };
        let span = |part: &mut Part| {
            let batch = part.batch().unwrap()?;
            assert!(batch.records.is_empty());
            batch.delta.get(&part.split).map(ToString::to_string)
        };
        assert_eq!(span(&mut placed()), None, "nothing moved");

        // Told before the client was at the end, perhaps of what it has thrown away since, or while something is to come.
        for (given, is_at_end) in [(None, false), (Some(13), false), (Some(10), false), (Some(11), true)] {
            let mut part = placed();
            if is_at_end {
                part.at_end();
            }
            part.reached(given, 13, now);
            assert!(!part.is_done() && part.since().is_none(), "{given:?}");
            assert_eq!(part.waits_since().is_some(), !is_at_end, "{given:?}");
            part.at_end();
            part.doubt();
            part.reached(given, 13, now);
            assert!(!part.is_done(), "{given:?}");
        }
        for given in [None, Some(10), Some(13)] {
            let mut part = placed();
            part.at_end();
            part.reached(given, 13, now);
            assert!(part.is_done());
            assert_eq!(span(&mut part).as_deref(), Some("(10..13)"));
            part.reached(given, 12, now);
            assert_eq!(span(&mut part), None, "positions never go back");
            part.reached(given, 14, now);
            assert_eq!(span(&mut part), None, "nothing is read behind the end of a batch");
        }
        // What was given since it began passes marks by itself; what was given before may have been of elsewhere.
        let (mut part, mut other) = (placed(), placed());
        part.has_begun = true;
        part.doubt();
        part.reached(Some(12), 13, now);
        other.reached(Some(13), 13, now);
        assert!(!part.is_done() && !other.is_done() && other.waits_since().is_some());
        part.reached(Some(13), 13, now);
        assert!(part.is_done() && part.waits_since().is_none());
    }
}
