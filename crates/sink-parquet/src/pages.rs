//! Column chunks straight from codes: the dictionary page, and data pages of levels and codes.
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

use crate::bounds::{Bounds, statistics};
use crate::dictionary::Dictionary;
use crate::hybrid;
use crate::leaves::Leaf;
use crate::plain::Plain;
use crate::plan::PAGE_ROWS;

/// A larger dictionary is no longer worth having: parquet's own limit of a dictionary page.
const LARGEST_DICTIONARY: usize = 1 << 20;

/// A page of nested values ends after the row with which it has so many.
const PAGE_SLOTS: usize = 100_000;

/// A finished column chunk whose offsets count from its own beginning.
pub(crate) struct Chunk {
    pub(crate) bytes: Bytes,
    pub(crate) close: ColumnCloseResult,
}

/// What is used again for every chunk: making a compressor costs more than compressing a small page, and large buffers
/// that come and go cost page faults.
pub(crate) struct Press {
    level: i32,
    compressor: Compressor<'static>,
    raw: Vec<u8>,
    compressed: Vec<u8>,
    repetitions: Vec<u32>,
    definitions: Vec<u32>,
    /// Keys of the values of a page that are there.
    present: Vec<u32>,
    /// By key: the last page (counted from 1) that has it.
    seen: Vec<u32>,
}

impl Press {
    /// One for zstd's `level`.
    pub(crate) fn new(level: i32) -> Result<Self> {
        Ok(Self {
            level,
            compressor: Compressor::new(level).map_err(external)?,
            raw: Vec::new(),
            compressed: Vec::new(),
            repetitions: Vec::new(),
            definitions: Vec::new(),
            present: Vec::new(),
            seen: Vec::new(),
        })
    }

    /// Bytes of memory of its buffers.
    pub(crate) fn memory(&self) -> u64 {
        let numbers = [&self.repetitions, &self.definitions, &self.present, &self.seen];
        let numbers: usize = numbers.into_iter().map(|buffer| buffer.capacity() * size_of::<u32>()).sum();
        (self.raw.capacity() + self.compressed.capacity() + numbers) as u64
    }

    /// Compresses `raw`.
    fn compress(&mut self) -> Result<Bytes> {
        self.compressed.clear();
        self.compressed.reserve(zstd::zstd_safe::compress_bound(self.raw.len()));
        self.compressor.compress_to_buffer(&self.raw, &mut self.compressed).map_err(external)?;
        Ok(Bytes::copy_from_slice(&self.compressed))
    }
}

fn external(error: io::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

/// Whether a chunk of strings is worth making: strings that hardly repeat are left to parquet's own writer.
pub(crate) fn suits(keys: &[u32], dictionary: &Dictionary) -> bool {
    dictionary.text_bytes() <= LARGEST_DICTIONARY && (dictionary.len() < 1_000 || dictionary.len() * 2 < keys.len())
}

/// The values of a column. Keys are one for each row: 0 for null, else a place plus one.
#[derive(Clone, Copy)]
pub(crate) enum Values<'a> {
    /// A flat column: places in the dictionary.
    Flat(&'a [u32], &'a Dictionary),
    /// One leaf of a column of lists: places are codes of lists.
    Nested(&'a [u32], &'a Leaf),
    /// A flat column without dictionary.
    Plain(Plain<'a>),
}

impl<'a> Values<'a> {
    fn rows(self) -> usize {
        match self {
            Self::Flat(keys, _) | Self::Nested(keys, _) => keys.len(),
            Self::Plain(plain) => plain.rows(),
        }
    }

    fn dictionary(self) -> Option<&'a Dictionary> {
        match self {
            Self::Flat(_, dictionary) => Some(dictionary),
            Self::Nested(_, leaf) => Some(&leaf.values),
            Self::Plain(_) => None,
        }
    }

    fn encoding(self) -> Encoding {
        match self.dictionary() {
            Some(_) => Encoding::RLE_DICTIONARY,
            None => Encoding::PLAIN,
        }
    }

    /// Fills the levels, and the keys that are there, of a page of the rows from `from` on; where it ends.
    /// `is_nullable` is for flat columns alone.
    fn page(self, from: usize, is_nullable: bool, press: &mut Press) -> usize {
        press.repetitions.clear();
        press.definitions.clear();
        press.present.clear();
        let some = |keys: &'a [u32]| &keys[from..keys.len().min(from + PAGE_ROWS)];
        match self {
            Self::Plain(plain) => {
                let to = plain.page_end(from);
                if is_nullable {
                    press.definitions.extend((from..to).map(|row| u32::from(plain.is_there(row))));
                }
                to
            }
            Self::Flat(keys, _) => {
                let rows = some(keys);
                match rows.contains(&0) {
                    true => press.present.extend(rows.iter().filter(|key| **key > 0).map(|key| key - 1)),
                    false => press.present.extend(rows.iter().map(|key| key - 1)),
                }
                if is_nullable {
                    press.definitions.extend(rows.iter().map(|key| u32::from(*key > 0)));
                }
                from + rows.len()
            }
            Self::Nested(keys, leaf) => {
                let rows = some(keys);
                for (at, key) in rows.iter().enumerate() {
                    if press.definitions.len() >= PAGE_SLOTS {
                        return from + at;
                    }
                    let Some(code) = key.checked_sub(1) else {
                        press.repetitions.push(0);
                        press.definitions.push(0);
                        continue;
                    };
                    let slots = leaf.slots(code);
                    press.repetitions.extend(slots.repetitions.iter().map(|level| u32::from(*level)));
                    press.definitions.extend(slots.definitions.iter().map(|level| u32::from(*level)));
                    press.present.extend_from_slice(slots.keys);
                }
                from + rows.len()
            }
        }
    }
}

