//! Waiting rows of one day, brought together column by column.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, StringArray, UInt32Array};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::ArrowError;
use arrow_select::concat::concat;
use arrow_select::interleave::interleave;
use arrow_select::take::take;

use crate::coded_lists::{has_codes, spell};
use crate::dictionary::{Dictionary, Generation, Interner, Known};
use crate::lists;
use crate::nested::Lists;
use crate::plan::{Coding, Plan};
use crate::rows::{Chunk, Codes, Column, Run, whole_or_copy};

/// Pieces with fewer rows are not worth a slice for each column.
const SMALL_PIECE: usize = 64;

/// A run together with what its codes mean.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) chunk: Arc<Chunk>,
    pub(crate) from: usize,
    pub(crate) rows: usize,
    pub(crate) dictionaries: Arc<Generation>,
}

impl Piece {
    pub(crate) fn new(run: Run, dictionaries: &Arc<Generation>) -> Self {
        Self { chunk: run.chunk, from: run.from, rows: run.rows, dictionaries: Arc::clone(dictionaries) }
    }
}

/// Where a row lies: which piece, which row of its chunk. As [`interleave`] wants it.
type Place = (usize, usize);

/// Rows of one table and day, in the order of `places`.
pub(crate) struct Group {
    pub(crate) pieces: Vec<Piece>,
    places: Vec<Place>,
    /// By piece: which of the different generations it uses.
    generation: Vec<usize>,
    generations: Vec<Arc<Generation>>,
    /// By place: which row of those that arrived; none while they are in order of arrival.
    order: Option<Vec<u32>>,
}

/// One column of a group.
pub(crate) enum Gathered {
    /// Strings or lists: 0 for null, else the place in the dictionary plus one. Every entry of the dictionary is used.
    Codes(Vec<u32>, Dictionary),
    /// Anything else.
    Array(ArrayRef),
}

impl Gathered {
    /// Whether a row has no value.
    pub(crate) fn has_nulls(&self) -> bool {
        match self {
            Self::Codes(keys, _) => keys.contains(&0),
            Self::Array(array) => array.null_count() > 0,
        }
    }
}

impl Group {
    /// The rows of `pieces` in order of arrival.
    pub(crate) fn new(pieces: Vec<Piece>) -> Self {
        let mut places = Vec::with_capacity(pieces.iter().map(|piece| piece.rows).sum());
        let mut generations: Vec<Arc<Generation>> = Vec::new();
        let mut generation = Vec::with_capacity(pieces.len());
        for (at, piece) in pieces.iter().enumerate() {
            places.extend((piece.from..piece.from + piece.rows).map(|row| (at, row)));
            let known = generations.iter().position(|known| Arc::ptr_eq(known, &piece.dictionaries));
            generation.push(known.unwrap_or_else(|| {
                generations.push(Arc::clone(&piece.dictionaries));
                generations.len() - 1
            }));
        }
        Self { pieces, places, generation, generations, order: None }
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> usize {
        self.places.len()
    }

    /// Puts the rows in another order: `order[n]` says which row comes at place n.
    pub(crate) fn reorder(&mut self, order: Vec<u32>) {
        self.places = order.iter().map(|row| self.places[*row as usize]).collect();
        self.order = Some(order);
    }

    /// One column in the order of the rows.
    pub(crate) fn column(&self, plan: &Plan, column: usize) -> Result<Gathered, ArrowError> {
        let is_coded = |piece: &Piece| matches!(piece.chunk.columns[column], Column::Codes(_));
        if self.pieces.iter().all(is_coded) {
            let (keys, dictionary) = self.codes(column);
            return Ok(Gathered::Codes(keys, dictionary));
        }
        let is_plain = |piece: &Piece| matches!(piece.chunk.columns[column], Column::Plain(_));
        let is_small = self.places.len() < self.pieces.len() * SMALL_PIECE;
        let has_coded_parts = |piece: &Piece| match &piece.chunk.columns[column] {
            Column::Plain(array) => has_codes(array.data_type()),
            Column::Codes(_) => false,
        };
        if self.pieces.iter().all(|piece| is_plain(piece) && !has_coded_parts(piece))
            && (self.order.is_some() || is_small)
        {
            return Ok(Gathered::Array(interleave(&self.plain(column), &self.places)?));
        }
        let mut arrays = Vec::with_capacity(self.pieces.len());
        for piece in &self.pieces {
            arrays.push(match &piece.chunk.columns[column] {
                Column::Plain(array) => match &plan.coding[column] {
                    Coding::Lists(node) if has_codes(array.data_type()) => {
                        // A slice would have the elements of the whole chunk, which many days may share.
                        let array = whole_or_copy(array, piece.from, piece.rows)?;
                        spell(node, &array, plan.units[column], &piece.dictionaries)?
                    }
                    _ => array.slice(piece.from, piece.rows),
                },
                // A column whose values stopped repeating in the middle of the group.
                Column::Codes(_) => spelled_out(plan, piece, column)?,
            });
        }
        let parts: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
        Ok(Gathered::Array(match (&self.order, parts.as_slice()) {
            (None, [_]) => Arc::clone(&arrays[0]),
            (None, _) => concat(&parts)?,
            (Some(_), _) => {
                let within = |(piece, row): &Place| (*piece, row - self.pieces[*piece].from);
                interleave(&parts, &self.places.iter().map(within).collect::<Vec<_>>())?
            }
        }))
    }

    /// Whether any row of a column is not a code.
    pub(crate) fn has_plain(&self, column: usize) -> bool {
        self.pieces.iter().any(|piece| matches!(piece.chunk.columns[column], Column::Plain(_)))
    }

    /// The lists of a column, where they lie.
    pub(crate) fn lists(&self, plan: &Plan, column: usize) -> Result<Lists<'_>, ArrowError> {
        let mut arrays = Vec::with_capacity(self.pieces.len());
        let mut first = Vec::with_capacity(self.pieces.len());
        for piece in &self.pieces {
            let (array, from) = match &piece.chunk.columns[column] {
                Column::Plain(array) => (Arc::clone(array), 0),
                // A column whose values stopped repeating in the middle of the group.
                Column::Codes(_) => (spelled_out(plan, piece, column)?, piece.from),
            };
            arrays.push(array);
            first.push(from);
        }
        // A chunk has far fewer than 2^32 rows, and a group as many pieces.
        let places = self.places.iter().map(|(piece, row)| (*piece as u32, (row - first[*piece]) as u32));
        let places = places.collect();
        Ok(Lists { arrays, generation: &self.generation, generations: &self.generations, places })
    }

