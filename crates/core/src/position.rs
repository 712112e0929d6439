//! Where reading resumes.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{InvalidName, Timestamp};

/// Where reading of a split resumes: everything before it is accounted for, nothing at or after it.
///
/// One convention, *next to read*; each source converts at its own edge.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// Nothing has been read.
    Start,
    /// Kafka: the offset of the next record. Files: the offset, in decompressed bytes, of the next payload.
    Offset(u64),
    /// Kinesis, before any record was read: what arrived at this moment or later.
    Since(Timestamp),
    /// Kinesis: what follows a record. Large beside the others, which are far more.
    After(Box<After>),
    /// A service that is polled: until when its events were taken.
    Polled(Box<Polled>),
    /// Nothing will ever follow.
    End,
}

impl Position {
    /// Compares two positions of one split. `None` when they are of different kinds, which is a mistake of
    /// whoever made one of them; `Start` is before and `End` after everything.
    pub fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Start, Self::Start) | (Self::End, Self::End) => Some(Ordering::Equal),
            (Self::Start, _) | (_, Self::End) => Some(Ordering::Less),
            (_, Self::Start) | (Self::End, _) => Some(Ordering::Greater),
            (Self::Offset(left), Self::Offset(right)) => Some(left.cmp(right)),
            (Self::Since(left), Self::Since(right)) => Some(left.cmp(right)),
            (Self::Since(_), Self::After(_)) => Some(Ordering::Less),
            (Self::After(_), Self::Since(_)) => Some(Ordering::Greater),
            (Self::After(left), Self::After(right)) => Some(left.cmp(right)),
            (Self::Polled(left), Self::Polled(right)) => Some(left.cmp(right)),
            (Self::Offset(_) | Self::Since(_) | Self::After(_) | Self::Polled(_), _) => None,
        }
    }
}

impl From<After> for Position {
    fn from(after: After) -> Self {
        Self::After(Box::new(after))
    }
}

impl From<Polled> for Position {
    fn from(polled: Polled) -> Self {
        Self::Polled(Box::new(polled))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start"),
            Self::Offset(offset) => write!(f, "{offset}"),
            Self::Since(moment) => write!(f, "since {moment}"),
            Self::After(after) => after.fmt(f),
            Self::Polled(polled) => polled.fmt(f),
            Self::End => f.write_str("end"),
        }
    }
}

/// Where a shard of Kinesis is read next: after a record, or after the user record of an index inside it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct After {
    /// The record.
    pub sequence: SequenceNumber,
    /// The user record inside it that was the last, counted from 0; `None` when all of it is accounted for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// Up to here by the service's clock everything was seen: when the record arrived, or later, where nothing followed it
    /// for a while. What retention deletes leaves no other trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_until: Option<Timestamp>,
}

impl PartialOrd for After {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for After {
    fn cmp(&self, other: &Self) -> Ordering {
        // The whole record is further than any user record inside it.
        let whole_last = |after: &Self| after.index.map_or(u64::MAX, u64::from);
        let records = self.sequence.cmp(&other.sequence).then_with(|| whole_last(self).cmp(&whole_last(other)));
        records.then_with(|| self.seen_until.cmp(&other.seen_until))
    }
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {}", self.sequence)?;
        self.index.map_or(Ok(()), |index| write!(f, "/{index}"))?;
        self.seen_until.map_or(Ok(()), |moment| write!(f, ", seen until {moment}"))
    }
}

/// Where a service is polled next that keeps a history of each of its items and tells it whole: its time is cut into slices,
/// and a sweep over the items takes one slice. The same size for one item and for a million.
///
/// Ordered as it is read: by the slice, then the sweep through it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Polled {
    /// Every event before this moment is accounted for.
    pub since: Timestamp,
    /// The sweep that is under way, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<Sweep>,
}

/// How far a sweep has come.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sweep {
    /// It takes what happened before this moment.
    pub until: Timestamp,
    /// The last item that it has taken: the items go by the order of their names, which does not change when they do.
    pub item: Box<str>,
}

impl fmt::Display for Polled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "polled until {}", self.since)?;
        self.sweep.as_ref().map_or(Ok(()), |sweep| write!(f, ", and until {} up to {}", sweep.until, sweep.item))
    }
}

/// A Kinesis sequence number: up to 129 decimal digits, so no integer type holds it. Ordered by length, then text.
///
/// Source: Kinesis API reference, `Record.SequenceNumber`, pattern `0|([1-9]\d{0,128})`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SequenceNumber(Box<str>);

impl SequenceNumber {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SequenceNumber {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        let digits = !text.is_empty() && text.len() <= 129 && text.bytes().all(|byte| byte.is_ascii_digit());
        let canonical = text == "0" || !text.starts_with('0');
        if digits && canonical {
            return Ok(Self(text.into_boxed_str()));
        }
        Err(InvalidName { name: text, reason: "a sequence number is 1 to 129 digits without leading zeros" })
    }
}

