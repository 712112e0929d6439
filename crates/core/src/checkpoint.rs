//! The algebra of progress: a checkpoint says where each split resumes, a delta what a batch or an epoch accounts for.
//!
//! ```text
//! checkpoint says 10;  delta says  (10..20)  -> 20           follows on
//!                                  (15..20)  -> 20 and a gap  (10..15) was never read
//!                                  ( 5..20)  -> Conflict      somebody committed (5..10) before us
//! ```

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Position;

/// The identity of one ordered input: a Kafka partition, a Kinesis shard, a file. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SplitId(Arc<str>);

impl SplitId {
    /// The split of this name. Sources begin it with their own name, so that two sources never share one.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SplitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What was read of one split: from a position up to, not including, another. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawSpan")]
pub struct Span {
    from: Position,
    to: Position,
}

#[derive(Deserialize)]
struct RawSpan {
    from: Position,
    to: Position,
}

impl TryFrom<RawSpan> for Span {
    type Error = Conflict;

    fn try_from(raw: RawSpan) -> Result<Self, Conflict> {
        Self::new(raw.from, raw.to)
    }
}

impl Span {
    /// The span `[from, to)`. Refused unless `from` is before `to` and both are of one kind.
    pub fn new(from: Position, to: Position) -> Result<Self, Conflict> {
        match from.order(&to) {
            Some(Ordering::Less) => Ok(Self { from, to }),
            Some(_) => Err(Conflict::Backwards { from, to }),
            None => Err(Conflict::Kind { left: from, right: to }),
        }
    }

    /// Where it begins.
    pub fn from(&self) -> &Position {
        &self.from
    }

    /// Where reading goes on after it.
    pub fn to(&self) -> &Position {
        &self.to
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}..{})", self.from, self.to)
    }
}

/// Spans that do not fit together. Nothing is changed by the call that returns one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Conflict {
    /// The span begins before what is already committed: somebody else committed that part.
    #[error("split {split}: {span} overlaps what is committed up to {committed}")]
    Overlap {
        /// The split.
        split: SplitId,
        /// What was to be applied.
        span: Span,
        /// Where the checkpoint stands.
        committed: Position,
    },
    /// Two spans of one split that should follow one another do not.
    #[error("split {split}: {later} does not follow {earlier}")]
    Detached {
        /// The split.
        split: SplitId,
        /// The span that was there.
        earlier: Span,
        /// The span that was to follow it.
        later: Span,
    },
    /// Positions of different kinds.
    #[error("position {left} cannot be compared with {right}")]
    Kind {
        /// One position.
        left: Position,
        /// The other.
        right: Position,
    },
    /// A span that ends where it begins, or before.
    #[error("a span cannot go from {from} to {to}")]
    Backwards {
        /// Where it was to begin.
        from: Position,
        /// Where it was to end.
        to: Position,
    },
}

/// What a batch or an epoch accounts for: at most one span a split.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Delta {
    spans: BTreeMap<SplitId, Span>,
}

impl Delta {
    /// The delta of one span.
    pub fn of(split: SplitId, span: Span) -> Self {
        Self { spans: BTreeMap::from([(split, span)]) }
    }

    /// Whether it accounts for nothing.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// How many splits it touches.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// The spans in the order of their splits.
    pub fn spans(&self) -> impl Iterator<Item = (&SplitId, &Span)> {
        self.spans.iter()
    }

    /// The span of one split.
    pub fn get(&self, split: &SplitId) -> Option<&Span> {
        self.spans.get(split)
    }

