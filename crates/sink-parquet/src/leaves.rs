//! Lists taken apart into Parquet's leaf columns: levels, and keys of each leaf's own dictionary.
//!
//! Done once for each different list of a row group; its rows then only copy. Source: Apache Parquet, "Nested Encoding"
//! (Dremel's repetition and definition levels).

use crate::dictionary::{Dictionary, Interner};
use crate::lists::{Kind, Node, Reader};

/// One leaf of all the lists of a dictionary.
#[derive(Default)]
pub(crate) struct Leaf {
    repetitions: Vec<u8>,
    definitions: Vec<u8>,
    keys: Vec<u32>,
    /// By list: where its levels and where its keys end; they begin where those of the list before end.
    ends: Vec<(u32, u32)>,
    /// The different values: strings, or numbers as Parquet stores them.
    pub(crate) values: Dictionary,
    interner: Interner,
}

/// What one list is in one leaf.
pub(crate) struct Slots<'a> {
    pub(crate) repetitions: &'a [u8],
    pub(crate) definitions: &'a [u8],
    /// The values that are there: places in the leaf's dictionary.
    pub(crate) keys: &'a [u32],
}

impl Leaf {
    /// The list of a code.
    #[inline]
    pub(crate) fn slots(&self, code: u32) -> Slots<'_> {
        let at = code as usize;
        let (from, first) = if at == 0 { (0, 0) } else { self.ends[at - 1] };
        let (to, last) = self.ends[at];
        let levels = from as usize..to as usize;
        Slots {
            repetitions: &self.repetitions[levels.clone()],
            definitions: &self.definitions[levels],
            keys: &self.keys[first as usize..last as usize],
        }
    }

    fn absent(&mut self, place: Place) {
        self.repetitions.push(place.repetition);
        self.definitions.push(place.definition);
    }

    fn present(&mut self, place: Place, value: &[u8]) {
        self.absent(place);
        let key = self.interner.intern(&mut self.values, value);
        self.keys.push(key);
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

/// Takes every list of `dictionary` apart; none where bytes are not of the type of `node`.
pub(crate) fn take_apart(node: &Node, dictionary: &Dictionary) -> Option<Vec<Leaf>> {
    let mut leaves: Vec<Leaf> = std::iter::repeat_with(Leaf::default).take(node.leaves).collect();
    // A value of a nullable column that is there is one level deeper than one that is null.
    let place = Place { repetition: 0, definition: u8::from(node.is_nullable), depth: 0 };
    for code in 0..dictionary.len() as u32 {
        value(node, &mut Reader(dictionary.get(code)), place, &mut leaves)?;
        // A generation's bytes are below 2^32, and so are the levels, of which each takes at least one.
        leaves.iter_mut().for_each(|leaf| leaf.ends.push((leaf.definitions.len() as u32, leaf.keys.len() as u32)));
    }
    Some(leaves)
}

fn read(node: &Node, reader: &mut Reader<'_>, mut place: Place, leaves: &mut [Leaf]) -> Option<()> {
    if !reader.is_there(node)? {
        leaves.iter_mut().for_each(|leaf| leaf.absent(place));
        return Some(());
    }
    place.definition += u8::from(node.is_nullable);
    value(node, reader, place, leaves)
}

fn value(node: &Node, reader: &mut Reader<'_>, place: Place, leaves: &mut [Leaf]) -> Option<()> {
    match &node.kind {
        Kind::Text => leaves.first_mut()?.present(place, reader.text()?),
        Kind::Number(bytes, _) => leaves.first_mut()?.present(place, reader.take(*bytes)?),
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
                leaves.iter_mut().for_each(|leaf| leaf.absent(place));
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
