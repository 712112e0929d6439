//! The room as a line sees it, against a service in this process that splits, merges, forgets and fails when it is told to:
//! every record is accounted for once, in a log that takes a batch only where it follows on what it has.
//!
//! `TRIBUTARY_TEST_SCALE=20 cargo test -p tributary-source-kinesis --test wire schedules` plays longer,
//! `TRIBUTARY_TEST_SEED=7` one schedule again.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a broken expectation panics; a test spawns for itself; one program of several files"
)]

mod aggregated;
mod batches;
mod fake;
mod fan_out;
mod faults;
mod line;
mod pace;
mod random;
mod reading;
mod resharding;
mod retention;
mod schedules;
mod workers;

use std::future::Future;

use tributary_testkit::run_again;

/// Says to a process that it is the client.
const CLIENT: &str = "TRIBUTARY_WIRE_CLIENT";

/// The SDK reads credentials from the environment, which a test cannot change for itself: the test `name` starts itself
/// again.
fn play(name: &str, test: impl Future<Output = ()>) {
    if std::env::var_os(CLIENT).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        return runtime.block_on(test);
    }
    let keys = [("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "never-on-the-wire"), (CLIENT, "1")];
    if let Err(said) = run_again(name, keys) {
        panic!("{said}");
    }
}
