//! A store in memory, for tests: the same guarantees as the others, and faults on demand.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use tributary_core::{Attempt, Key, Ticket, Timestamp};

use crate::checksum::{Checksum, digest_of};
use crate::error::staging_area;
use crate::{Completed, Created, ObjectStore, PendingUpload, StoreError, Upload};

/// A call that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// [`ObjectStore::read`].
    Read,
    /// [`ObjectStore::create`].
    Create,
    /// [`ObjectStore::list`].
    List,
    /// [`ObjectStore::delete`].
    Delete,
    /// [`ObjectStore::begin`].
    Begin,
    /// [`Upload::write`].
    Write,
    /// [`Upload::seal`].
    Seal,
    /// [`ObjectStore::complete`].
    Complete,
    /// [`ObjectStore::abort`].
    Abort,
    /// [`ObjectStore::uploads`].
    Uploads,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It works.
    Proceed,
    /// It fails and had no effect.
    FailBefore,
    /// It had its effect, but the reply is lost.
    FailAfter,
    /// The caller dies before the effect: the future never ends.
    CrashBefore,
    /// The caller dies after the effect: the future never ends.
    CrashAfter,
}

#[derive(Debug)]
struct Staged {
    attempt: Attempt,
    bytes: BytesMut,
    since: Timestamp,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<Key, Bytes>,
    uploads: BTreeMap<(Key, String), Staged>,
    begun: u64,
    now: Option<Timestamp>,
    faults: HashMap<Verb, VecDeque<Outcome>>,
    /// What decides how a completion that comes again is answered; [`Completed::Before`] without it.
    fickle: Option<u64>,
}

impl State {
    /// The answer to a completion of what stands there.
    fn completed_again(&mut self) -> Completed {
        let Some(state) = &mut self.fickle else { return Completed::Before };
        // The linear congruential generator of Knuth's MMIX; its highest bit is its best.
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if *state >> 63 == 0 { Completed::Before } else { Completed::Now }
    }
}

/// Objects in memory. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store that answers a completion that comes again as S3 does: it may say that it made the object, or that
    /// there is no such upload, which whoever looks then takes for [`Completed::Before`]. For tests.
    pub fn fickle(seed: u64) -> Self {
        let state = State { fickle: Some(seed), ..State::default() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// The next call of `verb` that has no outcome yet gets this one. For tests.
    pub fn inject(&self, verb: Verb, outcome: Outcome) {
        self.lock().faults.entry(verb).or_default().push_back(outcome);
    }

    /// Uploads that are begun from now on say that they were begun at `now`; 1970 until this is called.
    pub fn set_now(&self, now: Timestamp) {
        self.lock().now = Some(now);
    }

    /// A poisoned lock means that a test has failed already; the state is still whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `effect` happen, or not, as it was ordered for this verb.
    async fn call<T>(
        &self,
        verb: Verb,
        key: &Key,
        effect: impl FnOnce(&mut State) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let outcome = self.lock().faults.get_mut(&verb).and_then(VecDeque::pop_front).unwrap_or(Outcome::Proceed);
        let failed = |when: &str| StoreError::Io {
            verb: "call",
            key: key.clone(),
            cause: io::Error::other(format!("injected {when} the effect of {verb:?}")),
        };
        match outcome {
            Outcome::Proceed => effect(&mut self.lock()),
            Outcome::FailBefore => Err(failed("before")),
            Outcome::FailAfter => {
                // The reply, good or bad, is what gets lost.
                drop(effect(&mut self.lock()));
                Err(failed("after"))
            }
            Outcome::CrashBefore => std::future::pending().await,
            Outcome::CrashAfter => {
                drop(effect(&mut self.lock()));
                std::future::pending().await
            }
        }
    }
}

fn completed(state: &mut State, key: &Key, ticket: &Ticket) -> Result<Completed, StoreError> {
    let different = |found: u64| StoreError::Different { key: key.clone(), found, expected: ticket.bytes };
    if let Some(staged) = state.uploads.remove(&(key.clone(), ticket.upload.clone())) {
        let found = staged.bytes.len() as u64;
        if found != ticket.bytes {
            state.uploads.insert((key.clone(), ticket.upload.clone()), staged);
            return Err(different(found));
        }
        state.objects.insert(key.clone(), staged.bytes.freeze());
        return Ok(Completed::Now);
    }
    let Some(object) = state.objects.get(key) else { return Err(StoreError::Gone { key: key.clone() }) };
    let found = object.len() as u64;
    if found == ticket.bytes && digest_of(object) == ticket.digest {
        return Ok(state.completed_again());
    }
    Err(different(found))
}

#[async_trait]
impl ObjectStore for MemoryStore {
    async fn read(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.call(Verb::Read, key, |state| Ok(state.objects.get(key).cloned())).await
    }

    async fn size(&self, key: &Key) -> Result<Option<u64>, StoreError> {
        self.call(Verb::Read, key, |state| Ok(state.objects.get(key).map(|object| object.len() as u64))).await
    }

    async fn read_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.call(Verb::Read, key, |state| {
            let object = state.objects.get(key).cloned().unwrap_or_default();
            let bounds = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
            match bounds {
                Some((start, end)) if start <= end && end <= object.len() => Ok(object.slice(start..end)),
                _ => Err(StoreError::Io {
                    verb: "read",
                    key: key.clone(),
                    cause: io::Error::from(io::ErrorKind::UnexpectedEof),
                }),
            }
        })
        .await
    }

    async fn create(&self, key: &Key, body: Bytes) -> Result<Created, StoreError> {
        self.call(Verb::Create, key, |state| {
            if let Some(winner) = state.objects.get(key) {
                return Ok(Created::Exists(winner.clone()));
            }
            state.objects.insert(key.clone(), body);
            Ok(Created::New)
        })
        .await
    }

    async fn list(&self, folder: &Key, after: Option<&Key>) -> Result<Vec<Key>, StoreError> {
        self.call(Verb::List, folder, |state| {
            let below = |key: &&Key| {
                key.as_str().strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'))
                    && after.is_none_or(|after| *key > after)
            };
            Ok(state.objects.keys().filter(below).cloned().collect())
        })
        .await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.call(Verb::Delete, key, |state| {
            state.objects.remove(key);
            Ok(())
        })
        .await
    }

    async fn begin(&self, attempt: &Attempt, key: &Key) -> Result<Box<dyn Upload>, StoreError> {
        let upload = self
            .call(Verb::Begin, key, |state| {
                state.begun += 1;
                let upload = format!("{attempt}-{}", state.begun);
                let since = state.now.unwrap_or(Timestamp::from_micros(0));
                let staged = Staged { attempt: attempt.clone(), bytes: BytesMut::new(), since };
                state.uploads.insert((key.clone(), upload.clone()), staged);
                Ok(upload)
            })
            .await?;
        Ok(Box::new(MemoryUpload { store: self.clone(), key: key.clone(), upload, checksum: Checksum::new() }))
    }

    async fn complete(&self, key: &Key, ticket: &Ticket) -> Result<Completed, StoreError> {
        self.call(Verb::Complete, key, |state| completed(state, key, ticket)).await
    }

    async fn abort(&self, key: &Key, upload: &str) -> Result<(), StoreError> {
        self.call(Verb::Abort, key, |state| {
            state.uploads.remove(&(key.clone(), upload.to_owned()));
            Ok(())
        })
        .await
    }

    async fn uploads(&self) -> Result<Vec<PendingUpload>, StoreError> {
        self.call(Verb::Uploads, &staging_area()?, |state| {
            let pending = state.uploads.iter().map(|((key, upload), staged)| PendingUpload {
                key: key.clone(),
                upload: upload.clone(),
                attempt: staged.attempt.clone(),
                since: staged.since,
            });
            Ok(pending.collect())
        })
        .await
    }
}

