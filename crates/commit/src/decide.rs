//! What becomes of a proposal: facts in, decision out. Nothing here touches the world.

use std::collections::BTreeMap;

use tributary_core::{Conflict, Epoch};

use crate::digest::CheckpointSum;
use crate::head::{Head, Place};
use crate::{FencedBy, Proposal};

/// What is known when a number is about to be tried: every record below it.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    /// The log so far.
    pub(crate) head: &'a Head,
    /// What is proposed.
    pub(crate) proposal: &'a Proposal,
    /// The partitions that others added files to since the recovery, with the newest such epoch.
    pub(crate) touched: &'a BTreeMap<Place, Epoch>,
    /// An epoch that somebody else committed with other options since the recovery.
    pub(crate) other_options: Option<Epoch>,
}

/// What to do about it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Decision {
    /// The attempt has a record already: an answer got lost.
    Ours {
        /// The epoch of it.
        epoch: Epoch,
    },
    /// Never.
    Fenced(FencedBy),
    /// Not before the new files' keys were looked at.
    Overtaken {
        /// The newest epoch to look at.
        epoch: Epoch,
    },
    /// Try to create the record of this number.
    Try {
        /// The number.
        epoch: Epoch,
        /// The sum of the checkpoint after it.
        sum: CheckpointSum,
    },
}

/// Decides.
pub(crate) fn decide(facts: &Facts<'_>) -> Decision {
    let Facts { head, proposal, .. } = facts;
    if let Some(epoch) = head.since.claimed.get(&proposal.attempt) {
        return Decision::Ours { epoch: *epoch };
    }
    if let Some(epoch) = head.bans.get(&proposal.attempt) {
        return Decision::Fenced(FencedBy::Ban { epoch: *epoch });
    }
    if let Some(epoch) = facts.other_options {
        return Decision::Fenced(FencedBy::Options { epoch });
    }
    if let Some(by) = contradiction(head, proposal) {
        return Decision::Fenced(by);
    }
    let advanced = match head.checkpoint.advance(&proposal.delta) {
        Ok(advanced) => advanced,
        Err(conflict) => return Decision::Fenced(overlap(head, conflict)),
    };
    if let Some(epoch) = overtaken(facts) {
        return Decision::Overtaken { epoch };
    }
    let mut sum = head.sum;
    for (split, _) in proposal.delta.spans() {
        sum.moved(split, head.checkpoint.position(split), advanced.checkpoint.position(split));
    }
    Decision::Try { epoch: head.next(), sum }
}

/// A replaced file that is not live, or a ban of an attempt that is claimed.
fn contradiction(head: &Head, proposal: &Proposal) -> Option<FencedBy> {
    if let Some(key) = proposal.replaces.iter().find(|key| !head.live.contains(key)) {
        return Some(FencedBy::Replaced { key: key.clone(), by: head.since.replaced.get(key).cloned() });
    }
    proposal.bans.iter().find_map(|attempt| {
        let epoch = head.since.claimed.get(attempt)?;
        Some(FencedBy::Claimed { attempt: attempt.clone(), epoch: *epoch })
    })
}

fn overlap(head: &Head, conflict: Conflict) -> FencedBy {
    let by = match &conflict {
        Conflict::Overlap { split, .. } => head.since.committers.get(split).cloned(),
        _ => None,
    };
    FencedBy::Conflict { conflict, by }
}

/// The newest epoch of somebody else that added to a partition that a guarded proposal adds to or was made from.
fn overtaken(facts: &Facts<'_>) -> Option<Epoch> {
    if !facts.proposal.guarded {
        return None;
    }
    let adds = facts.proposal.adds.iter().map(|file| (file.table.clone(), file.partition));
    let places = adds.chain(facts.proposal.read.iter().cloned());
    places.filter_map(|place| facts.touched.get(&place).copied()).max()
}

#[cfg(test)]
mod tests;
