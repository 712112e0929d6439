//! List values as bytes: equal lists have equal bytes, so that a list can be a code of a dictionary as a string can.
//!
//! The form is our own and never leaves the process: a nullable value begins with 0 (null) or 1; a list is its number
//! of elements and then they; a structure its members; a string its length and bytes; lengths have four bytes, numbers
//! their own four or eight, all little-endian.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, Float64Array, Int32Array, Int64Array, ListArray, PrimitiveArray, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Fields, TimeUnit};

use crate::dictionary::Dictionary;

/// The type of a value inside of a list column, or of the whole of it.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) is_nullable: bool,
    pub(crate) kind: Kind,
    /// How many Parquet columns it becomes.
    pub(crate) leaves: usize,
}

/// What a value consists of.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Text,
    /// A number of so many bytes; what it means is only known to arrow's type.
    Number(usize, DataType),
    Structure(Fields, Vec<Node>),
    List(FieldRef, Box<Node>),
}

impl Node {
    /// The type of a field; none where a part of it has no dictionary in Parquet, or is not known here.
    pub(crate) fn of(field: &Field) -> Option<Self> {
        let (kind, leaves) = match field.data_type() {
            DataType::Utf8 => (Kind::Text, 1),
            kind @ DataType::Int32 => (Kind::Number(4, kind.clone()), 1),
            kind @ (DataType::Int64 | DataType::Float64 | DataType::Timestamp(TimeUnit::Microsecond, None)) => {
                (Kind::Number(8, kind.clone()), 1)
            }
            DataType::Struct(fields) => {
                let members = fields.iter().map(|member| Self::of(member)).collect::<Option<Vec<_>>>()?;
                let leaves = members.iter().map(|member| member.leaves).sum();
                (Kind::Structure(fields.clone(), members), leaves)
            }
            DataType::List(element) => {
                let node = Self::of(element)?;
                let leaves = node.leaves;
                (Kind::List(Arc::clone(element), Box::new(node)), leaves)
            }
            _ => return None,
        };
        Some(Self { is_nullable: field.is_nullable(), kind, leaves })
    }
}

/// Arrow's arrays of a column, ready to be turned into bytes value by value.
pub(crate) struct Source<'a> {
    is_nullable: bool,
    nulls: Option<&'a NullBuffer>,
    values: Values<'a>,
}

