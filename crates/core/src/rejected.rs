//! Payloads that could not become rows, and the table they are kept in.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{Headers, Partition, PipelineId, Position, SplitId, Table, TableId, Timestamp};

/// Why a payload was rejected. A closed set: these are labels of the table, of metrics and of the summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// Nothing in it.
    EmptyPayload,
    /// Not JSON.
    Malformed,
    /// The input ended inside it.
    Truncated,
    /// Longer than `record_limit`.
    TooLong,
    /// A wrapper, base64 text or compressed body that cannot be opened.
    Corrupt,
    /// JSON, but of no known family.
    Unrecognised,
    /// A key that a row cannot do without is missing or null.
    MissingField,
    /// A value of a type that its column cannot take.
    BadValue,
    /// A timestamp that cannot be read.
    BadTimestamp,
    /// The partition timestamp is missing, or outside 2015-01-01 .. arrival + 1 day.
    NoDay,
    /// Nothing says which Connect instance it belongs to.
    NoInstance,
}

impl RejectReason {
    /// Every reason, in the order of the documentation.
    pub const ALL: [Self; 11] = [
        Self::EmptyPayload,
        Self::Malformed,
        Self::Truncated,
        Self::TooLong,
        Self::Corrupt,
        Self::Unrecognised,
        Self::MissingField,
        Self::BadValue,
        Self::BadTimestamp,
        Self::NoDay,
        Self::NoInstance,
    ];

    /// The label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EmptyPayload => "empty_payload",
            Self::Malformed => "malformed",
            Self::Truncated => "truncated",
            Self::TooLong => "too_long",
            Self::Corrupt => "corrupt",
            Self::Unrecognised => "unrecognised",
            Self::MissingField => "missing_field",
            Self::BadValue => "bad_value",
            Self::BadTimestamp => "bad_timestamp",
            Self::NoDay => "no_day",
            Self::NoInstance => "no_instance",
        }
    }
}

/// One payload that could not become rows: where it stood, why, and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The split of its record.
    pub split: SplitId,
    /// Where the record came from, for a person.
    pub origin: Arc<str>,
    /// The position of its record.
    pub position: Position,
    /// Which payload of the record it is, counted from 0.
    pub index: u32,
    /// When its record arrived; `None` means when the batch was read.
    pub arrived_at: Option<Timestamp>,
    /// The key of its record, where it has one and this is its first rejection.
    pub key: Option<Bytes>,
    /// The headers of its record, where this is its first rejection.
    pub headers: Headers,
    /// Why.
    pub reason: RejectReason,
    /// The path of the field to blame: `CurrentAgentSnapshot.AgentStatus.StartTimestamp`.
    pub field: Option<Box<str>>,
    /// What is wrong, for a person.
    pub message: Box<str>,
    /// The payload; of one that is too long, its beginning.
    pub bytes: Bytes,
    /// The full length of the payload in bytes.
    pub length: u64,
}

/// What is shown of a key: 8 KiB.
const LONGEST_KEY: usize = 8 << 10;

/// The name of the table; it belongs to every pipeline of a lake.
const NAME: &str = "rejected";

fn field(id: u32, name: &str, kind: DataType, nullable: bool) -> Field {
    let metadata = HashMap::from([("PARQUET:field_id".to_owned(), id.to_string())]);
    Field::new(name, kind, nullable).with_metadata(metadata)
}

/// What the `rejected` table is. Documented in `schemas/tables/rejected.toml`.
pub fn rejected_table() -> Table {
    let moment = DataType::Timestamp(TimeUnit::Microsecond, None);
    let fields = vec![
        field(1, "pipeline", DataType::Utf8, false),
        field(2, "split", DataType::Utf8, false),
        field(3, "position", DataType::Utf8, false),
        field(4, "index", DataType::Int32, false),
        field(5, "rejected_timestamp", moment, false),
        field(6, "reason", DataType::Utf8, false),
        field(7, "field", DataType::Utf8, true),
        field(8, "message", DataType::Utf8, false),
        field(9, "source", DataType::Utf8, false),
        field(10, "source_offset", DataType::Int64, true),
        field(11, "length", DataType::Int64, false),
        field(12, "bytes", DataType::Binary, false),
        field(13, "record_key", DataType::Binary, true),
        field(14, "record_headers", DataType::Utf8, true),
    ];
    Table {
        id: TableId::new(NAME),
        schema: Arc::new(Schema::new(fields)),
        version: 2,
        partition: Partition::Day("rejected_timestamp"),
        key: &["pipeline", "split", "position", "index"],
        sort: &["split", "rejected_timestamp"],
        distinct: &["position", "bytes"],
    }
}

/// The rows of `rejections`, in their order. `read_at` stands in where a record does not know when it arrived.
pub fn rejected_batch(
    pipeline: &PipelineId,
    read_at: Timestamp,
    rejections: &[Rejection],
) -> Result<RecordBatch, ArrowError> {
    let texts = |text: fn(&Rejection) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rejections.iter().map(text)))
    };
    let numbers = |values: Vec<Option<i64>>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
    let arrived = rejections.iter().map(|rejection| rejection.arrived_at.unwrap_or(read_at).micros());
    let offset = |rejection: &Rejection| match rejection.position {
        Position::Offset(offset) => i64::try_from(offset).ok(),
        _ => None,
    };
    let key = |rejection: &Rejection| rejection.key.as_ref().map(|key| key.slice(..key.len().min(LONGEST_KEY)));
    let headers = |rejection: &Rejection| {
        let headers = &rejection.headers;
        (!headers.is_empty()).then(|| headers.to_json())
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(rejections.iter().map(|_| pipeline.as_str()))),
        texts(|rejection| rejection.split.as_str()),
        Arc::new(StringArray::from_iter_values(rejections.iter().map(|rejection| rejection.position.to_string()))),
        Arc::new(Int32Array::from_iter_values(
            rejections.iter().map(|rejection| i32::try_from(rejection.index).unwrap_or(i32::MAX)),
        )),
        Arc::new(TimestampMicrosecondArray::from_iter_values(arrived)),
        texts(|rejection| rejection.reason.as_str()),
        Arc::new(rejections.iter().map(|rejection| rejection.field.as_deref()).collect::<StringArray>()),
        texts(|rejection| &rejection.message),
        texts(|rejection| &rejection.origin),
        numbers(rejections.iter().map(offset).collect()),
        numbers(rejections.iter().map(|rejection| i64::try_from(rejection.length).ok()).collect()),
        Arc::new(BinaryArray::from_iter_values(rejections.iter().map(|rejection| rejection.bytes.as_ref()))),
        Arc::new(rejections.iter().map(key).collect::<BinaryArray>()),
        Arc::new(rejections.iter().map(headers).collect::<StringArray>()),
    ];
    RecordBatch::try_new(rejected_table().schema, columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_the_schema_of_the_table() {
        let rejection = Rejection {
            split: SplitId::new("files/a.json@1-x"),
            origin: "a.json".into(),
            position: Position::Offset(7),
            index: 2,
            key: Some(Bytes::from_static(b"agent")),
            headers: Headers::default(),
            arrived_at: None,
            reason: RejectReason::Malformed,
            field: None,
            message: "expected `:`".into(),
            bytes: Bytes::from_static(b"{\"a\"}"),
            length: 5,
        };
        let pipeline: PipelineId = "p".parse().unwrap();
        let rows = rejected_batch(&pipeline, Timestamp::from_micros(1), &[rejection]).unwrap();
        assert_eq!((rows.num_rows(), rows.num_columns()), (1, 14));
    }
}
