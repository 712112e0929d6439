//! A few columns of a committed file, fetched by range.

use std::sync::Arc;

use arrow_array::RecordBatch;
use parquet::DecodeResult;
use parquet::arrow::ProjectionMask;
use parquet::arrow::push_decoder::ParquetPushDecoderBuilder;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataPushDecoder};
use tributary_core::Key;
use tributary_store::ObjectStore;

use crate::error::Error;

/// Rows of one batch: bounds what is decoded at a time.
const BATCH_ROWS: usize = 8_192;

/// Calls `each` with the batches of the named columns of a file, in their order.
pub(crate) async fn scan(
    store: &dyn ObjectStore,
    key: &Key,
    columns: &[&'static str],
    each: &mut (dyn FnMut(&RecordBatch) -> Result<(), Error> + Send),
) -> Result<(), Error> {
    let damaged = |cause: ParquetError| Error::Damaged { key: key.clone(), cause };
    let metadata = Arc::new(metadata(store, key).await?);
    let schema = metadata.file_metadata().schema_descr();
    let mask = ProjectionMask::columns(schema, columns.iter().copied());
    let builder = ParquetPushDecoderBuilder::try_new_decoder(Arc::clone(&metadata)).map_err(damaged)?;
    let mut decoder = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(damaged)?;
    loop {
        match decoder.try_decode().map_err(damaged)? {
            DecodeResult::Finished => return Ok(()),
            DecodeResult::Data(batch) => each(&batch)?,
            DecodeResult::NeedsData(ranges) => {
                let mut parts = Vec::with_capacity(ranges.len());
                for range in &ranges {
                    parts.push(read(store, key, range.clone()).await?);
                }
                decoder.push_ranges(ranges, parts).map_err(damaged)?;
            }
        }
    }
}

async fn metadata(store: &dyn ObjectStore, key: &Key) -> Result<ParquetMetaData, Error> {
    let damaged = |cause: ParquetError| Error::Damaged { key: key.clone(), cause };
    let fetched = store.size(key).await.map_err(|cause| Error::Store { key: key.clone(), cause })?;
    let size = fetched.ok_or_else(|| Error::Missing { key: key.clone() })?;
    // The page index would be read in vain: whole columns are wanted.
    let decoder = ParquetMetaDataPushDecoder::try_new(size).map_err(damaged)?;
    let mut decoder = decoder.with_page_index_policy(PageIndexPolicy::Skip);
    loop {
        match decoder.try_decode().map_err(damaged)? {
            DecodeResult::Data(metadata) => return Ok(metadata),
            DecodeResult::Finished => return Err(damaged(ParquetError::General("no footer".to_owned()))),
            DecodeResult::NeedsData(ranges) => {
                for range in ranges {
                    let part = read(store, key, range.clone()).await?;
                    decoder.push_range(range, part).map_err(damaged)?;
                }
            }
        }
    }
}

async fn read(store: &dyn ObjectStore, key: &Key, range: std::ops::Range<u64>) -> Result<bytes::Bytes, Error> {
    store.read_range(key, range).await.map_err(|cause| Error::Store { key: key.clone(), cause })
}
