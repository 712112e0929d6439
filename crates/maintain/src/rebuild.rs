//! Rows of agent time written anew, in one commit that takes the old ones out.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use tributary_commit::{CommitLog, Proposal, Receipt};
use tributary_core::{
    Attempt, Clock, Day, Delta, Failure, Key, PartitionPath, Scratch, Sink, StateKind, TableId, Tally,
};
use tributary_store::ObjectStore;

use crate::commit::commit;
use crate::derive::{Derived, Deriver, Rules};
use crate::marks::Marks;

/// What a rebuild did.
#[derive(Clone, Debug)]
pub struct Rebuilt {
    /// The days whose rows were written anew.
    pub days: RangeInclusive<Day>,
    /// What was derived.
    pub derived: Derived,
    /// Files that were added.
    pub adds: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Files that were taken out.
    pub replaces: usize,
    /// The epoch; none when there was nothing to write and nothing to take out.
    pub receipt: Option<Receipt>,
}

/// What became of it.
#[derive(Debug)]
pub enum Attempted {
    /// It is committed.
    Done(Rebuilt),
    /// Nothing is: rows of other days changed as well. Ask for all of these.
    Wider(RangeInclusive<Day>),
}

/// Rebuilds tables of agent time.
pub struct Rebuild<'a> {
    /// The lake.
    pub store: Arc<dyn ObjectStore>,
    /// Its log, recovered, with every epoch published.
    pub log: &'a mut CommitLog,
    /// Which tables of agent time are written.
    pub tables: Vec<TableId>,
    /// How they are derived.
    pub rules: Rules,
    /// Local disk for sorting what many small files hold; without it they are merged in memory.
    pub scratch: Option<Arc<dyn Scratch>>,
    /// When things happen.
    pub clock: &'a dyn Clock,
}

impl std::fmt::Debug for Rebuild<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rebuild").field("tables", &self.tables).finish_non_exhaustive()
    }
}

impl Rebuild<'_> {
    /// Writes the rows that began on `days` to `sink` and commits them as `attempt`, in the place of those that are
    /// there. With `settle` (what is known to have been derived), only if no row of another day has changed; the days are
    /// marked then.
    ///
    /// # Errors
    /// A file of the lake that cannot be read, and what the sink and the log say.
    pub async fn days(
        &mut self,
        sink: &mut dyn Sink,
        attempt: Attempt,
        days: RangeInclusive<Day>,
        settle: Option<&mut Marks>,
    ) -> Result<Attempted, Failure> {
        let began = self.clock.now();
        let live = self.log.live().clone();
        sink.begin(&attempt);
        let news = settle.as_ref().and_then(|marks| marks.news(&live, &days));
        let lake = (self.store.as_ref(), &live);
        let deriver = Deriver::new(lake, self.rules.clone(), &self.tables, self.scratch.as_ref());
        let derived = Box::pin(deriver.derive(days.clone(), news, sink)).await?;
        if derived.earlier.is_some() || derived.later.is_some() {
            let (first, last) = days.into_inner();
            return Ok(Attempted::Wider(derived.earlier.unwrap_or(first)..=derived.later.unwrap_or(last)));
        }
        let adds = sink.seal().await?;
        let replaces: BTreeSet<Key> = live
            .days()
            .filter(|(table, partition, _)| {
                self.tables.contains(table) && partition.day().is_some_and(|day| days.contains(&day))
            })
            .flat_map(|(_, _, files)| files.iter().map(|file| file.key.clone()))
            .collect();
        let bytes = adds.iter().map(|file| file.ticket.bytes).sum();
        let mut rebuilt = Rebuilt { days, derived, adds: adds.len(), bytes, replaces: replaces.len(), receipt: None };
        let marks = settle.map(|marks| {
            marks.mark(&live, &rebuilt.days);
            (Marks::scope(), StateKind::Full, marks.bytes())
        });
        if rebuilt.adds + rebuilt.replaces > 0 || marks.is_some() {
            // Whoever else derives these days meanwhile is in the way. Who adds events to them is not: they have no mark, and
            // are derived next time.
            let all = rebuilt.days.start().days()..=rebuilt.days.end().days();
            let partitions = all.map(|day| PartitionPath::of(Day::from_days(day)));
            let read = partitions.flat_map(|partition| self.tables.iter().map(move |table| (table.clone(), partition)));
            let read = read.collect();
            let proposal = Proposal {
                attempt,
                delta: Delta::default(),
                tally: Tally { rows: rebuilt.derived.rows.clone(), ..Tally::default() },
                adds,
                replaces: replaces.into_iter().collect(),
                bans: Vec::new(),
                state: marks.into_iter().collect(),
                guarded: true,
                read,
                began,
            };
            rebuilt.receipt = Some(commit(self.log, proposal).await?);
        }
        Ok(Attempted::Done(rebuilt))
    }
}
