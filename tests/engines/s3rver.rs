//! S3rver: a server with the interface of S3 that ignores conditional writes, as some do.
//!
//! Beyond that it says the MD5 of an object's bytes where S3 says a tag of its parts, and neither lists nor aborts uploads:
//! no lake can be kept there.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::npm;
use super::server::{self, Server};
use super::weed::BUCKET;

/// The credentials that the server knows.
pub(crate) const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "S3RVER"), ("AWS_SECRET_ACCESS_KEY", "S3RVER")];

/// A running server.
#[derive(Debug)]
pub(crate) struct S3rver(Server);

impl S3rver {
    /// Starts one whose data lie in `folder`, those of the bucket in `data/lake`. `None` where it cannot be had, said on
    /// stderr; a panic where `CI=true`.
    pub(crate) fn start(folder: &Path) -> Option<Self> {
        server::or_leave_out("S3rver", Self::try_start(folder))
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.0.address())
    }

    fn try_start(folder: &Path) -> Result<Self, String> {
        let packages = npm::packages(&server::pinned("s3rver")?)?;
        let said = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(folder.join("data")).map_err(said)?;
        let port = server::free_port().map_err(said)?;
        let mut command = Command::new("node");
        command.arg(packages.join("node_modules/s3rver/bin/s3rver.js")).arg("-d").arg(folder.join("data"));
        command.args(["-a", "127.0.0.1", "-p", &port.to_string(), "--configure-bucket", BUCKET]);
        Server::start(command.current_dir(folder), folder, port, "S3rver listening on").map(Self)
    }
}
