//! Keys that were moved to the scratch.

use tributary_core::{Extent, RowKey, Scratch, ScratchError};

use super::{SHARDS, halves, shard_of};

/// Bytes of one key in a run: hash and minute, little-endian.
pub(crate) const RECORD: usize = 20;

/// Keys between two entries of a run's index.
const BLOCK: usize = 128;

/// A key as it stands in a run and in a snapshot.
pub(crate) fn encode(key: RowKey, into: &mut Vec<u8>) {
    into.extend_from_slice(&key.hash.to_le_bytes());
    into.extend_from_slice(&key.minute.to_le_bytes());
}

/// The key of [`RECORD`] bytes.
pub(crate) fn decode(bytes: &[u8]) -> Option<RowKey> {
    let (hash, minute) = bytes.split_first_chunk::<16>()?;
    let minute: [u8; 4] = minute.try_into().ok()?;
    Some(RowKey { hash: u128::from_le_bytes(*hash), minute: i32::from_le_bytes(minute) })
}

/// Keys on the scratch, sorted, in one segment a shard.
pub(super) struct Run {
    segments: Vec<Segment>,
    filter: Filter,
    latest: i32,
}

impl Run {
    /// One for about so many keys, none of a later minute than `latest`.
    pub(super) fn new(keys: usize, latest: i32) -> Self {
        Self { segments: Vec::with_capacity(SHARDS), filter: Filter::new(keys), latest }
    }

    pub(super) fn len(&self) -> usize {
        self.segments.iter().map(|segment| segment.keys).sum()
    }

    /// The minute of its newest keys.
    pub(super) fn latest(&self) -> i32 {
        self.latest
    }

    /// Gives back what it has on the scratch.
    pub(super) fn release(&self, scratch: &dyn Scratch) {
        self.segments.iter().filter_map(|segment| segment.extent).for_each(|extent| scratch.release(extent));
    }

    /// Calls `each` with every key of `since` or later; keys that cannot be read are left out.
    pub(super) fn for_each_since(&self, since: i32, scratch: &dyn Scratch, each: &mut dyn FnMut(RowKey)) {
        for segment in &self.segments {
            for block in 0..segment.index.len() {
                if let Ok(bytes) = segment.read(block, scratch) {
                    let keys = bytes.chunks_exact(RECORD).filter_map(decode);
                    keys.filter(|key| key.minute >= since).for_each(&mut *each);
                }
            }
        }
    }

    /// Adds the keys of the next shard.
    pub(super) fn append(&mut self, sorted: &[RowKey], scratch: &dyn Scratch) -> Result<(), ScratchError> {
        let mut bytes = Vec::with_capacity(sorted.len() * RECORD);
        for key in sorted {
            encode(*key, &mut bytes);
            self.filter.add(key.hash);
        }
        let index = sorted.iter().step_by(BLOCK).map(|key| key.hash).collect();
        let extent = if bytes.is_empty() { None } else { Some(scratch.append(&bytes)?) };
        self.segments.push(Segment { extent, index, keys: sorted.len() });
        Ok(())
    }

    /// Whether it has this key: exact.
    pub(super) fn contains(&self, hash: u128, scratch: &dyn Scratch) -> Result<bool, ScratchError> {
        if !self.filter.may_contain(hash) {
            return Ok(false);
        }
        match self.segments.get(shard_of(halves(hash).0)) {
            Some(segment) => segment.contains(hash, scratch),
            None => Ok(false),
        }
    }
}

/// The keys of one shard in a run.
struct Segment {
    extent: Option<Extent>,
    /// The first hash of each block.
    index: Vec<u128>,
    keys: usize,
}

impl Segment {
    fn contains(&self, hash: u128, scratch: &dyn Scratch) -> Result<bool, ScratchError> {
        let after = self.index.partition_point(|first| *first <= hash);
        if after == 0 {
            return Ok(false);
        }
        let bytes = self.read(after - 1, scratch)?;
        Ok(bytes.chunks_exact(RECORD).filter_map(decode).any(|key| key.hash == hash))
    }

    fn read(&self, block: usize, scratch: &dyn Scratch) -> Result<Vec<u8>, ScratchError> {
        let Some(extent) = self.extent else { return Ok(Vec::new()) };
        let keys = BLOCK.min(self.keys.saturating_sub(block * BLOCK));
        let mut bytes = vec![0; keys * RECORD];
        scratch.read(extent, (block * BLOCK * RECORD) as u64, &mut bytes)?;
        Ok(bytes)
    }
}

/// A Bloom filter: ten bits a key and six probes, one false hit in a hundred (Bloom, CACM 13 (7), 1970).
struct Filter {
    words: Vec<u64>,
}

impl Filter {
    const PROBES: u64 = 6;

    fn new(keys: usize) -> Self {
        Self { words: vec![0; (keys * 10).div_ceil(64).max(1)] }
    }

    fn bits(&self, hash: u128) -> impl Iterator<Item = (usize, u64)> + use<> {
        let (high, low) = halves(hash);
        let bits = self.words.len() as u64 * 64;
        (0..Self::PROBES).map(move |probe| {
            // The upper half of the product, which is evenly below `bits` as a remainder is, for less.
            let spread = low.wrapping_add(probe.wrapping_mul(high | 1));
            let bit = ((u128::from(spread) * u128::from(bits)) >> 64) as u64;
            ((bit / 64) as usize, 1 << (bit % 64))
        })
    }

    fn add(&mut self, hash: u128) {
        for (word, bit) in self.bits(hash) {
            self.words[word] |= bit;
        }
    }

    fn may_contain(&self, hash: u128) -> bool {
        self.bits(hash).all(|(word, bit)| self.words[word] & bit != 0)
    }
}