/// Makes the chunk of a column.
pub(crate) fn chunk(column: &ColumnDescPtr, values: Values<'_>, press: &mut Press) -> Result<Chunk> {
    let mut sink = TrackedWrite::new(Vec::new());
    press.seen.clear();
    press.seen.resize(values.dictionary().map_or(0, Dictionary::len), 0);
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
            buf: self.press.compress()?,
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
        let to = self.values.page(from, self.column.max_def_level() > 0, self.press);
        let Press { raw, repetitions, definitions, present, .. } = &mut *self.press;
        raw.clear();
        levels(repetitions, self.column.max_rep_level(), raw);
        levels(definitions, self.column.max_def_level(), raw);
        let (slots, there) = match self.values {
            Values::Nested(..) => (definitions.len(), present.len()),
            Values::Flat(..) => (to - from, present.len()),
            Values::Plain(plain) => (to - from, (from..to).filter(|row| plain.is_there(*row)).count()),
        };
        let payload = match self.values {
            Values::Flat(_, dictionary) => self.codes(dictionary),
            Values::Nested(_, leaf) => self.codes(&leaf.values),
            Values::Plain(plain) => {
                let text = plain.append(from..to, &mut self.press.raw);
                Payload { bounds: plain.bounds(from..to), text: text as i64 }
            }
        };
        let nulls = (slots - there) as u64;
        let page = Page::DataPage {
            buf: self.press.compress()?,
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

    /// Appends the codes of a page.
    fn codes(&mut self, dictionary: &'a Dictionary) -> Payload<'a> {
        let kind = self.column.physical_type();
        let number = self.made.page + 1;
        let Press { present, seen, raw, .. } = &mut *self.press;
        let width = hybrid::width(dictionary.len());
        raw.push(width);
        hybrid::encode(present, width, raw);
        let mut bounds: Option<Bounds<'a>> = None;
        let mut text = 0;
        // Rows are sorted: most values stand beside their like.
        for run in present.chunk_by(|left, right| left == right) {
            let key = run[0];
            let bytes = dictionary.get(key);
            text += (bytes.len() * run.len()) as i64;
            let seen = &mut seen[key as usize];
            if *seen == number {
                continue;
            }
            *seen = number;
            match &mut bounds {
                None => bounds = Some(Bounds { min: bytes, max: bytes }),
                Some(bounds) => bounds.widen(kind, bytes),
            }
        }
        Payload { bounds, text }
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

/// What the index says of the values of a page.
struct Payload<'a> {
    bounds: Option<Bounds<'a>>,
    /// Bytes of strings.
    text: i64,
}

/// Appends levels with their length; nothing where there is only one.
fn levels(levels: &[u32], highest: i16, out: &mut Vec<u8>) {
    if highest == 0 {
        return;
    }
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    hybrid::encode(levels, hybrid::width(highest as usize + 1), out); // levels are not negative
    let length = (out.len() - start - 4) as u32; // a page has few levels
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}
