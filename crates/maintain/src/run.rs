//! Sorted rows on the spool: extents of Arrow's stream format, each read back once.

use std::collections::VecDeque;
use std::io::Cursor;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::ArrowError;
use arrow_select::interleave::interleave_record_batch;
use tributary_core::{Extent, Key, Scratch};

use crate::error::Error;
use crate::sightings::Rows;

/// A run; what was not read back gives its space back when it is dropped.
pub(crate) struct Run {
    scratch: Arc<dyn Scratch>,
    extents: VecDeque<Extent>,
    /// One of the files that its rows come from.
    from: Key,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.extents.iter().for_each(|extent| self.scratch.release(*extent));
    }
}

impl Run {
    /// An empty one.
    pub(crate) fn new(scratch: &Arc<dyn Scratch>, from: Key) -> Self {
        Self { scratch: Arc::clone(scratch), extents: VecDeque::new(), from }
    }

    /// Appends rows of some batches: which batch, which row of it.
    pub(crate) fn append(&mut self, batches: &[&RecordBatch], places: &[(usize, usize)]) -> Result<(), Error> {
        let bytes = interleave_record_batch(batches, places).and_then(|rows| to_bytes(&rows)).map_err(Error::Rows)?;
        self.extents.push_back(self.scratch.append(&bytes).map_err(Error::Spool)?);
        Ok(())
    }

    /// The next rows.
    pub(crate) fn next(&mut self) -> Result<Option<Rows>, Error> {
        let Some(extent) = self.extents.pop_front() else { return Ok(None) };
        let mut bytes = vec![0; usize::try_from(extent.length).unwrap_or(usize::MAX)];
        let read = self.scratch.read(extent, 0, &mut bytes);
        self.scratch.release(extent);
        read.map_err(Error::Spool)?;
        let batch = StreamReader::try_new(Cursor::new(bytes), None).and_then(|mut reader| reader.next().transpose());
        let batch = batch.map_err(Error::Rows)?;
        batch.map(|batch| Rows::new(&self.from, &batch)).transpose()
    }
}

fn to_bytes(rows: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), &rows.schema())?;
    writer.write(rows)?;
    writer.into_inner()
}
