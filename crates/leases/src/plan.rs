//! What a worker does at its turn: facts in, changes out. Nothing here waits, asks or knows the time.

use std::collections::{BTreeMap, BTreeSet};

use crate::balance::{Askable, Loads, Scale, asks, share};
use crate::{Change, Lease, Report};

/// What a worker knows when its turn comes.
#[derive(Clone, Debug)]
pub(crate) struct Facts<'a> {
    /// Its name.
    pub(crate) me: &'a str,
    /// The workers that live, this one among them.
    pub(crate) live: &'a BTreeSet<String>,
    /// The leases of inputs.
    pub(crate) leases: &'a [Lease],
    /// Keys of those whose counter stood still for too long.
    pub(crate) run_out: &'a BTreeSet<String>,
    /// Inputs that can be read.
    pub(crate) readable: &'a BTreeSet<String>,
    /// Of this worker's own.
    pub(crate) reports: &'a BTreeMap<String, Report>,
    /// What this worker left to others at its turn before.
    pub(crate) left: &'a BTreeSet<String>,
    /// What it is about to give up.
    pub(crate) partings: &'a BTreeMap<String, Parting>,
    /// The counter of a row that is created: higher than any that was ever seen. A row that comes back must not look like
    /// the one that was there before and stood still.
    pub(crate) first: u64,
    /// How uneven loads may be, as a share of the average.
    pub(crate) tolerance: f64,
}

/// How a lease is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parting {
    /// Somebody else may have it.
    Release,
    /// Nobody needs it any more.
    End,
}

/// What a worker does at its turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The changes, one a row at most.
    pub(crate) changes: Vec<Change>,
    /// Free leases that are others' to take. Whoever finds one of them free at his next turn takes it himself: its taker
    /// may be dead, or see other facts.
    pub(crate) left: BTreeSet<String>,
}

/// Decides.
pub(crate) fn plan(facts: &Facts<'_>) -> Plan {
    let scale = Scale::of(facts.leases);
    let mut changes = Vec::new();
    let mut loads = Loads::none(facts.live.iter().map(String::as_str));
    let mut askable = Vec::new();
    let mut free: BTreeMap<&str, Option<&Lease>> = BTreeMap::new();
    let mut waits = false;
    for lease in facts.leases {
        let weight = scale.weight(lease.rate);
        let asker = facts.asker(lease);
        match facts.owner(lease) {
            Some(owner) if owner == facts.me => match facts.partings.get(&lease.key) {
                Some(parting) => changes.push(part(lease, *parting, asker)),
                None => {
                    loads.add(asker.unwrap_or(owner), weight);
                    changes.push(renew(lease, asker, facts.reports.get(&lease.key)));
                }
            },
            // It has not run out yet, or somebody would take it: wait.
            Some(owner) if !facts.live.contains(owner) => {}
            Some(owner) => {
                loads.add(asker.unwrap_or(owner), weight);
                waits |= asker == Some(facts.me);
                if asker.is_none() {
                    askable.push(Askable { key: &lease.key, owner, weight });
                }
            }
            None => {
                free.insert(&lease.key, Some(lease));
            }
        }
    }
    let known: BTreeSet<&str> = facts.leases.iter().map(|lease| lease.key.as_str()).collect();
    free.extend(facts.readable.iter().map(|key| (key.as_str(), None)).filter(|(key, _)| !known.contains(key)));
    let left = take(facts, scale, &free, &mut loads, &mut changes);
    let wanted: BTreeSet<&str> = asks(askable, &mut loads, facts.me, facts.tolerance, waits).into_iter().collect();
    let asked = facts.leases.iter().filter(|lease| wanted.contains(lease.key.as_str()));
    changes.extend(asked.map(|lease| next(lease, |row| row.wanted_by = Some(facts.me.to_owned()))));
    Plan { changes, left }
}

/// What is done, besides, to give leases up; nothing else.
pub(crate) fn partings(facts: &Facts<'_>) -> Vec<Change> {
    let mine = facts.leases.iter().filter(|lease| facts.owner(lease) == Some(facts.me));
    mine.filter_map(|lease| Some(part(lease, *facts.partings.get(&lease.key)?, facts.asker(lease)))).collect()
}

/// Takes this worker's share of what is `free`; what is left to others.
fn take<'a>(
    facts: &Facts<'a>,
    scale: Scale,
    free: &BTreeMap<&str, Option<&Lease>>,
    loads: &mut Loads<'a>,
    changes: &mut Vec<Change>,
) -> BTreeSet<String> {
    let weight = |lease: &Option<&Lease>| scale.weight(lease.map_or(scale.unmeasured(), |lease| lease.rate));
    let (overdue, fresh): (Vec<_>, Vec<_>) =
        free.iter().map(|(key, lease)| (*key, weight(lease))).partition(|(key, _)| facts.left.contains(*key));
    // Nobody took it, though everybody had the time to.
    let mut mine: BTreeSet<&str> = overdue.iter().map(|(key, _)| *key).collect();
    overdue.iter().for_each(|(_, weight)| loads.add(facts.me, *weight));
    mine.extend(share(&fresh, loads, facts.me));
    for (key, lease) in free.iter().filter(|(key, _)| mine.contains(*key)) {
        changes.push(match lease {
            Some(lease) => next(lease, |row| {
                row.owner = Some(facts.me.to_owned());
                row.wanted_by = None;
            }),
            None => Change::Create(Lease {
                key: (*key).to_owned(),
                owner: Some(facts.me.to_owned()),
                counter: facts.first,
                rate: scale.unmeasured(),
                ..Lease::default()
            }),
        });
    }
    free.keys().filter(|key| !mine.contains(*key)).map(|key| (*key).to_owned()).collect()
}

impl<'a> Facts<'a> {
    /// Who reads it; nobody when it is free or has run out. One's own does not run out: nobody took it.
    fn owner<'b>(&self, lease: &'b Lease) -> Option<&'b str> {
        let owner = lease.owner.as_deref()?;
        (owner == self.me || !self.run_out.contains(&lease.key)).then_some(owner)
    }

    /// Who asked for it and lives. One who died is forgotten.
    pub(crate) fn asker(&self, lease: &Lease) -> Option<&'a str> {
        let asker = lease.wanted_by.as_ref().filter(|asker| lease.owner.as_ref() != Some(asker))?;
        self.live.get(asker).map(String::as_str)
    }
}

/// The row that follows `lease`.
fn next(lease: &Lease, change: impl FnOnce(&mut Lease)) -> Change {
    let mut row = lease.clone();
    row.counter += 1;
    change(&mut row);
    Change::Replace { seen: lease.counter, lease: row }
}

fn renew(lease: &Lease, asker: Option<&str>, report: Option<&Report>) -> Change {
    next(lease, |row| {
        row.wanted_by = asker.map(str::to_owned);
        if let Some(Report { rate, checkpoint }) = report {
            row.rate = *rate;
            row.checkpoint = checkpoint.clone().or_else(|| row.checkpoint.take());
        }
    })
}

fn part(lease: &Lease, parting: Parting, asker: Option<&str>) -> Change {
    match parting {
        Parting::End => Change::Delete { key: lease.key.clone(), seen: lease.counter },
        Parting::Release => next(lease, |row| {
            row.owner = asker.map(str::to_owned);
            row.wanted_by = None;
        }),
    }
}

#[cfg(test)]
mod tests;
