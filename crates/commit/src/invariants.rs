//! The numbered invariants as functions: tests and the model call them on what they find, a claim on what it is given.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use tributary_core::{Attempt, Checkpoint, Epoch, Key, Tally};

use crate::Record;

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which: `INV-1` and so on.
    pub invariant: &'static str,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} does not hold: {}", self.invariant, self.what)
    }
}

impl std::error::Error for Violation {}

fn violated(invariant: &'static str, what: String) -> Result<(), Violation> {
    Err(Violation { invariant, what })
}

/// INV-1: read = made rows + duplicates + rejected + skipped.
pub fn conservation(tally: &Tally) -> Result<(), Violation> {
    if tally.is_balanced() {
        return Ok(());
    }
    let (made, skipped) = (tally.made_rows, tally.skipped_total());
    let (read, duplicates, rejected) = (tally.read, tally.duplicates, tally.rejected);
    violated(
        "INV-1",
        format!(
            "read {read}, but {made} made rows + {duplicates} duplicates + {rejected} rejected + {skipped} skipped"
        ),
    )
}

/// INV-2: in each split the spans of the records, in the order of their epochs, follow one another without overlap.
pub fn contiguity(records: &[Record]) -> Result<(), Violation> {
    let mut at = Checkpoint::default();
    for record in records {
        match at.advance(&record.delta) {
            Ok(advanced) => at = advanced.checkpoint,
            Err(conflict) => return violated("INV-2", format!("epoch {}: {conflict}", record.epoch)),
        }
    }
    Ok(())
}

/// INV-3: each file of an epoch that counts as published is there, unless a later record replaced it.
pub fn published(records: &[Record], done: &BTreeSet<Epoch>, is_there: impl Fn(&Key) -> bool) -> Result<(), Violation> {
    let replaced: BTreeSet<&Key> = records.iter().flat_map(|record| &record.replaces).collect();
    for record in records.iter().filter(|record| done.contains(&record.epoch)) {
        for file in record.adds.iter().filter(|file| !replaced.contains(&file.key)) {
            if !is_there(&file.key) {
                return violated("INV-3", format!("{} of published epoch {} is missing", file.key, record.epoch));
            }
        }
    }
    Ok(())
}

/// INV-4: epochs are numbered without holes and each attempt has at most one; nothing that was banned is claimed
/// later, and nothing that is claimed is banned later.
pub fn one_owner(records: &[Record]) -> Result<(), Violation> {
    let mut claimed: BTreeMap<&Attempt, Epoch> = BTreeMap::new();
    let mut banned: BTreeMap<&Attempt, Epoch> = BTreeMap::new();
    for (number, record) in records.iter().enumerate() {
        if record.epoch.number() != number as u64 {
            return violated("INV-4", format!("epoch {} stands where {number} should", record.epoch));
        }
        if let Some(earlier) = claimed.insert(&record.attempt, record.epoch) {
            return violated("INV-4", format!("epochs {earlier} and {} have one attempt", record.epoch));
        }
        if let Some(ban) = banned.get(&record.attempt) {
            return violated("INV-4", format!("epoch {} was claimed after its ban in {ban}", record.epoch));
        }
        for attempt in &record.bans {
            if let Some(epoch) = claimed.get(attempt) {
                return violated("INV-4", format!("epoch {} bans the attempt of epoch {epoch}", record.epoch));
            }
            banned.insert(attempt, record.epoch);
        }
    }
    Ok(())
}
