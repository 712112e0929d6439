//! The tasks of a line, and what their ends mean together.

use std::future::Future;

use tokio::task::{Id, JoinSet};
use tributary_core::{Epoch, Fault, Held, ScopeId, UnreadInput};

use crate::stage::{Ended, ReadEnd};
use crate::{Outcome, RunError, StageName};

/// The running stages of one line. Dropping it aborts them.
#[derive(Default)]
pub(crate) struct Tasks {
    running: JoinSet<Result<Ended, RunError>>,
    names: Vec<(Id, StageName)>,
}

impl Tasks {
    /// Starts a stage. The one place where anything is spawned.
    pub(crate) fn add(
        &mut self,
        name: StageName,
        stage: impl Future<Output = Result<Ended, RunError>> + Send + 'static,
    ) {
        let handle = self.running.spawn(stage);
        self.names.push((handle.id(), name));
    }

    /// Waits for the next stage to end; a panic is an error of its stage. `None` when all have ended.
    pub(crate) async fn next(&mut self) -> Option<Result<Ended, RunError>> {
        match self.running.join_next().await? {
            Ok(result) => Some(result),
            Err(join) => {
                let name =
                    self.names.iter().find(|(id, _)| *id == join.id()).map_or(StageName::Read, |(_, name)| *name);
                Some(Err(RunError::lost(name, join)))
            }
        }
    }

    /// Drops everything and waits until it is gone.
    pub(crate) async fn abort(&mut self) {
        self.running.shutdown().await;
    }
}

/// How a line ended that did not fail.
pub(crate) enum LineEnd {
    /// Nothing more is to be done.
    Stopped { outcome: Outcome, unread: Vec<UnreadInput>, held: Vec<(ScopeId, Held)> },
    /// Others committed to our days first, in this epoch.
    Overtaken(Epoch),
    /// The splits are other ones.
    Interrupted,
    /// Somebody else has what was read of splits that move.
    Moved,
}

impl LineEnd {
    /// Stopped from outside, with nothing to tell.
    pub(crate) fn stopped(outcome: Outcome) -> Self {
        Self::Stopped { outcome, unread: Vec::new(), held: Vec::new() }
    }
}

/// What is known of a line's end, stage by stage.
#[derive(Default)]
pub(crate) struct Fate {
    errors: Vec<RunError>,
    overtaken: Option<Epoch>,
    read: Option<ReadEnd>,
    unread: Vec<UnreadInput>,
    held: Vec<(ScopeId, Held)>,
    committed: bool,
}

impl Fate {
    /// A stage has ended.
    pub(crate) fn learn(&mut self, end: Result<Ended, RunError>) {
        match end {
            Err(error) => self.errors.push(error),
            Ok(Ended::Read { cause, unread }) => {
                self.read = Some(cause);
                self.unread = unread;
            }
            Ok(Ended::Transform { held }) => self.held = held,
            Ok(Ended::Commit) => self.committed = true,
            Ok(Ended::Overtaken(epoch)) => self.overtaken = Some(epoch),
            Ok(Ended::Write | Ended::Closed) => {}
        }
    }

    /// What the ends mean together, once all stages have ended. The first error that a restart cannot cure decides,
    /// else the first error: stages below a failed source finish what they have, and may find that they are fenced.
    pub(crate) fn decide(mut self) -> Result<LineEnd, RunError> {
        if !self.errors.is_empty() {
            let lasting = self.errors.iter().position(|error| error.fault() != Fault::Transient);
            return Err(self.errors.swap_remove(lasting.unwrap_or(0)));
        }
        if let Some(epoch) = self.overtaken {
            return Ok(LineEnd::Overtaken(epoch));
        }
        let stopped = |outcome| Ok(LineEnd::Stopped { outcome, unread: self.unread, held: self.held });
        match self.read {
            Some(ReadEnd::Finished) if self.committed => stopped(Outcome::Finished),
            Some(ReadEnd::Drained) if self.committed => stopped(Outcome::Drained),
            Some(ReadEnd::Interrupted) if self.committed => Ok(LineEnd::Interrupted),
            _ => Err(RunError::broken(StageName::Commit, "a line ends by the end of its input or by an error")),
        }
    }
}

#[cfg(test)]
mod tests {
    use tributary_core::Failure;

    use super::*;

    fn failure(stage: StageName, fault: Fault) -> Result<Ended, RunError> {
        Err(RunError::Stage { stage, cause: Failure::new(fault, "test/failure", "as ordered") })
    }

    /// What decides, as stage and fault, when these errors came in this order.
    fn check(errors: &[(StageName, Fault)], expect: (StageName, Fault)) {
        let mut fate = Fate::default();
        fate.learn(Ok(Ended::Closed));
        for &(stage, fault) in errors {
            fate.learn(failure(stage, fault));
        }
        let error = fate.decide().err().unwrap();
        assert_eq!((error.stage(), error.fault()), (Some(expect.0), expect.1));
    }

    #[test]
    fn the_first_error_decides_and_a_lasting_one_before_a_transient() {
        let (read, write) = (StageName::Read, StageName::Write);
        check(&[(read, Fault::Transient), (write, Fault::Transient)], (read, Fault::Transient));
        check(&[(read, Fault::Transient), (write, Fault::Config)], (write, Fault::Config));
        check(&[(read, Fault::Data), (write, Fault::Config)], (read, Fault::Data));
    }

    #[test]
    fn a_line_that_ends_without_a_reason_is_a_mistake_of_ours() {
        assert_eq!(Fate::default().decide().err().map(|error| error.fault()), Some(Fault::Bug));
    }
}
