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

/// An array of the same shape with other leaves: `leaf` makes them one by one, in the order of Parquet's columns.
fn with_leaves(
    node: &Node,
    array: &ArrayRef,
    leaf: &mut impl FnMut(&Node, &ArrayRef) -> Result<ArrayRef, ArrowError>,
) -> Result<ArrayRef, ArrowError> {
    let typed = |field: &Field, array: &ArrayRef| -> FieldRef {
        Arc::new(field.clone().with_data_type(array.data_type().clone()))
    };
    let other = || ArrowError::InvalidArgumentError("a list is not of its type".to_owned());
    match &node.kind {
        Kind::Text | Kind::Number(..) => leaf(node, array),
        Kind::Structure(fields, members) => {
            let structure = array.as_struct_opt().ok_or_else(other)?;
            let columns = members.iter().zip(structure.columns()).map(|(node, column)| with_leaves(node, column, leaf));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            let fields: Fields = fields.iter().zip(&columns).map(|(field, column)| typed(field, column)).collect();
            let nulls = structure.nulls().cloned();
            Ok(Arc::new(StructArray::try_new_with_length(fields, columns, nulls, structure.len())?))
        }
        Kind::List(field, element) => {
            let list = array.as_list_opt::<i32>().ok_or_else(other)?;
            let elements = with_leaves(element, list.values(), leaf)?;
            let offsets = list.offsets().clone();
            Ok(Arc::new(ListArray::try_new(typed(field, &elements), offsets, elements, list.nulls().cloned())?))
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
    with_leaves(node, array, &mut |_, leaf| {
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
    })
}

/// The lists with strings in the place of codes of `generation`.
pub(crate) fn spell(
    node: &Node,
    array: &ArrayRef,
    mut unit: usize,
    generation: &Generation,
) -> Result<ArrayRef, ArrowError> {
    with_leaves(node, array, &mut |node, leaf| {
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
