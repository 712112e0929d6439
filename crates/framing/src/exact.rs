//! The exact scanner: where does the JSON object end that begins here? Byte by byte, resumable at any byte.

/// Where a scanner stands inside an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Outside strings and comments.
    Plain,
    /// Inside a string.
    Text,
    /// After a backslash inside a string.
    Escape,
    /// After one slash outside strings: perhaps a comment.
    Slash,
    /// Inside a `//` comment, as in samples copied from documentation.
    Comment,
}

/// What the fed bytes told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fed {
    /// The object goes on after them.
    Open,
    /// The object ends before this index.
    Closed(usize),
    /// The object was broken off: another one begins at this index, at the start of a line.
    Broken(usize),
}

/// Follows one object from its `{` to the `}` that closes it.
///
/// Only braces are counted: in well-formed JSON brackets cannot close an object, and in broken JSON a lost bracket
/// then spoils one object instead of all that follow.
#[derive(Clone, Debug)]
pub(crate) struct Scanner {
    depth: u64,
    place: Place,
    /// The next byte is the first of its line.
    line_start: bool,
    /// The last byte before the current line that is neither white space nor comment.
    last: u8,
}

/// Bytes outside strings that the scanner has to look at.
const NOTABLE: [bool; 256] = {
    let mut table = [false; 256];
    table[b'{' as usize] = true;
    table[b'}' as usize] = true;
    table[b'"' as usize] = true;
    table[b'/' as usize] = true;
    table[b'\n' as usize] = true;
    table
};

/// Where the next notable byte is. In events it is a few bytes away; when it is not, vectors find it.
fn next_notable(bytes: &[u8]) -> Option<usize> {
    const NEAR: usize = 32;
    const FAR: usize = 4 << 10;
    let near = bytes.len().min(NEAR);
    if let Some(at) = bytes[..near].iter().position(|&byte| NOTABLE[usize::from(byte)]) {
        return Some(at);
    }
    // In steps, so that a byte that one search finds near is not looked for far away by the other.
    let mut from = near;
    while from < bytes.len() {
        let step = &bytes[from..bytes.len().min(from + FAR)];
        let brace = memchr::memchr3(b'{', b'}', b'"', step);
        let step = &step[..brace.unwrap_or(step.len())];
        if let Some(at) = memchr::memchr2(b'/', b'\n', step).or(brace) {
            return Some(from + at);
        }
        from += FAR;
    }
    None
}

/// Whether JSON that stops after `last` can go on with an object of its own.
fn may_go_on(last: u8) -> bool {
    matches!(last, b'[' | b',' | b':')
}

impl Scanner {
    /// A scanner before the `{` of an object.
    pub(crate) fn new() -> Self {
        Self { depth: 0, place: Place::Plain, line_start: false, last: b'{' }
    }

