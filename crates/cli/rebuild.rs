//! `tributary rebuild`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::RangeInclusive;
use std::sync::Arc;

use anyhow::bail;
use serde_json::json;
use tributary_core::{Day, Fault, TableId};
use tributary_maintain::Rebuilt;
use tributary_pipeline::{
    LineFactory, OptionChange, Plan, derived_tables, load, rebuild as rebuild_days, rebuild_flows, rebuild_latest,
};
use tributary_runtime::{SystemClock, new_attempt};

use crate::args::{Output, Rebuild};
use crate::exit::{Ending, Trouble};
use crate::units::count;
use crate::{Outcome, block_on, terminal};

/// Derives days anew and says what it did.
pub(crate) fn rebuild(args: &Rebuild, environment: &BTreeMap<String, String>) -> Outcome {
    let plan = load(&args.file, environment).map_err(|error| Trouble::new(error.fault(), error.code(), error))?;
    if args.table.iter().any(|table| table == LATEST) {
        return latest(args, plan);
    }
    if args.table.iter().any(|table| table == FLOWS) {
        return flows(args, plan);
    }
    let Some(first) = args.day else {
        let message = "say which days: --day YYYY-MM-DD, and --to if there are several".to_owned();
        bail!(Trouble::new(Fault::Config, "cli/no-day", message));
    };
    let days = first..=args.to.unwrap_or(first);
    if days.is_empty() {
        let message = format!("--to {} is before --day {}", days.end(), days.start());
        bail!(Trouble::new(Fault::Config, "cli/backwards", message));
    }
    let tables = chosen(&args.table, &derived_tables(&plan))?;
    let lake = plan.lake.clone();
    let factory = LineFactory::new(plan, OptionChange::Refuse, Arc::new(SystemClock));
    let attempt = new_attempt(&SystemClock);
    let rebuilt = block_on(rebuild_days(&factory, attempt, days, tables, &SystemClock))?;
    let rebuilt = rebuilt.map_err(|failure| Trouble::new(failure.fault(), failure.code(), failure))?;
    let text = match (args.output, rebuilt) {
        (Output::Json, rebuilt) => serde_json::to_string(&rebuilt.map(|rebuilt| object(&rebuilt)))?,
        (Output::Text, None) => format!("there is no lake at {} yet", lake),
        (Output::Text, Some(rebuilt)) => told(&rebuilt)?,
    };
    terminal::answer(&text)?;
    Ok(Ending::Done)
}

/// The table that has no days.
const LATEST: &str = "latest_case_state";

/// The table that is written anew as a whole: executions go on over midnight.
const FLOWS: &str = "contact_flow_events";

/// Whether `table`, which is written anew as a whole, can be.
fn alone(table: &str, args: &Rebuild, plan: &Plan) -> Result<(), Trouble> {
    let wrong = |message: String| Err(Trouble::new(Fault::Config, "cli/unknown-table", message));
    if args.table.len() > 1 || args.day.is_some() {
        return wrong(format!("{table} is written anew as a whole: write --table {table} by itself"));
    }
    if !plan.connect.tables.iter().any(|written| written.as_str() == table) {
        return wrong(format!("the pipeline does not write {table}: add it to transform.connect.tables"));
    }
    Ok(())
}

fn flows(args: &Rebuild, plan: Plan) -> Outcome {
    alone(FLOWS, args, &plan)?;
    let lake = plan.lake.clone();
    let factory = LineFactory::new(plan, OptionChange::Refuse, Arc::new(SystemClock));
    let walk = block_on(rebuild_flows(&factory, new_attempt(&SystemClock), &SystemClock))?;
    let walk = walk.map_err(|failure| Trouble::new(failure.fault(), failure.code(), failure))?;
    let text = match (args.output, walk) {
        (Output::Json, walk) => serde_json::to_string(&walk.map(|walk| {
            json!({
                "contacts": walk.contacts,
                "waiting": walk.waiting,
                "rows": {FLOWS: walk.rows},
                "files": walk.adds,
                "bytes": walk.bytes,
                "replaced_files": walk.replaces,
                "epoch": walk.receipt.epoch(),
            })
        }))?,
        (Output::Text, None) => format!("there are no lines of flow logs at {lake} yet"),
        (Output::Text, Some(walk)) => format!(
            "written anew from the lines of {} contacts, of which {} go on\n  {FLOWS:<30}{:>12}  rows\n  {} files in the place of \
             {}, epoch {}",
            count(walk.contacts),
            count(walk.waiting as u64),
            count(walk.rows),
            walk.adds,
            walk.replaces,
            walk.receipt.epoch()
        ),
    };
    terminal::answer(&text)?;
    Ok(Ending::Done)
}

