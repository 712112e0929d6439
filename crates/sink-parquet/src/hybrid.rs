//! Parquet's run length / bit-packing hybrid.
//!
//! Source: Apache Parquet, "Encodings", RLE = 3: a run is `count << 1` and the value in whole bytes; a packed stretch is
//! `groups << 1 | 1` and groups of eight values, `width` bits each, least significant bit first.

/// Values that are packed together.
const GROUP: usize = 8;

/// Shorter runs are packed: two headers cost as much as packing so many bits.
const SHORTEST_RUN_BITS: usize = 64;

/// Appends `values`, each of which fits `width` bits (at most 32). Runs are looked for where a group of a packed stretch
/// may end, so that most values are looked at in groups.
pub(crate) fn encode(values: &[u32], width: u8, out: &mut Vec<u8>) {
    let shortest = (SHORTEST_RUN_BITS / usize::from(width.max(1))).max(GROUP);
    let (mut at, mut packed_from) = (0, 0);
    while at < values.len() {
        let run = run_length(&values[at..]);
        let is_all_that_is_left = at == packed_from && at + run == values.len();
        if run < shortest && !is_all_that_is_left {
            at += run.max(GROUP) / GROUP * GROUP;
            continue;
        }
        pack(&values[packed_from..at], width, out);
        encode_run(values[at], run, width, out);
        at += run;
        packed_from = at;
    }
    pack(&values[packed_from..], width, out);
}

/// Appends `count` times the same value, which fits `width` bits.
pub(crate) fn encode_run(value: u32, count: usize, width: u8, out: &mut Vec<u8>) {
    varint((count as u64) << 1, out);
    out.extend_from_slice(&value.to_le_bytes()[..usize::from(width.div_ceil(8))]);
}

/// How often the first value stands at the beginning; 0 where it does not fill a group that is whole.
#[inline]
fn run_length(values: &[u32]) -> usize {
    let (groups, rest) = values.as_chunks::<GROUP>();
    let value = values[0];
    let same = |values: &[u32]| values.iter().take_while(|next| **next == value).count();
    match groups.first() {
        Some(first) if *first != [value; GROUP] => return 0,
        Some(_) => {}
        None => return if same(rest) == rest.len() { rest.len() } else { 0 },
    }
    let whole = groups.iter().take_while(|group| **group == [value; GROUP]).count() * GROUP;
    whole + same(&values[whole..])
}

/// The bits that numbers below `count` need.
pub(crate) fn width(count: usize) -> u8 {
    (usize::BITS - count.saturating_sub(1).leading_zeros()) as u8 // at most 64
}

fn pack(values: &[u32], width: u8, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    varint((values.len().div_ceil(GROUP) as u64) << 1 | 1, out);
    // Bytes beyond the group are written with it and taken back: copies of a length that is known.
    let put = |bits: &[u8], out: &mut Vec<u8>| {
        let end = out.len() + usize::from(width);
        out.extend_from_slice(bits);
        out.truncate(end);
    };
    let bits = |values: &[u32]| values.iter().rev().fold(0_u64, |bits, value| bits << width | u64::from(*value));
    match width {
        ..=8 => each_group(values, |group| put(&bits(group).to_le_bytes(), out)),
        9..=16 => each_group(values, |group| {
            let (low, high) = group.split_at(GROUP / 2);
            let both = u128::from(bits(high)) << (u32::from(width) * 4) | u128::from(bits(low));
            put(&both.to_le_bytes(), out);
        }),
        _ => each_group(values, |group| pack_wide(group, width, out)),
    }
}

/// Calls `each` with all groups. The last one is filled with zeros; readers know how many values there are.
#[inline]
fn each_group(values: &[u32], mut each: impl FnMut(&[u32; GROUP])) {
    let (groups, rest) = values.as_chunks::<GROUP>();
    groups.iter().for_each(&mut each);
    if !rest.is_empty() {
        let mut last = [0; GROUP];
        last[..rest.len()].copy_from_slice(rest);
        each(&last);
    }
}

/// Packs a group of any width.
fn pack_wide(group: &[u32; GROUP], width: u8, out: &mut Vec<u8>) {
    let (mut bits, mut filled) = (0_u64, 0);
    for value in group {
        bits |= u64::from(*value) << filled;
        filled += u32::from(width);
        if filled >= 32 {
            out.extend_from_slice(&(bits as u32).to_le_bytes()); // the low half
            bits >>= 32;
            filled -= 32;
        }
    }
    // A group ends at a whole byte.
    out.extend_from_slice(&bits.to_le_bytes()[..filled as usize / 8]);
}

fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80); // the low seven bits
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads the format as its description says, independently of how it is written.
    fn decode(mut bytes: &[u8], width: u8, count: usize) -> Vec<u32> {
        let mut values = Vec::new();
        while values.len() < count {
            let (mut header, mut shift) = (0_u64, 0);
            loop {
                let (byte, rest) = bytes.split_first().unwrap();
                bytes = rest;
                header |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            let units = (header >> 1) as usize;
            if header & 1 == 0 {
                let (value, rest) = bytes.split_at(usize::from(width.div_ceil(8)));
                bytes = rest;
                let value = value.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
                values.extend(std::iter::repeat_n(value, units));
                continue;
            }
            let (packed, rest) = bytes.split_at(units * usize::from(width));
            bytes = rest;
            let bit = |at: usize| u32::from(packed[at / 8] >> (at % 8) & 1);
            let value = |at: usize| {
                let first = at * usize::from(width);
                (0..usize::from(width)).map(|offset| bit(first + offset) << offset).sum::<u32>()
            };
            values.extend((0..units * 8).map(value));
        }
        assert!(bytes.is_empty());
        values.truncate(count);
        values
    }

    #[test]
    fn widths() {
        assert_eq!([0, 1, 2, 3, 4, 5, 256, 257].map(width), [0, 0, 1, 2, 2, 3, 8, 9]);
    }

    proptest! {
        /// Groups of every width.
        #[test]
        fn what_is_packed_reads_back(width in 0_u8..=32, values in proptest::collection::vec(any::<u32>(), 1..40)) {
            let most = u32::try_from((1_u64 << width) - 1).unwrap();
            let values: Vec<u32> = values.into_iter().map(|value| if value.is_multiple_of(3) { most } else { value & most }).collect();
            let mut bytes = Vec::new();
            pack(&values, width, &mut bytes);
            prop_assert_eq!(decode(&bytes, width, values.len()), values);
        }

        /// Whatever the mixture of runs and changes, an independent reader finds the same values.
        #[test]
        fn reads_back(
            runs in proptest::collection::vec((any::<u32>(), 1_usize..30), 0..40),
            most in prop_oneof![1_u32..1_000, 1_000_u32..100_000, 1_u32 << 31..],
        ) {
            let values: Vec<u32> =
                runs.iter().flat_map(|(value, run)| std::iter::repeat_n(value % most, *run)).collect();
            let width = width(most as usize);
            let mut bytes = Vec::new();
            encode(&values, width, &mut bytes);
            prop_assert_eq!(decode(&bytes, width, values.len()), values);
        }
    }
}
