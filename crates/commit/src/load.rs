//! Reading the log: from the newest readable checkpoint record on.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use tributary_core::{Checkpoint, Epoch, Key, PipelineId};
use tributary_store::ObjectStore;

use crate::CommitError;
use crate::checkpoint;
use crate::head::Head;
use crate::layout::{Layout, LogName, log_name};
use crate::record::Record;

/// Records that are read at once.
const AT_ONCE: usize = 16;

/// One epoch after the checkpoint record.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) record: Arc<Record>,
    /// The checkpoint after it.
    pub(crate) checkpoint: Arc<Checkpoint>,
    pub(crate) published: bool,
}

/// The log, read.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) head: Head,
    /// Every epoch after the checkpoint record, in order.
    pub(crate) steps: Vec<Step>,
}

/// How often reading begins again when what is read is deleted meanwhile.
const AGAIN: u32 = 5;

/// Reads the log up to and including `last`, or to its end. What it begins at may be deleted while it reads: then there is a
/// newer checkpoint record, and it begins again there.
pub(crate) async fn load(
    store: &dyn ObjectStore,
    layout: &Layout,
    pipeline: &PipelineId,
    last: Option<Epoch>,
) -> Result<Loaded, CommitError> {
    let mut newest = None;
    for _ in 0..AGAIN {
        match load_once(store, layout, pipeline, last).await {
            Err(error @ (CommitError::Damaged { .. } | CommitError::Hole { .. })) => {
                // Asked for only now: where nothing is wrong it would be a request for nothing.
                let now = Some(newest_name(store, layout).await?);
                if now == newest {
                    return Err(error);
                }
                tracing::debug!(%error, "reading the log again, for it may have been shortened");
                newest = now;
            }
            outcome => return outcome,
        }
    }
    load_once(store, layout, pipeline, last).await
}

async fn newest_name(store: &dyn ObjectStore, layout: &Layout) -> Result<Option<Key>, CommitError> {
    Ok(store.list(&layout.checkpoints()?, None).await?.pop())
}

async fn load_once(
    store: &dyn ObjectStore,
    layout: &Layout,
    pipeline: &PipelineId,
    last: Option<Epoch>,
) -> Result<Loaded, CommitError> {
    let (mut head, unreadable) = newest_checkpoint(store, layout, pipeline, last).await?;
    let after = head.newest().map(|epoch| layout.commit(epoch)).transpose()?;
    let names = store.list(&layout.commits()?, after.as_ref()).await?;
    let mut epochs = Vec::new();
    let mut done = BTreeSet::new();
    for name in names.iter().filter_map(log_name) {
        match name {
            LogName::Record(epoch) if last.is_none_or(|last| epoch <= last) => epochs.push(epoch),
            LogName::Done(epoch) => {
                done.insert(epoch);
            }
            LogName::Record(_) => {}
        }
    }
    let missing = epochs.iter().zip(head.next..).find(|(epoch, expected)| epoch.number() != *expected);
    if let Some((_, missing)) = missing {
        // Without its records a checkpoint record that cannot be read is what is missing.
        let hole = || CommitError::Hole { pipeline: pipeline.clone(), epoch: Epoch::new(missing) };
        return Err(unreadable.filter(|_| missing == 0).unwrap_or_else(hole));
    }
    let mut steps = Vec::with_capacity(epochs.len());
    let mut bodies = stream::iter(epochs).map(|epoch| record_body(store, layout, epoch)).buffered(AT_ONCE);
    while let Some((key, body)) = bodies.try_next().await? {
        let record = head.read(&key, &body)?;
        if record.pipeline != *pipeline {
            return Err(CommitError::Damaged { key, reason: "it belongs to another pipeline".to_owned() });
        }
        let published = done.contains(&record.epoch);
        steps.push(Step { record, checkpoint: Arc::clone(&head.checkpoint), published });
    }
    Ok(Loaded { head, steps })
}

async fn record_body(store: &dyn ObjectStore, layout: &Layout, epoch: Epoch) -> Result<(Key, Bytes), CommitError> {
    let key = layout.commit(epoch)?;
    match store.read(&key).await? {
        Some(body) => Ok((key, body)),
        None => Err(CommitError::Damaged { key, reason: "it was listed and is missing".to_owned() }),
    }
}

/// The state at the newest checkpoint record that can be read, or that of an empty log. A damaged one costs time, not
/// safety: the records say the same. One of a newer format is refused. With what is wrong with the newest one, if none can
/// be read.
async fn newest_checkpoint(
    store: &dyn ObjectStore,
    layout: &Layout,
    pipeline: &PipelineId,
    last: Option<Epoch>,
) -> Result<(Head, Option<CommitError>), CommitError> {
    let mut unreadable = None;
    let mut names = store.list(&layout.checkpoints()?, None).await?;
    while let Some(key) = names.pop() {
        let Some(LogName::Record(epoch)) = log_name(&key) else { continue };
        if last.is_some_and(|last| epoch > last) {
            continue;
        }
        let Some(body) = store.read(&key).await? else { continue };
        match checkpoint::read(store, pipeline, &key, &body).await {
            Err(error @ CommitError::Damaged { .. }) => {
                tracing::warn!(%key, %error, "checkpoint record cannot be read, going on from an older one");
                unreadable.get_or_insert(error);
            }
            outcome => return outcome.map(|head| (head, None)),
        }
    }
    Ok((Head::default(), unreadable))
}
