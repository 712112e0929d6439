//! The log.

use tracing_subscriber::EnvFilter;

use crate::args::{Log, LogFormat};
use crate::terminal;

/// Begins to log to standard error. A filter that cannot be read is said, and `warn` taken.
pub(crate) fn begin(log: &Log) {
    let filter = EnvFilter::try_new(without_the_sdk(&log.log)).unwrap_or_else(|error| {
        terminal::tell(&format!("warning: --log {:?} cannot be read ({error}); logging warnings", log.log));
        EnvFilter::new("warn")
    });
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match log.log_format {
        LogFormat::Json => builder.json().flatten_event(true).init(),
        LogFormat::Text => builder.with_ansi(terminal::is_watched()).init(),
    }
}

/// What the SDK warns of on its way (a provider of credentials that has none) is told of by the error that ends it, or
/// is no trouble at all.
fn without_the_sdk(filter: &str) -> String {
    if filter.contains("aws") { filter.to_owned() } else { format!("{filter},aws_config=error,aws_runtime=error") }
}
