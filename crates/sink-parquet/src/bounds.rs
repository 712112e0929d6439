//! The least and the greatest value of pages and of column chunks.

use std::cmp::Ordering;

use parquet::basic::Type;
use parquet::data_type::ByteArray;
use parquet::file::statistics::{Statistics, ValueStatistics};

use crate::plan::STATISTICS_BYTES;

/// Of values as Parquet stores them.
#[derive(Clone, Copy)]
pub(crate) struct Bounds<'a> {
    pub(crate) min: &'a [u8],
    pub(crate) max: &'a [u8],
}

impl<'a> Bounds<'a> {
    /// Takes another value in.
    pub(crate) fn widen(&mut self, kind: Type, value: &'a [u8]) {
        if compare(kind, value, self.min) == Ordering::Less {
            self.min = value;
        }
        if compare(kind, value, self.max) == Ordering::Greater {
            self.max = value;
        }
    }

    /// Both, long strings made shorter.
    pub(crate) fn short(&self, kind: Type) -> (Vec<u8>, Vec<u8>) {
        match kind {
            Type::BYTE_ARRAY => (lower(self.min).to_vec(), upper(self.max)),
            _ => (self.min.to_vec(), self.max.to_vec()),
        }
    }
}

/// The order of two values of a type: numbers as numbers, strings by their bytes.
pub(crate) fn compare(kind: Type, left: &[u8], right: &[u8]) -> Ordering {
    match kind {
        Type::INT32 => whole::<4>(left).map(i32::from_le_bytes).cmp(&whole::<4>(right).map(i32::from_le_bytes)),
        Type::INT64 => whole::<8>(left).map(i64::from_le_bytes).cmp(&whole::<8>(right).map(i64::from_le_bytes)),
        _ => left.cmp(right),
    }
}

/// The statistics of a column chunk, from the bounds of its pages.
pub(crate) fn statistics(kind: Type, pages: &[Bounds<'_>], nulls: u64) -> Statistics {
    let all = pages.iter().copied().reduce(|mut all, page| {
        all.widen(kind, page.min);
        all.widen(kind, page.max);
        all
    });
    let (min, max) = (all.map(|all| all.min), all.map(|all| all.max));
    let nulls = Some(nulls);
    match kind {
        Type::INT32 => {
            let number = |bytes| whole(bytes).map(i32::from_le_bytes);
            ValueStatistics::new(min.and_then(number), max.and_then(number), None, nulls, false).into()
        }
        Type::INT64 => {
            let number = |bytes| whole(bytes).map(i64::from_le_bytes);
            ValueStatistics::new(min.and_then(number), max.and_then(number), None, nulls, false).into()
        }
        Type::BOOLEAN => {
            let flag = |bytes: &[u8]| bytes.first().map(|byte| *byte > 0);
            ValueStatistics::new(min.and_then(flag), max.and_then(flag), None, nulls, false).into()
        }
        Type::DOUBLE => ValueStatistics::<f64>::new(None, None, None, nulls, false).into(),
        _ => {
            let short = (min.map(|min| lower(min).to_vec()), max.map(upper));
            let is_exact = (short.0.as_deref() == min, short.1.as_deref() == max);
            let (min, max) = (short.0.map(ByteArray::from), short.1.map(ByteArray::from));
            let statistics = ValueStatistics::new(min, max, None, nulls, false);
            Statistics::ByteArray(statistics.with_min_is_exact(is_exact.0).with_max_is_exact(is_exact.1))
        }
    }
}

fn whole<const BYTES: usize>(bytes: &[u8]) -> Option<[u8; BYTES]> {
    bytes.try_into().ok()
}

/// The text's beginning, which is not greater than it.
fn lower(text: &[u8]) -> &[u8] {
    if text.len() <= STATISTICS_BYTES {
        return text;
    }
    // A byte that continues a character begins with the bits 10.
    let begins = |at: &usize| text[*at] & 0xC0 != 0x80;
    let end = (0..=STATISTICS_BYTES).rev().find(begins).unwrap_or_default();
    &text[..end]
}

/// A short text that is not less than it; the text itself where there is none in sight.
fn upper(text: &[u8]) -> Vec<u8> {
    if text.len() <= STATISTICS_BYTES {
        return text.to_vec();
    }
    let start = lower(text);
    match start.iter().rposition(|byte| *byte < 0x7E) {
        Some(last) => {
            let mut short = start[..=last].to_vec();
            short[last] += 1; // another character of ASCII
            short
        }
        None => text.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Engines skip pages by them: they enclose the text, are text, and are short where that is possible.
        #[test]
        fn shortened_bounds_enclose(text in "([a-c~é]|\u{10FFFF}){0,300}") {
            let (min, max) = (lower(text.as_bytes()), upper(text.as_bytes()));
            prop_assert!(min <= text.as_bytes() && text.as_bytes() <= &max[..]);
            prop_assert!(std::str::from_utf8(min).is_ok() && std::str::from_utf8(&max).is_ok());
            prop_assert!(min.len() <= STATISTICS_BYTES);
        }
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        assert_eq!(compare(Type::INT32, &(-1_i32).to_le_bytes(), &256_i32.to_le_bytes()), Ordering::Less);
        assert_eq!(compare(Type::INT64, &255_i64.to_le_bytes(), &256_i64.to_le_bytes()), Ordering::Less);
    }
}
