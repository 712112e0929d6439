//! The keys a scope has seen: exact, in bounded memory.
//!
//! Keys live in hash tables in memory. When the bound is reached the oldest minutes move to a sorted run on the
//! scratch; a small filter in memory saves most reads, and a hit of the filter is always checked. Without a scratch
//! the oldest are forgotten, which [`Seen::held`] shows. Never a probabilistic answer: it would drop real rows.

mod run;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hashbrown::HashTable;
use tributary_core::{Held, RowKey, Scratch};

use run::Run;
pub(crate) use run::{RECORD, decode, encode};

/// How many tables share the keys in memory: each grows on its own, so that growing never doubles all of them at once.
const SHARDS: usize = 16;

/// Bytes of one key in a table: 16 of hash, 4 of minute, 1 of control.
const KEY_BYTES: usize = 21;

/// The part of a table that is used on the average between two doublings.
const TYPICAL_LOAD: usize = 2; // of 3

type Shard = HashTable<Entry>;

/// A key in a table, in words that need no padding.
#[derive(Clone, Copy)]
struct Entry {
    hash: [u32; 4],
    minute: i32,
}

impl Entry {
    fn of(key: RowKey) -> Self {
        let word = |index: u32| (key.hash >> (32 * index)) as u32;
        Self { hash: std::array::from_fn(|index| word(index as u32)), minute: key.minute }
    }

    fn key(self) -> RowKey {
        RowKey {
            hash: self.hash.iter().rev().fold(0, |hash, word| hash << 32 | u128::from(*word)),
            minute: self.minute,
        }
    }

    /// By which it is found in its table.
    fn low(&self) -> u64 {
        u64::from(self.hash[1]) << 32 | u64::from(self.hash[0])
    }
}

/// What the streams together keep in memory at least, each a part of it: 2 MiB. Nearly all that comes again in a stream comes
/// soon, so that the older keys are as good on the scratch.
const STREAM_MEMORY: usize = 2 << 20;

/// A stream keeps one of so many of its keys in memory: runs are as large as there are many keys, and few.
const STREAM_PART: usize = 4;

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
        let part = self.part_of(self.bytes).max(LEAST_MEMORY.min(self.bytes));
        keys_in(part)
    }

    /// A scope's part of so much.
    fn part_of(&self, bytes: usize) -> usize {
        bytes / self.scopes.load(Ordering::Relaxed).max(1)
    }
}

/// How many keys fit in so many bytes of tables.
fn keys_in(bytes: usize) -> usize {
    (bytes / KEY_BYTES * TYPICAL_LOAD / 3).max(SHARDS)
}

