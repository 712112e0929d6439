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
    pub(crate) values: LeafValues,
    interner: Interner,
}

/// A place among the levels, and among the values that are there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) levels: usize,
    pub(crate) values: usize,
}

/// The values of a leaf that are there, as Parquet stores them.
pub(crate) enum LeafValues {
    /// Places in the leaf's own dictionary.
    Coded(Vec<u32>, Dictionary),
    /// One after the other, in Parquet's plain encoding; each begins with so many bytes that are not its own.
    Plain { bytes: Vec<u8>, ends: Vec<usize>, prefix: usize },
}

impl LeafValues {
    /// How many there are.
    fn len(&self) -> usize {
        match self {
            Self::Coded(keys, _) => keys.len(),
            Self::Plain { ends, .. } => ends.len(),
        }
    }

    /// Spells codes out.
    fn spell_out(&mut self, prefix: usize) {
        let Self::Coded(keys, dictionary) = self else { return };
        let mut plain = Self::Plain { bytes: Vec::new(), ends: Vec::with_capacity(keys.len()), prefix };
        keys.iter().for_each(|key| plain.push_plain(dictionary.get(*key)));
        *self = plain;
    }

    fn push_plain(&mut self, value: &[u8]) {
        let Self::Plain { bytes, ends, prefix } = self else { return };
        if *prefix > 0 {
            bytes.extend_from_slice(&(value.len() as u32).to_le_bytes()); // arrow's own lengths are 31 bits wide
        }
        bytes.extend_from_slice(value);
        ends.push(bytes.len());
    }
}

impl Leaf {
    /// An empty leaf with room for so many lists, and so many levels in all of them.
    pub(crate) fn with_capacity(lists: usize, levels: usize) -> Self {
        Self {
            repetitions: Vec::with_capacity(levels),
            definitions: Vec::with_capacity(levels),
            begins: Vec::with_capacity(lists),
            values: LeafValues::Coded(Vec::with_capacity(levels), Dictionary::default()),
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
        self.begins.get(list).copied().unwrap_or_else(|| self.end())
    }

    fn end(&self) -> Mark {
        Mark { levels: self.definitions.len(), values: self.values.len() }
    }

    /// Before the first level of a list.
    #[inline]
    pub(crate) fn begin_list(&mut self) {
        self.begins.push(self.end());
    }

    /// A place without value.
    #[inline]
    pub(crate) fn absent(&mut self, repetition: u8, definition: u8) {
        self.repetitions.push(repetition);
        self.definitions.push(definition);
    }

    /// A place with a value.
    #[inline]
    pub(crate) fn present(&mut self, repetition: u8, definition: u8, value: &[u8]) {
        self.absent(repetition, definition);
        match &mut self.values {
            LeafValues::Coded(keys, dictionary) => keys.push(self.interner.intern(dictionary, value)),
            plain @ LeafValues::Plain { .. } => plain.push_plain(value),
        }
    }

    /// A place with the value of a code. `known` is the key (plus one) that this code has here, 0 for none yet;
    /// `is_alone` says that every value comes as a code of one dictionary, so that another code is another value.
    #[inline]
    pub(crate) fn present_code(&mut self, place: (u8, u8), known: &mut u32, is_alone: bool, value: &[u8]) {
        self.absent(place.0, place.1);
        match &mut self.values {
            LeafValues::Coded(keys, dictionary) => {
                if *known == 0 {
                    *known =
                        1 + if is_alone { dictionary.push(value) } else { self.interner.intern(dictionary, value) };
                }
                keys.push(*known - 1);
            }
            plain @ LeafValues::Plain { .. } => plain.push_plain(value),
        }
    }

    /// Bytes of some values that are spelled out; 0 where they are coded.
    pub(crate) fn plain_bytes(&self, values: Range<usize>) -> usize {
        let LeafValues::Plain { ends, .. } = &self.values else { return 0 };
        begin(ends, values.end) - begin(ends, values.start)
    }

    /// Appends values that are spelled out.
    pub(crate) fn append(&self, values: Range<usize>, kind: Type, out: &mut Vec<u8>) -> Payload<'_> {
        let LeafValues::Plain { bytes, ends, prefix } = &self.values else { return Payload { bounds: None, text: 0 } };
        let all = begin(ends, values.start)..begin(ends, values.end);
        let text = if *prefix > 0 { all.len() - values.len() * prefix } else { 0 };
        out.extend_from_slice(&bytes[all]);
        let mut own = values.map(|at| &bytes[begin(ends, at) + prefix..ends[at]]);
        let bounds = own.next().map(|first| {
            let mut bounds = Bounds { min: first, max: first };
            own.for_each(|value| bounds.widen(kind, value));
            bounds
        });
        Payload { bounds, text: text as i64 }
    }

    /// Spells the values out if their dictionary is not worth having; `is_text` says whether they are strings.
    pub(crate) fn judge(&mut self, is_text: bool) {
        if let LeafValues::Coded(keys, dictionary) = &self.values
            && !dictionary.suits(keys.len())
        {
            self.values.spell_out(if is_text { size_of::<u32>() } else { 0 });
        }
    }
}

/// Where a value begins among values that end there.
fn begin(ends: &[usize], value: usize) -> usize {
    value.checked_sub(1).map_or(0, |before| ends[before])
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
/// All leaves are coded.
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
        leaves.iter_mut().for_each(|leaf| leaf.absent(place.repetition, place.definition));
        return Some(());
    }
    place.definition += u8::from(node.is_nullable);
    value(node, reader, place, leaves)
}

fn value(node: &Node, reader: &mut Reader<'_>, place: Place, leaves: &mut [Leaf]) -> Option<()> {
    match &node.kind {
        Kind::Text => leaves.first_mut()?.present(place.repetition, place.definition, reader.text()?),
        Kind::Number(bytes, _) => {
            leaves.first_mut()?.present(place.repetition, place.definition, reader.take(*bytes)?);
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
                leaves.iter_mut().for_each(|leaf| leaf.absent(place.repetition, place.definition));
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
