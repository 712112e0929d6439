//! `tributary run`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tributary_core::{Epoch, Failure, Fault, TableId};
use tributary_maintain::{Rebuilt, Updated, Walk};
use tributary_pipeline::{LineFactory, Mode, OptionChange, derive, load, update_flows, update_latest};
use tributary_runtime::{Outcome as RunOutcome, Progress, Stop, Summary, SystemClock, new_attempt, run as run_line};

use crate::args::{Output, Run};
use crate::exit::{Ending, Trouble};
use crate::signals::Signals;
use crate::{Outcome, block_on, progress, summary, terminal};

/// Runs a pipeline and prints what it did.
pub(crate) fn run(args: &Run, environment: &BTreeMap<String, String>) -> Outcome {
    let plan = load(&args.file, environment).map_err(|error| Trouble::new(error.fault(), error.code(), error))?;
    let lake = plan.lake.clone();
    let change = if args.accept_change { OptionChange::Accept } else { OptionChange::Refuse };
    let clock = Arc::new(SystemClock);
    let factory = LineFactory::new(plan, change, clock.clone()).shared(args.worker);
    let is_stream = factory.plan().mode == Mode::Streaming;
    let (mut done, derived) = block_on(async {
        let stop = Stop::default();
        let (sender, receiver) = watch::channel(Progress::default());
        let signals = Signals::listen()?;
        let drain = stop.drain.clone();
        let work = async {
            let line = async { run_line(&factory, clock, stop.clone(), sender).await.map_err(Trouble::from) };
            if is_stream {
                Box::pin(beside(line, &factory, drain)).await
            } else {
                Box::pin(after(line, &factory, drain)).await
            }
        };
        let shown = progress::show(receiver, !args.no_progress);
        tokio::pin!(work);
        let result = tokio::select! {
            result = &mut work => result,
            never = signals.pass_on(stop.clone()) => match never {},
            never = shown => match never {},
        };
        anyhow::Ok(result?)
    })??;
    let behind = derived.add_to(&mut done, is_stream);
    match args.output {
        Output::Json => terminal::answer(&serde_json::to_string(&done)?)?,
        Output::Text => terminal::answer(&summary::text(&done, &lake))?,
    }
    if let Some(failure) = behind {
        return Err(Trouble::new(failure.fault(), failure.code(), failure).into());
    }
    Ok(match done.outcome {
        RunOutcome::Aborted => Ending::Aborted,
        RunOutcome::Finished | RunOutcome::Drained if !done.unread.is_empty() => Ending::Unread,
        RunOutcome::Finished | RunOutcome::Drained => Ending::Done,
    })
}

/// A batch: what it has changed is derived at its end; a run that is stopped leaves it to the next.
async fn after(
    line: impl Future<Output = Result<Summary, Trouble>>,
    factory: &LineFactory,
    drain: CancellationToken,
) -> Result<(Summary, Derived), Trouble> {
    let (mut done, mut derived) = (line.await?, Derived::default());
    let mut attempts = || new_attempt(&SystemClock);
    if done.outcome == RunOutcome::Finished {
        tokio::select! {
            made = derive(factory, &mut attempts, &SystemClock) => {
                let made = made.map_err(|failure| Trouble::new(failure.fault(), failure.code(), failure))?;
                made.iter().for_each(|rebuilt| derived.add(rebuilt));
                let latest = update_latest(factory, &mut || new_attempt(&SystemClock), &SystemClock).await;
                let latest = latest.map_err(|failure| Trouble::new(failure.fault(), failure.code(), failure))?;
                latest.iter().for_each(|updated| derived.add_latest(updated));
                let flows = update_flows(factory, &mut || new_attempt(&SystemClock), &SystemClock).await;
                let flows = flows.map_err(|failure| Trouble::new(failure.fault(), failure.code(), failure))?;
                flows.iter().for_each(|walk| derived.add_flows(walk));
            }
            () = drain.cancelled() => done.outcome = RunOutcome::Drained,
        }
    }
    Ok((done, derived))
}

/// A stream brings up to date what it derives no later than this after its start, however seldom it does later: the run before
/// may have left it behind, and one that is started anew again and again would never come to it.
const FIRST_AFTER: Duration = Duration::from_secs(90);

