//! A clock that stands still.

use tributary_core::{Clock, Timestamp};

/// Always says the same moment.
#[derive(Clone, Copy, Debug)]
pub struct FixedClock(pub Timestamp);

impl Default for FixedClock {
    /// 2025-07-01T00:00:00Z.
    fn default() -> Self {
        Self(Timestamp::from_micros(1_751_328_000_000_000))
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}
