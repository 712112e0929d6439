//! What can be chosen about the objects of a lake.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tributary_aws::Connection;

/// How the objects are encrypted at rest. Without it the bucket's own default holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// SSE-S3.
    S3,
    /// SSE-KMS.
    Kms {
        /// The key's id or ARN; AWS's own key of the account without it.
        key: Option<String>,
        /// Whether a key of the bucket stands in for most calls of KMS.
        bucket_key: bool,
    },
}

/// Where parts wait that are not full and that memory does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spill {
    /// In memory all the same.
    Nowhere,
    /// In nameless files of this folder; of the system's folder for temporary files without one.
    Disk(Option<PathBuf>),
}

/// Where the lake is and how its objects are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The bucket.
    pub bucket: String,
    /// What the keys of the lake begin with, without a `/` at either end; may be empty.
    pub prefix: String,
    /// How S3 is reached.
    pub connection: Connection,
    /// `https://server/bucket/key` instead of `https://bucket.server/key`.
    pub path_style: bool,
    /// Encryption of everything that is written.
    pub encryption: Option<Encryption>,
    /// The storage class of data files, as S3 spells it. The log is always of the standard class: it is read often.
    pub storage_class: Option<String>,
    /// Tags of data files.
    pub tags: BTreeMap<String, String>,
    /// The size of the parts of an upload in bytes; at least S3's 5 MiB.
    pub part_size: usize,
    /// Bytes of parts that are not full yet, of all open files together, that may wait in memory.
    pub waiting: usize,
    /// Where the others wait.
    pub spill: Spill,
    /// Nobody else writes to this lake: creating looks first and then writes, for servers without conditional writes.
    /// Two processes of one pipeline then lose commits of each other.
    pub exclusive: bool,
}

impl Options {
    /// 8 MiB.
    pub const PART_SIZE: usize = 8 << 20;

    /// Four parts of the usual size, a day each.
    pub const WAITING: usize = 32 << 20;

    /// The defaults, for a lake there.
    pub fn new(bucket: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            prefix: prefix.into(),
            connection: Connection::default(),
            path_style: false,
            encryption: None,
            storage_class: None,
            tags: BTreeMap::new(),
            part_size: Self::PART_SIZE,
            waiting: Self::WAITING,
            spill: Spill::Nowhere,
            exclusive: false,
        }
    }

    /// As URLs say it.
    pub fn location(&self) -> String {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        format!("s3://{}{slash}{}", self.bucket, self.prefix)
    }
}
