//! The values of columns that repeat, each once, and the codes by which rows refer to them.
//!
//! A decoder keeps its dictionaries from batch to batch, so that what recurs is looked up once and a row costs a code.
//! Batches share the array of values until it grows. Between two batches a dictionary that has become large is begun
//! anew, and with it the generation: codes of an earlier generation mean nothing.

use std::hash::BuildHasher;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, Int32Array};
use arrow_buffer::ScalarBuffer;
use arrow_schema::{ArrowError, DataType};
use hashbrown::{DefaultHashBuilder, HashTable};

use crate::columns::{TextColumn, nulls_of, retyped};
use crate::privacy::Mask;

/// The place of a value in its dictionary, or null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(i32);

impl Code {
    /// No value.
    pub(crate) const NULL: Self = Self(-1);

    /// The place, unless it is null.
    pub(crate) fn index(self) -> Option<usize> {
        usize::try_from(self.0).ok()
    }
}

impl Default for Code {
    fn default() -> Self {
        Self::NULL
    }
}

/// The bytes of a dictionary beyond which the next batch begins a new one: 1 MiB.
const LARGE: usize = 1 << 20;

/// The same where values hardly come again after a while: 256 KiB.
const LARGE_OF_PASSING: usize = 1 << 18;

/// Byte strings, each once, found by hash.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Interner {
    /// The string at this place.
    #[inline]
    fn get(&self, index: usize) -> &[u8] {
        let begin = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[begin..self.ends[index]]
    }

    /// Whether there is such a place and `value` is the string there.
    #[inline]
    fn is(&self, index: usize, value: &[u8]) -> bool {
        index < self.ends.len() && self.get(index) == value
    }

    /// The place of `value` if it is there.
    pub(crate) fn find(&self, value: &[u8]) -> Option<usize> {
        let hash = self.hasher.hash_one(value);
        self.table.find(hash, |index| self.get(*index as usize) == value).map(|index| *index as usize)
    }

    /// Appends a value that is not there; its place.
    pub(crate) fn append(&mut self, value: &[u8]) -> usize {
        let index = self.ends.len();
        // By a quarter and not to the double: each decoder has many of them, and they last.
        if self.bytes.capacity() - self.bytes.len() < value.len() {
            self.bytes.reserve_exact(value.len().max(self.bytes.len() / 4));
        }
        self.bytes.extend_from_slice(value);
        self.ends.push(self.bytes.len());
        let hash = self.hasher.hash_one(value);
        let Self { bytes, ends, table, hasher } = self;
        let begin = |index: usize| if index == 0 { 0 } else { ends[index - 1] };
        // A batch has far fewer than 2^32 values, and between batches large dictionaries are begun anew.
        table.insert_unique(hash, index as u32, |&index| {
            hasher.hash_one(&bytes[begin(index as usize)..ends[index as usize]])
        });
        index
    }

    /// How many bytes its strings have.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.table.clear();
    }
}

/// The texts of a column.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    interner: Interner,
    array: Option<ArrayRef>,
    /// The place of the text that was asked for last: an account or an instance comes again with every event.
    last: usize,
    masked: Option<Box<Masked>>,
}

/// What stands in the column in the place of each text.
#[derive(Debug)]
struct Masked {
    mask: Mask,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Masked {
    /// Appends what stands for a text that is new.
    fn append(&mut self, text: &str) {
        self.bytes.extend_from_slice(self.mask.apply(text).unwrap_or_default().as_bytes());
        self.ends.push(self.bytes.len());
    }
}

impl Texts {
    /// Texts that are not written as they are.
    pub(crate) fn masked(mask: Mask) -> Self {
        let masked = match mask {
            Mask::Keep => None,
            mask => Some(Box::new(Masked { mask, bytes: Vec::new(), ends: Vec::new() })),
        };
        Self { masked, ..Self::default() }
    }

    /// The code of a text.
    #[inline]
    pub(crate) fn code(&mut self, text: &str) -> Code {
        if !self.interner.is(self.last, text.as_bytes()) {
            self.last = self.interner.find(text.as_bytes()).unwrap_or_else(|| {
                self.array = None;
                if let Some(masked) = &mut self.masked {
                    masked.append(text);
                }
                self.interner.append(text.as_bytes())
            });
        }
        Code(self.last as i32)
    }

    /// The text at this place, if there is one.
    pub(crate) fn text(&self, index: usize) -> Option<&[u8]> {
        (index < self.interner.ends.len()).then(|| self.interner.get(index))
    }

    /// The code of a text that may be null.
    pub(crate) fn maybe(&mut self, text: Option<&str>) -> Code {
        match &self.masked {
            Some(masked) if matches!(masked.mask, Mask::Drop) => Code::NULL,
            _ => text.map_or(Code::NULL, |text| self.code(text)),
        }
    }

