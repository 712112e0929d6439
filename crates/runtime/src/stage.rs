//! The four stages and what travels between them.

pub(crate) mod commit;
pub(crate) mod decode;
pub(crate) mod heirs;
pub(crate) mod pool;
pub(crate) mod read;
pub(crate) mod scopes;
pub(crate) mod spread;
pub(crate) mod transform;
pub(crate) mod write;

use bytes::Bytes;
use tokio::time::Instant;
use tributary_commit::Proposal;
use tributary_core::{Delta, Epoch, Held, RawBatch, ScopeId, StateKind, TableBatch, Tally, UnreadInput};

use crate::SealReason;
use crate::budget::Hold;

/// Messages a channel between two stages holds: enough that neighbours do not wait for one another's every step, and
/// few enough that the budget, not the channel, is what memory is reckoned with.
pub(crate) const CHANNEL: usize = 2;

/// read -> transform: a batch and its share of the budget.
pub(crate) struct Fetched {
    pub(crate) batch: RawBatch,
    /// When it was read, by the clock of timers.
    pub(crate) since: Instant,
    pub(crate) hold: Hold,
}

/// transform -> write: the rows of a batch, or the end of an epoch. A seal stands behind exactly the rows whose delta
/// and state it concludes (ADR-0003).
pub(crate) enum Flow {
    Rows(Rows),
    Seal(Seal),
}

/// What one batch became.
pub(crate) struct Rows {
    pub(crate) tables: Vec<TableBatch>,
    pub(crate) delta: Delta,
    pub(crate) tally: Tally,
    /// Kept until the sink has taken the rows.
    pub(crate) hold: Hold,
}

/// The end of an epoch.
pub(crate) struct Seal {
    /// Snapshots of the scopes that the epoch changed.
    pub(crate) states: Vec<(ScopeId, StateKind, Bytes)>,
    pub(crate) reason: SealReason,
}

/// write -> commit: an epoch whose bytes are durable.
pub(crate) struct Sealed {
    pub(crate) proposal: Proposal,
    pub(crate) reason: SealReason,
}

/// Why reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadEnd {
    /// Nothing follows.
    Finished,
    /// The splits are other ones: what is in hand is committed, and a new line goes on.
    Interrupted,
    /// It was asked to stop.
    Drained,
}

/// How a stage ended that did not fail.
pub(crate) enum Ended {
    /// The source has nothing more, or was asked to stop.
    Read { cause: ReadEnd, unread: Vec<UnreadInput> },
    /// Everything was transformed.
    Transform { held: Vec<(ScopeId, Held)> },
    /// Everything was sealed.
    Write,
    /// Everything was published.
    Commit,
    /// Somebody else committed to our days first: read again from the log's end.
    Overtaken(Epoch),
    /// A neighbour went away; the reason is with it.
    Closed,
}
