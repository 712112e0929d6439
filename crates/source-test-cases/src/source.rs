//! The port: hands out what the driver takes.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::JoinSet;
use tributary_core::{Checkpoint, Failure, Lag, RawBatch, Source, Timestamp, UnreadInput};

use crate::driver::Driver;
use crate::facts::Facts;
use crate::instance::Instance;
use crate::{Error, Options};

/// How far back is looked for something to show: a day.
const PROBED: i64 = 86_400_000_000;

/// Reads the executions of an instance's test cases: those up to now, or with [`Options::poll`] those that follow, too.
///
/// One batch waits while the next one is gathered. A source that is dropped asks for nothing more.
pub struct TestCasesSource {
    batches: Receiver<Result<RawBatch, Error>>,
    /// Begins with the first batch that is asked for: of several sources one is read after the other.
    idle: Option<Box<Driver>>,
    /// One task; it ends when this is dropped.
    driver: JoinSet<()>,
    facts: Arc<Facts>,
}

impl TestCasesSource {
    /// Reads what `checkpoint` does not say was read, once it is asked for it.
    ///
    /// # Errors
    /// When no connection can be configured. What the service says comes with the first batch.
    pub async fn open(options: Options, checkpoint: &Checkpoint) -> Result<Self, Error> {
        let instance = Instance::connect(options).await?;
        let facts = Arc::new(Facts::default());
        let (sender, batches) = mpsc::channel(1);
        let idle = Some(Box::new(Driver::new(instance, checkpoint, Arc::clone(&facts), sender)));
        Ok(Self { batches, idle, driver: JoinSet::new(), facts })
    }

    /// Asks for the instance, its executions of the last day and a test case, and says in a few words what it found.
    ///
    /// # Errors
    /// What the service says, with the cure.
    pub async fn probe(options: Options) -> Result<String, Error> {
        let mut instance = Instance::connect(options).await?;
        let now: Timestamp = instance.now().await?;
        let executions = instance.executions(&(now.plus_micros(-PROBED)..now)).await?;
        if let Some(first) = executions.first() {
            instance.record(first, &mut crate::instance::TestCases::default()).await?;
        }
        Ok(format!("the instance is there; {} executions began within a day", executions.len()))
    }
}

#[async_trait]
impl Source for TestCasesSource {
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

    /// A list needs no release: nothing is forgotten, nothing is marked.
    async fn release(&mut self, _durable: &Checkpoint) -> Result<(), Failure> {
        Ok(())
    }

    fn lag(&self) -> Option<Lag> {
        self.facts.lag()
    }

    fn unread(&self) -> Vec<UnreadInput> {
        Vec::new()
    }
}
