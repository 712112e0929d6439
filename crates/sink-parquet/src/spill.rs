//! Waiting rows on the spool: one extent for each table and day, in Arrow's stream format, self-contained.

use std::io::Cursor;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use arrow_array::{Array, ArrayRef, BinaryArray, DictionaryArray, RecordBatch, UInt32Array};
use arrow_buffer::NullBuffer;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, Field, Schema};
use tributary_core::{Extent, Scratch, ScratchError};

use crate::SinkError;
use crate::dictionary::{Dictionary, Generation};
use crate::gather::{Gathered, Group, Piece};
use crate::gauge::{Charge, Gauge};
use crate::plan::Plan;
use crate::rows::{Chunk, Codes, Column};

/// Rows on the spool; their space is given back when this is dropped.
pub(crate) struct Spooled {
    scratch: Arc<dyn Scratch>,
    extent: Extent,
    pub(crate) rows: usize,
    /// Roughly what the rows take in memory once they are back, in bytes.
    pub(crate) memory: u64,
    _on_spool: Charge,
}

impl Drop for Spooled {
    fn drop(&mut self) {
        self.scratch.release(self.extent);
    }
}

/// What became of rows that were to go to the spool.
pub(crate) enum Spill {
    /// They are there.
    Done(Spooled),
    /// There is no room; here they are again.
    Full,
}

/// Writes the rows of `group` to the spool.
pub(crate) fn spill(
    plan: &Plan,
    group: &Group,
    scratch: &Arc<dyn Scratch>,
    on_spool: &Gauge,
) -> Result<Spill, SinkError> {
    let bytes = to_bytes(plan, group).map_err(|cause| plan.arrange(cause))?;
    match scratch.append(&bytes) {
        Ok(extent) => Ok(Spill::Done(Spooled {
            scratch: Arc::clone(scratch),
            extent,
            rows: group.rows(),
            memory: bytes.len() as u64,
            _on_spool: on_spool.charge(extent.length),
        })),
        Err(ScratchError::Full { .. }) => Ok(Spill::Full),
        Err(cause) => Err(SinkError::Spool(cause)),
    }
}

/// Reads them back.
pub(crate) fn load(plan: &Plan, spooled: &Spooled, memory: &Gauge) -> Result<Piece, SinkError> {
    let mut bytes = vec![0; spooled.extent.length as usize];
    spooled.scratch.read(spooled.extent, 0, &mut bytes).map_err(SinkError::Spool)?;
    let mut reader = StreamReader::try_new(Cursor::new(bytes), None).map_err(|cause| plan.arrange(cause))?;
    let batch = reader.next().ok_or_else(|| plan.shape("an extent of the spool holds no rows"))?;
    let batch = batch.map_err(|cause| plan.arrange(cause))?;

    let mut generation = Generation::new(plan.unit_count(), memory.charge(0));
    let column = |(at, array): (usize, &ArrayRef)| match array.as_any_dictionary_opt() {
        None => Column::Plain(Arc::clone(array)),
        Some(_) => Column::Codes(codes(array.as_dictionary(), &mut generation.units[at])),
    };
    let columns = batch.columns().iter().enumerate().map(column).collect();
    generation.recount(0);
    let chunk = Chunk::new(columns, 0, batch.num_rows(), memory);
    let rows = batch.num_rows();
    Ok(Piece { chunk: Arc::new(chunk), from: 0, rows, dictionaries: Arc::new(generation) })
}

fn to_bytes(plan: &Plan, group: &Group) -> Result<Vec<u8>, ArrowError> {
    let mut fields = Vec::with_capacity(plan.schema.fields().len());
    let mut arrays = Vec::with_capacity(fields.capacity());
    for column in 0..plan.schema.fields().len() {
        let array = match group.column(plan, column)? {
            Gathered::Array(array) => array,
            Gathered::Codes(keys, dictionary) => {
                Arc::new(dictionary_array(&keys, Arc::new(BinaryArray::from_iter_values(dictionary.iter())))?)
            }
        };
        fields.push(Field::new(column.to_string(), array.data_type().clone(), true));
        arrays.push(array);
    }
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)?;
    let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
    writer.write(&batch)?;
    writer.into_inner()
}

/// Keys and values as arrow has them.
pub(crate) fn dictionary_array(keys: &[u32], values: ArrayRef) -> Result<DictionaryArray<UInt32Type>, ArrowError> {
    let nulls = NullBuffer::from_iter(keys.iter().map(|key| *key > 0));
    let places: Vec<u32> = keys.iter().map(|key| key.saturating_sub(1)).collect();
    DictionaryArray::try_new(UInt32Array::new(places.into(), Some(nulls)), values)
}

fn codes(array: &DictionaryArray<UInt32Type>, dictionary: &mut Dictionary) -> Codes {
    for value in array.values().as_binary::<i32>() {
        dictionary.push(value.unwrap_or_default());
    }
    Codes::new(array.keys().iter().map(|key| key.map_or(0, |key| key + 1)).collect())
}
