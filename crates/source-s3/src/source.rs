//! The port: hands out what the driver gathers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::JoinSet;
use tributary_core::{Checkpoint, Failure, Lag, RawBatch, Source, UnreadInput};

use crate::client::Bucket;
use crate::driver::Driver;
use crate::probe;
use crate::{Error, Options};

/// So many objects that cannot be read are named; the others are counted.
const NAMED: usize = 1_000;

/// Reads objects of a bucket, several at a time. With [`Options::poll`] it lists them again whenever it has read them
/// all, and never ends.
///
/// One batch waits while the next one is gathered. A source that is dropped asks for nothing more.
pub struct S3Source {
    batches: Receiver<Result<RawBatch, Error>>,
    /// Begins with the first batch that is asked for: of several sources one is read after the other.
    idle: Option<Box<Driver>>,
    /// One task; it ends when this is dropped.
    driver: JoinSet<()>,
    facts: Arc<Facts>,
}

impl S3Source {
    /// Reads what `checkpoint` does not say was read, once it is asked for it.
    ///
    /// # Errors
    /// [`Error::Connection`] when no connection can be configured. What S3 says comes with the first batch.
    pub async fn open(options: Options, checkpoint: &Checkpoint) -> Result<Self, Error> {
        let bucket = Arc::new(Bucket::connect(options).await?);
        let facts = Arc::new(Facts::default());
        let (sender, batches) = mpsc::channel(1);
        let idle = Some(Box::new(Driver::new(bucket, checkpoint, Arc::clone(&facts), sender)));
        Ok(Self { batches, idle, driver: JoinSet::new(), facts })
    }

    /// Lists and reads a byte, as `open` would, and says in a few words what it found.
    ///
    /// # Errors
    /// What S3 says, with the cure.
    pub async fn probe(options: Options) -> Result<String, Error> {
        probe::probe(options).await
    }
}

#[async_trait]
impl Source for S3Source {
    async fn next(&mut self) -> Result<Option<RawBatch>, Failure> {
        if let Some(driver) = self.idle.take() {
            self.driver.spawn(driver.run());
        }
        if let Some(batch) = self.batches.recv().await {
            return Ok(Some(batch?));
        }
        // It ends when all is read, or because it died.
        match self.driver.join_next().await {
            Some(Err(died)) => Err(Error::Reader(died).into()),
            Some(Ok(())) | None => Ok(None),
        }
    }

    /// Objects need no release: nothing is forgotten, nothing is marked.
    async fn release(&mut self, _durable: &Checkpoint) -> Result<(), Failure> {
        Ok(())
    }

    fn lag(&self) -> Option<Lag> {
        let total = self.facts.total.load(Ordering::Relaxed);
        let read = self.facts.read.load(Ordering::Relaxed);
        Some(Lag::Bytes { read, total: total.max(read) })
    }

    fn unread(&self) -> Vec<UnreadInput> {
        self.facts.lock().in_all()
    }
}

/// What the driver tells.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    read: AtomicU64,
    total: AtomicU64,
    unread: Mutex<Unread>,
}

impl Facts {
    /// Bytes of objects that were read, or need not be.
    pub(crate) fn add_read(&self, bytes: u64) {
        self.read.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes of objects that are to be read.
    pub(crate) fn add_total(&self, bytes: u64) {
        self.total.fetch_add(bytes, Ordering::Relaxed);
    }

    /// What cannot be read, by the last look at it.
    pub(crate) fn lock(&self) -> std::sync::MutexGuard<'_, Unread> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What cannot be read: the first by name, the others in number.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    named: Vec<UnreadInput>,
    /// What was named at the look before.
    before: Vec<UnreadInput>,
    more: u64,
}

impl Unread {
    /// A new look begins.
    pub(crate) fn begin(&mut self) {
        self.before = std::mem::take(&mut self.named);
        self.more = 0;
    }

    /// Whether it is news.
    pub(crate) fn add(&mut self, input: UnreadInput) -> bool {
        if self.named.len() >= NAMED {
            self.more += 1;
            return false;
        }
        let is_new = !self.before.contains(&input);
        self.named.push(input);
        is_new
    }

    fn in_all(&self) -> Vec<UnreadInput> {
        let more = (self.more > 0).then(|| UnreadInput {
            name: format!("{} objects more", self.more),
            reason: "for reasons like these".to_owned(),
        });
        self.named.iter().cloned().chain(more).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_what_cannot_be_read_is_bounded() {
        let mut unread = Unread::default();
        let input = |number: usize| UnreadInput { name: number.to_string(), reason: String::new() };
        assert!((0..NAMED).all(|number| unread.add(input(number))));
        assert!(!unread.add(input(NAMED)));
        assert_eq!(unread.in_all().len(), NAMED + 1);
        assert_eq!(unread.in_all().last().unwrap().name, "1 objects more");
        unread.begin();
        assert!(!unread.add(input(7)));
        assert!(unread.add(input(NAMED + 7)));
        assert_eq!(unread.in_all().len(), 2);
    }
}
