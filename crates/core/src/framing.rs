//! What a source could cut out of its input, before anybody looked inside.

use bytes::Bytes;

/// The largest record that is kept whole, in bytes. A longer one is rejected by position with its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordLimit(usize);

impl RecordLimit {
    /// 16 MiB: more than the largest payload any of the services delivers (Kinesis 10 MiB, Lambda 6 MiB).
    pub const DEFAULT: Self = Self(16 << 20);

    /// How much of a record beyond the limit is kept: 64 KiB.
    pub const HEAD: usize = 64 << 10;

    /// A limit of `bytes`, at least [`RecordLimit::HEAD`].
    pub fn new(bytes: usize) -> Self {
        Self(bytes.max(Self::HEAD))
    }

    /// The limit in bytes.
    pub const fn bytes(self) -> usize {
        self.0
    }
}

impl Default for RecordLimit {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The bytes of a record, or what is left of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// Longer than the limit: its first 64 KiB and its full length.
    TooLong {
        /// The beginning.
        head: Bytes,
        /// The length in bytes of the whole record.
        length: u64,
    },
    /// The input ended inside it.
    Truncated(Bytes),
    /// The input could not be read on (a damaged gzip member, for instance): what was read of it, and why it ended.
    Damaged {
        /// What was read since the last whole record; may be empty.
        bytes: Bytes,
        /// What went wrong, for a person.
        why: Box<str>,
    },
}

impl Body {
    /// The bytes at hand.
    pub fn bytes(&self) -> &Bytes {
        match self {
            Self::Whole(bytes) | Self::Truncated(bytes) | Self::Damaged { bytes, .. } => bytes,
            Self::TooLong { head, .. } => head,
        }
    }
}
