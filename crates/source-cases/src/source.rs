//! The port: hands out what the driver takes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::JoinSet;
use tributary_core::{Checkpoint, Failure, Lag, RawBatch, Source, Timestamp, UnreadInput};

use crate::client::Domain;
use crate::driver::Driver;
use crate::probe;
use crate::{Error, Options};

/// Reads the audit events of a domain's cases: those up to now, or with [`Options::poll`] those that follow, too.
///
/// One batch waits while the next one is gathered. A source that is dropped asks for nothing more.
pub struct CasesSource {
    batches: Receiver<Result<RawBatch, Error>>,
    /// Begins with the first batch that is asked for: of several sources one is read after the other.
    idle: Option<Box<Driver>>,
    /// One task; it ends when this is dropped.
    driver: JoinSet<()>,
    facts: Arc<Facts>,
}

impl CasesSource {
    /// Reads what `checkpoint` does not say was read, once it is asked for it.
    ///
    /// # Errors
    /// [`Error::Connection`] when no connection can be configured. What the service says comes with the first batch.
    pub async fn open(options: Options, checkpoint: &Checkpoint) -> Result<Self, Error> {
        let domain = Domain::connect(options).await?;
        let facts = Arc::new(Facts::default());
        let (sender, batches) = mpsc::channel(1);
        let idle = Some(Box::new(Driver::new(domain, checkpoint, Arc::clone(&facts), sender)));
        Ok(Self { batches, idle, driver: JoinSet::new(), facts })
    }

    /// Asks for the domain, a page of its cases and a page of a history, and says in a few words what it found.
    ///
    /// # Errors
    /// What the service says, with the cure.
    pub async fn probe(options: Options) -> Result<String, Error> {
        probe::probe(options).await
    }
}

#[async_trait]
impl Source for CasesSource {
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

    /// A history needs no release: nothing is forgotten, nothing is marked.
    async fn release(&mut self, _durable: &Checkpoint) -> Result<(), Failure> {
        Ok(())
    }

    fn lag(&self) -> Option<Lag> {
        // Before the first sweep is over nobody knows.
        u64::try_from(self.facts.behind.load(Ordering::Relaxed)).ok().filter(|behind| *behind > 0).map(Lag::Millis)
    }

    fn unread(&self) -> Vec<UnreadInput> {
        let missing = self.facts.missing.lock().unwrap_or_else(PoisonError::into_inner);
        missing.iter().map(|(name, reason)| UnreadInput { name: name.clone(), reason: reason.clone() }).collect()
    }
}

/// What the driver tells.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Milliseconds behind the service's clock when the last sweep began; 0 while there was none.
    behind: AtomicI64,
    /// Listed cases that are not there, and why.
    missing: Mutex<BTreeMap<String, String>>,
}

impl Facts {
    /// Everything before `since` was taken when it was `now`.
    pub(crate) fn is_up_to(&self, since: Timestamp, now: Timestamp) {
        self.behind.store(now.millis().saturating_sub(since.millis()).max(1), Ordering::Relaxed);
    }

    /// A listed case is not there.
    pub(crate) fn missing(&self, case: &str, domain: &str, said: &str) {
        let reason = format!("there is no such case in the domain {domain}; correct cases ({said})");
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        if missing.insert(case.to_owned(), reason.clone()).is_none() {
            tracing::warn!(case, reason, "a case cannot be read");
        }
    }
}
