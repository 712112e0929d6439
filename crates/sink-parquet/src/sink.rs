//! The port.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use tributary_core::{Attempt, Failure, Fill, PartitionPath, Scratch, SealedFile, Sink, Table, TableBatch, TableId};
use tributary_store::ObjectStore;

use crate::encode::{Work, encode};
use crate::file::{Files, OpenFile};
use crate::gauge::Gauge;
use crate::plan::Plan;
use crate::table::{Generations, Limits, Spilled, TableState, Waiting};
use crate::{Identity, Options, SinkError};

/// What part of the memory is kept for row groups that are being encoded and for the pages they become.
const ENCODERS_SHARE: u64 = 4;

/// A generation of a table's dictionaries may take this part of the memory: two tables of agents use a fraction of it,
/// and what is unique does not fill the memory for ever.
const GENERATION_SHARE: u64 = 8;

/// Codes and places of strings are 32 bits wide: with a batch of arrow's largest strings on top, 2 GiB, they must fit.
const LARGEST_GENERATION: u64 = 256 << 20;

/// When memory is short, a set with this part of a full row group is still worth being one.
const GOOD_GROUP: u64 = 4;

/// The [`Sink`] that writes Parquet. A future of it that is dropped before its end, or that failed, leaves it unusable:
/// the line is built again.
pub struct ParquetSink {
    store: Arc<dyn ObjectStore>,
    scratch: Option<Arc<dyn Scratch>>,
    options: Options,
    tables: BTreeMap<TableId, TableState>,
    files: Option<Arc<Files>>,
    /// Files that reached their size and are sealed already.
    sealed: Vec<SealedFile>,
    rows: u64,
    memory: Gauge,
    on_spool: Gauge,
    encoded: Gauge,
    full: bool,
}

impl ParquetSink {
    /// A sink for `tables`. Without `scratch` it asks to be sealed when memory is short.
    ///
    /// # Errors
    /// [`SinkError::Shape`] or [`SinkError::Encode`] for a table that cannot be written as it is described.
    pub fn new(
        store: Arc<dyn ObjectStore>,
        tables: Vec<Table>,
        options: Options,
        scratch: Option<Arc<dyn Scratch>>,
        identity: Identity,
    ) -> Result<Self, SinkError> {
        let memory = Gauge::default();
        let limits = Limits {
            rows: options.row_group_rows.max(1),
            bytes: options.row_group_bytes.max(1),
            generation: (options.memory / GENERATION_SHARE).min(LARGEST_GENERATION),
        };
        let state = |table: &Table| {
            let plan = Plan::new(table, &options, &identity.pipeline)?;
            Ok((table.id.clone(), TableState::new(plan, limits, memory.clone())))
        };
        let tables = tables.iter().map(state).collect::<Result<_, SinkError>>()?;
        Ok(Self {
            store,
            scratch,
            options,
            tables,
            files: None,
            sealed: Vec::new(),
            rows: 0,
            memory,
            on_spool: Gauge::default(),
            encoded: Gauge::default(),
            full: false,
        })
    }

    async fn take(&mut self, batch: TableBatch) -> Result<(), SinkError> {
        let TableBatch { table, rows, dictionaries } = batch;
        let files = Arc::clone(self.files.as_ref().ok_or(SinkError::NoAttempt)?);
        let unknown = || SinkError::UnknownTable { table: table.clone() };
        let mut state = self.tables.remove(&table).ok_or_else(unknown)?;
        if rows.num_rows() == 0 {
            self.tables.insert(table, state);
            return Ok(());
        }
        self.rows += rows.num_rows() as u64;
        let taking = tokio::task::spawn_blocking(move || state.take(&rows, dictionaries).map(|days| (state, days)));
        let (mut state, days) = taking.await.map_err(SinkError::CutOff)??;
        for day in days {
            while state.is_ready(day) {
                self.write_group(&files, &mut state, day).await?;
            }
        }
        self.tables.insert(table, state);
        self.relieve(&files).await
    }

    /// Frees memory until the rows that wait are below their limit, or says that the sink is full.
    async fn relieve(&mut self, files: &Arc<Files>) -> Result<(), SinkError> {
        let limit = self.options.memory - self.options.memory / ENCODERS_SHARE;
        while !self.full && self.memory.bytes() > limit {
            let Some((table, mut state)) = self.heaviest() else {
                self.full = true;
                break;
            };
            match (state.largest(), &self.scratch) {
                (Some((day, bytes)), _) if bytes >= self.options.row_group_bytes / GOOD_GROUP => {
                    self.write_group(files, &mut state, day).await?;
                    state.forget_generations();
                }
                (Some((_, bytes)), Some(scratch)) if bytes > 0 => {
                    let (scratch, on_spool) = (Arc::clone(scratch), self.on_spool.clone());
                    let spilling = tokio::task::spawn_blocking(move || {
                        state.spill(&scratch, &on_spool).map(|spilled| (state, spilled))
                    });
                    let (spilled_state, spilled) = spilling.await.map_err(SinkError::CutOff)??;
                    self.full = spilled == Spilled::Full;
                    state = spilled_state;
                }
                _ => self.full = true,
            }
            self.tables.insert(table, state);
        }
        Ok(())
    }

