//! Cuts a whole input, compressed or not, begun at its start or in the middle.

use bytes::Bytes;
use tributary_core::{Body, RecordLimit};

use crate::{Damage, Frame, Framer, Packing, Unpacker};

/// The bytes of one input as they lie there in, its records out: unpacked, framed, without those that were read before,
/// and with what is damaged told.
pub struct Cutter {
    unpacker: Unpacker,
    framer: Framer,
    limit: RecordLimit,
    /// Decompressed bytes that are still to be passed over.
    skip: u64,
    /// The last of those that were passed over.
    passed: Vec<u8>,
    /// Whether they begin in the middle of a line, perhaps.
    is_cut: bool,
    /// Records that ended here or before were read before.
    done_before: u64,
    /// Offset of the first decompressed byte that the framer was not given.
    pushed: u64,
    /// Where the search for the next record begins.
    reached: u64,
    /// There are no more bytes.
    finished: bool,
    /// The framer was told that nothing follows.
    ended: bool,
    /// What went wrong, until a record tells of it.
    damage: Option<Damage>,
    damaged: bool,
}

impl Cutter {
    /// How much before the place where reading goes on says how the records stand: a line or two.
    pub const PASSED: u64 = 64 << 10;

    /// A cutter of an input that is read from the decompressed offset `begin` on (of a compressed one from 0), and gives
    /// what follows `position`, where an earlier one stood.
    pub fn new(packing: Packing, limit: RecordLimit, begin: u64, position: u64) -> Self {
        let mut cutter = Self::resume(packing, limit, Framer::new(limit, position), position, position);
        cutter.skip = position.saturating_sub(begin);
        cutter.is_cut = begin > 0;
        cutter
    }

    /// A cutter of a plain input that is read from `begin` on, after the lines `before`, and gives the records that end
    /// after `position`: the last one may have been incomplete when it was read.
    pub fn grown(limit: RecordLimit, begin: u64, before: &[u8], position: u64) -> Self {
        Self::resume(Packing::Plain, limit, Framer::resume(limit, begin, before), begin, position)
    }

    fn resume(packing: Packing, limit: RecordLimit, framer: Framer, begin: u64, position: u64) -> Self {
        Self {
            unpacker: Unpacker::new(packing),
            framer,
            limit,
            skip: 0,
            passed: Vec::new(),
            is_cut: false,
            done_before: position,
            pushed: begin,
            reached: begin,
            finished: false,
            ended: false,
            damage: None,
            damaged: false,
        }
    }

    /// The bytes that follow those pushed before, as they lie there.
    pub fn push(&mut self, bytes: Bytes) {
        self.unpacker.push(bytes);
    }

    /// There are no more bytes.
    pub fn finish(&mut self) {
        self.finished = true;
        self.unpacker.finish();
    }

    /// Where the search for the next record begins, in decompressed bytes.
    pub fn reached(&self) -> u64 {
        self.reached
    }

    /// Offset after the last decompressed byte, when all are cut.
    pub fn pushed(&self) -> u64 {
        self.pushed
    }

    /// Whether damage was met: there is no place to go on at but the end.
    pub fn is_damaged(&self) -> bool {
        self.damaged
    }

    /// Whether there is nothing more: [`Iterator::next`] gave its last record.
    pub fn is_over(&self) -> bool {
        self.ended
    }

    fn end(&mut self) {
        self.ended = true;
        self.framer.finish();
    }

    /// Hands decompressed bytes to the framer, but for those that are passed over.
    fn pass_on(&mut self, mut bytes: Bytes) {
        if self.skip > 0 {
            let passed_over = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
            let rest = bytes.split_off(passed_over);
            self.skip -= passed_over as u64;
            self.passed.extend_from_slice(&bytes);
            if self.skip == 0 {
                let before = if self.is_cut { whole_lines(&self.passed) } else { &self.passed };
                self.framer = Framer::resume(self.limit, self.pushed, before);
                self.passed = Vec::new();
            } else {
                let kept = usize::try_from(Self::PASSED).unwrap_or(usize::MAX);
                let beyond = self.passed.len().saturating_sub(kept);
                self.is_cut |= beyond > 0;
                self.passed.drain(..beyond);
            }
            bytes = rest;
        }
        self.pushed += bytes.len() as u64;
        self.framer.push(bytes);
    }

