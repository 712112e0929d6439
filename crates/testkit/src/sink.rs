//! A sink that writes a line of text for each row, one file a table and day.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use async_trait::async_trait;
use bytes::Bytes;
use tributary_core::{
    Attempt, Day, Failure, Fault, Fill, Key, PartitionPath, SealedFile, Sink, TableBatch, TableId, Timestamp,
    rejected_table,
};
use tributary_store::{ObjectStore, StoreError};

use crate::note::notes_of;
use crate::{Faults, Gate, Meter, Place, note_table};

/// Holds all rows in memory until it is sealed.
pub struct TextSink {
    store: Arc<dyn ObjectStore>,
    faults: Faults,
    gate: Gate,
    meter: Meter,
    /// Rows after which it says that it is full.
    room: u64,
    attempt: Option<Attempt>,
    files: BTreeMap<(TableId, Day), Vec<String>>,
    rows: u64,
}

impl TextSink {
    /// A sink of this lake that is full after `room` rows. Writes wait at `gate`.
    pub fn new(store: Arc<dyn ObjectStore>, faults: Faults, gate: Gate, meter: Meter, room: u64) -> Self {
        Self { store, faults, gate, meter, room, attempt: None, files: BTreeMap::new(), rows: 0 }
    }
}

#[async_trait]
impl Sink for TextSink {
    fn begin(&mut self, attempt: &Attempt) {
        assert!(self.files.is_empty(), "an attempt begins with an empty sink");
        self.attempt = Some(attempt.clone());
    }

    async fn write(&mut self, batch: TableBatch) -> Result<(), Failure> {
        self.faults.hit(Place::Write)?;
        assert!(self.attempt.is_some(), "rows belong to an attempt");
        self.gate.pass().await;
        for (day, line) in lines_of(&batch) {
            self.files.entry((batch.table.clone(), day)).or_default().push(line);
            self.rows += 1;
        }
        self.meter.take(batch.rows.num_rows() as u64);
        Ok(())
    }

    fn fill(&self) -> Fill {
        Fill { rows: self.rows, full: self.rows >= self.room, ..Fill::default() }
    }

    async fn seal(&mut self) -> Result<Vec<SealedFile>, Failure> {
        self.faults.hit(Place::Seal)?;
        self.rows = 0;
        let files = std::mem::take(&mut self.files);
        let attempt = self.attempt.take();
        let attempt = attempt.ok_or_else(|| Failure::new(Fault::Bug, "test/sink", "sealed before it was begun"))?;
        let mut sealed = Vec::new();
        for (number, ((table, day), lines)) in files.into_iter().enumerate() {
            let key: Key = format!("{}/{attempt}-{number:04}.txt", day_folder(table.as_str(), day)?)
                .parse()
                .map_err(|error| Failure::new(Fault::Bug, "test/sink", error))?;
            let mut upload = self.store.begin(&attempt, &key).await.map_err(store_failure)?;
            upload.write(Bytes::from(lines.join("\n"))).await.map_err(store_failure)?;
            let ticket = upload.seal().await.map_err(store_failure)?;
            let rows = lines.len() as u64;
            sealed.push(SealedFile { table, partition: PartitionPath::of(day), key, ticket, rows });
        }
        Ok(sealed)
    }
}

/// The rows of `table` that anybody can see, sorted.
///
/// # Errors
/// When the store fails.
pub async fn lines(store: &dyn ObjectStore, table: &str) -> Result<Vec<String>, StoreError> {
    let mut lines = Vec::new();
    let Ok(folder) = table.parse::<Key>() else { return Ok(lines) };
    for key in store.list(&folder, None).await? {
        let body = store.read(&key).await?.unwrap_or_default();
        lines.extend(String::from_utf8_lossy(&body).lines().map(str::to_owned));
    }
    lines.sort();
    Ok(lines)
}

/// Each row as its day and its line: a note as it was, a rejection as `split|position|reason`.
fn lines_of(batch: &TableBatch) -> Vec<(Day, String)> {
    if batch.table == note_table().id {
        let notes = notes_of(&batch.rows).into_iter();
        return notes.map(|note| (note.day, format!("{}|{}|{}", note.day, note.key, note.text))).collect();
    }
    debug_assert_eq!(batch.table, rejected_table().id);
    rejected_lines(&batch.rows)
}

fn rejected_lines(rows: &RecordBatch) -> Vec<(Day, String)> {
    let moments = rows.column(4).as_primitive::<TimestampMicrosecondType>();
    let text = |column: usize, row: usize| rows.column(column).as_string::<i32>().value(row).to_owned();
    let line = |row: usize| {
        let day = Timestamp::from_micros(moments.value(row)).day();
        (day, format!("{}|{}|{}", text(1, row), text(2, row), text(5, row)))
    };
    (0..rows.num_rows()).map(line).collect()
}

/// The folder of one table and day.
pub(crate) fn day_folder(table: &str, day: Day) -> Result<Key, Failure> {
    let folder = format!("{table}/{}", PartitionPath::of(day));
    folder.parse().map_err(|error| Failure::new(Fault::Bug, "test/sink", error))
}

/// The failure that a store's error is.
pub(crate) fn store_failure(error: StoreError) -> Failure {
    Failure::new(error.fault(), error.code(), error)
}
