//! What bytes tell about the text they stand in by being counted, many at a time.

/// White space and what stands between the elements of an array.
pub(crate) fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b'[' | b']')
}

/// The length without trailing white space.
pub(crate) fn trimmed(bytes: &[u8]) -> usize {
    bytes.trim_ascii_end().len()
}

/// The length of the object or objects on a line that ends with `}` (and separators) and has as many `{` as `}`.
pub(crate) fn balanced(line: &[u8]) -> Option<usize> {
    let last = line.iter().rposition(|&byte| !is_separator(byte))?;
    let body = &line[..=last];
    (line[last] == b'}' && brace_balance(body) == 0).then_some(body.len())
}

/// The number of `{` less the number of `}`, wherever they stand.
pub(crate) fn brace_balance(bytes: &[u8]) -> i64 {
    // A text in memory has fewer than 2^63 of either.
    bytecount::count(bytes, b'{') as i64 - bytecount::count(bytes, b'}') as i64
}

/// What a place in JSON text can be judged by without following the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signs {
    /// The number of `{` less the number of `}`.
    pub(crate) braces: i64,
    pub(crate) quotes: u64,
    /// Backslashes.
    pub(crate) escapes: u64,
}

impl Signs {
    /// Counts them.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let count = |wanted| bytecount::count(bytes, wanted) as u64;
        Self { braces: brace_balance(bytes), quotes: count(b'"'), escapes: count(b'\\') }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn signs_are_counted(text in "[{}x\"\\\\]{0,9000}") {
            let count = |wanted| text.bytes().filter(|&byte| byte == wanted).count() as u64;
            let signs = Signs::of(text.as_bytes());
            prop_assert_eq!(signs.braces, count(b'{') as i64 - count(b'}') as i64);
            prop_assert_eq!((signs.quotes, signs.escapes), (count(b'"'), count(b'\\')));
        }
    }
}