    /// Looks at the bytes that follow those it was fed before.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Fed {
        let mut at = 0;
        // Where the part of the current line begins whose last significant byte is not in `last` yet.
        let mut line = 0;
        while at < bytes.len() {
            if self.line_start {
                self.line_start = false;
                if bytes[at] == b'{' && !may_go_on(self.last) {
                    return Fed::Broken(at);
                }
            }
            match self.place {
                Place::Plain => match self.plain(bytes, at, &mut line) {
                    (_, Some(fed)) => return fed,
                    (next, None) => at = next,
                },
                Place::Text => at = self.text(bytes, at, &mut line),
                Place::Escape => {
                    // An escaped line end is a line end: JSON has no such escape.
                    self.place = Place::Text;
                    if bytes[at] != b'\n' {
                        at += 1;
                    }
                }
                Place::Slash => {
                    let comment = bytes[at] == b'/';
                    self.place = if comment { Place::Comment } else { Place::Plain };
                    at += usize::from(comment);
                }
                Place::Comment => match memchr::memchr(b'\n', &bytes[at..]) {
                    Some(distance) => {
                        at += distance + 1;
                        line = at;
                        self.place = Place::Plain;
                        self.line_start = true;
                    }
                    None => at = bytes.len(),
                },
            }
        }
        // A comment's beginning and a string's content were noted when they began.
        if self.place == Place::Plain {
            self.note_last(&bytes[line..]);
        }
        Fed::Open
    }

    /// Outside strings, from `at` to the next byte that matters.
    fn plain(&mut self, bytes: &[u8], at: usize, line: &mut usize) -> (usize, Option<Fed>) {
        let Some(distance) = next_notable(&bytes[at..]) else {
            return (bytes.len(), None);
        };
        let found = at + distance;
        match bytes[found] {
            b'{' => self.depth += 1,
            b'}' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    return (found + 1, Some(Fed::Closed(found + 1)));
                }
            }
            b'"' => {
                self.place = Place::Text;
                self.last = b'"';
            }
            b'/' => {
                self.note_last(&bytes[*line..found]);
                self.place = Place::Slash;
                *line = found + 1;
            }
            _ => {
                self.note_last(&bytes[*line..found]);
                self.line_start = true;
                *line = found + 1;
            }
        }
        (found + 1, None)
    }

    /// Inside a string, from `at` to its end.
    fn text(&mut self, bytes: &[u8], at: usize, line: &mut usize) -> usize {
        let Some(distance) = memchr::memchr3(b'"', b'\\', b'\n', &bytes[at..]) else {
            return bytes.len();
        };
        let found = at + distance;
        match bytes[found] {
            b'"' => {
                self.place = Place::Plain;
                *line = found + 1;
            }
            b'\\' => self.place = Place::Escape,
            // Strings hold no raw line ends (RFC 8259 section 7): this one was broken off.
            _ => {
                self.place = Place::Plain;
                self.line_start = true;
                *line = found + 1;
            }
        }
        found + 1
    }

    fn note_last(&mut self, part: &[u8]) {
        if let Some(&byte) = part.iter().rev().find(|byte| !byte.is_ascii_whitespace()) {
            self.last = byte;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Fed) {
        assert_eq!(Scanner::new().feed(text.as_bytes()), expect, "{text:?}");
        for cut in 0..text.len() {
            let mut scanner = Scanner::new();
            let (head, tail) = text.as_bytes().split_at(cut);
            let fed = match scanner.feed(head) {
                Fed::Open => match scanner.feed(tail) {
                    Fed::Open => Fed::Open,
                    Fed::Closed(at) => Fed::Closed(cut + at),
                    Fed::Broken(at) => Fed::Broken(cut + at),
                },
                done => done,
            };
            assert_eq!(fed, expect, "{text:?} cut at {cut}");
        }
    }

    #[test]
    fn objects_end_where_their_first_brace_is_closed() {
        check("{}", Fed::Closed(2));
        check("{}{}", Fed::Closed(2));
        check(r#"{"a":"}\"}","b":[{}]} tail"#, Fed::Closed(21));
        check("{\n  \"a\": {\n  }\n}\n", Fed::Closed(16));
        check("{\"a\":[\n{},\n{}]}", Fed::Closed(15));
        check("{\"a\":1 // it's \"one {\n}", Fed::Closed(23));
        check("{\"a\":\"http://x/{\"}", Fed::Closed(18));
        check("{\"a\":1", Fed::Open);
    }

    #[test]
    fn a_line_that_begins_an_object_where_none_can_be_breaks_it_off() {
        check("{\"a\":1\n{\"b\":2}", Fed::Broken(7));
        check("{\"a\":\"x, \n{\"b\":2}", Fed::Broken(10));
        check("{\"a\":\"x\\\n{\"b\":2}", Fed::Broken(9));
        check("{\"a\":1 // [\n{\"b\":2}", Fed::Broken(12));
        check("{\"a\":1,\n{\"b\":2}", Fed::Open);
        check("{\"a\":\n\n{\"b\":2}}", Fed::Closed(15));
    }
}
