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
    levels: Vec<u8>,
    /// So many of one level in the place of `levels`.
    same: Option<(u8, usize)>,
    /// Those that were encoded last, and what they became.
    last: Vec<u8>,
    /// Room for them as they are encoded.
    wide: Vec<u32>,
    last_highest: i16,
    encoded: Vec<u8>,
}

impl PageLevels {
    /// Appends them with their length; nothing where there is only one.
    pub(crate) fn append_to(&mut self, highest: i16, out: &mut Vec<u8>) {
        if highest == 0 {
            return;
        }
        let width = hybrid::width(highest as usize + 1); // not negative
        if let Some((level, count)) = self.same {
            let length = out.len();
            out.extend_from_slice(&[0; size_of::<u32>()]);
            hybrid::encode_run(u32::from(level), count, width, out);
            let bytes = (out.len() - length - size_of::<u32>()) as u32;
            out[length..length + size_of::<u32>()].copy_from_slice(&bytes.to_le_bytes());
            return;
        }
        if self.last_highest != highest || self.last != self.levels {
            self.encoded.clear();
            self.wide.clear();
            self.wide.extend(self.levels.iter().map(|level| u32::from(*level)));
            hybrid::encode(&self.wide, width, &mut self.encoded);
            std::mem::swap(&mut self.last, &mut self.levels);
            self.last_highest = highest;
        }
        out.extend_from_slice(&(self.encoded.len() as u32).to_le_bytes()); // a page has few levels
        out.extend_from_slice(&self.encoded);
    }

    fn clear(&mut self) {
        self.levels.clear();
        self.same = None;
    }

    fn memory(&self) -> usize {
        let narrow = self.levels.capacity() + self.last.capacity() + self.encoded.capacity();
        narrow + self.wide.capacity() * size_of::<u32>()
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
    /// By key: how often a page has it.
    counts: Vec<u32>,
}

/// The rows of a page.
pub(crate) struct PageRows {
    pub(crate) rows: Range<usize>,
    /// Values and nulls.
    pub(crate) slots: usize,
    /// Values.
    pub(crate) there: usize,
}

/// Has what is there from `from` on so many times: each copy is twice as long as the one before.
fn repeat<T: Copy>(values: &mut Vec<T>, from: usize, times: usize) {
    let (one, end) = (values.len() - from, from + (values.len() - from) * times);
    values.reserve(end - values.len());
    let mut copied = one;
    while values.len() < end {
        let more = copied.min(end - values.len());
        values.extend_from_within(from..from + more);
        copied += more;
    }
}

/// How many of these hold: a page has far fewer than 2^32, and half the width is twice as many at once.
#[inline]
fn count(of: impl Iterator<Item = bool>) -> usize {
    of.map(u32::from).sum::<u32>() as usize
}

/// What the index says of the values of a page.
pub(crate) struct Payload<'a> {
    pub(crate) bounds: Option<Bounds<'a>>,
    /// Bytes of strings.
    pub(crate) text: i64,
}

/// Texts of one length are ids when they are no longer than this.
pub(crate) const ID_BYTES: usize = 64;

impl<'a> Payload<'a> {
    /// Whether its values, of which there are so many, are texts of one length, as ids are: they hardly repeat.
    pub(crate) fn has_ids(&self, there: usize) -> bool {
        let Some(Bounds { min, max }) = &self.bounds else { return false };
        let length = min.len();
        length == max.len() && (1..=ID_BYTES).contains(&length) && self.text == (length * there) as i64
    }

