//! Since when each row stands still, on the clock of whoever looks.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::Lease;

/// What was seen of every row, and when it was first seen so.
#[derive(Debug, Default)]
pub(crate) struct Sights {
    rows: BTreeMap<String, Sight>,
}

#[derive(Debug)]
struct Sight {
    counter: u64,
    wanted_by: Option<String>,
    since: Instant,
}

impl Sight {
    /// Whether `row` is what was seen, but for somebody's asking: that says nothing of its owner. One write lies between, and
    /// only askers write another asker into a row.
    fn was_asked_for(&self, row: &Lease) -> bool {
        row.counter == self.counter + 1 && row.wanted_by.is_some() && row.wanted_by != self.wanted_by
    }
}

impl Sights {
    /// Looks at the whole table. `now` is behind the reading: a row may have been written while it was read, and whoever
    /// wrote it counts from before his writing.
    pub(crate) fn look(&mut self, rows: &[Lease], now: Instant) {
        let mut before = std::mem::take(&mut self.rows);
        for row in rows {
            let since = match before.remove(&row.key) {
                Some(sight) if sight.counter == row.counter || sight.was_asked_for(row) => sight.since,
                _ => now,
            };
            let sight = Sight { counter: row.counter, wanted_by: row.wanted_by.clone(), since };
            self.rows.insert(row.key.clone(), sight);
        }
    }

    /// Whether `row`, as it is, has stood still for `duration`.
    pub(crate) fn has_run_out(&self, row: &Lease, now: Instant, duration: Duration) -> bool {
        self.rows
            .get(&row.key)
            .is_some_and(|sight| sight.counter == row.counter && now.saturating_duration_since(sight.since) >= duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_runs_out_when_it_stood_still_for_its_duration() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let duration = Duration::from_secs(30);
        let mut row = Lease { key: "a".to_owned(), counter: 7, ..Lease::default() };
        let mut sights = Sights::default();
        assert!(!sights.has_run_out(&row, at(0), duration), "never seen");
        sights.look(std::slice::from_ref(&row), at(0));
        sights.look(std::slice::from_ref(&row), at(20));
        assert!(!sights.has_run_out(&row, at(29), duration));
        assert!(sights.has_run_out(&row, at(30), duration));
        row.counter = 8;
        assert!(!sights.has_run_out(&row, at(30), duration), "it has moved since");
        sights.look(std::slice::from_ref(&row), at(30));
        assert!(!sights.has_run_out(&row, at(59), duration));
        row.counter = 9;
        row.wanted_by = Some("bob".to_owned());
        sights.look(std::slice::from_ref(&row), at(40));
        assert!(sights.has_run_out(&row, at(60), duration), "it was asked for, not renewed");
        row.counter = 10;
        sights.look(std::slice::from_ref(&row), at(41));
        assert!(!sights.has_run_out(&row, at(60), duration), "it was renewed, and is still wanted");
        sights.look(&[], at(60));
        sights.look(std::slice::from_ref(&row), at(61));
        assert!(!sights.has_run_out(&row, at(62), duration), "it was away meanwhile");
    }
}
