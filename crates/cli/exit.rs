//! Exit codes, and errors for a person.

use std::error::Error;
use std::process::ExitCode;

use tributary_core::Fault;
use tributary_runtime::{RunError, StageName};

use crate::terminal;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Done.
    Done,
    /// The command line or a pipeline file is wrong.
    Config,
    /// A source failed.
    Source,
    /// The lake cannot be read or written.
    Store,
    /// Another run was faster.
    Fenced,
    /// A person has to decide about data.
    Data,
    /// Some inputs could not be read; the others are done.
    Unread,
    /// A mistake of the program.
    Bug,
    /// Stopped at once.
    Aborted,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        Self::from(match ending {
            Ending::Done => 0,
            Ending::Config => 2, // also what clap ends with
            Ending::Source => 3,
            Ending::Store => 4,
            Ending::Fenced => 5,
            Ending::Data => 6,
            Ending::Unread => 7,
            Ending::Bug => 70,      // EX_SOFTWARE of sysexits.h
            Ending::Aborted => 130, // 128 + SIGINT, as shells count
        })
    }
}

/// The ending that a fault of this stage is; `None` is whatever happens before and beside the stages.
pub(crate) const fn ending(fault: Fault, stage: Option<StageName>) -> Ending {
    match fault {
        Fault::Config => Ending::Config,
        Fault::Fenced => Ending::Fenced,
        Fault::Data => Ending::Data,
        Fault::Bug => Ending::Bug,
        Fault::Transient => match stage {
            Some(StageName::Read) => Ending::Source,
            _ => Ending::Store,
        },
    }
}

/// An error that knows its fault and its code.
#[derive(Debug)]
pub(crate) struct Trouble {
    fault: Fault,
    code: &'static str,
    stage: Option<StageName>,
    cause: Box<dyn Error + Send + Sync>,
}

impl Trouble {
    /// Wraps an error of a room.
    pub(crate) fn new(fault: Fault, code: &'static str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { fault, code, stage: None, cause: cause.into() }
    }
}

impl From<RunError> for Trouble {
    fn from(error: RunError) -> Self {
        Self { stage: error.stage(), ..Self::new(error.fault(), error.code(), error) }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.cause.fmt(f)
    }
}

impl Error for Trouble {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}

/// Prints the error with its causes and says how the process ends.
pub(crate) fn report(error: &anyhow::Error) -> Ending {
    let trouble = error.downcast_ref::<Trouble>();
    let mut lines = format!("error: {error}");
    for cause in error.chain().skip(1) {
        lines.push_str(&format!("\n  because: {cause}"));
    }
    if let Some(trouble) = trouble {
        lines.push_str(&format!("\n  code: {} (docs/errors.md)", trouble.code));
    }
    terminal::tell(&lines);
    trouble.map_or(Ending::Store, |trouble| ending(trouble.fault, trouble.stage))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_is_down_is_not_a_lake_that_is_down() {
        assert_eq!(ending(Fault::Transient, Some(StageName::Read)), Ending::Source);
        assert_eq!(ending(Fault::Transient, Some(StageName::Write)), Ending::Store);
        assert_eq!(ending(Fault::Fenced, Some(StageName::Read)), Ending::Fenced);
    }
}
