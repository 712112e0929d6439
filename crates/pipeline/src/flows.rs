//! The executions of flows of a plan's lake, derived.

use std::sync::Arc;

use tributary_connect::flow::contact_flow_events;
use tributary_core::{Attempt, Clock, Failure};
use tributary_maintain::{Flows, Walk, Walked};
use tributary_sink_parquet::{Identity, ParquetSink};

use crate::LineFactory;
use crate::build::{open_lake, open_spool, sink_options};
use crate::file::TableName;
use crate::lake::open_lake_if_there;
use crate::rebuild::{is_outrun, recover};

/// Bytes of lines that may be remembered at once.
const MEMORY: u64 = 64 << 20;

/// How often it is begun anew because somebody else was faster.
const PATIENCE: usize = 5;

/// Derives the executions of flows of which there is news in the lake; `None` when there is none, when the plan does not write
/// `contact_flow_events`, or when there is no lake yet. `attempts` names each try.
///
/// # Errors
/// What the store, the commit log or the sink says.
pub async fn update_flows(
    factory: &LineFactory,
    attempts: &mut (dyn FnMut() -> Attempt + Send),
    clock: &dyn Clock,
) -> Result<Option<Walk>, Failure> {
    let plan = factory.plan();
    if !plan.connect.tables.contains(&TableName::ContactFlowEvents) || open_lake_if_there(&plan.lake).await?.is_none() {
        return Ok(None);
    }
    let mut patience = PATIENCE;
    loop {
        match Box::pin(once(factory, attempts(), clock, true)).await {
            Err(failure) if is_outrun(&failure) && patience > 0 => {
                tracing::info!(error = %failure, "executions of flows are derived again");
                patience -= 1;
            }
            other => return other,
        }
    }
}

/// Derives all executions of flows anew.
///
/// # Errors
/// As [`update_flows`].
pub async fn rebuild_flows(
    factory: &LineFactory,
    attempt: Attempt,
    clock: &dyn Clock,
) -> Result<Option<Walk>, Failure> {
    if open_lake_if_there(&factory.plan().lake).await?.is_none() {
        return Ok(None);
    }
    Box::pin(once(factory, attempt, clock, false)).await
}

async fn once(
    factory: &LineFactory,
    attempt: Attempt,
    clock: &dyn Clock,
    goes_on: bool,
) -> Result<Option<Walk>, Failure> {
    let plan = factory.plan();
    let store = open_lake(&plan.lake).await?;
    let mut log = factory.open_log(Arc::clone(&store)).await?;
    let states = recover(&mut log, &Walked::scope()).await?;
    let walked = if goes_on { Walked::of(&states)? } else { Walked::default() };
    let identity = Identity { pipeline: plan.pipeline.clone() };
    let scratch = open_spool(plan.parquet.spool.as_ref()).await?;
    let options = sink_options(&plan.parquet);
    let mut sink = ParquetSink::new(Arc::clone(&store), vec![contact_flow_events()], options, scratch, identity)?;
    let lookups = factory.known().await?.now();
    let open_for = plan.connect.flow_open_for;
    let mut flows = Flows { store, log: &mut log, lookups, open_for, memory: MEMORY, clock };
    flows.update(&mut sink, attempt, walked).await
}
