//! What a log is opened with.

use std::collections::BTreeMap;
use std::time::Duration;

use tributary_core::{PipelineId, TableId};

use crate::digest::TextDigest;

/// The options that give rows their meaning, and their digest. The text is kept in the log so that a refusal can show
/// the difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionDigest {
    text: BTreeMap<String, String>,
    digest: TextDigest,
}

impl OptionDigest {
    /// The digest of these options, key by key in canonical text. What does not change rows (sources, cadence, memory)
    /// does not belong in it.
    pub fn new(text: BTreeMap<String, String>) -> Self {
        let mut canonical = String::new();
        for (key, value) in &text {
            // Lengths keep `a=b` + `c` and `a` + `b=c` apart.
            canonical.push_str(&format!("{}:{key}={}:{value}\n", key.len(), value.len()));
        }
        let digest = TextDigest::of(canonical.as_bytes());
        Self { text, digest }
    }

    /// The options.
    pub fn text(&self) -> &BTreeMap<String, String> {
        &self.text
    }

    /// XXH3-128 of the options, as it stands in each record.
    pub fn digest(&self) -> TextDigest {
        self.digest
    }

    /// How `self` differs from what the log was written with, for a person.
    pub(crate) fn difference(&self, log: &BTreeMap<String, String>) -> String {
        let show = |value: Option<&String>| value.map_or_else(|| "nothing".to_owned(), |value| format!("{value:?}"));
        let mut keys: Vec<&String> = self.text.keys().chain(log.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        let changed = keys.into_iter().filter(|key| self.text.get(*key) != log.get(*key));
        let lines: Vec<String> = changed
            .map(|key| format!("{key} was {} and is {}", show(log.get(key)), show(self.text.get(key))))
            .collect();
        lines.join(", ")
    }
}

/// What a [`CommitLog`](crate::CommitLog) is opened with.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// Whose log it is.
    pub pipeline: PipelineId,
    /// The options that give rows their meaning.
    pub options: OptionDigest,
    /// Go on although they differ from the log's; the next record carries the new ones.
    pub accept_change: bool,
    /// The tables that are written; `rejected` may be among them, it belongs to everybody.
    pub tables: Vec<TableId>,
    /// How long an epoch of somebody else may stay unpublished before this log finishes it. Usually 60 s.
    pub takeover: Duration,
    /// How old an attempt may be when it is claimed. Usually 24 h: far below any sane bucket lifecycle rule.
    pub attempt_age: Duration,
    /// A checkpoint record is due after this many epochs: what a recovery has to read at most. Usually
    /// [`CHECKPOINT_EVERY`](Self::CHECKPOINT_EVERY).
    pub checkpoint_every: u64,
}

impl LogOptions {
    /// 100.
    pub const CHECKPOINT_EVERY: u64 = 100;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pairs: &[(&str, &str)]) -> OptionDigest {
        OptionDigest::new(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn the_difference_names_what_changed_and_nothing_else() {
        let log = options(&[("a", "1"), ("b", "2"), ("gone", "x")]);
        let now = options(&[("a", "1"), ("b", "3"), ("new", "y")]);
        assert_ne!(log.digest(), now.digest());
        assert_eq!(
            now.difference(log.text()),
            r#"b was "2" and is "3", gone was "x" and is nothing, new was nothing and is "y""#
        );
    }

    #[test]
    fn borders_between_keys_and_values_count() {
        assert_ne!(options(&[("a", "b\n1:c=1:d")]).digest(), options(&[("a", "b"), ("c", "d")]).digest());
    }
}
