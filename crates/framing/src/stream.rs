//! The bytes of a stream that are not cut yet: chunks as they were pushed, joined only where a record lies across them.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// How much of a chunk is at least joined to an incomplete record, so that joining costs no more than reading.
const PIECE: usize = 4 << 10;

/// A stream of chunks, looked at from its front.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// An incomplete record of earlier chunks, with what was joined to it; empty while records lie inside one chunk.
    carry: BytesMut,
    /// How many of the last bytes of `carry` are the bytes of `chunk` before `taken`.
    joined: usize,
    chunk: Bytes,
    taken: usize,
    waiting: VecDeque<Bytes>,
    finished: bool,
}

impl Stream {
    /// The bytes that follow those pushed before.
    pub(crate) fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.waiting.push_back(chunk);
        }
    }

    /// There are no more bytes.
    pub(crate) fn finish(&mut self) {
        self.finished = true;
    }

    /// The bytes at the front that lie side by side.
    pub(crate) fn view(&self) -> &[u8] {
        if self.carry.is_empty() { &self.chunk[self.taken..] } else { &self.carry }
    }

    /// Whether the view reaches to the end of the input.
    pub(crate) fn at_end(&self) -> bool {
        self.finished && self.waiting.is_empty() && (self.carry.is_empty() || self.taken == self.chunk.len())
    }

    /// Lengthens the view. `false`: there is nothing to lengthen it with.
    pub(crate) fn lengthen(&mut self) -> bool {
        let rest = self.chunk.len() - self.taken;
        if self.carry.is_empty() {
            let Some(next) = self.waiting.pop_front() else {
                return false;
            };
            if rest > 0 {
                self.carry.extend_from_slice(&self.chunk[self.taken..]);
            }
            self.begin_chunk(next);
            if rest == 0 {
                return true;
            }
        } else if rest == 0 {
            let Some(next) = self.waiting.pop_front() else {
                return false;
            };
            self.begin_chunk(next);
        }
        let piece = self.carry.len().max(PIECE).min(self.chunk.len() - self.taken);
        self.carry.extend_from_slice(&self.chunk[self.taken..self.taken + piece]);
        self.taken += piece;
        self.joined += piece;
        true
    }

    fn begin_chunk(&mut self, chunk: Bytes) {
        self.chunk = chunk;
        self.taken = 0;
        self.joined = 0;
    }

    /// Takes `count` bytes off the front, without copying.
    pub(crate) fn split(&mut self, count: usize) -> Bytes {
        if self.carry.is_empty() {
            let bytes = self.chunk.slice(self.taken..self.taken + count);
            self.taken += count;
            return bytes;
        }
        let bytes = self.carry.split_to(count).freeze();
        if self.carry.len() <= self.joined {
            // What is left is also in the chunk: go on there.
            self.taken -= self.carry.len();
            self.carry = BytesMut::new();
            self.joined = 0;
        }
        bytes
    }

    /// Memory held for incomplete records.
    #[cfg(test)]
    pub(crate) fn carried(&self) -> usize {
        self.carry.capacity()
    }
}
