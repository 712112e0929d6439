//! What the source asks of a domain, and what it makes of the answers.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a broken expectation panics")]

mod faults;
mod names;
mod schedules;
mod sweeps;

use std::future::Future;
use std::num::NonZeroU32;
use std::time::Duration;

use tributary_aws::Connection;
use tributary_core::{Checkpoint, Failure, RawBatch, Source};
use tributary_source_cases::{CasesSource, Options};
use tributary_testkit::{CasesServer, run_again};

/// 2026-11-01, in milliseconds.
pub(crate) const NOW: i64 = 1_793_491_200_000;

/// Says to a process that it is the client.
const CLIENT: &str = "TRIBUTARY_WIRE_CLIENT";

/// Whether this process is the client. The SDK reads credentials from the environment, which a test cannot change for itself:
/// the test `name` starts itself again, and is over when that one is.
pub(crate) fn is_client(name: &str) -> bool {
    if std::env::var_os(CLIENT).is_some() {
        return true;
    }
    let keys = [("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "never-on-the-wire"), (CLIENT, "1")];
    if let Err(said) = run_again(name, keys) {
        panic!("{said}");
    }
    false
}

/// Runs a test as the client.
pub(crate) fn play(name: &str, test: impl Future<Output = ()>) {
    if is_client(name) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(test);
    }
}

pub(crate) fn server() -> CasesServer {
    CasesServer::start("d-1", NOW).unwrap()
}

/// A batch with a batch of records a case.
pub(crate) fn options(server: &CasesServer) -> Options {
    Options {
        settle: Duration::from_secs(60),
        rate: NonZeroU32::new(100_000).unwrap(),
        batch_bytes: 1,
        connection: Connection {
            region: Some("eu-central-1".to_owned()),
            endpoint: Some(server.endpoint()),
            ..Connection::default()
        },
        ..Options::new("audit", "d-1")
    }
}

/// What is taken from a checkpoint on, at most so many batches.
pub(crate) async fn read(options: &Options, from: &Checkpoint, most: usize) -> Result<Vec<RawBatch>, Failure> {
    let mut source = CasesSource::open(options.clone(), from).await?;
    let mut batches = Vec::new();
    while batches.len() < most
        && let Some(batch) = source.next().await?
    {
        batches.push(batch);
    }
    Ok(batches)
}

/// The checkpoint after a batch, which leaves no gap.
pub(crate) fn commit(checkpoint: &Checkpoint, batch: &RawBatch) -> Checkpoint {
    let advanced = checkpoint.advance(&batch.delta).unwrap();
    assert!(advanced.gaps.is_empty(), "{:?}", advanced.gaps);
    advanced.checkpoint
}

/// The ids of the events in these batches, in their order.
pub(crate) fn ids(batches: &[RawBatch]) -> Vec<String> {
    let mut ids = Vec::new();
    for record in batches.iter().flat_map(|batch| &batch.records) {
        let record: serde_json::Value = serde_json::from_slice(record.body.bytes()).unwrap();
        assert_eq!(record["domainId"], "d-1");
        assert!(record["caseId"].is_string(), "{record}");
        let events = record["auditEvents"].as_array().unwrap();
        assert!((1..=25).contains(&events.len()), "{record}");
        ids.extend(events.iter().map(|event| event["eventId"].as_str().unwrap().to_owned()));
    }
    ids
}

pub(crate) fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}
