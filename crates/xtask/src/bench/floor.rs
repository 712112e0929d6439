//! One pass over a file of lines: the least that any reader of its JSON has to do.

use std::fs::File;
use std::hint::black_box;
use std::io::{Read, Write as _, stdout};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use memchr::{memchr, memrchr};
use simd_json::{Buffers, INPUT_PADDING, Tape, fill_tape_padded, to_tape_with_buffers};
use tributary_connect::{Connect, Options, Recall, tables};
use tributary_core::{
    Body, Delta, Position, RawBatch, Record, RecordLimit, ScopeId, Span, SplitId, Timestamp, Transform,
};

/// Bytes read at once: beyond the second-level cache, as it would be in a stream.
const CHUNK: usize = 4 << 20;

/// `xtask floor PARSER FILE`: parses every line of the file, keeps nothing, prints how many there were.
pub fn floor(parser: &str, file: &Path) -> Result<()> {
    let count = match parser {
        "lines" => lines(file)?,
        "simd-json" => simd_json(file)?,
        "simd-json-copy" => simd_json_copy(file)?,
        "sonic-rs" => sonic_rs(file)?,
        "connect" => connect(file, Recall::Remember)?,
        "connect-forgetful" => connect(file, Recall::Forget)?,
        _ => bail!(
            "no parser is called {parser:?}: simd-json, simd-json-copy, sonic-rs, connect, connect-forgetful, lines"
        ),
    };
    writeln!(stdout(), "{count}")?;
    Ok(())
}

/// Reading and cutting alone, which is inside the others' figures too.
fn lines(file: &Path) -> Result<u64> {
    let mut count = 0;
    each_chunk(file, |chunk, length| {
        for _line in cut(&chunk[..length]) {
            count += 1;
        }
    })?;
    Ok(count)
}

/// simd-json to a tape, its fastest way: padded input without a copy, buffers and tape used again.
fn simd_json(file: &Path) -> Result<u64> {
    let mut count = 0;
    let mut buffers = Buffers::new(16 << 10);
    let mut spare = Tape::null();
    each_chunk(file, |chunk, length| {
        let mut from = 0;
        while from < length {
            let end = memchr(b'\n', &chunk[from..length]).map_or(length, |at| from + at);
            let mut tape = std::mem::replace(&mut spare, Tape::null()).reset();
            // A line that is no JSON is parsed as far as it goes; the simulated inputs have none.
            let parsed = fill_tape_padded(&mut chunk[from..], end - from, &mut buffers, &mut tape);
            count += u64::from(parsed.is_ok());
            spare = black_box(tape).reset();
            from = end + 1;
        }
    })?;
    Ok(count)
}

/// simd-json to a tape by its ordinary call, which copies each document behind the scenes and makes a new tape.
fn simd_json_copy(file: &Path) -> Result<u64> {
    let mut count = 0;
    let mut buffers = Buffers::new(16 << 10);
    each_chunk(file, |chunk, length| {
        let mut from = 0;
        while from < length {
            let end = memchr(b'\n', &chunk[from..length]).map_or(length, |at| from + at);
            let tape = to_tape_with_buffers(&mut chunk[from..end], &mut buffers);
            count += u64::from(black_box(tape).is_ok());
            from = end + 1;
        }
    })?;
    Ok(count)
}

/// sonic-rs to a value.
fn sonic_rs(file: &Path) -> Result<u64> {
    let mut count = 0;
    each_chunk(file, |chunk, length| {
        for line in cut(&chunk[..length]) {
            let value: Result<sonic_rs::Value, _> = sonic_rs::from_slice(line);
            count += u64::from(black_box(value).is_ok());
        }
    })?;
    Ok(count)
}

