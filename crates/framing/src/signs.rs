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

/// How many bytes are counted side by side: what one or two vector registers hold.
const LANES: usize = 32;

/// How many bytes are counted before lanes of one byte could overflow.
const BLOCK: usize = LANES * 127;

/// The number of `{` less the number of `}`, wherever they stand.
pub(crate) fn brace_balance(bytes: &[u8]) -> i64 {
    let mut balance = 0_i64;
    for block in bytes.chunks(BLOCK) {
        let mut lanes = [0_i8; LANES];
        let (groups, rest) = block.as_chunks::<LANES>();
        for group in groups {
            for (lane, &byte) in lanes.iter_mut().zip(group) {
                *lane += i8::from(byte == b'{') - i8::from(byte == b'}');
            }
        }
        balance += lanes.iter().map(|&lane| i64::from(lane)).sum::<i64>();
        balance += rest.iter().map(|&byte| i64::from(byte == b'{') - i64::from(byte == b'}')).sum::<i64>();
    }
    balance
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
        let mut signs = Self { braces: brace_balance(bytes), quotes: 0, escapes: 0 };
        for block in bytes.chunks(BLOCK) {
            let (mut quotes, mut escapes) = ([0_u8; LANES], [0_u8; LANES]);
            let (groups, rest) = block.as_chunks::<LANES>();
            for group in groups {
                for ((quote, escape), &byte) in quotes.iter_mut().zip(&mut escapes).zip(group) {
                    *quote += u8::from(byte == b'"');
                    *escape += u8::from(byte == b'\\');
                }
            }
            signs.quotes += quotes.iter().map(|&lane| u64::from(lane)).sum::<u64>();
            signs.escapes += escapes.iter().map(|&lane| u64::from(lane)).sum::<u64>();
            signs.quotes += rest.iter().filter(|&&byte| byte == b'"').count() as u64;
            signs.escapes += rest.iter().filter(|&&byte| byte == b'\\').count() as u64;
        }
        signs
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
