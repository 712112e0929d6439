//! `tributary run`.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tributary_core::{Epoch, Failure, Fault, TableId};
use tributary_maintain::Rebuilt;
use tributary_pipeline::{LineFactory, Mode, OptionChange, derive, load};
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
            }
            () = drain.cancelled() => done.outcome = RunOutcome::Drained,
        }
    }
    Ok((done, derived))
}

/// A stream: every so often, beside the line, by the same log. What fails is tried again next time; the events go on.
async fn beside(
    line: impl Future<Output = Result<Summary, Trouble>>,
    factory: &LineFactory,
    drain: CancellationToken,
) -> Result<(Summary, Derived), Trouble> {
    let (every, mut derived) = (factory.plan().connect.derive_every, Derived::default());
    let deriving = async {
        loop {
            tokio::time::sleep(every).await;
            match derive(factory, &mut || new_attempt(&SystemClock), &SystemClock).await {
                Ok(made) => {
                    derived.behind = None;
                    made.iter().for_each(|rebuilt| derived.add(rebuilt));
                }
                Err(failure) => {
                    let (code, error) = (failure.code(), causes(&failure));
                    tracing::warn!(code, error, "the tables of agent time are behind; they are derived next time");
                    // Where somebody else derives, nothing is behind.
                    derived.behind = Some(failure).filter(|failure| failure.fault() != Fault::Fenced);
                }
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

/// An error and what it comes from, in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// What was derived in a run.
#[derive(Default)]
struct Derived {
    /// Why the last try of a stream failed, if it did.
    behind: Option<Failure>,
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
        self.behind
    }
}