struct MemoryUpload {
    store: MemoryStore,
    key: Key,
    upload: String,
    checksum: Checksum,
}

#[async_trait]
impl Upload for MemoryUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        let place = (self.key.clone(), self.upload.clone());
        self.store
            .call(Verb::Write, &self.key, |state| match state.uploads.get_mut(&place) {
                Some(staged) => {
                    staged.bytes.extend_from_slice(&bytes);
                    Ok(())
                }
                None => Err(StoreError::Gone { key: place.0.clone() }),
            })
            .await?;
        self.checksum.add(&bytes);
        Ok(())
    }

    async fn seal(self: Box<Self>) -> Result<Ticket, StoreError> {
        let place = (self.key.clone(), self.upload.clone());
        let ticket = self.checksum.ticket(self.upload.clone());
        self.store
            .call(Verb::Seal, &self.key, |state| match state.uploads.contains_key(&place) {
                true => Ok(ticket),
                false => Err(StoreError::Gone { key: place.0.clone() }),
            })
            .await
    }

    async fn abort(self: Box<Self>) -> Result<(), StoreError> {
        self.store.abort(&self.key, &self.upload).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn passes_the_conformance_suite() {
        crate::conformance::run(|| Arc::new(MemoryStore::new())).await;
        crate::conformance::tells_who_completed(&MemoryStore::new()).await;
        crate::conformance::run(|| Arc::new(MemoryStore::fickle(7))).await;
    }

    #[tokio::test]
    async fn a_lost_reply_leaves_the_effect() {
        let store = MemoryStore::new();
        store.inject(Verb::Create, Outcome::FailBefore);
        store.inject(Verb::Create, Outcome::FailAfter);
        assert!(store.create(&key("a"), Bytes::from_static(b"1")).await.is_err());
        assert_eq!(store.read(&key("a")).await.unwrap(), None);
        assert!(store.create(&key("a"), Bytes::from_static(b"1")).await.is_err());
        assert_eq!(store.read(&key("a")).await.unwrap(), Some(Bytes::from_static(b"1")));
    }
}
