//! Where to begin again in a plain file that was read before, when its last record may have been incomplete then.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use bytes::Bytes;
use tributary_core::{Body, RecordLimit};
use tributary_framing::Framer;

/// The first look back; most records are shorter.
const FIRST_LOOK: u64 = 64 << 10;

/// Where reading begins, with the lines right before that place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Beginning {
    pub(crate) offset: u64,
    pub(crate) before: Bytes,
}

/// Begins at the record that was incomplete at `position`, if there was one, so that it comes whole; at `position`
/// when the record before it was complete, or when its beginning is not found within `limit`.
pub(crate) fn begin(file: &mut File, position: u64, limit: RecordLimit) -> io::Result<Beginning> {
    let (from, before) = look_back(file, position, limit.bytes() as u64)?;
    let mut framer = Framer::new(limit, from);
    framer.push(before.clone());
    framer.finish();
    let incomplete = framer.last().filter(|last| matches!(last.body, Body::Truncated(_)) && last.end == position);
    let Some(last) = incomplete else {
        return Ok(Beginning { offset: position, before });
    };
    // A line that begins with a brace begins a record: the one before it was given up for good.
    if before.last() == Some(&b'\n') && byte_at(file, position)? == Some(b'{') {
        return Ok(Beginning { offset: position, before });
    }
    let length = usize::try_from(last.offset - from).unwrap_or(before.len());
    Ok(Beginning { offset: last.offset, before: before.slice(..length) })
}

/// The bytes before `position`, from where a record surely begins: the last line that begins with a brace, or the
/// beginning of the file; else the last line, unless it is indented.
fn look_back(file: &mut File, position: u64, limit: u64) -> io::Result<(u64, Bytes)> {
    let mut reach = FIRST_LOOK.min(limit);
    loop {
        let low = position.saturating_sub(reach);
        file.seek(SeekFrom::Start(low))?;
        let mut before = Vec::new();
        Read::take(&mut *file, position - low).read_to_end(&mut before)?;
        let before = Bytes::from(before);
        let lines = || memchr::memrchr_iter(b'\n', &before).map(|end| end + 1);
        if let Some(start) = lines().find(|&start| before.get(start) == Some(&b'{')) {
            return Ok((low + start as u64, before.slice(start..)));
        }
        if low == 0 {
            return Ok((0, before));
        }
        if reach >= limit {
            let last = lines().find(|&start| start < before.len());
            let start = last.filter(|&start| !before[start].is_ascii_whitespace()).unwrap_or(before.len());
            return Ok((low + start as u64, before.slice(start..)));
        }
        reach = (reach * 4).min(limit);
    }
}

fn byte_at(file: &mut File, offset: u64) -> io::Result<Option<u8>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut byte = [0];
    Ok((file.read(&mut byte)? == 1).then_some(byte[0]))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn check(before: &str, after: &str, expect: u64) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(before.as_bytes()).unwrap();
        file.write_all(after.as_bytes()).unwrap();
        let begun = begin(&mut file, before.len() as u64, RecordLimit::new(0)).unwrap();
        assert_eq!(begun.offset, expect, "{before:?} {after:?}");
    }

    #[test]
    fn an_incomplete_record_is_begun_again() {
        check("{}\n{\"a\":", "1}\n", 3);
        check("{}\n{\"a\":1}\n", "{}\n", 11);
        check("{}{\"a\":1}", "{}", 9);
        check("{}{\"a\":1}{\"b\":", "2}", 9);
        check("[\n  {},\n  {\n    \"a\": 1,\n", "    \"b\": 2\n  }\n]\n", 10);
        check("{}\n{\"a\":1,\n", "{}\n", 11);
        check("2023-01-10T00:00:00Z {\"a\":", "1}\n", 0);
        check("", "{}", 0);
    }

    #[test]
    fn the_look_back_is_bounded() {
        let text = format!("{} {{\n", "x".repeat(RecordLimit::HEAD));
        check(&text, "{}", text.len() as u64);
        let far = format!("{{\"a\":1}}\n{}", "2023 {}\n".repeat(20_000));
        check(&far, "x", far.len() as u64);
        check(&format!("{far}2023 {{"), "}\n", far.len() as u64);
    }
}
