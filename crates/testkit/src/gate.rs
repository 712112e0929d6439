//! A place where a fake waits, and a count of what is on its way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

/// A gate that calls wait at. Clones share it.
#[derive(Clone, Debug)]
pub struct Gate {
    open: watch::Sender<bool>,
}

impl Default for Gate {
    /// An open gate.
    fn default() -> Self {
        Self { open: watch::Sender::new(true) }
    }
}

impl Gate {
    /// From now on calls wait.
    pub fn close(&self) {
        self.open.send_replace(false);
    }

    /// Lets everybody pass.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Waits until it is open.
    pub async fn pass(&self) {
        // The sender lives in `self`, so the wait cannot fail.
        drop(self.open.subscribe().wait_for(|open| *open).await);
    }
}

/// Counts payloads between the source and the sink. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    batches: AtomicU64,
    given: AtomicU64,
    taken: AtomicU64,
    most: AtomicU64,
}

impl Meter {
    /// The source gave a batch of so many payloads.
    pub fn give(&self, payloads: u64) {
        self.counts.batches.fetch_add(1, Ordering::SeqCst);
        let given = self.counts.given.fetch_add(payloads, Ordering::SeqCst) + payloads;
        self.counts.most.fetch_max(given - self.counts.taken.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// The sink took so many rows.
    pub fn take(&self, rows: u64) {
        self.counts.taken.fetch_add(rows, Ordering::SeqCst);
    }

    /// Batches given so far.
    pub fn batches(&self) -> u64 {
        self.counts.batches.load(Ordering::SeqCst)
    }

    /// The most payloads that were ever on their way; true when each makes one row.
    pub fn most(&self) -> u64 {
        self.counts.most.load(Ordering::SeqCst)
    }
}
