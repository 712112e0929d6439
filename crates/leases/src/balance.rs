//! Who should read what: how heavy leases are, who takes which free one, and what is asked for.
//!
//! A lease that somebody who lives asked for counts as his already: everybody who looks later sees what is on its way.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::Lease;

/// An input that nobody writes to costs its reader something all the same: this share of what inputs have on average.
const IDLE: f64 = 0.125;

/// How heavy leases are, by the bytes a second that their owners read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    mean: u64,
}

impl Scale {
    /// The scale of these leases.
    pub(crate) fn of(leases: &[Lease]) -> Self {
        let total = leases.iter().fold(0_u64, |sum, lease| sum.saturating_add(lease.rate));
        Self { mean: total.checked_div(leases.len() as u64).unwrap_or(0) }
    }

    /// What a lease is taken to carry that nobody has measured, in bytes a second.
    pub(crate) fn unmeasured(self) -> u64 {
        self.mean
    }

    /// The weight of a lease of this rate. Where all rates are zero each weighs one: leases are counted.
    pub(crate) fn weight(self, rate: u64) -> f64 {
        rate as f64 + self.mean as f64 * IDLE + 1.0
    }
}

/// How much each worker has to do.
#[derive(Debug)]
pub(crate) struct Loads<'a> {
    of: BTreeMap<&'a str, f64>,
}

impl<'a> Loads<'a> {
    /// Nobody has anything to do.
    pub(crate) fn none(workers: impl Iterator<Item = &'a str>) -> Self {
        Self { of: workers.map(|worker| (worker, 0.0)).collect() }
    }

    /// Gives `worker` more, or less, to do.
    pub(crate) fn add(&mut self, worker: &'a str, weight: f64) {
        *self.of.entry(worker).or_default() += weight;
    }

    fn of(&self, worker: &str) -> f64 {
        self.of.get(worker).copied().unwrap_or_default()
    }

    fn mean(&self) -> f64 {
        self.of.values().sum::<f64>() / self.of.len().max(1) as f64
    }

    fn least(&self) -> Option<&'a str> {
        self.of.iter().min_by(|one, other| one.1.total_cmp(other.1)).map(|(worker, _)| *worker)
    }
}

/// Which of the `free` leases `me` takes: the heaviest goes to whoever has least to do, and so on. Whoever sees the same
/// comes to the same end, so that two seldom reach for one.
pub(crate) fn share<'a, 'b>(free: &[(&'b str, f64)], loads: &mut Loads<'a>, me: &'a str) -> Vec<&'b str> {
    let mut free = free.to_vec();
    free.sort_by(|one, other| other.1.total_cmp(&one.1).then_with(|| one.0.cmp(other.0)));
    let mut mine = Vec::new();
    for (key, weight) in free {
        let worker = loads.least().unwrap_or(me);
        loads.add(worker, weight);
        if worker == me {
            mine.push(key);
        }
    }
    mine
}

/// A lease that may be asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Askable<'a> {
    pub(crate) key: &'a str,
    pub(crate) owner: &'a str,
    pub(crate) weight: f64,
}

/// Which leases `me` asks for, while it has less to do than workers have on average (`waits`: it has asked before, and was
/// not answered yet).
///
/// Each move leaves both, who gives and who gets, with less than the giver had, by `tolerance` of the average or more. So the
/// loads get more even with every move, and at some point there is none left to make.
pub(crate) fn asks<'a>(
    mut askable: Vec<Askable<'a>>,
    loads: &mut Loads<'a>,
    me: &'a str,
    tolerance: f64,
    waits: bool,
) -> Vec<&'a str> {
    let mean = loads.mean();
    let slack = tolerance * mean;
    let mut asked = Vec::new();
    while loads.of(me) < mean {
        let mine = loads.of(me);
        let helps = |lease: &&Askable<'_>| mine + lease.weight + slack <= loads.of(lease.owner);
        let is_due = |lease: &&Askable<'_>| mine + lease.weight / 2.0 <= mean;
        let due = askable.iter().filter(helps).filter(is_due).max_by(|one, other| {
            let rank = |lease: &Askable<'_>| (lease.weight.log2() as i32, lot(me, lease.key));
            loads.of(one.owner).total_cmp(&loads.of(other.owner)).then_with(|| rank(one).cmp(&rank(other)))
        });
        // Beyond its due a worker asks for one lease at a time, and everybody for the same: one of them gets it.
        let last = || {
            let after = |lease: &Askable<'_>| (mine + lease.weight).max(loads.of(lease.owner) - lease.weight);
            askable
                .iter()
                .filter(helps)
                .min_by(|one, other| after(one).total_cmp(&after(other)).then_with(|| one.key.cmp(other.key)))
        };
        let is_first = !waits && asked.is_empty();
        let Some(lease) = due.or_else(|| if is_first { last() } else { None }).copied() else { break };
        loads.add(lease.owner, -lease.weight);
        loads.add(me, lease.weight);
        asked.push(lease.key);
        askable.retain(|other| other.key != lease.key);
    }
    asked
}

