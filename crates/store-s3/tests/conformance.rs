//! The suite of every store, on two real servers.

#![expect(clippy::unwrap_used, reason = "a broken expectation panics")]

#[expect(dead_code, reason = "elsewhere it is started for streams")]
#[path = "../../../tests/engines/ministack.rs"]
mod ministack;
#[path = "../../../tests/engines/server.rs"]
mod server;
#[path = "../../../tests/engines/venv.rs"]
mod venv;
#[path = "../../../tests/engines/weed.rs"]
mod weed;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use ministack::Ministack;
use tributary_aws::Connection;
use tributary_core::{Attempt, Key};
use tributary_store::ObjectStore as _;
use tributary_store_s3::{Options, S3Store, Spill};
use tributary_testkit::run_again;
use weed::{BUCKET, KEYS, Weed};

const ENDPOINT: &str = "TRIBUTARY_TEST_ENDPOINT";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seaweedfs_passes_the_suite() {
    if std::env::var_os(ENDPOINT).is_some() {
        return suite().await;
    }
    let folder = tempfile::tempdir().unwrap();
    let Some(weed) = Weed::start(folder.path()) else { return };
    as_client_of(&weed.endpoint(), "seaweedfs_passes_the_suite");
}

/// A second opinion: what one server lets pass, the other may not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ministack_passes_the_suite() {
    if std::env::var_os(ENDPOINT).is_some() {
        return suite().await;
    }
    let folder = tempfile::tempdir().unwrap();
    let Some(ministack) = Ministack::start(folder.path()) else { return };
    as_client_of(&ministack.endpoint(), "ministack_passes_the_suite");
}

/// The SDK reads credentials from the environment, which a test cannot change for itself: it starts itself again, as
/// the client of the server that it has started.
fn as_client_of(endpoint: &str, test: &str) {
    run_again(test, KEYS.into_iter().chain([(ENDPOINT, endpoint)])).unwrap();
}

async fn suite() {
    let made = AtomicU32::new(0);
    let make = || {
        let options = options(&format!("suite/{}", made.fetch_add(1, Ordering::Relaxed)));
        let open = async { S3Store::open(options).await.unwrap() };
        Arc::new(tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(open)))
    };
    tributary_store::conformance::run(make).await;
    many_open_files(&S3Store::open(options("many")).await.unwrap()).await;
    let store = S3Store::open(options("probed")).await.unwrap();
    store.prove_conditional_writes(&Attempt::from_bits(1)).await.unwrap();
    assert_eq!(store.list(&"_tributary".parse().unwrap(), None).await.unwrap(), [], "the probe is removed");
}

/// Parts of 20 open files do not fit into the memory that is meant for them, and wait on disk.
async fn many_open_files(store: &S3Store) {
    let attempt = Attempt::from_bits(9);
    let mut open = Vec::new();
    for number in 0..20_u8 {
        let key: Key = format!("t/{number}-{attempt}").parse().unwrap();
        open.push((number, store.begin(&attempt, &key).await.unwrap(), key));
    }
    // 7 MB each: a full part and some more.
    for round in 0..70_u8 {
        for (number, upload, _) in &mut open {
            upload.write(Bytes::from(vec![*number ^ round; 100_000])).await.unwrap();
        }
    }
    for (number, upload, key) in open {
        let ticket = upload.seal().await.unwrap();
        assert_eq!(ticket.parts.len(), 2, "a full part and the rest");
        store.complete(&key, &ticket).await.unwrap();
        let expected: Vec<u8> = (0..70).flat_map(|round| vec![number ^ round; 100_000]).collect();
        assert!(store.read(&key).await.unwrap().unwrap() == expected, "file {number}");
    }
}

fn options(prefix: &str) -> Options {
    Options {
        connection: Connection {
            endpoint: std::env::var_os(ENDPOINT).and_then(|text| text.into_string().ok()),
            ..Connection::default()
        },
        path_style: true,
        part_size: 5 << 20,
        waiting: 1 << 20,
        spill: Spill::Disk(None),
        ..Options::new(BUCKET, prefix)
    }
}
