//! Cuts a stream of decompressed bytes into records, told apart by content, record by record.
//!
//! ```text
//! {...}\n            an object on a line of its own (one pass of vector instructions)
//! {...}{...}{...}    concatenated objects: the exact scanner cuts them one by one
//! [{...},\n {...}]   the elements of an array are records; `[` `,` `]` are separators
//! {\n  ...\n}        an object over many lines: the exact scanner
//! anything else      a line of text: an exported log line, base64
//! ```

use bytes::Bytes;
use memchr::memmem;
use tributary_core::{Body, RecordLimit};

use crate::exact::{Fed, Scanner};
use crate::signs::{Signs, balanced, brace_balance, is_separator, trimmed};
use crate::stream::Stream;

/// How far a line's end is looked for before the exact scanner takes over: more than any event, and little enough to
/// be waited for.
const WINDOW: usize = 256 << 10;

/// The UTF-8 byte order mark that some editors put before the first record.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// A record cut out of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Offset of the record's first byte in the decompressed stream.
    pub offset: u64,
    /// Where the search for the next record begins: a [`Framer`] begun here yields what follows.
    pub end: u64,
    /// The bytes; a slice of the pushed chunk unless the record lies across chunks.
    pub body: Body,
}

/// What is known of the record at the front.
#[derive(Debug)]
enum Phase {
    /// Between records.
    Between,
    /// An object; the end of its first line is looked for, from this many bytes on.
    Line { searched: usize },
    /// An object that the exact scanner follows; this many bytes were fed to it.
    Object { scanner: Scanner, fed: usize },
    /// A line of text; its end is looked for from this many bytes on.
    Text { searched: usize },
}

/// The beginning of a record that went beyond the limit; its other bytes are counted, not kept.
#[derive(Debug)]
struct Dropped {
    head: Bytes,
    offset: u64,
    length: u64,
}

/// What a look at the front of the stream led to.
enum Step {
    /// Separators: so many bytes.
    Skip(usize),
    /// A decision about the record was made; look again.
    Again,
    /// More bytes are needed, or the end of the input.
    More,
    /// A record.
    Cut(Cut),
}

/// A record of the front: its kept bytes, its length, what to consume, and what it says about the next one.
struct Cut {
    kept: usize,
    length: usize,
    consumed: usize,
    whole: bool,
    lines: bool,
}

/// Cuts a stream into [`Frame`]s: push chunks, take frames until there are none, push more; at last `finish` and
/// take what is left. As an iterator it yields `None` whenever it needs more bytes.
#[derive(Debug)]
pub struct Framer {
    limit: usize,
    window: usize,
    /// Offset of the first byte that is neither in a frame nor skipped.
    offset: u64,
    stream: Stream,
    phase: Phase,
    dropped: Option<Dropped>,
    /// The record before was an object on a line of its own, or a line of one.
    lines: bool,
    /// No line ends between `offset` and here.
    no_line_end_before: u64,
    /// No `}{` between `offset` and here.
    no_pair_before: u64,
}

impl Framer {
    /// A framer of a stream whose next byte has this offset. Records beyond `limit` are cut to their beginning.
    pub fn new(limit: RecordLimit, offset: u64) -> Self {
        Self {
            limit: limit.bytes(),
            window: WINDOW.min(limit.bytes()),
            offset,
            stream: Stream::default(),
            phase: Phase::Between,
            dropped: None,
            lines: false,
            no_line_end_before: 0,
            no_pair_before: 0,
        }
    }

    /// A framer that goes on in a stream that was cut before: the next byte has this offset, and `before` are bytes
    /// right before it, from the start of a line or of the stream on. They tell whether the stream has one object a
    /// line, which decides what a broken line takes with it; [`Framer::new`] knows nothing of that.
    pub fn resume(limit: RecordLimit, offset: u64, before: &[u8]) -> Self {
        Self { lines: ends_with_object_line(before), ..Self::new(limit, offset) }
    }

    /// The bytes that follow those pushed before.
    pub fn push(&mut self, chunk: Bytes) {
        self.stream.push(chunk);
    }

    /// There are no more bytes: an incomplete record is [`Body::Truncated`].
    pub fn finish(&mut self) {
        self.stream.finish();
    }

    /// Offset of the first byte that is neither in a frame that was taken nor skipped as a separator.
    pub fn offset(&self) -> u64 {
        self.dropped.as_ref().map_or(self.offset, |dropped| dropped.offset)
    }

