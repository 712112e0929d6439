//! The values of one Parquet column, and what a page holds of them.

use std::ops::Range;

use parquet::basic::{Encoding, Type};

use crate::bounds::Bounds;
use crate::dictionary::Dictionary;
use crate::hybrid;
use crate::leaves::Leaf;
use crate::plain::{PAGE_BYTES, Plain};
use crate::plan::PAGE_ROWS;

/// A page of nested values ends after the row with which it has so many.
const PAGE_SLOTS: usize = 100_000;

/// The values of a column. Keys are one for each row: 0 for null, else a place plus one.
#[derive(Clone, Copy)]
pub(crate) enum Values<'a> {
    /// A flat column: places in the dictionary.
    Flat(&'a [u32], &'a Dictionary),
    /// One leaf of a column of lists: places are lists of a leaf that is coded.
    Nested(&'a [u32], &'a Leaf),
    /// One leaf of a column of lists: a list of it for each row.
    Lists(&'a Leaf),
    /// A flat column without dictionary.
    Plain(Plain<'a>),
}

/// Levels of one kind of a page. The leaves of a structure have nearly always the same ones.
#[derive(Default)]
pub(crate) struct PageLevels {
    levels: Vec<u32>,
    /// Those that were encoded last, and what they became.
    last: Vec<u32>,
    last_highest: i16,
    encoded: Vec<u8>,
}

impl PageLevels {
    /// Appends them with their length; nothing where there is only one.
    pub(crate) fn append_to(&mut self, highest: i16, out: &mut Vec<u8>) {
        if highest == 0 {
            return;
        }
        if self.last_highest != highest || self.last != self.levels {
            self.encoded.clear();
            hybrid::encode(&self.levels, hybrid::width(highest as usize + 1), &mut self.encoded); // not negative
            std::mem::swap(&mut self.last, &mut self.levels);
            self.last_highest = highest;
        }
        out.extend_from_slice(&(self.encoded.len() as u32).to_le_bytes()); // a page has few levels
        out.extend_from_slice(&self.encoded);
    }

    fn memory(&self) -> usize {
        (self.levels.capacity() + self.last.capacity()) * size_of::<u32>() + self.encoded.capacity()
    }
}

/// Levels and keys of a page; the buffers are used again.
#[derive(Default)]
pub(crate) struct Levels {
    pub(crate) repetitions: PageLevels,
    pub(crate) definitions: PageLevels,
    /// Keys of the values that are there.
    present: Vec<u32>,
    /// By key: the last page (counted from 1) that has it.
    seen: Vec<u32>,
}

/// The rows of a page.
pub(crate) struct PageRows {
    pub(crate) rows: Range<usize>,
    /// Values and nulls.
    pub(crate) slots: usize,
    /// Values.
    pub(crate) there: usize,
}

/// What the index says of the values of a page.
pub(crate) struct Payload<'a> {
    pub(crate) bounds: Option<Bounds<'a>>,
    /// Bytes of strings.
    pub(crate) text: i64,
}

impl<'a> Values<'a> {
    /// How many rows.
    pub(crate) fn rows(self) -> usize {
        match self {
            Self::Flat(keys, _) | Self::Nested(keys, _) => keys.len(),
            Self::Lists(leaf) => leaf.lists(),
            Self::Plain(plain) => plain.rows(),
        }
    }

