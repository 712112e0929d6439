//! The table of notes.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use tributary_core::{Day, RowKey, Table, TableBatch, TableId};

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) day: Day,
    pub(crate) key: String,
    pub(crate) text: String,
}

impl Note {
    /// Reads `YYYY-MM-DD|key|text`.
    pub(crate) fn parse(payload: &str) -> Option<Self> {
        let mut parts = payload.splitn(3, '|');
        let day = Day::parse(parts.next()?)?;
        let (key, text) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        Some(Self { day, key, text })
    }
}

/// What the table `note` is.
pub fn note_table() -> Table {
    let field = |id: u32, name: &str, kind: DataType| {
        let metadata = HashMap::from([("PARQUET:field_id".to_owned(), id.to_string())]);
        Field::new(name, kind, false).with_metadata(metadata)
    };
    let fields = vec![
        field(1, "note_timestamp", DataType::Timestamp(TimeUnit::Microsecond, None)),
        field(2, "key", DataType::Utf8),
        field(3, "text", DataType::Utf8),
    ];
    Table {
        id: TableId::new("note"),
        schema: Arc::new(Schema::new(fields)),
        version: 1,
        partition: tributary_core::Partition::Day("note_timestamp"),
        key: &["key"],
        sort: &["key"],
        distinct: &[],
    }
}

/// The identity of the note of this key and day.
pub fn note_key(day: Day, key: &str) -> RowKey {
    let half = |which: u8| {
        let mut hasher = DefaultHasher::new();
        (which, key).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    let minute = i32::try_from(day.start().minute()).unwrap_or(i32::MAX);
    RowKey { hash: (half(0) << 64) | half(1), minute }
}

/// The rows of some notes.
#[expect(clippy::expect_used, reason = "the columns are made for the schema a few lines above")]
pub(crate) fn batch_of(notes: &[Note]) -> TableBatch {
    let table = note_table();
    let rows = RecordBatch::try_new(
        table.schema,
        vec![
            Arc::new(TimestampMicrosecondArray::from_iter_values(notes.iter().map(|note| note.day.start().micros()))),
            Arc::new(StringArray::from_iter_values(notes.iter().map(|note| &note.key))),
            Arc::new(StringArray::from_iter_values(notes.iter().map(|note| &note.text))),
        ],
    )
    .expect("three columns of the schema's types");
    TableBatch { table: table.id, rows, dictionaries: None }
}

/// The notes of some rows.
pub(crate) fn notes_of(rows: &RecordBatch) -> Vec<Note> {
    let moments = rows.column(0).as_primitive::<TimestampMicrosecondType>();
    let (keys, texts) = (rows.column(1).as_string::<i32>(), rows.column(2).as_string::<i32>());
    let note = |row: usize| Note {
        day: tributary_core::Timestamp::from_micros(moments.value(row)).day(),
        key: keys.value(row).to_owned(),
        text: texts.value(row).to_owned(),
    };
    (0..rows.num_rows()).map(note).collect()
}
