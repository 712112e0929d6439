//! What the client asks of an instance, and what it makes of the answers.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a broken expectation panics")]

mod answers;
mod faults;
mod lists;

use std::future::Future;
use std::num::NonZeroU32;
use std::time::Duration;

use tributary_aws::Connection;
use tributary_connect_api::{Client, Options};
use tributary_core::Timestamp;
use tributary_testkit::{ConnectServer, run_again};

/// 2026-11-01, in milliseconds.
pub(crate) const NOW: i64 = 1_793_491_200_000;

/// The instance of all tests.
pub(crate) const INSTANCE: &str = "11111111-2222-4333-8444-555555555555";

/// Says to a process that it is the client.
const CLIENT: &str = "TRIBUTARY_WIRE_CLIENT";

/// Runs a test as the client. The SDK reads credentials from the environment, which a test cannot change for itself: the test
/// `name` starts itself again, and is over when that one is.
pub(crate) fn play(name: &str, test: impl Future<Output = ()>) {
    play_with(name, &[("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "never-on-the-wire")], test);
}

/// The same with other variables.
pub(crate) fn play_with(name: &str, variables: &[(&str, &str)], test: impl Future<Output = ()>) {
    if std::env::var_os(CLIENT).is_none() {
        let alone = [("AWS_EC2_METADATA_DISABLED", "true"), ("AWS_CONFIG_FILE", "/none"), (CLIENT, "1")];
        if let Err(said) = run_again(name, variables.iter().chain(&alone).copied()) {
            panic!("{said}");
        }
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(test);
}

pub(crate) fn server() -> ConnectServer {
    ConnectServer::start(INSTANCE, NOW).unwrap()
}

pub(crate) fn options(endpoint: String) -> Options {
    let region = Some("eu-central-1".to_owned());
    let connection = Connection { region, endpoint: Some(endpoint), ..Connection::default() };
    Options { rate: NonZeroU32::new(100_000).unwrap(), ..Options::new(connection) }
}

pub(crate) async fn client(server: &ConnectServer) -> Client {
    Client::open(&options(server.endpoint())).await.unwrap()
}

/// One that soon gives up.
pub(crate) async fn hasty(endpoint: String) -> Client {
    let options = Options { patience: Duration::from_millis(250), ..options(endpoint) };
    Client::open(&options).await.unwrap()
}

pub(crate) fn at(millis: i64) -> Option<Timestamp> {
    Some(Timestamp::from_micros(millis * 1_000))
}
