//! What may be thrown away: uploads of attempts that never claimed, after a ban; and what no recovery reads any more
//! ([`prune`](crate::prune)).
//!
//! ```text
//! seal ─ stop ─────────────────────── wake ─ claim: fenced by the ban
//!               gc: ban, then abort
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;
use tributary_core::{Attempt, Delta, Key, Tally, Timestamp};
use tributary_store::PendingUpload;

use crate::layout::state_attempt;
use crate::owner::EVERYBODYS;
use crate::prune::prune;
use crate::{Claim, CommitError, CommitLog, FencedBy, Proposal, pipelines};

/// What `gc` did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GcReport {
    /// Attempts that were banned now.
    pub banned: u64,
    /// Uploads that were thrown away.
    pub aborted: u64,
    /// Snapshots that were deleted: of banned attempts, and those that newer ones supersede.
    pub states: u64,
    /// Commit records below a checkpoint record that were deleted.
    pub records: u64,
    /// Older checkpoint records that were deleted.
    pub checkpoints: u64,
    /// Lists of files and of ended splits that were deleted with them.
    pub lists: u64,
    /// Uploads that were left alone: too young, of an attempt that has a record, or of another pipeline.
    pub kept: u64,
}

/// Throws away the uploads of attempts that have no record and whose oldest upload was begun longer than `older_than`
/// before `now`: bans them first, in an epoch of its own that is claimed as `attempt`, and only then aborts.
///
/// What lies below a checkpoint record older than `older_than`, with another one above it, is deleted too.
///
/// Only uploads of the log's own tables are looked at: a ban in this log means nothing to another pipeline. Uploads of
/// `rejected`, which is everybody's, go with the others of their attempt, or when no other pipeline uses the lake.
///
/// # Errors
/// As [`CommitLog::claim`] and [`CommitLog::publish`]; [`CommitError::Fenced`] when the log is written with other
/// options. Can be repeated after each.
pub async fn gc(
    log: &mut CommitLog,
    attempt: Attempt,
    older_than: Duration,
    now: Timestamp,
) -> Result<GcReport, CommitError> {
    // First the uploads, then the log: an attempt that claims in between is seen to have a record.
    let pending = log.store.uploads().await?;
    log.catch_up().await?;
    log.refuse_behind(log.head.next()).await?;
    let ours = of_this_pipeline(log, &pending).await?;
    let bans = abandoned(log, &ours, older_than, now);
    let mut report = GcReport { banned: ban(log, attempt, bans).await?, ..GcReport::default() };
    // A ban that was read may be of a record that nobody else will ever read.
    log.refuse_behind(log.head.next()).await?;
    for upload in &pending {
        if ours.contains_key(&upload.attempt) && log.head.bans.contains_key(&upload.attempt) {
            log.store.abort(&upload.key, &upload.upload).await?;
            report.aborted += 1;
        } else {
            report.kept += 1;
        }
    }
    let pruned = prune(log, older_than, now).await?;
    report.states = delete_states(log).await? + pruned.states;
    report.records = pruned.records;
    report.checkpoints = pruned.checkpoints;
    report.lists = pruned.lists;
    Ok(report)
}

/// The attempts that can only be this pipeline's, with the moment of their oldest upload.
async fn of_this_pipeline(
    log: &CommitLog,
    pending: &[PendingUpload],
) -> Result<BTreeMap<Attempt, Timestamp>, CommitError> {
    // Whoever writes to this lake owns a table of it.
    let alone = pipelines(log.store.as_ref()).await?.iter().all(|pipeline| *pipeline == log.options.pipeline);
    let is_ours = |key: &Key| {
        let table = key.as_str().split('/').next().unwrap_or_default();
        let listed = log.options.tables.iter().any(|ours| ours.as_str() == table);
        listed && (alone || table != EVERYBODYS)
    };
    let ours: BTreeSet<&Attempt> =
        pending.iter().filter(|upload| is_ours(&upload.key)).map(|upload| &upload.attempt).collect();
    let mut oldest: BTreeMap<Attempt, Timestamp> = BTreeMap::new();
    for upload in pending.iter().filter(|upload| ours.contains(&upload.attempt)) {
        let since = oldest.entry(upload.attempt.clone()).or_insert(upload.since);
        *since = upload.since.min(*since);
    }
    Ok(oldest)
}

fn abandoned(
    log: &CommitLog,
    ours: &BTreeMap<Attempt, Timestamp>,
    older_than: Duration,
    now: Timestamp,
) -> BTreeSet<Attempt> {
    let patience = i64::try_from(older_than.as_micros()).unwrap_or(i64::MAX);
    // What happened before the newest checkpoint record is known by what is left of it. An upload of a claimed attempt
    // that nobody completes is no wonder: S3 begins one twice when the first answer is lost.
    let published: BTreeSet<Attempt> = log
        .head
        .live
        .iter()
        .filter_map(|(_, _, file)| file.key.attempt())
        .chain(named_states(log).filter_map(state_attempt))
        .collect();
    let known = |attempt: &Attempt| {
        log.head.since.claimed.contains_key(attempt)
            || log.head.bans.contains_key(attempt)
            || published.contains(attempt)
    };
    let old = ours.iter().filter(|(attempt, since)| since.plus_micros(patience) <= now && !known(attempt));
    old.map(|(attempt, _)| attempt.clone()).collect()
}

/// Commits the bans; who claims meanwhile is left out. Tells how many are banned.
async fn ban(log: &mut CommitLog, attempt: Attempt, mut bans: BTreeSet<Attempt>) -> Result<u64, CommitError> {
    while !bans.is_empty() {
        let proposal = Proposal {
            attempt: attempt.clone(),
            delta: Delta::default(),
            tally: Tally::default(),
            adds: Vec::new(),
            replaces: Vec::new(),
            bans: bans.iter().cloned().collect(),
            state: Vec::new(),
            guarded: false,
            read: Vec::new(),
            began: log.clock.now(),
        };
        match log.claim(proposal).await? {
            Claim::Owned(permit) => {
                log.publish(permit).await?;
                return Ok(bans.len() as u64);
            }
            Claim::Fenced(FencedBy::Claimed { attempt, .. }) => {
                bans.remove(&attempt);
            }
            Claim::Fenced(by) => return Err(CommitError::Fenced { by: Box::new(by) }),
            // Only a guarded proposal is overtaken.
            Claim::Overtaken { .. } => return Ok(0),
        }
    }
    Ok(0)
}

/// The snapshots that the log names.
fn named_states(log: &CommitLog) -> impl Iterator<Item = &Key> {
    log.head.states.values().flatten().map(|entry| &entry.object.key)
}

/// Deletes the snapshots of banned attempts: no record will ever name them.
async fn delete_states(log: &CommitLog) -> Result<u64, CommitError> {
    let mut deleted = 0;
    if log.head.bans.is_empty() {
        return Ok(deleted);
    }
    let named: BTreeSet<&Key> = named_states(log).collect();
    for key in log.store.list(&log.layout.states()?, None).await? {
        let is_banned = state_attempt(&key).is_some_and(|attempt| log.head.bans.contains_key(&attempt));
        if is_banned && !named.contains(&key) {
            log.store.delete(&key).await?;
            deleted += 1;
        }
    }
    Ok(deleted)
}
