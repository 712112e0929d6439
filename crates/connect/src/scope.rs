//! The state of one scope: which keys it has seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use bytes::Bytes;
use tributary_core::{
    Day, Decoded, Held, Normalized, RowKey, Scope, ScopeState, Scratch, StateKind, TableBatch, Tally,
};

use crate::agent_time::{Link, LinkLog};
use crate::error::Error;
use crate::seen::{KeyMemory, RECORD, Seen, decode, encode};

/// The first bytes of a snapshot: what it is, and its format version.
const MAGIC: &[u8; 8] = b"TribKey\x01";

/// Keys since the last snapshot are thinned by the horizon when they take more than this: 16 MiB.
const FRESH_BYTES: usize = 16 << 20;

const MINUTES_A_DAY: i32 = 24 * 60;

/// The scope.
#[derive(Debug)]
pub(crate) struct ConnectScope {
    seen: Seen,
    learned: BTreeSet<Day>,
    /// Whether committed keys were ever learned, which is so for sources whose keys stand for the lake's.
    has_learned: bool,
    /// The keys since the last snapshot, encoded.
    fresh: Vec<u8>,
    horizon: i32,
    /// The newest minute of an event that was not ahead of its time, from which the horizon counts.
    watermark: i32,
    /// Keys of earlier minutes were forgotten.
    forgotten: i32,
    /// Who is told how the snapshots of new events hang together.
    links: Option<Arc<LinkLog>>,
}

impl ConnectScope {
    /// The scope after its snapshots, oldest first.
    pub(crate) fn restore(
        horizon_minutes: i32,
        memory: Arc<KeyMemory>,
        scratch: Option<Arc<dyn Scratch>>,
        states: &[ScopeState],
    ) -> Result<Self, Error> {
        let mut seen = Seen::new(memory, scratch);
        let mut watermark = i32::MIN;
        for state in states {
            for key in keys_of(&state.bytes)? {
                watermark = watermark.max(key.minute);
                seen.insert(key);
            }
        }
        Ok(Self {
            seen,
            learned: BTreeSet::new(),
            has_learned: false,
            fresh: Vec::new(),
            horizon: horizon_minutes,
            watermark,
            forgotten: i32::MIN,
            links: None,
        })
    }

    /// The same, which tells of the links of events that are new.
    pub(crate) fn telling(self, links: Option<Arc<LinkLog>>) -> Self {
        Self { links, ..self }
    }

    /// Those of a duplicate are not told: another with its key is the one in the lake.
    fn tell(&self, decoded: &Decoded, is_new: &[bool]) {
        let Some(log) = self.links.as_ref().filter(|_| !decoded.links.is_empty()) else { return };
        log.append(decoded.links.iter().filter_map(|(event, link)| {
            let (key, is_new) = decoded.events.get(*event as usize).zip(is_new.get(*event as usize))?;
            let day = Day::from_days(key.minute.div_euclid(MINUTES_A_DAY));
            is_new.then_some((day, *key, Link::from_bits(*link)))
        }));
    }

    /// The minute before which keys are not carried over to the next run.
    fn cutoff(&self) -> i32 {
        self.watermark.saturating_sub(self.horizon)
    }

    /// A stream never ends, and what is older than the horizon no restart would know either. Where committed days were
    /// learned keys are kept: they stand for what is in the lake.
    fn forget_old(&mut self) {
        let cutoff = self.cutoff();
        if !self.has_learned && cutoff >= self.forgotten.saturating_add(self.horizon / 8).saturating_add(1) {
            self.seen.forget_before(cutoff);
            self.forgotten = cutoff;
        }
    }

    fn thin_out(&mut self) {
        let cutoff = self.cutoff();
        let mut kept = Vec::new();
        for key in self.fresh.chunks_exact(RECORD).filter_map(decode).filter(|key| key.minute >= cutoff) {
            encode(key, &mut kept);
        }
        self.fresh = kept;
    }
}

/// The keys of a snapshot.
fn keys_of(bytes: &[u8]) -> Result<impl Iterator<Item = RowKey>, Error> {
    let (magic, keys) = bytes.split_first_chunk::<8>().ok_or(Error::DamagedState)?;
    if magic[..7] != MAGIC[..7] || keys.len() % RECORD != 0 {
        return Err(Error::DamagedState);
    }
    if magic[7] != MAGIC[7] {
        return Err(Error::NewerState { found: magic[7], known: MAGIC[7] });
    }
    Ok(keys.chunks_exact(RECORD).filter_map(decode))
}

impl Scope for ConnectScope {
    fn unknown_days(&self, days: &[Day]) -> Vec<Day> {
        days.iter().copied().filter(|day| !self.learned.contains(day)).collect()
    }

