//! The newest state of each case of a plan's lake, brought up to date.

use std::sync::Arc;

use tributary_connect::latest_case_state;
use tributary_core::{Attempt, Clock, Failure};
use tributary_maintain::{Folded, Latest, Updated};
use tributary_sink_parquet::{Identity, ParquetSink};

use crate::LineFactory;
use crate::build::{open_lake, open_spool, sink_options};
use crate::file::TableName;
use crate::lake::open_lake_if_there;
use crate::rebuild::{is_outrun, recover};

/// Bytes that may be remembered of cases at once.
const MEMORY: u64 = 64 << 20;

/// How often it is begun anew because somebody else was faster.
const PATIENCE: usize = 5;

/// Brings `latest_case_state` up to date with the events of cases that are in the lake; `None` when it is, when the plan does
/// not write it, or when there is no lake yet. `attempts` names each try.
///
/// # Errors
/// What the store, the commit log or the sink says.
pub async fn update_latest(
    factory: &LineFactory,
    attempts: &mut (dyn FnMut() -> Attempt + Send),
    clock: &dyn Clock,
) -> Result<Option<Updated>, Failure> {
    let plan = factory.plan();
    if !plan.connect.tables.contains(&TableName::LatestCaseState) || open_lake_if_there(&plan.lake).await?.is_none() {
        return Ok(None);
    }
    let mut patience = PATIENCE;
    loop {
        match once(factory, attempts(), clock, Since::Last).await {
            Err(failure) if is_outrun(&failure) && patience > 0 => {
                tracing::info!(error = %failure, "the newest states of cases are looked for again");
                patience -= 1;
            }
            other => return other,
        }
    }
}

/// Writes `latest_case_state` anew out of all events of cases that are in the lake.
///
/// # Errors
/// As [`update_latest`].
pub async fn rebuild_latest(
    factory: &LineFactory,
    attempt: Attempt,
    clock: &dyn Clock,
) -> Result<Option<Updated>, Failure> {
    if open_lake_if_there(&factory.plan().lake).await?.is_none() {
        return Ok(None);
    }
    once(factory, attempt, clock, Since::Beginning).await
}

/// Which events are taken into account.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Since {
    /// Those that were not before.
    Last,
    /// All.
    Beginning,
}

async fn once(
    factory: &LineFactory,
    attempt: Attempt,
    clock: &dyn Clock,
    since: Since,
) -> Result<Option<Updated>, Failure> {
    let plan = factory.plan();
    let store = open_lake(&plan.lake).await?;
    let mut log = factory.open_log(Arc::clone(&store)).await?;
    let states = recover(&mut log, &Folded::scope()).await?;
    let folded = match since {
        Since::Beginning => Folded::default(),
        Since::Last => Folded::of(&states)?,
    };
    let identity = Identity { pipeline: plan.pipeline.clone() };
    let scratch = open_spool(plan.parquet.spool.as_ref()).await?;
    let options = sink_options(&plan.parquet);
    let mut sink = ParquetSink::new(Arc::clone(&store), vec![latest_case_state()], options, scratch, identity)?;
    let mut latest = Latest { store, log: &mut log, memory: MEMORY, clock };
    latest.update(&mut sink, attempt, folded).await
}
