//! Which rows of a batch belong to which day.

use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ArrayRef, RecordBatch, cast::AsArray};
use tributary_core::{Bucket, Partition, PartitionPath, Timestamp};

use crate::SinkError;
use crate::plan::Plan;

/// A batch by days.
pub(crate) struct Split {
    /// The rows in the order of their days, where that is not their own order.
    pub(crate) order: Option<Vec<u32>>,
    /// The days in order with their numbers of rows.
    pub(crate) days: Vec<(PartitionPath, usize)>,
}

/// Splits a batch; rows of one day keep their order.
pub(crate) fn split(plan: &Plan, batch: &RecordBatch) -> Result<Split, SinkError> {
    let days = partitions(plan, batch.column(plan.partition))?;
    if days.is_sorted() {
        return Ok(Split { order: None, days: count(days.iter()) });
    }
    let mut order: Vec<u32> = (0..days.len() as u32).collect(); // arrow's batches have fewer than 2^31 rows
    order.sort_by_key(|row| days[*row as usize]);
    let days = count(order.iter().map(|row| &days[*row as usize]));
    Ok(Split { order: Some(order), days })
}

/// Where each row lies.
pub(crate) fn partitions(plan: &Plan, column: &ArrayRef) -> Result<Vec<PartitionPath>, SinkError> {
    if column.null_count() > 0 {
        return Err(plan.shape("a row has no value that says its partition"));
    }
    match plan.by {
        Partition::Day(_) => {
            let moments = column.as_primitive::<TimestampMicrosecondType>().values();
            Ok(moments.iter().map(|moment| PartitionPath::Day(Timestamp::from_micros(*moment).day())).collect())
        }
        Partition::Bucket(_) => {
            let ids =
                column.as_string_opt::<i32>().ok_or_else(|| plan.shape("the column of buckets holds no texts"))?;
            Ok(ids.iter().flatten().map(|id| PartitionPath::Bucket(Bucket::of(id))).collect())
        }
    }
}

fn count<'a>(sorted: impl Iterator<Item = &'a PartitionPath>) -> Vec<(PartitionPath, usize)> {
    let mut days: Vec<(PartitionPath, usize)> = Vec::new();
    for day in sorted {
        match days.last_mut() {
            Some((last, rows)) if last == day => *rows += 1,
            _ => days.push((*day, 1)),
        }
    }
    days
}
