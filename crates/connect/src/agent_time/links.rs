//! The snapshots of events as they passed, for whoever looks for gaps soon after.
//!
//! To read the columns that two snapshots are compared by back out of the lake was a third of what deriving cost. Whoever decoded
//! an event has them at hand, and of an event that is new a hash of each is kept: 24 bytes an event, on a scratch. What is not here, because another process wrote it or there was too much, is read from the lake as before.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use tributary_core::{Day, Extent, RowKey, Scratch, ScratchError};

use super::gaps::Link;

/// Bytes of an entry: key and two hashes, little-endian.
const RECORD: usize = 24;

/// Entries in memory beyond which the largest day goes to the scratch: 256 KiB.
const WAITING: usize = (1 << 18) / RECORD;

/// A day of more events is given up: with all others of it at hand, its table would take more than 26 MiB.
const MOST_OF_A_DAY: usize = 900_000;

/// All days together take no more of the scratch: 256 MiB. The earliest is given up first.
pub const MOST_BYTES: u64 = 256 << 20;

/// A day that has fewer entries when its turn comes to be written is given up: there are so many days that each would be
/// written a few bytes at a time.
const LEAST_WRITTEN: usize = 8;

/// An event's place among the links: of its key the half that is a hash as good as the whole.
type Entry24 = (u64, Link);

fn encode(&(key, link): &Entry24, into: &mut Vec<u8>) {
    let [previous, current] = link.bits();
    for word in [key, previous, current] {
        into.extend_from_slice(&word.to_le_bytes());
    }
}

fn decode(bytes: &[u8]) -> Option<Entry24> {
    let ([key, previous, current], []) = bytes.as_chunks::<8>() else { return None };
    let [key, previous, current] = [key, previous, current].map(|word| u64::from_le_bytes(*word));
    Some((key, Link::from_bits([previous, current])))
}

/// By which an event is found.
fn place(key: RowKey) -> u64 {
    key.hash as u64
}

/// What is known of a day.
#[derive(Debug, Default)]
struct OfDay {
    waiting: Vec<Entry24>,
    extents: Vec<Extent>,
    /// Of all of them.
    events: usize,
    /// Some are not there any more: none is.
    is_given_up: bool,
}

impl OfDay {
    fn bytes(&self) -> u64 {
        self.extents.iter().map(|extent| extent.length).sum()
    }

    /// How many bytes are given back.
    fn give_up(&mut self, scratch: &dyn Scratch) -> u64 {
        let bytes = self.bytes();
        self.waiting = Vec::new();
        self.is_given_up = true;
        self.extents.drain(..).for_each(|extent| scratch.release(extent));
        bytes
    }

    /// Moves what waits to the scratch; how many bytes.
    fn spill(&mut self, scratch: &dyn Scratch) -> Result<u64, ScratchError> {
        let mut bytes = Vec::with_capacity(self.waiting.len() * RECORD);
        self.waiting.iter().for_each(|entry| encode(entry, &mut bytes));
        self.waiting = Vec::new();
        self.extents.push(scratch.append(&bytes)?);
        Ok(bytes.len() as u64)
    }
}

#[derive(Default)]
struct Days {
    days: BTreeMap<Day, OfDay>,
    waiting: usize,
    /// Bytes on the scratch.
    kept: u64,
    scratch: Option<Arc<dyn Scratch>>,
}

/// What is there of a day.
struct Parts {
    events: usize,
    waiting: Vec<Entry24>,
    extents: Vec<Extent>,
    scratch: Arc<dyn Scratch>,
}

/// The links of the events that this process decoded, by day.
#[derive(Default)]
pub struct LinkLog {
    days: Mutex<Days>,
}

impl std::fmt::Debug for LinkLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkLog").finish_non_exhaustive()
    }
}

impl LinkLog {
    /// Where entries go that do not wait in memory. Without it, and until it is told, there are none.
    pub fn spill_to(&self, scratch: Arc<dyn Scratch>) {
        self.lock().scratch.get_or_insert(scratch);
    }

    /// Whether it was told where.
    pub fn has_scratch(&self) -> bool {
        self.lock().scratch.is_some()
    }

    /// Adds the links of some events.
    pub fn append(&self, events: impl Iterator<Item = (Day, RowKey, Link)>) {
        let mut days = self.lock();
        let Some(scratch) = days.scratch.clone() else { return };
        for (day, key, link) in events {
            let of_day = days.days.entry(day).or_default();
            if of_day.is_given_up {
                continue;
            }
            of_day.events += 1;
            of_day.waiting.push((place(key), link));
            days.waiting += 1;
        }
        while days.waiting > WAITING {
            days.spill(scratch.as_ref());
        }
    }

    /// Those of a day; none where they were given up. They say nothing of events that they do not have.
    pub fn of(&self, day: Day) -> Option<Links> {
        let Parts { events, waiting, extents, scratch } = self.parts(day)?;
        let mut links = Links { table: HashTable::with_capacity(events) };
        for extent in extents {
            let mut bytes = vec![0; usize::try_from(extent.length).ok()?];
            scratch.read(extent, 0, &mut bytes).ok()?;
            for entry in bytes.chunks_exact(RECORD).filter_map(decode) {
                links.add(entry)?;
            }
        }
        for entry in waiting {
            links.add(entry)?;
        }
        // If it was given up meanwhile, other bytes may have been where its own were.
        self.parts(day).map(|_| links)
    }