    /// The frame, with the damage that cut it off.
    fn told(&mut self, frame: Frame) -> Frame {
        let Frame { offset, end, body } = frame;
        let body = match (body, &self.damage) {
            (Body::Truncated(bytes), Some(damage)) if end == self.pushed => {
                let why = damage.to_string().into();
                self.damage = None;
                Body::Damaged { bytes, why }
            }
            (body, _) => body,
        };
        Frame { offset, end, body }
    }
}

impl Iterator for Cutter {
    type Item = Frame;

    /// The next record. `None`: more bytes are needed, or, after [`Cutter::finish`], nothing follows.
    fn next(&mut self) -> Option<Frame> {
        loop {
            while let Some(frame) = self.framer.next() {
                self.reached = frame.end;
                if content_end(&frame) > self.done_before {
                    return Some(self.told(frame));
                }
            }
            if self.ended {
                // A damage that no incomplete record told of.
                let damage = self.damage.take()?;
                let body = Body::Damaged { bytes: Bytes::new(), why: damage.to_string().into() };
                return Some(Frame { offset: self.pushed, end: self.pushed, body });
            }
            match self.unpacker.next() {
                Some(Ok(bytes)) => self.pass_on(bytes),
                Some(Err(damage)) => {
                    self.damage = Some(damage);
                    self.damaged = true;
                    self.end();
                }
                None if self.finished => self.end(),
                None => return None,
            }
        }
    }
}

/// What follows the first line end.
fn whole_lines(bytes: &[u8]) -> &[u8] {
    memchr::memchr(b'\n', bytes).map_or(&[], |end| &bytes[end + 1..])
}

/// Offset after the last byte of the record itself.
fn content_end(frame: &Frame) -> u64 {
    let length = match &frame.body {
        Body::TooLong { length, .. } => *length,
        body => body.bytes().len() as u64,
    };
    frame.offset + length
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn lines() -> Vec<u8> {
        let line = |number: u32| format!("{{\"n\":{number},\"pad\":\"{}\"}}\n", "x".repeat(500));
        (0..400).map(line).collect::<String>().into_bytes()
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn all(mut cutter: Cutter, bytes: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        for chunk in bytes.chunks(10_000) {
            cutter.push(Bytes::copy_from_slice(chunk));
            frames.extend(cutter.by_ref());
            assert!(!cutter.is_over());
        }
        cutter.finish();
        frames.extend(cutter.by_ref());
        assert!(cutter.is_over());
        frames
    }

    #[test]
    fn it_goes_on_after_any_record_wherever_it_is_begun() {
        let plain = lines();
        let packed = packed(&plain);
        let limit = RecordLimit::DEFAULT;
        let whole = all(Cutter::new(Packing::Plain, limit, 0, 0), &plain);
        assert_eq!(whole.len(), 400);
        assert_eq!(all(Cutter::new(Packing::Gzip, limit, 0, 0), &packed), whole);
        for (number, frame) in whole.iter().enumerate().step_by(37) {
            let rest = &whole[number + 1..];
            assert_eq!(all(Cutter::new(Packing::Gzip, limit, 0, frame.end), &packed), rest);
            let begin = frame.end.saturating_sub(Cutter::PASSED);
            let from = usize::try_from(begin).unwrap();
            assert_eq!(all(Cutter::new(Packing::Plain, limit, begin, frame.end), &plain[from..]), rest);
        }
    }

    #[test]
    fn damage_is_told_once() {
        let packed = packed(&lines());
        let frames = all(Cutter::new(Packing::Gzip, RecordLimit::DEFAULT, 0, 0), &packed[..packed.len() - 9]);
        let damaged = frames.iter().filter(|frame| matches!(frame.body, Body::Damaged { .. })).count();
        assert_eq!(damaged, 1);
        assert!(matches!(frames.last().unwrap().body, Body::Damaged { .. }));
    }
}
