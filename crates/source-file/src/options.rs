//! What a file source is told.

use std::time::Duration;

use tributary_core::{RecordLimit, Share};

/// What to do when the beginning of a file is not what it was when the file was first read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnChanged {
    /// Read it as a new file.
    #[default]
    Read,
    /// Refuse to start.
    Fail,
}

/// The options of a file source.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name of the source in the pipeline; every split begins with it, and `source:<name>` is the scope of all
    /// its batches.
    pub name: String,
    /// Paths and glob patterns; `-` is standard input. Splits are named by the paths as they are given here, so that
    /// a relative path stays relative. A pattern matches files only, none that begin with a dot unless it says so.
    pub paths: Vec<String>,
    /// Records beyond this are cut to their beginning.
    pub record_limit: RecordLimit,
    /// About how many bytes of memory the records of a batch take.
    pub batch_bytes: usize,
    /// What to do when the beginning of a file has changed.
    pub on_changed: OnChanged,
    /// Whether a path or pattern may match nothing.
    pub optional: bool,
    /// In a stream: how often the paths are looked at again. A pattern may match nothing yet. A file that is another one
    /// than at the last look is read up to its last complete record, a compressed one not at all yet. None: everything is
    /// read once.
    pub poll: Option<Duration>,
    /// The part of the files that this source takes; all without it.
    pub share: Option<Share>,
    /// A text that no other run uses (an attempt id): standard input is a new split in each run, for it cannot be
    /// resumed. Used for nothing else.
    pub nonce: String,
}

impl Options {
    /// 8 MiB: what each batch costs (its arrays, its dictionaries) is then a small part of what its rows cost.
    pub const BATCH_BYTES: usize = 8 << 20;

    /// The defaults, for a source of this name and these paths.
    pub fn new(name: impl Into<String>, paths: Vec<String>) -> Self {
        Self {
            name: name.into(),
            paths,
            record_limit: RecordLimit::DEFAULT,
            batch_bytes: Self::BATCH_BYTES,
            on_changed: OnChanged::default(),
            optional: false,
            poll: None,
            share: None,
            nonce: String::new(),
        }
    }
}
