//! `tributary run`.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tributary_pipeline::{LineFactory, OptionChange, load};
use tributary_runtime::{Outcome as RunOutcome, Progress, Stop, Summary, SystemClock, run as run_line};

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
    let factory = LineFactory::new(plan, change, clock.clone());
    let done: Summary = block_on(async {
        let stop = Stop::default();
        let (sender, receiver) = watch::channel(Progress::default());
        let signals = Signals::listen()?;
        let line = run_line(&factory, clock, stop.clone(), sender);
        let shown = progress::show(receiver, !args.no_progress);
        tokio::pin!(line);
        let result = tokio::select! {
            result = &mut line => result,
            never = signals.pass_on(stop) => match never {},
            never = shown => match never {},
        };
        anyhow::Ok(result.map_err(Trouble::from)?)
    })??;
    match args.output {
        Output::Json => terminal::answer(&serde_json::to_string(&done)?)?,
        Output::Text => terminal::answer(&summary::text(&done, &lake))?,
    }
    Ok(match done.outcome {
        RunOutcome::Aborted => Ending::Aborted,
        RunOutcome::Finished | RunOutcome::Drained if !done.unread.is_empty() => Ending::Unread,
        RunOutcome::Finished | RunOutcome::Drained => Ending::Done,
    })
}
