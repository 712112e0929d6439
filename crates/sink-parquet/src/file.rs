//! Files between their first row group and their seal.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::file::writer::SerializedFileWriter;
use tributary_core::{Attempt, Key, PartitionPath, SealedFile};
use tributary_store::{ObjectStore, StoreError, Upload};

use crate::SinkError;
use crate::gauge::{Charge, Gauge};
use crate::pages::Press;
use crate::plan::Plan;

/// What an open file keeps in memory for each column of each row group it has: metadata, statistics and the page index.
const METADATA_BYTES: u64 = 1_536;

/// More than pages of usual columns need, in bytes: what stays in memory between row groups is not counted.
const LARGEST_PRESS: u64 = 8 << 20;

/// A file that has at least one row group. Between row groups it costs its metadata and its upload's handle.
pub(crate) struct OpenFile {
    pub(crate) writer: SerializedFileWriter<Vec<u8>>,
    upload: Box<dyn Upload>,
    key: Key,
    day: PartitionPath,
    rows: u64,
    metadata: Charge,
    encoded: Charge,
}

/// Opens and seals files of one attempt.
pub(crate) struct Files {
    store: Arc<dyn ObjectStore>,
    attempt: Attempt,
    counter: AtomicU32,
    /// Bytes of memory.
    pub(crate) memory: Gauge,
    /// Bytes in files that are not sealed yet.
    pub(crate) encoded: Gauge,
    /// Those that are not in use now; at most one for each encoding that runs.
    presses: Mutex<Vec<Press>>,
}

impl Files {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, attempt: Attempt, memory: Gauge, encoded: Gauge) -> Self {
        Self { store, attempt, counter: AtomicU32::new(0), memory, encoded, presses: Mutex::default() }
    }

    /// What compresses pages, to be given back.
    pub(crate) fn press(&self, plan: &Plan) -> Result<Press, SinkError> {
        let unused = self.presses.lock().unwrap_or_else(PoisonError::into_inner).pop();
        unused.map_or_else(|| Press::new(plan.compression_level).map_err(|cause| plan.encode(cause)), Ok)
    }

    /// Gives it back; one that has grown large is not kept.
    pub(crate) fn put_away(&self, press: Press) {
        if press.memory() > LARGEST_PRESS {
            return;
        }
        self.presses.lock().unwrap_or_else(PoisonError::into_inner).push(press);
    }

    /// A new file; rows are about to come.
    pub(crate) async fn open(&self, plan: &Plan, day: PartitionPath) -> Result<OpenFile, SinkError> {
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        let (table, partition) = (&plan.table, day);
        let name = format!("{table}/{partition}/{table}-{}-{number:05}.parquet", self.attempt);
        let key: Key = name.parse().map_err(SinkError::Name)?;
        let upload = self.store.begin(&self.attempt, &key).await.map_err(SinkError::Store)?;
        Ok(OpenFile {
            writer: plan.open(&self.attempt)?,
            upload,
            key,
            day,
            rows: 0,
            metadata: self.memory.charge(0),
            encoded: self.encoded.charge(0),
        })
    }

    /// Writes the footer and seals the upload.
    pub(crate) async fn seal(&self, plan: &Plan, mut file: OpenFile) -> Result<SealedFile, SinkError> {
        fail::fail_point!("seal:before_file", |_| std::process::abort());
        file.writer.finish().map_err(|cause| plan.encode(cause))?;
        file.drain().await?;
        let ticket = file.upload.seal().await.map_err(SinkError::Store)?;
        fail::fail_point!("seal:after_file", |_| std::process::abort());
        Ok(SealedFile { table: plan.table.clone(), partition: file.day, key: file.key, ticket, rows: file.rows })
    }
}

impl OpenFile {
    /// Hands the encoded bytes to the upload, after a row group of `rows`.
    pub(crate) async fn add(&mut self, rows: u64) -> Result<(), SinkError> {
        self.rows += rows;
        self.drain().await?;
        let groups = self.writer.flushed_row_groups();
        let columns: u64 = groups.iter().map(|group| group.num_columns() as u64).sum();
        self.metadata.set(columns * METADATA_BYTES);
        self.encoded.set(self.bytes());
        Ok(())
    }

    /// Encoded bytes so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.writer.bytes_written() as u64
    }

    async fn drain(&mut self) -> Result<(), SinkError> {
        self.writer.flush().map_err(|cause| SinkError::Store(self.failed(cause)))?;
        let bytes = std::mem::take(self.writer.inner_mut());
        self.upload.write(Bytes::from(bytes)).await.map_err(SinkError::Store)?;
        fail::fail_point!("write:after_part", |_| std::process::abort());
        Ok(())
    }

    fn failed(&self, cause: io::Error) -> StoreError {
        StoreError::Io { verb: "encode", key: self.key.clone(), cause }
    }
}
