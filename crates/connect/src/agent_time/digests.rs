//! Snapshots as hashes, a column each, so that they can be compared without keeping them.
//!
//! Hashes are of values and not of how they come: a decoder's coded columns have those of the same columns read back.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow_schema::DataType;
use twox_hash::XxHash3_64;

use super::gaps::{Digest, Link, PAIRED, Whole};

/// The hash of null; no value has it.
const NULL: u64 = 0;

/// Which snapshot of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Before it.
    Previous,
    /// After it.
    Current,
}

impl Side {
    fn prefix(self) -> &'static str {
        match self {
            Self::Previous => "previous_",
            Self::Current => "current_",
        }
    }
}

/// Hashes of the values of a dictionary.
#[derive(Debug)]
struct Known {
    /// Kept, so that nothing else can lie where they do.
    values: ArrayRef,
    hashes: Vec<u64>,
}

impl Known {
    /// Whether these are the hashes of `values`.
    fn is_of(&self, values: &ArrayRef) -> bool {
        if Arc::ptr_eq(&self.values, values) {
            return true;
        }
        let strings = [&self.values, values].map(|array| array.as_string_opt::<i32>());
        let [Some(known), Some(strings)] = strings else { return false };
        known.len() == strings.len()
            && known.values().as_ptr() == strings.values().as_ptr()
            && known.offsets().as_ptr() == strings.offsets().as_ptr()
    }

    /// The hashes of strings that these are the first of.
    fn grown(&self, strings: &StringArray) -> Option<Vec<u64>> {
        let known = self.values.as_string_opt::<i32>()?;
        let is_first = strings.offsets().starts_with(known.offsets())
            && strings.values().starts_with(known.values())
            && known.null_count() + strings.null_count() == 0;
        is_first.then(|| {
            let mut hashes = self.hashes.clone();
            hashes.extend((known.len()..strings.len()).map(|at| hash_of(strings.value(at))));
            hashes
        })
    }
}

/// Computes digests batch by batch; the values of a dictionary are hashed once.
#[derive(Debug, Default)]
pub struct Digester {
    /// By leaf: what its dictionary was. Leaves may share one.
    known: Vec<Option<Arc<Known>>>,
    /// Which leaf comes next.
    leaf: usize,
}

impl Digester {
    /// The snapshots of each row of `agent_event`; none if a column is missing or is not what it was.
    pub fn links(&mut self, batch: &RecordBatch) -> Option<Vec<Link>> {
        self.leaf = 0;
        let previous = self.wholes(batch, Side::Previous)?;
        let current = self.wholes(batch, Side::Current)?;
        Some(previous.into_iter().zip(current).map(|(previous, current)| Link { previous, current }).collect())
    }

    /// One snapshot of each row.
    fn wholes(&mut self, batch: &RecordBatch, side: Side) -> Option<Vec<Whole>> {
        let mut wholes = vec![Whole::START; batch.num_rows()];
        let mut hashes = Vec::new();
        for name in PAIRED {
            let array = batch.column_by_name(&format!("{}{name}", side.prefix()))?;
            match array.as_dictionary_opt::<Int32Type>() {
                // Most columns, at once: no hashes of the rows are written down.
                Some(coded) => {
                    let known = self.known(coded.values())?;
                    fold(&mut wholes, coded.keys(), &known.hashes);
                }
                None => {
                    hashes.clear();
                    hashes.resize(batch.num_rows(), NULL);
                    self.hash(array, &mut hashes)?;
                    wholes.iter_mut().zip(&hashes).for_each(|(whole, hash)| *whole = whole.with(*hash));
                }
            }
        }
        Some(wholes)
    }

    /// One snapshot of each of some rows, column by column.
    pub fn digests(&mut self, batch: &RecordBatch, side: Side, rows: &[usize]) -> Option<Vec<Digest>> {
        self.leaf = 0;
        let mut digests = vec![[NULL; PAIRED.len()]; rows.len()];
        self.each_column(batch, side, &mut |at, column| {
            for (digest, row) in digests.iter_mut().zip(rows) {
                digest[at] = column.get(*row).copied().unwrap_or(NULL);
            }
        })?;
        Some(digests)
    }

    fn each_column(&mut self, batch: &RecordBatch, side: Side, each: &mut dyn FnMut(usize, &[u64])) -> Option<()> {
        let mut hashes = vec![NULL; batch.num_rows()];
        for (at, name) in PAIRED.iter().enumerate() {
            hashes.fill(NULL);
            self.hash(batch.column_by_name(&format!("{}{name}", side.prefix()))?, &mut hashes)?;
            each(at, &hashes);
        }
        Some(())
    }

