//! What a broker tells of a topic.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The id that a broker gave a topic when it was made; another topic of the same name has another. Never zero.
///
/// Source: KIP-516.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicId(u128);

impl TopicId {
    /// `None` for zero, which means that there is none.
    pub(crate) fn from_halves(most: i64, least: i64) -> Option<Self> {
        let bits = (u128::from(most.cast_unsigned()) << 64) | u128::from(least.cast_unsigned());
        (bits != 0).then_some(Self(bits))
    }
}

/// As Kafka's own tools write it: 22 letters of base64 for URLs.
impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0.to_be_bytes()))
    }
}

/// A topic that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Its id; `None` where the broker gives none: those before 2.8 do not know them.
    pub id: Option<TopicId>,
    /// Why nothing is known of it, as a number of Kafka's: there is none (3), it may not be seen (29).
    pub error: Option<i32>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_are_written_as_kafka_writes_them() {
        // Kafka's Uuid.METADATA_TOPIC_ID is (0, 1).
        assert_eq!(TopicId::from_halves(0, 1).unwrap().to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
        assert_eq!(TopicId::from_halves(-1, -1).unwrap().to_string(), "_____________________w");
        assert_eq!(TopicId::from_halves(0, 0), None);
    }

    proptest! {
        /// Splits hold them between other words.
        #[test]
        fn no_two_are_written_alike(most: i64, least: i64, bit in 0_u32..128) {
            let Some(id) = TopicId::from_halves(most, least) else { return Ok(()) };
            let text = id.to_string();
            prop_assert_eq!(text.len(), 22);
            prop_assert!(text.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"-_".contains(&letter)));
            prop_assert_ne!(TopicId(id.0 ^ (1 << bit)).to_string(), text);
        }
    }
}
