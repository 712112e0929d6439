//! Reads the inputs one after the other and makes batches of them. Blocking: runs on a thread of its own.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tributary_core::{Body, Conflict, Delta, Position, RawBatch, Record, RecordLimit, ScopeId, Span, UnreadInput};
use tributary_framing::{Cutter, Packing};

use crate::choose::{Input, Place};
use crate::chunks::Chunks;
use crate::resume::{self, Beginning};

/// How much is read of a plain file at a time: records that lie across two reads are copied, so these are few.
const PLAIN_READ: u64 = 1 << 20;

/// How much is read of a compressed file at a time; it becomes about ten times as much.
const PACKED_READ: u64 = 128 << 10;

/// The least that is asked for after the first time.
const LEAST_READ: u64 = 64 << 10;

/// What a record takes besides its bytes, so that many tiny ones make a batch too.
const RECORD_COST: usize = size_of::<Record>();

/// Bytes read and bytes to read, as the inputs lie there.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    read: AtomicU64,
    total: AtomicU64,
}

impl Progress {
    /// Bytes read, and bytes to read as far as they are known.
    pub(crate) fn now(&self) -> (u64, u64) {
        let read = self.read.load(Ordering::Relaxed);
        // Files grow while they are read, and nobody knows how long standard input is.
        (read, self.total.load(Ordering::Relaxed).max(read))
    }

    fn add_read(&self, bytes: u64) {
        self.read.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Room for so many records is made at once, at most.
const MANY: usize = 4_096;

/// The inputs that are left, and the one that is being read.
pub(crate) struct Reader {
    scope: ScopeId,
    limit: RecordLimit,
    batch_bytes: usize,
    /// How many records the last batch had.
    records: usize,
    inputs: VecDeque<Input>,
    current: Option<Current>,
    progress: Arc<Progress>,
}

impl Reader {
    pub(crate) fn new(scope: ScopeId, limit: RecordLimit, batch_bytes: usize, inputs: VecDeque<Input>) -> Self {
        let mut reader = Self {
            scope,
            limit,
            batch_bytes,
            records: 0,
            inputs: VecDeque::new(),
            current: None,
            progress: Arc::new(Progress::default()),
        };
        reader.add(inputs);
        reader
    }

    /// Reads these as well.
    pub(crate) fn add(&mut self, inputs: VecDeque<Input>) {
        let total: u64 = inputs.iter().map(|input| input.length).sum();
        self.progress.total.fetch_add(total, Ordering::Relaxed);
        self.inputs.extend(inputs);
    }

    pub(crate) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// The next batch; `None` when every input is read. Inputs that fail on the way are appended to `unread`.
    pub(crate) fn batch(&mut self, unread: &mut Vec<UnreadInput>) -> Result<Option<RawBatch>, Conflict> {
        // As many as the last batch had: of a few thousand bytes each there are no more than these.
        let records = Vec::with_capacity(self.records.min(MANY));
        let mut batch = Batch { records, delta: Delta::default(), bytes: 0, most: self.batch_bytes };
        while !batch.is_full() {
            let mut current = match self.current.take() {
                Some(current) => current,
                None => {
                    let Some(input) = self.inputs.pop_front() else {
                        break;
                    };
                    let name = Arc::clone(&input.name);
                    match Current::open(input, self.limit, &self.progress) {
                        Ok(current) => current,
                        Err(error) => {
                            unread.push(UnreadInput { name: name.to_string(), reason: error.to_string() });
                            continue;
                        }
                    }
                }
            };
            let outcome = current.fill(&mut batch, &self.progress);
            let ended = matches!(outcome, Ok(Filled::Done));
            batch.account(&mut current, ended)?;
            match outcome {
                Ok(Filled::Enough) => self.current = Some(current),
                Ok(Filled::Done) => {}
                Err(error) => {
                    let name = current.input.name.to_string();
                    unread.push(UnreadInput { name, reason: error.to_string() });
                }
            }
        }
        if batch.records.is_empty() && batch.delta.is_empty() {
            return Ok(None);
        }
        let Batch { records, delta, .. } = batch;
        self.records = records.len();
        Ok(Some(RawBatch { scope: self.scope.clone(), records, delta, read_at: None }))
    }
}

/// A batch that is being made.
struct Batch {
    records: Vec<Record>,
    delta: Delta,
    bytes: usize,
    most: usize,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.bytes >= self.most
    }

    fn push(&mut self, input: &Input, offset: u64, body: Body) {
        self.bytes += body.bytes().len() + RECORD_COST;
        self.records.push(Record {
            split: input.split.clone(),
            origin: Arc::clone(&input.name),
            position: Position::Offset(offset),
            arrived_at: None,
            key: None,
            headers: tributary_core::Headers::default(),
            body,
        });
    }

    /// Adds the span of what was read of `current` since it was last accounted for.
    fn account(&mut self, current: &mut Current, ended: bool) -> Result<(), Conflict> {
        if ended && current.is_held() && current.cutter.reached() == 0 {
            return Ok(());
        }
        let to = match (ended, current.packed) {
            (true, true) => Position::End,
            (true, false) if current.is_held() => Position::Offset(current.cutter.reached()),
            (true, false) => Position::Offset(current.cutter.pushed()),
            (false, _) => Position::Offset(current.cutter.reached()),
        };
        if current.input.from.order(&to).is_some_and(std::cmp::Ordering::is_ge) {
            return Ok(());
        }
        let span = Span::new(std::mem::replace(&mut current.input.from, to.clone()), to)?;
        self.delta.append(Delta::of(current.input.split.clone(), span))
    }
}

/// How the filling of a batch ended.
enum Filled {
    /// The batch is full.
    Enough,
    /// The input is read to its end.
    Done,
}

/// An input that is being read.
struct Current {
    input: Input,
    bytes: Box<dyn Read + Send>,
    /// How much is asked for at a time.
    chunks: Chunks,
    read_size: u64,
    most_read: u64,
    packed: bool,
    cutter: Cutter,
    /// There are no more bytes to read.
    exhausted: bool,
}

/// An input that was opened, and where its reading begins.
struct Entry {
    bytes: Box<dyn Read + Send>,
    packing: Packing,
    /// Bytes that were read already, to see the packing.
    first: Bytes,
    /// Bytes of the file that are not read.
    passed_by: u64,
    cutter: Cutter,
}

impl Entry {
    fn open(input: &Input, position: u64, limit: RecordLimit) -> io::Result<Self> {
        let path = match &input.place {
            Place::File(path) => path,
            Place::StandardInput => {
                let mut bytes = io::stdin();
                let first = Chunks::default().read(&mut bytes, Packing::MAGIC as u64)?;
                let packing = Packing::of(&first);
                let cutter = Cutter::new(packing, limit, 0, 0);
                return Ok(Self { bytes: Box::new(bytes), packing, first, passed_by: 0, cutter });
            }
        };
        let (mut file, first) = (File::open(path)?, Bytes::new());
        if let Some(packing) = input.packing.filter(|&packing| packing != Packing::Plain) {
            let cutter = Cutter::new(packing, limit, 0, position);
            return Ok(Self { bytes: Box::new(file), packing, first, passed_by: 0, cutter });
        }
        let Beginning { offset: begin, before } = resume::begin(&mut file, position, limit)?;
        file.seek(SeekFrom::Start(begin))?;
        let cutter = Cutter::grown(limit, begin, &before, position);
        Ok(Self { bytes: Box::new(file), packing: Packing::Plain, first, passed_by: begin, cutter })
    }
}

impl Current {
    fn open(input: Input, limit: RecordLimit, progress: &Progress) -> io::Result<Self> {
        let position = match input.from {
            Position::Offset(offset) => offset,
            _ => 0,
        };
        let Entry { bytes, packing, first, passed_by, cutter } = Entry::open(&input, position, limit)?;
        let packed = packing != Packing::Plain;
        let most_read = if packed { PACKED_READ } else { PLAIN_READ };
        progress.add_read(passed_by);
        let left = match input.place {
            Place::StandardInput => most_read,
            // One byte more than a small file has: it is read at once, and its growth is seen.
            Place::File(_) => input.length.saturating_sub(passed_by) + 1,
        };
        let mut current = Self {
            bytes,
            chunks: Chunks::default(),
            read_size: left.clamp(1, most_read),
            most_read,
            packed,
            cutter,
            exhausted: false,
            input,
        };
        current.take_in(first, progress);
        Ok(current)
    }

