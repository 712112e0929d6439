//! The task behind a source: lists, reads several objects at a time, and gathers their pieces into batches.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinSet;
use tributary_aws::Trouble;
use tributary_core::{Checkpoint, Delta, Position, RawBatch, Record, ScopeId, Span, SplitId, UnreadInput};

use crate::Error;
use crate::choose::{Chosen, Input, Known, again, is_again};
use crate::client::Bucket;
use crate::download::Refusal;
use crate::list::{Listing, Object, Unusable};
use crate::read::{Piece, Stopped, read};
use crate::source::Facts;

/// Pieces that wait to be gathered.
const PIECES: usize = 4;

/// The next page is asked for when fewer objects than these wait.
const FEW: usize = 500;

/// Objects in a row that may fail before it is S3 that fails.
const FAILURES: u32 = 3;

/// Splits of a batch at most, however few records they have.
const SPLITS: usize = 1_000;

/// What a page lists.
type Page = Vec<Result<Object, Unusable>>;

/// Why a look ended early.
enum Ended {
    /// Nobody wants what is read.
    Unwanted,
    /// Something is wrong.
    Wrong(Error),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Wrong(error)
    }
}

pub(crate) struct Driver {
    bucket: Arc<Bucket>,
    known: Known,
    facts: Arc<Facts>,
    gathered: Gathered,
    /// Looks so far.
    looks: u64,
}

impl Driver {
    pub(crate) fn new(
        bucket: Arc<Bucket>,
        checkpoint: &Checkpoint,
        facts: Arc<Facts>,
        batches: Sender<Result<RawBatch, Error>>,
    ) -> Self {
        let options = &bucket.options;
        let gathered = Gathered {
            scope: ScopeId::new(format!("source:{}", options.name)),
            most: options.batch_bytes,
            records: Vec::new(),
            delta: Delta::default(),
            bytes: 0,
            batches,
        };
        let known = Known::new(&options.name, checkpoint);
        Self { bucket, known, facts, gathered, looks: 0 }
    }

    /// Until everything is read; for ever in a stream.
    pub(crate) async fn run(mut self) {
        loop {
            let looked = self.look().await;
            // What was read of others is worth keeping, whatever happened.
            let looked = looked.and(self.gathered.flush().await);
            match looked {
                Ok(()) => {}
                Err(Ended::Unwanted) => return,
                Err(Ended::Wrong(error)) => {
                    // Who does not want it has ended already.
                    self.gathered.batches.send(Err(error)).await.ok();
                    return;
                }
            }
            let Some(poll) = self.bucket.options.poll else { return };
            tokio::time::sleep(poll).await;
        }
    }

    /// Lists everything once and reads what is new.
    async fn look(&mut self) -> Result<(), Ended> {
        self.looks += 1;
        self.facts.lock().begin();
        let mut look = Look::new(Arc::clone(&self.bucket), Arc::clone(&self.facts));
        loop {
            look.ask_for_more();
            tokio::select! {
                Some(page) = look.pages.join_next() => {
                    let page = page.map_err(Error::Reader)?;
                    match page {
                        Ok((listing, objects)) => look.take(listing, objects, &self.known),
                        // In a stream S3 may be away for a while.
                        Err(trouble @ Trouble::Failed(_)) if self.looks > 1 => {
                            look.left(&self.bucket.options.location(), format!("listing failed: {trouble}"));
                            look.listing = None;
                        }
                        Err(trouble) => return Err(self.refused("listing", trouble).into()),
                    }
                }
                Some(piece) = look.pieces.recv() => self.gather(piece).await?,
                Some(read) = look.reads.join_next() => {
                    let (input, outcome) = read.map_err(Error::Reader)?;
                    // Those of its pieces that are on their way come first.
                    while let Ok(piece) = look.pieces.try_recv() {
                        self.gather(piece).await?;
                    }
                    look.active.remove(&input.split);
                    match outcome {
                        Ok(()) => look.failures = 0,
                        Err(Stopped::Refused(Refusal::Left(reason))) => look.left(&input.object.key, reason),
                        Err(Stopped::Refused(Refusal::Damaged)) => self.begin_again(&mut look, *input).await?,
                        // It was listed, so that it may be something with this one.
                        Err(Stopped::Refused(Refusal::Broken(Trouble::Failed(reason)))) if look.failures < FAILURES => {
                            look.failures += 1;
                            look.left(&input.object.key, reason);
                        }
                        Err(Stopped::Refused(Refusal::Broken(trouble))) => {
                            return Err(self.refused("reading", trouble).into());
                        }
                        Err(Stopped::Died(died)) => return Err(Error::Reader(died).into()),
                        Err(Stopped::Positions(conflict)) => return Err(Error::Positions(conflict).into()),
                        Err(Stopped::Unwanted) => return Err(Ended::Unwanted),
                    }
                }
                else => {}
            }
            if look.is_over() {
                break;
            }
        }
        self.finish(&look)
    }

    /// What was read of an object came damaged, and some of it may be committed: it is read again from its beginning, as a
    /// split of its own; what was right the first time is left out by its keys.
    async fn begin_again(&mut self, look: &mut Look, input: Input) -> Result<(), Ended> {
        if is_again(&input.split) {
            let reason = "it came damaged twice, and what was read of it may be damaged too; look for what damages it";
            look.left(&input.object.key, reason.to_owned());
            return Ok(());
        }
        let split = again(&input.split);
        tracing::warn!(key = input.object.key, "an object came damaged and is read again");
        let from = Position::Offset(0);
        let span = Span::new(Position::Start, from.clone()).map_err(Error::Positions)?;
        self.gather(Piece { split: split.clone(), records: Vec::new(), span, bytes: 0 }).await?;
        look.active.insert(split.clone());
        look.waiting.push_front(Box::new(Input { split, from, ..input }));
        Ok(())
    }

