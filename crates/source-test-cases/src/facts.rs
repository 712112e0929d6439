//! What the driver tells.

use std::sync::atomic::{AtomicI64, Ordering};

use tributary_core::{Lag, Timestamp};

/// What is known of the reading.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Milliseconds behind the service's clock when the last sweep began; 0 while there was none.
    behind: AtomicI64,
}

impl Facts {
    /// Everything that began before `since` was taken when it was `now`.
    pub(crate) fn is_up_to(&self, since: Timestamp, now: Timestamp) {
        self.behind.store(now.millis().saturating_sub(since.millis()).max(1), Ordering::Relaxed);
    }

    /// Before the first sweep is over nobody knows.
    pub(crate) fn lag(&self) -> Option<Lag> {
        u64::try_from(self.behind.load(Ordering::Relaxed)).ok().filter(|behind| *behind > 0).map(Lag::Millis)
    }
}