/// `tributary-connect` to rows, on one thread, without duplicates, files or commits.
fn connect(file: &Path, recall: Recall) -> Result<u64> {
    let mut decoder = transform(recall).decoder();
    let (split, origin) = (SplitId::new("bench"), Arc::from("bench"));
    let mut offset = 0_u64;
    let mut events = 0;
    each_chunk(file, |chunk, length| {
        let bytes = Bytes::copy_from_slice(&chunk[..length]);
        let begun = offset;
        let mut records = Vec::new();
        for line in cut(&bytes) {
            records.push(Record {
                split: split.clone(),
                origin: Arc::clone(&origin),
                position: Position::Offset(offset),
                arrived_at: None,
                key: None,
                headers: tributary_core::Headers::default(),
                body: Body::Whole(bytes.slice_ref(line)),
            });
            offset += line.len() as u64 + 1;
        }
        let span = Span::new(Position::Offset(begun), Position::Offset(offset));
        let delta = span.map(|span| Delta::of(split.clone(), span)).unwrap_or_default();
        let batch = RawBatch { scope: ScopeId::new("bench"), records, delta, read_at: Some(READ_AT) };
        events += black_box(decoder.decode(&batch)).events.len() as u64;
    })?;
    Ok(events)
}

/// 2030-01-01: after every simulated event, so that none has an unusable day.
const READ_AT: Timestamp = Timestamp::from_micros(1_893_456_000_000_000);

/// The transform with every table.
fn transform(recall: Recall) -> Connect {
    Connect::new(Options {
        families: [tributary_connect::Family::Agent].into(),
        lookups: Arc::default(),
        tables: tables().into_iter().map(|table| table.id).collect(),
        dedup_horizon: Duration::from_hours(48),
        dedup_memory: 64 << 20,
        recall,
        record_limit: RecordLimit::DEFAULT,
        privacy: tributary_connect::Privacy::default(),
        scratch: None,
        links: None,
    })
}

/// Lines that are not empty.
fn cut(chunk: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = chunk;
    std::iter::from_fn(move || {
        let (line, after) = match memchr(b'\n', rest) {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (rest, &rest[rest.len()..]),
        };
        let ended = rest.is_empty();
        rest = after;
        (!ended).then_some(line)
    })
    .filter(|line| !line.is_empty())
}

/// Hands on whole lines, some megabytes at a time: a buffer, and how much of it is input; the rest is padding.
fn each_chunk(file: &Path, mut take: impl FnMut(&mut [u8], usize)) -> Result<()> {
    let mut input = File::open(file).with_context(|| format!("reading {}", file.display()))?;
    let mut buffer = vec![0_u8; CHUNK + INPUT_PADDING];
    let mut filled = 0;
    loop {
        let room = buffer.len() - INPUT_PADDING;
        let read = input.read(&mut buffer[filled..room])?;
        filled += read;
        let whole = memrchr(b'\n', &buffer[..filled]).map(|at| at + 1);
        let length = match whole {
            _ if read == 0 => filled,
            _ if filled < room => continue,
            Some(length) => length,
            None => {
                buffer.resize(buffer.len() * 2, 0);
                continue;
            }
        };
        let rest = buffer[length..filled].to_vec();
        take(&mut buffer, length);
        buffer[..rest.len()].copy_from_slice(&rest);
        filled = rest.len();
        if read == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Guards: a floor that reads less than the product does would be no floor.
    #[test]
    fn every_line_is_read_whatever_the_chunks() {
        let file = std::env::temp_dir().join(format!("xtask-floor-{}.jsonl", std::process::id()));
        let long = "x".repeat(CHUNK);
        let mut text = String::new();
        for number in 0..1_000 {
            text.push_str(&format!("{{\"n\":{number},\"text\":\"{}\"}}\n", "y".repeat(number * 17)));
        }
        text.push_str(&format!("{{\"text\":\"{long}\"}}\n{{\"last\":true}}"));
        fs::write(&file, text).unwrap();
        let counts = [lines, simd_json, simd_json_copy, sonic_rs].map(|pass| pass(&file).unwrap());
        fs::remove_file(&file).unwrap();
        assert_eq!(counts, [1_002; 4]);
    }
}
