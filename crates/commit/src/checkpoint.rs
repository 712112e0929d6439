//! Checkpoint records and manifests: where a recovery starts, so that a record stays small and old ones need not be
//! read.
//!
//! Side objects are named by what is in them: two workers that write the same checkpoint do not disturb each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use tributary_core::{Attempt, Checkpoint, Epoch, Key, PartitionPath, PipelineId, Position, SplitId, TableId, Tally};
use tributary_store::ObjectStore;

use crate::digest::{CheckpointSum, TextDigest};
use crate::head::{Head, Place, Since};
use crate::layout::{Layout, LogName, log_name};
use crate::record::{SideObject, StateEntry, decode, encode, newest_format};
use crate::{CommitError, LiveFile, LiveFiles};

/// A checkpoint is due after this many changed splits: a batch over small files moves many in one epoch.
pub(crate) const SPLITS: usize = 1_000;
/// Side objects that are read or written at once.
const AT_ONCE: usize = 16;

/// "Every epoch up to this one is published, and this is what they add up to."
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckpointRecord {
    pub(crate) format: u32,
    pub(crate) pipeline: PipelineId,
    pub(crate) epoch: Epoch,
    /// The digest of that epoch's record.
    pub(crate) record: TextDigest,
    pub(crate) options: TextDigest,
    pub(crate) options_text: BTreeMap<String, String>,
    /// The digest of the whole checkpoint.
    pub(crate) checkpoint: TextDigest,
    /// The positions of the splits that have not ended.
    pub(crate) open: Checkpoint,
    /// The splits that have, in pieces.
    pub(crate) ended: Vec<SideObject>,
    pub(crate) bans: BTreeMap<Attempt, Epoch>,
    pub(crate) states: Vec<StateEntry>,
    pub(crate) manifests: Vec<ManifestEntry>,
    pub(crate) tally: Tally,
}

impl CheckpointRecord {
    /// Every other object that it needs.
    pub(crate) fn names(self) -> impl Iterator<Item = Key> {
        let lists = self.ended.into_iter().chain(self.manifests.into_iter().map(|entry| entry.object));
        lists.chain(self.states.into_iter().map(|entry| entry.object)).map(|object| object.key)
    }
}

/// Where the live files of a partition are listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ManifestEntry {
    pub(crate) table: TableId,
    pub(crate) partition: PartitionPath,
    pub(crate) object: SideObject,
}

/// The live files of one partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) format: u32,
    pub(crate) table: TableId,
    pub(crate) partition: PartitionPath,
    pub(crate) files: Vec<LiveFile>,
}

/// Splits that have ended, sorted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ended {
    format: u32,
    splits: BTreeSet<SplitId>,
}

/// The newest checkpoint record, as far as the next one builds on it.
#[derive(Debug, Default)]
pub(crate) struct Base {
    pub(crate) epoch: Option<Epoch>,
    manifests: BTreeMap<Place, SideObject>,
    /// Pieces of the ended splits, each at least twice as long as the next: a split is rewritten a logarithmic number
    /// of times, however many files are read.
    ended: Vec<(SideObject, BTreeSet<SplitId>)>,
}

/// Whether the next checkpoint record is due.
pub(crate) fn is_due(head: &Head, every: u64) -> bool {
    epochs_since(head) >= every || head.since.moved_splits >= SPLITS
}

/// How many epochs the newest checkpoint record does not cover.
pub(crate) fn epochs_since(head: &Head) -> u64 {
    head.next - head.base.epoch.map_or(0, |epoch| epoch.number() + 1)
}

/// Writes the checkpoint record of the newest epoch of `head`, unless others have written one since; every epoch up to it is
/// published.
pub(crate) async fn write(
    store: &dyn ObjectStore,
    layout: &Layout,
    pipeline: &PipelineId,
    head: &mut Head,
    every: u64,
) -> Result<(), CommitError> {
    adopt(store, layout, pipeline, head).await?;
    if !is_due(head, every) {
        return Ok(());
    }
    let (Some(epoch), Some(record), Some(options)) = (head.newest(), head.parent, head.options) else { return Ok(()) };
    let manifests = write_manifests(store, layout, epoch, head).await?;
    let ended = write_ended(store, layout, epoch, head).await?;
    let open = head.checkpoint.positions().filter(|(_, at)| **at != Position::End);
    let summary = CheckpointRecord {
        format: newest_format(),
        pipeline: pipeline.clone(),
        epoch,
        record,
        options,
        options_text: head.options_text.clone(),
        checkpoint: head.sum.digest(),
        open: open.map(|(split, at)| (split.clone(), at.clone())).collect(),
        ended: ended.iter().map(|(object, _)| object.clone()).collect(),
        bans: head.bans.clone(),
        states: head.states.values().flatten().cloned().collect(),
        manifests: manifests
            .iter()
            .map(|((table, partition), object)| ManifestEntry {
                table: table.clone(),
                partition: *partition,
                object: object.clone(),
            })
            .collect(),
        tally: head.tally.clone(),
    };
    fail::fail_point!("commit:before_checkpoint", |_| std::process::abort());
    let before = head.base.epoch;
    // Somebody else's record of the same epoch says the same; ours then goes on from its own side objects.
    store.create(&layout.checkpoint(epoch)?, encode(&summary)?).await?;
    fail::fail_point!("commit:after_checkpoint", |_| std::process::abort());
    // What it was built on may be deleted by now, and lists of it: then the next one is built on what others have written.
    if let Some(before) = before
        && store.size(&layout.checkpoint(before)?).await?.is_none()
    {
        return Ok(());
    }
    head.base = Base { epoch: Some(epoch), manifests, ended };
    head.since = Since::default();
    Ok(())
}

