//! The keys a scope has seen: exact, in bounded memory.
//!
//! Keys live in hash tables in memory. When the bound is reached the oldest minutes move to a sorted run on the
//! scratch; a small filter in memory saves most reads, and a hit of the filter is always checked. Without a scratch
//! the oldest are forgotten, which [`Seen::held`] shows. Never a probabilistic answer: it would drop real rows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hashbrown::HashTable;
use tributary_core::{Extent, Held, RowKey, Scratch, ScratchError};

/// How many tables share the keys in memory: each grows on its own, so that growing never doubles all of them at once.
const SHARDS: usize = 16;

/// Bytes of one key in a table: 16 of hash, 4 of minute, 4 of padding, 1 of control.
const KEY_BYTES: usize = 25;

/// The part of a table that is used on the average between two doublings.
const TYPICAL_LOAD: usize = 2; // of 3

/// Bytes of one key in a run: hash and minute, little-endian.
pub(crate) const RECORD: usize = 20;

/// Keys between two entries of a run's index.
const BLOCK: usize = 128;

type Shard = HashTable<(u64, u64, i32)>;

/// A scope has at least so much of the memory, however many there are: smaller runs would be too many to look into. 1 MiB.
const LEAST_MEMORY: usize = 1 << 20;

/// Memory for keys, shared in equal parts by the scopes that there are.
#[derive(Debug)]
pub(crate) struct KeyMemory {
    bytes: usize,
    scopes: AtomicUsize,
}

impl KeyMemory {
    /// About so many bytes.
    pub(crate) fn of(bytes: usize) -> Arc<Self> {
        Arc::new(Self { bytes, scopes: AtomicUsize::new(0) })
    }

    /// How many keys a scope may have in memory.
    fn limit(&self) -> usize {
        let part = self.bytes / self.scopes.load(Ordering::Relaxed).max(1);
        (part.max(LEAST_MEMORY.min(self.bytes)) / KEY_BYTES * TYPICAL_LOAD / 3).max(SHARDS)
    }
}

/// The keys.
pub(crate) struct Seen {
    shards: [Shard; SHARDS],
    in_memory: usize,
    memory: Arc<KeyMemory>,
    runs: Vec<Run>,
    scratch: Option<Arc<dyn Scratch>>,
    short_since: Option<i32>,
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seen")
            .field("in_memory", &self.in_memory)
            .field("runs", &self.runs.len())
            .finish_non_exhaustive()
    }
}

impl Seen {
    /// No keys yet; at most about its part of `memory` in memory.
    pub(crate) fn new(memory: Arc<KeyMemory>, scratch: Option<Arc<dyn Scratch>>) -> Self {
        memory.scopes.fetch_add(1, Ordering::Relaxed);
        Self {
            shards: std::array::from_fn(|_| HashTable::new()),
            in_memory: 0,
            memory,
            runs: Vec::new(),
            scratch,
            short_since: None,
        }
    }

    /// What is held.
    pub(crate) fn held(&self) -> Held {
        let in_runs: usize = self.runs.iter().map(Run::len).sum();
        Held { keys: (self.in_memory + in_runs) as u64, short_since: self.short_since }
    }

    /// Adds a key; whether it is new.
    pub(crate) fn insert(&mut self, key: RowKey) -> bool {
        let (high, low) = halves(key.hash);
        let shard = &self.shards[shard_of(high)];
        if shard.find(low, |entry| entry.0 == high && entry.1 == low).is_some() || self.is_in_a_run(key.hash) {
            return false;
        }
        if self.in_memory >= self.memory.limit() {
            self.spill();
        }
        self.shards[shard_of(high)].insert_unique(low, (high, low, key.minute), |entry| entry.1);
        self.in_memory += 1;
        true
    }

    /// Calls `each` with every key of `since` or later; keys on the scratch that cannot be read are left out.
    pub(crate) fn for_each_since(&self, since: i32, each: &mut dyn FnMut(RowKey)) {
        for &(high, low, minute) in self.shards.iter().flat_map(|shard| shard.iter()) {
            if minute >= since {
                each(RowKey { hash: joined(high, low), minute });
            }
        }
        let Some(scratch) = &self.scratch else { return };
        for segment in self.runs.iter().flat_map(|run| &run.segments) {
            for block in 0..segment.index.len() {
                if let Ok(bytes) = segment.read(block, scratch.as_ref()) {
                    bytes
                        .chunks_exact(RECORD)
                        .filter_map(decode)
                        .filter(|key| key.minute >= since)
                        .for_each(&mut *each);
                }
            }
        }
    }