    /// Appends what came later. Each split's later span must begin exactly where the earlier one ends; otherwise
    /// nothing is changed.
    pub fn append(&mut self, later: Self) -> Result<(), Conflict> {
        for (split, span) in &later.spans {
            if let Some(earlier) = self.spans.get(split)
                && earlier.to != span.from
            {
                return Err(Conflict::Detached { split: split.clone(), earlier: earlier.clone(), later: span.clone() });
            }
        }
        for (split, span) in later.spans {
            match self.spans.entry(split) {
                Entry::Vacant(place) => {
                    place.insert(span);
                }
                Entry::Occupied(mut place) => place.get_mut().to = span.to,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Delta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (split, span)) in self.spans.iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            write!(f, "{separator}{split}:{span}")?;
        }
        Ok(())
    }
}

/// Records between two positions that nobody accounted for (INV-2: an event with a number, never a mere log line).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The split.
    pub split: SplitId,
    /// What is missing.
    pub missing: Span,
}

/// A checkpoint moved forward, with what was left out on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advanced {
    /// The checkpoint after the delta.
    pub checkpoint: Checkpoint,
    /// What lies between the old checkpoint and the delta.
    pub gaps: Vec<Gap>,
}

/// Where each split resumes. A split that is not named resumes at [`Position::Start`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Checkpoint {
    positions: BTreeMap<SplitId, Position>,
}

impl Checkpoint {
    /// Where `split` resumes.
    pub fn position(&self, split: &SplitId) -> &Position {
        self.positions.get(split).unwrap_or(&Position::Start)
    }

    /// All named splits with their positions, in order.
    pub fn positions(&self) -> impl Iterator<Item = (&SplitId, &Position)> {
        self.positions.iter()
    }

    /// How many splits it names.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Whether nothing was ever committed.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// The checkpoint after `delta`. A span that begins before what is committed is refused; one that begins after
    /// it leaves a gap, which is reported. Positions never go back, whatever is applied.
    pub fn advance(&self, delta: &Delta) -> Result<Advanced, Conflict> {
        let mut advanced = Advanced { checkpoint: self.clone(), gaps: Vec::new() };
        for (split, span) in &delta.spans {
            let committed = self.position(split);
            match span.from.order(committed) {
                Some(Ordering::Equal) => {}
                // Nothing was committed of a new split, so nothing can be missing before the place it begins at.
                Some(Ordering::Greater) if matches!(committed, Position::Start) => {}
                Some(Ordering::Greater) => {
                    let missing = Span::new(committed.clone(), span.from.clone())?;
                    advanced.gaps.push(Gap { split: split.clone(), missing });
                }
                Some(Ordering::Less) => {
                    return Err(Conflict::Overlap {
                        split: split.clone(),
                        span: span.clone(),
                        committed: committed.clone(),
                    });
                }
                None => return Err(Conflict::Kind { left: span.from.clone(), right: committed.clone() }),
            }
            advanced.checkpoint.positions.insert(split.clone(), span.to.clone());
        }
        Ok(advanced)
    }
}

