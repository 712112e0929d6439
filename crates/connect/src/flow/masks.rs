//! What customers typed, left out of the parameters and results of blocks.

use glob::{MatchOptions, Pattern, PatternError};

use crate::cells::Entry;
use crate::privacy::Mask;

/// A pattern of names, `*` and `?` in it, in which case does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPattern(Pattern);

impl KeyPattern {
    /// The pattern that `text` is.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        Pattern::new(text).map(Self).map_err(|PatternError { msg, pos }| format!("{msg} at {pos}"))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    fn matches(&self, name: &str) -> bool {
        let options = MatchOptions {
            case_sensitive: false,
            require_literal_separator: false,
            require_literal_leading_dot: false,
        };
        self.0.matches_with(name, options)
    }
}

/// What is done to a line.
#[derive(Debug, Default)]
pub(crate) struct LineMasks {
    pub(crate) parameters: Vec<KeyPattern>,
    pub(crate) results: Mask,
}

impl LineMasks {
    /// Leaves out the values whose keys match. A block that sets an attribute has its name in one parameter and its value in
    /// another: `Key` (or `Attribute`) and `Value`.
    pub(crate) fn parameters(&self, entries: &mut [Entry<'_>]) {
        let is_secret = |name: &str| self.parameters.iter().any(|pattern| pattern.matches(name));
        let says = |key: &str| ["Key", "Attribute"].iter().any(|name| key.eq_ignore_ascii_case(name));
        let sets_secret = entries.iter().any(|(key, value)| says(key) && value.as_deref().is_some_and(is_secret));
        for (key, value) in entries {
            if is_secret(key) || (sets_secret && key.eq_ignore_ascii_case("Value")) {
                *value = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn left(patterns: &[&str], entries: &[(&'static str, &'static str)]) -> Vec<&'static str> {
        let masks = LineMasks {
            parameters: patterns.iter().map(|text| KeyPattern::new(text).unwrap()).collect(),
            ..LineMasks::default()
        };
        let mut entries: Vec<Entry<'_>> =
            entries.iter().map(|(key, value)| (*key, Some(Cow::Borrowed(*value)))).collect();
        masks.parameters(&mut entries);
        entries.into_iter().filter(|(_, value)| value.is_some()).map(|(key, _)| key).collect()
    }

    #[test]
    fn values_of_secret_keys_are_left_out() {
        let typed = [("Text", "Enter your PIN"), ("customerPin", "1234"), ("card_number", "4111")];
        assert_eq!(left(&["*pin", "CARD*"], &typed), ["Text"]);
        assert_eq!(left(&[], &typed).len(), 3);
        assert_eq!(left(&["*"], &typed), Vec::<&str>::new());
    }

    #[test]
    fn an_attribute_is_known_by_its_name() {
        let set = [("Key", "CustomerPin"), ("Value", "1234")];
        assert_eq!(left(&["*pin*"], &set), ["Key"]);
        assert_eq!(left(&["*pin*"], &[("Key", "Language"), ("Value", "en")]), ["Key", "Value"]);
    }

    #[test]
    fn a_pattern_that_is_none_is_refused() {
        assert!(KeyPattern::new("a[").is_err());
    }
}
