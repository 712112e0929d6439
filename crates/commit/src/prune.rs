//! Throws away what no recovery reads any more, so that the log stays small.
//!
//! ```text
//! ...records...  B  ...records...  newest   head
//! └── deleted ──┘└ kept: B, what is after it, and what it and newer checkpoint records name
//! ```
//! Of a process that stood still meanwhile, a claim under a deleted number succeeds. It is told so by the checkpoint
//! records, which are older than the deletion: [`CommitError::Behind`].

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tributary_core::{Epoch, Key, Timestamp};

use crate::checkpoint::{self, CheckpointRecord};
use crate::layout::{LogName, list_epoch, log_name};
use crate::record::{Record, decode};
use crate::{CommitError, CommitLog};

/// Objects that are deleted at once.
const AT_ONCE: usize = 16;

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pruned {
    pub(crate) records: u64,
    pub(crate) checkpoints: u64,
    pub(crate) lists: u64,
    pub(crate) states: u64,
}

/// The oldest checkpoint record that stays.
struct Kept {
    epoch: Epoch,
    /// What it and the newer ones name.
    named: BTreeSet<Key>,
}

/// Deletes what lies below the newest checkpoint record that is older than `older_than` and that a newer one stands
/// above; both were read, with the lists that they name. Safe beside writers, and to repeat.
pub(crate) async fn prune(log: &CommitLog, older_than: Duration, now: Timestamp) -> Result<Pruned, CommitError> {
    let mut pruned = Pruned::default();
    let Some(kept) = find(log, older_than, now).await? else { return Ok(pruned) };
    // In this order nobody begins at what is no longer whole.
    let checkpoints = log.store.list(&log.layout.checkpoints()?, None).await?;
    let is_old = |key: &Key| matches!(log_name(key), Some(LogName::Record(epoch)) if epoch < kept.epoch);
    pruned.checkpoints = delete(log, checkpoints.into_iter().filter(is_old)).await?;
    for folder in [log.layout.manifests()?, log.layout.all_ended()?] {
        let lists = log.store.list(&folder, None).await?;
        // One of a later epoch may belong to a checkpoint record that is being written.
        let is_old = |key: &Key| list_epoch(key).is_some_and(|epoch| epoch <= kept.epoch) && !kept.named.contains(key);
        pruned.lists += delete(log, lists.into_iter().filter(is_old)).await?;
    }
    let names = log.store.list(&log.layout.commits()?, None).await?;
    let epochs: BTreeSet<Epoch> = names
        .iter()
        .filter_map(|key| match log_name(key)? {
            LogName::Record(epoch) | LogName::Done(epoch) => Some(epoch),
        })
        .filter(|epoch| *epoch < kept.epoch)
        .collect();
    pruned.records = epochs.len() as u64;
    let deleted: Vec<_> = epochs.into_iter().map(|epoch| delete_epoch(log, epoch, &kept.named)).collect();
    let states: Vec<u64> = stream::iter(deleted).buffered(AT_ONCE).try_collect().await?;
    pruned.states = states.into_iter().sum();
    Ok(pruned)
}

async fn find(log: &CommitLog, older_than: Duration, now: Timestamp) -> Result<Option<Kept>, CommitError> {
    let (store, layout) = (log.store.as_ref(), &log.layout);
    let patience = i64::try_from(older_than.as_micros()).unwrap_or(i64::MAX);
    let mut named = BTreeSet::new();
    let mut is_backed = false;
    for key in store.list(&layout.checkpoints()?, None).await?.into_iter().rev() {
        let Some(LogName::Record(epoch)) = log_name(&key) else { continue };
        let Some(body) = store.read(&key).await? else { continue };
        match decode::<CheckpointRecord>(&key, &body) {
            Ok(summary) => named.extend(summary.names()),
            Err(CommitError::Damaged { .. }) => continue,
            Err(error) => return Err(error),
        }
        let is_old = is_backed && claimed_at(log, epoch).await?.is_some_and(|at| at.plus_micros(patience) <= now);
        if is_backed && !is_old {
            continue;
        }
        match checkpoint::read(store, &log.options.pipeline, &key, &body).await {
            Ok(_) if is_backed => return Ok(Some(Kept { epoch, named })),
            Ok(_) => is_backed = true,
            Err(CommitError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

async fn claimed_at(log: &CommitLog, epoch: Epoch) -> Result<Option<Timestamp>, CommitError> {
    let key = log.layout.commit(epoch)?;
    let Some(body) = log.store.read(&key).await? else { return Ok(None) };
    match decode::<Record>(&key, &body) {
        Ok(record) => Ok(Some(record.claimed_at)),
        Err(CommitError::Damaged { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn delete(log: &CommitLog, keys: impl Iterator<Item = Key>) -> Result<u64, CommitError> {
    let keys: Vec<Key> = keys.collect();
    let deleted: Vec<_> = keys.iter().map(|key| log.store.delete(key)).collect();
    stream::iter(deleted).buffered(AT_ONCE).try_collect::<()>().await?;
    Ok(keys.len() as u64)
}

/// Deletes a record after its mark and the snapshots that only it names. Tells how many of those there were.
async fn delete_epoch(log: &CommitLog, epoch: Epoch, named: &BTreeSet<Key>) -> Result<u64, CommitError> {
    let key = log.layout.commit(epoch)?;
    let mut states = 0;
    if let Some(body) = log.store.read(&key).await? {
        let record = match decode::<Record>(&key, &body) {
            Ok(record) => Some(record),
            Err(CommitError::Damaged { .. }) => None,
            Err(error) => return Err(error),
        };
        let superseded = record.iter().flat_map(|record| &record.state).map(|entry| &entry.object.key);
        for state in superseded.filter(|state| !named.contains(*state)) {
            log.store.delete(state).await?;
            states += 1;
        }
    }
    log.store.delete(&log.layout.done(epoch)?).await?;
    log.store.delete(&key).await?;
    Ok(states)
}
