//! Ctrl-C and SIGTERM: the first drains, the second aborts.

use std::convert::Infallible;
use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tributary_runtime::Stop;

use crate::terminal;

/// Both signals.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Begins to listen; from here on neither signal ends the process by itself.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Passes signals on to `stop`, for ever.
    pub(crate) async fn pass_on(mut self, stop: Stop) -> Infallible {
        self.next().await;
        terminal::tell("stopping: committing what was read (once more to stop at once)");
        stop.drain.cancel();
        self.next().await;
        terminal::tell("stopping at once");
        stop.abort.cancel();
        std::future::pending().await
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
