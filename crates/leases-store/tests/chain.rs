//! One chain, whoever writes: the suite of all tables, races, and slow workers by seed.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a broken expectation of a test panics")]

use std::collections::BTreeSet;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::task::JoinSet;
use tributary_core::{Attempt, Fault, Key, Ticket};
use tributary_leases::{Change, Lease, LeaseTable, conformance};
use tributary_leases_store::StoreLeases;
use tributary_store::{Completed, Created, FolderStore, MemoryStore, ObjectStore, PendingUpload, StoreError, Upload};

fn folder() -> Key {
    "_tributary/events/leases/stream".parse().unwrap()
}

fn tables(store: &Arc<dyn ObjectStore>, count: usize) -> Vec<Arc<dyn LeaseTable>> {
    let table = |number| StoreLeases::new(Arc::clone(store), folder(), format!("worker-{number}"));
    (0..count).map(|number| Arc::new(table(number)) as Arc<dyn LeaseTable>).collect()
}

fn row(key: String, counter: u64) -> Lease {
    Lease { key, counter, ..Lease::default() }
}

#[tokio::test]
async fn conforms_in_memory_and_in_a_folder() {
    let place = tempfile::TempDir::new().unwrap();
    let stores: [Arc<dyn ObjectStore>; 2] =
        [Arc::new(MemoryStore::new()), Arc::new(FolderStore::open(place.path()).unwrap())];
    for store in stores {
        let mut tables = tables(&store, 9);
        conformance::run(tables.remove(0), tables).await;
        let kept = store.list(&folder(), None).await.unwrap().len();
        assert!(kept <= 34, "{kept} documents are left");
    }
}

/// Creates a row, however often others are first. Writers that never rest may starve one beyond its tries, which is reported
/// as a fault that passes; and what it wrote without learning so does not fit a second time.
async fn create(table: &dyn LeaseTable, key: String) {
    loop {
        match table.write(vec![Change::Create(row(key.clone(), 1))]).await {
            Ok(done) if done == [true] => return,
            Ok(_) => return assert!(table.read().await.unwrap().iter().any(|row| row.key == key), "{key} is nowhere"),
            Err(error) => assert_eq!((error.fault(), error.code()), (Fault::Transient, "leases/contended")),
        }
    }
}

