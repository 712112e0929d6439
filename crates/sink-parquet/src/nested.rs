//! Lists that are not coded as a whole, taken apart a column at a time straight from where they lie.
//!
//! Their strings are usually codes: brought together as arrays of strings, and given to parquet's own writer, each of them
//! would be copied and hashed once a row. Source: Apache Parquet, "Nested Encoding".

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType, UInt32Type};
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_schema::DataType;

use crate::dictionary::{Dictionary, Generation, Known};
use crate::leaves::Leaf;
use crate::lists::{Kind, Node};

/// After so many values it is judged whether a leaf's dictionary is worth having.
const TRIAL: usize = 4_096;

/// The lists of some rows.
pub(crate) struct Lists<'a> {
    pub(crate) arrays: Vec<ArrayRef>,
    /// By array: which of the generations its codes belong to.
    pub(crate) generation: &'a [usize],
    pub(crate) generations: &'a [Arc<Generation>],
    /// By row: which array, which place in it.
    pub(crate) places: Vec<(u32, u32)>,
}

impl Lists<'_> {
    /// Whether a row has no list.
    pub(crate) fn has_nulls(&self) -> bool {
        self.arrays.iter().any(|array| array.null_count() > 0)
            && self.places.iter().any(|(array, at)| self.arrays[*array as usize].is_null(*at as usize))
    }

    /// Hands on every leaf, in Parquet's order; none where an array is not of the type of `node`. `unit` is that of the
    /// first leaf's dictionary.
    pub(crate) fn take_apart<E>(
        &self,
        node: &Node,
        unit: usize,
        each: &mut impl FnMut(Leaf) -> Result<(), E>,
    ) -> Option<Result<(), E>> {
        let arrays: Vec<&dyn Array> = self.arrays.iter().map(AsRef::as_ref).collect();
        let slots = self.places.iter().map(|(array, at)| Slot { array: *array, at: *at, repetition: 0, definition: 0 });
        Walk { lists: self, unit, each }.node(node, &arrays, slots.collect(), 0)
    }
}

/// Where a value stands, and where it is; at [`NOWHERE`] one of its parents is not there.
#[derive(Clone, Copy)]
struct Slot {
    array: u32,
    at: u32,
    repetition: u8,
    definition: u8,
}

const NOWHERE: u32 = u32::MAX;

impl Slot {
    fn is_there(self) -> bool {
        self.at != NOWHERE
    }
}

struct Walk<'w, F> {
    lists: &'w Lists<'w>,
    /// Of the leaf that comes next.
    unit: usize,
    each: &'w mut F,
}

impl<E, F: FnMut(Leaf) -> Result<(), E>> Walk<'_, F> {
    /// Goes down: nulls of this node first, then its parts.
    fn node(&mut self, node: &Node, arrays: &[&dyn Array], mut slots: Vec<Slot>, depth: u8) -> Option<Result<(), E>> {
        if node.is_nullable {
            enter(arrays, &mut slots);
        }
        match &node.kind {
            Kind::Text | Kind::Number(..) => {
                let leaf = self.leaf(node, arrays, &slots)?;
                self.unit += 1;
                Some((self.each)(leaf))
            }
            Kind::Structure(_, members) => self.members(members, arrays, slots, depth),
            Kind::List(_, element) => {
                let lists = arrays.iter().map(|array| array.as_list_opt::<i32>()).collect::<Option<Vec<_>>>()?;
                let offsets: Vec<&[i32]> = lists.iter().map(|list| list.value_offsets()).collect();
                let values: Vec<&dyn Array> = lists.iter().map(|list| list.values().as_ref()).collect();
                self.node(element, &values, elements(&offsets, &slots, depth), depth + 1)
            }
        }
    }

    fn members(
        &mut self,
        members: &[Node],
        arrays: &[&dyn Array],
        slots: Vec<Slot>,
        depth: u8,
    ) -> Option<Result<(), E>> {
        let structures = arrays.iter().map(|array| array.as_struct_opt()).collect::<Option<Vec<_>>>()?;
        let mut slots = Some(slots);
        for (at, member) in members.iter().enumerate() {
            let columns = structures.iter().map(|structure| Some(structure.columns().get(at)?.as_ref()));
            let columns: Vec<&dyn Array> = columns.collect::<Option<_>>()?;
            let is_last = at + 1 == members.len();
            let own = if is_last { slots.take() } else { slots.clone() };
            if let Err(error) = self.node(member, &columns, own?, depth)? {
                return Some(Err(error));
            }
        }
        Some(Ok(()))
    }

    fn leaf(&self, node: &Node, arrays: &[&dyn Array], slots: &[Slot]) -> Option<Leaf> {
        let arrays: Vec<Values<'_>> =
            arrays.iter().map(|array| Values::of(&node.kind, *array)).collect::<Option<_>>()?;
        let dictionaries: Vec<&Dictionary> =
            self.lists.generations.iter().map(|generation| &generation.units[self.unit]).collect();
        let mut known: Vec<Known> =
            dictionaries.iter().map(|dictionary| Known::new(dictionary.len(), slots.len())).collect();
        let is_alone = known.len() == 1 && arrays.iter().all(|array| matches!(array, Values::Codes(_)));
        let mut leaf = Leaf::with_capacity(self.lists.places.len(), slots.len());
        for (part, slots) in slots.chunks(TRIAL).enumerate() {
            if part > 0 {
                leaf.judge();
            }
            for slot in slots {
                if slot.repetition == 0 {
                    leaf.begin_list();
                }
                leaf.level(slot.repetition, slot.definition);
                if !slot.is_there() {
                    continue;
                }
                let (array, at) = (slot.array as usize, slot.at as usize);
                match &arrays[array] {
                    Values::Text(strings) => leaf.value(strings.value(at).as_bytes()),
                    Values::Numbers(width, bytes) => leaf.value(&bytes[at * width..][..*width]),
                    Values::Codes(codes) => {
                        let generation = self.lists.generation[array];
                        let code = codes[at].saturating_sub(1); // a code of a value that is there is not 0
                        let value = || dictionaries[generation].get(code);
                        leaf.code(known[generation].key(code), is_alone, value);
                    }
                }
            }
        }
        leaf.close();
        Some(leaf)
    }
}

