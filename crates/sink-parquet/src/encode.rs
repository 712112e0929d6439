//! One row group: rows in, Parquet bytes out. Runs on a blocking thread.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ArrayRef};
use parquet::arrow::arrow_writer::compute_leaves;
use parquet::file::writer::SerializedFileWriter;
use tributary_core::{Day, Timestamp};

use crate::SinkError;
use crate::gather::{Gathered, Group, Piece};
use crate::gauge::Gauge;
use crate::pages;
use crate::plan::Plan;
use crate::sort;
use crate::spill::{Spooled, dictionary_array, load};

/// Rows that are to become one row group, oldest first.
pub(crate) struct Work {
    pub(crate) day: Day,
    pub(crate) spooled: Vec<Spooled>,
    pub(crate) pieces: Vec<Piece>,
}

/// Appends the rows to `file` as one row group; how many there were.
pub(crate) fn encode(
    plan: &Plan,
    work: Work,
    file: &mut SerializedFileWriter<Vec<u8>>,
    memory: &Gauge,
) -> Result<u64, SinkError> {
    let mut pieces = Vec::with_capacity(work.spooled.len() + work.pieces.len());
    for spooled in &work.spooled {
        pieces.push(load(plan, spooled, memory)?);
    }
    pieces.extend(work.pieces);
    let mut group = Group::new(pieces);
    check_day(plan, work.day, &group)?;
    if let Some(order) = sort::order(plan, &group).map_err(|cause| plan.arrange(cause))? {
        group.reorder(&order);
    }
    let mut compressor = pages::compressor(plan.compression_level).map_err(|cause| plan.encode(cause))?;
    let ordinal = file.flushed_row_groups().len();
    let writers = plan.factory.create_column_writers(ordinal).map_err(|cause| plan.encode(cause))?;
    let mut writers: Vec<_> = writers.into_iter().map(Some).collect();
    let mut row_group = file.next_row_group().map_err(|cause| plan.encode(cause))?;
    for (column, field) in plan.schema.fields().iter().enumerate() {
        let array: ArrayRef = match group.column(column).map_err(|cause| plan.arrange(cause))? {
            Gathered::Strings(keys, dictionary) if pages::suits(&keys, &dictionary) => {
                drop(writers[plan.leaves[column]].take());
                let leaf = plan.parquet.column(plan.leaves[column]);
                let chunk = pages::chunk(&leaf, &keys, &dictionary, (plan.compression_level, &mut compressor));
                let pages::Chunk { bytes, close } = chunk.map_err(|cause| plan.encode(cause))?;
                row_group.append_column(&bytes, close).map_err(|cause| plan.encode(cause))?;
                continue;
            }
            // Not spelled out: long strings that repeat would take many times the memory that was counted.
            Gathered::Strings(keys, dictionary) => {
                Arc::new(dictionary_array(&keys, &dictionary).map_err(|cause| plan.arrange(cause))?)
            }
            Gathered::Array(array) => array,
        };
        let leaves = compute_leaves(field, &array).map_err(|cause| plan.encode(cause))?;
        for (leaf, writer) in leaves.iter().zip(&mut writers[plan.leaves[column]..]) {
            let mut writer = writer.take().ok_or_else(|| plan.shape("more leaves than Parquet columns"))?;
            writer.write(leaf).map_err(|cause| plan.encode(cause))?;
            let chunk = writer.close().map_err(|cause| plan.encode(cause))?;
            chunk.append_to_row_group(&mut row_group).map_err(|cause| plan.encode(cause))?;
        }
    }
    row_group.close().map_err(|cause| plan.encode(cause))?;
    Ok(group.rows() as u64)
}

/// A row in another day's folder would be lost to every query that prunes by day: looked at once more, at the last
/// moment.
fn check_day(plan: &Plan, day: Day, group: &Group) -> Result<(), SinkError> {
    let Gathered::Array(array) = group.column(plan.partition).map_err(|cause| plan.arrange(cause))? else {
        return Err(plan.shape("the partition column is not a timestamp"));
    };
    let moments = array.as_primitive::<TimestampMicrosecondType>().values();
    match array.null_count() == 0 && moments.iter().all(|moment| Timestamp::from_micros(*moment).day() == day) {
        true => Ok(()),
        false => Err(SinkError::WrongDay { table: plan.table.clone(), day }),
    }
}
