//! A batch as it comes: which of its columns become codes, and from what.

use std::ops::Range;
use std::sync::{Arc, Weak};

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, Int32Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field};
use arrow_select::take::take;

use crate::SinkError;
use crate::coded_lists::{has_codes, recode};
use crate::dictionary::{Dictionary, Generation, Interner};
use crate::lists::Source;
use crate::plan::{Coding, Plan};
use crate::rows::Compactor;

/// A value of the batch's own dictionary that no row has asked for yet.
const UNKNOWN: u32 = u32::MAX;

/// How many dictionaries of a column are remembered: one for each of so many decoders.
const BOOKS: usize = 8;

/// What the values of a column's dictionaries are in the growing generation: decoders send the same dictionary with
/// batch after batch, or one that has grown, and most of its values are looked up once.
#[derive(Debug, Default)]
pub(crate) struct Books(Vec<(Book, Vec<u32>)>);

/// Whose values are known.
#[derive(Debug)]
enum Book {
    /// Dictionaries that grow, by their number.
    Growing((u32, u32)),
    /// A dictionary. While it is referred to weakly, nothing else can lie at its address.
    Fixed(Weak<dyn Array>),
}

impl Book {
    fn is_of(&self, values: &ArrayRef, number: Option<(u32, u32)>) -> bool {
        match self {
            Self::Growing(own) => number == Some(*own),
            Self::Fixed(known) => number.is_none() && std::ptr::addr_eq(known.as_ptr(), Arc::as_ptr(values)),
        }
    }

    /// Whether it will not be asked for again, when dictionaries of this number have come.
    fn is_gone(&self, number: Option<(u32, u32)>) -> bool {
        match self {
            Self::Growing((owner, _)) => number.is_some_and(|(other, _)| other == *owner),
            Self::Fixed(known) => known.strong_count() == 0,
        }
    }
}

impl Books {
    /// What is known of a dictionary.
    fn take(&mut self, values: &ArrayRef, number: Option<(u32, u32)>) -> Vec<u32> {
        let known = self.0.iter().position(|(book, _)| book.is_of(values, number));
        let mut codes = known.map(|at| self.0.remove(at).1).unwrap_or_default();
        codes.resize(values.len().max(codes.len()), UNKNOWN);
        codes
    }

    /// Remembers it.
    fn keep(&mut self, values: &ArrayRef, number: Option<(u32, u32)>, codes: Vec<u32>) {
        self.0.retain(|(book, _)| !book.is_gone(number));
        if self.0.len() == BOOKS {
            self.0.remove(0); // the one that was not asked for the longest
        }
        self.0.push((number.map_or_else(|| Book::Fixed(Arc::downgrade(values)), Book::Growing), codes));
    }

    /// Forgets everything: another generation has other codes.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Bytes of memory.
    pub(crate) fn memory(&self) -> u64 {
        self.0.iter().map(|(_, codes)| codes.capacity() * size_of::<u32>()).sum::<usize>() as u64
    }
}

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
    dictionary: &'a ArrayRef,
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
    /// The columns of a batch whose types were checked.
    pub(crate) fn columns(
        plan: &Plan,
        batch: &'a RecordBatch,
        compactor: &mut Compactor,
        generation: &mut Generation,
    ) -> Result<Vec<Self>, SinkError> {
        let mut column = |(at, array): (usize, &'a ArrayRef)| match array.as_dictionary_opt::<Int32Type>() {
            None if has_codes(array.data_type()) => match &plan.coding[at] {
                Coding::Lists(node) => {
                    let recoded = recode(node, array, plan.units[at], compactor, generation);
                    Ok(Self::Plain(recoded.map_err(|cause| plan.arrange(cause))?))
                }
                Coding::Plain | Coding::Text => Err(plan.shape("strings inside of a list are coded")),
            },
            None if compactor.is_in_vain(at) => Ok(Self::Plain(ArrayRef::clone(array))),
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
                    _ if compactor.is_in_vain(at) => None,
                    Coding::Plain => None,
                    Coding::Text => coded.values().as_string_opt().map(Values::Text),
                    Coding::Lists(node) => Source::new(node, coded.values()).map(Values::Lists),
                };
                let Some(values) = values else {
                    let plain = take(coded.values(), coded.keys(), None).map_err(|cause| plan.arrange(cause))?;
                    return Ok(Self::Plain(plain));
                };
                let (keys, dictionary) = (coded.keys(), coded.values());
                let codes = compactor.books[at].take(dictionary, compactor.dictionaries);
                Ok(Self::Coded(Coded { keys, dictionary, values, codes, scratch: Vec::new() }))
            }
        };
        batch.columns().iter().enumerate().map(&mut column).collect()
    }
}

