//! A few columns of a committed file, fetched by range.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use parquet::DecodeResult;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::push_decoder::{ParquetPushDecoder, ParquetPushDecoderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataPushDecoder};
use tributary_commit::LiveFile;
use tributary_core::Key;
use tributary_store::{ObjectStore, StoreError};

use crate::error::Error;

/// Rows of one batch: bounds what is decoded at a time.
const BATCH_ROWS: usize = 8_192;

/// Of a file's end so many bytes are read before it is known how long the footer is.
const FOOTER_BYTES: u64 = 64 << 10;

/// Calls `each` with the batches of the named columns of a file, in their order.
pub(crate) async fn scan(
    store: &dyn ObjectStore,
    file: &LiveFile,
    columns: &[&'static str],
    each: &mut (dyn FnMut(&RecordBatch) -> Result<(), Error> + Send),
) -> Result<(), Error> {
    let metadata = metadata(store, file).await?;
    let mut reader = Reader::new(file.key.clone(), &metadata, columns, None, BATCH_ROWS, &Reading::Plain)?;
    while let Some(batch) = reader.next(store).await? {
        each(&batch)?;
    }
    Ok(())
}

/// How strings are read.
pub(crate) enum Reading {
    /// One by one.
    Plain,
    /// As codes over the dictionaries of the pages, but for the columns named: those hardly repeat a string.
    Coded(&'static [&'static str]),
}

impl Reading {
    /// The schema under which a file's columns are read so.
    fn schema(&self, file: &SchemaRef) -> SchemaRef {
        match self {
            Self::Plain => Arc::clone(file),
            Self::Coded(but) => {
                let coded = |field: &FieldRef| match but.contains(&field.name().as_str()) {
                    true => Arc::clone(field),
                    false => coded_field(field),
                };
                Arc::new(Schema::new(file.fields().iter().map(coded).collect::<Fields>()))
            }
        }
    }
}

fn coded_field(field: &FieldRef) -> FieldRef {
    Arc::new(Field::clone(field).with_data_type(match field.data_type() {
        DataType::Utf8 => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        DataType::List(element) => DataType::List(coded_field(element)),
        DataType::Struct(members) => DataType::Struct(members.iter().map(coded_field).collect()),
        other => other.clone(),
    }))
}

/// Batches of a file, or of one of its row groups.
pub(crate) struct Reader {
    key: Key,
    /// Some kilobytes by itself, which futures would hold.
    decoder: Box<ParquetPushDecoder>,
}

impl Reader {
    /// The named columns, with what lies below them, of one row group or of all.
    pub(crate) fn new(
        key: Key,
        metadata: &Arc<ParquetMetaData>,
        columns: &[&str],
        row_group: Option<usize>,
        batch_rows: usize,
        reading: &Reading,
    ) -> Result<Self, Error> {
        let damaged = |cause: ParquetError| Error::Damaged { key: key.clone(), cause };
        let mask = ProjectionMask::columns(metadata.file_metadata().schema_descr(), columns.iter().copied());
        let options = ArrowReaderOptions::new();
        let arrow = ArrowReaderMetadata::try_new(Arc::clone(metadata), options.clone()).map_err(damaged)?;
        let options = options.with_schema(reading.schema(arrow.schema()));
        let arrow = ArrowReaderMetadata::try_new(Arc::clone(metadata), options).map_err(damaged)?;
        let builder = ParquetPushDecoderBuilder::new_with_metadata(arrow);
        let builder = builder.with_projection(mask).with_batch_size(batch_rows);
        let builder = match row_group {
            Some(number) => builder.with_row_groups(vec![number]),
            None => builder,
        };
        let decoder = Box::new(builder.build().map_err(damaged)?);
        Ok(Self { key, decoder })
    }

    /// The next batch, if there is one.
    pub(crate) async fn next(&mut self, store: &dyn ObjectStore) -> Result<Option<RecordBatch>, Error> {
        let damaged = |cause: ParquetError| Error::Damaged { key: self.key.clone(), cause };
        loop {
            match self.decoder.try_decode().map_err(damaged)? {
                DecodeResult::Finished => return Ok(None),
                DecodeResult::Data(batch) => return Ok(Some(batch)),
                DecodeResult::NeedsData(ranges) => {
                    let parts = store.read_ranges(&self.key, &ranges).await;
                    let parts = parts.map_err(|cause| Error::Store { key: self.key.clone(), cause })?;
                    self.decoder.push_ranges(ranges, parts).map_err(damaged)?;
                }
            }
        }
    }
}

/// The footer of a file: by one read, where it is no longer than most.
pub(crate) async fn metadata(store: &dyn ObjectStore, file: &LiveFile) -> Result<Arc<ParquetMetaData>, Error> {
    let key = &file.key;
    let damaged = |cause: ParquetError| Error::Damaged { key: key.clone(), cause };
    // The page index would be read in vain: whole columns are wanted.
    let decoder = ParquetMetaDataPushDecoder::try_new(file.bytes).map_err(damaged)?;
    let mut decoder = decoder.with_page_index_policy(PageIndexPolicy::Skip);
    let end = file.bytes.saturating_sub(FOOTER_BYTES)..file.bytes;
    match store.read_range(key, end.clone()).await {
        Ok(bytes) => decoder.push_range(end, bytes).map_err(damaged)?,
        Err(cause) => return Err(why(store, key, cause).await),
    }
    loop {
        match decoder.try_decode().map_err(damaged)? {
            DecodeResult::Data(metadata) => return Ok(Arc::new(metadata)),
            DecodeResult::Finished => return Err(damaged(ParquetError::General("no footer".to_owned()))),
            DecodeResult::NeedsData(ranges) => {
                let parts = store.read_ranges(key, &ranges).await;
                let parts = parts.map_err(|cause| Error::Store { key: key.clone(), cause })?;
                decoder.push_ranges(ranges, parts).map_err(damaged)?;
            }
        }
    }
}

/// What it means that a file cannot be read.
async fn why(store: &dyn ObjectStore, key: &Key, cause: StoreError) -> Error {
    match store.size(key).await {
        Ok(None) => Error::Missing { key: key.clone() },
        Ok(Some(_)) | Err(_) => Error::Store { key: key.clone(), cause },
    }
}