    /// Forgets the keys of earlier minutes: those in memory, and runs that hold nothing else.
    pub(crate) fn forget_before(&mut self, minute: i32) {
        for shard in &mut self.shards {
            shard.retain(|entry| entry.2 >= minute);
        }
        self.in_memory = self.shards.iter().map(HashTable::len).sum();
        let (kept, gone) = self.runs.drain(..).partition(|run| run.latest >= minute);
        self.runs = kept;
        let gone: Vec<Run> = gone;
        gone.iter().for_each(|run| self.release(run));
    }

    fn is_in_a_run(&mut self, hash: u128) -> bool {
        let Some(scratch) = &self.scratch else { return false };
        for run in &self.runs {
            match run.contains(hash, scratch.as_ref()) {
                Ok(true) => return true,
                Ok(false) => {}
                // What cannot be read is as good as forgotten.
                Err(_) => self.short_since = self.short_since.max(Some(run.latest.saturating_add(1))),
            }
        }
        false
    }

    /// Moves the older half of the keys out of memory.
    #[cold]
    fn spill(&mut self) {
        let cutoff = self.median_minute();
        let most = self.memory.limit() / SHARDS;
        let mut run = Run::new(self.in_memory, cutoff);
        let mut written = Ok(());
        for shard in &mut self.shards {
            let old = shard.extract_if(|entry| entry.2 <= cutoff);
            let mut old: Vec<RowKey> =
                old.map(|(high, low, minute)| RowKey { hash: joined(high, low), minute }).collect();
            self.in_memory -= old.len();
            // One that has grown for a larger part of the memory.
            if shard.capacity() > 2 * most {
                shard.shrink_to(most, |entry| entry.1);
            }
            old.sort_unstable();
            if let (Some(scratch), Ok(())) = (&self.scratch, &written) {
                written = run.append(&old, scratch.as_ref());
            }
        }
        if self.scratch.is_some() && written.is_ok() {
            self.runs.push(run);
        } else {
            self.release(&run);
            self.short_since = self.short_since.max(Some(cutoff.saturating_add(1)));
        }
    }

    /// Gives back what a run has on the scratch.
    fn release(&self, run: &Run) {
        let Some(scratch) = &self.scratch else { return };
        run.segments.iter().filter_map(|segment| segment.extent).for_each(|extent| scratch.release(extent));
    }

    /// The minute up to which half of the keys in memory are.
    fn median_minute(&self) -> i32 {
        let mut counts: BTreeMap<i32, usize> = BTreeMap::new();
        for entry in self.shards.iter().flat_map(|shard| shard.iter()) {
            *counts.entry(entry.2).or_default() += 1;
        }
        let mut below = 0;
        for (minute, count) in counts {
            below += count;
            if below * 2 >= self.in_memory {
                return minute;
            }
        }
        i32::MAX
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        self.memory.scopes.fetch_sub(1, Ordering::Relaxed);
        self.runs.iter().for_each(|run| self.release(run));
    }
}

fn halves(hash: u128) -> (u64, u64) {
    ((hash >> 64) as u64, hash as u64)
}

fn joined(high: u64, low: u64) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

/// By the topmost bits, so that the shards in turn are in the order of the hashes.
fn shard_of(high: u64) -> usize {
    (high >> 60) as usize
}

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
struct Run {
    segments: Vec<Segment>,
    filter: Filter,
    latest: i32,
}

impl Run {
    fn new(keys: usize, latest: i32) -> Self {
        Self { segments: Vec::with_capacity(SHARDS), filter: Filter::new(keys), latest }
    }

    fn len(&self) -> usize {
        self.segments.iter().map(|segment| segment.keys).sum()
    }

