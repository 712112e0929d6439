//! Dictionaries that grow.

use super::coded_tests::{Row, coded, expected, options, parts_coded, write_numbered};
use crate::Options;

/// Dictionaries that grow from batch to batch, of two decoders in turn, which begin theirs anew now and then.
#[tokio::test]
async fn dictionaries_that_grow() {
    let text = |decoder: usize, number: usize| Some(format!("{}", (number * (decoder + 3)) % (number / 2 + 1)));
    let row = |decoder: usize, number: usize| {
        let one = (text(decoder, number), Some(vec![text(decoder, number / 3)]), None, None, None);
        (0, text(decoder, number), (!number.is_multiple_of(4)).then(|| vec![Some(one)]))
    };
    let rows = [0, 1].map(|decoder| (0..3_000).map(|number| row(decoder, number)).collect::<Vec<Row>>());
    for make in [coded, parts_coded] {
        let mut batches = Vec::new();
        for (round, end) in (100..=3_000).step_by(100).enumerate() {
            for (decoder, rows) in rows.iter().enumerate() {
                // From the 20th round on with dictionaries of their own.
                let (begun, number) = if round < 20 { (0, 0) } else { (2_000, 1) };
                let grown = make(&rows[begun..end]);
                batches.push((grown.slice(end - begun - 100, 100), Some((decoder as u32, number))));
            }
        }
        for (memory, spool) in [(256 << 20, false), (1 << 20, true)] {
            let files = write_numbered(batches.clone(), Options { memory, ..options() }, spool).await;
            assert!(files.lines == expected(&rows));
        }
    }
}
