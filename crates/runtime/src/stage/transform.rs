//! transform: batches become rows in order, and the cadence cuts them into epochs.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tributary_core::{Conflict, Delta, Transform};

use super::decode::{Work, decode};
use super::scopes::Scopes;
use super::spread::Spread;
use super::{Ended, Fetched, Flow, Rows, Seal};
use crate::progress::Reporter;
use crate::{Cadence, RunError, SealReason, StageName};

const STAGE: StageName = StageName::Transform;

/// The two halves of the stage, in one task: decoding runs ahead on other threads, applying follows in order.
pub(crate) struct Transforming {
    pub(crate) transform: Arc<dyn Transform>,
    pub(crate) decoders: usize,
    pub(crate) batches: mpsc::Receiver<Fetched>,
    pub(crate) applying: Applying,
}

impl Transforming {
    /// Transforms until its input ends.
    pub(crate) async fn run(self) -> Result<Ended, RunError> {
        let (results, work) = mpsc::channel(self.decoders);
        let decoding = decode(self.transform, self.decoders, self.batches, results);
        let ((), ended) = tokio::join!(decoding, self.applying.run(work));
        ended
    }
}

/// The second half: state, rows and the end of epochs.
pub(crate) struct Applying {
    scopes: Scopes,
    cadence: Cadence,
    next: mpsc::Sender<Flow>,
    wanted: watch::Receiver<Option<u64>>,
    reporter: Reporter,
    spread: Spread,
    open: OpenEpoch,
}

/// What went down since the last seal.
#[derive(Default)]
struct OpenEpoch {
    /// When its first record was read.
    since: Option<Instant>,
    /// Bytes of records in it.
    input: u64,
    /// What it accounts for.
    delta: Delta,
    /// Seals before it.
    number: u64,
}

/// What happens next.
enum Next {
    Seal(SealReason),
    Apply(Option<JoinHandle<Work>>),
    Closed,
}

/// The receiver below is gone; its own result says why.
struct Gone;

impl Applying {
    /// Sends rows and seals to `next`. `wanted` holds the number of the seal, counted from the start of this line,
    /// that the sink needs soon.
    pub(crate) fn new(
        scopes: Scopes,
        cadence: Cadence,
        next: mpsc::Sender<Flow>,
        wanted: watch::Receiver<Option<u64>>,
        reporter: Reporter,
    ) -> Self {
        Self { scopes, cadence, next, wanted, reporter, spread: Spread::default(), open: OpenEpoch::default() }
    }

    async fn run(mut self, mut work: mpsc::Receiver<JoinHandle<Work>>) -> Result<Ended, RunError> {
        loop {
            let sent = match self.wait(&mut work).await {
                Next::Seal(reason) => self.seal(reason).await?,
                Next::Apply(Some(decoding)) => {
                    let work = decoding.await.map_err(|join| RunError::lost(STAGE, join))?;
                    self.apply(work).await?
                }
                Next::Apply(None) => break,
                Next::Closed => Err(Gone),
            };
            if let Err(Gone) = sent {
                return Ok(Ended::Closed);
            }
        }
        if let Err(Gone) = self.seal(SealReason::End).await? {
            return Ok(Ended::Closed);
        }
        Ok(Ended::Transform { held: self.scopes.held() })
    }

    async fn wait(&mut self, work: &mut mpsc::Receiver<JoinHandle<Work>>) -> Next {
        let due = self.open.since.and_then(|since| since.checked_add(self.cadence.every));
        loop {
            let open = !self.open.delta.is_empty();
            if open && self.cadence.input.is_some_and(|limit| self.open.input >= limit) {
                return Next::Seal(SealReason::Input);
            }
            if self.open.delta.len() >= self.cadence.splits {
                return Next::Seal(SealReason::Splits);
            }
            if open && *self.wanted.borrow_and_update() == Some(self.open.number) {
                return Next::Seal(SealReason::Memory);
            }
            tokio::select! {
                biased;
                () = self.next.closed() => return Next::Closed,
                () = at(due) => return Next::Seal(SealReason::Age),
                Ok(()) = self.wanted.changed() => {}
                decoding = work.recv() => return Next::Apply(decoding),
            }
        }
    }

    /// Sends the rows of one batch down, after a seal when the batch does not follow on what is open.
    async fn apply(&mut self, work: Work) -> Result<Result<(), Gone>, RunError> {
        if let Err(conflict) = self.open.delta.append(work.delta.clone()) {
            if !is_gap(&conflict) {
                return Err(RunError::broken(STAGE, conflict.to_string()));
            }
            // A gap inside an epoch could not be told from a whole span: let the commit stage see it.
            if let Err(Gone) = self.seal(SealReason::Gap).await? {
                return Ok(Err(Gone));
            }
            self.open.delta = work.delta.clone();
        }
        self.open.since.get_or_insert(work.since);
        self.open.input = self.open.input.saturating_add(work.bytes);
        let Some(read_at) = work.read_at else {
            return Err(RunError::broken(STAGE, "a batch without the time it was read"));
        };
        let spread = self.spread.look(&work.scope, &work.decoded.subjects);
        let (tables, tally) = self.scopes.apply(work.scope, work.decoded, read_at).await?;
        fail::fail_point!("transform:after_apply", |_| std::process::abort());
        self.reporter.note(|progress| {
            progress.tally.append(&tally);
            progress.spread += spread;
        });
        let rows = Rows { tables, delta: work.delta, tally, hold: work.hold };
        Ok(self.next.send(Flow::Rows(rows)).await.map_err(|_| Gone))
    }

    /// Ends the epoch, unless nothing was read in it.
    async fn seal(&mut self, reason: SealReason) -> Result<Result<(), Gone>, RunError> {
        if self.open.delta.is_empty() {
            return Ok(Ok(()));
        }
        let states = self.scopes.snapshot().await?;
        self.open = OpenEpoch { number: self.open.number + 1, ..OpenEpoch::default() };
        Ok(self.next.send(Flow::Seal(Seal { states, reason })).await.map_err(|_| Gone))
    }
}

/// Waits until `due`; for ever when nothing is.
async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Whether the later span begins after the earlier one ends, so that something between was left out.
fn is_gap(conflict: &Conflict) -> bool {
    match conflict {
        Conflict::Detached { earlier, later, .. } => earlier.to().order(later.from()) == Some(std::cmp::Ordering::Less),
        Conflict::Overlap { .. } | Conflict::Kind { .. } | Conflict::Backwards { .. } => false,
    }
}
