//! Which calls fetch several ranges of one object.
//!
//! A call takes some 20 to 30 ms before its first byte and is paid for by itself, the bytes of a region are not: AWS advises
//! ranges of 8 to 16 MB (Performance guidelines for Amazon S3, "Use byte-range fetches").

use std::ops::Range;

use bytes::Bytes;

/// So many bytes between two ranges are fetched for nothing rather than call twice: what a connection brings in the time
/// that a call takes.
const GAP: u64 = 1 << 20;

/// The longest call of several ranges; a range by itself is as long as it is.
const LONGEST: u64 = 16 << 20;

/// Calls at a time.
pub(crate) const AT_ONCE: usize = 4;

/// The ranges to be called for, in ascending order: each of `ranges` lies in one of them.
pub(crate) fn joined(ranges: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut sorted: Vec<&Range<u64>> = ranges.iter().filter(|range| !range.is_empty()).collect();
    sorted.sort_unstable_by_key(|range| (range.start, range.end));
    let mut calls: Vec<Range<u64>> = Vec::new();
    for range in sorted {
        match calls.last_mut() {
            Some(call) if range.end <= call.end => {}
            Some(call) if range.start <= call.end.saturating_add(GAP) && range.end - call.start <= LONGEST => {
                call.end = range.end;
            }
            _ => calls.push(range.clone()),
        }
    }
    calls
}

/// Cuts what was asked for out of what the calls brought.
pub(crate) fn parts(ranges: &[Range<u64>], calls: &[Range<u64>], bodies: &[Bytes]) -> Vec<Bytes> {
    let part = |range: &Range<u64>| {
        let mut fetched = calls.iter().zip(bodies);
        let found = fetched.find(|(call, _)| call.start <= range.start && range.end <= call.end && !range.is_empty());
        // Of `joined`'s calls one holds each range that is not empty. What was fetched fits into memory.
        let part = found.map(|(call, body)| {
            let place = |end: u64| (end - call.start) as usize;
            body.slice(place(range.start)..place(range.end))
        });
        part.unwrap_or_default()
    };
    ranges.iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_fetched_together() {
        const M: u64 = 1 << 20;
        let one = |range: Range<u64>| vec![range];
        assert_eq!(joined(&[5..9, 0..4, 9..12]), one(0..12));
        assert_eq!(joined(&[0..4, M + 4..M + 5]), one(0..M + 5));
        assert_eq!(joined(&[0..4, M + 5..M + 6]), [0..4, M + 5..M + 6]);
        assert_eq!(joined(&[0..40 * M, 40 * M..41 * M, 3..4]), [0..40 * M, 40 * M..41 * M]);
        assert_eq!(joined(&[0..9 * M, 9 * M..17 * M, 17 * M..18 * M]), [0..9 * M, 9 * M..18 * M]);
        assert_eq!(joined(&[7..7, 9..9]), Vec::<Range<u64>>::new());
    }

    #[test]
    fn each_gets_its_own_bytes() {
        let object = Bytes::from((0..=255).collect::<Vec<u8>>());
        let ranges = [200..210, 3..3, 0..10, 5..7, 9..20];
        let calls = joined(&ranges);
        let bodies: Vec<Bytes> =
            calls.iter().map(|call| object.slice(call.start as usize..call.end as usize)).collect();
        let expected: Vec<Bytes> =
            ranges.iter().map(|range| object.slice(range.start as usize..range.end as usize)).collect();
        assert_eq!(parts(&ranges, &calls, &bodies), expected);
    }
}
