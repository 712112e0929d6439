//! What can be set.

use tributary_core::PipelineId;

/// How files are cut, and how much memory the sink may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// A file ends once it has this many (compressed) bytes.
    pub file_size: u64,
    /// Bytes of memory for all waiting rows, what they share and what is being encoded.
    pub memory: u64,
    /// At most this many rows in a row group; at least one.
    pub row_group_rows: usize,
    /// The waiting rows of a table and day become a row group once they hold this many bytes of memory.
    pub row_group_bytes: u64,
    /// The zstd level of every page.
    pub compression_level: i32,
    /// How many files are encoded side by side while sealing; at least one.
    pub workers: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            file_size: 128 << 20,
            memory: 96 << 20,
            row_group_rows: 500_000,
            row_group_bytes: 32 << 20,
            compression_level: 1,
            workers: 2,
        }
    }
}

/// Who writes: goes into the footer of every file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The pipeline.
    pub pipeline: PipelineId,
}
