//! The shards of a stream: which follows which, and which may be read now.
//!
//! Source: Amazon Kinesis Data Streams Developer Guide, "Resharding a stream" and "After resharding"; API Reference,
//! `Shard`.

use std::collections::{BTreeMap, BTreeSet};

use tributary_core::{Checkpoint, Lineage, Position, ScopeId, SplitId};

/// The name of a shard, `shardId-000000000000`.
pub(crate) type ShardId = String;

/// A shard, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    pub(crate) id: ShardId,
    /// The one that was split, or the two that were merged; none of a shard that was there from the beginning.
    pub(crate) parents: Vec<ShardId>,
    /// The hash keys that it takes, both ends included.
    pub(crate) range: (u128, u128),
    /// Whether it takes no records any more.
    pub(crate) is_closed: bool,
}

/// A stream and its shards, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shards {
    /// `SOURCE/STREAM@CREATED/`: what every split of it begins with. A stream that was made again is another.
    prefix: String,
    listed: BTreeMap<ShardId, Shard>,
}

/// Where reading of each split stands.
pub(crate) type Positions = BTreeMap<SplitId, Position>;

/// Where the splits of the source `source` stand.
pub(crate) fn positions_of(source: &str, checkpoint: &Checkpoint) -> Positions {
    let prefix = format!("{source}/");
    let ours = checkpoint.positions().filter(|(split, _)| split.as_str().starts_with(&prefix));
    ours.map(|(split, position)| (split.clone(), position.clone())).collect()
}

/// A position in the words of the Kinesis Client Library, for whoever looks into a table of leases.
pub(crate) fn checkpoint_of(position: &Position) -> String {
    match position {
        Position::Since(_) => "AT_TIMESTAMP".to_owned(),
        Position::After(after) => after.sequence.to_string(),
        Position::End => "SHARD_END".to_owned(),
        Position::Start | Position::Offset(_) | Position::Polled(_) => "TRIM_HORIZON".to_owned(),
    }
}

