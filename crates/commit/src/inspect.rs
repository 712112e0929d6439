//! What `tributary status` shows: the log, read without touching it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use tributary_core::{Attempt, Checkpoint, Delta, Epoch, PipelineId, ScopeId, TableId, Tally, Timestamp};
use tributary_store::ObjectStore;

use crate::layout::Layout;
use crate::load::{Step, load};
use crate::owner;
use crate::{CommitError, LiveFiles};

/// The log of a pipeline.
#[derive(Clone, Debug, Serialize)]
pub struct LogView {
    /// The pipeline.
    pub pipeline: PipelineId,
    /// The number of the next epoch: how many there are.
    pub next: Epoch,
    /// The epochs after the newest checkpoint record, in order.
    pub epochs: Vec<EpochView>,
    /// The epoch of the newest checkpoint record.
    pub newest_checkpoint: Option<Epoch>,
    /// Where each split resumes.
    pub checkpoint: Checkpoint,
    /// The live files of each table.
    pub tables: BTreeMap<TableId, TableView>,
    /// The snapshots that a restart would read.
    pub states: Vec<StateView>,
    /// The sum of all epochs' tallies.
    pub tally: Tally,
}

/// One epoch.
#[derive(Clone, Debug, Serialize)]
pub struct EpochView {
    /// Its number.
    pub epoch: Epoch,
    /// Who claimed it.
    pub attempt: Attempt,
    /// When, by that process's clock.
    pub claimed_at: Timestamp,
    /// Whether its files are known to be visible.
    pub published: bool,
    /// The count of it.
    pub tally: Tally,
    /// What it accounts for.
    pub delta: Delta,
    /// What it added, by table.
    pub tables: BTreeMap<TableId, TableView>,
    /// How many files it replaced.
    pub replaced: u64,
    /// How many attempts it banned.
    pub banned: u64,
}

/// Files of a table, added up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TableView {
    /// How many files.
    pub files: u64,
    /// Their rows.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many days they are of.
    pub days: u64,
}

/// The snapshots of one scope that a restart would read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StateView {
    /// The scope.
    pub scope: ScopeId,
    /// How many: one full, and the deltas after it.
    pub snapshots: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Reads the log of `pipeline`. Touches nothing, takes possession of nothing; the log of a pipeline that never ran is
/// empty.
///
/// # Errors
/// [`CommitError::NewerFormat`], a damaged log, and what the store says.
pub async fn inspect(store: &dyn ObjectStore, pipeline: &PipelineId) -> Result<LogView, CommitError> {
    let loaded = load(store, &Layout::of(pipeline), pipeline, None).await?;
    let head = loaded.head;
    let states = head.states.iter().map(|(scope, entries)| StateView {
        scope: scope.clone(),
        snapshots: entries.len() as u64,
        bytes: entries.iter().map(|entry| entry.object.bytes).sum(),
    });
    Ok(LogView {
        pipeline: pipeline.clone(),
        next: head.next(),
        epochs: loaded.steps.iter().map(epoch_view).collect(),
        newest_checkpoint: head.base.epoch,
        checkpoint: head.checkpoint.as_ref().clone(),
        tables: live_tables(&head.live),
        states: states.collect(),
        tally: head.tally,
    })
}

/// The pipelines that own a table of this lake, in the order of their names.
///
/// # Errors
/// As [`inspect`].
pub async fn pipelines(store: &dyn ObjectStore) -> Result<Vec<PipelineId>, CommitError> {
    let owners = owner::owners(store).await?;
    let names: BTreeSet<PipelineId> = owners.into_iter().map(|owner| owner.pipeline).collect();
    Ok(names.into_iter().collect())
}

fn live_tables(live: &LiveFiles) -> BTreeMap<TableId, TableView> {
    let mut tables: BTreeMap<TableId, TableView> = BTreeMap::new();
    for (table, _, files) in live.days() {
        let view = tables.entry(table.clone()).or_default();
        view.days += 1;
        for file in files {
            view.files += 1;
            view.rows += file.rows;
            view.bytes += file.bytes;
        }
    }
    tables
}

fn epoch_view(step: &Step) -> EpochView {
    let record = &step.record;
    let mut live = LiveFiles::default();
    for file in &record.adds {
        live.add(record.epoch, file);
    }
    EpochView {
        epoch: record.epoch,
        attempt: record.attempt.clone(),
        claimed_at: record.claimed_at,
        published: step.published,
        tally: record.tally.clone(),
        delta: record.delta.clone(),
        tables: live_tables(&live),
        replaced: record.replaces.len() as u64,
        banned: record.bans.len() as u64,
    }
}
