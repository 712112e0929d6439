//! Which rows of a batch belong to which day.

use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, RecordBatch, cast::AsArray};
use tributary_core::{Day, Timestamp};

use crate::SinkError;
use crate::plan::Plan;

/// A batch by days.
pub(crate) struct Split {
    /// The rows in the order of their days, where that is not their own order.
    pub(crate) order: Option<Vec<u32>>,
    /// The days in order with their numbers of rows.
    pub(crate) days: Vec<(Day, usize)>,
}

/// Splits a batch; rows of one day keep their order.
pub(crate) fn split(plan: &Plan, batch: &RecordBatch) -> Result<Split, SinkError> {
    let column = batch.column(plan.partition);
    if column.null_count() > 0 {
        return Err(plan.shape("a row has no partition timestamp"));
    }
    let moments = column.as_primitive::<TimestampMicrosecondType>().values();
    let days: Vec<Day> = moments.iter().map(|moment| Timestamp::from_micros(*moment).day()).collect();
    if days.is_sorted() {
        return Ok(Split { order: None, days: count(days.iter()) });
    }
    let mut order: Vec<u32> = (0..days.len() as u32).collect(); // arrow's batches have fewer than 2^31 rows
    order.sort_by_key(|row| days[*row as usize]);
    let days = count(order.iter().map(|row| &days[*row as usize]));
    Ok(Split { order: Some(order), days })
}

fn count<'a>(sorted: impl Iterator<Item = &'a Day>) -> Vec<(Day, usize)> {
    let mut days: Vec<(Day, usize)> = Vec::new();
    for day in sorted {
        match days.last_mut() {
            Some((last, rows)) if last == day => *rows += 1,
            _ => days.push((*day, 1)),
        }
    }
    days
}
