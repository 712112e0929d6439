//! What a source in S3 is told.

use std::time::Duration;

use glob::{MatchOptions, Pattern, PatternError};
use tributary_aws::Connection;
use tributary_core::{RecordLimit, Share, Timestamp};

/// Which keys below the prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    patterns: Vec<Pattern>,
}

impl Keys {
    /// Those that one of these patterns matches, read from the end of the prefix on: `*` and `?` stay within a part
    /// between two `/`, `**` does not. No pattern: all.
    pub fn matching(patterns: &[String]) -> Result<Self, PatternError> {
        let patterns = patterns.iter().map(|pattern| Pattern::new(pattern)).collect::<Result<_, _>>()?;
        Ok(Self { patterns })
    }

    pub(crate) fn contain(&self, rest: &str) -> bool {
        let rule = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
        self.patterns.is_empty() || self.patterns.iter().any(|pattern| pattern.matches_with(rest, rule))
    }

    /// What all of them begin with: so much less has to be listed.
    pub(crate) fn beginning(&self) -> String {
        let literal = |pattern: &Pattern| pattern.as_str().split(['*', '?', '[']).next().unwrap_or_default().to_owned();
        let common = |left: String, right: String| {
            let length = left.chars().zip(right.chars()).take_while(|(left, right)| left == right).count();
            left.chars().take(length).collect()
        };
        self.patterns.iter().map(literal).reduce(common).unwrap_or_default()
    }
}

/// The options of a source in S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The name of the source in the pipeline; every split begins with it, and `source:<name>` is the scope of all
    /// its batches.
    pub name: String,
    /// The bucket.
    pub bucket: String,
    /// The prefix, without a `/` at its ends: a folder. Empty: the whole bucket.
    pub prefix: String,
    /// Which keys below it.
    pub keys: Keys,
    /// Only keys after this one, in the order of their bytes.
    pub start_after: Option<String>,
    /// Only keys before this one.
    pub end_before: Option<String>,
    /// Only objects that were written at this moment or later.
    pub modified_since: Option<Timestamp>,
    /// Only objects that were written before this moment.
    pub modified_before: Option<Timestamp>,
    /// Whoever asks pays for requests and traffic.
    pub requester_pays: bool,
    /// How S3 is reached.
    pub connection: Connection,
    /// `https://server/bucket/key` instead of `https://bucket.server/key`.
    pub path_style: bool,
    /// Records beyond this are cut to their beginning.
    pub record_limit: RecordLimit,
    /// About how many bytes of memory the records of a batch take.
    pub batch_bytes: usize,
    /// Objects that are read at once.
    pub concurrency: usize,
    /// Whether there may be no object at all.
    pub optional: bool,
    /// In a stream: how often the objects are listed again. None: everything is read once.
    pub poll: Option<Duration>,
    /// The part of the objects that this source takes; all without it.
    pub share: Option<Share>,
    /// What lies below this prefix of the bucket is the lake's own and not read. `Some("")`: the lake is the bucket.
    pub lake: Option<String>,
}

impl Options {
    /// 8 MiB: what each batch costs (its arrays, its dictionaries) is then a small part of what its rows cost.
    pub const BATCH_BYTES: usize = 8 << 20;

    /// The defaults, for a source of this name that reads a folder of a bucket.
    pub fn new(name: impl Into<String>, bucket: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            bucket: bucket.into(),
            prefix: prefix.into(),
            keys: Keys::default(),
            start_after: None,
            end_before: None,
            modified_since: None,
            modified_before: None,
            requester_pays: false,
            connection: Connection::default(),
            path_style: false,
            record_limit: RecordLimit::DEFAULT,
            batch_bytes: Self::BATCH_BYTES,
            concurrency: 16,
            optional: false,
            poll: None,
            share: None,
            lake: None,
        }
    }

    /// As URLs say it.
    pub fn location(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.folder())
    }

    /// What the keys begin with: nothing, or a text that ends with `/`.
    pub(crate) fn folder(&self) -> String {
        if self.prefix.is_empty() { String::new() } else { format!("{}/", self.prefix) }
    }

    /// Whether S3 lists in the order of the keys' bytes: buckets of AWS do, but for directory buckets; of other servers
    /// some list folder by folder.
    pub(crate) fn is_listed_in_order(&self) -> bool {
        self.connection.endpoint.is_none() && !self.bucket.ends_with("--x-s3")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(patterns: &[&str]) -> Keys {
        Keys::matching(&patterns.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn patterns_stay_within_a_part() {
        assert!(keys(&[]).contain("a/b/c"));
        assert!(keys(&["**/*.gz"]).contain("a/b/c.gz"));
        assert!(keys(&["**/*.gz"]).contain("c.gz"));
        assert!(!keys(&["*.gz"]).contain("a/c.gz"));
        assert!(keys(&["x/*", "a/?.gz"]).contain("a/c.gz"));
        assert!(Keys::matching(&["a**".to_owned()]).is_err());
    }

    #[test]
    fn less_is_listed_when_the_patterns_begin_alike() {
        for (patterns, expected) in [
            (&["2026/11/*.gz"][..], "2026/11/"),
            (&["2026/11/*", "2026/12/*"], "2026/1"),
            (&["2026/11/01.gz"], "2026/11/01.gz"),
            (&["*.gz", "a"], ""),
            (&["ä/1", "ö/1"], ""),
            (&["a[[]x"], "a"),
            (&[], ""),
        ] {
            assert_eq!(keys(patterns).beginning(), expected, "{patterns:?}");
        }
    }
}
