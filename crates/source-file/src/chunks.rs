//! Buffers that are read into again when nobody holds a slice of them any more: fresh ones would cost more in page
//! faults than the reading itself.

use std::collections::VecDeque;
use std::io::{self, Read};

use bytes::{Bytes, BytesMut};

/// How many buffers are watched for their return: what the stages behind hold at a time, and some.
const WATCHED: usize = 48;

/// Smaller buffers are cheap to make, and a large one for a few bytes would be held for nothing.
const WORTH_IT: usize = 256 << 10;

/// Reads chunks.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    lent: VecDeque<Bytes>,
}

impl Chunks {
    /// Reads up to `most` bytes; fewer at the end of the input or before an error, none only at the end.
    pub(crate) fn read(&mut self, from: &mut impl Read, most: u64) -> io::Result<Bytes> {
        let most = usize::try_from(most).unwrap_or(0);
        let mut bytes = self.buffer(most);
        let mut filled = 0;
        while filled < bytes.len() {
            match from.read(&mut bytes[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // What was read before it is used; the next call meets it again.
                Err(_) if filled > 0 => break,
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(filled);
        let bytes = bytes.freeze();
        if most >= WORTH_IT && filled > 0 {
            self.lent.push_back(bytes.clone());
            if self.lent.len() > WATCHED {
                self.lent.pop_front();
            }
        }
        Ok(bytes)
    }

    /// A buffer of this length: one that came back, or a new one.
    fn buffer(&mut self, length: usize) -> BytesMut {
        if length >= WORTH_IT
            && let Some(place) = self.lent.iter().position(Bytes::is_unique)
            && let Some(Ok(mut bytes)) = self.lent.remove(place).map(Bytes::try_into_mut)
        {
            bytes.resize(length, 0);
            return bytes;
        }
        BytesMut::zeroed(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_only_when_nobody_holds_it() {
        let input = vec![7_u8; 4 * WORTH_IT];
        let mut from = input.as_slice();
        let mut chunks = Chunks::default();
        let first = chunks.read(&mut from, WORTH_IT as u64).unwrap();
        let place = first.as_ptr();
        let second = chunks.read(&mut from, WORTH_IT as u64).unwrap();
        assert_ne!(second.as_ptr(), place);
        let held = first.slice(1..3);
        drop(first);
        assert_ne!(chunks.read(&mut from, WORTH_IT as u64).unwrap().as_ptr(), place);
        assert_eq!(held.as_ref(), [7, 7]);
        drop(held);
        assert_eq!(chunks.read(&mut from, WORTH_IT as u64).unwrap().as_ptr(), place);
        assert!(chunks.read(&mut from, WORTH_IT as u64).unwrap().is_empty());
    }
}
