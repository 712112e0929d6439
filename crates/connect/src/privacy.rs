//! What of people's data is left out of the lake, or replaced.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tributary_core::Secret;

use crate::flow::KeyPattern;

/// What becomes of values of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Treatment {
    /// They are written as they came.
    #[default]
    Keep,
    /// They are null.
    Drop,
    /// In their place stands HMAC-SHA-256 (RFC 2104) under the key, in hexadecimal: equal values stay equal, in all columns
    /// and tables, and nobody without the key can try names out.
    Hash,
}

/// What becomes of people's data. By default everything is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privacy {
    /// Agents' user names.
    pub user_names: Treatment,
    /// Agents' first and last names.
    pub names: Treatment,
    /// Agents' SIP addresses.
    pub sip_addresses: Treatment,
    /// ARNs of customer profiles.
    pub customer_profiles: Treatment,
    /// Bodies of comments.
    pub comments: Treatment,
    /// Parameters and results of blocks of flows whose keys match one of these: their values are null.
    pub flow_parameters: Vec<KeyPattern>,
    /// Results of blocks of flows: what customers typed or said is among them.
    pub flow_results: Treatment,
    /// The key of hashes. Without one what is to be hashed is dropped.
    pub key: Option<Secret>,
}

impl Privacy {
    /// Whether anything is not kept. Then the bytes of rejected payloads are not either: what could not be read may hold
    /// anything.
    pub fn is_on(&self) -> bool {
        !self.flow_parameters.is_empty() || self.treatments().iter().any(|treatment| *treatment != Treatment::Keep)
    }

    fn treatments(&self) -> [Treatment; 6] {
        [self.user_names, self.names, self.sip_addresses, self.customer_profiles, self.comments, self.flow_results]
    }

    /// What tells one key from another: 32 bits, from which no key follows. Nothing where nothing is hashed.
    pub fn key_mark(&self) -> Option<String> {
        self.key.as_ref().filter(|_| self.treatments().contains(&Treatment::Hash))?;
        self.mask(Treatment::Hash).apply("which key is this").map(|hash| hash.chars().take(8).collect())
    }

    /// What is done to values that are treated so.
    pub(crate) fn mask(&self, treatment: Treatment) -> Mask {
        match (treatment, &self.key) {
            (Treatment::Keep, _) => Mask::Keep,
            (Treatment::Hash, Some(key)) => match Hmac::new_from_slice(key.expose().as_bytes()) {
                Ok(keyed) => Mask::Hash(Keyed(keyed)),
                // It takes keys of any length.
                Err(_) => Mask::Drop,
            },
            (Treatment::Drop | Treatment::Hash, _) => Mask::Drop,
        }
    }
}

/// What is done to a value.
#[derive(Clone, Debug, Default)]
pub(crate) enum Mask {
    #[default]
    Keep,
    Drop,
    Hash(Keyed),
}

/// A hash function that has taken its key.
#[derive(Clone)]
pub(crate) struct Keyed(Hmac<Sha256>);

impl fmt::Debug for Keyed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyed(***)")
    }
}

impl Mask {
    /// What is written in the place of `text`; nothing when it is dropped.
    pub(crate) fn apply<'t>(&self, text: &'t str) -> Option<Cow<'t, str>> {
        match self {
            Self::Keep => Some(Cow::Borrowed(text)),
            Self::Drop => None,
            Self::Hash(Keyed(keyed)) => {
                let mut keyed = keyed.clone();
                keyed.update(text.as_bytes());
                let mut hash = String::with_capacity(64);
                for byte in keyed.finalize().into_bytes() {
                    // A string takes everything.
                    write!(hash, "{byte:02x}").unwrap_or_default();
                }
                Some(Cow::Owned(hash))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_standard() {
        // RFC 4231, test case 2.
        let privacy = Privacy { key: Some(Secret::new("Jefe".to_owned())), ..Privacy::default() };
        let hash = privacy.mask(Treatment::Hash).apply("what do ya want for nothing?").unwrap().into_owned();
        assert_eq!(hash, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn without_a_key_nothing_gets_through() {
        let privacy = Privacy::default();
        assert_eq!(privacy.mask(Treatment::Hash).apply("jane"), None);
        assert_eq!(privacy.mask(Treatment::Drop).apply("jane"), None);
        assert_eq!(privacy.mask(Treatment::Keep).apply("jane").as_deref(), Some("jane"));
    }

    #[test]
    fn a_key_is_known_by_its_mark() {
        let mark = |key: &str, names| {
            Privacy { names, key: Some(Secret::new(key.to_owned())), ..Privacy::default() }.key_mark()
        };
        assert_eq!(mark("a", Treatment::Hash).unwrap().len(), 8);
        assert_ne!(mark("a", Treatment::Hash), mark("b", Treatment::Hash));
        assert_eq!((mark("a", Treatment::Drop), mark("a", Treatment::Keep)), (None, None));
    }

    #[test]
    fn a_key_is_not_printed() {
        let privacy = Privacy { key: Some(Secret::new("hunter2".to_owned())), ..Privacy::default() };
        assert!(!format!("{privacy:?} {:?}", privacy.mask(Treatment::Hash)).contains("hunter2"));
    }
}
