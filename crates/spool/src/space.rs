//! Which bytes of the file are in use: pure, so that it can be tested against a model.

use std::collections::BTreeMap;

use tributary_core::Extent;

/// The map of a file: live extents, holes between them, and the end.
#[derive(Debug, Default)]
pub(crate) struct Space {
    /// Offset to length of what is in use.
    live: BTreeMap<u64, u64>,
    /// Offset to length of what was released; no two of them touch, and none touches `end`.
    holes: BTreeMap<u64, u64>,
    /// Nothing is in use from here on.
    end: u64,
}

impl Space {
    /// A place for `length` bytes: the first hole that is large enough, else the end; `None` beyond `limit`.
    pub(crate) fn take(&mut self, length: u64, limit: u64) -> Option<Extent> {
        if length == 0 {
            return Some(Extent { offset: 0, length: 0 });
        }
        let fitting = self.holes.iter().find(|(_, hole)| **hole >= length).map(|(offset, hole)| (*offset, *hole));
        let offset = match fitting {
            Some((offset, hole)) => {
                self.holes.remove(&offset);
                if hole > length {
                    self.holes.insert(offset + length, hole - length);
                }
                offset
            }
            None => {
                let end = self.end.checked_add(length).filter(|end| *end <= limit)?;
                std::mem::replace(&mut self.end, end)
            }
        };
        self.live.insert(offset, length);
        Some(Extent { offset, length })
    }

    /// Gives an extent back; one that is not live is left alone, so that a second release frees nothing of others.
    pub(crate) fn give(&mut self, extent: Extent) -> Given {
        if self.live.get(&extent.offset) != Some(&extent.length) {
            return Given::Nothing;
        }
        self.live.remove(&extent.offset);
        if self.live.is_empty() {
            *self = Self::default();
            return Given::Last;
        }
        let (mut offset, mut length) = (extent.offset, extent.length);
        if let Some((before, size)) = self.holes.range(..offset).next_back().map(|(before, size)| (*before, *size))
            && before + size == offset
        {
            self.holes.remove(&before);
            (offset, length) = (before, size + length);
        }
        if let Some(size) = self.holes.remove(&(offset + length)) {
            length += size;
        }
        if offset + length == self.end {
            self.end = offset;
            return Given::End(offset);
        }
        self.holes.insert(offset, length);
        Given::Hole
    }

    /// Where the file ends.
    #[cfg(test)]
    pub(crate) fn end(&self) -> u64 {
        self.end
    }
}

/// What giving an extent back means for the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// The extent was not live.
    Nothing,
    /// There is a hole now.
    Hole,
    /// The file ends here now.
    End(u64),
    /// Nothing is live any more.
    Last,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_merged_and_filled_again() {
        let mut space = Space::default();
        let extents: Vec<Extent> = (0..4).map(|_| space.take(10, 40).unwrap()).collect();
        assert_eq!(space.take(1, 40), None);
        assert_eq!(
            (space.give(extents[0]), space.give(extents[2]), space.give(extents[1])),
            (Given::Hole, Given::Hole, Given::Hole)
        );
        assert_eq!(space.take(30, 40), Some(Extent { offset: 0, length: 30 }));
        assert_eq!(space.give(extents[3]), Given::End(30));
        assert_eq!(space.end(), 30);
    }

    #[test]
    fn a_second_release_frees_nothing() {
        let mut space = Space::default();
        let (first, _second) = (space.take(10, 100).unwrap(), space.take(10, 100).unwrap());
        assert_eq!((space.give(first), space.give(first)), (Given::Hole, Given::Nothing));
    }
}
