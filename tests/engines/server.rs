//! What the servers of the tests have in common: a process on a port of its own, ended with its owner.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::venv;

/// They are ready in some seconds; a loaded machine may take much longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where servers listen. Linux gives clients those from 32,768 on, other systems those from 49,152 on.
const PORTS: Range<u16> = 10_000..32_768;

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    port: u16,
    log: PathBuf,
}

impl Server {
    /// Starts `command`, a server on `port` of this machine alone, and waits until it says `ready` and listens. What it
    /// says is in `server.log` in `folder`, which is there.
    pub(crate) fn start(command: &mut Command, folder: &Path, port: u16, ready: &str) -> Result<Self, String> {
        let log = folder.join("server.log");
        let said = |error: std::io::Error| format!("{command:?}: {error}");
        let file = File::create(&log).map_err(said)?;
        let errors = file.try_clone().map_err(said)?;
        let child = command.stdin(Stdio::null()).stdout(file).stderr(errors).spawn();
        let child = child.map_err(|error| format!("{command:?}: {error}"))?;
        let mut server = Self { child, port, log };
        server.wait_until(ready)?;
        Ok(server)
    }

    /// The address of its interface.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    fn wait_until(&mut self, ready: &str) -> Result<(), String> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Ok(Some(status)) = self.child.try_wait() {
                let said = fs::read_to_string(&self.log).unwrap_or_default();
                return Err(format!("the server ended ({status}): {said}"));
            }
            let listens = TcpStream::connect_timeout(&self.address(), Duration::from_secs(1)).is_ok();
            if listens && fs::read_to_string(&self.log).unwrap_or_default().contains(ready) {
                return Ok(());
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        Err(format!("the server was not ready after {PATIENCE:?}; see {}", self.log.display()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What was started; `None` where it could not be, said on stderr; a panic where `CI=true`.
pub(crate) fn or_leave_out<S>(name: &str, started: Result<S, String>) -> Option<S> {
    started.map_err(|reason| venv::leave_out(name, &reason)).ok()
}

/// The file of `tests/engines` that pins a server, from whichever crate it is asked for.
pub(crate) fn pinned(name: &str) -> Result<PathBuf, String> {
    let places = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|place| place.join("tests/engines").join(name));
    places.into_iter().find(|file| file.exists()).ok_or_else(|| format!("tests/engines/{name} is not there"))
}

/// A port that nobody listens on, for a server that is started next: each is handed out once, until all were.
///
/// It is none of those that the system gives to whoever connects ([`PORTS`] end below them), so no client sits on it when
/// the server comes, or comes back.
pub(crate) fn free_port() -> std::io::Result<u16> {
    // Tests start servers side by side; those of another process begin elsewhere.
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let count = u32::from(PORTS.end - PORTS.start);
    let begin = std::process::id().wrapping_mul(97);
    let tried = (0..count).map(|_| begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % count);
    let mut ports = tried.filter_map(|offset| PORTS.start.checked_add(u16::try_from(offset).ok()?));
    ports
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .ok_or_else(|| std::io::Error::other("no port is free"))
}
