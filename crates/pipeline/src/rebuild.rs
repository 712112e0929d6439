//! The tables of agent time of a plan's lake: derived after a batch, or for the days that are asked for.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use tributary_commit::{CommitError, CommitLog};
use tributary_connect::agent_time::{LinkLog, time_tables};
use tributary_core::{Attempt, Clock, Day, Failure, Fault, ScopeId, ScopeState, Scratch, Table, TableId};
use tributary_maintain::{Attempted, Marks, Rebuild, Rebuilt, Rules, newest_events};
use tributary_sink_parquet::{Identity, ParquetSink};
use tributary_store::ObjectStore;

use crate::build::{open_lake, open_spool, sink_options};
use crate::lake::open_lake_if_there;
use crate::plan::ConnectPlan;
use crate::{LineFactory, Mode, Plan};

/// Bytes of row groups that are merged at once: after a batch, when the line has given back what it had.
const MERGED: u64 = 160 << 20;

/// The same beside a stream that goes on.
const MERGED_BESIDE: u64 = 56 << 20;

/// How often days are derived again because somebody committed meanwhile.
const PATIENCE: usize = 5;

/// Days that lie further apart than this do not touch: a session without a sign of life has ended by then.
const NEIGHBOURS: i32 = 2;

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
        Attempted::Wider(_) => Ok(None), // only where other days are looked for
    }
}

/// After a batch: derives every day whose events have no rows yet, and whatever days before and after that changes. Does
/// nothing when there is none. `attempts` names each try.
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
    let (mut done, mut patience) = (Vec::new(), PATIENCE);
    while let Some(days) = deriving.stale() {
        match deriving.settle(attempts, days).await {
            Ok(rebuilt) => done.push(rebuilt),
            // Somebody else was faster, or added to these days: what is stale now?
            Err(failure) if is_overtaken(&failure) && patience > 0 => {
                tracing::info!(error = %failure, "deriving again");
                patience -= 1;
            }
            Err(failure) => return Err(failure),
        }
        // The claim has read what others claimed meanwhile, and those may have died before they published it: only what is
        // published can be read.
        if deriving.stale().is_some() {
            deriving.recover().await?;
        }
    }
    Ok(done)
}

/// Whether somebody else was faster, or what he claimed is not published yet.
pub(crate) fn is_overtaken(failure: &Failure) -> bool {
    failure.fault() == Fault::Fenced || failure.code() == "commit/behind"
}

/// The same of a table whose own files are read: somebody else has put others in their place meanwhile.
pub(crate) fn is_outrun(failure: &Failure) -> bool {
    is_overtaken(failure) || failure.code() == "maintain/missing-file"
}

/// Reads where the log stands, and publishes what somebody left claimed; the state of a scope.
pub(crate) async fn recover(log: &mut CommitLog, scope: &ScopeId) -> Result<Vec<ScopeState>, Failure> {
    let failure = |error: CommitError| Failure::new(error.fault(), error.code(), error);
    let mut recovered = log.recover().await.map_err(failure)?;
    for permit in recovered.unfinished {
        log.publish(permit).await.map_err(failure)?;
    }
    Ok(recovered.states.remove(scope).unwrap_or_default())
}

struct Deriving<'a> {
    store: Arc<dyn ObjectStore>,
    log: CommitLog,
    scratch: Option<Arc<dyn Scratch>>,
    tables: Vec<TableId>,
    marks: Marks,
    plan: &'a Plan,
    links: Arc<LinkLog>,
    clock: &'a dyn Clock,
}

/// Whether it is looked for gaps.
pub(crate) fn looks_for_gaps(connect: &ConnectPlan) -> bool {
    connect.tables.iter().any(|table| table.as_str() == "agent_stream_gaps")
}

impl<'a> Deriving<'a> {
    /// Opens the lake, and publishes what a run left claimed.
    async fn open(
        factory: &'a LineFactory,
        tables: Vec<TableId>,
        clock: &'a dyn Clock,
    ) -> Result<Option<Self>, Failure> {
        let plan = factory.plan();
        if open_lake_if_there(&plan.lake).await?.is_none() {
            return Ok(None);
        }
        let store = open_lake(&plan.lake).await?;
        let log = factory.open_log(Arc::clone(&store)).await?;
        let scratch = open_spool(plan.parquet.spool.as_ref()).await?;
        let (marks, links) = (Marks::default(), Arc::clone(&factory.links));
        let mut deriving = Self { store, log, scratch, tables, marks, plan, links, clock };
        deriving.recover().await?;
        Ok(Some(deriving))
    }

