//! One row group: rows in, Parquet bytes out. Runs on a blocking thread.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ArrayRef};
use parquet::arrow::arrow_writer::compute_leaves;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use tributary_core::{PartitionPath, Timestamp};

use crate::SinkError;
use crate::gather::{Gathered, Group, Piece, strings};
use crate::gauge::Gauge;
use crate::leaves::take_apart;
use crate::lists::Node;
use crate::pages::{self, Press};
use crate::plain::Plain;
use crate::plan::{Coding, Plan};
use crate::sort;
use crate::spill::{Spooled, dictionary_array, load};
use crate::values::Values;

/// Rows that are to become one row group, oldest first.
pub(crate) struct Work {
    pub(crate) day: PartitionPath,
    pub(crate) spooled: Vec<Spooled>,
    pub(crate) pieces: Vec<Piece>,
}

/// What a row takes while it is encoded: its place in the order, and its value, or a list of one element with its levels,
/// in the column that is being written.
const ROW_BYTES: u64 = 144;

/// Appends the rows to `file` as one row group; how many there were.
pub(crate) fn encode(
    plan: &Plan,
    work: Work,
    file: &mut SerializedFileWriter<Vec<u8>>,
    memory: &Gauge,
    press: &mut Press,
) -> Result<u64, SinkError> {
    let mut pieces = Vec::with_capacity(work.spooled.len() + work.pieces.len());
    for spooled in &work.spooled {
        pieces.push(load(plan, spooled, memory)?);
    }
    pieces.extend(work.pieces);
    let mut group = Group::new(pieces);
    let (mut encoding, mut encoded) = (memory.charge(group.rows() as u64 * ROW_BYTES), 0);
    check_day(plan, work.day, &group)?;
    if let Some(order) = sort::order(plan, &group).map_err(|cause| plan.arrange(cause))? {
        group.reorder(order);
    }
    let mut row_group = file.next_row_group().map_err(|cause| plan.encode(cause))?;
    for column in 0..plan.schema.fields().len() {
        encoded += write_column(plan, column, &group, &mut row_group, press)?;
        // The row group is in memory until it is whole; beside it are one column of all rows and the page buffers.
        encoding.set(encoded + group.rows() as u64 * ROW_BYTES + press.memory());
    }
    row_group.close().map_err(|cause| plan.encode(cause))?;
    Ok(group.rows() as u64)
}

/// Writes one column; how many bytes it became.
fn write_column(
    plan: &Plan,
    column: usize,
    group: &Group,
    row_group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    press: &mut Press,
) -> Result<u64, SinkError> {
    // Arrow's numbers are Parquet's where they are little-endian.
    if let Coding::Lists(node) = &plan.coding[column]
        && group.has_plain(column)
        && cfg!(target_endian = "little")
    {
        return write_lists(plan, (column, node), group, row_group, press);
    }
    let gathered = group.column(plan, column).map_err(|cause| plan.arrange(cause))?;
    check_nulls(plan, column, || gathered.has_nulls())?;
    let first = plan.leaves[column];
    let mut write = |leaf: usize, values: Values<'_>| write_leaf(plan, leaf, values, row_group, press);
    let mut written = 0;
    let array: ArrayRef = match (gathered, &plan.coding[column]) {
        (Gathered::Codes(keys, dictionary), Coding::Lists(node)) => {
            let leaves = take_apart(node, &dictionary).ok_or_else(|| plan.shape("bytes that are no list"))?;
            for (at, leaf) in leaves.iter().enumerate() {
                written += write(first + at, Values::Nested(&keys, leaf))?;
            }
            return Ok(written);
        }
        (Gathered::Codes(keys, dictionary), _) if dictionary.suits(keys.len()) => {
            return write(first, Values::Flat(&keys, &dictionary));
        }
        // Not spelled out: long strings that repeat would take many times the memory that was counted.
        (Gathered::Codes(keys, dictionary), _) => {
            let all: Vec<u32> = (1..=dictionary.len() as u32).collect();
            let array = strings(&all, &dictionary).and_then(|values| dictionary_array(&keys, Arc::new(values)));
            Arc::new(array.map_err(|cause| plan.arrange(cause))?)
        }
        (Gathered::Array(array), _) => match Plain::of(&array) {
            Some(plain) => return write(first, Values::Plain(plain)),
            None => array,
        },
    };
    write_array(plan, column, &array, row_group)
}

/// Writes a column of lists that are not coded as a whole, or not all of them.
fn write_lists(
    plan: &Plan,
    (column, node): (usize, &Node),
    group: &Group,
    row_group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    press: &mut Press,
) -> Result<u64, SinkError> {
    let lists = group.lists(plan, column).map_err(|cause| plan.arrange(cause))?;
    check_nulls(plan, column, || lists.has_nulls())?;
    let (mut next, mut written) = (plan.leaves[column], 0);
    let taken_apart = lists.take_apart(node, plan.units[column], &mut |leaf| {
        written += write_leaf(plan, next, Values::Lists(&leaf), row_group, press)?;
        next += 1;
        Ok(())
    });
    match taken_apart {
        Some(result) => result.map(|()| written),
        None => Err(plan.shape(format!("{} is not of its type", plan.schema.field(column).name()))),
    }
}

fn write_leaf(
    plan: &Plan,
    leaf: usize,
    values: Values<'_>,
    row_group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    press: &mut Press,
) -> Result<u64, SinkError> {
    let chunk = pages::chunk(&plan.parquet.column(leaf), values, press);
    let written = chunk
        .and_then(|pages::Chunk { bytes, close }| row_group.append_column(&bytes, close).map(|()| bytes.len() as u64));
    written.map_err(|cause| plan.encode(cause))
}

/// Writes a column by parquet's own writers.
fn write_array(
    plan: &Plan,
    column: usize,
    array: &ArrayRef,
    row_group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
) -> Result<u64, SinkError> {
    let mut write = || {
        let leaves = compute_leaves(plan.schema.field(column), array)?;
        let mut written = 0;
        for (leaf, mut writer) in leaves.iter().zip(plan.writers(column)?) {
            writer.write(leaf)?;
            let chunk = writer.close()?;
            written += chunk.close().bytes_written;
            chunk.append_to_row_group(row_group)?;
        }
        Ok(written)
    };
    write().map_err(|cause| plan.encode(cause))
}

/// A page has no place for nulls where there are none: what is left of the rows would be read as other rows' values.
fn check_nulls(plan: &Plan, column: usize, has_nulls: impl FnOnce() -> bool) -> Result<(), SinkError> {
    let field = plan.schema.field(column);
    match !field.is_nullable() && has_nulls() {
        true => Err(plan.shape(format!("a row has no {}, which every row has", field.name()))),
        false => Ok(()),
    }
}

/// A row in another day's folder would be lost to every query that prunes by day: looked at once more, at the last
/// moment. (Who reads buckets reads all of them, unless he knows a case.)
fn check_day(plan: &Plan, partition: PartitionPath, group: &Group) -> Result<(), SinkError> {
    let PartitionPath::Day(day) = partition else { return Ok(()) };
    let Gathered::Array(array) = group.column(plan, plan.partition).map_err(|cause| plan.arrange(cause))? else {
        return Err(plan.shape("the partition column is not a timestamp"));
    };
    let moments = array.as_primitive::<TimestampMicrosecondType>().values();
    match array.null_count() == 0 && moments.iter().all(|moment| Timestamp::from_micros(*moment).day() == day) {
        true => Ok(()),
        false => Err(SinkError::WrongDay { table: plan.table.clone(), day }),
    }
}
