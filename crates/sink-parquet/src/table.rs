//! The waiting rows of one table: taken in, cut into row groups, spooled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::FieldRef;
use tributary_core::{PartitionPath, Scratch};

use crate::SinkError;
use crate::dictionary::Generation;
use crate::encode::Work;
use crate::file::OpenFile;
use crate::gather::{Group, Piece};
use crate::gauge::Gauge;
use crate::incoming::{Incoming, may_come_as};
use crate::plan::{Coding, Plan};
use crate::rows::{Compactor, Pick, Run};
use crate::spill::{Spill, Spooled, spill};
use crate::split::split;

/// A day with fewer rows in a batch shares a chunk with its neighbours: a chunk costs some 30 bytes a column, which
/// rows that come one by one for a thousand days would pay each for themselves.
const OWN_CHUNK: usize = 64;

/// What waits for one day.
#[derive(Default)]
pub(crate) struct Waiting {
    /// On the spool, oldest first; all of it is older than `runs`.
    spooled: Vec<Spooled>,
    runs: Vec<Run>,
    pub(crate) file: Option<OpenFile>,
}

impl Waiting {
    /// Bytes of memory that its rows account for.
    pub(crate) fn memory(&self) -> u64 {
        self.runs.iter().map(|run| run.chunk.share(run.rows)).sum()
    }

    /// Rows, and the bytes of memory they would take if all of them were there.
    pub(crate) fn size(&self) -> (usize, u64) {
        let rows = self.runs.iter().map(|run| run.rows).chain(self.spooled.iter().map(|spooled| spooled.rows)).sum();
        (rows, self.memory() + self.spooled.iter().map(|spooled| spooled.memory).sum::<u64>())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.spooled.is_empty()
    }
}

/// How large a row group gets.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) rows: usize,
    pub(crate) bytes: u64,
    /// Bytes of a generation of dictionaries.
    pub(crate) generation: u64,
}

/// One table's rows.
pub(crate) struct TableState {
    pub(crate) plan: Arc<Plan>,
    pub(crate) days: BTreeMap<PartitionPath, Waiting>,
    generations: BTreeMap<u32, Arc<Generation>>,
    /// The number of the generation that grows.
    growing: u32,
    compactor: Compactor,
    limits: Limits,
    memory: Gauge,
}

impl TableState {
    pub(crate) fn new(plan: Plan, limits: Limits, memory: Gauge) -> Self {
        let units = plan.unit_count();
        Self {
            plan: Arc::new(plan),
            days: BTreeMap::new(),
            generations: BTreeMap::new(),
            growing: 0,
            compactor: Compactor::new(units),
            limits,
            memory,
        }
    }

    /// Takes rows in; the days that got some. `dictionaries` as in [`TableBatch`](tributary_core::TableBatch). CPU work: 2 ns for each value that comes coded, 20 to 30 ns for each
    /// other string.
    pub(crate) fn take(
        &mut self,
        batch: &RecordBatch,
        dictionaries: Option<(u32, u32)>,
    ) -> Result<Vec<PartitionPath>, SinkError> {
        self.check(batch)?;
        self.compactor.dictionaries = dictionaries;
        let split = split(&self.plan, batch)?;
        self.prepare_generation();
        let generation = self.generations.get_mut(&self.growing).and_then(Arc::get_mut);
        let generation = generation.ok_or_else(|| self.plan.shape("a dictionary is in use"))?;
        let mut columns = Incoming::columns(&self.plan, batch, &mut self.compactor, generation)?;
        let mut from = 0;
        let mut days = split.days.iter().peekable();
        while let Some((first, rows)) = days.next() {
            let mut together = vec![(*first, *rows)];
            let mut len = *rows;
            while let Some(next) = days.next_if(|(_, next)| *rows < OWN_CHUNK && *next < OWN_CHUNK) {
                together.push(*next);
                len += next.1;
            }
            let pick = match &split.order {
                None => Pick::Range(from, len),
                Some(order) => Pick::Rows(&order[from..from + len]),
            };
            self.add(&mut columns, pick, &together)?;
            from += len;
        }
        self.compactor.close(columns);
        self.turn_generation();
        Ok(split.days.into_iter().map(|(day, _)| day).collect())
    }