    /// The plain arrays of a column, by piece.
    fn plain(&self, column: usize) -> Vec<&dyn Array> {
        let arrays = self.pieces.iter().filter_map(|piece| match &piece.chunk.columns[column] {
            Column::Plain(array) => Some(array.as_ref()),
            Column::Codes(_) => None,
        });
        arrays.collect()
    }

    /// The codes of a column, renumbered so that the dictionary holds just what this group uses.
    fn codes(&self, column: usize) -> (Vec<u32>, Dictionary) {
        let pieces = self.pieces.iter().filter_map(|piece| match &piece.chunk.columns[column] {
            Column::Codes(codes) => Some(codes),
            Column::Plain(_) => None, // the caller has checked that there is none
        });
        let pieces: Vec<&Codes> = pieces.collect();
        let mut merge = Merge::new(self, column);
        let mut keys = Vec::with_capacity(self.places.len());
        let Some((known, dictionary, merged)) = merge.only() else {
            keys.extend(self.places.iter().map(|(piece, row)| match pieces[*piece].get(*row) {
                0 => 0,
                code => merge.key(self.generation[*piece], code),
            }));
            return (keys, merge.merged);
        };
        // One generation, and a place for every code: the usual case, one look-up a row, in the order of arrival.
        for (piece, codes) in self.pieces.iter().zip(pieces) {
            let rows = piece.from..piece.from + piece.rows;
            match codes {
                Codes::Narrow(codes) => renumber(&codes[rows], (known, dictionary, merged), &mut keys),
                Codes::Wide(codes) => renumber(&codes[rows], (known, dictionary, merged), &mut keys),
            }
        }
        if let Some(order) = &self.order
            && !is_constant(&keys)
        {
            keys = order.iter().map(|row| keys[*row as usize]).collect();
        }
        (keys, merge.merged)
    }
}

/// Appends the keys of codes; each code that was not met before is given the next one.
fn renumber<C: Copy + PartialEq + Into<u32>>(
    codes: &[C],
    (known, dictionary, merged): (&mut [u32], &Dictionary, &mut Dictionary),
    keys: &mut Vec<u32>,
) {
    let from = keys.len();
    let known_of = |code: &C, known: &[u32]| known[(*code).into() as usize];
    match codes.first() {
        Some(first) if is_constant(codes) => keys.resize(from + codes.len(), known_of(first, known)),
        _ => keys.extend(codes.iter().map(|code| known_of(code, known))),
    }
    // Nearly all were met in the first few thousand rows: looking for the others is a step of its own, and no branch above.
    let without_key = keys[from..].iter().filter(|key| **key == 0).count();
    let without_value = codes.iter().filter(|code| (**code).into() == 0).count();
    if without_key == without_value {
        return;
    }
    for (key, code) in keys[from..].iter_mut().zip(codes).filter(|(key, _)| **key == 0) {
        let code = (*code).into();
        if code > 0 {
            let next = &mut known[code as usize];
            if *next == 0 {
                *next = 1 + merged.push(dictionary.get(code - 1));
            }
            *key = *next;
        }
    }
}

