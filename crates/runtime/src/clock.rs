//! The real clock and names that nobody else has: the two things that only the world can give.

use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

use tributary_core::{Attempt, Clock, Timestamp};

/// The clock of the machine. Every other room is handed a [`Clock`].
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is handed")]
    fn now(&self) -> Timestamp {
        let now = SystemTime::now();
        let micros = match now.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
        };
        Timestamp::from_micros(micros)
    }
}

/// A new attempt's name: 128 bits that no other process and no other call has.
///
/// A `RandomState` is SipHash under a key from the operating system, a new one for each value; the process, the
/// moment and the half are hashed as well, so that even a cloned machine differs.
pub fn new_attempt(clock: &dyn Clock) -> Attempt {
    let half = |which: u8| {
        let facts = (which, clock.now().micros(), std::process::id());
        u128::from(RandomState::new().hash_one(facts))
    };
    Attempt::from_bits((half(0) << 64) | half(1))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(0)
        }
    }

    #[test]
    fn attempts_differ_though_the_clock_stands_still() {
        let attempts: BTreeSet<Attempt> = (0..10_000).map(|_| new_attempt(&Still)).collect();
        assert_eq!(attempts.len(), 10_000);
    }

    #[test]
    fn the_clock_is_past_the_year_this_was_written() {
        assert!(SystemClock.now().day().to_string().as_str() > "2025-01-01");
    }
}
