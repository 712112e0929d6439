//! What goes into a claim and what comes out of it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tributary_core::{
    Attempt, Checkpoint, Conflict, Delta, Epoch, Key, PartitionPath, ScopeId, ScopeState, SealedFile, StateKind,
    TableId, Tally, Timestamp,
};

use crate::LiveFiles;
use crate::record::Record;

/// What one attempt wants to commit.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// Who proposes; used once, whatever becomes of it.
    pub attempt: Attempt,
    /// What it accounts for; may be empty.
    pub delta: Delta,
    /// The count of it; balanced.
    pub tally: Tally,
    /// Sealed files; may be empty.
    pub adds: Vec<SealedFile>,
    /// Live files that they stand in for.
    pub replaces: Vec<Key>,
    /// Attempts that may never be claimed afterwards.
    pub bans: Vec<Attempt>,
    /// Snapshots of scopes; they are stored before the claim.
    pub state: Vec<(ScopeId, StateKind, Bytes)>,
    /// Whether rows were compared with what the partitions held: the claim is then refused as
    /// [`Claim::Overtaken`] when somebody else committed to one of them since.
    pub guarded: bool,
    /// Partitions that nobody else may have added to meanwhile, because rows were made from them or take their place, be
    /// they empty; guarded in the same way.
    pub read: Vec<(TableId, PartitionPath)>,
    /// When its first upload was begun.
    pub began: Timestamp,
}

/// What became of a proposal.
#[derive(Debug)]
#[must_use = "an owned epoch has to be published"]
pub enum Claim {
    /// The epoch is ours; its data counts as delivered, and has to be published.
    Owned(Permit),
    /// Somebody else was first. Nothing was committed, and nothing ever will be under this attempt.
    Fenced(FencedBy),
    /// Of a guarded proposal: another attempt added files to one of its partitions. Nothing was claimed. Drop the
    /// attempt, recover, look at the new files' keys and read again.
    Overtaken {
        /// The newest such epoch.
        epoch: Epoch,
    },
}

/// Who committed what stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committer {
    /// Its epoch.
    pub epoch: Epoch,
    /// Its attempt.
    pub attempt: Attempt,
}

/// Why a proposal is refused for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FencedBy {
    /// What it accounts for is, in part, committed already: another process works on the same splits.
    Conflict {
        /// The overlap.
        conflict: Conflict,
        /// Who committed it, if that was since the last recovery.
        by: Option<Committer>,
    },
    /// The attempt was banned: `gc` took its uploads for abandoned.
    Ban {
        /// The epoch that bans it.
        epoch: Epoch,
    },
    /// A file that it replaces is not live.
    Replaced {
        /// The file.
        key: Key,
        /// Who took it out, if that was since the last recovery.
        by: Option<Committer>,
    },
    /// An attempt that it bans is claimed.
    Claimed {
        /// The attempt.
        attempt: Attempt,
        /// Its epoch.
        epoch: Epoch,
    },
    /// Another process writes this log with other options.
    Options {
        /// Its epoch.
        epoch: Epoch,
    },
}

impl fmt::Display for FencedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = |by: &Option<Committer>| match by {
            Some(by) => format!(" (epoch {}, attempt {})", by.epoch, by.attempt),
            None => String::new(),
        };
        match self {
            Self::Conflict { conflict, by } => write!(f, "another process committed first: {conflict}{}", who(by)),
            Self::Ban { epoch } => write!(f, "this attempt was banned by epoch {epoch}: gc took it for abandoned"),
            Self::Replaced { key, by } => write!(f, "{key} is no longer part of the lake{}", who(by)),
            Self::Claimed { attempt, epoch } => write!(f, "attempt {attempt} is committed as epoch {epoch}"),
            Self::Options { epoch } => write!(f, "epoch {epoch} was committed with other options by another process"),
        }
    }
}

/// The right and the duty to publish an epoch. Made by a claim or a recovery alone.
///
/// ```compile_fail,E0451
/// let forged = tributary_commit::Permit { record: todo!(), checkpoint: todo!() };
/// ```
#[derive(Debug)]
#[must_use = "a claimed epoch has to be published"]
pub struct Permit {
    pub(crate) record: Arc<Record>,
    pub(crate) checkpoint: Arc<Checkpoint>,
}

impl Permit {
    /// The epoch it is for.
    pub fn epoch(&self) -> Epoch {
        self.record.epoch
    }

    /// The attempt that claimed it.
    pub fn attempt(&self) -> &Attempt {
        &self.record.attempt
    }

    /// The files that are to be published.
    pub fn adds(&self) -> &[SealedFile] {
        &self.record.adds
    }
}

/// The proof that an epoch is published. Made by [`CommitLog::publish`](crate::CommitLog::publish) alone.
///
/// ```compile_fail,E0451
/// let forged = tributary_commit::Receipt { record: todo!(), checkpoint: todo!() };
/// ```
#[derive(Clone, Debug)]
pub struct Receipt {
    pub(crate) record: Arc<Record>,
    pub(crate) checkpoint: Arc<Checkpoint>,
}

impl Receipt {
    /// The epoch that is published.
    pub fn epoch(&self) -> Epoch {
        self.record.epoch
    }

    /// Where reading resumes after it.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The count of it.
    pub fn tally(&self) -> &Tally {
        &self.record.tally
    }
}

/// What a restart finds.
#[derive(Debug)]
pub struct Recovered {
    /// Where each split resumes.
    pub checkpoint: Checkpoint,
    /// The number of the next epoch.
    pub next: Epoch,
    /// Epochs that were claimed, by whomever, and perhaps not published, in order. Publish them before anything else.
    pub unfinished: Vec<Permit>,
    /// Of each scope: the newest full snapshot and the deltas after it, oldest first.
    pub states: BTreeMap<ScopeId, Vec<ScopeState>>,
    /// The files that make up the lake.
    pub live: LiveFiles,
}
