//! Rows of executions, as they are compared and divided.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, BooleanArray, PrimitiveArray, RecordBatch};
use arrow_schema::ArrowError;
use arrow_select::filter::filter_record_batch;
use tributary_core::{Day, TableId, Timestamp};
use twox_hash::XxHash3_128;

use crate::error::Error;

pub(super) fn ids<'b>(batch: &'b RecordBatch, table: &TableId) -> Result<&'b arrow_array::StringArray, Error> {
    let array = batch.column_by_name("event_id").and_then(|array| array.as_string_opt::<i32>());
    array.ok_or_else(|| Error::Rows(ArrowError::SchemaError(format!("{table} has no ids"))))
}

/// Each row by its id, and a digest of all it says but when it was derived.
pub(super) fn digests(batch: &RecordBatch, table: &TableId) -> Result<Vec<(String, u128)>, Error> {
    let ids = ids(batch, table)?;
    let says = |row: usize| {
        let mut text = Vec::new();
        for column in batch.columns().iter().take(batch.num_columns().saturating_sub(1)) {
            text.push(u8::from(column.is_valid(row)));
            if column.is_null(row) {
                continue;
            }
            if let Some(strings) = column.as_string_opt::<i32>() {
                text.extend_from_slice(strings.value(row).as_bytes());
                text.push(0);
            } else if let Some(moments) = column.as_primitive_opt::<TimestampMicrosecondType>() {
                text.extend_from_slice(&moments.value(row).to_le_bytes());
            }
        }
        XxHash3_128::oneshot(&text)
    };
    Ok((0..batch.num_rows()).map(|row| (ids.value(row).to_owned(), says(row))).collect())
}

/// The days on which rows begin.
pub(super) fn days_of_rows(batch: &RecordBatch) -> BTreeSet<Day> {
    starts(batch)
        .iter()
        .flat_map(|starts| starts.values())
        .map(|micros| Timestamp::from_micros(*micros).day())
        .collect()
}

fn starts(batch: &RecordBatch) -> Option<&PrimitiveArray<TimestampMicrosecondType>> {
    batch.column_by_name("start_timestamp")?.as_primitive_opt()
}

/// The rows of each day.
pub(super) fn by_day(batches: &[RecordBatch]) -> Result<BTreeMap<Day, Vec<RecordBatch>>, Error> {
    let mut days: BTreeMap<Day, Vec<RecordBatch>> = BTreeMap::new();
    for batch in batches {
        let Some(starts) = starts(batch) else { continue };
        let of: Vec<Day> = starts.values().iter().map(|micros| Timestamp::from_micros(*micros).day()).collect();
        for day in of.iter().copied().collect::<BTreeSet<Day>>() {
            let mask: BooleanArray = of.iter().map(|row| Some(*row == day)).collect();
            days.entry(day).or_default().push(filter_record_batch(batch, &mask).map_err(Error::Rows)?);
        }
    }
    Ok(days)
}