    fn check(&self, batch: &RecordBatch) -> Result<(), SinkError> {
        let (ours, theirs) = (self.plan.schema.fields(), batch.schema());
        // Strings inside of lists are decoded where the lists themselves could be.
        let takes_parts = |coding: &Coding| matches!(coding, Coding::Lists(_));
        let fits = |((ours, theirs), coding): ((&FieldRef, &FieldRef), &Coding)| {
            may_come_as(ours.data_type(), theirs.data_type(), takes_parts(coding))
        };
        let same =
            ours.len() == theirs.fields().len() && ours.iter().zip(theirs.fields()).zip(&self.plan.coding).all(fits);
        match same {
            true => Ok(()),
            false => Err(self.plan.shape("the rows are not in the table's schema")),
        }
    }

    /// Sees to it that there is a generation that can grow: codes of one batch are all of one.
    fn prepare_generation(&mut self) {
        let units = self.plan.unit_count();
        if self.generations.get_mut(&self.growing).is_some_and(|growing| Arc::get_mut(growing).is_none()) {
            // Somebody still reads it: an encoding that was cut off. Nothing is lost but some memory.
            self.growing += 1;
            self.compactor.begin_generation();
        }
        let fresh = || Arc::new(Generation::new(units, self.memory.charge(0)));
        self.generations.entry(self.growing).or_insert_with(fresh);
    }

    fn add(
        &mut self,
        columns: &mut [Incoming<'_>],
        pick: Pick<'_>,
        days: &[(PartitionPath, usize)],
    ) -> Result<(), SinkError> {
        let growing = self.generations.get_mut(&self.growing).and_then(Arc::get_mut);
        let generation = growing.ok_or_else(|| self.plan.shape("a dictionary is in use"))?;
        let chunk = self.compactor.compact(columns, pick, (self.growing, generation), &self.memory);
        let chunk = chunk.map_err(|cause| self.plan.arrange(cause))?;
        let chunk = Arc::new(chunk);
        let mut from = 0;
        for (day, rows) in days {
            let run = Run { chunk: Arc::clone(&chunk), from, rows: *rows };
            self.days.entry(*day).or_default().runs.push(run);
            from += rows;
        }
        Ok(())
    }

    /// Counts the growing generation, and lets the next one begin when it has grown large.
    fn turn_generation(&mut self) {
        let Some(generation) = self.generations.get_mut(&self.growing).and_then(Arc::get_mut) else { return };
        if generation.recount(self.compactor.memory()) > self.limits.generation {
            generation.recount(0);
            self.growing += 1;
            self.compactor.begin_generation();
            self.forget_generations();
        }
    }

    /// Drops the generations that no waiting row needs, but not the growing one.
    pub(crate) fn forget_generations(&mut self) {
        let mut needed = BTreeSet::from([self.growing]);
        needed.extend(self.days.values().flat_map(|day| day.runs.iter().map(|run| run.chunk.generation)));
        self.generations.retain(|number, _| needed.contains(number));
    }

    /// Whether a day has enough for a row group.
    pub(crate) fn is_ready(&self, day: PartitionPath) -> bool {
        let (rows, bytes) = self.days.get(&day).map(Waiting::size).unwrap_or_default();
        rows >= self.limits.rows || bytes >= self.limits.bytes
    }

    /// Takes the oldest rows of a day, as many as a row group may have.
    pub(crate) fn next_group(&mut self, day: PartitionPath) -> Result<Option<Work>, SinkError> {
        let Some(waiting) = self.days.get_mut(&day) else { return Ok(None) };
        next_group(&self.plan, waiting, day, self.limits, &self.generations)
    }

    /// Bytes of memory that rows account for.
    pub(crate) fn memory(&self) -> u64 {
        self.days.values().map(Waiting::memory).sum()
    }

    /// The day with the most rows in memory, and their bytes.
    pub(crate) fn largest(&self) -> Option<(PartitionPath, u64)> {
        self.days.iter().map(|(day, waiting)| (*day, waiting.memory())).max_by_key(|(_, memory)| *memory)
    }

    /// Puts every waiting row on the spool, day by day, until it is full.
    pub(crate) fn spill(&mut self, scratch: &Arc<dyn Scratch>, on_spool: &Gauge) -> Result<Spilled, SinkError> {
        for waiting in self.days.values_mut().filter(|waiting| !waiting.runs.is_empty()) {
            let group = Group::new(pieces(&self.plan, &waiting.runs, &self.generations)?);
            match spill(&self.plan, &group, scratch, on_spool)? {
                Spill::Done(spooled) => waiting.spooled.push(spooled),
                Spill::Full => return Ok(Spilled::Full),
            }
            waiting.runs = Vec::new();
        }
        self.growing += 1;
        self.compactor.begin_generation();
        self.forget_generations();
        Ok(Spilled::All)
    }

    /// Takes everything out, for sealing: the days, and the dictionaries.
    pub(crate) fn empty(&mut self) -> (BTreeMap<PartitionPath, Waiting>, Generations) {
        self.compactor.begin_generation();
        self.growing = 0;
        let generations = Generations { all: std::mem::take(&mut self.generations), limits: self.limits };
        (std::mem::take(&mut self.days), generations)
    }
}

/// Whether the spool took everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spilled {
    All,
    Full,
}