impl FromIterator<(SplitId, Position)> for Checkpoint {
    fn from_iter<I: IntoIterator<Item = (SplitId, Position)>>(positions: I) -> Self {
        Self { positions: positions.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(number: u8) -> SplitId {
        SplitId::new(format!("s{number}"))
    }

    fn span(from: u64, to: u64) -> Span {
        Span::new(Position::Offset(from), Position::Offset(to)).unwrap()
    }

    fn delta(spans: &[(u8, u64, u64)]) -> Delta {
        Delta { spans: spans.iter().map(|&(number, from, to)| (split(number), span(from, to))).collect() }
    }

    fn checkpoint(positions: &[(u8, u64)]) -> Checkpoint {
        positions.iter().map(|&(number, offset)| (split(number), Position::Offset(offset))).collect()
    }

    #[test]
    fn the_three_cases_of_the_module_text() {
        let at_ten = checkpoint(&[(0, 10)]);
        let follows = at_ten.advance(&delta(&[(0, 10, 20)])).unwrap();
        assert_eq!((follows.checkpoint, follows.gaps.len()), (checkpoint(&[(0, 20)]), 0));

        let jumps = at_ten.advance(&delta(&[(0, 15, 20)])).unwrap();
        assert_eq!(jumps.gaps, vec![Gap { split: split(0), missing: span(10, 15) }]);

        assert!(matches!(at_ten.advance(&delta(&[(0, 5, 20)])), Err(Conflict::Overlap { .. })));
    }

    #[test]
    fn a_refused_append_changes_nothing() {
        let mut earlier = delta(&[(0, 0, 5), (1, 0, 5)]);
        let before = earlier.clone();
        assert!(matches!(earlier.append(delta(&[(0, 5, 9), (1, 6, 9)])), Err(Conflict::Detached { .. })));
        assert_eq!(earlier, before);
    }

    #[test]
    fn spans_are_never_empty() {
        assert!(matches!(Span::new(Position::End, Position::End), Err(Conflict::Backwards { .. })));
        let read: Result<Span, _> = serde_json::from_str(r#"{"from":{"offset":5},"to":{"offset":5}}"#);
        assert!(read.is_err());
    }

    /// Cuts of one split: increasing offsets, so that neighbours make spans that follow one another.
    fn cuts() -> impl Strategy<Value = Vec<u64>> {
        proptest::collection::btree_set(0_u64..1_000, 3..12).prop_map(|set| set.into_iter().collect())
    }

    proptest! {
        /// Applying pieces one by one is applying their sum, however the sum is bracketed.
        #[test]
        fn append_is_associative_and_agrees_with_advance(cuts in cuts(), pivot: prop::sample::Index) {
            let pieces: Vec<Delta> = cuts.windows(2).map(|pair| delta(&[(0, pair[0], pair[1])])).collect();
            let start = checkpoint(&[(0, cuts[0])]);

            let one_by_one = pieces.iter().try_fold(start.clone(), |at, piece| at.advance(piece).map(|a| a.checkpoint));
            let mut whole = Delta::default();
            for piece in &pieces { whole.append(piece.clone()).unwrap(); }
            prop_assert_eq!(&start.advance(&whole).unwrap().checkpoint, &one_by_one.unwrap());

            let (left, right) = pieces.split_at(pivot.index(pieces.len()));
            let mut left_sum = Delta::default();
            for piece in left { left_sum.append(piece.clone()).unwrap(); }
            let mut right_sum = Delta::default();
            for piece in right { right_sum.append(piece.clone()).unwrap(); }
            left_sum.append(right_sum).unwrap();
            prop_assert_eq!(left_sum, whole);
        }

        /// Nothing can be committed twice: what was applied is refused for ever.
        #[test]
        fn an_applied_delta_is_refused_again(from in 0_u64..100, length in 1_u64..100, more in 0_u64..100) {
            let once = Checkpoint::default().advance(&delta(&[(0, from, from + length)])).unwrap().checkpoint;
            let later = if more == 0 { once } else {
                once.advance(&delta(&[(0, from + length, from + length + more)])).unwrap().checkpoint
            };
            let refused = matches!(later.advance(&delta(&[(0, from, from + length)])), Err(Conflict::Overlap { .. }));
            prop_assert!(refused);
        }

        /// Deltas of different splits commute.
        #[test]
        fn different_splits_commute(left in 1_u64..50, right in 1_u64..50) {
            let (a, b) = (delta(&[(0, 0, left)]), delta(&[(1, 0, right)]));
            let start = checkpoint(&[(0, 0), (1, 0)]);
            let ab = start.advance(&a).unwrap().checkpoint.advance(&b).unwrap().checkpoint;
            let ba = start.advance(&b).unwrap().checkpoint.advance(&a).unwrap().checkpoint;
            prop_assert_eq!(ab, ba);
        }

        #[test]
        fn json_round_trip(spans in proptest::collection::vec((0_u8..5, 0_u64..9, 10_u64..19), 0..5)) {
            let value = delta(&spans);
            let text = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(serde_json::from_str::<Delta>(&text).unwrap(), value);
        }
    }
}
