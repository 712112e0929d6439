//! How far a run is: a bar on a terminal, a line now and then elsewhere.

use std::convert::Infallible;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::watch;
use tokio::time::{Instant, interval};
use tributary_core::Lag;
use tributary_runtime::Progress;

use crate::{terminal, units};

/// Five times a second is smooth and costs nothing.
const REDRAW: Duration = Duration::from_millis(200);

/// Where nobody watches, a line this often.
const PLAIN: Duration = Duration::from_secs(10);

/// Shows progress for ever; dropped when the run ends, which takes the bar away.
pub(crate) async fn show(receiver: watch::Receiver<Progress>, wanted: bool) -> Infallible {
    if !wanted {
        return std::future::pending().await;
    }
    if terminal::is_watched() { bar(receiver).await } else { lines(receiver).await }
}

async fn bar(receiver: watch::Receiver<Progress>) -> Infallible {
    let bar = Bar(ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()));
    let mut ticks = interval(REDRAW);
    loop {
        ticks.tick().await;
        let progress = receiver.borrow().clone();
        if let Some(Lag::Bytes { read, total }) = progress.lag {
            bar.0.set_length(total);
            bar.0.set_position(read);
        }
        bar.0.set_style(style());
        bar.0.set_message(text(&progress));
    }
}

/// Takes the bar away when the run ends.
struct Bar(ProgressBar);

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn style() -> ProgressStyle {
    let template = "{bar:30} {percent:>3}% {binary_bytes_per_sec} {msg}";
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

async fn lines(receiver: watch::Receiver<Progress>) -> Infallible {
    let mut last = Instant::now();
    let mut ticks = interval(PLAIN);
    loop {
        ticks.tick().await;
        if last.elapsed() < PLAIN / 2 {
            continue; // the first tick comes at once
        }
        last = Instant::now();
        let progress = receiver.borrow().clone();
        let read = match progress.lag {
            Some(Lag::Bytes { read, total }) => format!("{} of {}, ", units::bytes(read), units::bytes(total)),
            _ => String::new(),
        };
        terminal::tell(&format!("progress: {read}{}", text(&progress)));
    }
}

fn text(progress: &Progress) -> String {
    format!(
        "{} read, {} committed in {} epochs ({})",
        units::count(progress.tally.read),
        units::count(progress.committed.read),
        progress.epochs,
        progress.phase.as_str()
    )
}
