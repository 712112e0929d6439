//! A finished upload that nobody can see yet.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use crate::{Attempt, Day, InvalidName, TableId};

/// The name of an object, relative to the lake: segments joined by `/`, none of them empty, `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(Box<str>);

impl Key {
    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the last `/`.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The attempt whose digits stand in the last part of the name, between `-`, `.` and its ends.
    pub fn attempt(&self) -> Option<Attempt> {
        self.file_name().split(['-', '.']).find_map(|piece| piece.parse().ok())
    }
}

impl FromStr for Key {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let refuse = |reason| Err(InvalidName { name: text.to_owned(), reason });
        if text.len() > 1_024 {
            return refuse("an object key has at most 1,024 bytes"); // S3's limit
        }
        if text.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return refuse("a key has no empty, `.` or `..` segment");
        }
        if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f || byte == b'\\') {
            return refuse("a key has no control character and no backslash");
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for Key {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0.into()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The Hive path of a partition: `day=YYYY-MM-DD`, or `bucket=NN` of a table that holds the state of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum PartitionPath {
    /// A UTC day.
    Day(Day),
    /// One of [`Bucket::COUNT`] shares of all rows.
    Bucket(Bucket),
}

/// A share of the rows of a table: which one is a pure function of a row's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket(u8);

impl Bucket {
    /// How many there are. Files lie in them, so that it never changes.
    pub const COUNT: u8 = 64;

    /// The bucket of a row of this id: XXH3-64 (seed 0) of its bytes, modulo [`COUNT`](Self::COUNT).
    pub fn of(id: &str) -> Self {
        // Less than 64.
        Self((XxHash3_64::oneshot(id.as_bytes()) % u64::from(Self::COUNT)) as u8)
    }
}

impl PartitionPath {
    /// The path of this day.
    pub const fn of(day: Day) -> Self {
        Self::Day(day)
    }

    /// The day, if it is one.
    pub const fn day(self) -> Option<Day> {
        match self {
            Self::Day(day) => Some(day),
            Self::Bucket(_) => None,
        }
    }
}

impl FromStr for PartitionPath {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let day = || text.strip_prefix("day=").and_then(Day::parse).map(Self::Day);
        let bucket = || {
            let digits = text.strip_prefix("bucket=").filter(|digits| digits.len() == 2)?;
            let number = digits.parse().ok().filter(|number| *number < Bucket::COUNT)?;
            digits.bytes().all(|digit| digit.is_ascii_digit()).then_some(Self::Bucket(Bucket(number)))
        };
        let reason = "a partition is day=YYYY-MM-DD, or bucket=00 to bucket=63";
        day().or_else(bucket).ok_or_else(|| InvalidName { name: text.to_owned(), reason })
    }
}

impl TryFrom<String> for PartitionPath {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<PartitionPath> for String {
    fn from(path: PartitionPath) -> Self {
        path.to_string()
    }
}

impl fmt::Display for PartitionPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => write!(f, "day={day}"),
            Self::Bucket(bucket) => write!(f, "bucket={:02}", bucket.0),
        }
    }
}

/// CRC-64/NVME of an object's bytes: the checksum that S3 keeps for whole objects.
///
/// Source: Amazon S3 user guide, "Checking object integrity", CRC64NVME.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(u64);

impl Digest {
    /// The digest of this checksum.
    pub const fn from_crc64(checksum: u64) -> Self {
        Self(checksum)
    }
}

impl TryFrom<String> for Digest {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        let digits = text.strip_prefix("crc64nvme:").filter(|digits| digits.len() == 16);
        let value = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        value.map(Self).ok_or(InvalidName { name: text, reason: "a digest is crc64nvme: and 16 hexadecimal digits" })
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "crc64nvme:{:016x}", self.0)
    }
}

/// What a store needs to complete or abort an upload: opaque to everybody else, kept in the commit record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    /// The upload: S3's upload id, the folder store's staging name.
    pub upload: String,
    /// The tag of each part in order; empty where the store has no parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
    /// The length of the whole object in bytes.
    pub bytes: u64,
    /// The checksum of the whole object.
    pub digest: Digest,
}

/// One finished file of one table and day: durable, invisible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedFile {
    /// The table.
    pub table: TableId,
    /// The partition; `min` and `max` of its rows' days are both this one.
    pub partition: PartitionPath,
    /// Its name when it is published.
    pub key: Key,
    /// How to publish it; holds its length and digest.
    pub ticket: Ticket,
    /// How many rows it has; at least one.
    pub rows: u64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_stay_inside_the_lake() {
        assert!("agent_event/day=2025-07-01/a-0001.parquet".parse::<Key>().is_ok());
        for bad in ["", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", "a\\b", "a\nb"] {
            assert!(bad.parse::<Key>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn partition_paths_round_trip(days in -10_000_i32..100_000) {
            let path = PartitionPath::of(Day::from_days(days));
            prop_assert_eq!(path.to_string().parse::<PartitionPath>(), Ok(path));
        }

        #[test]
        fn digests_round_trip(checksum: u64) {
            let digest = Digest::from_crc64(checksum);
            prop_assert_eq!(Digest::try_from(digest.to_string()), Ok(digest));
        }
    }
}