enum Values<'a> {
    Text(&'a StringArray),
    Int32(&'a Int32Array),
    Int64(&'a Int64Array),
    Float64(&'a Float64Array),
    Moment(&'a TimestampMicrosecondArray),
    Structure(Vec<Source<'a>>),
    List(&'a ListArray, Box<Source<'a>>),
}

impl<'a> Source<'a> {
    /// The values of `array`; none where it is not of the type of `node`.
    pub(crate) fn new(node: &Node, array: &'a dyn Array) -> Option<Self> {
        let values = match &node.kind {
            Kind::Text => Values::Text(array.as_string_opt()?),
            Kind::Number(_, DataType::Int32) => Values::Int32(array.as_primitive_opt::<Int32Type>()?),
            Kind::Number(_, DataType::Int64) => Values::Int64(array.as_primitive_opt::<Int64Type>()?),
            Kind::Number(_, DataType::Float64) => Values::Float64(array.as_primitive_opt::<Float64Type>()?),
            Kind::Number(..) => Values::Moment(array.as_primitive_opt::<TimestampMicrosecondType>()?),
            Kind::Structure(_, nodes) => {
                let columns = array.as_struct_opt()?.columns();
                let members = nodes.iter().zip(columns).map(|(node, column)| Self::new(node, column));
                Values::Structure(members.collect::<Option<_>>()?)
            }
            Kind::List(_, node) => {
                let list = array.as_list_opt::<i32>()?;
                Values::List(list, Box::new(Self::new(node, list.values())?))
            }
        };
        Some(Self { is_nullable: node.is_nullable, nulls: array.nulls(), values })
    }

    /// Whether there is no value.
    pub(crate) fn is_null(&self, at: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(at))
    }

    /// Appends the bytes of a value that is not null, without the sign that says so.
    pub(crate) fn value(&self, at: usize, out: &mut Vec<u8>) {
        match &self.values {
            Values::Text(strings) => {
                let text = strings.value(at).as_bytes();
                length(text.len(), out);
                out.extend_from_slice(text);
            }
            Values::Int32(numbers) => out.extend_from_slice(&numbers.value(at).to_le_bytes()),
            Values::Int64(numbers) => out.extend_from_slice(&numbers.value(at).to_le_bytes()),
            Values::Float64(numbers) => out.extend_from_slice(&numbers.value(at).to_le_bytes()),
            Values::Moment(moments) => out.extend_from_slice(&moments.value(at).to_le_bytes()),
            Values::Structure(members) => members.iter().for_each(|member| member.encode(at, out)),
            Values::List(list, element) => {
                // Arrow's offsets are not negative.
                let (from, to) = (list.value_offsets()[at] as usize, list.value_offsets()[at + 1] as usize);
                length(to - from, out);
                (from..to).for_each(|at| element.encode(at, out));
            }
        }
    }

    fn encode(&self, at: usize, out: &mut Vec<u8>) {
        let is_null = self.is_null(at);
        if self.is_nullable {
            out.push(u8::from(!is_null));
            if is_null {
                return;
            }
        }
        self.value(at, out);
    }
}

fn length(length: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&(length as u32).to_le_bytes()); // arrow's own are 31 bits wide
}

/// Reads what [`Source`] wrote. Each step is none where the bytes are not of the type.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    /// Whether a value follows, or stands for null.
    pub(crate) fn is_there(&mut self, node: &Node) -> Option<bool> {
        Some(!node.is_nullable || self.take(1)? == [1])
    }

    /// So many bytes.
    pub(crate) fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of elements.
    pub(crate) fn count(&mut self) -> Option<usize> {
        Some(u32::from_le_bytes(*self.take(4)?.first_chunk()?) as usize)
    }

    /// The bytes of a string.
    pub(crate) fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.count()?;
        self.take(length)
    }
}

/// The lists of a dictionary as arrow has them, in the order of their codes.
pub(crate) fn array(node: &Node, dictionary: &Dictionary) -> Result<ArrayRef, ArrowError> {
    let mut building = Building::new(node);
    for code in 0..dictionary.len() as u32 {
        let mut reader = Reader(dictionary.get(code));
        let read = building.value(node, &mut reader);
        read.ok_or_else(|| ArrowError::InvalidArgumentError("bytes that are no list".to_owned()))?;
    }
    building.finish(node)
}

/// An array that grows.
#[derive(Default)]
struct Building {
    valid: Vec<bool>,
    /// Strings, or numbers one after the other.
    bytes: Vec<u8>,
    /// Of strings and lists: where each ends.
    ends: Vec<i32>,
    /// Members, or the one element.
    children: Vec<Self>,
}

impl Building {
    fn new(node: &Node) -> Self {
        let children = match &node.kind {
            Kind::Structure(_, members) => members.iter().map(Self::new).collect(),
            Kind::List(_, element) => vec![Self::new(element)],
            Kind::Text | Kind::Number(..) => Vec::new(),
        };
        Self { children, ends: vec![0], ..Self::default() }
    }

    fn read(&mut self, node: &Node, reader: &mut Reader<'_>) -> Option<()> {
        match reader.is_there(node)? {
            true => self.value(node, reader),
            false => {
                self.null(node);
                Some(())
            }
        }
    }

    fn value(&mut self, node: &Node, reader: &mut Reader<'_>) -> Option<()> {
        self.valid.push(true);
        match &node.kind {
            Kind::Text => {
                self.bytes.extend_from_slice(reader.text()?);
                self.ends.push(i32::try_from(self.bytes.len()).ok()?);
            }
            Kind::Number(bytes, _) => self.bytes.extend_from_slice(reader.take(*bytes)?),
            Kind::Structure(_, members) => {
                for (child, member) in self.children.iter_mut().zip(members) {
                    child.read(member, reader)?;
                }
            }
            Kind::List(_, element) => {
                let child = self.children.first_mut()?;
                for _ in 0..reader.count()? {
                    child.read(element, reader)?;
                }
                self.ends.push(i32::try_from(child.valid.len()).ok()?);
            }
        }
        Some(())
    }

    fn null(&mut self, node: &Node) {
        self.valid.push(false);
        match &node.kind {
            Kind::Text | Kind::List(..) => self.ends.extend(self.ends.last().copied()),
            Kind::Number(bytes, _) => self.bytes.resize(self.bytes.len() + bytes, 0),
            Kind::Structure(_, members) => {
                self.children.iter_mut().zip(members).for_each(|(child, member)| child.null(member));
            }
        }
    }

    fn finish(self, node: &Node) -> Result<ArrayRef, ArrowError> {
        let len = self.valid.len();
        let nulls = Some(NullBuffer::from(self.valid)).filter(|nulls| nulls.null_count() > 0);
        let ends = || OffsetBuffer::new(ScalarBuffer::from(self.ends));
        let mut children = self.children.into_iter();
        Ok(match &node.kind {
            Kind::Text => Arc::new(StringArray::try_new(ends(), Buffer::from(self.bytes), nulls)?),
            Kind::Number(_, DataType::Int32) => {
                let numbers = self.bytes.as_chunks().0.iter().map(|bytes| i32::from_le_bytes(*bytes));
                Arc::new(PrimitiveArray::<Int32Type>::try_new(numbers.collect(), nulls)?)
            }
            Kind::Number(_, DataType::Float64) => {
                let numbers = self.bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes));
                Arc::new(PrimitiveArray::<Float64Type>::try_new(numbers.collect(), nulls)?)
            }
            Kind::Number(_, kind) => {
                let numbers = self.bytes.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect();
                match kind {
                    DataType::Int64 => Arc::new(PrimitiveArray::<Int64Type>::try_new(numbers, nulls)?),
                    _ => Arc::new(PrimitiveArray::<TimestampMicrosecondType>::try_new(numbers, nulls)?),
                }
            }
            Kind::Structure(fields, members) => {
                let columns = children.zip(members).map(|(child, member)| child.finish(member));
                let columns = columns.collect::<Result<Vec<_>, _>>()?;
                Arc::new(StructArray::try_new_with_length(fields.clone(), columns, nulls, len)?)
            }
            Kind::List(field, element) => {
                let child = children.next().unwrap_or_default().finish(element)?;
                Arc::new(ListArray::try_new(Arc::clone(field), ends(), child, nulls)?)
            }
        })
    }
}
