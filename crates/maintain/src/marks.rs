//! What was derived of which day: a side object of the commit that derived it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use bytes::Bytes;
use tributary_commit::{LiveFile, LiveFiles};
use tributary_core::{Day, Epoch, PartitionPath, ScopeId, ScopeState, TableId};

use crate::error::Error;
use crate::news::News;

/// The first bytes of the object: what it is, and its format version.
const MAGIC: &[u8; 9] = b"TribTime\x01";

/// Bytes of a day: its number, and the epoch.
const ENTRY: usize = 12;

/// By day: up to which epoch its events have their rows, under which rules. A day is stale when a newer epoch has added
/// events to it; it need not have any derived row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The tables and rules; what was derived under others is stale.
    rules: String,
    days: BTreeMap<Day, Epoch>,
}

impl Marks {
    /// The scope under which they are kept.
    pub fn scope() -> ScopeId {
        ScopeId::new("agent_time")
    }

    /// The marks of the newest snapshot, as far as they were made under these `rules`.
    ///
    /// # Errors
    /// [`Error::Marks`] when the object is damaged or newer than this version.
    pub fn of(states: &[ScopeState], rules: String) -> Result<Self, Error> {
        let Some(state) = states.last() else { return Ok(Self { rules, ..Self::default() }) };
        let damaged = || Error::Marks { reason: "its bytes are not those that were written" };
        let (magic, rest) = state.bytes.split_first_chunk::<9>().ok_or_else(damaged)?;
        if magic != MAGIC {
            return Err(Error::Marks { reason: "it was written by a newer version" });
        }
        let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
        let (then, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(damaged)?;
        let (entries, odd) = rest.as_chunks::<ENTRY>();
        if !odd.is_empty() {
            return Err(damaged());
        }
        if then != rules.as_bytes() {
            return Ok(Self { rules, ..Self::default() });
        }
        let entry = |bytes: &[u8; ENTRY]| {
            let (day, epoch) = bytes.split_first_chunk::<4>()?;
            Some((Day::from_days(i32::from_le_bytes(*day)), Epoch::new(u64::from_le_bytes(*epoch.first_chunk()?))))
        };
        Ok(Self { rules, days: entries.iter().filter_map(entry).collect() })
    }

    /// As they are stored.
    pub(crate) fn bytes(&self) -> Bytes {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&(self.rules.len() as u32).to_le_bytes()); // a line of options
        bytes.extend_from_slice(self.rules.as_bytes());
        for (day, epoch) in &self.days {
            bytes.extend_from_slice(&day.days().to_le_bytes());
            bytes.extend_from_slice(&epoch.number().to_le_bytes());
        }
        bytes.into()
    }

    /// Whether events of a day, added up to `newest`, have no rows yet.
    fn is_stale(&self, day: Day, newest: Epoch) -> bool {
        self.days.get(&day).is_none_or(|derived| *derived < newest)
    }

    /// The days with events that have no rows yet.
    pub fn stale(&self, live: &LiveFiles) -> Vec<Day> {
        let events = newest_events(live);
        events.iter().filter(|(day, newest)| self.is_stale(**day, **newest)).map(|(day, _)| *day).collect()
    }

    /// The events of `days` that have no rows yet; none when all of them have.
    pub(crate) fn news(&self, live: &LiveFiles, days: &RangeInclusive<Day>) -> Option<News> {
        let table = TableId::new("agent_event");
        let is_news = |day: Day, file: &LiveFile| days.contains(&day) && self.is_stale(day, file.epoch);
        let of_day = |(of, partition, file): (&TableId, PartitionPath, _)| {
            Some((partition.day()?, file)).filter(|_| *of == table)
        };
        let events = live.iter().filter_map(of_day);
        let news: Vec<(Day, &LiveFile)> = events.filter(|(day, file)| is_news(*day, file)).collect();
        let first = news.iter().map(|(day, _)| *day).min()?;
        let last = news.iter().map(|(day, _)| *day).max()?;
        let are_newest = self.days.range(first..).next().is_none();
        Some(News { first, last, files: news.into_iter().map(|(_, file)| file.clone()).collect(), are_newest })
    }

    /// All events of these days have their rows now.
    pub(crate) fn mark(&mut self, live: &LiveFiles, days: &RangeInclusive<Day>) {
        self.days.extend(newest_events(live).into_iter().filter(|(day, _)| days.contains(day)));
    }
}

/// The days that have events, and the newest epoch that added to each.
pub fn newest_events(live: &LiveFiles) -> BTreeMap<Day, Epoch> {
    let events = TableId::new("agent_event");
    let mut days: BTreeMap<Day, Epoch> = BTreeMap::new();
    for (_, partition, file) in live.iter().filter(|(table, ..)| **table == events) {
        let Some(day) = partition.day() else { continue };
        let newest = days.entry(day).or_insert(file.epoch);
        *newest = (*newest).max(file.epoch);
    }
    days
}

#[cfg(test)]
mod tests {
    use tributary_core::StateKind;

    use super::*;

    #[test]
    fn they_are_read_back_and_forgotten_under_other_rules() {
        let days = BTreeMap::from([(Day::EARLIEST, Epoch::new(3)), (Day::EARLIEST.next(), Epoch::new(u64::MAX))]);
        let marks = Marks { rules: "silence=15m".to_owned(), days };
        let state = |bytes: Bytes| [ScopeState { kind: StateKind::Full, bytes }];
        assert_eq!(Marks::of(&state(marks.bytes()), "silence=15m".to_owned()).unwrap(), marks);
        let other = Marks::of(&state(marks.bytes()), "silence=20m".to_owned()).unwrap();
        assert!(other.is_stale(Day::EARLIEST, Epoch::FIRST) && !marks.is_stale(Day::EARLIEST, Epoch::new(3)));
        for cut in 0..marks.bytes().len() {
            let read = Marks::of(&state(marks.bytes().slice(..cut)), "silence=15m".to_owned());
            assert!(read.is_err() || read.is_ok_and(|read| read.days.len() < 2), "{cut}");
        }
    }
}
