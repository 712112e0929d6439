//! Lists taken apart into Parquet's leaf columns: levels, and the values of each leaf.
//!
//! Source: Apache Parquet, "Nested Encoding" (Dremel's repetition and definition levels).

use std::ops::Range;

use parquet::basic::Type;

use crate::bounds::Bounds;
use crate::dictionary::{Dictionary, Interner};
use crate::lists::{Kind, Node, Reader};
use crate::values::Payload;

/// One leaf of some lists, one list after the other.
pub(crate) struct Leaf {
    pub(crate) repetitions: Vec<u8>,
    pub(crate) definitions: Vec<u8>,
    /// By list.
    begins: Vec<Mark>,
    /// The values that are there: places in the leaf's own dictionary.
    pub(crate) keys: Vec<u32>,
    /// The values as Parquet stores them, each once unless [`repeats`](Self::repeats).
    pub(crate) values: Dictionary,
    /// Whether its values are written one after the other instead of as keys.
    pub(crate) is_plain: bool,
    /// Values are no longer looked for: they hardly ever came again.
    repeats: bool,
    interner: Interner,
}

/// A place among the levels, and among the values that are there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) levels: usize,
    pub(crate) values: usize,
}

impl Leaf {
    /// An empty leaf with room for so many lists, and so many levels in all of them.
    pub(crate) fn with_capacity(lists: usize, levels: usize) -> Self {
        Self {
            repetitions: Vec::with_capacity(levels),
            definitions: Vec::with_capacity(levels),
            begins: Vec::with_capacity(lists),
            keys: Vec::with_capacity(levels),
            values: Dictionary::default(),
            is_plain: false,
            repeats: false,
            interner: Interner::default(),
        }
    }

    /// How many lists there are.
    pub(crate) fn lists(&self) -> usize {
        self.begins.len()
    }

    /// Where a list begins; where all of them end, for their number.
    #[inline]
    pub(crate) fn begin(&self, list: usize) -> Mark {
        let end = Mark { levels: self.definitions.len(), values: self.keys.len() };
        self.begins.get(list).copied().unwrap_or(end)
    }

    /// Before the first level of a list.
    #[inline]
    pub(crate) fn begin_list(&mut self) {
        self.begins.push(Mark { levels: self.definitions.len(), values: self.keys.len() });
    }

    /// A place; a value follows unless there is none.
    #[inline]
    pub(crate) fn level(&mut self, repetition: u8, definition: u8) {
        self.repetitions.push(repetition);
        self.definitions.push(definition);
    }

    /// The value of the place before.
    #[inline]
    pub(crate) fn value(&mut self, value: &[u8]) {
        let key = match self.repeats {
            true => self.values.push(value),
            false => self.interner.intern(&mut self.values, value),
        };
        self.keys.push(key);
    }

    /// The value of a code. `known` is the key (plus one) that this code has here, 0 for none yet; `is_alone` says that
    /// every value comes as a code of one dictionary, so that another code is another value.
    #[inline]
    pub(crate) fn code<'v>(&mut self, known: &mut u32, is_alone: bool, value: impl FnOnce() -> &'v [u8]) {
        if *known == 0 {
            let is_new = is_alone || self.repeats;
            let value = value();
            *known = 1 + if is_new { self.values.push(value) } else { self.interner.intern(&mut self.values, value) };
        }
        self.keys.push(*known - 1);
    }

    /// Looks for values no longer if so far they hardly came again.
    pub(crate) fn judge(&mut self) {
        self.repeats |= !self.values.suits(self.keys.len());
    }

    /// Decides how the values are written.
    pub(crate) fn close(&mut self) {
        self.is_plain = self.repeats || !self.values.suits(self.keys.len());
    }

    /// Bytes of a value in the plain encoding.
    pub(crate) fn plain_length(&self, value: usize) -> usize {
        self.values.get(self.keys[value]).len() + size_of::<u32>()
    }

    /// Appends values in the plain encoding.
    pub(crate) fn append(&self, values: Range<usize>, kind: Type, out: &mut Vec<u8>) -> Payload<'_> {
        let (mut bounds, mut text): (Option<Bounds<'_>>, usize) = (None, 0);
        for key in &self.keys[values] {
            let value = self.values.get(*key);
            if kind == Type::BYTE_ARRAY {
                out.extend_from_slice(&(value.len() as u32).to_le_bytes()); // arrow's own lengths are 31 bits wide
                text += value.len();
            }
            out.extend_from_slice(value);
            match &mut bounds {
                None => bounds = Some(Bounds { min: value, max: value }),
                Some(bounds) => bounds.widen(kind, value),
            }
        }
        Payload { bounds, text: text as i64 }
    }
}

/// Where a value stands.
#[derive(Clone, Copy)]
struct Place {
    repetition: u8,
    definition: u8,
    /// How many lists it is in.
    depth: u8,
}

/// Takes every list of `dictionary` apart, so that its rows only copy; none where bytes are not of the type of `node`.
pub(crate) fn take_apart(node: &Node, dictionary: &Dictionary) -> Option<Vec<Leaf>> {
    let mut leaves: Vec<Leaf> =
        std::iter::repeat_with(|| Leaf::with_capacity(dictionary.len(), dictionary.len())).take(node.leaves).collect();
    // A value of a nullable column that is there is one level deeper than one that is null.
    let place = Place { repetition: 0, definition: u8::from(node.is_nullable), depth: 0 };
    for code in 0..dictionary.len() as u32 {
        leaves.iter_mut().for_each(Leaf::begin_list);
        value(node, &mut Reader(dictionary.get(code)), place, &mut leaves)?;
    }
    Some(leaves)
}

fn read(node: &Node, reader: &mut Reader<'_>, mut place: Place, leaves: &mut [Leaf]) -> Option<()> {
    if !reader.is_there(node)? {
        leaves.iter_mut().for_each(|leaf| leaf.level(place.repetition, place.definition));
        return Some(());
    }
    place.definition += u8::from(node.is_nullable);
    value(node, reader, place, leaves)
}

fn value(node: &Node, reader: &mut Reader<'_>, place: Place, leaves: &mut [Leaf]) -> Option<()> {
    match &node.kind {
        Kind::Text | Kind::Number(..) => {
            let leaf = leaves.first_mut()?;
            leaf.level(place.repetition, place.definition);
            leaf.value(match node.kind {
                Kind::Number(bytes, _) => reader.take(bytes)?,
                _ => reader.text()?,
            });
        }
        Kind::Structure(_, members) => {
            let mut rest = leaves;
            for member in members {
                let (own, others) = rest.split_at_mut_checked(member.leaves)?;
                read(member, reader, place, own)?;
                rest = others;
            }
        }
        Kind::List(_, element) => {
            let count = reader.count()?;
            if count == 0 {
                leaves.iter_mut().for_each(|leaf| leaf.level(place.repetition, place.definition));
            }
            let depth = place.depth + 1;
            for at in 0..count {
                let repetition = if at == 0 { place.repetition } else { depth };
                read(element, reader, Place { repetition, definition: place.definition + 1, depth }, leaves)?;
            }
        }
    }
    Some(())
}
