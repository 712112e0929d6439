//! How often a line is begun again.

use std::time::Duration;

use crate::RunError;

/// Transient ends in a row, without an epoch between them, after which the run gives up.
const TRIES: u32 = 5;

/// The pause before the first restart.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// By how much each pause is longer than the one before.
const GROWTH: u32 = 3;

/// The longest pause before a restart.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How often in a row others may commit to our days first: that each of them got something done does not help us.
const OVERTAKINGS: u32 = 20;

/// Counts failures since the last epoch.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    /// The run's epochs when it was last asked.
    epochs: u64,
    failures: u32,
    overtakings: u32,
    is_endless: bool,
}

impl Patience {
    /// From now on no number of failures is enough, if `is_endless`.
    pub(crate) fn started(&mut self, is_endless: bool) {
        self.is_endless = is_endless;
    }

    /// The pause before the next try, after a transient failure of a run that committed `epochs` so far; `None` when
    /// there were enough tries.
    pub(crate) fn failed(&mut self, epochs: u64) -> Option<Duration> {
        self.look(epochs);
        if self.failures >= TRIES && !self.is_endless {
            return None;
        }
        let pause = FIRST_PAUSE.saturating_mul(GROWTH.saturating_pow(self.failures)).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        Some(pause)
    }

    /// Others were first once more; an error when that was too often.
    pub(crate) fn overtaken(&mut self, epochs: u64) -> Result<(), RunError> {
        self.look(epochs);
        self.overtakings += 1;
        if self.overtakings > OVERTAKINGS {
            return Err(RunError::Overtaken { times: self.overtakings });
        }
        Ok(())
    }

    /// An epoch since the last time is a fresh start.
    fn look(&mut self, epochs: u64) {
        if epochs > self.epochs {
            *self = Self { epochs, is_endless: self.is_endless, ..Self::default() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_end_and_begin_anew_after_an_epoch() {
        let mut patience = Patience::default();
        let pauses: Vec<Option<u128>> = (0..6).map(|_| patience.failed(0).map(|pause| pause.as_millis())).collect();
        assert_eq!(pauses, [Some(200), Some(600), Some(1_800), Some(5_400), Some(10_000), None]);
        assert_eq!(patience.failed(1), Some(FIRST_PAUSE));
    }

    #[test]
    fn what_has_no_end_is_tried_for_ever() {
        let mut patience = Patience::default();
        assert!((0..TRIES).all(|_| patience.failed(0).is_some()));
        assert_eq!(patience.failed(0), None);
        patience.started(true);
        for _ in 0..100 {
            assert_eq!(patience.failed(0), Some(LONGEST_PAUSE));
        }
        assert_eq!(patience.failed(1), Some(FIRST_PAUSE));
        assert!((0..100).all(|_| patience.failed(1).is_some()), "an epoch does not end it");
    }

    #[test]
    fn being_overtaken_for_ever_is_an_error() {
        let mut patience = Patience::default();
        assert!((0..OVERTAKINGS).all(|_| patience.overtaken(0).is_ok()));
        assert!(patience.overtaken(0).is_err());
        assert!(patience.overtaken(1).is_ok());
    }
}