/// 8 tasks on threads of their own: what was reported as done is there in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_race_and_nothing_is_lost() {
    let place = tempfile::TempDir::new().unwrap();
    let stores: [(Arc<dyn ObjectStore>, u64); 2] =
        [(Arc::new(MemoryStore::new()), 100), (Arc::new(FolderStore::open(place.path()).unwrap()), 8)];
    for (store, writes) in stores {
        let mut tasks = JoinSet::new();
        for (number, table) in tables(&store, 8).into_iter().enumerate() {
            tasks.spawn(async move {
                for write in 0..writes {
                    create(&*table, format!("{number}-{write}")).await;
                }
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
        let rows = tables(&store, 1)[0].read().await.unwrap();
        assert_eq!(rows.len() as u64, 8 * writes);
    }
}

#[tokio::test]
async fn what_a_newer_version_wrote_is_refused() {
    let store: Arc<dyn ObjectStore> = Arc::new(MemoryStore::new());
    let key = format!("{}/{:020}.json", folder(), 7).parse().unwrap();
    store.create(&key, Bytes::from_static(b"{\"format\":9}")).await.unwrap();
    let table = &tables(&store, 1)[0];
    let refused = table.read().await.unwrap_err();
    assert_eq!((refused.fault(), refused.code()), (Fault::Config, "leases/newer-format"));
    let refused = table.write(vec![Change::Create(row("a".to_owned(), 1))]).await.unwrap_err();
    assert_eq!(refused.code(), "leases/newer-format");
}

/// Knuth's MMIX generator; the high bits are the good ones.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A store whose calls are played one by one, and whose answers get lost.
struct Stage {
    store: MemoryStore,
    dice: Mutex<Dice>,
    /// Documents that were created below the newest one.
    strays: Mutex<u64>,
}

async fn pause() {
    let mut is_over = false;
    std::future::poll_fn(|_| if std::mem::replace(&mut is_over, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

impl Stage {
    fn is_lost(&self) -> bool {
        self.dice.lock().unwrap().below(60) == 0
    }

    fn lost<T>(key: &Key) -> Result<T, StoreError> {
        Err(StoreError::Io { verb: "call", key: key.clone(), cause: io::Error::other("lost") })
    }
}

#[async_trait]
impl ObjectStore for Stage {
    async fn read(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        pause().await;
        let read = self.store.read(key).await;
        pause().await;
        read
    }

    async fn create(&self, key: &Key, body: Bytes) -> Result<Created, StoreError> {
        pause().await;
        let created = self.store.create(key, body.clone()).await?;
        if created == Created::New && !self.store.list(&folder(), Some(key)).await?.is_empty() {
            *self.strays.lock().unwrap() += 1;
        }
        pause().await;
        if !self.is_lost() {
            return Ok(created);
        }
        if self.is_lost() {
            return Self::lost(key);
        }
        // The client has sent it again by itself.
        pause().await;
        let again = self.store.create(key, body).await;
        pause().await;
        again
    }

    async fn list(&self, folder: &Key, after: Option<&Key>) -> Result<Vec<Key>, StoreError> {
        pause().await;
        let listed = self.store.list(folder, after).await;
        pause().await;
        if self.is_lost() { Self::lost(folder) } else { listed }
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        pause().await;
        self.store.delete(key).await?;
        pause().await;
        if self.is_lost() { Self::lost(key) } else { Ok(()) }
    }

    async fn size(&self, key: &Key) -> Result<Option<u64>, StoreError> {
        self.store.size(key).await
    }

    async fn read_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.store.read_range(key, range).await
    }

    async fn begin(&self, attempt: &Attempt, key: &Key) -> Result<Box<dyn Upload>, StoreError> {
        self.store.begin(attempt, key).await
    }

    async fn complete(&self, key: &Key, ticket: &Ticket) -> Result<Completed, StoreError> {
        self.store.complete(key, ticket).await
    }

    async fn abort(&self, key: &Key, upload: &str) -> Result<(), StoreError> {
        self.store.abort(key, upload).await
    }

    async fn uploads(&self) -> Result<Vec<PendingUpload>, StoreError> {
        self.store.uploads().await
    }
}

/// What was reported as done, by whom ever.
type Reported = Arc<Mutex<BTreeSet<String>>>;

async fn write_on(table: Arc<dyn LeaseTable>, name: usize, reported: Reported) {
    let keys = |rows: Vec<Lease>| rows.into_iter().map(|row| row.key).collect::<BTreeSet<String>>();
    for write in 0..60 {
        let key = format!("{name}-{write}");
        if let Ok(done) = table.write(vec![Change::Create(row(key.clone(), 1))]).await
            && done[0]
        {
            reported.lock().unwrap().insert(key);
        }
        if write % 3 == 0 {
            let before = reported.lock().unwrap().clone();
            let Ok(rows) = table.read().await else { continue };
            let missing: Vec<String> = before.difference(&keys(rows)).cloned().collect();
            assert!(missing.is_empty(), "{missing:?} were there before");
        }
    }
}

/// Plays one schedule; how many documents were created beside the chain.
fn play(seed: u64) -> u64 {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let stage = Stage { store: MemoryStore::new(), dice: Mutex::new(Dice(seed)), strays: Mutex::new(0) };
    let stage = Arc::new(stage);
    let store: Arc<dyn ObjectStore> = Arc::clone(&stage) as _;
    let reported = Reported::default();
    let mut lives: Vec<Pin<Box<dyn Future<Output = ()>>>> = Vec::new();
    for (name, table) in tables(&store, 5).into_iter().enumerate() {
        lives.push(Box::pin(write_on(table, name, Arc::clone(&reported))));
    }
    let mut context = Context::from_waker(Waker::noop());
    let mut frozen = vec![0; lives.len()];
    let mut step = 0;
    while !lives.is_empty() {
        step += 1;
        let which = dice.below(lives.len() as u64) as usize;
        if dice.below(100) == 0 {
            frozen[which] = step + dice.below(4_000);
        }
        if frozen[which] <= step && lives[which].as_mut().poll(&mut context).is_ready() {
            drop(lives.swap_remove(which));
            frozen.swap_remove(which);
        }
    }
    // Somebody who knows nothing reads.
    let store: Arc<dyn ObjectStore> = Arc::new(stage.store.clone());
    let table = tables(&store, 1).remove(0);
    let mut read = table.read();
    let Poll::Ready(rows) = read.as_mut().poll(&mut context) else { panic!("memory does not wait") };
    let keys: BTreeSet<String> = rows.unwrap().into_iter().map(|row| row.key).collect();
    let missing: Vec<String> = reported.lock().unwrap().difference(&keys).cloned().collect();
    assert!(missing.is_empty(), "seed {seed}: {missing:?} were reported as done");
    assert!(reported.lock().unwrap().len() > 200, "seed {seed}: hardly anything was done");
    *stage.strays.lock().unwrap()
}

/// Guards: a worker so slow that the number it creates has been deleted does not split the chain.
#[test]
fn slow_workers_do_not_split_the_chain() {
    let scale =
        std::env::vars().find(|(key, _)| key == "TRIBUTARY_TEST_SCALE").map_or(1, |(_, scale)| scale.parse().unwrap());
    let strays: u64 = (0..25 * scale).map(play).sum();
    assert!(strays > 0, "no schedule was slow enough to show anything");
    println!("{strays} documents were created beside the chain");
}