/// The dictionaries of rows that are being sealed.
pub(crate) struct Generations {
    all: BTreeMap<u32, Arc<Generation>>,
    limits: Limits,
}

impl Generations {
    /// Takes the oldest rows of a day, as many as a row group may have.
    pub(crate) fn next_group(
        &self,
        plan: &Plan,
        waiting: &mut Waiting,
        day: PartitionPath,
    ) -> Result<Option<Work>, SinkError> {
        next_group(plan, waiting, day, self.limits, &self.all)
    }
}

fn pieces(plan: &Plan, runs: &[Run], generations: &BTreeMap<u32, Arc<Generation>>) -> Result<Vec<Piece>, SinkError> {
    let piece = |run: &Run| {
        let dictionaries = generations.get(&run.chunk.generation);
        let dictionaries = dictionaries.ok_or_else(|| plan.shape("the dictionaries of waiting rows are gone"))?;
        Ok(Piece::new(run.clone(), dictionaries))
    };
    runs.iter().map(piece).collect()
}

fn next_group(
    plan: &Plan,
    waiting: &mut Waiting,
    day: PartitionPath,
    limits: Limits,
    generations: &BTreeMap<u32, Arc<Generation>>,
) -> Result<Option<Work>, SinkError> {
    let Waiting { runs, spooled, .. } = waiting;
    let (mut rows, mut bytes) = (0, 0);
    let mut fits = |more: usize, memory: u64| {
        let fits = rows == 0 || (rows + more <= limits.rows && bytes + memory <= limits.bytes * 5 / 4);
        (rows, bytes) = (rows + more, bytes + memory);
        fits
    };
    let from_spool = spooled.iter().take_while(|spooled| fits(spooled.rows, spooled.memory)).count();
    let from_memory = match from_spool == spooled.len() {
        true => runs.iter().take_while(|run| fits(run.rows, run.chunk.share(run.rows))).count(),
        false => 0,
    };
    if from_spool + from_memory == 0 {
        return Ok(None);
    }
    let spooled = spooled.drain(..from_spool).collect();
    let taken: Vec<Run> = runs.drain(..from_memory).collect();
    Ok(Some(Work { day, spooled, pieces: pieces(plan, &taken, generations)? }))
}
