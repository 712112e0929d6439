//! How much a recovery asks of a server, however long the log is.
//!
//! `TRIBUTARY_TEST_SCALE=100 cargo test --release -p tributary-store-s3 --test recovery -- --nocapture` commits 10,000 times,
//! which takes some minutes.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a broken expectation panics")]

#[path = "../../../tests/engines/server.rs"]
mod server;
#[path = "../../../tests/engines/venv.rs"]
mod venv;
#[path = "../../../tests/engines/weed.rs"]
mod weed;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tributary_aws::Connection;
use tributary_commit::{Claim, CommitLog, LogOptions, OptionDigest, Proposal, gc};
use tributary_core::{
    Attempt, Clock, Day, Delta, Epoch, Key, PartitionPath, Position, ScopeId, SealedFile, Span, SplitId, StateKind,
    TableId, Tally, Timestamp,
};
use tributary_store::ObjectStore;
use tributary_store_s3::{Options, S3Store};
use tributary_testkit::{FaultProxy, run_again};
use weed::{BUCKET, KEYS, Weed};

const ENDPOINT: &str = "TRIBUTARY_TEST_ENDPOINT";

/// Commits at a scale of 1.
const COMMITS: u64 = 100;

/// What a recovery may ask: a hundred records, and the checkpoint record with what it names.
const MOST_CALLS: u64 = 160;

/// The SDK reads credentials from the environment, which a test cannot change for itself: it starts itself again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recovery_asks_little_however_long_the_log_is() {
    if let Some(endpoint) = std::env::var_os(ENDPOINT) {
        let server = endpoint.into_string().unwrap().trim_start_matches("http://").parse().unwrap();
        return Box::pin(recover(server)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let Some(weed) = Weed::start(folder.path()) else { return };
    let endpoint = weed.endpoint();
    let variables = KEYS.into_iter().chain([(ENDPOINT, endpoint.as_str())]);
    let said = run_again("a_recovery_asks_little_however_long_the_log_is", variables).unwrap();
    venv::say(&said);
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(0)
    }
}

async fn open(store: &Arc<S3Store>) -> CommitLog {
    let options = LogOptions {
        pipeline: "p".parse().unwrap(),
        options: OptionDigest::new(BTreeMap::new()),
        accept_change: false,
        tables: vec![TableId::new("t")],
        takeover: Duration::from_secs(60),
        attempt_age: Duration::from_secs(3_600),
        checkpoint_every: LogOptions::CHECKPOINT_EVERY,
    };
    CommitLog::open(Arc::clone(store) as Arc<dyn ObjectStore>, options, Arc::new(Still)).await.unwrap()
}

/// The commit of this number: a file of one of ten days, and a snapshot.
async fn proposal(store: &S3Store, number: u64) -> Proposal {
    let attempt = Attempt::from_bits(u128::from(number) + 1);
    let partition = PartitionPath::of(Day::from_days(20_000 + i32::try_from(number % 10).unwrap()));
    let key: Key = format!("t/{partition}/{attempt}-0001.parquet").parse().unwrap();
    let mut upload = store.begin(&attempt, &key).await.unwrap();
    upload.write(Bytes::from_static(b"rows")).await.unwrap();
    let file = SealedFile { table: TableId::new("t"), partition, key, ticket: upload.seal().await.unwrap(), rows: 1 };
    let at = |offset| if offset == 0 { Position::Start } else { Position::Offset(offset) };
    let mut tally = Tally { read: 1, made_rows: 1, ..Tally::default() };
    tally.rows.insert(TableId::new("t"), 1);
    Proposal {
        attempt,
        delta: Delta::of(SplitId::new("s"), Span::new(at(number), at(number + 1)).unwrap()),
        tally,
        adds: vec![file],
        replaces: Vec::new(),
        bans: Vec::new(),
        state: vec![(ScopeId::new("a"), StateKind::Full, Bytes::from(number.to_string()))],
        guarded: false,
        read: Vec::new(),
        began: Timestamp::from_micros(0),
    }
}

fn scale() -> u64 {
    let scale = std::env::var_os("TRIBUTARY_TEST_SCALE").and_then(|text| text.to_str()?.parse().ok());
    scale.unwrap_or(1)
}

async fn recover(server: std::net::SocketAddr) {
    let proxy = FaultProxy::start(server, 0, 0).unwrap();
    let options = Options {
        connection: Connection { endpoint: Some(proxy.endpoint()), ..Connection::default() },
        path_style: true,
        part_size: 5 << 20,
        waiting: 1 << 20,
        ..Options::new(BUCKET, "recovery")
    };
    let store = Arc::new(S3Store::open(options).await.unwrap());
    // The most that there can be after the newest checkpoint record.
    let commits = COMMITS * scale() / 100 * 100 + 99;
    let mut log = open(&store).await;
    log.recover().await.unwrap();
    for number in 0..commits {
        match log.claim(proposal(&store, number).await).await.unwrap() {
            Claim::Owned(permit) => log.publish(permit).await.unwrap(),
            other => panic!("{other:?}"),
        };
    }
    measure(&store, &proxy, commits).await;
    let later = Timestamp::from_micros(1 << 60);
    let report =
        gc(&mut open(&store).await, Attempt::from_bits(1 << 100), Duration::from_secs(1), later).await.unwrap();
    assert!(report.records + 200 >= commits / 100 * 100 - 100, "{report:?}");
    measure(&store, &proxy, commits).await;
}

async fn measure(store: &Arc<S3Store>, proxy: &FaultProxy, commits: u64) {
    let (calls, begun) = (proxy.calls(), Instant::now());
    let recovered = open(store).await.recover().await.unwrap();
    let (calls, took) = (proxy.calls() - calls, begun.elapsed());
    venv::say(&format!("recovered from {commits} commits by {calls} calls in {took:?}"));
    assert_eq!((recovered.next, recovered.live.iter().count() as u64), (Epoch::new(commits), commits));
    assert!(calls <= MOST_CALLS, "{calls} calls");
}
