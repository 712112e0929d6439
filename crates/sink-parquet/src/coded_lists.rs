//! Lists whose strings come coded: the strings of each leaf become codes of the leaf's own dictionary, the lists stay
//! Arrow's, so that waiting rows cost codes and lists need not be alike to cost little.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, UInt32Type};
use arrow_array::{Array, ArrayRef, ListArray, StructArray, UInt32Array};
use arrow_buffer::NullBuffer;
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Fields};
use arrow_select::take::take;

use crate::dictionary::Generation;
use crate::gather::strings;
use crate::incoming::Coded;
use crate::lists::{Kind, Node};
use crate::rows::Compactor;

/// Whether strings inside of lists of this type are coded, by the batch or by us.
pub(crate) fn has_codes(kind: &DataType) -> bool {
    match kind {
        DataType::List(element) => has_codes(element.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_codes(field.data_type())),
        kind => matches!(kind, DataType::Dictionary(..) | DataType::UInt32),
    }
}

/// The fields of a column's lists with the types of their leaves. They are the same from batch to batch, and of waiting rows
/// that came few at a time they would be the larger part.
#[derive(Debug, Default)]
pub(crate) struct Typed {
    known: Vec<FieldRef>,
    /// Which is asked for next.
    at: usize,
}

impl Typed {
    /// The next of the fields, in the order in which they are come by, with the type of this array.
    fn field(&mut self, field: &Field, array: &ArrayRef) -> FieldRef {
        let at = self.at;
        self.at += 1;
        if let Some(known) = self.known.get(at).filter(|known| known.data_type() == array.data_type()) {
            return Arc::clone(known);
        }
        let typed: FieldRef = Arc::new(field.clone().with_data_type(array.data_type().clone()));
        self.known.truncate(at);
        self.known.push(Arc::clone(&typed));
        typed
    }
}

/// An array of the same shape with other leaves: `leaf` makes them one by one, in the order of Parquet's columns.
fn with_leaves(
    node: &Node,
    array: &ArrayRef,
    typed: &mut Typed,
    leaf: &mut impl FnMut(&Node, &ArrayRef) -> Result<ArrayRef, ArrowError>,
) -> Result<ArrayRef, ArrowError> {
    let other = || ArrowError::InvalidArgumentError("a list is not of its type".to_owned());
    match &node.kind {
        Kind::Text | Kind::Number(..) => leaf(node, array),
        Kind::Structure(fields, members) => {
            let structure = array.as_struct_opt().ok_or_else(other)?;
            let members = members.iter().zip(structure.columns());
            let columns = members.map(|(node, column)| with_leaves(node, column, typed, leaf));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            let fields: Fields =
                fields.iter().zip(&columns).map(|(field, column)| typed.field(field, column)).collect();
            let nulls = structure.nulls().cloned();
            Ok(Arc::new(StructArray::try_new_with_length(fields, columns, nulls, structure.len())?))
        }
        Kind::List(field, element) => {
            let list = array.as_list_opt::<i32>().ok_or_else(other)?;
            let elements = with_leaves(element, list.values(), typed, leaf)?;
            let offsets = list.offsets().clone();
            Ok(Arc::new(ListArray::try_new(typed.field(field, &elements), offsets, elements, list.nulls().cloned())?))
        }
    }
}

/// The lists of a batch with codes of `generation` in the place of coded strings; `unit` is that of the first leaf.
pub(crate) fn recode(
    node: &Node,
    array: &ArrayRef,
    mut unit: usize,
    compactor: &mut Compactor,
    generation: &mut Generation,
) -> Result<ArrayRef, ArrowError> {
    let first = unit;
    // Lent, because the leaves need the rest.
    let mut typed = Typed { at: 0, ..std::mem::take(&mut compactor.typed[first]) };
    let lists = with_leaves(node, array, &mut typed, &mut |_, leaf| {
        let at = unit;
        unit += 1;
        let Some(coded) = leaf.as_dictionary_opt::<Int32Type>() else { return Ok(Arc::clone(leaf)) };
        if compactor.is_in_vain(at) {
            compactor.pass(at, leaf.len());
            return take(coded.values(), coded.keys(), None);
        }
        let number = compactor.dictionaries;
        let Some(mut coded) = Coded::texts(coded, &mut compactor.books[at], number) else {
            return Err(ArrowError::InvalidArgumentError("codes that are not of strings".to_owned()));
        };
        let codes = compactor.codes(at, &mut coded, leaf.len(), generation);
        coded.close(&mut compactor.books[at], number);
        let nulls = codes.contains(&0).then(|| NullBuffer::from_iter(codes.iter().map(|code| *code > 0)));
        Ok(Arc::new(UInt32Array::try_new(codes.into(), nulls)?))
    });
    compactor.typed[first] = typed;
    lists
}

/// The lists with strings in the place of codes of `generation`.
pub(crate) fn spell(
    node: &Node,
    array: &ArrayRef,
    mut unit: usize,
    generation: &Generation,
) -> Result<ArrayRef, ArrowError> {
    with_leaves(node, array, &mut Typed::default(), &mut |node, leaf| {
        let at = unit;
        unit += 1;
        match leaf.as_primitive_opt::<UInt32Type>() {
            Some(codes) if matches!(node.kind, Kind::Text) => {
                Ok(Arc::new(strings(codes.values(), &generation.units[at])?))
            }
            _ => Ok(Arc::clone(leaf)),
        }
    })
}