    /// What is there of a day, so that it can be read while others add to it.
    fn parts(&self, day: Day) -> Option<Parts> {
        let days = self.lock();
        let of_day = days.days.get(&day).filter(|day| !day.is_given_up && day.events <= MOST_OF_A_DAY)?;
        Some(Parts {
            events: of_day.events,
            waiting: of_day.waiting.clone(),
            extents: of_day.extents.clone(),
            scratch: Arc::clone(days.scratch.as_ref()?),
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Days> {
        // Whoever panicked was adding entries, and those that are there are whole.
        self.days.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Days {
    /// Moves the largest day to the scratch, or gives it up.
    fn spill(&mut self, scratch: &dyn Scratch) {
        let Some(largest) = self.days.values_mut().max_by_key(|day| day.waiting.len()) else { return };
        self.waiting -= largest.waiting.len();
        let is_worth_it = largest.events <= MOST_OF_A_DAY && largest.waiting.len() >= LEAST_WRITTEN;
        let spilt = if is_worth_it { largest.spill(scratch).ok() } else { None };
        match spilt {
            Some(bytes) => self.kept += bytes,
            None => self.kept -= largest.give_up(scratch),
        }
        while self.kept > MOST_BYTES {
            let Some(earliest) = self.days.values_mut().find(|day| !day.extents.is_empty()) else { return };
            self.waiting -= earliest.waiting.len();
            self.kept -= earliest.give_up(scratch);
        }
    }
}

/// The links of a day.
pub struct Links {
    table: HashTable<Entry24>,
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Links").field("events", &self.table.len()).finish()
    }
}

impl Links {
    /// Of how many events.
    #[expect(clippy::len_without_is_empty, reason = "there is none without events")]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// The link of an event, if it is known.
    pub fn get(&self, key: RowKey) -> Option<Link> {
        let place = place(key);
        self.table.find(place, |(other, _)| *other == place).map(|(_, link)| *link)
    }

    /// None where another event of this key has another link: which of them became a row is not known here.
    fn add(&mut self, entry: Entry24) -> Option<()> {
        match self.table.entry(entry.0, |(other, _)| *other == entry.0, |(other, _)| *other) {
            Entry::Occupied(known) => (known.get().1 == entry.1).then_some(()),
            Entry::Vacant(vacant) => {
                vacant.insert(entry);
                Some(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A scratch in memory with room for so many bytes.
    struct Memory {
        bytes: Mutex<Vec<u8>>,
        most: usize,
    }

    impl Scratch for Memory {
        fn append(&self, bytes: &[u8]) -> Result<Extent, ScratchError> {
            let mut all = self.bytes.lock().unwrap();
            if all.len() + bytes.len() > self.most {
                return Err(ScratchError::Full { limit: self.most as u64 });
            }
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

    fn log(most: usize) -> LinkLog {
        let log = LinkLog::default();
        log.spill_to(Arc::new(Memory { bytes: Mutex::new(Vec::new()), most }));
        log
    }

    fn key(number: u64) -> RowKey {
        RowKey { hash: u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)), minute: 0 }
    }

    fn link(number: u64) -> Link {
        Link::from_bits([number, number + 1])
    }

    fn day(number: u64) -> Day {
        Day::from_days(18_000 + (number % 3) as i32)
    }

    #[test]
    fn every_event_is_found_by_its_day_and_no_other() {
        let log = log(usize::MAX);
        for from in (0..200_000).step_by(1_000) {
            log.append((from..from + 1_000).map(|number| (day(number), key(number), link(number))));
        }
        assert!(log.lock().waiting <= WAITING);
        assert!(log.lock().days.values().all(|day| !day.extents.is_empty()));
        for of in 0..3 {
            let links = log.of(day(of)).unwrap();
            for number in 0..200_000 {
                let known = (number % 3 == of).then(|| link(number));
                assert_eq!(links.get(key(number)), known, "{number}");
            }
        }
        assert!(log.of(Day::from_days(17_999)).is_none());
    }

    /// Events of so many days in any order are each a few of a day when the spool is written to.
    #[test]
    fn days_that_come_all_at_once_are_kept() {
        let (log, days) = (log(usize::MAX), 1_000);
        let day = |number: u64| Day::from_days((number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as i32 % days);
        for from in (0..100_000).step_by(1_000) {
            log.append((from..from + 1_000).map(|number| (day(number), key(number), link(number))));
        }
        let kept: usize = (0..days).filter_map(|day| log.of(Day::from_days(day))).map(|links| links.len()).sum();
        assert_eq!(kept, 100_000);
    }

    #[test]
    fn a_day_that_is_not_whole_is_not_there() {
        // Too little room; two links of one event; too many events; nowhere to put them.
        let full = log(WAITING * RECORD * 2);
        full.append((0..4 * WAITING as u64).map(|number| (day(0), key(number), link(number))));
        full.append((0..9).map(|number| (day(1), key(number), link(number))));
        assert!(full.of(day(0)).is_none());
        assert!(full.of(day(1)).is_some());

        let twice = log(usize::MAX);
        twice.append([(day(0), key(1), link(1)), (day(0), key(1), link(1))].into_iter());
        assert_eq!(twice.of(day(0)).unwrap().get(key(1)), Some(link(1)), "the same event twice");
        twice.append([(day(0), key(1), link(2))].into_iter());
        assert!(twice.of(day(0)).is_none());

        let many = log(usize::MAX);
        for from in (0..=MOST_OF_A_DAY as u64).step_by(10_000) {
            many.append((from..from + 10_000).map(|number| (day(0), key(number), link(number))));
        }
        assert!(many.of(day(0)).is_none());

        let nowhere = LinkLog::default();
        nowhere.append([(day(0), key(1), link(1))].into_iter());
        assert!(nowhere.of(day(0)).is_none());
    }
}
