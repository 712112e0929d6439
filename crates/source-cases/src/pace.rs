//! No more calls than the account may make.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Says when the next call may be made. A time without calls is not made up for: the service counts by the second.
#[derive(Debug)]
pub(crate) struct Pace {
    interval: Duration,
    next: Instant,
}

impl Pace {
    pub(crate) fn new(rate: NonZeroU32) -> Self {
        Self { interval: Duration::from_secs(1) / rate.get(), next: Instant::now() }
    }

    /// Waits until a call may be made, which the caller makes.
    pub(crate) async fn turn(&mut self) {
        sleep_until(self.next).await;
        self.next = Instant::now() + self.interval;
    }
}
