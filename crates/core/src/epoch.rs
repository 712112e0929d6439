//! Names and numbers of the commit log.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The number of a commit; rises by one. Epoch 0 holds where reading began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(u64);

impl Epoch {
    /// The first epoch of every log.
    pub const FIRST: Self = Self(0);

    /// The epoch of this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The epoch after this one.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A name that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{name:?} is not a usable name: {reason}")]
pub struct InvalidName {
    /// What was given.
    pub name: String,
    /// What is wrong with it, with the rule.
    pub reason: &'static str,
}

/// One try at one epoch: 32 lower-case hexadecimal digits that nobody else has. Every file name carries it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Attempt(Box<str>);

impl Attempt {
    /// The attempt named by 128 random bits.
    pub fn from_bits(bits: u128) -> Self {
        Self(format!("{bits:032x}").into_boxed_str())
    }

    /// The 32 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Attempt {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 32 && text.bytes().all(hexadecimal) {
            return Ok(Self(text.into()));
        }
        Err(InvalidName { name: text.to_owned(), reason: "an attempt is 32 lower-case hexadecimal digits" })
    }
}

impl TryFrom<String> for Attempt {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<Attempt> for String {
    fn from(attempt: Attempt) -> Self {
        attempt.0.into()
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The identity of a pipeline: its commit log hangs on it. `[a-z][a-z0-9_]*`, at most 64 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PipelineId(Box<str>);

impl PipelineId {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PipelineId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let reason = if text.is_empty() {
            "a pipeline needs a name"
        } else if text.len() > 64 {
            "at most 64 characters"
        } else if !text.starts_with(|first: char| first.is_ascii_lowercase()) {
            "it begins with a lower-case letter"
        } else if !text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
            "only lower-case letters, digits and _ are allowed"
        } else if text == "tables" {
            // `_tributary/tables/` holds who owns which table.
            "`tables` is reserved"
        } else {
            return Ok(Self(text.into()));
        };
        Err(InvalidName { name: text.to_owned(), reason })
    }
}

impl TryFrom<String> for PipelineId {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<PipelineId> for String {
    fn from(id: PipelineId) -> Self {
        id.0.into()
    }
}

impl fmt::Display for PipelineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipeline_names() {
        for good in ["a", "connect_agent_events", "p2"] {
            assert!(good.parse::<PipelineId>().is_ok(), "{good}");
        }
        for bad in ["", "A", "2p", "a-b", "a/b", "..", "tables", &"x".repeat(65)] {
            assert!(bad.parse::<PipelineId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn attempts_are_32_digits() {
        let attempt = Attempt::from_bits(0xabc);
        assert_eq!(attempt.as_str().len(), 32);
        assert_eq!(attempt.as_str().parse::<Attempt>(), Ok(attempt));
        assert!("XYZ".parse::<Attempt>().is_err());
    }
}
