//! No more calls than the account may make.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Says when the next call may be made, to several who ask. A time without calls is not made up for: the service counts by
/// the second.
#[derive(Debug)]
pub(crate) struct Pace {
    interval: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    pub(crate) fn new(rate: NonZeroU32) -> Self {
        Self { interval: Duration::from_secs(1) / rate.get(), next: Mutex::new(Instant::now()) }
    }

    /// Waits until a call may be made, which the caller makes.
    pub(crate) async fn turn(&self) {
        sleep_until(self.reserve()).await;
    }

    fn reserve(&self) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = (*next).max(Instant::now());
        *next = turn + self.interval;
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_keep_their_distance_whoever_asks() {
        let pace = Pace::new(NonZeroU32::new(4).unwrap());
        let turns: Vec<Instant> = (0..4).map(|_| pace.reserve()).collect();
        for pair in turns.windows(2) {
            assert!(pair[1] - pair[0] >= Duration::from_millis(250), "{pair:?}");
        }
    }
}