/// The keys.
pub(crate) struct Seen {
    shards: [Shard; SHARDS],
    in_memory: usize,
    in_runs: usize,
    memory: Arc<KeyMemory>,
    uses_all: bool,
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
            in_runs: 0,
            memory,
            uses_all: false,
            runs: Vec::new(),
            scratch,
            short_since: None,
        }
    }

    /// Any key may come again at any time: as many as can be are kept in memory from now on.
    pub(crate) fn use_all_memory(&mut self) {
        self.uses_all = true;
    }

    /// How many keys may be in memory.
    fn limit(&self) -> usize {
        let most = self.memory.limit();
        if self.uses_all || self.scratch.is_none() {
            return most;
        }
        let few = keys_in(self.memory.part_of(STREAM_MEMORY));
        most.min(few.max((self.in_memory + self.in_runs) / STREAM_PART))
    }

    /// What is held.
    pub(crate) fn held(&self) -> Held {
        Held { keys: (self.in_memory + self.in_runs) as u64, short_since: self.short_since }
    }

    /// Adds a key; whether it is new.
    pub(crate) fn insert(&mut self, key: RowKey) -> bool {
        let (high, low) = halves(key.hash);
        let new = Entry::of(key);
        let shard = &self.shards[shard_of(high)];
        if shard.find(low, |entry| entry.hash == new.hash).is_some() || self.is_in_a_run(key.hash) {
            return false;
        }
        if self.in_memory >= self.limit() {
            self.spill();
        }
        self.shards[shard_of(high)].insert_unique(low, new, Entry::low);
        self.in_memory += 1;
        true
    }

    /// Calls `each` with every key of `since` or later; keys on the scratch that cannot be read are left out.
    pub(crate) fn for_each_since(&self, since: i32, each: &mut dyn FnMut(RowKey)) {
        for entry in self.shards.iter().flat_map(|shard| shard.iter()).filter(|entry| entry.minute >= since) {
            each(entry.key());
        }
        let Some(scratch) = &self.scratch else { return };
        self.runs.iter().for_each(|run| run.for_each_since(since, scratch.as_ref(), each));
    }

    /// Forgets the keys of earlier minutes: those in memory, and runs that hold nothing else.
    pub(crate) fn forget_before(&mut self, minute: i32) {
        let most = self.limit() / SHARDS;
        for shard in &mut self.shards {
            let before = shard.len();
            shard.retain(|entry| entry.minute >= minute);
            if shard.len() < before {
                renew(shard, before.min(most));
            }
        }
        self.in_memory = self.shards.iter().map(HashTable::len).sum();
        let (kept, gone) = self.runs.drain(..).partition(|run| run.latest() >= minute);
        self.runs = kept;
        self.in_runs = self.runs.iter().map(Run::len).sum();
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
                Err(_) => self.short_since = self.short_since.max(Some(run.latest().saturating_add(1))),
            }
        }
        false
    }

    /// Moves the older half of the keys out of memory.
    #[cold]
    fn spill(&mut self) {
        let cutoff = self.median_minute();
        let most = self.limit() / SHARDS;
        let is_old = |entry: &Entry| entry.minute <= cutoff;
        let count = self.shards.iter().flat_map(HashTable::iter).filter(|entry| is_old(entry)).count();
        let mut run = Run::new(count, cutoff);
        let mut written = Ok(());
        for shard in &mut self.shards {
            let mut old: Vec<RowKey> = shard.extract_if(|entry| is_old(entry)).map(Entry::key).collect();
            self.in_memory -= old.len();
            renew(shard, most);
            old.sort_unstable();
            if let (Some(scratch), Ok(())) = (&self.scratch, &written) {
                written = run.append(&old, scratch.as_ref());
            }
        }
        if self.scratch.is_some() && written.is_ok() {
            self.in_runs += run.len();
            self.runs.push(run);
        } else {
            self.release(&run);
            self.short_since = self.short_since.max(Some(cutoff.saturating_add(1)));
        }
    }

    /// Gives back what a run has on the scratch.
    fn release(&self, run: &Run) {
        let Some(scratch) = &self.scratch else { return };
        run.release(scratch.as_ref());
    }

    /// The minute up to which half of the keys in memory are.
    fn median_minute(&self) -> i32 {
        let mut counts: BTreeMap<i32, usize> = BTreeMap::new();
        for entry in self.shards.iter().flat_map(|shard| shard.iter()) {
            *counts.entry(entry.minute).or_default() += 1;
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

/// Makes a table anew with room for so many keys. The places of keys that are gone count as taken: a table that is used on
/// grows to the double for them, though it has no more keys than before.
fn renew(shard: &mut Shard, room: usize) {
    let kept = std::mem::replace(shard, HashTable::with_capacity(room.max(shard.len())));
    kept.into_iter().for_each(|entry| {
        shard.insert_unique(entry.low(), entry, Entry::low);
    });
}

fn halves(hash: u128) -> (u64, u64) {
    ((hash >> 64) as u64, hash as u64)
}

/// By the topmost bits, so that the shards in turn are in the order of the hashes.
fn shard_of(high: u64) -> usize {
    (high >> 60) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    use proptest::prelude::*;
    use tributary_core::{Extent, ScratchError};

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
        let hash = u128::from(mix(number)) << 64 | u128::from(mix(number ^ 0x5555));
        RowKey { hash, minute: (number % 1_000) as i32 }
    }

    proptest! {
        /// Exact, whatever was moved out of memory.
        #[test]
        fn equals_a_set(numbers in proptest::collection::vec(0_u64..3_000, 0..6_000)) {
            let mut seen = Seen::new(KeyMemory::of(500 * KEY_BYTES), Some(Memory::new(usize::MAX)));
            let mut model = BTreeSet::new();
            for number in numbers {
                prop_assert_eq!(seen.insert(key(number)), model.insert(number));
                prop_assert!(seen.in_memory <= seen.limit());
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
        assert!(seen.runs.iter().all(|run| run.latest() >= 900));
        assert!(seen.shards.iter().flat_map(|shard| shard.iter()).all(|entry| entry.minute >= 900));
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

    /// Keys come and go for long, to the scratch or beyond the horizon; there are never more of them in memory, and the tables do
    /// not grow. They have a power of two of places, so that a scope may have a third more than its part.
    #[test]
    fn tables_do_not_grow_for_keys_that_are_gone() {
        for (scopes, horizon) in [(6, 1_200), (6, 400), (4, 1_200), (4, 400)] {
            let memory = KeyMemory::of(64 << 20);
            let scope = |_| Seen::new(Arc::clone(&memory), Some(Memory::new(usize::MAX)));
            let mut all: Vec<Seen> = (0..scopes).map(scope).collect();
            let (seen, mut most) = (&mut all[0], 0);
            for number in 0..100_000 {
                let minute = (number / 20) as i32;
                assert!(seen.insert(RowKey { minute, ..key(number) }));
                if number % 2_000 == 0 {
                    seen.forget_before(minute - horizon);
                }
                most = most.max(seen.shards.iter().map(HashTable::allocation_size).sum::<usize>());
            }
            let part = memory.part_of(STREAM_MEMORY);
            assert!(most <= part * 27 / 20, "{most} of {part}, {scopes} scopes");
        }
    }

    /// Most of a stream's keys are on the scratch before the memory is full, in few runs; a lake's stay in memory.
    #[test]
    fn a_stream_keeps_the_newest_in_memory() {
        let scratch = || Some(Memory::new(usize::MAX) as Arc<dyn Scratch>);
        let [mut stream, mut lake] = [(); 2].map(|()| Seen::new(KeyMemory::of(64 << 20), scratch()));
        lake.use_all_memory();
        let at = |number: u64| RowKey { minute: number as i32, ..key(number) };
        for number in 0..1_000_000 {
            assert!(stream.insert(at(number)) && lake.insert(at(number)));
        }
        assert_eq!((lake.in_memory, lake.runs.len()), (1_000_000, 0));
        assert!(stream.in_memory <= 1_000_000 / STREAM_PART, "{}", stream.in_memory);
        assert!(stream.runs.len() < 20, "{}", stream.runs.len());
        assert_eq!(stream.held(), lake.held());
        let newest = 1_000_000 - stream.in_memory as u64;
        assert!(stream.shards.iter().flat_map(|shard| shard.iter()).all(|entry| entry.minute as u64 >= newest));
        assert!((0..1_000_000).step_by(1_001).all(|number| !stream.insert(at(number))));
    }

    /// Four scopes together have what one alone would have; who comes later makes the others give up some of theirs.
    #[test]
    fn scopes_share_the_memory() {
        let memory = KeyMemory::of(8 << 20);
        let alone = memory.limit();
        let scratch = || Some(Memory::new(usize::MAX) as Arc<dyn Scratch>);
        let mut scopes = vec![Seen::new(Arc::clone(&memory), scratch())];
        scopes[0].use_all_memory();
        (0..alone as u64).for_each(|number| assert!(scopes[0].insert(key(number))));
        assert_eq!(scopes[0].in_memory, alone);
        scopes.extend((0..3).map(|_| Seen::new(Arc::clone(&memory), scratch())));
        scopes.iter_mut().for_each(Seen::use_all_memory);
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