    /// A hash for each value of an array, written to `hashes`.
    fn hash(&mut self, array: &ArrayRef, hashes: &mut [u64]) -> Option<()> {
        let write = |values: &mut dyn Iterator<Item = u64>, hashes: &mut [u64]| {
            hashes.iter_mut().zip(values).for_each(|(hash, value)| *hash = mix(value));
        };
        match array.data_type() {
            DataType::Dictionary(..) => self.coded(array, hashes)?,
            DataType::Struct(_) => self.members(array, hashes)?,
            DataType::List(_) => self.lists(array, hashes)?,
            DataType::Utf8 => {
                let strings = array.as_string_opt::<i32>()?;
                hashes.iter_mut().enumerate().for_each(|(at, hash)| *hash = hash_of(strings.value(at)));
            }
            DataType::Timestamp(..) => {
                let moments = array.as_primitive_opt::<TimestampMicrosecondType>()?.values();
                write(&mut moments.iter().map(|moment| *moment as u64), hashes);
            }
            DataType::Int32 => {
                write(&mut array.as_primitive_opt::<Int32Type>()?.values().iter().map(|number| *number as u64), hashes);
            }
            DataType::Int64 => {
                write(&mut array.as_primitive_opt::<Int64Type>()?.values().iter().map(|number| *number as u64), hashes);
            }
            DataType::Float64 => {
                write(
                    &mut array.as_primitive_opt::<Float64Type>()?.values().iter().map(|number| number.to_bits()),
                    hashes,
                );
            }
            DataType::Boolean => write(&mut array.as_boolean_opt()?.values().iter().map(u64::from), hashes),
            _ => return None,
        }
        clear_nulls(hashes, array);
        Some(())
    }

    fn coded(&mut self, array: &ArrayRef, hashes: &mut [u64]) -> Option<()> {
        let coded = array.as_dictionary_opt::<Int32Type>()?;
        let known = self.known(coded.values())?;
        // A null's key may be anything.
        let of = |key: &i32| known.hashes.get(*key as usize).copied().unwrap_or(NULL);
        hashes.iter_mut().zip(coded.keys().values()).for_each(|(hash, key)| *hash = of(key));
        Some(())
    }

    /// The hashes of a dictionary, which is that of the next leaf.
    fn known(&mut self, values: &ArrayRef) -> Option<Arc<Known>> {
        let leaf = self.leaf;
        self.leaf += 1;
        if self.known.len() <= leaf {
            self.known.resize_with(leaf + 1, || None);
        }
        if let Some(known) = self.known[leaf].as_ref().filter(|known| known.is_of(values)) {
            return Some(Arc::clone(known));
        }
        let known = match self.known.iter().flatten().find(|known| known.is_of(values)) {
            Some(known) => Arc::clone(known),
            None => Arc::new(Known { values: Arc::clone(values), hashes: self.values(leaf, values)? }),
        };
        self.known[leaf] = Some(Arc::clone(&known));
        Some(known)
    }

    fn values(&self, leaf: usize, values: &ArrayRef) -> Option<Vec<u64>> {
        let strings = values.as_string_opt::<i32>();
        let grown = strings.and_then(|strings| self.known[leaf].as_ref()?.grown(strings));
        grown.or_else(|| {
            let mut hashes = vec![NULL; values.len()];
            // A dictionary of lists: it has leaves of its own.
            Self::default().hash(values, &mut hashes)?;
            Some(hashes)
        })
    }

    fn members(&mut self, array: &ArrayRef, hashes: &mut [u64]) -> Option<()> {
        hashes.fill(1);
        let mut members = vec![NULL; array.len()];
        for member in array.as_struct_opt()?.columns() {
            self.hash(member, &mut members)?;
            hashes.iter_mut().zip(&members).for_each(|(hash, member)| *hash = join(*hash, *member));
        }
        Some(())
    }

    fn lists(&mut self, array: &ArrayRef, hashes: &mut [u64]) -> Option<()> {
        let lists = array.as_list_opt::<i32>()?;
        let mut elements = vec![NULL; lists.values().len()];
        self.hash(lists.values(), &mut elements)?;
        // Arrow's offsets ascend, and none is negative.
        let list = |ends: &[i32]| {
            let elements = elements.get(ends[0] as usize..ends[1] as usize).unwrap_or_default();
            elements.iter().fold(mix(elements.len() as u64), |hash, element| join(hash, *element))
        };
        hashes.iter_mut().zip(lists.value_offsets().windows(2)).for_each(|(hash, ends)| *hash = list(ends));
        Some(())
    }
}

/// Goes on with a column of codes.
fn fold(wholes: &mut [Whole], keys: &Int32Array, hashes: &[u64]) {
    // A null's key may be anything.
    let of = |key: i32| hashes.get(key as usize).copied().unwrap_or(NULL);
    match keys.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => wholes.iter_mut().zip(keys.values()).for_each(|(whole, key)| *whole = whole.with(of(*key))),
        Some(nulls) if nulls.null_count() == keys.len() => {
            wholes.iter_mut().for_each(|whole| *whole = whole.with(NULL));
        }
        Some(_) => wholes.iter_mut().zip(keys).for_each(|(whole, key)| *whole = whole.with(key.map_or(NULL, of))),
    }
}

fn clear_nulls(hashes: &mut [u64], array: &ArrayRef) {
    if let Some(nulls) = array.nulls().filter(|nulls| nulls.null_count() > 0) {
        hashes.iter_mut().zip(nulls).filter(|(_, is_there)| !is_there).for_each(|(hash, _)| *hash = NULL);
    }
}

fn hash_of(text: &str) -> u64 {
    XxHash3_64::oneshot(text.as_bytes()).max(1)
}

/// Spreads a number over 64 bits. Source: the finalizer of SplitMix64.
fn mix(number: u64) -> u64 {
    let mut hash = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (hash ^ (hash >> 31)).max(1)
}

/// The hash of a sequence that goes on with `next`, whose bits are spread: another order is another hash.
fn join(hash: u64, next: u64) -> u64 {
    (hash.rotate_left(23) ^ next).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
