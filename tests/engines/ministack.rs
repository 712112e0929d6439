//! MiniStack: a second server with the interface of S3, written by others in another language, which keeps everything in
//! memory. For streams it is a server with the interface of Kinesis that is fast; it has DynamoDB too.
//!
//! It honours conditional writes. Kinder than AWS: it checks no signatures, takes parts of any size, and a second
//! completion answers 200. A shard of a stream that is split or merged is lost with all that is in it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::server::{self, Server};
use super::venv;
use super::weed::BUCKET;

/// A running server.
#[derive(Debug)]
pub(crate) struct Ministack(Server);

impl Ministack {
    /// Starts one for S3, with a bucket, whose log lies in `folder`. `None` where it cannot be had, said on stderr; a panic
    /// where `CI=true`.
    pub(crate) fn start(folder: &Path) -> Option<Self> {
        let started = Self::try_start(folder, "s3").and_then(|ministack| {
            create_bucket(&ministack.0).map_err(|error| format!("the bucket cannot be created: {error}"))?;
            Ok(ministack)
        });
        server::or_leave_out("MiniStack", started)
    }

    /// The same for streams.
    pub(crate) fn start_kinesis(folder: &Path) -> Option<Self> {
        server::or_leave_out("MiniStack", Self::try_start(folder, "kinesis"))
    }

    /// The same for tables.
    pub(crate) fn start_dynamodb(folder: &Path) -> Option<Self> {
        server::or_leave_out("MiniStack", Self::try_start(folder, "dynamodb"))
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.0.address())
    }

    fn try_start(folder: &Path, service: &str) -> Result<Self, String> {
        let python = venv::python(&server::pinned("ministack.txt")?)?;
        let said = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(folder).map_err(said)?;
        let port = server::free_port().map_err(said)?;
        let mut command = Command::new(python);
        command.arg(server::pinned("start_ministack.py")?);
        command.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port.to_string()).env("SERVICES", service);
        // It leaves a file with its number among the temporary ones.
        command.env("TMPDIR", folder);
        Server::start(command.current_dir(folder), folder, port, "Running on http").map(Self)
    }
}

fn create_bucket(server: &Server) -> std::io::Result<()> {
    let mut connection = TcpStream::connect(server.address())?;
    connection.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(
        connection,
        "PUT /{BUCKET} HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        server.address()
    )?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(std::io::Error::other(answer)) }
}
