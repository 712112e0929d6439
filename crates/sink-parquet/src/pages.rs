//! Column chunks straight from codes, or from plain values: dictionary pages, and data pages of levels and values.
//!
//! parquet's own writer hashes and compares every value of every row, three times over 100 bytes for an ARN; the codes
//! are known already, so a row costs a few bits here. Source: Apache Parquet, "Data Pages" (version 1), "Dictionary
//! Encoding" and "Page Index".

use std::cmp::Ordering;
use std::io;

use bytes::Bytes;
use parquet::basic::{BoundaryOrder, Compression, Encoding, PageType, Type, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::PageEncodingStats;
use parquet::file::metadata::{ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;
use zstd::zstd_safe::{CParameter, ParamSwitch};

use crate::bounds::{Bounds, statistics};
use crate::dictionary::Dictionary;
use crate::values::{ID_BYTES, Levels, PageRows, Payload, Values};

/// A finished column chunk whose offsets count from its own beginning.
pub(crate) struct Chunk {
    pub(crate) bytes: Bytes,
    pub(crate) close: ColumnCloseResult,
}

/// What is used again for every chunk: making a compressor costs more than compressing a small page, and large buffers
/// that come and go cost page faults.
pub(crate) struct Press {
    level: i32,
    /// How zstd looks for repetitions now.
    stride: u32,
    compressor: Compressor<'static>,
    raw: Vec<u8>,
    compressed: Vec<u8>,
    levels: Levels,
}

impl Press {
    /// One for zstd's `level`.
    pub(crate) fn new(level: i32) -> Result<Self> {
        let mut compressor = Compressor::new(level).map_err(external)?;
        // zstd would leave letters as they are where it looks for repetitions here and there: of ids that is all there is to save.
        let letters = CParameter::LiteralCompressionMode(ParamSwitch::Enable);
        compressor.set_parameter(letters).map_err(external)?;
        Ok(Self { level, stride: 0, compressor, raw: Vec::new(), compressed: Vec::new(), levels: Levels::default() })
    }

    /// Bytes of memory of its buffers.
    pub(crate) fn memory(&self) -> u64 {
        (self.raw.capacity() + self.compressed.capacity() + self.levels.memory()) as u64
    }

    /// Compresses `raw`, and looks for repetitions only here and there where there are hardly any.
    fn compress(&mut self, repeats: bool) -> Result<Bytes> {
        let stride = if repeats { 0 } else { STRIDE };
        if stride != self.stride {
            self.compressor.set_parameter(CParameter::TargetLength(stride)).map_err(external)?;
            self.stride = stride;
        }
        self.compressed.clear();
        self.compressed.reserve(zstd::zstd_safe::compress_bound(self.raw.len()));
        self.compressor.compress_to_buffer(&self.raw, &mut self.compressed).map_err(external)?;
        Ok(Bytes::copy_from_slice(&self.compressed))
    }
}

/// Bytes that are left out between one look for a repetition and the next in ids: what zstd's fast strategies take their
/// target length for.
const STRIDE: u32 = 5;

/// Whether all strings have one length, as ids have.
fn are_ids(dictionary: &Dictionary) -> bool {
    if dictionary.len() == 0 {
        return false;
    }
    let length = dictionary.get(0).len();
    length <= ID_BYTES && dictionary.text_bytes() == length * dictionary.len()
}

fn external(error: io::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

/// Makes the chunk of a column.
pub(crate) fn chunk(column: &ColumnDescPtr, values: Values<'_>, press: &mut Press) -> Result<Chunk> {
    let mut sink = TrackedWrite::new(Vec::new());
    press.levels.begin(values);
    let level = press.level;
    let mut making = Making {
        pages: SerializedPageWriter::new(&mut sink),
        press,
        column,
        values,
        made: Made::new(column.physical_type()),
    };
    if let Some(dictionary) = values.dictionary() {
        making.dictionary_page(dictionary)?;
    }
    let (rows, mut from) = (values.rows(), 0);
    while from < rows {
        from = making.data_page(from)?;
    }
    let made = making.made;
    let bytes = Bytes::from(sink.into_inner()?);
    let close = made.close(column, values, level, bytes.len())?;
    Ok(Chunk { bytes, close })
}

fn boundary_order(kind: Type, bounds: &[Bounds<'_>]) -> BoundaryOrder {
    let ascends = |left: &[u8], right: &[u8]| crate::bounds::compare(kind, left, right) != Ordering::Greater;
    match bounds.windows(2).all(|pair| ascends(pair[0].min, pair[1].min) && ascends(pair[0].max, pair[1].max)) {
        true => BoundaryOrder::ASCENDING,
        false => BoundaryOrder::UNORDERED,
    }
}

struct Making<'a, 'sink> {
    pages: SerializedPageWriter<'sink, Vec<u8>>,
    press: &'sink mut Press,
    column: &'a ColumnDescPtr,
    values: Values<'a>,
    made: Made<'a>,
}

/// What is known of the pages that are written.
struct Made<'a> {
    /// The length of the dictionary page, if there is one.
    dictionary_page: Option<i64>,
    /// Data pages.
    page: u32,
    /// Values and nulls of all pages.
    slots: i64,
    uncompressed: i64,
    index: ColumnIndexBuilder,
    offsets: OffsetIndexBuilder,
    /// Of each page that has a value.
    bounds: Vec<Bounds<'a>>,
    nulls: u64,
    text: i64,
}

impl<'a> Made<'a> {
    fn new(kind: Type) -> Self {
        Self {
            dictionary_page: None,
            page: 0,
            slots: 0,
            uncompressed: 0,
            index: ColumnIndexBuilder::new(kind),
            offsets: OffsetIndexBuilder::new(),
            bounds: Vec::new(),
            nulls: 0,
            text: 0,
        }
    }

    /// The chunk's metadata and index.
    fn close(
        mut self,
        column: &ColumnDescPtr,
        values: Values<'_>,
        level: i32,
        bytes: usize,
    ) -> Result<ColumnCloseResult> {
        let kind = column.physical_type();
        self.index.set_boundary_order(boundary_order(kind, &self.bounds));
        let stats = |page_type, encoding, count| PageEncodingStats { page_type, encoding, count };
        // A row group has far fewer than 2^31 pages.
        let data_pages = stats(PageType::DATA_PAGE, values.encoding(), self.page as i32);
        let (encodings, page_stats) = match self.dictionary_page {
            Some(_) => (
                vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY],
                vec![stats(PageType::DICTIONARY_PAGE, Encoding::PLAIN, 1), data_pages],
            ),
            None => (vec![Encoding::PLAIN, Encoding::RLE], vec![data_pages]),
        };
        let metadata = ColumnChunkMetaData::builder(column.clone())
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(level)?))
            .set_encodings(encodings)
            .set_page_encoding_stats(page_stats)
            .set_total_compressed_size(bytes as i64)
            .set_total_uncompressed_size(self.uncompressed)
            .set_num_values(self.slots)
            .set_data_page_offset(self.dictionary_page.unwrap_or(0))
            .set_dictionary_page_offset(self.dictionary_page.map(|_| 0))
            .set_statistics(statistics(kind, &self.bounds, self.nulls))
            .set_unencoded_byte_array_data_bytes((kind == Type::BYTE_ARRAY).then_some(self.text))
            .build()?;
        Ok(ColumnCloseResult {
            bytes_written: bytes as u64,
            rows_written: values.rows() as u64,
            metadata,
            bloom_filter: None,
            // The order of floating point numbers is a matter of its own; they have no bounds here.
            column_index: match kind {
                Type::DOUBLE => None,
                _ => Some(self.index.build()?),
            },
            offset_index: Some(self.offsets.build()),
        })
    }
}

