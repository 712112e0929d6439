//! Where reading resumes.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::InvalidName;

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
    /// Kinesis: the record after this one, or after the user record of this index inside it.
    After(SequenceNumber, Option<u32>),
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
            (Self::After(left, left_index), Self::After(right, right_index)) => {
                // The whole record is further than any user record inside it.
                let whole_last = |index: &Option<u32>| index.map_or(u64::MAX, u64::from);
                Some(left.cmp(right).then_with(|| whole_last(left_index).cmp(&whole_last(right_index))))
            }
            (Self::Offset(_), Self::After(..)) | (Self::After(..), Self::Offset(_)) => None,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start"),
            Self::Offset(offset) => write!(f, "{offset}"),
            Self::After(sequence, None) => write!(f, "after {sequence}"),
            Self::After(sequence, Some(index)) => write!(f, "after {sequence}/{index}"),
            Self::End => f.write_str("end"),
        }
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
        let inside = Position::After(sequence("7"), Some(3));
        let whole = Position::After(sequence("7"), None);
        assert_eq!(inside.order(&whole), Some(Ordering::Less));
        assert_eq!(Position::Offset(1).order(&whole), None);
        assert_eq!(Position::Start.order(&Position::Offset(0)), Some(Ordering::Less));
        assert_eq!(Position::End.order(&whole), Some(Ordering::Greater));
    }

    #[test]
    fn leading_zeros_and_letters_are_refused() {
        for bad in ["", "01", "1a", &"9".repeat(130)] {
            assert!(SequenceNumber::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