    fn append(&mut self, sorted: &[RowKey], scratch: &dyn Scratch) -> Result<(), ScratchError> {
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

    fn contains(&self, hash: u128, scratch: &dyn Scratch) -> Result<bool, ScratchError> {
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
            let bit = low.wrapping_add(probe.wrapping_mul(high | 1)) % bits;
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;

    /// A scratch in memory that fails after so many appends.
    struct Memory {
        bytes: Mutex<Vec<u8>>,
        appends: Mutex<usize>,
    }

    impl Memory {
        fn new(appends: usize) -> Arc<Self> {
            Arc::new(Self { bytes: Mutex::new(Vec::new()), appends: Mutex::new(appends) })
        }
    }

    impl Scratch for Memory {
        fn append(&self, bytes: &[u8]) -> Result<Extent, ScratchError> {
            let mut left = self.appends.lock().unwrap();
            *left = left.checked_sub(1).ok_or(ScratchError::Full { limit: 0 })?;
            let mut all = self.bytes.lock().unwrap();
            all.extend_from_slice(bytes);
            Ok(Extent { offset: (all.len() - bytes.len()) as u64, length: bytes.len() as u64 })
        }

        fn read(&self, extent: Extent, skip: u64, into: &mut [u8]) -> Result<(), ScratchError> {
            let from = (extent.offset + skip) as usize;
            into.copy_from_slice(&self.bytes.lock().unwrap()[from..from + into.len()]);
            Ok(())
        }

        fn release(&self, _: Extent) {}
    }

    /// A key whose bits are spread as a hash spreads them.
    fn key(number: u64) -> RowKey {
        let mix =
            |value: u64| value.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        RowKey { hash: joined(mix(number), mix(number ^ 0x5555)), minute: (number % 1_000) as i32 }
    }

    proptest! {
        /// Exact, whatever was moved out of memory.
        #[test]
        fn equals_a_set(numbers in proptest::collection::vec(0_u64..3_000, 0..6_000)) {
            let mut seen = Seen::new(KeyMemory::of(500 * KEY_BYTES), Some(Memory::new(usize::MAX)));
            let mut model = BTreeSet::new();
            for number in numbers {
                prop_assert_eq!(seen.insert(key(number)), model.insert(number));
                prop_assert!(seen.in_memory <= seen.memory.limit());
            }
            prop_assert_eq!(seen.held(), Held { keys: model.len() as u64, short_since: None });
            let mut all = BTreeSet::new();
            seen.for_each_since(0, &mut |key| { all.insert(key); });
            prop_assert_eq!(all, model.into_iter().map(key).collect::<BTreeSet<_>>());
        }
    }

    #[test]
    fn without_a_scratch_the_oldest_are_forgotten_and_it_shows() {
        for scratch in [None, Some(Memory::new(3) as Arc<dyn Scratch>)] {
            let mut seen = Seen::new(KeyMemory::of(300 * KEY_BYTES), scratch);
            (0..1_000).for_each(|number| assert!(seen.insert(key(number))));
            let short_since = seen.held().short_since.unwrap();
            assert!(short_since > 0);
            let kept = (0..1_000).filter(|number| key(*number).minute >= short_since);
            assert!(kept.clone().count() > 0);
            kept.for_each(|number| assert!(!seen.insert(key(number)), "{number}"));
        }
    }

    #[test]
    fn what_is_forgotten_is_gone_from_memory_and_from_runs() {
        let mut seen = Seen::new(KeyMemory::of(300 * KEY_BYTES), Some(Memory::new(usize::MAX)));
        (0..1_000).for_each(|number| assert!(seen.insert(key(number))));
        assert!(seen.runs.len() > 2);
        seen.forget_before(900);
        assert!(seen.runs.iter().all(|run| run.latest >= 900));
        assert!(seen.shards.iter().flat_map(|shard| shard.iter()).all(|entry| entry.2 >= 900));
        (900..1_000).for_each(|number| assert!(!seen.insert(key(number)), "{number}"));
        assert!(seen.insert(key(0)));
        seen.forget_before(i32::MAX);
        assert_eq!(seen.held(), Held { keys: 0, short_since: None });
        assert!(seen.insert(key(999)));
    }

    #[test]
    fn memory_is_what_was_promised() {
        let memory = 4 << 20;
        let mut seen = Seen::new(KeyMemory::of(memory), None);
        (0..1_000_000).for_each(|number| {
            seen.insert(key(number));
        });
        let used: usize = seen.shards.iter().map(HashTable::allocation_size).sum();
        // Tables double; at worst one has just done so.
        assert!(used <= memory * 2, "{used}");
    }

    /// Four scopes together have what one alone would have; who comes later makes the others give up some of theirs.
    #[test]
    fn scopes_share_the_memory() {
        let memory = KeyMemory::of(8 << 20);
        let alone = memory.limit();
        let scratch = || Some(Memory::new(usize::MAX) as Arc<dyn Scratch>);
        let mut scopes = vec![Seen::new(Arc::clone(&memory), scratch())];
        (0..alone as u64).for_each(|number| assert!(scopes[0].insert(key(number))));
        assert_eq!(scopes[0].in_memory, alone);
        scopes.extend((0..3).map(|_| Seen::new(Arc::clone(&memory), scratch())));
        for (scope, from) in scopes.iter_mut().zip((1..).map(|scope| scope * alone as u64)) {
            (from..from + alone as u64).for_each(|number| assert!(scope.insert(key(number))));
        }
        let together: usize = scopes.iter().map(|scope| scope.in_memory).sum();
        assert!(together <= alone, "{together} of {alone}");
        assert!((0..alone as u64).all(|number| !scopes[0].insert(key(number))), "nothing is forgotten");
        scopes.truncate(1);
        assert_eq!(memory.limit(), alone);
        // A part is never too small to work with.
        scopes.extend((0..99).map(|_| Seen::new(Arc::clone(&memory), None)));
        assert_eq!(memory.limit(), alone / 8);
    }
}