    /// Hands bytes as they lie there to the cutter.
    fn take_in(&mut self, bytes: Bytes, progress: &Progress) {
        progress.add_read(bytes.len() as u64);
        self.cutter.push(bytes);
    }

    fn fill(&mut self, batch: &mut Batch, progress: &Progress) -> io::Result<Filled> {
        loop {
            while let Some(frame) = self.cutter.next() {
                batch.push(&self.input, frame.offset, frame.body);
                // After damage there is no position to go on at but the end.
                if batch.is_full() && !self.cutter.is_damaged() {
                    return Ok(Filled::Enough);
                }
            }
            // What is incomplete is read when it is complete.
            if self.cutter.is_over() || (self.exhausted && self.is_held()) {
                return Ok(Filled::Done);
            }
            let bytes = self.chunks.read(&mut self.bytes, self.read_size)?;
            self.read_size = (self.read_size * 2).clamp(LEAST_READ, self.most_read);
            if bytes.is_empty() {
                self.exhausted = true;
                if !self.is_held() {
                    self.cutter.finish();
                }
            } else {
                self.take_in(bytes, progress);
            }
        }
    }

    /// Whether what follows the last complete record is left for later.
    fn is_held(&self) -> bool {
        let is_begun = self.cutter.reached() > 0;
        !self.packed && (self.input.may_grow || (self.input.holds_on && !is_begun))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tributary_core::SplitId;

    use super::*;

    /// A disk that fails in the middle of a record: what came before it is delivered and accounted for, the rest is
    /// left for the next run, and the input is named.
    #[test]
    fn a_read_that_fails_half_way_keeps_what_came_before() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the disk is on fire"))
            }
        }
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"{\"a\":1}\n{\"b\"").unwrap();
        let input = Input {
            place: Place::File(file.path().to_owned()),
            name: "a.json".into(),
            split: SplitId::new("events/a.json@1-0"),
            from: Position::Start,
            packing: Some(Packing::Plain),
            length: 12,
            may_grow: false,
            holds_on: false,
        };
        let limit = RecordLimit::DEFAULT;
        let mut reader = Reader::new(ScopeId::new("source:events"), limit, 1 << 20, VecDeque::new());
        let mut current = Current::open(input, limit, &Progress::default()).unwrap();
        current.bytes = Box::new(io::Cursor::new(b"{\"a\":1}\n{\"b\"").chain(Failing));
        reader.current = Some(current);
        let mut unread = Vec::new();
        let batch = reader.batch(&mut unread).unwrap().unwrap();
        assert_eq!(batch.records.len(), 1);
        let spans: Vec<Span> = batch.delta.spans().map(|(_, span)| span.clone()).collect();
        assert_eq!(spans, [Span::new(Position::Start, Position::Offset(8)).unwrap()]);
        assert_eq!(unread, [UnreadInput { name: "a.json".into(), reason: "the disk is on fire".into() }]);
        assert!(reader.batch(&mut unread).unwrap().is_none());
    }
}
