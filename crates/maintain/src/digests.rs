//! Snapshots as hashes, a column each, so that they can be compared without keeping them.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, FixedSizeBinaryArray, RecordBatch, StringArray};
use arrow_buffer::Buffer;
use arrow_schema::DataType;
use tributary_connect::agent_time::{Digest, PAIRED};
use twox_hash::XxHash3_64;

/// The hash of null; no value has it.
const NULL: u64 = 0;

/// Hashes of one column or leaf: of the strings of its dictionary.
struct Known {
    strings: StringArray,
    hashes: Vec<u64>,
}

/// Computes digests batch by batch; the strings of a dictionary are hashed once.
#[derive(Default)]
pub(crate) struct Digester {
    known: Vec<Option<Known>>,
    /// Which leaf comes next.
    leaf: usize,
}

impl Digester {
    /// The digests of the current and of the previous snapshots; none if a column is missing or is not what it was.
    pub(crate) fn digests(&mut self, batch: &RecordBatch) -> Option<[ArrayRef; 2]> {
        self.leaf = 0;
        Some([self.digest(batch, "current_")?, self.digest(batch, "previous_")?])
    }

    fn digest(&mut self, batch: &RecordBatch, prefix: &str) -> Option<ArrayRef> {
        const SIZE: usize = size_of::<Digest>();
        let mut bytes = vec![0_u8; batch.num_rows() * SIZE];
        for (at, name) in PAIRED.iter().enumerate() {
            let hashes = self.hashes(batch.column_by_name(&format!("{prefix}{name}"))?)?;
            let places = bytes.chunks_exact_mut(SIZE).filter_map(|row| row.get_mut(at * 8..)?.first_chunk_mut::<8>());
            places.zip(hashes).for_each(|(place, hash)| *place = hash.to_le_bytes());
        }
        let digests = FixedSizeBinaryArray::try_new(SIZE as i32, Buffer::from_vec(bytes), None).ok()?; // a few hundred
        Some(Arc::new(digests))
    }

    /// A hash for each value of an array.
    fn hashes(&mut self, array: &ArrayRef) -> Option<Vec<u64>> {
        let mut hashes = match array.data_type() {
            DataType::Dictionary(..) => self.strings(array)?,
            DataType::Struct(_) => self.members(array)?,
            DataType::List(_) => return self.lists(array),
            DataType::Timestamp(..) => {
                let moments = array.as_primitive_opt::<TimestampMicrosecondType>()?;
                moments.values().iter().map(|moment| mix(*moment as u64)).collect()
            }
            DataType::Int32 => {
                array.as_primitive_opt::<Int32Type>()?.values().iter().map(|number| mix(*number as u64)).collect()
            }
            DataType::Int64 => {
                array.as_primitive_opt::<Int64Type>()?.values().iter().map(|number| mix(*number as u64)).collect()
            }
            DataType::Float64 => {
                array.as_primitive_opt::<Float64Type>()?.values().iter().map(|number| mix(number.to_bits())).collect()
            }
            DataType::Boolean => array.as_boolean_opt()?.values().iter().map(|is| mix(u64::from(is))).collect(),
            _ => return None,
        };
        clear_nulls(&mut hashes, array);
        Some(hashes)
    }

    fn strings(&mut self, array: &ArrayRef) -> Option<Vec<u64>> {
        let coded = array.as_dictionary_opt::<Int32Type>()?;
        let strings = coded.values().as_string_opt::<i32>()?;
        let leaf = self.leaf;
        self.leaf += 1;
        if self.known.len() <= leaf {
            self.known.resize_with(leaf + 1, || None);
        }
        let is_known = self.known[leaf].as_ref().is_some_and(|known| {
            // The strings are kept, so that nothing else can lie where they do.
            known.strings.values().as_ptr() == strings.values().as_ptr()
                && known.strings.offsets().as_ptr() == strings.offsets().as_ptr()
                && known.strings.len() == strings.len()
        });
        if !is_known {
            let hash = |text: Option<&str>| text.map_or(NULL, |text| XxHash3_64::oneshot(text.as_bytes()).max(1));
            let hashes = strings.iter().map(hash).collect();
            self.known[leaf] = Some(Known { strings: strings.clone(), hashes });
        }
        let hashes = &self.known[leaf].as_ref()?.hashes;
        // A null's key may be anything.
        Some(coded.keys().values().iter().map(|key| hashes.get(*key as usize).copied().unwrap_or(NULL)).collect())
    }

    fn members(&mut self, array: &ArrayRef) -> Option<Vec<u64>> {
        let mut hashes = vec![1; array.len()];
        for member in array.as_struct_opt()?.columns() {
            let members = self.hashes(member)?;
            hashes.iter_mut().zip(members).for_each(|(hash, member)| *hash = join(*hash, member));
        }
        Some(hashes)
    }

    fn lists(&mut self, array: &ArrayRef) -> Option<Vec<u64>> {
        let lists = array.as_list_opt::<i32>()?;
        let elements = self.hashes(lists.values())?;
        let offsets = lists.value_offsets();
        // Arrow's offsets ascend, and none is negative.
        let list = |ends: &[i32]| {
            let elements = elements.get(ends[0] as usize..ends[1] as usize).unwrap_or_default();
            elements.iter().fold(mix(elements.len() as u64), |hash, element| join(hash, *element))
        };
        let mut hashes = offsets.windows(2).map(list).collect::<Vec<_>>();
        clear_nulls(&mut hashes, array);
        Some(hashes)
    }
}

fn clear_nulls(hashes: &mut [u64], array: &ArrayRef) {
    if let Some(nulls) = array.nulls().filter(|nulls| nulls.null_count() > 0) {
        hashes.iter_mut().zip(nulls).filter(|(_, is_there)| !is_there).for_each(|(hash, _)| *hash = NULL);
    }
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
