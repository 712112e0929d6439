//! Rows on their way, and the count that must add up.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use serde::{Deserialize, Serialize};

use crate::{Day, Rejection, Timestamp};

/// The name of a table: `[a-z][a-z0-9_]*`. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TableId(Arc<str>);

impl TableId {
    /// The table of this name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a written table is.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub id: TableId,
    /// Its columns; every field, list element and struct member carries `PARQUET:field_id`.
    pub schema: SchemaRef,
    /// The version of that schema, written into each file's footer.
    pub version: u32,
    /// What says in which partition a row lies.
    pub partition: Partition,
    /// The columns that identify a row.
    pub key: &'static [&'static str],
    /// The columns by which the rows of a row group are sorted, ascending, nulls first.
    pub sort: &'static [&'static str],
    /// Columns with hardly any repeated value, for which a dictionary would be built in vain.
    pub distinct: &'static [&'static str],
}

/// What says in which partition a row lies. The values of the column are never null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partition {
    /// The UTC day of this column of timestamps.
    Day(&'static str),
    /// The bucket of this column of texts: XXH3-64 (seed 0) of its bytes, modulo the number of buckets.
    Bucket(&'static str),
}

impl Partition {
    /// The column.
    pub const fn column(self) -> &'static str {
        match self {
            Self::Day(column) | Self::Bucket(column) => column,
        }
    }
}

/// Rows of one table.
#[derive(Clone, Debug)]
pub struct TableBatch {
    /// The table.
    pub table: TableId,
    /// The rows, in the table's schema.
    pub rows: RecordBatch,
    /// Which dictionaries its coded columns have, where they grow from batch to batch: whose they are, and how often that
    /// one has begun anew. In batches of the same pair the dictionary of a column, or of a leaf of its lists, begins with
    /// all values that it had in an earlier one; so what was looked up once stays known.
    /// A sink is given the batches of one transform, in which no two owners are the same.
    pub dictionaries: Option<(u32, u32)>,
}

/// The identity of an event among those of its scope: the 128-bit hash of its table key, and its minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// XXH3-128 of the key columns; stored, so the function never changes.
    pub hash: u128,
    /// The event's minute since 1970, by which keys are forgotten.
    pub minute: i32,
}

/// Whose events a record holds, as a hash: an agent. All of one's events belong in one split, where a stream is keyed by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// A hash of who it is.
    pub id: u64,
    /// A hash of the key of the records; `None` where they have none, or not always the same.
    pub key: Option<u64>,
}

/// The outcome of decoding a batch, before duplicates are known.
///
/// Every payload of the batch is exactly one of: an entry of `events`, an entry of `rejected`, or a count in
/// `skipped`.
#[derive(Clone, Debug, Default)]
pub struct Decoded {
    /// The rows made, one batch a table.
    pub tables: Vec<TableBatch>,
    /// For each of `tables`: which entry of `events` each row belongs to, ascending.
    pub owners: Vec<Vec<u32>>,
    /// The events that made rows, in input order.
    pub events: Vec<RowKey>,
    /// The days of those events, sorted, without repeats.
    pub days: Vec<Day>,
    /// The highest event time among them that may move the watermark.
    pub latest: Option<Timestamp>,
    /// Payloads that could not become rows.
    pub rejected: Vec<Rejection>,
    /// Recognised payloads that nothing is made of, by reason.
    pub skipped: BTreeMap<SkipReason, u64>,
    /// Keys of payloads that no column takes, by path: `CurrentAgentSnapshot.Foo`.
    pub unknown_keys: BTreeMap<Box<str>, u64>,
    /// Whose events these are, each once, in no order; nobody where the records were read from no stream.
    pub subjects: Vec<Subject>,
    /// For some of `events`, by their places, ascending: hashes of what the event says was before it and is after it. Whoever
    /// holds the state may want those of events that are new.
    pub links: Vec<(u32, [u64; 2])>,
    /// Payloads read: `events` + `rejected` + `skipped`.
    pub read: u64,
}

/// What a batch became.
#[derive(Clone, Debug, Default)]
pub struct Normalized {
    /// The rows to be written; tables without rows are left out.
    pub tables: Vec<TableBatch>,
    /// The rejections; they become rows of the `rejected` table in the same commit.
    pub rejected: Vec<Rejection>,
    /// The count of the batch; balanced.
    pub tally: Tally,
}