    /// Takes out the table with the most rows in memory.
    fn heaviest(&mut self) -> Option<(TableId, TableState)> {
        let heaviest = self.tables.iter().max_by_key(|(_, state)| state.memory()).map(|(table, _)| table.clone())?;
        self.tables.remove_entry(&heaviest)
    }

    /// Writes one row group of a day; seals its file when it is large enough.
    async fn write_group(
        &mut self,
        files: &Arc<Files>,
        state: &mut TableState,
        day: PartitionPath,
    ) -> Result<(), SinkError> {
        let Some(work) = state.next_group(day)? else { return Ok(()) };
        let plan = Arc::clone(&state.plan);
        let Some(waiting) = state.days.get_mut(&day) else { return Ok(()) };
        let file = append(files, &plan, work, waiting.file.take()).await?;
        if file.bytes() >= self.options.file_size {
            self.sealed.push(files.seal(&plan, file).await?);
        } else {
            waiting.file = Some(file);
        }
        if waiting.is_empty() && waiting.file.is_none() {
            state.days.remove(&day);
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<Vec<SealedFile>, SinkError> {
        let mut sealed = std::mem::take(&mut self.sealed);
        if let Some(files) = self.files.take() {
            let mut days = Vec::new();
            for state in self.tables.values_mut() {
                let (waiting, generations) = state.empty();
                let (plan, generations) = (Arc::clone(&state.plan), Arc::new(generations));
                days.extend(waiting.into_iter().map(|(day, waiting)| SealDay {
                    files: Arc::clone(&files),
                    plan: Arc::clone(&plan),
                    generations: Arc::clone(&generations),
                    waiting,
                    day,
                    file_size: self.options.file_size,
                }));
            }
            let workers = self.options.workers.max(1);
            let all: Vec<Vec<SealedFile>> =
                stream::iter(days).map(SealDay::run).buffer_unordered(workers).try_collect().await?;
            sealed.extend(all.into_iter().flatten());
        }
        sealed.sort_by(|left, right| left.key.cmp(&right.key));
        (self.rows, self.full) = (0, false);
        fail::fail_point!("seal:after_all", |_| std::process::abort());
        Ok(sealed)
    }
}

/// The last row groups of one table and day.
struct SealDay {
    files: Arc<Files>,
    plan: Arc<Plan>,
    generations: Arc<Generations>,
    waiting: Waiting,
    day: PartitionPath,
    file_size: u64,
}

impl SealDay {
    async fn run(mut self) -> Result<Vec<SealedFile>, SinkError> {
        let mut sealed = Vec::new();
        let mut file = self.waiting.file.take();
        while let Some(work) = self.generations.next_group(&self.plan, &mut self.waiting, self.day)? {
            let open = append(&self.files, &self.plan, work, file.take()).await?;
            if open.bytes() >= self.file_size {
                sealed.push(self.files.seal(&self.plan, open).await?);
            } else {
                file = Some(open);
            }
        }
        if let Some(file) = file {
            sealed.push(self.files.seal(&self.plan, file).await?);
        }
        Ok(sealed)
    }
}

/// Encodes a row group on a blocking thread and hands its bytes to the upload; opens a file where there is none.
async fn append(
    files: &Arc<Files>,
    plan: &Arc<Plan>,
    work: Work,
    file: Option<OpenFile>,
) -> Result<OpenFile, SinkError> {
    let mut file = match file {
        Some(file) => file,
        None => files.open(plan, work.day).await?,
    };
    let (plan, shared) = (Arc::clone(plan), Arc::clone(files));
    let encoding = tokio::task::spawn_blocking(move || {
        let mut press = shared.press(&plan)?;
        let rows = encode(&plan, work, &mut file.writer, &shared.memory, &mut press)?;
        shared.put_away(press);
        Ok::<_, SinkError>((file, rows))
    });
    let (mut file, rows) = encoding.await.map_err(SinkError::CutOff)??;
    file.add(rows).await?;
    Ok(file)
}

#[async_trait]
impl Sink for ParquetSink {
    fn begin(&mut self, attempt: &Attempt) {
        let store = Arc::clone(&self.store);
        self.files = Some(Arc::new(Files::new(store, attempt.clone(), self.memory.clone(), self.encoded.clone())));
    }

    async fn write(&mut self, batch: TableBatch) -> Result<(), Failure> {
        Ok(self.take(batch).await?)
    }

    fn fill(&self) -> Fill {
        Fill {
            rows: self.rows,
            memory: self.memory.bytes(),
            spooled: self.on_spool.bytes(),
            encoded: self.encoded.bytes(),
            full: self.full,
        }
    }

    async fn seal(&mut self) -> Result<Vec<SealedFile>, Failure> {
        Ok(self.finish().await?)
    }
}

#[cfg(test)]
mod coded_tests;
#[cfg(test)]
mod growing_tests;
#[cfg(test)]
mod tests;
