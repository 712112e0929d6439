//! Columns in the making: appended to one value, or one remembered block of values, at a time.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int32Array, ListArray, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow_buffer::{
    BooleanBuffer, BooleanBufferBuilder, Buffer, NullBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer,
};
use arrow_schema::{ArrowError, DataType, FieldRef, Fields, Schema};
use tributary_core::Timestamp;

/// An offset of a column. Batches are a few MiB, far below 2 GiB; a batch that is not is refused by Arrow's own check,
/// because a saturated offset is beyond the end of its bytes.
fn offset(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}

/// A column of text.
#[derive(Debug)]
pub(crate) struct TextColumn {
    bytes: Vec<u8>,
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl Default for TextColumn {
    fn default() -> Self {
        Self { bytes: Vec::new(), offsets: vec![0], nulls: NullBufferBuilder::new(0) }
    }
}

impl TextColumn {
    /// Appends one value.
    #[inline]
    pub(crate) fn push(&mut self, value: Option<&str>) {
        if let Some(value) = value {
            self.bytes.extend_from_slice(value.as_bytes());
            self.nulls.append_non_null();
        } else {
            self.nulls.append_null();
        }
        self.offsets.push(offset(self.bytes.len()));
    }

    /// A column without nulls of texts that lie one behind the other, each up to its end.
    pub(crate) fn of(bytes: &[u8], ends: &[usize]) -> Result<ArrayRef, ArrowError> {
        let mut offsets = Vec::with_capacity(ends.len() + 1);
        offsets.push(0);
        offsets.extend(ends.iter().map(|end| offset(*end)));
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        Ok(Arc::new(StringArray::try_new(offsets, Buffer::from_vec(bytes.to_vec()), None)?))
    }

    /// The column so far, which stays.
    pub(crate) fn array(&self) -> Result<ArrayRef, ArrowError> {
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets.clone()));
        let nulls = self.nulls.finish_cloned();
        Ok(Arc::new(StringArray::try_new(offsets, Buffer::from_vec(self.bytes.clone()), nulls)?))
    }

    /// The column; empty again afterwards, its capacity kept near what was needed.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let (values, rows) = (self.bytes.len(), self.offsets.len());
        let bytes = std::mem::replace(&mut self.bytes, Vec::with_capacity(values));
        let mut offsets = Vec::with_capacity(rows);
        offsets.push(0);
        let offsets = std::mem::replace(&mut self.offsets, offsets);
        let nulls = self.nulls.finish();
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        Ok(Arc::new(StringArray::try_new(offsets, Buffer::from_vec(bytes), nulls)?))
    }
}

/// Where `null` stands among the values; zeros stand there afterwards. `None` when it stands nowhere.
pub(crate) fn nulls_of<T: Copy + Default + PartialEq>(values: &mut [T], null: T) -> Option<NullBuffer> {
    if !values.contains(&null) {
        return None;
    }
    let there = BooleanBuffer::collect_bool(values.len(), |row| values[row] != null);
    values.iter_mut().filter(|value| **value == null).for_each(|value| *value = T::default());
    Some(NullBuffer::new(there))
}

/// The columns as a batch: the table's schema, with the type of a coded column where one is coded.
pub(crate) fn coded(schema: &Schema, columns: Vec<ArrayRef>) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_new(Arc::new(Schema::new(coded_fields(schema.fields(), &columns))), columns)
}

/// No moment of a payload: its years have four digits.
const NO_MOMENT: i64 = i64::MIN;

/// A column of moments.
#[derive(Debug, Default)]
pub(crate) struct MomentColumn {
    /// [`NO_MOMENT`] stands for null until the end: a test of all rows at once costs less than one of each.
    values: Vec<i64>,
}

impl MomentColumn {
    /// Appends one value.
    #[inline]
    pub(crate) fn push(&mut self, value: Option<Timestamp>) {
        self.values.push(value.map_or(NO_MOMENT, Timestamp::micros));
    }

    /// The column; empty again afterwards, its capacity kept near what was needed.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let rows = self.values.len();
        let mut values = std::mem::replace(&mut self.values, Vec::with_capacity(rows));
        let nulls = nulls_of(&mut values, NO_MOMENT);
        Ok(Arc::new(TimestampMicrosecondArray::try_new(ScalarBuffer::from(values), nulls)?))
    }
}

/// A column of booleans.
#[derive(Debug)]
pub(crate) struct BooleanColumn {
    values: BooleanBufferBuilder,
    nulls: NullBufferBuilder,
}

impl Default for BooleanColumn {
    fn default() -> Self {
        Self { values: BooleanBufferBuilder::new(0), nulls: NullBufferBuilder::new(0) }
    }
}

impl BooleanColumn {
    /// Appends one value.
    pub(crate) fn push(&mut self, value: Option<bool>) {
        self.values.append(value.unwrap_or(false));
        self.nulls.append(value.is_some());
    }

    /// The column; empty again afterwards.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        let values: BooleanBuffer = self.values.finish();
        Arc::new(BooleanArray::new(values, self.nulls.finish()))
    }
}

