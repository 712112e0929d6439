//! read: takes batches from the source, and tells it what is durable.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tributary_commit::Receipt;
use tributary_core::{Clock, RawBatch, Source};

use super::{Ended, Fetched, ReadEnd};
use crate::budget::Budget;
use crate::error::with_causes;
use crate::progress::Reporter;
use crate::{Phase, RunError, StageName};

/// The only stage that looks at `drain`, and the only one that talks to the source.
pub(crate) struct Read {
    pub(crate) source: Box<dyn Source>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) budget: Budget,
    pub(crate) next: mpsc::Sender<Fetched>,
    pub(crate) receipts: watch::Receiver<Option<Receipt>>,
    pub(crate) drain: CancellationToken,
    pub(crate) reporter: Reporter,
}

/// Why reading stopped.
enum Stopped {
    End,
    Interrupted,
    Drained,
    Closed,
}

impl Read {
    /// Reads until nothing follows, then stays to pass on the last receipts.
    pub(crate) async fn run(mut self) -> Result<Ended, RunError> {
        let cause = match self.read().await? {
            Stopped::End => ReadEnd::Finished,
            Stopped::Interrupted => ReadEnd::Interrupted,
            Stopped::Drained => ReadEnd::Drained,
            Stopped::Closed => return Ok(Ended::Closed),
        };
        // The end of this channel is what tells the stages below to finish.
        let Self { mut source, next, mut receipts, .. } = self;
        drop(next);
        while receipts.changed().await.is_ok() {
            release(source.as_mut(), &mut receipts).await;
        }
        Ok(Ended::Read { cause, unread: source.unread() })
    }

    async fn read(&mut self) -> Result<Stopped, RunError> {
        loop {
            self.reporter.enter(Phase::Reading);
            let batch = tokio::select! {
                biased;
                () = self.drain.cancelled() => return Ok(Stopped::Drained),
                () = self.next.closed() => return Ok(Stopped::Closed),
                changed = self.receipts.changed() => {
                    if changed.is_err() {
                        return Ok(Stopped::Closed);
                    }
                    release(self.source.as_mut(), &mut self.receipts).await;
                    continue;
                }
                batch = self.source.next() => batch.map_err(RunError::at(StageName::Read))?,
            };
            let Some(batch) = batch else {
                return Ok(if self.source.goes_on() { Stopped::Interrupted } else { Stopped::End });
            };
            let lag = self.source.lag();
            self.reporter.note(|progress| progress.lag = lag);
            fail::fail_point!("read:after_batch", |_| std::process::abort());
            if batch.delta.is_empty() {
                if batch.records.is_empty() {
                    continue;
                }
                return Err(RunError::broken(StageName::Read, "records came without the delta that accounts for them"));
            }
            if !self.hand_on(batch).await {
                return Ok(Stopped::Closed);
            }
        }
    }

    /// Waits for room and hands the batch on; whether anybody was there to take it. Drain waits as well: what is in
    /// hand is still committed.
    async fn hand_on(&mut self, mut batch: RawBatch) -> bool {
        batch.read_at = Some(self.clock.now());
        let since = Instant::now();
        let hold = self.budget.hold(batch.bytes() as u64).await;
        self.next.send(Fetched { batch, since, hold }).await.is_ok()
    }
}

/// Tells the source what is durable. A courtesy: when it fails, the log still knows.
async fn release(source: &mut dyn Source, receipts: &mut watch::Receiver<Option<Receipt>>) {
    let newest = receipts.borrow_and_update().clone();
    let Some(receipt) = newest else { return };
    if let Err(error) = source.release(receipt.checkpoint()).await {
        tracing::warn!(epoch = %receipt.epoch(), error = %with_causes(&error), "source could not be told what is durable");
    }
}