    async fn gather(&mut self, piece: Piece) -> Result<(), Ended> {
        self.known.reached(&piece.split, piece.span.to());
        self.gathered.add(piece).await
    }

    /// What there is to say when everything was listed.
    fn finish(&self, look: &Look) -> Result<(), Ended> {
        let options = &self.bucket.options;
        if look.lake > 0 && self.looks == 1 {
            tracing::info!(objects = look.lake, "objects below the lake's own location are not read");
        }
        if look.meant == 0 && !options.optional && options.poll.is_none() {
            return Err(Error::NoMatch { name: options.name.clone(), location: options.location() }.into());
        }
        Ok(())
    }

    fn refused(&self, verb: &'static str, trouble: Trouble) -> Error {
        let options = &self.bucket.options;
        Error::Refused { name: options.name.clone(), verb, location: options.location(), trouble }
    }
}

/// One look at everything.
struct Look {
    bucket: Arc<Bucket>,
    facts: Arc<Facts>,
    /// Where the listing goes on; none while a page is on its way, or when there is no more.
    listing: Option<Listing>,
    pages: JoinSet<Result<(Listing, Page), Trouble>>,
    waiting: VecDeque<Box<Input>>,
    /// With what is read.
    reads: JoinSet<(Box<Input>, Result<(), Stopped>)>,
    /// Kept, so that the channel does not end between two objects.
    sender: Sender<Piece>,
    pieces: Receiver<Piece>,
    /// The splits that wait or are read: some servers list a key twice.
    active: HashSet<SplitId>,
    /// Objects in a row that could not be read for no reason of theirs.
    failures: u32,
    /// Objects that the options mean.
    meant: u64,
    /// Objects of the lake.
    lake: u64,
}

impl Look {
    fn new(bucket: Arc<Bucket>, facts: Arc<Facts>) -> Self {
        let (sender, pieces) = mpsc::channel(PIECES);
        Self {
            bucket,
            facts,
            listing: Some(Listing::default()),
            pages: JoinSet::new(),
            waiting: VecDeque::new(),
            reads: JoinSet::new(),
            sender,
            pieces,
            active: HashSet::new(),
            failures: 0,
            meant: 0,
            lake: 0,
        }
    }

    /// Begins what may be begun.
    fn ask_for_more(&mut self) {
        while self.reads.len() < self.bucket.options.concurrency
            && let Some(input) = self.waiting.pop_front()
        {
            let (bucket, facts, pieces) = (Arc::clone(&self.bucket), Arc::clone(&self.facts), self.sender.clone());
            self.reads.spawn(async move {
                let outcome = read(bucket, input.as_ref().clone(), facts, pieces).await;
                (input, outcome)
            });
        }
        if self.waiting.len() < FEW
            && let Some(listing) = self.listing.take()
        {
            let bucket = Arc::clone(&self.bucket);
            self.pages.spawn(async move { listing.page(&bucket).await });
        }
    }

    fn take(&mut self, listing: Listing, objects: Page, known: &Known) {
        self.listing = Some(listing).filter(|listing| !listing.is_over());
        for object in objects {
            let object = match object {
                Ok(object) => object,
                Err(unusable) => {
                    self.left(&unusable.key, unusable.reason.to_owned());
                    continue;
                }
            };
            let key = object.key.clone();
            match known.choose(&self.bucket.options, object) {
                Chosen::Read(input) if !self.active.insert(input.split.clone()) => continue,
                Chosen::Read(input) => {
                    self.facts.add_total(input.object.size);
                    self.waiting.push_back(input);
                }
                Chosen::Left(reason) => self.left(&key, reason),
                Chosen::Done => {}
                Chosen::Passed => continue,
                Chosen::Lake => {
                    self.lake += 1;
                    continue;
                }
            }
            self.meant += 1;
        }
    }

    fn left(&self, name: &str, reason: String) {
        let name =
            if name.contains("://") { name.to_owned() } else { format!("s3://{}/{name}", self.bucket.options.bucket) };
        let input = UnreadInput { name, reason };
        let is_new = self.facts.lock().add(input.clone());
        if is_new && self.bucket.options.poll.is_some() {
            tracing::warn!(name = input.name, reason = input.reason, "an input cannot be read");
        }
    }

    fn is_over(&self) -> bool {
        self.listing.is_none() && self.pages.is_empty() && self.waiting.is_empty() && self.reads.is_empty()
    }
}

/// A batch that is being made.
struct Gathered {
    scope: ScopeId,
    most: usize,
    records: Vec<Record>,
    delta: Delta,
    bytes: usize,
    batches: Sender<Result<RawBatch, Error>>,
}

impl Gathered {
    async fn add(&mut self, piece: Piece) -> Result<(), Ended> {
        let appended = self.delta.append(Delta::of(piece.split, piece.span));
        appended.map_err(Error::Positions)?;
        self.records.extend(piece.records);
        self.bytes += piece.bytes;
        if self.bytes >= self.most || self.delta.len() >= SPLITS { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<(), Ended> {
        if self.delta.is_empty() {
            return Ok(());
        }
        let batch = RawBatch {
            scope: self.scope.clone(),
            records: std::mem::take(&mut self.records),
            delta: std::mem::take(&mut self.delta),
            read_at: None,
        };
        self.bytes = 0;
        self.batches.send(Ok(batch)).await.map_err(|_| Ended::Unwanted)
    }
}