/// A stream: every so often, beside the line, by the same log. What fails is tried again next time; the events go on.
async fn beside(
    line: impl Future<Output = Result<Summary, Trouble>>,
    factory: &LineFactory,
    drain: CancellationToken,
) -> Result<(Summary, Derived), Trouble> {
    let mut derived = Derived::default();
    let connect = &factory.plan().connect;
    let deriving = async {
        let first = |every: Duration| tokio::time::Instant::now() + every.min(FIRST_AFTER);
        let (mut time_due, mut latest_due) = (first(connect.derive_every), first(connect.latest_every));
        let mut flows_due = first(connect.flow_every);
        loop {
            tokio::time::sleep_until(time_due.min(latest_due).min(flows_due)).await;
            let now = tokio::time::Instant::now();
            if now >= time_due {
                let made = derive(factory, &mut || new_attempt(&SystemClock), &SystemClock).await;
                let made = made.map(|made| made.iter().for_each(|rebuilt| derived.add(rebuilt)));
                derived.time_behind = behind(made, "the tables of agent time are behind; they are derived next time");
                time_due = tokio::time::Instant::now() + connect.derive_every;
            }
            if now >= latest_due {
                let made = update_latest(factory, &mut || new_attempt(&SystemClock), &SystemClock).await;
                let made = made.map(|made| made.iter().for_each(|updated| derived.add_latest(updated)));
                derived.latest_behind = behind(made, "the newest states of cases are behind; they follow next time");
                latest_due = tokio::time::Instant::now() + connect.latest_every;
            }
            if now >= flows_due {
                let made = update_flows(factory, &mut || new_attempt(&SystemClock), &SystemClock).await;
                let made = made.map(|made| made.iter().for_each(|walk| derived.add_flows(walk)));
                derived.flows_behind = behind(made, "executions of flows are behind; they are derived next time");
                flows_due = tokio::time::Instant::now() + connect.flow_every;
            }
        }
    };
    let deriving = async {
        tokio::select! {
            never = deriving => never,
            () = drain.cancelled() => {}
        }
        std::future::pending().await
    };
    let done = tokio::select! {
        done = line => done?,
        never = deriving => match never {},
    };
    Ok((done, derived))
}

/// Why a try failed; nothing where somebody else was faster, for then nothing is behind.
fn behind(made: Result<(), Failure>, told: &str) -> Option<Failure> {
    let failure = made.err()?;
    tracing::warn!(code = failure.code(), error = causes(&failure), "{told}");
    Some(failure).filter(|failure| failure.fault() != Fault::Fenced)
}

/// An error and what it comes from, in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// What was derived in a run.
#[derive(Default)]
struct Derived {
    /// Why the last tries of a stream failed, if they did.
    time_behind: Option<Failure>,
    latest_behind: Option<Failure>,
    flows_behind: Option<Failure>,
    rows: BTreeMap<TableId, u64>,
    epoch: Option<Epoch>,
    epochs: u64,
    files: u64,
    bytes: u64,
}

impl Derived {
    fn add(&mut self, rebuilt: &Rebuilt) {
        for (table, rows) in &rebuilt.derived.rows {
            *self.rows.entry(table.clone()).or_default() += rows;
        }
        if let Some(receipt) = &rebuilt.receipt {
            self.epochs += 1;
            self.epoch = Some(receipt.epoch());
        }
        self.files += rebuilt.adds as u64;
        self.bytes += rebuilt.bytes;
    }

    fn add_latest(&mut self, updated: &Updated) {
        *self.rows.entry(TableId::new("latest_case_state")).or_default() += updated.rows;
        self.epochs += 1;
        self.epoch = self.epoch.max(Some(updated.receipt.epoch()));
        self.files += updated.adds as u64;
        self.bytes += updated.bytes;
    }

    fn add_flows(&mut self, walk: &Walk) {
        *self.rows.entry(TableId::new("contact_flow_events")).or_default() += walk.rows;
        self.epochs += 1;
        self.epoch = self.epoch.max(Some(walk.receipt.epoch()));
        self.files += walk.adds as u64;
        self.bytes += walk.bytes;
    }

    /// Counts derived rows and their files with the others; a stream makes the same rows again and again. Why the last try
    /// failed, if it did.
    fn add_to(self, done: &mut Summary, is_stream: bool) -> Option<Failure> {
        for (table, rows) in self.rows.into_iter().filter(|_| !is_stream) {
            *done.tally.rows.entry(table).or_default() += rows;
        }
        done.epoch = done.epoch.max(self.epoch);
        done.epochs += self.epochs;
        done.files += self.files;
        done.bytes += self.bytes;
        self.time_behind.or(self.latest_behind).or(self.flows_behind)
    }
}
