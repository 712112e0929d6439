//! What is done to a lake without running a line.

use std::sync::Arc;
use std::time::Duration;

use tributary_commit::{CommitLog, GcReport, gc, pipelines};
use tributary_core::{Attempt, Clock, Failure};
use tributary_store::{ObjectStore, StoreError};
use tributary_store_s3::S3Store;

use crate::{LakePlan, LineFactory, Plan, open_lake};

/// Opens the store of a lake; `None` when there is none yet, and none is made.
///
/// # Errors
/// What the store says: its location cannot be used.
pub async fn open_lake_if_there(lake: &LakePlan) -> Result<Option<Arc<dyn ObjectStore>>, Failure> {
    match lake {
        LakePlan::Folder(folder) if !folder.is_dir() => Ok(None),
        LakePlan::Folder(_) => open_lake(lake).await.map(Some),
        LakePlan::S3(options) => {
            let failure = |error: StoreError| Failure::new(error.fault(), error.code(), error);
            let store: Arc<dyn ObjectStore> = Arc::new(S3Store::open(options.as_ref().clone()).await.map_err(failure)?);
            let owners = pipelines(store.as_ref()).await;
            let owners = owners.map_err(|error| Failure::new(error.fault(), error.code(), error))?;
            Ok((!owners.is_empty()).then_some(store))
        }
    }
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
    if open_lake_if_there(&plan.lake).await?.is_none() {
        return Ok(None);
    }
    // Bans are writes that only one may win.
    let store = open_lake(&plan.lake).await?;
    let failure = |error: tributary_commit::CommitError| Failure::new(error.fault(), error.code(), error);
    let mut log: CommitLog = factory.open_log(store).await?;
    // An epoch that a run left unfinished is finished by the next run; gc leaves it alone.
    gc(&mut log, attempt, older_than, clock.now()).await.map(Some).map_err(failure)
}
