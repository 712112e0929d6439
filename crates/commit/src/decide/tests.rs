use std::sync::Arc;

use tributary_core::{Attempt, Checkpoint, Delta, Position, SealedFile, Span, SplitId, TableId, Tally, Timestamp};

use super::*;
use crate::Committer;

fn attempt(number: u128) -> Attempt {
    Attempt::from_bits(number)
}

fn proposal() -> Proposal {
    let span = Span::new(Position::Offset(10), Position::Offset(20)).unwrap();
    let file = SealedFile {
        table: TableId::new("t"),
        partition: "day=2025-07-01".parse().unwrap(),
        key: "t/day=2025-07-01/new.parquet".parse().unwrap(),
        ticket: tributary_core::Ticket {
            upload: String::new(),
            parts: Vec::new(),
            bytes: 1,
            digest: tributary_core::Digest::from_crc64(1),
        },
        rows: 1,
    };
    Proposal {
        attempt: attempt(1),
        delta: Delta::of(SplitId::new("s"), span),
        tally: Tally::default(),
        adds: vec![file],
        replaces: Vec::new(),
        bans: Vec::new(),
        state: Vec::new(),
        guarded: false,
        read: Vec::new(),
        began: Timestamp::from_micros(0),
    }
}

/// A log of 5 epochs whose split `s` stands at 10.
fn head() -> Head {
    let checkpoint: Checkpoint = [(SplitId::new("s"), Position::Offset(10))].into_iter().collect();
    let sum = CheckpointSum::of(&checkpoint);
    Head { next: 5, checkpoint: Arc::new(checkpoint), sum, ..Head::default() }
}

#[track_caller]
fn check(expect: &str, change: impl FnOnce(&mut Head, &mut Proposal, &mut BTreeMap<Place, Epoch>, &mut Option<Epoch>)) {
    let (mut head, mut proposal, mut touched, mut other_options) = (head(), proposal(), BTreeMap::new(), None);
    change(&mut head, &mut proposal, &mut touched, &mut other_options);
    let facts = Facts { head: &head, proposal: &proposal, touched: &touched, other_options };
    let said = match decide(&facts) {
        Decision::Try { epoch, .. } => format!("try {epoch}"),
        Decision::Ours { epoch } => format!("ours {epoch}"),
        Decision::Overtaken { epoch } => format!("overtaken {epoch}"),
        Decision::Fenced(by) => format!("fenced: {by}"),
    };
    assert!(said.starts_with(expect), "{said}");
}

#[test]
fn decisions() {
    let place = || (TableId::new("t"), "day=2025-07-01".parse().unwrap());
    check("try 5", |_, _, _, _| {});
    check("ours 3", |head, _, _, _| {
        head.since.claimed.insert(attempt(1), Epoch::new(3));
    });
    // A lost reply comes before everything: what is claimed is claimed.
    check("ours 3", |head, _, _, other_options| {
        head.since.claimed.insert(attempt(1), Epoch::new(3));
        head.bans.insert(attempt(1), Epoch::new(4));
        *other_options = Some(Epoch::new(4));
    });
    check("fenced: this attempt was banned by epoch 4", |head, _, _, _| {
        head.bans.insert(attempt(1), Epoch::new(4));
    });
    check("fenced: epoch 4 was committed with other options", |_, _, _, other| *other = Some(Epoch::new(4)));
    check("fenced: attempt 00000000000000000000000000000002 is committed as epoch 2", |head, proposal, _, _| {
        head.since.claimed.insert(attempt(2), Epoch::new(2));
        proposal.bans.push(attempt(2));
    });
    check("fenced: t/gone is no longer part of the lake", |_, proposal, _, _| {
        proposal.replaces.push("t/gone".parse().unwrap());
    });
    check("overtaken 4", |_, proposal, touched, _| {
        proposal.guarded = true;
        touched.insert(place(), Epoch::new(4));
    });
    check("try 5", |_, _, touched, _| {
        touched.insert(place(), Epoch::new(4));
    });
    check("try 5", |_, proposal, touched, _| {
        proposal.guarded = true;
        touched.insert((TableId::new("u"), "day=2025-07-01".parse().unwrap()), Epoch::new(4));
    });
}

#[test]
fn an_overlap_names_who_was_first() {
    let by = Committer { epoch: Epoch::new(4), attempt: attempt(9) };
    check(
        "fenced: another process committed first: split s: (10..20) overlaps what is committed up to 15 (epoch 4, \
         attempt 00000000000000000000000000000009)",
        |head, proposal, touched, _| {
            let checkpoint: Checkpoint = [(SplitId::new("s"), Position::Offset(15))].into_iter().collect();
            head.checkpoint = Arc::new(checkpoint);
            head.since.committers.insert(SplitId::new("s"), by);
            // Even when it was overtaken as well: reading again cannot help.
            proposal.guarded = true;
            touched.insert((TableId::new("t"), "day=2025-07-01".parse().unwrap()), Epoch::new(4));
        },
    );
}

#[test]
fn the_sum_is_that_of_the_checkpoint_after_it() {
    let (head, proposal) = (head(), proposal());
    let facts = Facts { head: &head, proposal: &proposal, touched: &BTreeMap::new(), other_options: None };
    let after = head.checkpoint.advance(&proposal.delta).unwrap().checkpoint;
    assert_eq!(decide(&facts), Decision::Try { epoch: Epoch::new(5), sum: CheckpointSum::of(&after) });
}