/// Why a recognised payload makes no row. A closed set: these are labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// An agent event, where the pipeline does not ask for them.
    Agent,
    /// An EventBridge event of Amazon Connect Cases.
    Case,
    /// An answer of GetCaseAuditEvents.
    CaseAudit,
    /// A contact event.
    Contact,
    /// A contact record (CTR).
    ContactRecord,
    /// A contact flow log line.
    FlowLog,
    /// A test case answer.
    TestCase,
    /// An EventBridge event of another source or type.
    OtherEvent,
    /// A CloudWatch control message.
    ControlMessage,
    /// A wrapper with nothing in it.
    EmptyWrapper,
}

impl SkipReason {
    /// The label, as it stands in the commit record and in the summary.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Case => "case",
            Self::CaseAudit => "case_audit",
            Self::Contact => "contact",
            Self::ContactRecord => "contact_record",
            Self::FlowLog => "flow_log",
            Self::TestCase => "test_case",
            Self::OtherEvent => "other_event",
            Self::ControlMessage => "control_message",
            Self::EmptyWrapper => "empty_wrapper",
        }
    }
}

/// The count of a batch, an epoch or a run (INV-1). The unit of the first five is the innermost payload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// Payloads read.
    pub read: u64,
    /// Payloads that made rows.
    pub made_rows: u64,
    /// Payloads left out because their key was already taken.
    pub duplicates: u64,
    /// Payloads rejected.
    pub rejected: u64,
    /// Payloads skipped, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub skipped: BTreeMap<SkipReason, u64>,
    /// Rows written, by table.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rows: BTreeMap<TableId, u64>,
    /// Keys of payloads that no column takes, by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown_keys: BTreeMap<Box<str>, u64>,
}

/// How many paths of unknown keys a tally keeps; what comes after is counted under [`Tally::MORE_KEYS`].
const UNKNOWN_PATHS: usize = 200;

impl Tally {
    /// The path under which unknown keys are counted when there are too many different ones.
    pub const MORE_KEYS: &'static str = "(more)";

    /// The sum of the skipped.
    pub fn skipped_total(&self) -> u64 {
        self.skipped.values().sum()
    }

    /// INV-1: read = made rows + duplicates + rejected + skipped.
    pub fn is_balanced(&self) -> bool {
        self.read == self.made_rows + self.duplicates + self.rejected + self.skipped_total()
    }

    /// Adds what was counted later.
    pub fn append(&mut self, later: &Self) {
        self.read += later.read;
        self.made_rows += later.made_rows;
        self.duplicates += later.duplicates;
        self.rejected += later.rejected;
        for (reason, count) in &later.skipped {
            *self.skipped.entry(*reason).or_default() += count;
        }
        for (table, count) in &later.rows {
            *self.rows.entry(table.clone()).or_default() += count;
        }
        self.count_unknown_keys(&later.unknown_keys);
    }

    /// Adds counts of unknown keys; the number of different paths stays bounded.
    pub fn count_unknown_keys(&mut self, counts: &BTreeMap<Box<str>, u64>) {
        for (path, count) in counts {
            let known = self.unknown_keys.contains_key(path) || self.unknown_keys.len() < UNKNOWN_PATHS;
            let path = if known { path.clone() } else { Self::MORE_KEYS.into() };
            *self.unknown_keys.entry(path).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_paths_are_bounded() {
        let mut tally = Tally::default();
        for number in 0..1_000 {
            tally.count_unknown_keys(&BTreeMap::from([(format!("k{number}").into_boxed_str(), 2)]));
        }
        assert_eq!(tally.unknown_keys.len(), UNKNOWN_PATHS + 1);
        assert_eq!(tally.unknown_keys.values().sum::<u64>(), 2_000);
    }

    #[test]
    fn tallies_add_up() {
        let mut left = Tally { read: 3, made_rows: 1, rejected: 1, ..Tally::default() };
        left.skipped.insert(SkipReason::Contact, 1);
        let right = Tally { read: 2, duplicates: 2, ..Tally::default() };
        left.append(&right);
        assert!(left.is_balanced() && left.read == 5);
        left.read += 1;
        assert!(!left.is_balanced());
    }
}