    fn learn(&mut self, day: Day, keys: &[RowKey]) {
        for key in keys {
            self.seen.insert(*key);
        }
        self.learned.insert(day);
        self.has_learned = true;
        // The same files are read again as whole days. What was restored before may be on the scratch already.
        self.seen.use_all_memory();
    }

    fn apply(&mut self, decoded: Decoded) -> Normalized {
        if let Some(latest) = decoded.latest {
            // Days between 2015 and tomorrow, counted in minutes, fit.
            self.watermark = self.watermark.max(i32::try_from(latest.minute()).unwrap_or(i32::MAX));
        }
        let mut is_new = Vec::with_capacity(decoded.events.len());
        for key in &decoded.events {
            let new = self.seen.insert(*key);
            if new {
                encode(*key, &mut self.fresh);
            }
            is_new.push(new);
        }
        self.tell(&decoded, &is_new);
        if let Some(short_since) = self.seen.held().short_since {
            // Keys of these days are forgotten; their next event reads what is committed to them again.
            self.learned.retain(|day| day.start().minute() > i64::from(short_since));
        }
        self.forget_old();
        if self.fresh.len() > FRESH_BYTES {
            self.thin_out();
        }
        let made_rows = is_new.iter().filter(|new| **new).count();
        let duplicates = is_new.len() - made_rows;
        let mut tally = Tally {
            read: decoded.read,
            made_rows: made_rows as u64,
            duplicates: duplicates as u64,
            rejected: decoded.rejected.len() as u64,
            skipped: decoded.skipped,
            ..Tally::default()
        };
        tally.count_unknown_keys(&decoded.unknown_keys);
        let mut tables = Vec::with_capacity(decoded.tables.len());
        let mut rows: BTreeMap<_, u64> = BTreeMap::new();
        for (batch, owners) in decoded.tables.into_iter().zip(decoded.owners) {
            let kept = if duplicates == 0 { batch.rows } else { keep(&batch.rows, &owners, &is_new) };
            if kept.num_rows() > 0 {
                *rows.entry(batch.table.clone()).or_default() += kept.num_rows() as u64;
                tables.push(TableBatch { rows: kept, ..batch });
            }
        }
        tally.rows = rows;
        Normalized { tables, rejected: decoded.rejected, tally }
    }

    fn snapshot(&mut self, kind: StateKind) -> Bytes {
        let mut bytes = MAGIC.to_vec();
        match kind {
            StateKind::Delta => {
                self.thin_out();
                bytes.append(&mut self.fresh);
            }
            StateKind::Full => {
                self.seen.for_each_since(self.cutoff(), &mut |key| encode(key, &mut bytes));
                self.fresh.clear();
            }
        }
        bytes.into()
    }

    fn held(&self) -> Held {
        self.seen.held()
    }
}

/// The rows whose event is new.
fn keep(rows: &RecordBatch, owners: &[u32], is_new: &[bool]) -> RecordBatch {
    let mask: BooleanArray =
        owners.iter().map(|owner| Some(is_new.get(*owner as usize).copied().unwrap_or(false))).collect();
    // The mask has one value a row, the one thing that `filter` can dislike.
    filter_record_batch(rows, &mask).unwrap_or_else(|_| RecordBatch::new_empty(rows.schema()))
}

#[cfg(test)]
mod tests {
    use tributary_core::Timestamp;

    use super::*;
    use crate::seen::KeyMemory;

    const MINUTE: i64 = 60_000_000;

    fn minutes(scope: &mut ConnectScope, minutes: std::ops::Range<i32>) -> u64 {
        let events: Vec<RowKey> = minutes.clone().map(|minute| RowKey { hash: minute as u128, minute }).collect();
        let latest = Some(Timestamp::from_micros(i64::from(minutes.end - 1) * MINUTE));
        let read = events.len() as u64;
        scope.apply(Decoded { events, latest, read, ..Decoded::default() }).tally.duplicates
    }

    #[test]
    fn a_stream_holds_its_horizon_and_a_lake_its_days() {
        let new = || ConnectScope::restore(100, KeyMemory::of(1 << 20), None, &[]).unwrap();
        let mut stream = new();
        for hour in 0..50 {
            assert_eq!(minutes(&mut stream, hour * 60..hour * 60 + 60), 0);
            assert!(stream.held().keys <= 100 + 60 + 14, "{:?}", stream.held());
        }
        assert_eq!(minutes(&mut stream, 2_900..3_000), 100, "within the horizon nothing is forgotten");
        assert_eq!(minutes(&mut stream, 0..10), 0, "beyond it, everything");

        let mut lake = new();
        lake.learn(Timestamp::from_micros(0).day(), &[]);
        for hour in 0..50 {
            minutes(&mut lake, hour * 60..hour * 60 + 60);
        }
        assert_eq!(minutes(&mut lake, 0..10), 10);
    }
}
