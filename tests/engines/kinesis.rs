//! Kinesis-local: a server with the interface of Kinesis whose streams are split and merged as those of AWS are.
//!
//! A closed shard is read to its end, where the server says which are its children. Kinder and slower than AWS: it knows no
//! limits but that of shards, which counts closed ones too, and takes some hundred records a second.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::npm;
use super::server::{self, Server};

/// The region of its streams.
pub(crate) const REGION: &str = "us-east-1";

/// Shards of all streams, closed ones included: enough for some hours of a split or a merge every half minute.
const SHARDS: &str = "500";

/// A running server.
#[derive(Debug)]
pub(crate) struct Kinesis(Server);

impl Kinesis {
    /// Starts one whose log lies in `folder`; the streams are in its memory. `None` where it cannot be had, said on stderr;
    /// a panic where `CI=true`.
    pub(crate) fn start(folder: &Path) -> Option<Self> {
        server::or_leave_out("kinesis-local", Self::try_start(folder))
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.0.address())
    }

    fn try_start(folder: &Path) -> Result<Self, String> {
        let pinned = server::pinned("kinesis-local")?;
        let package = npm::packages(&pinned)?.join("node_modules/kinesis-local");
        let said = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(folder).map_err(said)?;
        let port = server::free_port().map_err(said)?;
        // It will have one, which nobody asks.
        let tls = server::free_port().map_err(said)?;
        let mut command = Command::new("node");
        command.arg("--require").arg(pinned.join("loopback.js")).arg(package.join("main.js"));
        command.env("KINESIS_MOCK_CERT_PATH", package.join("server.json"));
        command.env("KINESIS_MOCK_PLAIN_PORT", port.to_string()).env("KINESIS_MOCK_TLS_PORT", tls.to_string());
        command.env("SHARD_LIMIT", SHARDS).env("AWS_REGION", REGION);
        Server::start(command.current_dir(folder), folder, port, &format!("listening on 127.0.0.1:{port}")).map(Self)
    }
}