/// Goes on from what others have written since: what only older checkpoint records name may be deleted.
async fn adopt(
    store: &dyn ObjectStore,
    layout: &Layout,
    pipeline: &PipelineId,
    head: &mut Head,
) -> Result<(), CommitError> {
    let after = head.base.epoch.map(|epoch| layout.checkpoint(epoch)).transpose()?;
    for key in store.list(&layout.checkpoints()?, after.as_ref()).await?.into_iter().rev() {
        let Some(LogName::Record(epoch)) = log_name(&key) else { continue };
        if head.newest().is_none_or(|newest| epoch > newest) {
            continue;
        }
        let Some(body) = store.read(&key).await? else { continue };
        match read(store, pipeline, &key, &body).await {
            Ok(newer) => {
                head.base = newer.base;
                head.since.moved_splits = 0;
                return Ok(());
            }
            Err(CommitError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn write_manifests(
    store: &dyn ObjectStore,
    layout: &Layout,
    epoch: Epoch,
    head: &Head,
) -> Result<BTreeMap<Place, SideObject>, CommitError> {
    let mut manifests = head.base.manifests.clone();
    let mut objects = Vec::new();
    for place in &head.since.changed {
        let (table, partition) = place;
        let files = head.live.day(table, *partition).to_vec();
        if files.is_empty() {
            manifests.remove(place);
            continue;
        }
        let body = encode(&Manifest { format: newest_format(), table: table.clone(), partition: *partition, files })?;
        let key = layout.manifest(table, *partition, epoch, TextDigest::of(&body))?;
        manifests.insert(place.clone(), SideObject::of(key.clone(), &body));
        objects.push((key, body));
    }
    let written = stream::iter(objects).map(|(key, body)| async move { store.create(&key, body).await.map(drop) });
    written.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    Ok(manifests)
}

async fn write_ended(
    store: &dyn ObjectStore,
    layout: &Layout,
    epoch: Epoch,
    head: &Head,
) -> Result<Vec<(SideObject, BTreeSet<SplitId>)>, CommitError> {
    let mut pieces = head.base.ended.clone();
    if head.since.ended.is_empty() {
        return Ok(pieces);
    }
    let mut splits = head.since.ended.clone();
    while let Some((_, last)) = pieces.pop_if(|(_, last)| last.len() < 2 * splits.len()) {
        splits.extend(last);
    }
    let ended = Ended { format: newest_format(), splits };
    let body = encode(&ended)?;
    let key = layout.ended(epoch, TextDigest::of(&body))?;
    let object = SideObject::of(key.clone(), &body);
    store.create(&key, body).await?;
    pieces.push((object, ended.splits));
    Ok(pieces)
}

/// Reads a checkpoint record and what it names.
pub(crate) async fn read(
    store: &dyn ObjectStore,
    pipeline: &PipelineId,
    key: &Key,
    body: &Bytes,
) -> Result<Head, CommitError> {
    let summary: CheckpointRecord = decode(key, body)?;
    let damaged = |reason: &str| CommitError::Damaged { key: key.clone(), reason: reason.to_owned() };
    if summary.pipeline != *pipeline {
        return Err(damaged("it belongs to another pipeline"));
    }
    let mut positions: BTreeMap<SplitId, Position> =
        summary.open.positions().map(|(split, at)| (split.clone(), at.clone())).collect();
    let mut ended = Vec::with_capacity(summary.ended.len());
    for object in &summary.ended {
        let piece: Ended = decode(&object.key, &side_object(store, object).await?)?;
        positions.extend(piece.splits.iter().map(|split| (split.clone(), Position::End)));
        ended.push((object.clone(), piece.splits));
    }
    let checkpoint: Checkpoint = positions.into_iter().collect();
    let sum = CheckpointSum::of(&checkpoint);
    if sum.digest() != summary.checkpoint {
        return Err(damaged("its positions are not those that its digest states"));
    }
    let (live, manifests) = read_manifests(store, &summary.manifests).await?;
    let mut states: BTreeMap<_, Vec<StateEntry>> = BTreeMap::new();
    for entry in summary.states {
        states.entry(entry.scope.clone()).or_default().push(entry);
    }
    Ok(Head {
        next: summary.epoch.number() + 1,
        parent: Some(summary.record),
        options: Some(summary.options),
        options_text: summary.options_text,
        checkpoint: Arc::new(checkpoint),
        sum,
        live,
        bans: summary.bans,
        states,
        tally: summary.tally,
        base: Base { epoch: Some(summary.epoch), manifests, ended },
        since: Since::default(),
    })
}

async fn read_manifests(
    store: &dyn ObjectStore,
    entries: &[ManifestEntry],
) -> Result<(LiveFiles, BTreeMap<Place, SideObject>), CommitError> {
    let bodies: Vec<_> = entries.iter().map(|entry| side_object(store, &entry.object)).collect();
    let bodies: Vec<Bytes> = stream::iter(bodies).buffered(AT_ONCE).try_collect().await?;
    let mut live = LiveFiles::default();
    let mut manifests = BTreeMap::new();
    for (entry, body) in entries.iter().zip(bodies) {
        let manifest: Manifest = decode(&entry.object.key, &body)?;
        for file in manifest.files {
            live.put(entry.table.clone(), entry.partition, file);
        }
        manifests.insert((entry.table.clone(), entry.partition), entry.object.clone());
    }
    Ok((live, manifests))
}

/// The bytes of a side object, checked.
pub(crate) async fn side_object(store: &dyn ObjectStore, object: &SideObject) -> Result<Bytes, CommitError> {
    let Some(body) = store.read(&object.key).await? else {
        return Err(CommitError::Damaged { key: object.key.clone(), reason: "it is missing".to_owned() });
    };
    object.check(&body)?;
    Ok(body)
}