/// The elements of the lists at `slots`.
fn elements(offsets: &[&[i32]], slots: &[Slot], depth: u8) -> Vec<Slot> {
    let ends = |slot: &Slot| {
        slot.is_there().then(|| {
            let (offsets, at) = (offsets[slot.array as usize], slot.at as usize);
            (offsets[at] as u32, offsets[at + 1] as u32) // not negative
        })
    };
    let count = |slot: &Slot| ends(slot).map_or(1, |(from, to)| (to - from).max(1) as usize);
    let mut elements = Vec::with_capacity(slots.iter().map(count).sum());
    for slot in slots {
        match ends(slot) {
            Some((from, to)) if from < to => {
                let definition = slot.definition + 1;
                elements.push(Slot { at: from, definition, ..*slot });
                elements.extend((from + 1..to).map(|at| Slot { at, repetition: depth + 1, definition, ..*slot }));
            }
            _ => elements.push(Slot { at: NOWHERE, ..*slot }),
        }
    }
    elements
}

/// A value of a nullable node that is there is one level deeper than one that is null.
fn enter(arrays: &[&dyn Array], slots: &mut [Slot]) {
    let nulls: Vec<_> = arrays.iter().map(|array| array.nulls().filter(|nulls| nulls.null_count() > 0)).collect();
    for slot in slots.iter_mut().filter(|slot| slot.is_there()) {
        match nulls[slot.array as usize] {
            Some(nulls) if nulls.is_null(slot.at as usize) => slot.at = NOWHERE,
            _ => slot.definition += 1,
        }
    }
}

/// Values of an array as Parquet stores them.
enum Values<'a> {
    Text(&'a StringArray),
    /// Codes of the leaf's dictionary, counted from 1.
    Codes(&'a [u32]),
    /// Numbers of so many bytes.
    Numbers(usize, &'a [u8]),
}

impl<'a> Values<'a> {
    /// None where the array is of another kind.
    fn of(kind: &Kind, array: &'a dyn Array) -> Option<Self> {
        let Kind::Number(width, kind) = kind else {
            return match array.as_primitive_opt::<UInt32Type>() {
                Some(codes) => Some(Self::Codes(codes.values())),
                None => array.as_string_opt().map(Self::Text),
            };
        };
        let bytes = match kind {
            DataType::Int32 => array.as_primitive_opt::<Int32Type>()?.values().inner(),
            DataType::Int64 => array.as_primitive_opt::<Int64Type>()?.values().inner(),
            DataType::Float64 => array.as_primitive_opt::<Float64Type>()?.values().inner(),
            _ => array.as_primitive_opt::<TimestampMicrosecondType>()?.values().inner(),
        };
        Some(Self::Numbers(*width, bytes.as_slice()))
    }
}
