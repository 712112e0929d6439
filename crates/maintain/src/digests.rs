//! Snapshots as hashes, a column each, so that they can be compared without keeping them.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, FixedSizeBinaryArray, RecordBatch, StringArray};
use arrow_buffer::Buffer;
use arrow_schema::DataType;
use tributary_connect::agent_time::{Digest, PAIRED, Whole};
use twox_hash::XxHash3_64;

/// The hash of null; no value has it.
const NULL: u64 = 0;

/// The snapshots of a batch.
pub(crate) struct Digests {
    previous: Snapshots,
    current: Snapshots,
}

/// Which snapshot of an event.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    /// Before it.
    Previous,
    /// After it.
    Current,
}

struct Snapshots {
    /// A hash a row.
    whole: Vec<Whole>,
    columns: Columns,
}

enum Columns {
    /// As they were computed: one column behind the other.
    Computed(Vec<u64>),
    /// As they come from the spool: one row behind the other.
    Kept(FixedSizeBinaryArray),
}

impl Snapshots {
    fn digest(&self, row: usize) -> Digest {
        let rows = self.whole.len();
        match &self.columns {
            Columns::Computed(columns) => {
                std::array::from_fn(|at| columns.get(at * rows + row).copied().unwrap_or(NULL))
            }
            Columns::Kept(rows) => unpacked(rows.value(row)),
        }
    }
}

fn unpacked(bytes: &[u8]) -> Digest {
    let (columns, _) = bytes.as_chunks::<8>();
    std::array::from_fn(|at| columns.get(at).map_or(NULL, |bytes| u64::from_le_bytes(*bytes)))
}

/// Bytes of a digest.
const SIZE: usize = size_of::<Digest>();

impl Digests {
    /// Those that [`to_arrays`](Self::to_arrays) gave.
    pub(crate) fn from_arrays(previous: FixedSizeBinaryArray, current: FixedSizeBinaryArray) -> Self {
        let kept = |rows: FixedSizeBinaryArray| {
            let whole = (0..rows.len()).map(|row| Whole::of(&unpacked(rows.value(row)))).collect();
            Snapshots { whole, columns: Columns::Kept(rows) }
        };
        Self { previous: kept(previous), current: kept(current) }
    }

    /// The previous and the current ones, to be kept on the spool.
    pub(crate) fn to_arrays(&self) -> Option<[ArrayRef; 2]> {
        let packed = |snapshots: &Snapshots| -> Option<ArrayRef> {
            let mut bytes = Vec::with_capacity(snapshots.whole.len() * SIZE);
            for row in 0..snapshots.whole.len() {
                snapshots.digest(row).iter().for_each(|hash| bytes.extend_from_slice(&hash.to_le_bytes()));
            }
            // A few hundred bytes a row.
            Some(Arc::new(FixedSizeBinaryArray::try_new(SIZE as i32, Buffer::from_vec(bytes), None).ok()?))
        };
        Some([packed(&self.previous)?, packed(&self.current)?])
    }

    fn of(&self, side: Side) -> &Snapshots {
        match side {
            Side::Previous => &self.previous,
            Side::Current => &self.current,
        }
    }

    /// One hash of a snapshot.
    pub(crate) fn whole(&self, side: Side, row: usize) -> Whole {
        self.of(side).whole[row]
    }

    /// A hash for each of its columns.
    pub(crate) fn digest(&self, side: Side, row: usize) -> Digest {
        self.of(side).digest(row)
    }
}

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
    /// The digests of the previous and of the current snapshots; none if a column is missing or is not what it was.
    pub(crate) fn digests(&mut self, batch: &RecordBatch) -> Option<Digests> {
        self.leaf = 0;
        Some(Digests { previous: self.snapshots(batch, "previous_")?, current: self.snapshots(batch, "current_")? })
    }

    fn snapshots(&mut self, batch: &RecordBatch, prefix: &str) -> Option<Snapshots> {
        let rows = batch.num_rows();
        let mut columns = vec![NULL; PAIRED.len() * rows];
        let mut whole = vec![Whole::START; rows];
        for (at, name) in PAIRED.iter().enumerate() {
            let column = columns.get_mut(at * rows..(at + 1) * rows)?;
            self.hash(batch.column_by_name(&format!("{prefix}{name}"))?, column)?;
            whole.iter_mut().zip(&*column).for_each(|(whole, column)| *whole = whole.with(*column));
        }
        Some(Snapshots { whole, columns: Columns::Computed(columns) })
    }

    /// A hash for each value of an array, written to `hashes`.
    fn hash(&mut self, array: &ArrayRef, hashes: &mut [u64]) -> Option<()> {
        let write = |values: &mut dyn Iterator<Item = u64>, hashes: &mut [u64]| {
            hashes.iter_mut().zip(values).for_each(|(hash, value)| *hash = mix(value));
        };
        match array.data_type() {
            DataType::Dictionary(..) => self.strings(array, hashes)?,
            DataType::Struct(_) => self.members(array, hashes)?,
            DataType::List(_) => self.lists(array, hashes)?,
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

    fn strings(&mut self, array: &ArrayRef, hashes: &mut [u64]) -> Option<()> {
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
        let known = &self.known[leaf].as_ref()?.hashes;
        // A null's key may be anything.
        let of = |key: &i32| known.get(*key as usize).copied().unwrap_or(NULL);
        hashes.iter_mut().zip(coded.keys().values()).for_each(|(hash, key)| *hash = of(key));
        Some(())
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
