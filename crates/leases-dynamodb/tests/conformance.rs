//! Leases in DynamoDB, as MiniStack has it: the suite of all tables, and workers that share, die and leave.

#![expect(clippy::unwrap_used, reason = "a broken expectation panics")]

#[expect(dead_code, reason = "elsewhere it is started for objects and streams")]
#[path = "../../../tests/engines/ministack.rs"]
mod ministack;
#[path = "../../../tests/engines/server.rs"]
mod server;
#[path = "../../../tests/engines/venv.rs"]
mod venv;
#[expect(dead_code, reason = "its bucket's name is shared")]
#[path = "../../../tests/engines/weed.rs"]
mod weed;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ministack::Ministack;
use tributary_aws::Connection;
use tributary_leases::{Keeper, LeaseTable, Settings, conformance};
use tributary_leases_dynamodb::{DynamoLeases, Options};
use tributary_testkit::run_again;

/// Says to a process where DynamoDB is.
const ENDPOINT: &str = "TRIBUTARY_TEST_DYNAMODB";

/// The SDK reads credentials from the environment, which a test cannot change for itself: it starts itself again.
#[tokio::test]
async fn ministack_passes_the_suite() {
    if let Some(endpoint) = std::env::var_os(ENDPOINT) {
        let endpoint = endpoint.into_string().unwrap();
        Box::pin(conforms(&endpoint)).await;
        return Box::pin(workers_share_and_inherit(&endpoint)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = Ministack::start_dynamodb(folder.path()) else { return };
    let endpoint = server.endpoint();
    let keys = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), (ENDPOINT, endpoint.as_str())];
    run_again("ministack_passes_the_suite", keys).unwrap();
}

/// One more worker's view of a table.
async fn open(endpoint: &str, table: &str) -> Arc<dyn LeaseTable> {
    let connection = Connection { endpoint: Some(endpoint.to_owned()), ..Connection::default() };
    Arc::new(DynamoLeases::open(Options { table: table.to_owned(), connection }).await.unwrap())
}

async fn conforms(endpoint: &str) {
    // All at once: one of them creates the table.
    let (one, two, three) = tokio::join!(open(endpoint, "suite"), open(endpoint, "suite"), open(endpoint, "suite"));
    conformance::run(one, vec![two, three]).await;
}

/// Reads nothing, and answers whoever asks.
struct Worker {
    keeper: Keeper,
    ours: BTreeSet<String>,
}

impl Worker {
    async fn start(endpoint: &str, name: &str) -> Self {
        let keeper = Keeper::new(open(endpoint, "shared").await, Settings::of(name));
        Self { keeper, ours: BTreeSet::new() }
    }

    async fn turn(&mut self, shards: &BTreeSet<String>, now: Instant) {
        let held = self.keeper.turn(shards, &BTreeMap::new(), &|| now).await.unwrap();
        self.keeper.release(&held.asked).await.unwrap();
        self.ours = &held.ours - &held.asked;
    }
}

async fn workers_share_and_inherit(endpoint: &str) {
    let shards: BTreeSet<String> = (0..9).map(|number| format!("shardId-{number:012}")).collect();
    let mut workers = Vec::new();
    for name in ["ann", "bob", "cyd"] {
        workers.push(Worker::start(endpoint, name).await);
    }
    let mut now = Instant::now();
    for _ in 0..5 {
        for worker in &mut workers {
            worker.turn(&shards, now).await;
        }
        now += Duration::from_secs(10);
    }
    assert_eq!(workers.iter().map(|worker| worker.ours.len()).collect::<Vec<usize>>(), [3, 3, 3]);

    // One says goodbye, one dies: the third has everything once what the dead one had has run out.
    workers[2].keeper.leave().await.unwrap();
    workers.truncate(1);
    for _ in 0..5 {
        workers[0].turn(&shards, now).await;
        now += Duration::from_secs(10);
    }
    assert_eq!(workers[0].ours, shards);
    let keys: BTreeSet<String> =
        open(endpoint, "shared").await.read().await.unwrap().into_iter().map(|row| row.key).collect();
    assert_eq!(&keys - &shards, BTreeSet::from(["worker/ann".to_owned()]));
}
