//! A column chunk of strings straight from codes: the dictionary page, and data pages of codes.
//!
//! parquet's own writer hashes and compares every value of every row, three times over 100 bytes for an ARN; the codes
//! are known already, so a row costs a few bits here. Source: Apache Parquet, "Data Pages" (version 1), "Dictionary
//! Encoding" and "Page Index".

use std::io;

use bytes::Bytes;
use parquet::basic::{BoundaryOrder, Compression, Encoding, PageType, Type, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::PageEncodingStats;
use parquet::file::metadata::{ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder};
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

use crate::dictionary::Dictionary;
use crate::hybrid;
use crate::plan::{PAGE_ROWS, STATISTICS_BYTES};

/// A larger dictionary is no longer worth having: parquet's own limit of a dictionary page.
const LARGEST_DICTIONARY: usize = 1 << 20;

/// A finished column chunk whose offsets count from its own beginning.
pub(crate) struct Chunk {
    pub(crate) bytes: Bytes,
    pub(crate) close: ColumnCloseResult,
}

/// Whether such a chunk is worth making: strings that hardly repeat, and ones that are too long for whole statistics,
/// are left to parquet's own writer.
pub(crate) fn suits(keys: &[u32], dictionary: &Dictionary) -> bool {
    dictionary.text_bytes() <= LARGEST_DICTIONARY
        && (dictionary.len() < 1_000 || dictionary.len() * 2 < keys.len())
        && (0..dictionary.len() as u32).all(|key| dictionary.get(key).len() <= STATISTICS_BYTES)
}

/// Makes the chunk of a flat column. `keys`: 0 for null, else the place in `dictionary` plus one.
pub(crate) fn chunk(
    column: &ColumnDescPtr,
    keys: &[u32],
    dictionary: &Dictionary,
    zstd: (i32, &mut Compressor<'static>),
) -> Result<Chunk> {
    let (level, compressor) = zstd;
    let mut sink = TrackedWrite::new(Vec::new());
    let mut making = Making {
        pages: SerializedPageWriter::new(&mut sink),
        compressor,
        is_nullable: column.max_def_level() > 0,
        dictionary,
        seen: vec![0; dictionary.len()],
        page: 0,
        uncompressed: 0,
        index: ColumnIndexBuilder::new(Type::BYTE_ARRAY),
        offsets: OffsetIndexBuilder::new(),
        bounds: Vec::new(),
        nulls: 0,
        text: 0,
    };
    let data_offset = making.dictionary_page()?;
    for page in keys.chunks(PAGE_ROWS) {
        making.data_page(page)?;
    }
    let Making { uncompressed, mut index, offsets, bounds, nulls, text, .. } = making;
    index.set_boundary_order(boundary_order(&bounds));
    let (min, max) = (bounds.iter().map(|bound| bound.0).min(), bounds.iter().map(|bound| bound.1).max());
    let owned = |text: &[u8]| ByteArray::from(text.to_vec());
    let statistics =
        Statistics::ByteArray(ValueStatistics::new(min.map(owned), max.map(owned), None, Some(nulls), false));
    let bytes = Bytes::from(sink.into_inner()?);
    let stats = |page_type, encoding, count| PageEncodingStats { page_type, encoding, count };
    let data_pages = keys.len().div_ceil(PAGE_ROWS) as i32; // a row group has far fewer than 2^31 pages
    let metadata = ColumnChunkMetaData::builder(column.clone())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(level)?))
        .set_encodings(vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY])
        .set_page_encoding_stats(vec![
            stats(PageType::DICTIONARY_PAGE, Encoding::PLAIN, 1),
            stats(PageType::DATA_PAGE, Encoding::RLE_DICTIONARY, data_pages),
        ])
        .set_total_compressed_size(bytes.len() as i64)
        .set_total_uncompressed_size(uncompressed)
        .set_num_values(keys.len() as i64)
        .set_data_page_offset(data_offset)
        .set_dictionary_page_offset(Some(0))
        .set_statistics(statistics)
        .set_unencoded_byte_array_data_bytes(Some(text))
        .build()?;
    let close = ColumnCloseResult {
        bytes_written: bytes.len() as u64,
        rows_written: keys.len() as u64,
        metadata,
        bloom_filter: None,
        column_index: Some(index.build()?),
        offset_index: Some(offsets.build()),
    };
    Ok(Chunk { bytes, close })
}

