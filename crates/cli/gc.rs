//! `tributary gc`.

use std::collections::BTreeMap;
use std::sync::Arc;

use tributary_pipeline::{LineFactory, OptionChange, collect_garbage, load};
use tributary_runtime::{SystemClock, new_attempt};

use crate::args::{Gc, Output};
use crate::exit::{Ending, Trouble};
use crate::{Outcome, block_on, terminal};

/// Throws away uploads of attempts that can never claim, and what of the log no recovery reads any more.
pub(crate) fn gc(args: &Gc, environment: &BTreeMap<String, String>) -> Outcome {
    let plan = load(&args.file, environment).map_err(|error| Trouble::new(error.fault(), error.code(), error))?;
    let lake = plan.lake.clone();
    let factory = LineFactory::new(plan, OptionChange::Refuse, Arc::new(SystemClock));
    let attempt = new_attempt(&SystemClock);
    let report = block_on(collect_garbage(&factory, attempt, args.older_than, &SystemClock))?;
    let report = report.map_err(|failure| Trouble::new(failure.fault(), failure.code(), failure))?;
    let text = match (args.output, report) {
        (Output::Json, report) => serde_json::to_string(&report)?,
        (Output::Text, None) => format!("there is no lake at {} yet", lake),
        (Output::Text, Some(report)) => format!(
            "{} attempts banned, {} uploads and {} snapshots thrown away, {} uploads kept\n\
             {} old commit records, {} checkpoint records and {} of their lists deleted",
            report.banned, report.aborted, report.states, report.kept, report.records, report.checkpoints, report.lists
        ),
    };
    terminal::answer(&text)?;
    Ok(Ending::Done)
}