impl<'a> Making<'a, '_> {
    /// Writes the dictionary page.
    fn dictionary_page(&mut self, dictionary: &Dictionary) -> Result<()> {
        let is_text = self.column.physical_type() == Type::BYTE_ARRAY;
        let are_ids = is_text && are_ids(dictionary);
        let raw = &mut self.press.raw;
        raw.clear();
        for key in 0..dictionary.len() as u32 {
            let value = dictionary.get(key);
            if is_text {
                raw.extend_from_slice(&(value.len() as u32).to_le_bytes());
            }
            raw.extend_from_slice(value);
        }
        let page = Page::DictionaryPage {
            buf: self.press.compress(!are_ids)?,
            num_values: dictionary.len() as u32,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        let spec = self.pages.write_page(CompressedPage::new(page, self.press.raw.len()))?;
        self.made.uncompressed += spec.uncompressed_size as i64;
        self.made.dictionary_page = Some(spec.bytes_written as i64);
        Ok(())
    }

    /// Writes a page of the rows from `from` on; where it ends.
    fn data_page(&mut self, from: usize) -> Result<usize> {
        let Press { raw, levels, .. } = &mut *self.press;
        let PageRows { rows, slots, there } = self.values.page(from, self.column.max_def_level() > 0, levels);
        raw.clear();
        levels.repetitions.append_to(self.column.max_rep_level(), raw);
        levels.definitions.append_to(self.column.max_def_level(), raw);
        let (kind, number, to) = (self.column.physical_type(), self.made.page + 1, rows.end);
        let payload = self.values.payload(rows, kind, number, levels, raw);
        let nulls = (slots - there) as u64;
        let are_ids = self.values.dictionary().is_none() && payload.has_ids(there);
        let page = Page::DataPage {
            buf: self.press.compress(!are_ids)?,
            num_values: slots as u32, // some more than 100,000 at most
            encoding: self.values.encoding(),
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let spec = self.pages.write_page(CompressedPage::new(page, self.press.raw.len()))?;
        self.made.uncompressed += spec.uncompressed_size as i64;
        self.made.offsets.append_row_count((to - from) as i64);
        self.made.offsets.append_offset_and_size(spec.offset as i64, spec.compressed_size as i32);
        self.made.nulls += nulls;
        self.made.slots += slots as i64;
        self.index_page(payload, nulls as i64);
        Ok(to)
    }

    fn index_page(&mut self, payload: Payload<'a>, nulls: i64) {
        let Payload { bounds, text } = payload;
        let kind = self.column.physical_type();
        self.made.page += 1;
        self.made.text += text;
        self.made.offsets.append_unencoded_byte_array_data_bytes((kind == Type::BYTE_ARRAY).then_some(text));
        let (min, max) = bounds.map(|bounds| bounds.short(kind)).unwrap_or_default();
        self.made.index.append(bounds.is_none(), min, max, nulls, None);
        self.made.bounds.extend(bounds);
    }
}