    /// Takes `count` bytes off the front.
    fn split(&mut self, count: usize) -> Bytes {
        self.offset += count as u64;
        self.stream.split(count)
    }

    fn step(&mut self) -> Step {
        match self.phase {
            Phase::Between => self.between(),
            Phase::Line { searched } => self.line(searched),
            Phase::Object { .. } => self.object(),
            Phase::Text { searched } => self.text(searched),
        }
    }

    fn between(&mut self) -> Step {
        let view = self.stream.view();
        let Some(&first) = view.first() else {
            return Step::More;
        };
        if first == MARK[0] && self.offset == 0 {
            if view.len() < MARK.len() && MARK.starts_with(view) && !self.stream.at_end() {
                return Step::More;
            }
            if view.starts_with(MARK) {
                return Step::Skip(MARK.len());
            }
        }
        if is_separator(first) {
            return Step::Skip(view.iter().position(|&byte| !is_separator(byte)).unwrap_or(view.len()));
        }
        self.phase = if first == b'{' { Phase::Line { searched: 0 } } else { Phase::Text { searched: 0 } };
        Step::Again
    }

    /// An object begins: is its first line all of it?
    fn line(&mut self, searched: usize) -> Step {
        let known = usize::try_from(self.no_line_end_before.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        let view = self.stream.view();
        let (length, reach) = (view.len(), view.len().min(self.window + 1));
        let from = searched.max(known).min(reach);
        let Some(distance) = memchr::memchr(b'\n', &view[from..reach]) else {
            self.no_line_end_before = self.no_line_end_before.max(self.offset + reach as u64);
            if length > self.window || self.stream.at_end() {
                if let Some(closed) = self.concatenated(reach) {
                    return Step::Cut(Cut {
                        kept: closed,
                        length: closed,
                        consumed: closed,
                        whole: true,
                        lines: false,
                    });
                }
                self.phase = Phase::Object { scanner: Scanner::new(), fed: 0 };
                return Step::Again;
            }
            self.phase = Phase::Line { searched: reach };
            return Step::More;
        };
        self.first_line(from + distance)
    }

    /// An object whose first line ends at `line_end`.
    fn first_line(&mut self, line_end: usize) -> Step {
        let view = self.stream.view();
        let line = &view[..line_end];
        if let Some(kept) = balanced(line) {
            return Step::Cut(Cut { kept, length: kept, consumed: line_end + 1, whole: true, lines: true });
        }
        let mut scanner = Scanner::new();
        if let Fed::Closed(closed) = scanner.feed(line) {
            let alone = line[closed..].iter().all(|&byte| is_separator(byte));
            let consumed = if alone { line_end + 1 } else { closed };
            return Step::Cut(Cut { kept: closed, length: closed, consumed, whole: true, lines: alone });
        }
        if self.lines && !(view.len() == line_end + 1 && self.stream.at_end()) {
            match view.get(line_end + 1) {
                None => {
                    self.phase = Phase::Line { searched: line_end };
                    return Step::More;
                }
                // One object a line, and this line is incomplete: it was broken off, the next begins anew.
                Some(b'{') => {
                    let kept = trimmed(line);
                    return Step::Cut(Cut {
                        kept,
                        length: line_end,
                        consumed: line_end + 1,
                        whole: false,
                        lines: true,
                    });
                }
                Some(_) => {}
            }
        }
        self.phase = Phase::Object { scanner, fed: line_end };
        Step::Again
    }

    /// Where the object at the front ends if the next one follows it without a byte between: so Firehose writes them,
    /// all on one line. `None` when that needs the exact scanner.
    ///
    /// Outside strings `}{` never stands inside JSON, and a place is outside strings when an even number of quotes,
    /// none of them escaped, stands before it.
    fn concatenated(&mut self, reach: usize) -> Option<usize> {
        let known = usize::try_from(self.no_pair_before.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        let front = &self.stream.view()[..reach];
        let from = known.min(reach);
        let found = memmem::find(&front[from..], b"}{").map(|distance| from + distance);
        // The last byte may be the first of a pair.
        self.no_pair_before = self.offset + found.unwrap_or_else(|| reach.saturating_sub(1)).max(from) as u64;
        let pair = found?;
        let front = &self.stream.view()[..reach];
        let signs = Signs::of(&front[..=pair]);
        (signs.braces == 0 && signs.quotes.is_multiple_of(2) && signs.escapes == 0).then_some(pair + 1)
    }

    /// An object that the exact scanner follows.
    fn object(&mut self) -> Step {
        let at_end = self.stream.at_end();
        let limit = self.limit;
        let view = self.stream.view();
        let Phase::Object { scanner, fed } = &mut self.phase else {
            return Step::Again;
        };
        let before = *fed;
        match scanner.feed(&view[before..]) {
            Fed::Closed(closed) => {
                let length = before + closed;
                Step::Cut(Cut { kept: length, length, consumed: length, whole: true, lines: false })
            }
            Fed::Broken(next) => {
                let length = before + next;
                let kept = trimmed(&view[..length]);
                let lines = ends_with_object_line(&view[..length]);
                Step::Cut(Cut { kept, length, consumed: length, whole: false, lines })
            }
            Fed::Open if at_end => {
                let length = view.len();
                Step::Cut(Cut { kept: trimmed(view), length, consumed: length, whole: false, lines: false })
            }
            Fed::Open => {
                *fed = view.len();
                if self.dropped.is_some() || view.len() > limit {
                    self.drop_front();
                }
                Step::More
            }
        }
    }

    /// A line of text.
    fn text(&mut self, searched: usize) -> Step {
        let view = self.stream.view();
        let length = view.len();
        if let Some(distance) = memchr::memchr(b'\n', &view[searched..]) {
            let line_end = searched + distance;
            let kept = trimmed(&view[..line_end]);
            return Step::Cut(Cut { kept, length: line_end, consumed: line_end + 1, whole: true, lines: false });
        }
        if self.stream.at_end() {
            // A log line with JSON in it that was broken off shows it by its braces.
            let whole = brace_balance(view) == 0;
            return Step::Cut(Cut { kept: trimmed(view), length, consumed: length, whole, lines: false });
        }
        self.phase = Phase::Text { searched: length };
        if self.dropped.is_some() || length > self.limit {
            self.drop_front();
        }
        Step::More
    }

    /// Counts the view as part of a record beyond the limit and forgets it, but for the record's beginning.
    fn drop_front(&mut self) {
        let count = self.stream.view().len();
        let offset = self.offset;
        let head = if self.dropped.is_none() { self.head(count) } else { Bytes::new() };
        let dropped = self.dropped.get_or_insert(Dropped { head, offset, length: 0 });
        dropped.length += count as u64;
        self.split(count);
        match &mut self.phase {
            Phase::Object { fed, .. } => *fed = 0,
            Phase::Text { searched } => *searched = 0,
            Phase::Between | Phase::Line { .. } => {}
        }
    }

    /// A copy of the record's beginning, which holds on to no chunk.
    fn head(&self, length: usize) -> Bytes {
        Bytes::copy_from_slice(&self.stream.view()[..length.min(RecordLimit::HEAD)])
    }

    fn cut(&mut self, cut: &Cut) -> Frame {
        self.phase = Phase::Between;
        self.lines = cut.lines;
        let begun = self.offset;
        if let Some(dropped) = self.dropped.take() {
            self.split(cut.consumed);
            let length = dropped.length + cut.length as u64;
            return Frame {
                offset: dropped.offset,
                end: self.offset,
                body: Body::TooLong { head: dropped.head, length },
            };
        }
        if cut.length > self.limit {
            let head = self.head(cut.length);
            self.split(cut.consumed);
            return Frame { offset: begun, end: self.offset, body: Body::TooLong { head, length: cut.length as u64 } };
        }
        let mut bytes = self.split(cut.consumed);
        bytes.truncate(cut.kept);
        let body = if cut.whole { Body::Whole(bytes) } else { Body::Truncated(bytes) };
        Frame { offset: begun, end: self.offset, body }
    }
}

/// Whether `before` ends with a line that begins with an object. A record that ends right after a line end is a line,
/// or was broken off there: after an object over several lines the search goes on before the end of its last line.
fn ends_with_object_line(before: &[u8]) -> bool {
    let Some(lines) = before.strip_suffix(b"\n") else {
        return false;
    };
    let line = &lines[memchr::memrchr(b'\n', lines).map_or(0, |end| end + 1)..];
    line.iter().find(|&&byte| !is_separator(byte)) == Some(&b'{')
}

impl Iterator for Framer {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        loop {
            match self.step() {
                Step::Again => {}
                Step::Skip(count) => drop(self.split(count)),
                Step::Cut(cut) => return Some(self.cut(&cut)),
                Step::More => {
                    if !self.stream.lengthen() {
                        return None;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