    /// Takes another value in.
    fn take(&mut self, kind: Type, value: &'a [u8]) {
        match &mut self.bounds {
            None => self.bounds = Some(Bounds { min: value, max: value }),
            Some(bounds) => bounds.widen(kind, value),
        }
    }
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
        levels.repetitions.clear();
        levels.definitions.clear();
        levels.present.clear();
        let most = self.rows().min(from + PAGE_ROWS);
        match self {
            Self::Plain(plain) => {
                let rows = from..plain.page_end(from);
                let there = plain.count(rows.clone());
                let is_there = |row| plain.is_there(row);
                levels.define(is_nullable, there, rows.clone().map(is_there));
                PageRows { slots: rows.len(), there, rows }
            }
            Self::Flat(keys, _) => {
                let rows = &keys[from..most];
                let there = count(rows.iter().map(|key| *key > 0));
                match there < rows.len() {
                    true => levels.present.extend(rows.iter().filter(|key| **key > 0).map(|key| key - 1)),
                    false => levels.present.extend(rows.iter().map(|key| key - 1)),
                }
                levels.define(is_nullable, there, rows.iter().map(|key| *key > 0));
                PageRows { rows: from..most, slots: rows.len(), there: levels.present.len() }
            }
            Self::Nested(keys, leaf) => {
                let mut to = from;
                while to < most && levels.definitions.levels.len() < PAGE_SLOTS {
                    let alike = keys[to..most].iter().take_while(|key| **key == keys[to]).count();
                    to += levels.append(keys[to], alike, leaf);
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
        let keys = (self.present.capacity() + self.seen.capacity() + self.counts.capacity()) * size_of::<u32>();
        keys + self.repetitions.memory() + self.definitions.memory()
    }

    /// Begins a column.
    pub(crate) fn begin(&mut self, values: Values<'_>) {
        self.seen.clear();
        self.seen.resize(values.dictionary().map_or(0, Dictionary::len), 0);
    }

    /// The definition levels of flat rows, of which so many are there.
    fn define(&mut self, is_nullable: bool, there: usize, rows: impl ExactSizeIterator<Item = bool>) {
        let definitions = &mut self.definitions;
        match rows.len() {
            _ if !is_nullable => {}
            count if there == count => definitions.same = Some((1, count)),
            count if there == 0 => definitions.same = Some((0, count)),
            _ => definitions.levels.extend(rows.map(u8::from)),
        }
    }

    /// The levels and keys of the list of a key, for up to so many rows that have it: as many as a page has room for.
    #[inline]
    fn append(&mut self, key: u32, rows: usize, leaf: &Leaf) -> usize {
        let (levels, present) = (self.definitions.levels.len(), self.present.len());
        match key.checked_sub(1) {
            Some(list) => self.extend(leaf, list as usize..list as usize + 1),
            None => {
                self.repetitions.levels.push(0);
                self.definitions.levels.push(0);
            }
        }
        let room = PAGE_SLOTS.saturating_sub(self.definitions.levels.len());
        // A row has one level at least, and the one with which the page is full is still taken.
        let rows = rows.min(1 + room.div_ceil(self.definitions.levels.len() - levels));
        repeat(&mut self.repetitions.levels, levels, rows);
        repeat(&mut self.definitions.levels, levels, rows);
        repeat(&mut self.present, present, rows);
        rows
    }

    /// The levels and keys of neighbouring lists.
    fn extend(&mut self, leaf: &Leaf, lists: Range<usize>) {
        let (from, to) = (leaf.begin(lists.start), leaf.begin(lists.end));
        let slots = from.levels..to.levels;
        self.repetitions.levels.extend_from_slice(&leaf.repetitions[slots.clone()]);
        self.definitions.levels.extend_from_slice(&leaf.definitions[slots]);
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
        let changes = count(self.present.windows(2).map(|pair| pair[0] != pair[1]));
        if let (0, Some(key)) = (changes, self.present.first()) {
            hybrid::encode_run(*key, self.present.len(), width, out);
            let bytes = dictionary.get(*key);
            let text = (bytes.len() * self.present.len()) as i64;
            return Payload { bounds: Some(Bounds { min: bytes, max: bytes }), text };
        }
        hybrid::encode(&self.present, width, out);
        match changes * 4 < self.present.len() || dictionary.len() > self.present.len() {
            true => self.by_run(dictionary, kind, page),
            false => self.by_count(dictionary, kind),
        }
    }

    /// What the index says of the keys of a page: rows are sorted, and in some columns most stand beside their like.
    fn by_run<'a>(&mut self, dictionary: &'a Dictionary, kind: Type, page: u32) -> Payload<'a> {
        let mut payload = Payload { bounds: None, text: 0 };
        for run in self.present.chunk_by(|left, right| left == right) {
            let key = run[0];
            let bytes = dictionary.get(key);
            payload.text += (bytes.len() * run.len()) as i64;
            let seen = &mut self.seen[key as usize];
            if *seen != page {
                *seen = page;
                payload.take(kind, bytes);
            }
        }
        payload
    }

    /// The same without a look at a string for each key, where runs are short.
    fn by_count<'a>(&mut self, dictionary: &'a Dictionary, kind: Type) -> Payload<'a> {
        let mut payload = Payload { bounds: None, text: 0 };
        self.counts.clear();
        self.counts.resize(dictionary.len(), 0);
        for key in &self.present {
            self.counts[*key as usize] += 1;
        }
        for (bytes, count) in dictionary.iter().zip(&self.counts).filter(|(_, count)| **count > 0) {
            payload.text += bytes.len() as i64 * i64::from(*count);
            payload.take(kind, bytes);
        }
        payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages end where they would if each row was appended by itself.
    #[test]
    fn rows_with_the_same_list_are_appended_as_one_by_one() {
        let mut leaf = Leaf::with_capacity(2, 12);
        for levels in [9, 2] {
            leaf.begin_list();
            for level in 0..levels {
                leaf.level(u8::from(level > 0), 2);
                leaf.value(&[level]);
            }
        }
        let keys: Vec<u32> = [(1, 7_000), (0, 3), (2, 1), (1, 7_000), (2, 9)]
            .into_iter()
            .flat_map(|(key, rows)| std::iter::repeat_n(key, rows))
            .collect();
        let (mut levels, mut from) = (Levels::default(), 0);
        let mut pages = Vec::new();
        while from < keys.len() {
            let page = Values::Nested(&keys, &leaf).page(from, true, &mut levels);
            let mut one = Levels::default();
            let mut to = from;
            while to < keys.len() && one.definitions.levels.len() < PAGE_SLOTS {
                assert_eq!(one.append(keys[to], 1, &leaf), 1);
                to += 1;
            }
            assert_eq!((page.rows.end, page.slots, page.there), (to, one.definitions.levels.len(), one.present.len()));
            assert_eq!(levels.definitions.levels, one.definitions.levels);
            assert_eq!(levels.repetitions.levels, one.repetitions.levels);
            assert_eq!(levels.present, one.present);
            pages.push(page.rows.len());
            from = to;
        }
        assert_eq!(pages, [11_115, 2_898]);
    }
}
