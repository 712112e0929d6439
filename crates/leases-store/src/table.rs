//! The table: the end of the chain, and how the next document comes behind it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tributary_core::{Failure, Key};
use tributary_leases::{Change, Lease, LeaseTable};
use tributary_store::{Created, ObjectStore};

use crate::Error;
use crate::document::Document;

/// How many documents are kept. Whoever reads or writes may be slower than so many others and has to look again, no more.
const KEPT: u64 = 32;

/// How often a write is begun anew because another was first.
const TRIES: u32 = 64;

/// Leases in a folder of a store.
///
/// # Why there is one chain
/// A document says up to which number documents may be deleted: its *floor*, `KEPT` below its own number, and never below its
/// parent's. A worker deletes by the floor of a document of its own, once it knows that this one is in the chain. So whatever
/// number was deleted lies at or below the floor of every document that came into the chain later, and of the newest one.
///
/// A slow worker may find the number free that it wants to create because the document that was there is deleted. What it
/// creates then is not in the chain. It finds out: after each creation it lists the folder again. The newest document of the
/// chain is never deleted and has the highest number of all, for what is created without being in the chain has a number
/// at or below a floor. If the floor of the newest is below the number that was created, that number was never deleted before
/// the listing, so the creation was the first of its number, and is in the chain. Otherwise it is not known whether it was: the
/// write is begun anew upon the newest document, where changes that have taken place do not fit any more and are reported as
/// not done, which the port allows. What was created beside the chain is deleted with all others below the floor.
///
/// Nobody builds upon what is not in the chain: a base is the highest number of a listing, or a document of one's own that was
/// found to be in it.
pub struct StoreLeases {
    store: Arc<dyn ObjectStore>,
    folder: Key,
    writer: String,
    writes: AtomicU64,
    /// The newest document that is known: saves a listing and a reading where nobody wrote since. Never held across an await.
    newest: Mutex<Numbered>,
}

/// A document of the chain and its number; 0 and empty before the first.
#[derive(Clone, Debug, Default)]
struct Numbered {
    number: u64,
    document: Document,
}

/// Whether a document that was created is in the chain.
enum Place {
    InTheChain,
    Unknown,
}

impl StoreLeases {
    /// Leases in `folder`, which nothing else may use. `writer` is the name of this worker; no other that lives may have it.
    pub fn new(store: Arc<dyn ObjectStore>, folder: Key, writer: impl Into<String>) -> Self {
        Self { store, folder, writer: writer.into(), writes: AtomicU64::new(0), newest: Mutex::default() }
    }

    fn key(&self, number: u64) -> Result<Key, Error> {
        Ok(format!("{}/{number:020}.json", self.folder).parse()?)
    }

    /// The numbers of all documents, rising.
    async fn numbers(&self) -> Result<Vec<u64>, Error> {
        let keys = self.store.list(&self.folder, None).await?;
        Ok(keys.iter().filter_map(|key| number_of(&self.folder, key)).collect())
    }

    /// The end of the chain.
    async fn load(&self) -> Result<Numbered, Error> {
        for _ in 0..TRIES {
            let Some(number) = self.numbers().await?.last().copied() else { return Ok(Numbered::default()) };
            let key = self.key(number)?;
            // Gone: so many came after it meanwhile that it was deleted.
            let Some(bytes) = self.store.read(&key).await? else { continue };
            let newest = Numbered { number, document: Document::decode(&key, &bytes)? };
            self.remember(&newest);
            return Ok(newest);
        }
        Err(self.contended())
    }

    fn contended(&self) -> Error {
        Error::Contended { folder: self.folder.clone(), tries: TRIES }
    }

    fn remember(&self, newest: &Numbered) {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = newest.clone();
    }

    fn remembered(&self) -> Numbered {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn change(&self, changes: Vec<Change>) -> Result<Vec<bool>, Error> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let mut base = self.remembered();
        let mut is_fresh = false;
        for _ in 0..TRIES {
            let mut rows = base.document.rows();
            let done: Vec<bool> = changes.iter().map(|change| change.clone().apply(&mut rows)).collect();
            // What does not fit an older document may fit the newest.
            if is_fresh && !done.contains(&true) {
                return Ok(done);
            }
            if is_fresh || (base.number > 0 && !done.contains(&false)) {
                let number = base.number + 1;
                let floor = base.document.floor.max(number.saturating_sub(KEPT));
                let write = self.writes.fetch_add(1, Ordering::Relaxed);
                let document = Document::new(&self.writer, write, floor, &rows);
                if self.append(&Numbered { number, document }).await? {
                    return Ok(done);
                }
            }
            base = self.load().await?;
            is_fresh = true;
        }
        Err(self.contended())
    }

    /// Whether the document could be put at the end of the chain.
    async fn append(&self, next: &Numbered) -> Result<bool, Error> {
        let bytes = Bytes::from(next.document.encode()?);
        match self.store.create(&self.key(next.number)?, bytes.clone()).await? {
            Created::New => {}
            // Ours: the answer to a first try was lost.
            Created::Exists(there) if there == bytes => {}
            Created::Exists(_) => return Ok(false),
        }
        let numbers = self.numbers().await?;
        match self.place(next, numbers.last().copied()).await? {
            Place::Unknown => Ok(false),
            Place::InTheChain => {
                self.remember(next);
                self.delete(numbers, next.document.floor).await;
                Ok(true)
            }
        }
    }

    async fn place(&self, created: &Numbered, highest: Option<u64>) -> Result<Place, Error> {
        let Some(highest) = highest else { return Ok(Place::Unknown) };
        let floor = match highest == created.number {
            true => created.document.floor,
            false => {
                let key = self.key(highest)?;
                let Some(bytes) = self.store.read(&key).await? else { return Ok(Place::Unknown) };
                Document::decode(&key, &bytes)?.floor
            }
        };
        Ok(if floor < created.number { Place::InTheChain } else { Place::Unknown })
    }

    /// Deletes what is at or below the floor. Where that fails, whoever writes next does it.
    async fn delete(&self, numbers: Vec<u64>, floor: u64) {
        for number in numbers.into_iter().take_while(|number| *number <= floor) {
            let Ok(key) = self.key(number) else { return };
            if let Err(error) = self.store.delete(&key).await {
                tracing::debug!(%error, %key, "an old document of the leases stays for now");
                return;
            }
        }
    }
}

#[async_trait]
impl LeaseTable for StoreLeases {
    async fn read(&self) -> Result<Vec<Lease>, Failure> {
        Ok(self.load().await?.document.leases)
    }

    async fn write(&self, changes: Vec<Change>) -> Result<Vec<bool>, Failure> {
        Ok(self.change(changes).await?)
    }
}

/// The number of a document; none of what is not one.
fn number_of(folder: &Key, key: &Key) -> Option<u64> {
    let name = key.as_str().strip_prefix(folder.as_str())?.strip_prefix('/')?.strip_suffix(".json")?;
    (name.len() == 20 && name.bytes().all(|byte| byte.is_ascii_digit())).then(|| name.parse().ok())?
}
