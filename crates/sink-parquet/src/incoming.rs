//! A batch as it comes: which of its columns become codes, and from what.

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow_schema::DataType;
use arrow_select::take::take;

use crate::SinkError;
use crate::dictionary::{Dictionary, Interner};
use crate::lists::Source;
use crate::plan::{Coding, Plan};

/// A value of the batch's own dictionary that no row has asked for yet.
const UNKNOWN: u32 = u32::MAX;

/// A column of a batch.
pub(crate) enum Incoming<'a> {
    /// It stays as it is.
    Plain(ArrayRef),
    /// Strings, of which each is looked up.
    Text(&'a StringArray),
    /// Lists, of which each is looked up, with room for their bytes.
    Lists(Source<'a>, Vec<u8>),
    /// Keys of different values, of which each is looked up once.
    Coded(Coded<'a>),
}

/// A column that comes coded.
pub(crate) struct Coded<'a> {
    keys: &'a Int32Array,
    values: Values<'a>,
    /// By key: 0 for null, else the code plus one, else [`UNKNOWN`].
    codes: Vec<u32>,
    scratch: Vec<u8>,
}

enum Values<'a> {
    Text(&'a StringArray),
    Lists(Source<'a>),
}

impl<'a> Incoming<'a> {
    /// The columns of a batch whose types were checked. `is_in_vain` says which are not worth coding.
    pub(crate) fn columns(
        plan: &Plan,
        batch: &'a RecordBatch,
        is_in_vain: impl Fn(usize) -> bool,
    ) -> Result<Vec<Self>, SinkError> {
        let column = |(at, array): (usize, &'a ArrayRef)| match array.as_dictionary_opt::<Int32Type>() {
            None if is_in_vain(at) => Ok(Self::Plain(ArrayRef::clone(array))),
            None => Ok(match &plan.coding[at] {
                Coding::Plain => Self::Plain(ArrayRef::clone(array)),
                Coding::Text => Self::Text(array.as_string()),
                Coding::Lists(node) => match Source::new(node, array) {
                    Some(lists) => Self::Lists(lists, Vec::new()),
                    None => Self::Plain(ArrayRef::clone(array)),
                },
            }),
            Some(coded) => {
                let values = match &plan.coding[at] {
                    _ if is_in_vain(at) => None,
                    Coding::Plain => None,
                    Coding::Text => coded.values().as_string_opt().map(Values::Text),
                    Coding::Lists(node) => Source::new(node, coded.values()).map(Values::Lists),
                };
                let Some(values) = values else {
                    let plain = take(coded.values(), coded.keys(), None).map_err(|cause| plan.arrange(cause))?;
                    return Ok(Self::Plain(plain));
                };
                let codes = vec![UNKNOWN; coded.values().len()];
                Ok(Self::Coded(Coded { keys: coded.keys(), values, codes, scratch: Vec::new() }))
            }
        };
        batch.columns().iter().enumerate().map(column).collect()
    }
}

impl Coded<'_> {
    /// Whether no row has a value.
    pub(crate) fn is_all_null(&self) -> bool {
        self.keys.null_count() == self.keys.len()
    }

    /// The code of a row plus one, or 0 for null.
    #[inline]
    pub(crate) fn code(&mut self, row: usize, interner: &mut Interner, dictionary: &mut Dictionary) -> u32 {
        if self.keys.is_null(row) {
            return 0;
        }
        let key = self.keys.value(row) as usize; // arrow has checked that keys are places
        match self.codes[key] {
            UNKNOWN => {
                let code = self.look_up(key, interner, dictionary);
                self.codes[key] = code;
                code
            }
            code => code,
        }
    }

    fn look_up(&mut self, key: usize, interner: &mut Interner, dictionary: &mut Dictionary) -> u32 {
        match &self.values {
            Values::Text(strings) if strings.is_null(key) => 0,
            Values::Text(strings) => interner.intern(dictionary, strings.value(key).as_bytes()) + 1,
            Values::Lists(lists) if lists.is_null(key) => 0,
            Values::Lists(lists) => {
                self.scratch.clear();
                lists.value(key, &mut self.scratch);
                interner.intern(dictionary, &self.scratch) + 1
            }
        }
    }
}

/// Whether a column of the table's type may come as `theirs`: as it is, or strings and lists coded.
pub(crate) fn may_come_as(ours: &DataType, theirs: &DataType) -> bool {
    match (ours, theirs) {
        (DataType::Utf8 | DataType::List(_), DataType::Dictionary(keys, values)) => {
            **keys == DataType::Int32 && **values == *ours
        }
        _ => ours == theirs,
    }
}