impl Shards {
    /// The stream `stream`, made in second `created` of Unix time, of the source `source`.
    pub(crate) fn new(source: &str, stream: &str, created: i64, listed: Vec<Shard>) -> Self {
        let listed = listed.into_iter().map(|shard| (shard.id.clone(), shard)).collect();
        Self { prefix: format!("{source}/{stream}@{created}/"), listed }
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Shard> {
        self.listed.get(id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Shard> {
        self.listed.values()
    }

    pub(crate) fn split(&self, id: &str) -> SplitId {
        SplitId::new(format!("{}{id}", self.prefix))
    }

    /// Whose duplicates the records of a shard share.
    pub(crate) fn scope(&self, id: &str) -> ScopeId {
        ScopeId::new(format!("split:{}{id}", self.prefix))
    }

    /// Whether a shard is read to its end; so it is counted when it is no longer listed and was never read, which is when
    /// retention has deleted the last of it. One that was read in part is first said to be [lost](Self::lost).
    pub(crate) fn is_over(&self, positions: &Positions, id: &str) -> bool {
        match positions.get(&self.split(id)) {
            Some(position) => *position == Position::End,
            None => !self.listed.contains_key(id),
        }
    }

    /// The shards that have something to read and whose parents have nothing: of an agent whose records went to one and go
    /// to the other now, the order is kept.
    pub(crate) fn readable(&self, positions: &Positions) -> BTreeSet<ShardId> {
        let is_readable = |shard: &&Shard| {
            !self.is_over(positions, &shard.id) && shard.parents.iter().all(|parent| self.is_over(positions, parent))
        };
        self.listed.values().filter(is_readable).map(|shard| shard.id.clone()).collect()
    }

    /// Whether nothing of the stream was ever read.
    pub(crate) fn is_new(&self, positions: &Positions) -> bool {
        !positions.keys().any(|split| split.as_str().starts_with(&self.prefix))
    }

    /// Whether a stream of this name was read that was deleted since.
    pub(crate) fn is_made_again(&self, positions: &Positions) -> bool {
        let (name, _) = self.prefix.rsplit_once('@').unwrap_or((&self.prefix, ""));
        let is_of_name = |split: &&SplitId| split.as_str().strip_prefix(name).is_some_and(|rest| rest.starts_with('@'));
        positions.keys().filter(is_of_name).any(|split| !split.as_str().starts_with(&self.prefix))
    }

    /// The splits that were read in part and are gone.
    pub(crate) fn lost<'a>(&'a self, positions: &'a Positions) -> impl Iterator<Item = (&'a SplitId, &'a Position)> {
        positions.iter().filter(|(split, position)| {
            let id = split.as_str().strip_prefix(&self.prefix);
            **position != Position::End && id.is_some_and(|id| !self.listed.contains_key(id))
        })
    }

    /// Which scopes follow which. A parent that is not listed any more is named too: its state may still be there.
    pub(crate) fn lineage(&self) -> Lineage {
        let with_parents = self.listed.values().filter(|shard| !shard.parents.is_empty());
        let parents = |shard: &Shard| shard.parents.iter().map(|parent| self.scope(parent)).collect();
        with_parents.map(|shard| (self.scope(&shard.id), parents(shard))).collect()
    }

    /// The first hash key that no open shard takes, if there is one. While a stream is resharded there may be for a moment.
    pub(crate) fn hole(&self) -> Option<u128> {
        let mut ranges: Vec<(u128, u128)> =
            self.listed.values().filter(|shard| !shard.is_closed).map(|shard| shard.range).collect();
        ranges.sort_unstable();
        let mut next = 0_u128;
        for (first, last) in ranges {
            if first > next {
                return Some(next);
            }
            match last.checked_add(1) {
                Some(after) => next = next.max(after),
                None => return None,
            }
        }
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LAST: u128 = u128::MAX;
    const HALF: u128 = 1 << 127;

    fn shard(id: &str, parents: &[&str], range: (u128, u128), is_closed: bool) -> Shard {
        let parents = parents.iter().map(|&parent| parent.to_owned()).collect();
        Shard { id: id.to_owned(), parents, range, is_closed }
    }

    /// 0 was split into 1 and 2, which were merged into 3.
    fn merged() -> Shards {
        let listed = vec![
            shard("0", &[], (0, LAST), true),
            shard("1", &["0"], (0, HALF - 1), true),
            shard("2", &["0"], (HALF, LAST), true),
            shard("3", &["1", "2"], (0, LAST), false),
        ];
        Shards::new("calls", "events", 7, listed)
    }

    fn positions(shards: &Shards, ended: &[&str]) -> Positions {
        ended.iter().map(|id| (shards.split(id), Position::End)).collect()
    }

    #[test]
    fn children_wait_for_both_parents() {
        let shards = merged();
        let readable = |ended: &[&str]| shards.readable(&positions(&shards, ended)).into_iter().collect::<Vec<_>>();
        assert_eq!(readable(&[]), ["0"]);
        assert_eq!(readable(&["0"]), ["1", "2"]);
        assert_eq!(readable(&["0", "1"]), ["2"]);
        assert_eq!(readable(&["0", "1", "2"]), ["3"]);
        assert!(readable(&["0", "1", "2", "3"]).is_empty());
    }

    #[test]
    fn what_retention_took_is_over_and_what_was_lost_is_named() {
        let mut shards = merged();
        shards.listed.remove("0");
        shards.listed.remove("1");
        let mut stood = positions(&shards, &["0"]);
        stood.insert(shards.split("1"), Position::Start);
        stood.insert(SplitId::new("calls/events@6/shardId-1"), Position::Start);
        assert_eq!(shards.readable(&stood).into_iter().collect::<Vec<_>>(), ["2"]);
        stood.insert(shards.split("2"), Position::End);
        assert!(shards.readable(&stood).is_empty(), "what is lost of 1 is told first");
        let lost: Vec<&str> = shards.lost(&stood).map(|(split, _)| split.as_str()).collect();
        assert_eq!(lost, ["calls/events@7/1"]);
        let again = Shards::new("calls", "events", 8, Vec::new());
        assert!(!shards.is_new(&stood) && again.is_new(&stood) && again.is_made_again(&stood));
        assert!(!Shards::new("calls", "event", 7, Vec::new()).is_made_again(&stood), "another stream");
        let lineage = shards.lineage();
        assert_eq!(lineage[&shards.scope("3")], [shards.scope("1"), shards.scope("2")]);
    }

    #[test]
    fn holes_are_found() {
        assert_eq!(merged().hole(), None);
        let halves = |ranges: &[(u128, u128)]| {
            let listed = ranges.iter().enumerate().map(|(id, range)| shard(&id.to_string(), &[], *range, false));
            Shards::new("calls", "events", 7, listed.collect()).hole()
        };
        assert_eq!(halves(&[(HALF, LAST), (0, HALF - 1)]), None);
        assert_eq!(halves(&[(0, HALF - 2), (HALF, LAST)]), Some(HALF - 1));
        assert_eq!(halves(&[(0, HALF)]), Some(HALF + 1));
        assert_eq!(halves(&[]), Some(0));
    }

    proptest! {
        /// Whatever is split and merged, reading what is readable ends with everything read, each shard after its parents.
        #[test]
        fn everything_is_read_after_its_parents(moves in proptest::collection::vec((any::<bool>(), 0_usize..8), 0..40)) {
            let mut listed = vec![shard("0", &[], (0, LAST), false)];
            for (is_split, at) in moves {
                let mut open: Vec<Shard> = listed.iter().filter(|shard| !shard.is_closed).cloned().collect();
                open.sort_by_key(|shard| shard.range);
                let at = at % open.len();
                let next = listed.len();
                let (taken, made) = if is_split {
                    let one = &open[at];
                    let middle = one.range.0 + (one.range.1 - one.range.0) / 2;
                    let left = shard(&next.to_string(), &[&one.id], (one.range.0, middle), false);
                    let right = shard(&(next + 1).to_string(), &[&one.id], (middle + 1, one.range.1), false);
                    (vec![one.id.clone()], vec![left, right])
                } else if let [one, other, ..] = &open[at..] {
                    let both = shard(&next.to_string(), &[&one.id, &other.id], (one.range.0, other.range.1), false);
                    (vec![one.id.clone(), other.id.clone()], vec![both])
                } else {
                    continue;
                };
                listed.iter_mut().filter(|shard| taken.contains(&shard.id)).for_each(|shard| shard.is_closed = true);
                listed.extend(made);
            }
            let shards = Shards::new("calls", "events", 7, listed);
            prop_assert_eq!(shards.hole(), None);
            let mut stood = Positions::new();
            let mut order: Vec<ShardId> = Vec::new();
            while let Some(next) = shards.readable(&stood).pop_first() {
                prop_assert!(shards.get(&next).unwrap().parents.iter().all(|parent| order.contains(parent)));
                stood.insert(shards.split(&next), Position::End);
                order.push(next);
            }
            prop_assert_eq!(order.len(), shards.iter().count());
        }
    }
}
