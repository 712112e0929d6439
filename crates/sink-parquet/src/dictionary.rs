//! Each different string (or list, as bytes) once: what the waiting rows' codes mean.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use crate::gauge::Charge;

/// How many recently seen strings are found without hashing them whole. A power of two.
const RECENT: usize = 2_048;

/// Shorter strings are hashed whole: that costs less than a guess that is wrong.
const LONG: usize = 48;

/// A larger dictionary is no longer worth having: parquet's own limit of a dictionary page.
const LARGEST: usize = 1 << 20;

/// Strings by code. Codes count from 0 in the order in which the strings were first seen.
#[derive(Debug, Default)]
pub(crate) struct Dictionary {
    bytes: Vec<u8>,
    /// Where each string ends; it begins where the one before it ends.
    ends: Vec<u32>,
}

impl Dictionary {
    /// How many strings there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of all strings.
    pub(crate) fn text_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it is worth having for so many values: strings that hardly repeat are better spelled out.
    pub(crate) fn suits(&self, values: usize) -> bool {
        self.text_bytes() <= LARGEST && (self.len() < 1_000 || self.len() * 2 < values)
    }

    /// The string of a code that was given out.
    #[inline]
    pub(crate) fn get(&self, code: u32) -> &[u8] {
        let at = code as usize;
        let from = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        &self.bytes[from..self.ends[at] as usize]
    }

    /// All strings in the order of their codes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.ends.len() as u32).map(|code| self.get(code))
    }

    /// Appends a string that is not there.
    pub(crate) fn push(&mut self, text: &[u8]) -> u32 {
        let code = self.ends.len() as u32; // generations end long before 2^32 strings or bytes
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len() as u32);
        code
    }

    fn memory(&self) -> u64 {
        (self.bytes.capacity() + self.ends.capacity() * size_of::<u32>()) as u64
    }
}

/// A dictionary that is still growing, with what finds a string in it.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// Code + 1 of a string that was seen here, by [`sample`]; 0 is empty. Made with the first string.
    recent: Vec<u32>,
}

/// A place for a string by a few of its bytes: ARNs differ at their end and are over a hundred bytes long, and the same
/// few come again and again. A wrong guess costs a comparison and no more.
#[inline]
fn sample(text: &[u8]) -> usize {
    let tail = text.last_chunk::<8>().map_or(0, |chunk| u64::from_le_bytes(*chunk));
    let head = text.first_chunk::<8>().map_or_else(
        || text.iter().fold(0_u64, |mixed, byte| mixed << 8 | u64::from(*byte)),
        |chunk| u64::from_le_bytes(*chunk),
    );
    let mixed = (tail ^ head.rotate_left(17) ^ (text.len() as u64) << 56).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 40) as usize % RECENT
}

impl Interner {
    /// The code of `text` in `dictionary`, which only this interner has added to.
    #[inline]
    pub(crate) fn intern(&mut self, dictionary: &mut Dictionary, text: &[u8]) -> u32 {
        if text.len() < LONG {
            return self.find_or_add(dictionary, text);
        }
        let place = sample(text);
        if let Some(guess) = self.recent.get(place).and_then(|guess| guess.checked_sub(1))
            && dictionary.get(guess) == text
        {
            return guess;
        }
        let code = self.find_or_add(dictionary, text);
        self.recent.resize(RECENT, 0);
        self.recent[place] = code + 1;
        code
    }

    fn find_or_add(&mut self, dictionary: &mut Dictionary, text: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(text);
        if let Some(code) = self.table.find(hash, |code| dictionary.get(*code) == text) {
            return *code;
        }
        let code = dictionary.push(text);
        let hasher = &self.hasher;
        self.table.insert_unique(hash, code, |code| hasher.hash_one(dictionary.get(*code)));
        code
    }

    /// Bytes of memory.
    pub(crate) fn memory(&self) -> u64 {
        (self.table.allocation_size() + self.recent.capacity() * size_of::<u32>()) as u64
    }
}

/// Which key (plus one) each code of a dictionary has elsewhere; 0 is none.
pub(crate) enum Known {
    Dense(Vec<u32>),
    /// A few values out of a large dictionary: clearing a place for every code would cost more than the values.
    Sparse(HashMap<u32, u32>),
}

impl Known {
    /// None is known yet, of a dictionary of so many codes to be used for so many values.
    pub(crate) fn new(codes: usize, values: usize) -> Self {
        match codes > values * 8 {
            true => Self::Sparse(HashMap::new()),
            false => Self::Dense(vec![0; codes]),
        }
    }

    /// The place of a code's key.
    #[inline]
    pub(crate) fn key(&mut self, code: u32) -> &mut u32 {
        match self {
            Self::Dense(keys) => &mut keys[code as usize],
            Self::Sparse(keys) => keys.entry(code).or_default(),
        }
    }
}

/// The dictionaries of a table's coded columns over some stretch of its rows: when they have grown large, the next
/// generation begins empty, and the old one lives as long as rows wait that need it.
#[derive(Debug)]
pub(crate) struct Generation {
    /// By unit (see [`Plan`](crate::plan::Plan)); empty for one that is not coded.
    pub(crate) units: Vec<Dictionary>,
    charge: Charge,
}

impl Generation {
    pub(crate) fn new(units: usize, charge: Charge) -> Self {
        Self { units: std::iter::repeat_with(Dictionary::default).take(units).collect(), charge }
    }

    /// Counts again what the strings hold, and what finds them; the sum in bytes.
    pub(crate) fn recount(&mut self, finding: u64) -> u64 {
        let strings: u64 = self.units.iter().map(Dictionary::memory).sum();
        self.charge.set(strings + finding);
        self.charge.bytes()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Equal strings have equal codes, different ones different codes, and a code gives its string back.
        #[test]
        fn codes_are_strings(texts in proptest::collection::vec("[a-c]{0,3}|arn:[a-b]{8,12}", 0..200)) {
            let (mut interner, mut dictionary) = (Interner::default(), Dictionary::default());
            let codes: Vec<u32> = texts.iter().map(|text| interner.intern(&mut dictionary, text.as_bytes())).collect();
            for (text, code) in texts.iter().zip(&codes) {
                prop_assert_eq!(dictionary.get(*code), text.as_bytes());
            }
            let different: std::collections::BTreeSet<&String> = texts.iter().collect();
            prop_assert_eq!(dictionary.len(), different.len());
        }
    }
}
