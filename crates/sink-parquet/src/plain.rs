//! Pages of values as they are: numbers and moments, flags, strings that hardly repeat. A dictionary of them would be
//! built in vain. Source: Apache Parquet, "Plain encoding", PLAIN = 0.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, BooleanArray, StringArray};
use arrow_buffer::{NullBuffer, ScalarBuffer};
use arrow_schema::{DataType, TimeUnit};

use crate::bounds::Bounds;
use crate::plan::PAGE_ROWS;

/// A page of flat strings ends before the row with which it has more bytes, unless that is its first.
pub(crate) const PAGE_BYTES: usize = 1 << 20;

/// Flat values of a column.
#[derive(Clone, Copy)]
pub(crate) struct Plain<'a> {
    nulls: Option<&'a NullBuffer>,
    kind: Kind<'a>,
}

#[derive(Clone, Copy)]
enum Kind<'a> {
    Numbers(&'a ScalarBuffer<i64>),
    Flags(&'a BooleanArray),
    Text(&'a StringArray),
}

impl<'a> Plain<'a> {
    /// The values of an array; none for other types.
    pub(crate) fn of(array: &'a ArrayRef) -> Option<Self> {
        // Arrow's memory is Parquet's form where numbers are little-endian.
        let is_little = cfg!(target_endian = "little");
        let kind = match array.data_type() {
            DataType::Int64 if is_little => Kind::Numbers(array.as_primitive::<Int64Type>().values()),
            DataType::Timestamp(TimeUnit::Microsecond, None) if is_little => {
                Kind::Numbers(array.as_primitive::<TimestampMicrosecondType>().values())
            }
            DataType::Boolean => Kind::Flags(array.as_boolean()),
            DataType::Utf8 => Kind::Text(array.as_string()),
            _ => return None,
        };
        Some(Self { nulls: array.nulls().filter(|nulls| nulls.null_count() > 0), kind })
    }

    /// How many rows.
    pub(crate) fn rows(self) -> usize {
        match self.kind {
            Kind::Numbers(numbers) => numbers.len(),
            Kind::Flags(flags) => flags.len(),
            Kind::Text(strings) => strings.len(),
        }
    }

    /// Where a page that begins at row `from` ends.
    pub(crate) fn page_end(self, from: usize) -> usize {
        let most = self.rows().min(from + PAGE_ROWS);
        match self.kind {
            Kind::Numbers(_) | Kind::Flags(_) => most,
            Kind::Text(strings) => {
                let offsets = &strings.value_offsets()[from..=most];
                let fits = |end: &i32| (end - offsets[0]) as usize <= PAGE_BYTES; // offsets ascend
                from + (offsets.partition_point(fits) - 1).max(1)
            }
        }
    }

    /// Whether a row has a value.
    pub(crate) fn is_there(self, row: usize) -> bool {
        self.nulls.is_none_or(|nulls| nulls.is_valid(row))
    }

    /// How many of these rows have a value.
    pub(crate) fn count(self, rows: Range<usize>) -> usize {
        let nulls = |nulls: &NullBuffer| nulls.slice(rows.start, rows.len()).null_count();
        rows.len() - self.nulls.map_or(0, nulls)
    }

    /// Appends the values of rows that are there; how many bytes of text they are.
    pub(crate) fn append(self, rows: Range<usize>, out: &mut Vec<u8>) -> usize {
        let start = out.len();
        match (self.kind, self.nulls) {
            (Kind::Numbers(numbers), None) => {
                out.extend_from_slice(&numbers.inner().as_slice()[rows.start * 8..rows.end * 8]);
                0
            }
            (Kind::Numbers(numbers), Some(_)) => {
                rows.filter(|row| self.is_there(*row))
                    .for_each(|row| out.extend_from_slice(&numbers[row].to_le_bytes()));
                0
            }
            (Kind::Flags(flags), _) => {
                for (at, row) in rows.filter(|row| self.is_there(*row)).enumerate() {
                    if at % 8 == 0 {
                        out.push(0);
                    }
                    out[start + at / 8] |= u8::from(flags.value(row)) << (at % 8);
                }
                0
            }
            (Kind::Text(strings), _) => {
                let mut count = 0;
                for row in rows.filter(|row| self.is_there(*row)) {
                    let text = strings.value(row).as_bytes();
                    out.extend_from_slice(&(text.len() as u32).to_le_bytes()); // arrow's own are 31 bits wide
                    out.extend_from_slice(text);
                    count += 1;
                }
                out.len() - start - count * size_of::<u32>()
            }
        }
    }

    /// The bounds of the rows that are there, if any is.
    pub(crate) fn bounds(self, rows: Range<usize>) -> Option<Bounds<'a>> {
        if let (Kind::Numbers(numbers), None) = (self.kind, self.nulls) {
            return all_bounds(numbers, rows);
        }
        let rows = rows.filter(|row| self.is_there(*row));
        match self.kind {
            Kind::Numbers(numbers) => {
                let (min, max) = rows.map(|row| (row, row)).reduce(|(min, max), (row, _)| {
                    let number = numbers[row];
                    (if number < numbers[min] { row } else { min }, if number > numbers[max] { row } else { max })
                })?;
                let bytes = |row: usize| &numbers.inner().as_slice()[row * 8..row * 8 + 8];
                Some(Bounds { min: bytes(min), max: bytes(max) })
            }
            Kind::Flags(flags) => {
                let byte = |row: usize| -> &'static [u8] { if flags.value(row) { &[1] } else { &[0] } };
                around(rows.map(byte))
            }
            Kind::Text(strings) => around(rows.map(|row| strings.value(row).as_bytes())),
        }
    }
}

/// Bounds of numbers that are all there.
fn all_bounds(numbers: &ScalarBuffer<i64>, rows: Range<usize>) -> Option<Bounds<'_>> {
    let values = &numbers[rows.clone()];
    let (min, max) = (values.iter().min()?, values.iter().max()?);
    let bytes = |wanted: &i64| {
        let row = rows.start + values.iter().position(|value| value == wanted)?;
        Some(&numbers.inner().as_slice()[row * 8..row * 8 + 8])
    };
    Some(Bounds { min: bytes(min)?, max: bytes(max)? })
}

/// Bounds by the order of bytes.
fn around<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<Bounds<'a>> {
    values
        .map(|value| Bounds { min: value, max: value })
        .reduce(|all, one| Bounds { min: all.min.min(one.min), max: all.max.max(one.max) })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::Int64Array;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// As found one by one, with and without nulls.
        #[test]
        fn bounds_of_numbers(numbers in proptest::collection::vec(prop::option::weighted(0.9, -9_i64..9), 1..40), from in 0_usize..40) {
            let from = from % numbers.len();
            for numbers in [numbers.clone(), numbers.iter().map(|number| number.or(Some(0))).collect()] {
                let array: ArrayRef = Arc::new(Int64Array::from(numbers.clone()));
                let plain = Plain::of(&array).unwrap();
                let there: Vec<i64> = numbers[from..].iter().flatten().copied().collect();
                let bounds = plain.bounds(from..numbers.len());
                let bounds = bounds.map(|bounds| (bounds.min.to_vec(), bounds.max.to_vec()));
                let expected = there.iter().min().zip(there.iter().max());
                prop_assert_eq!(bounds, expected.map(|(min, max)| (min.to_le_bytes().to_vec(), max.to_le_bytes().to_vec())));
                prop_assert_eq!(plain.count(from..numbers.len()), there.len());
            }
        }
    }
}