impl From<SequenceNumber> for String {
    fn from(number: SequenceNumber) -> Self {
        number.0.into()
    }
}

impl PartialOrd for SequenceNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SequenceNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        // Without leading zeros a longer number is a larger one.
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Positions of every kind, near enough to one another to be equal now and then.
    fn positions() -> impl Strategy<Value = Position> {
        let moment = || (0_i64..3).prop_map(Timestamp::from_micros);
        let after = (0_u8..3, proptest::option::of(0_u32..3), proptest::option::of(moment()));
        let sweep = (moment(), "[ab]").prop_map(|(until, item)| Sweep { until, item: item.into() });
        let polled = (moment(), proptest::option::of(sweep));
        prop_oneof![
            Just(Position::Start),
            (0_u64..3).prop_map(Position::Offset),
            moment().prop_map(Position::Since),
            after.prop_map(|(number, index, seen_until)| {
                Position::from(After { sequence: sequence(&number.to_string()), index, seen_until })
            }),
            polled.prop_map(|(since, sweep)| Position::from(Polled { since, sweep })),
            Just(Position::End),
        ]
    }

    proptest! {
        /// An order, among those that can be compared: of two, one is before the other or they are the same; and what is
        /// before what is before a third is before the third.
        #[test]
        fn positions_have_an_order(left in positions(), right in positions(), third in positions()) {
            let order = left.order(&right);
            prop_assert_eq!(order.map(Ordering::reverse), right.order(&left));
            prop_assert_eq!(order == Some(Ordering::Equal), left == right);
            if order == Some(Ordering::Less) && right.order(&third) == Some(Ordering::Less) {
                prop_assert!(matches!(left.order(&third), Some(Ordering::Less) | None), "{left} {right} {third}");
            }
        }

        #[test]
        fn positions_are_read_as_they_were_written(position in positions()) {
            let text = serde_json::to_string(&position).unwrap();
            prop_assert_eq!(serde_json::from_str::<Position>(&text).unwrap(), position);
        }
    }

    #[test]
    fn a_sweep_lies_between_its_moments() {
        let at = |since, sweep: Option<(i64, &str)>| {
            let sweep = sweep.map(|(until, item)| Sweep { until: Timestamp::from_micros(until), item: item.into() });
            Position::from(Polled { since: Timestamp::from_micros(since), sweep })
        };
        let way =
            [Position::Start, at(1, None), at(1, Some((5, "a"))), at(1, Some((5, "b"))), at(5, None), Position::End];
        assert!(way.windows(2).all(|pair| pair[0].order(&pair[1]) == Some(Ordering::Less)));
        assert_eq!(at(1, None).order(&Position::Since(Timestamp::from_micros(1))), None);
        let text = serde_json::to_string(&way[2]).unwrap();
        assert_eq!(text, r#"{"polled":{"since":1,"sweep":{"until":5,"item":"a"}}}"#);
    }

    fn sequence(text: &str) -> SequenceNumber {
        SequenceNumber::try_from(text.to_owned()).unwrap()
    }

    proptest! {
        #[test]
        fn sequence_numbers_order_as_numbers(left: u128, right: u128) {
            prop_assert_eq!(sequence(&left.to_string()).cmp(&sequence(&right.to_string())), left.cmp(&right));
        }
    }

    #[test]
    fn a_whole_record_is_after_the_user_records_in_it() {
        let after = |index| After { sequence: sequence("7"), index, seen_until: None };
        let (inside, whole) = (Position::from(after(Some(3))), Position::from(after(None)));
        assert_eq!(inside.order(&whole), Some(Ordering::Less));
        assert_eq!(Position::Offset(1).order(&whole), None);
        assert_eq!(Position::Start.order(&Position::Offset(0)), Some(Ordering::Less));
        assert_eq!(Position::End.order(&whole), Some(Ordering::Greater));
        let later = Position::from(After { seen_until: Some(Timestamp::from_micros(5)), ..after(None) });
        assert_eq!(whole.order(&later), Some(Ordering::Less), "nothing followed for a while");
        let since = Position::Since(Timestamp::from_micros(9));
        assert_eq!((Position::Start.order(&since), since.order(&inside)), (Some(Ordering::Less), Some(Ordering::Less)));
        assert_eq!(since.order(&Position::Offset(1)), None);
    }

    #[test]
    fn what_is_not_known_of_a_position_is_not_written() {
        let after = Position::from(After { sequence: sequence("7"), index: None, seen_until: None });
        let text = serde_json::to_string(&after).unwrap();
        assert_eq!(text, r#"{"after":{"sequence":"7"}}"#);
        assert_eq!(serde_json::from_str::<Position>(&text).unwrap(), after);
    }

    #[test]
    fn leading_zeros_and_letters_are_refused() {
        for bad in ["", "01", "1a", &"9".repeat(130)] {
            assert!(SequenceNumber::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