/// Whether all keys are the same, as those of an account or of a column without values: in any order.
fn is_constant<K: PartialEq>(keys: &[K]) -> bool {
    keys.first().is_none_or(|first| keys.iter().all(|key| key == first))
}

fn spelled_out(plan: &Plan, piece: &Piece, column: usize) -> Result<ArrayRef, ArrowError> {
    let (keys, dictionary) = Group::new(vec![piece.clone()]).codes(column);
    let Coding::Lists(node) = &plan.coding[column] else { return Ok(Arc::new(strings(&keys, &dictionary)?)) };
    let places: UInt32Array = keys.iter().map(|key| key.checked_sub(1)).collect();
    take(&lists::array(node, &dictionary)?, &places, None)
}

/// Brings the dictionaries of several generations together.
struct Merge<'a> {
    sources: Vec<(&'a Dictionary, Known)>,
    merged: Dictionary,
    /// Finds strings that two generations share; not needed with one.
    interner: Option<Interner>,
}

impl<'a> Merge<'a> {
    fn new(group: &'a Group, column: usize) -> Self {
        let rows = group.rows();
        let source = |generation: &'a Arc<Generation>| {
            let dictionary = &generation.units[column];
            // Codes count from 1 here.
            (dictionary, Known::new(dictionary.len() + 1, rows))
        };
        let sources: Vec<_> = group.generations.iter().map(source).collect();
        let interner = (sources.len() > 1).then(Interner::default);
        Self { sources, merged: Dictionary::default(), interner }
    }

    /// The one source, where there is no other and it is dense: its keys, its strings, and what is merged.
    fn only(&mut self) -> Option<(&mut [u32], &'a Dictionary, &mut Dictionary)> {
        match self.sources.as_mut_slice() {
            [(dictionary, Known::Dense(known))] => Some((known, dictionary, &mut self.merged)),
            _ => None,
        }
    }

    /// The key of a code plus one.
    #[inline]
    fn key(&mut self, source: usize, code: u32) -> u32 {
        let (dictionary, known) = &mut self.sources[source];
        let key = known.key(code);
        if *key == 0 {
            let text = dictionary.get(code - 1);
            *key = 1 + match &mut self.interner {
                Some(interner) => interner.intern(&mut self.merged, text),
                None => self.merged.push(text),
            };
        }
        *key
    }
}

/// Spells codes out.
pub(crate) fn strings(keys: &[u32], dictionary: &Dictionary) -> Result<StringArray, ArrowError> {
    let mut text = Vec::new();
    let mut ends = Vec::with_capacity(keys.len() + 1);
    ends.push(0);
    for key in keys {
        if *key > 0 {
            text.extend_from_slice(dictionary.get(key - 1));
        }
        ends.push(i32::try_from(text.len()).map_err(|_| ArrowError::OffsetOverflowError(text.len()))?);
    }
    let nulls = NullBuffer::from_iter(keys.iter().map(|key| *key > 0));
    StringArray::try_new(OffsetBuffer::new(ScalarBuffer::from(ends)), Buffer::from(text), Some(nulls))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Codes get keys in the order in which they are met, whatever the pieces; null stays null.
        #[test]
        fn codes_are_renumbered_as_they_are_met(
            pieces in proptest::collection::vec((proptest::collection::vec(0_u16..30, 0..40), 1_usize..20), 0..6),
        ) {
            let mut dictionary = Dictionary::default();
            for code in 0..30_u8 {
                dictionary.push(&[code]);
            }
            let (mut known, mut merged, mut keys) = (vec![0; 31], Dictionary::default(), Vec::new());
            let (mut met, mut wanted): (Vec<u16>, Vec<u32>) = (Vec::new(), Vec::new());
            for (codes, times) in pieces {
                // Pieces of one code, too.
                let codes: Vec<u16> = if times > 15 { vec![codes.len() as u16 % 30; times] } else { codes };
                for code in &codes {
                    if *code > 0 && !met.contains(code) {
                        met.push(*code);
                    }
                    wanted.push(met.iter().position(|other| other == code).map_or(0, |at| at as u32 + 1));
                }
                match times.is_multiple_of(2) {
                    true => renumber(&codes, (&mut known, &dictionary, &mut merged), &mut keys),
                    false => {
                        let wide: Vec<u32> = codes.iter().copied().map(u32::from).collect();
                        renumber(&wide, (&mut known, &dictionary, &mut merged), &mut keys);
                    }
                }
            }
            prop_assert_eq!(keys, wanted);
            let strings: Vec<&[u8]> = merged.iter().collect();
            let codes: Vec<[u8; 1]> = met.iter().map(|code| [*code as u8 - 1]).collect();
            prop_assert_eq!(strings, codes.iter().map(|code| code.as_slice()).collect::<Vec<_>>());
        }
    }
}