fn latest(args: &Rebuild, plan: Plan) -> Outcome {
    alone(LATEST, args, &plan)?;
    let lake = plan.lake.clone();
    let factory = LineFactory::new(plan, OptionChange::Refuse, Arc::new(SystemClock));
    let updated = block_on(rebuild_latest(&factory, new_attempt(&SystemClock), &SystemClock))?;
    let updated = updated.map_err(|failure| Trouble::new(failure.fault(), failure.code(), failure))?;
    let text = match (args.output, updated) {
        (Output::Json, updated) => serde_json::to_string(&updated.map(|updated| {
            json!({
                "events": updated.events,
                "rows": {LATEST: updated.rows},
                "buckets": updated.buckets,
                "files": updated.adds,
                "bytes": updated.bytes,
                "replaced_files": updated.replaces,
                "epoch": updated.receipt.epoch(),
            })
        }))?,
        (Output::Text, None) => format!("there are no events of cases at {lake} yet"),
        (Output::Text, Some(updated)) => format!(
            "written anew from {} events\n  {LATEST:<30}{:>12}  rows\n  {} files in the place of {}, epoch {}",
            count(updated.events),
            count(updated.rows),
            updated.adds,
            updated.replaces,
            updated.receipt.epoch()
        ),
    };
    terminal::answer(&text)?;
    Ok(Ending::Done)
}

/// The tables that are asked for, or all that are derived.
fn chosen(names: &[String], derived: &[TableId]) -> Result<Vec<TableId>, Trouble> {
    let known: Vec<&str> = derived.iter().map(TableId::as_str).collect();
    let wrong = |message: String| Err(Trouble::new(Fault::Config, "cli/unknown-table", message));
    if derived.is_empty() {
        return wrong("the pipeline writes no derived table: add one to transform.connect.tables".to_owned());
    }
    if let Some(other) = names.iter().find(|name| !known.contains(&name.as_str())) {
        return wrong(format!("{other:?} is no derived table of the pipeline; there are {}", known.join(", ")));
    }
    let is_meant = |table: &&TableId| names.is_empty() || names.iter().any(|name| name == table.as_str());
    Ok(derived.iter().filter(is_meant).cloned().collect())
}

fn told(rebuilt: &Rebuilt) -> anyhow::Result<String> {
    let mut text = format!("{} written anew from {} events", days(&rebuilt.days), count(rebuilt.derived.events));
    if let Some((first, last)) = rebuilt.derived.looked_at {
        write!(text, "; looked at {}", days(&(first..=last)))?;
    }
    for (table, rows) in &rebuilt.derived.rows {
        write!(text, "\n  {:<30}{:>12}  rows", table.as_str(), count(*rows))?;
    }
    write!(text, "\n  {} files in the place of {}", rebuilt.adds, rebuilt.replaces)?;
    match &rebuilt.receipt {
        Some(receipt) => write!(text, ", epoch {}", receipt.epoch())?,
        None => write!(text, ": nothing to commit")?,
    }
    Ok(text)
}

fn object(rebuilt: &Rebuilt) -> serde_json::Value {
    json!({
        "first_day": rebuilt.days.start().to_string(),
        "last_day": rebuilt.days.end().to_string(),
        "events": rebuilt.derived.events,
        "looked_at": rebuilt.derived.looked_at.map(|(first, last)| [first.to_string(), last.to_string()]),
        "rows": rebuilt.derived.rows,
        "files": rebuilt.adds,
        "bytes": rebuilt.bytes,
        "replaced_files": rebuilt.replaces,
        "epoch": rebuilt.receipt.as_ref().map(|receipt| receipt.epoch()),
    })
}

/// One day, or the first and the last.
pub(crate) fn days(days: &RangeInclusive<Day>) -> String {
    match days.start() == days.end() {
        true => days.start().to_string(),
        false => format!("{} to {}", days.start(), days.end()),
    }
}