/// A compressor; making one costs more than compressing a small page, so a row group uses one for all its columns.
pub(crate) fn compressor(level: i32) -> Result<Compressor<'static>> {
    Compressor::new(level).map_err(external)
}

fn external(error: io::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

fn boundary_order(bounds: &[(&[u8], &[u8])]) -> BoundaryOrder {
    match bounds.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1) {
        true => BoundaryOrder::ASCENDING,
        false => BoundaryOrder::UNORDERED,
    }
}

struct Making<'a> {
    pages: SerializedPageWriter<'a, Vec<u8>>,
    compressor: &'a mut Compressor<'static>,
    is_nullable: bool,
    dictionary: &'a Dictionary,
    /// By key: the last page (counted from 1) that has it.
    seen: Vec<u32>,
    page: u32,
    uncompressed: i64,
    index: ColumnIndexBuilder,
    offsets: OffsetIndexBuilder,
    /// The least and the greatest string of each page that has one.
    bounds: Vec<(&'a [u8], &'a [u8])>,
    nulls: u64,
    text: i64,
}

impl<'a> Making<'a> {
    /// Writes the dictionary page; how long it is.
    fn dictionary_page(&mut self) -> Result<i64> {
        let mut raw = Vec::with_capacity(self.dictionary.text_bytes() + self.dictionary.len() * 4);
        for key in 0..self.dictionary.len() as u32 {
            let text = self.dictionary.get(key);
            raw.extend_from_slice(&(text.len() as u32).to_le_bytes());
            raw.extend_from_slice(text);
        }
        let page = Page::DictionaryPage {
            buf: self.compressor.compress(&raw).map_err(external)?.into(),
            num_values: self.dictionary.len() as u32,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        let spec = self.pages.write_page(CompressedPage::new(page, raw.len()))?;
        self.uncompressed += spec.uncompressed_size as i64;
        Ok(spec.bytes_written as i64)
    }

    fn data_page(&mut self, keys: &[u32]) -> Result<()> {
        let present: Vec<u32> = keys.iter().filter(|key| **key > 0).map(|key| key - 1).collect();
        let nulls = (keys.len() - present.len()) as u64;
        let mut raw = Vec::with_capacity(64 + keys.len() * 2);
        if self.is_nullable {
            raw.extend_from_slice(&[0; 4]);
            let levels: Vec<u32> = keys.iter().map(|key| u32::from(*key > 0)).collect();
            hybrid::encode(&levels, 1, &mut raw);
            let length = (raw.len() - 4) as u32; // of at most 20,000 bits
            raw[..4].copy_from_slice(&length.to_le_bytes());
        }
        let width = hybrid::width(self.dictionary.len());
        raw.push(width);
        hybrid::encode(&present, width, &mut raw);
        let page = Page::DataPage {
            buf: self.compressor.compress(&raw).map_err(external)?.into(),
            num_values: keys.len() as u32,
            encoding: Encoding::RLE_DICTIONARY,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let spec = self.pages.write_page(CompressedPage::new(page, raw.len()))?;
        self.uncompressed += spec.uncompressed_size as i64;
        self.offsets.append_row_count(keys.len() as i64);
        self.offsets.append_offset_and_size(spec.offset as i64, spec.compressed_size as i32);
        self.nulls += nulls;
        self.index_page(&present, nulls as i64);
        Ok(())
    }

    fn index_page(&mut self, present: &[u32], nulls: i64) {
        self.page += 1;
        let number = self.page;
        let dictionary: &'a Dictionary = self.dictionary;
        let mut bounds: Option<(&'a [u8], &'a [u8])> = None;
        let mut text = 0;
        for key in present {
            let bytes = dictionary.get(*key);
            text += bytes.len() as i64;
            let seen = &mut self.seen[*key as usize];
            if *seen == number {
                continue;
            }
            *seen = number;
            bounds = Some(bounds.map_or((bytes, bytes), |(min, max)| (min.min(bytes), max.max(bytes))));
        }
        self.text += text;
        self.offsets.append_unencoded_byte_array_data_bytes(Some(text));
        let (min, max) = bounds.unwrap_or_default();
        self.index.append(bounds.is_none(), min.to_vec(), max.to_vec(), nulls, None);
        self.bounds.extend(bounds);
    }
}