    /// The dictionary of the column, if it has one.
    pub(crate) fn dictionary(self) -> Option<&'a Dictionary> {
        match self {
            Self::Flat(_, dictionary) => Some(dictionary),
            Self::Nested(_, leaf) | Self::Lists(leaf) => (!leaf.is_plain).then_some(&leaf.values),
            Self::Plain(_) => None,
        }
    }

    /// The encoding of its data pages.
    pub(crate) fn encoding(self) -> Encoding {
        match self.dictionary() {
            Some(_) => Encoding::RLE_DICTIONARY,
            None => Encoding::PLAIN,
        }
    }

    /// Fills the levels of a page of the rows from `from` on. `is_nullable` is for flat columns alone.
    pub(crate) fn page(self, from: usize, is_nullable: bool, levels: &mut Levels) -> PageRows {
        levels.repetitions.levels.clear();
        levels.definitions.levels.clear();
        levels.present.clear();
        let most = self.rows().min(from + PAGE_ROWS);
        match self {
            Self::Plain(plain) => {
                let rows = from..plain.page_end(from);
                if is_nullable {
                    levels.definitions.levels.extend(rows.clone().map(|row| u32::from(plain.is_there(row))));
                }
                let there = rows.clone().filter(|row| plain.is_there(*row)).count();
                PageRows { slots: rows.len(), there, rows }
            }
            Self::Flat(keys, _) => {
                let rows = &keys[from..most];
                match rows.contains(&0) {
                    true => levels.present.extend(rows.iter().filter(|key| **key > 0).map(|key| key - 1)),
                    false => levels.present.extend(rows.iter().map(|key| key - 1)),
                }
                if is_nullable {
                    levels.definitions.levels.extend(rows.iter().map(|key| u32::from(*key > 0)));
                }
                PageRows { rows: from..most, slots: rows.len(), there: levels.present.len() }
            }
            Self::Nested(keys, leaf) => {
                let mut to = from;
                while to < most && levels.definitions.levels.len() < PAGE_SLOTS {
                    levels.append(keys[to], leaf);
                    to += 1;
                }
                PageRows { rows: from..to, slots: levels.definitions.levels.len(), there: levels.present.len() }
            }
            Self::Lists(leaf) => levels.lists(leaf, from, most),
        }
    }

    /// Appends the values of a page whose levels were just filled; `page` counts from 1.
    pub(crate) fn payload(
        self,
        rows: Range<usize>,
        kind: Type,
        page: u32,
        levels: &mut Levels,
        out: &mut Vec<u8>,
    ) -> Payload<'a> {
        match (self, self.dictionary()) {
            (_, Some(dictionary)) => levels.codes(dictionary, kind, page, out),
            (Self::Plain(plain), None) => {
                let text = plain.append(rows.clone(), out);
                Payload { bounds: plain.bounds(rows), text: text as i64 }
            }
            (Self::Lists(leaf), None) => {
                leaf.append(leaf.begin(rows.start).values..leaf.begin(rows.end).values, kind, out)
            }
            // These are never plain.
            (Self::Flat(..) | Self::Nested(..), None) => Payload { bounds: None, text: 0 },
        }
    }
}

impl Levels {
    /// Bytes of memory.
    pub(crate) fn memory(&self) -> usize {
        let keys = (self.present.capacity() + self.seen.capacity()) * size_of::<u32>();
        keys + self.repetitions.memory() + self.definitions.memory()
    }

    /// Begins a column.
    pub(crate) fn begin(&mut self, values: Values<'_>) {
        self.seen.clear();
        self.seen.resize(values.dictionary().map_or(0, Dictionary::len), 0);
    }

    /// The levels and keys of the list of a key.
    #[inline]
    fn append(&mut self, key: u32, leaf: &Leaf) {
        let Some(list) = key.checked_sub(1) else {
            self.repetitions.levels.push(0);
            self.definitions.levels.push(0);
            return;
        };
        self.extend(leaf, list as usize..list as usize + 1);
    }

    /// The levels and keys of neighbouring lists.
    fn extend(&mut self, leaf: &Leaf, lists: Range<usize>) {
        let (from, to) = (leaf.begin(lists.start), leaf.begin(lists.end));
        let slots = from.levels..to.levels;
        self.repetitions.levels.extend(leaf.repetitions[slots.clone()].iter().map(|level| u32::from(*level)));
        self.definitions.levels.extend(leaf.definitions[slots].iter().map(|level| u32::from(*level)));
        if !leaf.is_plain {
            self.present.extend_from_slice(&leaf.keys[from.values..to.values]);
        }
    }

    /// A page of the lists from `from` on. One of plain values ends after the list with which it has more bytes.
    fn lists(&mut self, leaf: &Leaf, from: usize, most: usize) -> PageRows {
        let begin = leaf.begin(from);
        let (mut to, mut end, mut bytes) = (from, begin, 0);
        while to < most && end.levels - begin.levels < PAGE_SLOTS && bytes < PAGE_BYTES {
            to += 1;
            let next = leaf.begin(to);
            if leaf.is_plain {
                bytes += (end.values..next.values).map(|value| leaf.plain_length(value)).sum::<usize>();
            }
            end = next;
        }
        self.extend(leaf, from..to);
        PageRows { rows: from..to, slots: end.levels - begin.levels, there: end.values - begin.values }
    }

    /// Appends the codes of a page.
    fn codes<'a>(&mut self, dictionary: &'a Dictionary, kind: Type, page: u32, out: &mut Vec<u8>) -> Payload<'a> {
        let width = hybrid::width(dictionary.len());
        out.push(width);
        hybrid::encode(&self.present, width, out);
        let mut bounds: Option<Bounds<'a>> = None;
        let mut text = 0;
        // Rows are sorted: most values stand beside their like.
        for run in self.present.chunk_by(|left, right| left == right) {
            let key = run[0];
            let bytes = dictionary.get(key);
            text += (bytes.len() * run.len()) as i64;
            let seen = &mut self.seen[key as usize];
            if *seen == page {
                continue;
            }
            *seen = page;
            match &mut bounds {
                None => bounds = Some(Bounds { min: bytes, max: bytes }),
                Some(bounds) => bounds.widen(kind, bytes),
            }
        }
        Payload { bounds, text }
    }
}
