//! `tributary run`.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tributary_maintain::Rebuilt;
use tributary_pipeline::{LineFactory, OptionChange, derive, load};
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
    let factory = LineFactory::new(plan, change, clock.clone());
    let (mut done, derived): (Summary, Vec<Rebuilt>) = block_on(async {
        let stop = Stop::default();
        let (sender, receiver) = watch::channel(Progress::default());
        let signals = Signals::listen()?;
        let drain = stop.drain.clone();
        let work = async {
            let mut done = run_line(&factory, clock, stop.clone(), sender).await.map_err(Trouble::from)?;
            if done.outcome != RunOutcome::Finished {
                return Ok((done, Vec::new()));
            }
            // What a batch has changed is derived at its end; a run that is stopped leaves it to the next.
            let mut attempts = || new_attempt(&SystemClock);
            let derived = tokio::select! {
                derived = derive(&factory, &mut attempts, &SystemClock) => derived,
                () = drain.cancelled() => {
                    done.outcome = RunOutcome::Drained;
                    Ok(Vec::new())
                }
            };
            let derived = derived.map_err(|failure| Trouble::new(failure.fault(), failure.code(), failure))?;
            Ok::<_, Trouble>((done, derived))
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
    derived.iter().for_each(|rebuilt| count_in(&mut done, rebuilt));
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

/// Counts derived rows and their files with the others.
fn count_in(done: &mut Summary, rebuilt: &Rebuilt) {
    for (table, rows) in &rebuilt.derived.rows {
        *done.tally.rows.entry(table.clone()).or_default() += rows;
    }
    if let Some(receipt) = &rebuilt.receipt {
        done.epochs += 1;
        done.epoch = Some(receipt.epoch());
    }
    done.files += rebuilt.adds as u64;
    done.bytes += rebuilt.bytes;
}
