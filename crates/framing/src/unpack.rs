//! Undoes compression: gzip with several members, zstd with several frames, or nothing, told apart by magic bytes.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};
use flate2::{Decompress, FlushDecompress, Status};
use thiserror::Error;
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

/// How a stream is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// gzip, one member or several (RFC 1952).
    Gzip,
    /// zstd, one frame or several, skippable ones among them (RFC 8878).
    Zstd,
}

impl Packing {
    /// How many bytes [`Packing::of`] needs to be sure.
    pub const MAGIC: usize = 4;

    /// How the stream that begins with `head` is compressed.
    pub fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            // RFC 8878 section 3.1.2: skippable frames have the magic numbers 0x184D2A50 to 0x184D2A5F.
            [byte, 0x2a, 0x4d, 0x18, ..] if byte & 0xf0 == 0x50 => Self::Zstd,
            _ => Self::Plain,
        }
    }
}

/// Compressed bytes that cannot be read on. What came before was delivered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Damage {
    /// The input ended inside a member or frame.
    #[error("the compressed data end early")]
    Early,
    /// The decompressor refuses the bytes.
    #[error("the compressed data are damaged: {0}")]
    Refused(Box<str>),
    /// Something that is no member or frame follows the last one.
    #[error("what follows the compressed data is not compressed")]
    Trailing,
}

/// Enough output at a time to keep the frames of a record together, and little enough to be held twice.
const OUTPUT: usize = 256 << 10;

/// The smallest chunk: single compressed log messages are small.
const OUTPUT_LEAST: usize = 16 << 10;

/// About how much larger events are than their compressed form.
const RATIO: usize = 16;

/// How much a zstd step may produce. A step that meets damage delivers nothing, so this bounds what is lost of the
/// bytes right before it.
const ZSTD_STEP: usize = 1 << 10;

enum Engine {
    Plain,
    /// Between members or frames, or before the first.
    Between,
    Gzip(Box<Decompress>),
    Zstd(Box<Decoder<'static>>),
    /// After damage.
    Spent,
}

/// Undoes the compression of a stream: push bytes, take decompressed chunks until there are none, push more; at last
/// `finish` and take what is left. Damage is reported once, after everything before it.
pub struct Unpacker {
    engine: Engine,
    waiting: VecDeque<Bytes>,
    finished: bool,
}

impl Unpacker {
    /// An unpacker of a stream that is packed so.
    pub fn new(packing: Packing) -> Self {
        let engine = match packing {
            Packing::Plain => Engine::Plain,
            Packing::Gzip | Packing::Zstd => Engine::Between,
        };
        Self { engine, waiting: VecDeque::new(), finished: false }
    }

