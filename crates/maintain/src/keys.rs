//! The keys that are in the lake, by day.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, RecordBatch, StringArray};
use async_trait::async_trait;
use tributary_commit::LiveFiles;
use tributary_connect::{
    agent_event_key, case_event_key, contact_event_key, field_change_key, flow_log_key, test_case_key,
};
use tributary_core::{CommittedKeys, Day, Failure, Key, PartitionPath, RowKey, TableId, Timestamp};
use tributary_store::ObjectStore;

use crate::error::Error;
use crate::scan::scan;

/// Reads the keys of events out of the files that were live when the log was read.
pub struct LakeKeys {
    store: Arc<dyn ObjectStore>,
    live: LiveFiles,
}

impl std::fmt::Debug for LakeKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LakeKeys").field("files", &self.live.len()).finish_non_exhaustive()
    }
}

/// A table whose rows hold the keys of events.
struct Keyed {
    table: &'static str,
    /// The columns that make the key of an event, and the moment it is remembered by.
    columns: &'static [&'static str],
    key: fn(&[&str], Timestamp, &mut Vec<u8>) -> RowKey,
}

const EVENT: &[&str] = &["instance_id", "event_id", "event_timestamp"];

/// Every payload has rows in one of them.
const KEYED: [Keyed; 7] = [
    Keyed { table: "agent_event", columns: EVENT, key: |of, at, room| agent_event_key(of[0], of[1], at, room) },
    Keyed { table: "case_events", columns: EVENT, key: |of, at, room| case_event_key(of[0], of[1], at, room) },
    Keyed {
        table: "case_related_item_events",
        columns: EVENT,
        key: |of, at, room| case_event_key(of[0], of[1], at, room),
    },
    Keyed {
        table: "case_field_changes",
        columns: &["domain_id", "case_id", "event_id", "performed_timestamp"],
        key: |of, at, room| field_change_key(of[0], of[1], of[2], at, room),
    },
    Keyed {
        table: "contact_flow_log_events",
        columns: EVENT,
        key: |of, at, room| flow_log_key(of[0], of[1], at, room),
    },
    Keyed {
        table: "contact_events",
        columns: &["instance_id", "contact_id", "event_type", "event_id", "event_timestamp"],
        key: |of, at, room| contact_event_key((of[0], of[1]), (of[2], of[3]), at, room),
    },
    Keyed {
        table: "connect_test_case_execution_results",
        columns: &[
            "connect_test_case_resource_arn",
            "connect_test_case_execution_id",
            "connect_test_case_status",
            "connect_test_case_execution_start_timestamp",
        ],
        key: |of, at, room| test_case_key(of[0], of[1], of[2], at, room),
    },
];

impl LakeKeys {
    /// The keys of the lake in `store`, as far as `live` knows its files.
    pub fn new(store: Arc<dyn ObjectStore>, live: LiveFiles) -> Self {
        Self { store, live }
    }
}

#[async_trait]
impl CommittedKeys for LakeKeys {
    async fn day(&mut self, day: Day) -> Result<Vec<RowKey>, Failure> {
        let mut keys = Vec::new();
        for keyed in &KEYED {
            let files = self.live.day(&TableId::new(keyed.table), PartitionPath::of(day));
            let rows: u64 = files.iter().map(|file| file.rows).sum();
            keys.reserve_exact(usize::try_from(rows).unwrap_or(0));
            for file in files {
                let mut add = |batch: &RecordBatch| add_keys(&file.key, batch, keyed, &mut keys);
                scan(self.store.as_ref(), file, keyed.columns, &mut add).await?;
            }
        }
        Ok(keys)
    }
}

fn add_keys(file: &Key, batch: &RecordBatch, keyed: &Keyed, keys: &mut Vec<RowKey>) -> Result<(), Error> {
    let missing = |column| move || Error::Column { key: file.clone(), column };
    let text = |column: &&'static str| {
        let array = batch.column_by_name(column).and_then(|array| array.as_string_opt::<i32>());
        array.ok_or_else(missing(column))
    };
    let Some((at, parts)) = keyed.columns.split_last() else { return Ok(()) };
    let parts: Vec<&StringArray> = parts.iter().map(text).collect::<Result<_, _>>()?;
    let moments = batch.column_by_name(at);
    let moments = moments.and_then(|array| array.as_primitive_opt::<TimestampMicrosecondType>());
    let moments = moments.ok_or_else(missing(at))?;
    let mut room = Vec::new();
    for row in 0..batch.num_rows() {
        if moments.is_null(row) {
            return Err(Error::Column { key: file.clone(), column: at });
        }
        let of: Vec<&str> = parts.iter().map(|part| part.value(row)).collect();
        keys.push((keyed.key)(&of, Timestamp::from_micros(moments.value(row)), &mut room));
    }
    Ok(())
}
