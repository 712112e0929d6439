//! Memory that messages are copied to, written to again when nobody holds a slice of it any more: fresh memory costs page
//! faults, and a buffer that grows is copied.

use std::collections::VecDeque;

use bytes::BytesMut;

/// The usual block: a slice of it keeps no more than this alive.
pub(crate) const BLOCK: usize = 256 << 10;

/// The first block of a partition of which little comes.
const LEAST: usize = 4 << 10;

/// How many blocks are watched for their return: what the budget lets be on its way, and some.
const WATCHED: usize = 96;

/// Gives blocks.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    /// Full ones, the oldest first.
    lent: VecDeque<BytesMut>,
}

impl Blocks {
    /// An empty block with room for `needed` bytes, of the size that suits a partition with so many bytes `gathered`: one that
    /// came back, or a new one.
    pub(crate) fn take(&mut self, needed: usize, gathered: usize) -> BytesMut {
        let size = gathered.clamp(LEAST, BLOCK).max(needed);
        if size == BLOCK
            && let Some(place) = self.lent.iter_mut().position(|block| block.try_reclaim(BLOCK))
            && let Some(block) = self.lent.remove(place)
        {
            return block;
        }
        BytesMut::with_capacity(size)
    }

    /// Watches a full block of the usual size for its return.
    pub(crate) fn lend(&mut self, block: BytesMut) {
        self.lent.push_back(block);
        if self.lent.len() > WATCHED {
            self.lent.pop_front();
        }
    }

    /// Nothing is kept for later.
    pub(crate) fn clear(&mut self) {
        self.lent.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_used_again_only_when_nobody_holds_a_slice() {
        let mut blocks = Blocks::default();
        let mut block = blocks.take(10, BLOCK);
        let place = block.as_ptr();
        block.extend_from_slice(&[7; 10]);
        let slice = block.split().freeze();
        blocks.lend(block);
        let other = blocks.take(10, BLOCK);
        assert_ne!(other.as_ptr(), place);
        assert_eq!(slice.as_ref(), [7; 10]);
        drop(slice);
        let again = blocks.take(10, 10 * BLOCK);
        assert_eq!((again.as_ptr(), again.len(), again.capacity() >= BLOCK), (place, 0, true));
    }

    #[test]
    fn a_block_is_as_large_as_what_is_gathered() {
        let mut blocks = Blocks::default();
        for (needed, gathered, size) in
            [(1, 0, LEAST), (9_000, 0, 9_000), (1, 50_000, 50_000), (1, 3 * BLOCK, BLOCK), (2 * BLOCK, 0, 2 * BLOCK)]
        {
            assert_eq!(blocks.take(needed, gathered).capacity(), size);
        }
    }
}