/// What lets several workers ask for different leases.
fn lot(worker: &str, key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (worker, key).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn askable<'a>(leases: &[(&'a str, &'a str, f64)]) -> Vec<Askable<'a>> {
        leases.iter().map(|&(key, owner, weight)| Askable { key, owner, weight }).collect()
    }

    fn loads<'a>(loads: &[(&'a str, f64)]) -> Loads<'a> {
        Loads { of: loads.iter().copied().collect() }
    }

    #[test]
    fn weights_count_leases_where_nothing_is_measured() {
        let idle = |rate| Lease { rate, ..Lease::default() };
        let scale = Scale::of(&[idle(0), idle(0)]);
        assert_eq!((scale.weight(0), scale.unmeasured()), (1.0, 0));
        let scale = Scale::of(&[idle(0), idle(1600)]);
        assert_eq!((scale.weight(0), scale.weight(1600), scale.unmeasured()), (101.0, 1701.0, 800));
        assert_eq!(Scale::of(&[]).weight(0), 1.0);
        assert!(Scale::of(&[idle(u64::MAX), idle(u64::MAX)]).weight(u64::MAX).is_finite());
    }

    #[test]
    fn free_leases_go_to_who_has_least() {
        let free = [("a", 1.0), ("b", 5.0), ("c", 1.0), ("d", 1.0)];
        let taken = |me: &'static str| share(&free, &mut loads(&[("one", 0.0), ("two", 1.5), ("three", 9.0)]), me);
        assert_eq!(taken("one"), ["b"]);
        assert_eq!(taken("two"), ["a", "c", "d"]);
        assert_eq!(taken("three"), Vec::<&str>::new());
        assert_eq!(share(&free, &mut loads(&[]), "one"), ["b", "a", "c", "d"], "whoever is alone takes all");
    }

    #[test]
    fn a_worker_asks_for_its_due_and_no_more() {
        let leases: Vec<String> = (0..10).map(|number| format!("{number}")).collect();
        let of_a: Vec<(&str, &str, f64)> = leases.iter().map(|key| (key.as_str(), "a", 1.0)).collect();
        let count = |others: &[(&'static str, f64)], waits| {
            let mut loads = loads(others);
            asks(askable(&of_a), &mut loads, "me", 0.1, waits).len()
        };
        assert_eq!(count(&[("a", 10.0), ("me", 0.0)], false), 5);
        assert_eq!(count(&[("a", 10.0), ("b", 0.0), ("me", 0.0)], false), 3);
        assert_eq!(count(&[("a", 10.0), ("me", 9.5)], false), 0, "it would have more than the other had");
        // The mean is 7.25: with one more it would be as far above as it is below, and the most falls from 10 to 9.
        let nearly = [("a", 10.0), ("b", 6.5), ("c", 5.75), ("me", 6.75)];
        assert_eq!((count(&nearly, false), count(&nearly, true)), (1, 1));
        // The mean is 9.07: one more is beyond its due, and only asked for while it waits for no other.
        let beyond = [("a", 11.0), ("b", 7.5), ("me", 8.7)];
        assert_eq!((count(&beyond, false), count(&beyond, true)), (1, 0));
    }

    #[test]
    fn a_lease_that_outweighs_all_others_stays_where_it_is() {
        let leases = askable(&[("hot", "a", 1000.0), ("cold", "a", 1.0), ("other", "b", 50.0), ("more", "b", 50.0)]);
        let mut loads = loads(&[("a", 1001.0), ("b", 100.0), ("me", 0.0)]);
        let asked = asks(leases, &mut loads, "me", 0.01, false);
        assert_eq!((asked.len(), asked[0]), (2, "cold"), "and one of b's: {asked:?}");
    }
}