    /// The bytes that follow those pushed before.
    pub fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.waiting.push_back(chunk);
        }
    }

    /// There are no more bytes.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// The first bytes that wait, at most as many as the magic has, across chunks.
    fn peek(&self) -> ([u8; Packing::MAGIC], usize) {
        let mut head = [0; Packing::MAGIC];
        let mut length = 0;
        for (place, byte) in head.iter_mut().zip(self.waiting.iter().flatten()) {
            *place = *byte;
            length += 1;
        }
        (head, length)
    }

    /// Chooses the engine of the next member or frame. `None`: more bytes are needed, or there is nothing more.
    fn begin(&mut self) -> Option<Result<(), Damage>> {
        // gzip files of tapes and block devices are padded with zeros.
        while let Some(front) = self.waiting.front_mut() {
            let zeros = front.iter().take_while(|&&byte| byte == 0).count();
            front.advance(zeros);
            if !front.is_empty() {
                break;
            }
            self.waiting.pop_front();
        }
        let (head, length) = self.peek();
        if length == 0 || (length < head.len() && !self.finished) {
            return None;
        }
        self.engine = match Packing::of(&head[..length]) {
            Packing::Plain => return Some(Err(Damage::Trailing)),
            Packing::Gzip => Engine::Gzip(Box::new(Decompress::new_gzip(15))),
            Packing::Zstd => match Decoder::new() {
                Ok(decoder) => Engine::Zstd(Box::new(decoder)),
                Err(error) => return Some(Err(Damage::Refused(error.to_string().into()))),
            },
        };
        Some(Ok(()))
    }

    /// Runs the engine until `output` is full, the input is used up, or the member or frame ends.
    fn run(&mut self, output: &mut Output) -> Result<Progress, Damage> {
        let Some(front) = self.waiting.front_mut() else {
            return if self.finished { Err(Damage::Early) } else { Ok(Progress::Starved) };
        };
        let (used, ended) = match &mut self.engine {
            Engine::Gzip(decompress) => gunzip(decompress, front, output)?,
            Engine::Zstd(decoder) => unzstd(decoder, front, output)?,
            Engine::Plain | Engine::Between | Engine::Spent => (0, true),
        };
        front.advance(used);
        if front.is_empty() {
            self.waiting.pop_front();
        }
        if ended {
            self.engine = Engine::Between;
        }
        Ok(Progress::Moved)
    }

    fn unpack(&mut self, output: &mut Output) -> Result<(), Damage> {
        while !output.is_full() {
            if matches!(self.engine, Engine::Between) {
                match self.begin() {
                    None => return Ok(()),
                    Some(begun) => begun?,
                }
            }
            if self.run(output)? == Progress::Starved {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl Iterator for Unpacker {
    type Item = Result<Bytes, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.engine {
            Engine::Plain => return self.waiting.pop_front().map(Ok),
            Engine::Spent => return None,
            _ if self.waiting.is_empty() && !self.finished => return None,
            _ => {}
        }
        let waiting: usize = self.waiting.iter().map(Bytes::len).sum();
        let mut output = Output::new(waiting.saturating_mul(RATIO).clamp(OUTPUT_LEAST, OUTPUT));
        match self.unpack(&mut output) {
            Ok(()) if output.filled == 0 => None,
            Ok(()) => Some(Ok(output.take())),
            Err(damage) if output.filled == 0 => {
                self.engine = Engine::Spent;
                self.waiting.clear();
                Some(Err(damage))
            }
            // The engine stays as it is: asked again it meets the same damage with nothing before it.
            Err(_) => Some(Ok(output.take())),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Moved,
    Starved,
}

/// A chunk that is being filled.
struct Output {
    bytes: Vec<u8>,
    filled: usize,
}

impl Output {
    fn new(size: usize) -> Self {
        Self { bytes: vec![0; size], filled: 0 }
    }

    fn is_full(&self) -> bool {
        self.filled == self.bytes.len()
    }

    fn take(mut self) -> Bytes {
        self.bytes.truncate(self.filled);
        if self.filled < self.bytes.capacity() / 2 {
            self.bytes.shrink_to_fit();
        }
        Bytes::from(self.bytes)
    }
}

/// One step of gzip: bytes used, and whether the member ended (its checksum fits).
fn gunzip(decompress: &mut Decompress, input: &[u8], output: &mut Output) -> Result<(usize, bool), Damage> {
    let (read, written) = (decompress.total_in(), decompress.total_out());
    let outcome = decompress.decompress(input, &mut output.bytes[output.filled..], FlushDecompress::None);
    let used = usize::try_from(decompress.total_in() - read).unwrap_or(input.len());
    let made = usize::try_from(decompress.total_out() - written).unwrap_or(0);
    output.filled += made;
    match outcome {
        Ok(Status::StreamEnd) => Ok((used, true)),
        Ok(Status::Ok | Status::BufError) if used > 0 || made > 0 => Ok((used, false)),
        Ok(_) => Err(Damage::Refused("no progress".into())),
        Err(error) => Err(Damage::Refused(error.to_string().into())),
    }
}

/// One step of zstd: bytes used, and whether the frame ended.
fn unzstd(decoder: &mut Decoder<'static>, input: &[u8], output: &mut Output) -> Result<(usize, bool), Damage> {
    let reach = (output.filled + ZSTD_STEP).min(output.bytes.len());
    let mut from = InBuffer::around(input);
    let mut into = OutBuffer::around(&mut output.bytes[output.filled..reach]);
    let outcome = decoder.run(&mut from, &mut into);
    let made = into.pos();
    output.filled += made;
    match outcome {
        Ok(0) => Ok((from.pos(), true)),
        Ok(_) if from.pos() > 0 || made > 0 => Ok((from.pos(), false)),
        Ok(_) => Err(Damage::Refused("no progress".into())),
        Err(error) => Err(Damage::Refused(error.to_string().into())),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.include_checksum(true).unwrap();
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// Text that compresses badly enough to fill several blocks.
    fn text(length: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let step = |state: &mut u64| {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            b'a' + ((*state >> 33) % 23) as u8
        };
        (0..length).map(|_| step(&mut state)).collect()
    }

    /// Unpacks `packed`, pushed in chunks of `chunk` bytes.
    fn unpack(packed: &[u8], chunk: usize) -> (Vec<u8>, Option<Damage>) {
        let mut unpacker = Unpacker::new(Packing::of(packed));
        let (mut bytes, mut damage) = (Vec::new(), None);
        let mut take = |unpacker: &mut Unpacker| {
            for item in unpacker.by_ref() {
                match item {
                    Ok(part) => bytes.extend_from_slice(&part),
                    Err(error) => assert_eq!(damage.replace(error), None, "damage is reported once"),
                }
            }
        };
        for part in packed.chunks(chunk) {
            unpacker.push(Bytes::copy_from_slice(part));
            take(&mut unpacker);
        }
        unpacker.finish();
        take(&mut unpacker);
        take(&mut unpacker);
        (bytes, damage)
    }

    #[test]
    fn members_and_frames_follow_one_another() {
        let (one, two) = (text(600_000), text(10));
        let both = [one.clone(), two.clone()].concat();
        for packed in [
            [gzip(&one), gzip(&two)].concat(),
            [gzip(&one), gzip(b""), gzip(&two), vec![0; 700]].concat(),
            [gzip(&one), vec![0; 5], gzip(&two)].concat(),
            [zstd(&one), zstd(&two)].concat(),
            [vec![0x53, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9], zstd(&one), zstd(&two)].concat(),
        ] {
            for chunk in [7, 4_096, packed.len()] {
                let (bytes, damage) = unpack(&packed, chunk);
                assert_eq!(damage, None);
                assert!(bytes == both, "{chunk}: {} bytes", bytes.len());
            }
        }
        assert_eq!(unpack(&both, 1_000), (both, None));
    }

    #[test]
    fn what_comes_before_damage_is_delivered() {
        let whole = text(600_000);
        for packed in [gzip(&whole), zstd(&whole)] {
            let (bytes, damage) = unpack(&packed[..packed.len() / 2], 10_000);
            assert_eq!(damage, Some(Damage::Early));
            assert!(whole.starts_with(&bytes) && bytes.len() > 100_000, "{}", bytes.len());

            let mut hurt = packed.clone();
            let middle = hurt.len() / 2;
            hurt[middle..middle + 64].fill(0xff);
            let (bytes, damage) = unpack(&hurt, 10_000);
            assert!(matches!(damage, Some(Damage::Refused(_))), "{damage:?}");
            assert!(bytes.len() > 100_000 && bytes[..100_000] == whole[..100_000], "{}", bytes.len());
        }
    }

    #[test]
    fn a_wrong_checksum_and_trailing_text_are_damage() {
        let mut packed = gzip(b"hello");
        let checksum = packed.len() - 8;
        packed[checksum] ^= 1;
        let (bytes, damage) = unpack(&packed, 3);
        assert_eq!(bytes, b"hello");
        assert!(matches!(damage, Some(Damage::Refused(_))));

        let (bytes, damage) = unpack(&[gzip(b"hello"), b"world".to_vec()].concat(), 100);
        assert_eq!((bytes.as_slice(), damage), (b"hello".as_slice(), Some(Damage::Trailing)));
    }
}
