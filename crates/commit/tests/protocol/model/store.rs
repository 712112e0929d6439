//! The simulated store: one actor's view of the common lake. Each call waits for the scheduler, which says what becomes
//! of it.

use std::future::poll_fn;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use async_trait::async_trait;
use bytes::Bytes;
use tributary_core::{Attempt, Key, Ticket};
use tributary_store::memory::Outcome;
use tributary_store::{Completed, Created, MemoryStore, ObjectStore, PendingUpload, StoreError, Upload};

/// What the scheduler allows: the outcome of the next call, until it is taken.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Mutex<Passage>>);

#[derive(Default)]
struct Passage {
    open: bool,
    next: Option<Outcome>,
}

impl Gate {
    /// Lets one call pass.
    pub(crate) fn allow(&self, outcome: Outcome) {
        self.0.lock().unwrap().next = Some(outcome);
    }

    /// Lets every call pass from here on, or none.
    pub(crate) fn set_open(&self, open: bool) {
        self.0.lock().unwrap().open = open;
    }

    async fn pass(&self) -> Outcome {
        poll_fn(|context| {
            let mut passage = self.0.lock().unwrap();
            if passage.open {
                return Poll::Ready(Outcome::Proceed);
            }
            if let Some(outcome) = passage.next.take() {
                return Poll::Ready(outcome);
            }
            // Several calls of one actor may wait at once: all are asked again.
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }
}

/// The lake as one actor sees it.
#[derive(Clone)]
pub(crate) struct SimStore {
    pub(crate) lake: MemoryStore,
    pub(crate) gate: Gate,
    /// Looking for checkpoint records is no step of the schedule: where there are none and nothing fails it can be in
    /// nobody's way.
    pub(crate) looks_pass: bool,
}

impl SimStore {
    async fn call<T>(&self, key: &Key, effect: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let lost = || StoreError::Io { verb: "calling", key: key.clone(), cause: io::Error::other("simulated") };
        match self.gate.pass().await {
            Outcome::Proceed => effect.await,
            Outcome::FailBefore => Err(lost()),
            Outcome::FailAfter => effect.await.and(Err(lost())),
            Outcome::CrashBefore => std::future::pending().await,
            Outcome::CrashAfter => {
                drop(effect.await);
                std::future::pending().await
            }
        }
    }
}

#[async_trait]
impl ObjectStore for SimStore {
    async fn read(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.call(key, self.lake.read(key)).await
    }

    async fn size(&self, key: &Key) -> Result<Option<u64>, StoreError> {
        self.call(key, self.lake.size(key)).await
    }

    async fn read_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.call(key, self.lake.read_range(key, range)).await
    }

    async fn create(&self, key: &Key, body: Bytes) -> Result<Created, StoreError> {
        self.call(key, self.lake.create(key, body)).await
    }

    async fn list(&self, folder: &Key, after: Option<&Key>) -> Result<Vec<Key>, StoreError> {
        if self.looks_pass && folder.as_str().ends_with("/checkpoints") {
            return self.lake.list(folder, after).await;
        }
        self.call(folder, self.lake.list(folder, after)).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.call(key, self.lake.delete(key)).await
    }

    async fn begin(&self, attempt: &Attempt, key: &Key) -> Result<Box<dyn Upload>, StoreError> {
        // Parts of an upload are not what the model is about: only its beginning can be in anybody's way.
        self.call(key, self.lake.begin(attempt, key)).await
    }

    async fn complete(&self, key: &Key, ticket: &Ticket) -> Result<Completed, StoreError> {
        self.call(key, self.lake.complete(key, ticket)).await
    }

    async fn abort(&self, key: &Key, upload: &str) -> Result<(), StoreError> {
        self.call(key, self.lake.abort(key, upload)).await
    }

    async fn uploads(&self) -> Result<Vec<PendingUpload>, StoreError> {
        let everything: Key = "uploads".parse().unwrap();
        self.call(&everything, self.lake.uploads()).await
    }
}