    /// Reads where the log stands, and publishes what somebody left claimed.
    async fn recover(&mut self) -> Result<(), Failure> {
        let states = recover(&mut self.log, &Marks::scope()).await?;
        self.marks = Marks::of(&states, self.rules_text())?;
        Ok(())
    }

    /// What gives derived rows their meaning.
    fn rules_text(&self) -> String {
        let tables: Vec<&str> = self.tables.iter().map(TableId::as_str).collect();
        let connect = &self.plan.connect;
        format!(
            "tables={} silence={} open={} early_seconds={} interval={} custom_states={:?}",
            tables.join(","),
            connect.silence.as_secs(),
            connect.write_open,
            connect.early_seconds,
            connect.interval.as_secs(),
            connect.custom_states
        )
    }

    /// One try.
    async fn once(&mut self, attempt: Attempt, days: RangeInclusive<Day>, settles: bool) -> Result<Attempted, Failure> {
        let tables: Vec<Table> = time_tables().into_iter().filter(|table| self.tables.contains(&table.id)).collect();
        let identity = Identity { pipeline: self.plan.pipeline.clone() };
        let options = sink_options(&self.plan.parquet);
        let mut sink = ParquetSink::new(Arc::clone(&self.store), tables, options, self.scratch.clone(), identity)?;
        let connect = &self.plan.connect;
        let rules = Rules {
            silence: connect.silence,
            write_open: connect.write_open,
            early_seconds: connect.early_seconds,
            interval: connect.interval,
            custom_states: connect.custom_states.iter().map(|arn| arn.as_str().into()).collect(),
            merged: match self.plan.mode {
                Mode::Batch => MERGED,
                Mode::Streaming => MERGED_BESIDE,
            },
            links: looks_for_gaps(connect),
            passed: Some(Arc::clone(&self.links)),
            now: self.clock.now(),
        };
        let (store, tables, scratch) = (Arc::clone(&self.store), self.tables.clone(), self.scratch.clone());
        let mut rebuild = Rebuild { store, log: &mut self.log, tables, rules, scratch, clock: self.clock };
        let mut marks = self.marks.clone();
        let attempted = rebuild.days(&mut sink, attempt, days, settles.then_some(&mut marks)).await?;
        if matches!(attempted, Attempted::Done(_)) {
            self.marks = marks;
        }
        Ok(attempted)
    }

    /// Derives days, and the others whose rows change with them.
    async fn settle(
        &mut self,
        attempts: &mut (dyn FnMut() -> Attempt + Send),
        mut days: RangeInclusive<Day>,
    ) -> Result<Rebuilt, Failure> {
        // Where a long session began is seen from a day before at most: each time it takes longer steps.
        let mut step = 0;
        loop {
            match self.once(attempts(), days.clone(), true).await? {
                Attempted::Done(rebuilt) => return Ok(rebuilt),
                Attempted::Wider(wider) if wider.start() < days.start() => {
                    days = Day::from_days(wider.start().days() - step)..=*wider.end();
                    step = (2 * step).max(1);
                }
                Attempted::Wider(wider) => days = wider,
            }
        }
    }

    /// The first stale day with the days to derive with it: the stale ones that follow, and a neighbour at each end, for a
    /// session that reaches over midnight is another one when either day is.
    fn stale(&self) -> Option<RangeInclusive<Day>> {
        let stale = self.marks.stale(self.log.live());
        let first = *stale.first()?;
        let events: BTreeSet<Day> = newest_events(self.log.live()).into_keys().collect();
        let is_near = |left: Day, right: Day| right.days() - left.days() <= NEIGHBOURS;
        // What a session's first event tells may have begun the day before, and its last sign of life may be a day old.
        let before = Day::from_days(first.days() - 1);
        let mut last = first;
        for day in stale {
            if is_near(last, day) {
                last = day;
            }
        }
        let after = events.range(last.next()..).next().copied().filter(|after| is_near(last, *after));
        Some(before..=after.unwrap_or(last))
    }
}
