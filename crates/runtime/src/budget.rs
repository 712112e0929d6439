//! The limit on bytes in flight, and the shares of it that ride beside the batches (INV-5).

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes per share: a semaphore counts 32 bits, and a finer grain buys nothing.
const GRAIN: u64 = 1 << 10;

/// The bytes that may be on their way between reading and the sink.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    shares: Arc<Semaphore>,
    total: u32,
}

impl Budget {
    /// A budget of `bytes`, rounded up to whole KiB, at least one.
    pub(crate) fn new(bytes: u64) -> Self {
        let total = u32::try_from(bytes.div_ceil(GRAIN).max(1)).unwrap_or(u32::MAX);
        // A semaphore holds at most MAX_PERMITS, which is less than a u32 where words have 32 bits.
        let total = total.min(u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX));
        Self { shares: Arc::new(Semaphore::new(total as usize)), total }
    }

    /// Waits until `bytes` are free and takes them. More than the whole budget takes all of it, so that a batch larger
    /// than the budget passes alone. Served in the order of asking.
    pub(crate) async fn hold(&self, bytes: u64) -> Hold {
        let wanted = u32::try_from(bytes.div_ceil(GRAIN)).unwrap_or(u32::MAX).min(self.total);
        // The semaphore is never closed, so there always is a permit.
        Hold { _shares: Arc::clone(&self.shares).acquire_many_owned(wanted).await.ok() }
    }
}

/// A share of the budget; given back when dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    _shares: Option<OwnedSemaphorePermit>,
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// INV-5: what is held never exceeds the budget; what is larger than all of it passes alone.
    #[tokio::test]
    async fn holds_fill_the_budget_and_no_more() {
        let budget = Budget::new(4 * GRAIN);
        let first = budget.hold(3 * GRAIN - 1).await;
        let second = budget.hold(1).await;
        assert!(budget.hold(1).now_or_never().is_none());
        drop(first);
        assert!(budget.hold(3 * GRAIN).now_or_never().is_some());

        assert!(budget.hold(100 * GRAIN).now_or_never().is_none(), "a giant waits for the last share");
        drop(second);
        let giant = budget.hold(100 * GRAIN).await;
        assert!(budget.hold(1).now_or_never().is_none(), "nothing passes beside a giant");
        drop(giant);
        assert!(budget.hold(1).now_or_never().is_some());
    }

    #[tokio::test]
    async fn nothing_costs_nothing_and_no_budget_is_too_small_to_move() {
        let budget = Budget::new(0);
        let _all = budget.hold(7).await;
        assert!(budget.hold(0).now_or_never().is_some());
    }
}
