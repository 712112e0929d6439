//! The task of one shard: asks for pages and hands their batches to the line.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};
use tributary_core::{Clock, RawBatch};

use crate::answer::Answer;
use crate::error::Error;
use crate::feed::{Feed, Page};
use crate::part::{Part, Wrong};

/// The first pause after an answer that is no page.
const PAUSE: Duration = Duration::from_millis(250);

/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The same trouble is worth a line of the log so often.
const AGAIN: Duration = Duration::from_secs(30);

/// What is measured of a shard while it is read.
#[derive(Debug)]
pub(crate) struct Gauge {
    /// Bytes of records since it was asked last.
    pub(crate) bytes: AtomicU64,
    /// Milliseconds behind the newest record; negative while that is not known.
    pub(crate) behind: AtomicI64,
    /// Whether the shard takes no records any more, as it was listed last.
    pub(crate) is_closed: Arc<AtomicBool>,
}

impl Default for Gauge {
    fn default() -> Self {
        Self { bytes: AtomicU64::new(0), behind: AtomicI64::new(-1), is_closed: Arc::default() }
    }
}

/// What a reader tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// Nothing more is read of a shard; whether it is over, or a batch has what it wants of it.
    Done {
        /// The shard.
        shard: String,
        /// Whether others follow it.
        is_over: bool,
    },
    /// Somebody else has subscribed to a shard.
    Taken,
}

/// What reads a shard.
pub(crate) struct Reader {
    /// The line that it reads for.
    pub(crate) session: u64,
    pub(crate) name: String,
    pub(crate) part: Part,
    pub(crate) feed: Feed,
    pub(crate) idle: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) gauge: Arc<Gauge>,
    /// Pages that may be in hand.
    pub(crate) room: Arc<Semaphore>,
    pub(crate) batches: Sender<Result<RawBatch, Error>>,
    pub(crate) notes: Sender<(u64, Note)>,
}

/// Nobody wants what is read.
struct Unwanted;

impl Reader {
    /// Until the shard is over, or nobody wants it.
    pub(crate) async fn run(mut self) {
        let mut trouble = Trouble::default();
        while !self.part.is_done {
            match self.step().await {
                Ok(Ok(())) => trouble = Trouble::default(),
                Ok(Err(answer)) if answer.is_passing() => {
                    if self.pause(&mut trouble, &answer).await.is_err() {
                        return;
                    }
                }
                Ok(Err(answer)) => {
                    let error = Error::interrupted(&self.name, &self.part.id, answer);
                    self.batches.send(Err(error)).await.ok();
                    return;
                }
                Err(Unwanted) => return,
            }
        }
        if self.part.foreign > 0 {
            let (shard, records) = (&self.part.id, self.part.foreign);
            tracing::info!(shard, records, "aggregated records that belong to other shards were left to those");
        }
        let is_over = self.part.resume().is_none();
        let note = Note::Done { shard: self.part.id.clone(), is_over };
        // Who is gone does not wait for it.
        self.notes.send((self.session, note)).await.ok();
    }

    /// One page.
    async fn step(&mut self) -> Result<Result<(), Answer>, Unwanted> {
        self.feed.wait().await;
        // A page that is asked for takes its room, as one in hand does; one that is pushed may come at any time.
        let early = if self.feed.is_fan_out() { None } else { Some(self.take_room().await?) };
        let asked = self.clock.now();
        let Some(from) = self.part.resume() else {
            self.part.is_done = true;
            return Ok(Ok(()));
        };
        let page = match self.feed.next(&from).await {
            Ok(page) => page,
            Err(answer) => return Ok(Err(answer)),
        };
        let room = match early {
            Some(room) => room,
            None => self.take_room().await?,
        };
        if let Err(answer) = self.look_for_gap().await {
            self.feed.take_back();
            return Ok(Err(answer));
        }
        self.measure(&page);
        if page.records.is_empty() || page.behind == Some(0) {
            self.feed.idle(self.idle);
        }
        let batch = match self.part.take(page, asked) {
            Ok(Some(batch)) => batch,
            Ok(None) => return Ok(Ok(())),
            // The line ends with it, and what follows would stand behind what was dropped.
            Err(Wrong::Positions(conflict)) => return self.give_up(Error::Positions(conflict)).await,
            Err(Wrong::Number(invalid)) => {
                let (name, stream) = (self.name.clone(), self.part.id.clone());
                let said = format!("the number of a record: {invalid}");
                return self.give_up(Error::Answer { name, stream, said }).await;
            }
        };
        let sent = self.batches.send(Ok(batch)).await;
        drop(room);
        sent.map(Ok).map_err(|_| Unwanted)
    }

    /// Behind a page, for the service may have deleted something until then: what lies before it is a gap, unless that which
    /// was read last, or something older, is still there. What is older than the stream says that it keeps often is, and
    /// clocks differ.
    async fn look_for_gap(&mut self) -> Result<(), Answer> {
        let now = self.clock.now();
        if !self.part.is_overrun(now) {
            return Ok(());
        }
        let is_kept = match self.part.sequence() {
            Some(sequence) => self.feed.keeps(sequence).await?,
            None => false,
        };
        if !is_kept {
            self.part.skip(now);
        }
        Ok(())
    }

    async fn give_up(&self, error: Error) -> Result<Result<(), Answer>, Unwanted> {
        // Who is gone does not wait for it.
        self.batches.send(Err(error)).await.ok();
        Err(Unwanted)
    }

    async fn take_room(&self) -> Result<OwnedSemaphorePermit, Unwanted> {
        Arc::clone(&self.room).acquire_owned().await.map_err(|_| Unwanted)
    }

    fn measure(&self, page: &Page) {
        let bytes: usize = page.records.iter().map(|record| record.data.as_ref().len()).sum();
        self.gauge.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.gauge.behind.store(page.behind.unwrap_or(-1), Ordering::Relaxed);
    }

    /// Waits after an answer that is no page, longer each time, and never as long as its neighbours.
    async fn pause(&mut self, trouble: &mut Trouble, answer: &Answer) -> Result<(), Unwanted> {
        // A subscription that ended is made again where the last page ended.
        if self.feed.is_fan_out() {
            self.feed.forget();
        }
        if *answer == Answer::Expired {
            return Ok(());
        }
        if let Answer::InUse(_) = answer {
            self.notes.send((self.session, Note::Taken)).await.map_err(|_| Unwanted)?;
        }
        if trouble.is_news() {
            tracing::warn!(shard = self.part.id, said = answer.said(), "no records for now");
        }
        sleep(trouble.next()).await;
        if self.batches.is_closed() { Err(Unwanted) } else { Ok(()) }
    }
}

/// Answers in a row that were no pages.
#[derive(Debug, Default)]
struct Trouble {
    count: u32,
    told: Option<Instant>,
}

impl Trouble {
    /// Being throttled now and then is how a shard is read at its limit.
    fn is_news(&mut self) -> bool {
        let is_due = self.count >= 3 && self.told.is_none_or(|told| told.elapsed() >= AGAIN);
        if is_due {
            self.told = Some(Instant::now());
        }
        is_due
    }

    /// Between half of the pause and all of it.
    fn next(&mut self) -> Duration {
        let longest = PAUSE.saturating_mul(1 << self.count.min(8)).min(LONGEST_PAUSE);
        self.count += 1;
        // Keyed anew by the operating system each time.
        let half = longest / 2;
        let by_chance = RandomState::new().hash_one(()) % (half.as_millis() as u64 + 1);
        half + Duration::from_millis(by_chance)
    }
}