impl<'a> Coded<'a> {
    /// A column, or a leaf of one, whose strings come coded; none where they are no strings.
    pub(crate) fn texts(
        array: &'a DictionaryArray<Int32Type>,
        books: &mut Books,
        number: Option<(u32, u32)>,
    ) -> Option<Self> {
        let dictionary = array.values();
        let values = Values::Text(dictionary.as_string_opt()?);
        let codes = books.take(dictionary, number);
        Some(Self { keys: array.keys(), dictionary, values, codes, scratch: Vec::new() })
    }
}

impl Coded<'_> {
    /// Puts what was looked up into the books, for the batches to come.
    pub(crate) fn close(self, books: &mut Books, number: Option<(u32, u32)>) {
        books.keep(self.dictionary, number, self.codes);
    }

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
            code => {
                debug_assert!(self.has_code(key, code, dictionary), "dictionaries of one number begin alike");
                code
            }
        }
    }

    /// Whether the string of a key has this code.
    fn has_code(&self, key: usize, code: u32, dictionary: &Dictionary) -> bool {
        let Values::Text(strings) = &self.values else { return true };
        match code.checked_sub(1) {
            Some(code) => dictionary.get(code) == strings.value(key).as_bytes(),
            None => strings.is_null(key),
        }
    }

    /// The codes of neighbouring rows.
    pub(crate) fn codes(
        &mut self,
        rows: Range<usize>,
        interner: &mut Interner,
        dictionary: &mut Dictionary,
    ) -> Vec<u32> {
        let keys = &self.keys.values()[rows.clone()];
        if self.keys.null_count() > 0 {
            return rows.map(|row| self.code(row, interner, dictionary)).collect();
        }
        let mut codes: Vec<u32> = keys.iter().map(|key| self.codes[*key as usize]).collect();
        for (code, row) in codes.iter_mut().zip(rows).filter(|(code, _)| **code == UNKNOWN) {
            *code = self.code(row, interner, dictionary);
        }
        debug_assert!(
            codes.iter().zip(keys).all(|(code, key)| self.has_code(*key as usize, *code, dictionary)),
            "dictionaries of one number begin alike"
        );
        codes
    }

    #[cold]
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

/// Whether a column of the table's type may come as `theirs`: as it is, or strings and lists coded, or, with
/// `takes_parts`, strings inside of lists coded.
pub(crate) fn may_come_as(ours: &DataType, theirs: &DataType, takes_parts: bool) -> bool {
    match (ours, theirs) {
        (DataType::Utf8 | DataType::List(_), DataType::Dictionary(keys, values)) => {
            **keys == DataType::Int32 && **values == *ours
        }
        (DataType::List(ours), DataType::List(theirs)) if takes_parts => part_may_come_as(ours, theirs),
        _ => ours == theirs,
    }
}

/// The same for a part of a list.
fn part_may_come_as(ours: &Field, theirs: &Field) -> bool {
    let same_type = match (ours.data_type(), theirs.data_type()) {
        (DataType::Utf8, coded @ DataType::Dictionary(..)) => may_come_as(&DataType::Utf8, coded, true),
        (DataType::List(ours), DataType::List(theirs)) => part_may_come_as(ours, theirs),
        (DataType::Struct(ours), DataType::Struct(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| part_may_come_as(ours, theirs))
        }
        (ours, theirs) => ours == theirs,
    };
    let rest = |field: &Field| (field.name().clone(), field.is_nullable(), field.metadata().clone());
    same_type && rest(ours) == rest(theirs)
}
