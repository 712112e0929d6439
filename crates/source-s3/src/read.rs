//! Reads one object and cuts it into pieces.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc::Sender;
use tokio::task::{self, JoinError};
use tributary_core::{Conflict, Position, Record, Span, SplitId};
use tributary_framing::{Cutter, Packing};

use crate::choose::{Input, is_again};
use crate::client::Bucket;
use crate::download::{Download, Refusal};
use crate::source::Facts;

/// How much of an object is asked for before it is cut: of a compressed one it becomes about ten times as much.
const GATHERED: usize = 256 << 10;

/// About how many bytes of memory the records of a piece take.
const PIECE: usize = 1 << 20;

/// What a record takes besides its bytes.
const RECORD_COST: usize = size_of::<Record>();

/// Records of one object that follow one another.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) split: SplitId,
    pub(crate) records: Vec<Record>,
    /// What they were cut from.
    pub(crate) span: Span,
    /// About how much memory they take.
    pub(crate) bytes: usize,
}

/// How the reading of an object ended before its end.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// Why it cannot be read, or nothing can.
    Refused(Refusal),
    /// The thread that cuts died.
    Died(JoinError),
    /// Its spans do not fit together.
    Positions(Conflict),
    /// Nobody wants its pieces.
    Unwanted,
}

impl From<Refusal> for Stopped {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Reads what was not read of `input` and hands it on in pieces.
pub(crate) async fn read(
    bucket: Arc<Bucket>,
    input: Input,
    facts: Arc<Facts>,
    pieces: Sender<Piece>,
) -> Result<(), Stopped> {
    let limit = bucket.options.record_limit;
    let position = if let Position::Offset(offset) = input.from { offset } else { 0 };
    let origin: Arc<str> = format!("s3://{}/{}", bucket.options.bucket, input.object.key).into();
    let mut download = Download::new(Arc::clone(&bucket), input.object.clone(), 0);
    let mut bytes = download.gather(GATHERED).await?;
    let packing = Packing::of(&bytes);
    let mut begin = 0;
    let far = position.saturating_sub(Cutter::PASSED);
    if packing == Packing::Plain && far > bytes.len() as u64 {
        begin = far;
        facts.add_read(begin);
        download = Download::new(bucket, input.object.clone(), begin);
        bytes = download.gather(GATHERED).await?;
    }
    let cutter = Cutter::new(packing, limit, begin, position);
    let is_again = is_again(&input.split);
    let mut object = Cutting { cutter, from: input.from, split: input.split, origin };
    loop {
        facts.add_read(bytes.len() as u64);
        let mut next = Some(bytes);
        loop {
            let cut = task::spawn_blocking(move || object.cut(next.take())).await;
            let (went_on, piece) = cut.map_err(Stopped::Died)?.map_err(Stopped::Positions)?;
            object = went_on;
            let Some((piece, is_full)) = piece else { break };
            let is_over = piece.span.to() == &Position::End;
            // Whether it was written so, or came so: the second time it was.
            if object.cutter.is_damaged() && !is_again && !download.is_sound().await? {
                return Err(Refusal::Damaged.into());
            }
            pieces.send(piece).await.map_err(|_| Stopped::Unwanted)?;
            if is_over {
                return Ok(());
            }
            if !is_full {
                break;
            }
            next = None;
        }
        bytes = download.gather(GATHERED).await?;
    }
}

/// An object that is being cut.
struct Cutting {
    cutter: Cutter,
    /// Up to where it was accounted for.
    from: Position,
    split: SplitId,
    origin: Arc<str>,
}

impl Cutting {
    /// Cuts what there is, with `bytes` behind it (empty: nothing follows). The piece, if there is one, and whether there
    /// may be another one before more bytes are needed.
    fn cut(mut self, bytes: Option<Bytes>) -> Result<(Self, Option<(Piece, bool)>), Conflict> {
        match bytes {
            Some(bytes) if bytes.is_empty() => self.cutter.finish(),
            Some(bytes) => self.cutter.push(bytes),
            None => {}
        }
        let (mut records, mut size, mut is_full) = (Vec::new(), 0, false);
        while let Some(frame) = self.cutter.next() {
            size += frame.body.bytes().len() + RECORD_COST;
            records.push(Record {
                split: self.split.clone(),
                origin: Arc::clone(&self.origin),
                position: Position::Offset(frame.offset),
                arrived_at: None,
                key: None,
                headers: tributary_core::Headers::default(),
                body: frame.body,
            });
            // After damage there is no position to go on at but the end.
            if size >= PIECE && !self.cutter.is_damaged() {
                is_full = true;
                break;
            }
        }
        let is_over = !is_full && self.cutter.is_over();
        if records.is_empty() && !is_over {
            return Ok((self, None));
        }
        let to = if is_over { Position::End } else { Position::Offset(self.cutter.reached()) };
        let span = Span::new(std::mem::replace(&mut self.from, to.clone()), to)?;
        let piece = Piece { split: self.split.clone(), records, span, bytes: size };
        Ok((self, Some((piece, is_full))))
    }
}
