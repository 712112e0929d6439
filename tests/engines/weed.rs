//! SeaweedFS: a real server with the interface of S3, on ports and a folder of its own, ended with its owner.
//!
//! It checks signatures and checksums and honours conditional writes. Kinder than AWS: a second completion answers 200.
//! It cannot do SSE-KMS.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::server::{self, Server};
use super::venv;

/// The credentials that the server knows.
pub(crate) const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "testkey"), ("AWS_SECRET_ACCESS_KEY", "testsecret")];

/// Those of somebody who may read and list alone.
pub(crate) const READER: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "readerkey"), ("AWS_SECRET_ACCESS_KEY", "readersecret")];

/// The bucket that is there.
pub(crate) const BUCKET: &str = "lake";

/// A running server.
#[derive(Debug)]
pub(crate) struct Weed(Server);

impl Weed {
    /// Starts one whose data lie in `folder`. `None` where it cannot be had, said on stderr; a panic where `CI=true`.
    pub(crate) fn start(folder: &Path) -> Option<Self> {
        server::or_leave_out("SeaweedFS", Self::try_start(folder))
    }

    /// The address of its interface.
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    fn try_start(folder: &Path) -> Result<Self, String> {
        let weed = venv::python(&server::pinned("weed.txt")?)?.with_file_name("weed");
        let said = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(folder.join("data")).map_err(said)?;
        let config = folder.join("s3.json");
        fs::write(&config, identities()).map_err(said)?;
        let port = server::free_port().map_err(said)?;
        let mut command = Command::new(weed);
        command.args(["mini", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-admin.ui=false", "-webdav=false"]);
        command.arg(format!("-bucket={BUCKET},other")).arg(format!("-dir={}", folder.join("data").display()));
        command.arg(format!("-s3.config={}", config.display())).arg(format!("-s3.port={port}"));
        for name in OTHER_PORTS {
            command.arg(format!("-{name}={}", server::free_port().map_err(said)?));
        }
        Server::start(command.current_dir(folder), folder, port, "All enabled components are running").map(Self)
    }
}

/// Every other port it opens; those of gRPC are 10,000 higher unless they are named.
const OTHER_PORTS: [&str; 11] = [
    "s3.port.grpc",
    "s3.port.iceberg",
    "s3.port.lance",
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "admin.port",
    "admin.port.grpc",
];

fn identities() -> String {
    let identity = |name: &str, [(_, key), (_, secret)]: [(&str, &str); 2], rights: &str| {
        format!(
            r#"{{"name":"{name}","credentials":[{{"accessKey":"{key}","secretKey":"{secret}"}}],"actions":[{rights}]}}"#
        )
    };
    let admin = identity("admin", KEYS, r#""Admin","Read","List","Tagging","Write""#);
    let reader = identity("reader", READER, r#""Read","List""#);
    format!(r#"{{"identities":[{admin},{reader}]}}"#)
}
