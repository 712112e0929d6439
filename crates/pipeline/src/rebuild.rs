//! The tables of agent time of a plan's lake: derived after a batch, or for the days that are asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use tributary_commit::{CommitLog, LiveFiles};
use tributary_connect::agent_time::time_tables;
use tributary_core::{Attempt, Clock, Day, Epoch, Failure, Scratch, Table, TableId};
use tributary_maintain::{Attempted, Rebuild, Rebuilt, Rules};
use tributary_sink_parquet::{Identity, ParquetSink};
use tributary_store::ObjectStore;

use crate::build::{open_spool, sink_options};
use crate::lake::open_lake_if_there;
use crate::{LineFactory, Plan};

/// How often days are derived again because somebody committed to them meanwhile.
const PATIENCE: usize = 5;

/// The tables of agent time that a plan writes.
pub fn derived_tables(plan: &Plan) -> Vec<TableId> {
    let derived = plan.connect.tables.iter().filter(|table| table.is_derived());
    derived.map(|table| TableId::new(table.as_str())).collect()
}

/// Writes the rows of `tables` that began on `days` anew. `None` when there is no lake yet.
///
/// # Errors
/// What the store, the commit log or the sink says.
pub async fn rebuild(
    factory: &LineFactory,
    attempt: Attempt,
    days: RangeInclusive<Day>,
    tables: Vec<TableId>,
    clock: &dyn Clock,
) -> Result<Option<Rebuilt>, Failure> {
    let Some(mut deriving) = Deriving::open(factory, tables, clock).await? else { return Ok(None) };
    match deriving.once(attempt, days, false).await? {
        Attempted::Done(rebuilt) => Ok(Some(rebuilt)),
        Attempted::Wider(_) => Ok(None), // never without `whole`
    }
}

/// After a batch: derives every day whose events are newer than what was derived of it, and whatever days before that
/// changes. Does nothing when there is none. `attempts` names each try.
///
/// # Errors
/// As [`rebuild`].
pub async fn derive(
    factory: &LineFactory,
    attempts: &mut (dyn FnMut() -> Attempt + Send),
    clock: &dyn Clock,
) -> Result<Vec<Rebuilt>, Failure> {
    let tables = derived_tables(factory.plan());
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    let Some(mut deriving) = Deriving::open(factory, tables, clock).await? else { return Ok(Vec::new()) };
    let mut done = Vec::new();
    for _ in 0..PATIENCE {
        let stale = deriving.stale_ranges();
        let next = deriving.log.live().iter().map(|(.., file)| file.epoch).max();
        for days in stale {
            done.extend(deriving.settle(attempts, days).await?);
        }
        if !deriving.others_came_after(next, &done) {
            break;
        }
    }
    Ok(done)
}

struct Deriving<'a> {
    store: Arc<dyn ObjectStore>,
    log: CommitLog,
    scratch: Option<Arc<dyn Scratch>>,
    tables: Vec<TableId>,
    plan: &'a Plan,
    clock: &'a dyn Clock,
}

impl<'a> Deriving<'a> {
    /// Opens the lake, and publishes what a run left claimed.
    async fn open(
        factory: &'a LineFactory,
        tables: Vec<TableId>,
        clock: &'a dyn Clock,
    ) -> Result<Option<Self>, Failure> {
        let plan = factory.plan();
        let Some(store) = open_lake_if_there(&plan.lake).await? else { return Ok(None) };
        let failure = |error: tributary_commit::CommitError| Failure::new(error.fault(), error.code(), error);
        let mut log = factory.open_log(Arc::clone(&store)).await?;
        for permit in log.recover().await.map_err(failure)?.unfinished {
            log.publish(permit).await.map_err(failure)?;
        }
        let scratch = open_spool(plan.parquet.spool.as_ref()).await?;
        Ok(Some(Self { store, log, scratch, tables, plan, clock }))
    }

    /// One try.
    async fn once(&mut self, attempt: Attempt, days: RangeInclusive<Day>, whole: bool) -> Result<Attempted, Failure> {
        let tables: Vec<Table> = time_tables().into_iter().filter(|table| self.tables.contains(&table.id)).collect();
        let identity = Identity { pipeline: self.plan.pipeline.clone() };
        let options = sink_options(&self.plan.parquet);
        let mut sink = ParquetSink::new(Arc::clone(&self.store), tables, options, self.scratch.clone(), identity)?;
        let connect = &self.plan.connect;
        let rules = Rules {
            silence: connect.silence,
            write_open: connect.write_open,
            early_seconds: connect.early_seconds,
            now: self.clock.now(),
        };
        let (store, tables, scratch) = (Arc::clone(&self.store), self.tables.clone(), self.scratch.clone());
        let mut rebuild = Rebuild { store, log: &mut self.log, tables, rules, scratch, clock: self.clock };
        rebuild.days(&mut sink, attempt, days, whole).await
    }

    /// Derives days, and those before them whose rows change with them.
    async fn settle(
        &mut self,
        attempts: &mut (dyn FnMut() -> Attempt + Send),
        mut days: RangeInclusive<Day>,
    ) -> Result<Option<Rebuilt>, Failure> {
        loop {
            match self.once(attempts(), days.clone(), true).await? {
                Attempted::Done(rebuilt) => return Ok(Some(rebuilt)),
                Attempted::Wider(first) => days = first..=*days.end(),
            }
        }
    }

    /// The days whose events are newer than their derived rows, as ranges of days that follow one another.
    fn stale_ranges(&self) -> Vec<RangeInclusive<Day>> {
        let live = self.log.live();
        let events = newest(live, |table| table.as_str() == "agent_event");
        let derived = newest(live, |table| self.tables.contains(table));
        let is_stale =
            |(day, epoch): (&Day, &Epoch)| derived.get(day).is_none_or(|derived| derived < epoch).then_some(*day);
        let stale: BTreeSet<Day> = events.iter().filter_map(is_stale).collect();
        let mut ranges: Vec<RangeInclusive<Day>> = Vec::new();
        for day in stale {
            match ranges.last_mut() {
                Some(range) if range.end().next() >= day => *range = *range.start()..=day,
                _ => ranges.push(day..=day),
            }
        }
        ranges
    }

    /// Whether somebody committed between what was read and what was derived from it.
    fn others_came_after(&self, read: Option<Epoch>, done: &[Rebuilt]) -> bool {
        let ours: BTreeSet<Epoch> =
            done.iter().filter_map(|rebuilt| rebuilt.receipt.as_ref().map(|receipt| receipt.epoch())).collect();
        let newer = self.log.live().iter().map(|(.., file)| file.epoch).filter(|epoch| Some(*epoch) > read);
        newer.into_iter().any(|epoch| !ours.contains(&epoch))
    }
}

/// By day: the newest epoch that added to any of these tables.
fn newest(live: &LiveFiles, is_meant: impl Fn(&TableId) -> bool) -> BTreeMap<Day, Epoch> {
    let mut days: BTreeMap<Day, Epoch> = BTreeMap::new();
    for (_, partition, file) in live.iter().filter(|(table, ..)| is_meant(table)) {
        let newest = days.entry(partition.day()).or_insert(file.epoch);
        *newest = (*newest).max(file.epoch);
    }
    days
}