/// A column of whole numbers.
#[derive(Debug, Default)]
pub(crate) struct IntegerColumn(Vec<Option<i32>>);

impl IntegerColumn {
    /// Appends one value.
    pub(crate) fn push(&mut self, value: Option<i32>) {
        self.0.push(value);
    }

    /// The column so far, which stays.
    pub(crate) fn array(&self) -> ArrayRef {
        Arc::new(Int32Array::from_iter(self.0.iter().copied()))
    }
}

/// A column of floating-point numbers.
#[derive(Debug, Default)]
pub(crate) struct NumberColumn(Vec<Option<f64>>);

impl NumberColumn {
    /// Appends one value.
    pub(crate) fn push(&mut self, value: Option<f64>) {
        self.0.push(value);
    }

    /// The column so far, which stays.
    pub(crate) fn array(&self) -> ArrayRef {
        Arc::new(Float64Array::from_iter(self.0.iter().copied()))
    }
}

/// The outer part of a column of lists: where each list ends among the elements, and which are null.
#[derive(Debug)]
pub(crate) struct ListColumn {
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl Default for ListColumn {
    fn default() -> Self {
        Self { offsets: vec![0], nulls: NullBufferBuilder::new(0) }
    }
}

impl ListColumn {
    /// Appends a list of so many elements, or null.
    pub(crate) fn push(&mut self, length: Option<usize>) {
        let end = self.offsets.last().copied().unwrap_or(0);
        self.offsets.push(end.saturating_add(offset(length.unwrap_or(0))));
        self.nulls.append(length.is_some());
    }

    /// The lists so far over their elements, which stay.
    pub(crate) fn array(&self, field: &DataType, elements: ArrayRef) -> Result<ArrayRef, ArrowError> {
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets.clone()));
        Ok(Arc::new(ListArray::try_new(Arc::clone(element(field)?), offsets, elements, self.nulls.finish_cloned())?))
    }

    /// The column over its elements; empty again afterwards.
    pub(crate) fn finish(&mut self, field: &DataType, elements: ArrayRef) -> Result<ArrayRef, ArrowError> {
        let mut fresh = Vec::with_capacity(self.offsets.len());
        fresh.push(0);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(std::mem::replace(&mut self.offsets, fresh)));
        // What is inside may be coded.
        let element = Arc::new(element(field)?.as_ref().clone().with_data_type(elements.data_type().clone()));
        Ok(Arc::new(ListArray::try_new(element, offsets, elements, self.nulls.finish())?))
    }
}

/// The element of a list.
fn element(field: &DataType) -> Result<&FieldRef, ArrowError> {
    match field {
        DataType::List(element) => Ok(element),
        other => Err(ArrowError::SchemaError(format!("{other} is not a list"))),
    }
}

/// The members of the struct that a list has for elements.
pub(crate) fn element_members(field: &DataType) -> Result<&Fields, ArrowError> {
    members(element(field)?)
}

/// The members of a struct field.
pub(crate) fn members(field: &FieldRef) -> Result<&Fields, ArrowError> {
    match field.data_type() {
        DataType::Struct(members) => Ok(members),
        other => Err(ArrowError::SchemaError(format!("{other} is not a struct"))),
    }
}

/// Lists or structs over the same values, as a type that differs in what is said of the fields alone.
pub(crate) fn retyped(array: &ArrayRef, kind: &DataType) -> Result<ArrayRef, ArrowError> {
    if let (DataType::List(element), Some(lists)) = (kind, array.as_list_opt::<i32>()) {
        let values = retyped(lists.values(), element.data_type())?;
        let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
        return Ok(Arc::new(ListArray::try_new(Arc::clone(element), offsets, values, nulls)?));
    }
    if let (DataType::Struct(members), Some(structs)) = (kind, array.as_struct_opt()) {
        let columns = structs.columns().iter().zip(members).map(|(column, member)| retyped(column, member.data_type()));
        let columns = columns.collect::<Result<_, _>>()?;
        return Ok(Arc::new(StructArray::try_new(members.clone(), columns, structs.nulls().cloned())?));
    }
    Ok(Arc::clone(array))
}

/// The fields with the types of the columns, of which some are coded.
pub(crate) fn coded_fields(fields: &Fields, columns: &[ArrayRef]) -> Fields {
    let field = |(field, column): (&FieldRef, &ArrayRef)| match field.data_type() == column.data_type() {
        true => Arc::clone(field),
        false => Arc::new(field.as_ref().clone().with_data_type(column.data_type().clone())),
    };
    fields.iter().zip(columns).map(field).collect()
}

/// Structs of which some members are coded.
pub(crate) fn coded_structs(
    members: &Fields,
    columns: Vec<ArrayRef>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, ArrowError> {
    Ok(Arc::new(StructArray::try_new(coded_fields(members, &columns), columns, nulls)?))
}

/// Structs of which none is null.
pub(crate) fn structs(members: &Fields, columns: Vec<ArrayRef>) -> Result<ArrayRef, ArrowError> {
    Ok(Arc::new(StructArray::try_new(members.clone(), columns, None)?))
}
