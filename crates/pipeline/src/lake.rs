//! What is done to a lake without running a line.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tributary_commit::{CommitLog, GcReport, gc};
use tributary_core::{Attempt, Clock, Failure};
use tributary_store::ObjectStore;

use crate::{LineFactory, Plan, open_lake};

/// Opens the store of a lake; `None` when there is none yet, and none is made.
///
/// # Errors
/// What the store says: its location cannot be used.
pub async fn open_lake_if_there(location: &Path) -> Result<Option<Arc<dyn ObjectStore>>, Failure> {
    if !location.is_dir() {
        return Ok(None);
    }
    open_lake(location).await.map(Some)
}

/// Throws away the uploads of the plan's pipeline that no run will ever commit and that are older than `older_than`;
/// `attempt` is the name under which their attempts are banned. `None` when there is no lake yet.
///
/// # Errors
/// What the store or the commit log says.
pub async fn collect_garbage(
    factory: &LineFactory,
    attempt: Attempt,
    older_than: Duration,
    clock: &dyn Clock,
) -> Result<Option<GcReport>, Failure> {
    let plan: &Plan = factory.plan();
    let Some(store) = open_lake_if_there(&plan.lake).await? else { return Ok(None) };
    let failure = |error: tributary_commit::CommitError| Failure::new(error.fault(), error.code(), error);
    let mut log: CommitLog = factory.open_log(store).await?;
    // An epoch that a run left unfinished is finished by the next run; gc leaves it alone.
    gc(&mut log, attempt, older_than, clock.now()).await.map(Some).map_err(failure)
}
