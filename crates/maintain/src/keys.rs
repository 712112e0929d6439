//! The keys that are in the lake, by day.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, RecordBatch};
use async_trait::async_trait;
use tributary_commit::LiveFiles;
use tributary_connect::agent_event_key;
use tributary_core::{CommittedKeys, Day, Failure, Key, PartitionPath, RowKey, TableId, Timestamp};
use tributary_store::ObjectStore;

use crate::error::Error;
use crate::scan::scan;

/// Reads the keys of agent events out of the files that were live when the log was read.
pub struct LakeKeys {
    store: Arc<dyn ObjectStore>,
    live: LiveFiles,
    table: TableId,
}

impl std::fmt::Debug for LakeKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LakeKeys").field("files", &self.live.len()).finish_non_exhaustive()
    }
}

/// The columns that make the key of an event, and the moment it is remembered by.
const COLUMNS: [&str; 3] = ["instance_id", "event_id", "event_timestamp"];

impl LakeKeys {
    /// The keys of the lake in `store`, as far as `live` knows its files.
    pub fn new(store: Arc<dyn ObjectStore>, live: LiveFiles) -> Self {
        Self { store, live, table: TableId::new("agent_event") }
    }
}

#[async_trait]
impl CommittedKeys for LakeKeys {
    async fn day(&mut self, day: Day) -> Result<Vec<RowKey>, Failure> {
        let files = self.live.day(&self.table, PartitionPath::of(day));
        let rows: u64 = files.iter().map(|file| file.rows).sum();
        let mut keys = Vec::with_capacity(usize::try_from(rows).unwrap_or(0));
        for file in files {
            let mut add = |batch: &RecordBatch| add_keys(&file.key, batch, &mut keys);
            scan(self.store.as_ref(), file, &COLUMNS, &mut add).await?;
        }
        Ok(keys)
    }
}

fn add_keys(file: &Key, batch: &RecordBatch, keys: &mut Vec<RowKey>) -> Result<(), Error> {
    let missing = |column| move || Error::Column { key: file.clone(), column };
    let text = |column| {
        let array = batch.column_by_name(column).and_then(|array| array.as_string_opt::<i32>());
        array.ok_or_else(missing(column))
    };
    let (instances, events) = (text(COLUMNS[0])?, text(COLUMNS[1])?);
    let moments = batch.column_by_name(COLUMNS[2]);
    let moments = moments.and_then(|array| array.as_primitive_opt::<TimestampMicrosecondType>());
    let moments = moments.ok_or_else(missing(COLUMNS[2]))?;
    let mut room = Vec::new();
    for row in 0..batch.num_rows() {
        if moments.is_null(row) {
            return Err(Error::Column { key: file.clone(), column: COLUMNS[2] });
        }
        let at = Timestamp::from_micros(moments.value(row));
        keys.push(agent_event_key(instances.value(row), events.value(row), at, &mut room));
    }
    Ok(())
}