    /// All of them, in the order of their codes.
    pub(crate) fn array(&mut self) -> Result<ArrayRef, ArrowError> {
        if let Some(array) = &self.array {
            return Ok(Arc::clone(array));
        }
        let array = match &self.masked {
            None => TextColumn::of(&self.interner.bytes, &self.interner.ends)?,
            Some(masked) => TextColumn::of(&masked.bytes, &masked.ends)?,
        };
        self.array = Some(Arc::clone(&array));
        Ok(array)
    }

    /// Whether the next batch should begin anew.
    pub(crate) fn is_large(&self) -> bool {
        self.interner.size() > LARGE
    }

    /// The same where texts are used for a while and never again.
    pub(crate) fn is_large_for_passing(&self) -> bool {
        self.interner.size() > LARGE_OF_PASSING
    }

    /// Begins anew.
    pub(crate) fn clear(&mut self) {
        self.interner.clear();
        self.array = None;
        if let Some(masked) = &mut self.masked {
            masked.bytes.clear();
            masked.ends.clear();
        }
    }
}

/// Lists that a dictionary can be made of: they are appended one by one, and all of them are an array.
pub(crate) trait Lists {
    /// All lists so far, which stay, as a column of this type.
    fn array(&self, kind: &DataType) -> Result<ArrayRef, ArrowError>;

    /// Begins anew.
    fn clear(&mut self);
}

/// The lists of a column, told apart by their JSON.
#[derive(Debug, Default)]
pub(crate) struct ListValues<L> {
    interner: Interner,
    pub(crate) lists: L,
    /// One for each type that was asked for: the field ids of the current and the previous snapshot differ.
    arrays: Vec<(DataType, ArrayRef)>,
}

impl<L: Lists> ListValues<L> {
    /// The code of the list of this JSON, if it was appended before.
    pub(crate) fn find(&self, json: &[u8]) -> Option<Code> {
        self.interner.find(json).map(|index| Code(index as i32))
    }

    /// The code of the list that was just appended to `lists`.
    pub(crate) fn appended(&mut self, json: &[u8]) -> Code {
        self.arrays.clear();
        Code(self.interner.append(json) as i32)
    }

    /// All of them, in the order of their codes, as a column of this type.
    pub(crate) fn array(&mut self, kind: &DataType) -> Result<ArrayRef, ArrowError> {
        if let Some((_, array)) = self.arrays.iter().find(|(made, _)| made == kind) {
            return Ok(Arc::clone(array));
        }
        let array = match self.arrays.first() {
            Some((_, other)) => retyped(other, kind)?,
            None => self.lists.array(kind)?,
        };
        self.arrays.push((kind.clone(), Arc::clone(&array)));
        Ok(array)
    }

    /// Whether the next batch should begin anew.
    pub(crate) fn is_large(&self) -> bool {
        self.interner.size() > LARGE
    }

    /// Begins anew.
    pub(crate) fn clear(&mut self) {
        self.interner.clear();
        self.lists.clear();
        self.arrays.clear();
    }
}

/// A column of codes.
#[derive(Debug, Default)]
pub(crate) struct CodeColumn {
    /// [`Code::NULL`] stands for null until the end: a test of all rows at once costs less than one of each.
    keys: Vec<i32>,
}

impl CodeColumn {
    /// Appends one row.
    #[inline]
    pub(crate) fn push(&mut self, code: Code) {
        self.keys.push(code.0);
    }

    /// The column over its dictionary; empty again afterwards.
    pub(crate) fn finish(&mut self, values: ArrayRef) -> Result<ArrayRef, ArrowError> {
        let rows = self.keys.len();
        let mut keys = std::mem::replace(&mut self.keys, Vec::with_capacity(rows));
        let nulls = nulls_of(&mut keys, Code::NULL.0);
        let keys = Int32Array::try_new(ScalarBuffer::from(keys), nulls)?;
        debug_assert!(keys.null_count() == rows || !values.is_empty(), "a code has a value");
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values)?))
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;

    use super::*;

    #[test]
    fn equal_texts_have_one_code_and_the_array_is_shared_until_it_grows() {
        let mut texts = Texts::default();
        let (a, b) = (texts.code("a"), texts.code(""));
        assert_eq!((texts.code("a"), texts.maybe(None)), (a, Code::NULL));
        let first = texts.array().unwrap();
        assert_eq!(texts.code(""), b);
        assert!(Arc::ptr_eq(&first, &texts.array().unwrap()));
        texts.code("c");
        let grown = texts.array().unwrap();
        assert_eq!(grown.as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["a", "", "c"]);
        let mut column = CodeColumn::default();
        [a, Code::NULL, b].into_iter().for_each(|code| column.push(code));
        let column = column.finish(grown).unwrap();
        let column = column.as_dictionary::<Int32Type>().downcast_dict::<arrow_array::StringArray>().unwrap();
        assert_eq!(column.into_iter().collect::<Vec<_>>(), [Some("a"), None, Some("")]);
    }

    #[test]
    fn many_texts() {
        let mut texts = Texts::default();
        let codes: Vec<Code> = (0..10_000).map(|number| texts.code(&number.to_string())).collect();
        (0..10_000).for_each(|number: usize| assert_eq!(texts.code(&number.to_string()), codes[number]));
    }
}
