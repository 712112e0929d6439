//! XXH3-128: digests of the log's own objects. Not against forgery, but against damage and mix-ups.

use std::fmt;

use serde::{Deserialize, Serialize};
use tributary_core::{Checkpoint, InvalidName, Position, SplitId};
use twox_hash::XxHash3_128;

/// The digest of some bytes, `xxh3:` and 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TextDigest(u128);

impl TextDigest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(XxHash3_128::oneshot(bytes))
    }

    /// The 32 digits, for names.
    pub(crate) fn digits(self) -> String {
        format!("{:032x}", self.0)
    }
}

impl TryFrom<String> for TextDigest {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        let digits = text.strip_prefix("xxh3:").filter(|digits| digits.len() == 32);
        let value = digits.and_then(|digits| u128::from_str_radix(digits, 16).ok());
        value.map(Self).ok_or(InvalidName { name: text, reason: "a digest is xxh3: and 32 hexadecimal digits" })
    }
}

impl From<TextDigest> for String {
    fn from(digest: TextDigest) -> Self {
        digest.to_string()
    }
}

impl fmt::Display for TextDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "xxh3:{:032x}", self.0)
    }
}

/// The digest of a whole checkpoint, kept up to date split by split: the sum of its entries' digests, so that an epoch
/// that moves three of a million splits costs three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CheckpointSum(u128);

impl CheckpointSum {
    pub(crate) fn of(checkpoint: &Checkpoint) -> Self {
        let sum = checkpoint.positions().map(|(split, at)| entry(split, at)).fold(0_u128, u128::wrapping_add);
        Self(sum)
    }

    /// One split moved. A split at `Start` counts as not named.
    pub(crate) fn moved(&mut self, split: &SplitId, from: &Position, to: &Position) {
        self.0 = self.0.wrapping_sub(entry(split, from)).wrapping_add(entry(split, to));
    }

    pub(crate) fn digest(self) -> TextDigest {
        TextDigest(self.0)
    }
}

fn entry(split: &SplitId, at: &Position) -> u128 {
    if *at == Position::Start {
        return 0;
    }
    XxHash3_128::oneshot(format!("{}:{split}={at}", split.as_str().len()).as_bytes())
}
