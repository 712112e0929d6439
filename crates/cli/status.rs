//! `tributary status`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tributary_commit::{LogView, inspect};
use tributary_core::{Clock, Failure, SplitId, Timestamp};
use tributary_pipeline::{CaseNames, FlowFacts, Kept, SplitLag, lag, load, open_lake_if_there};
use tributary_runtime::SystemClock;

use crate::args::{Output, Status};
use crate::exit::{Ending, Trouble};
use crate::units::{bytes, count};
use crate::{Outcome, block_on, terminal};

/// Shows what the commit log says.
pub(crate) fn status(args: &Status, environment: &BTreeMap<String, String>) -> Outcome {
    let plan = load(&args.file, environment).map_err(|error| Trouble::new(error.fault(), error.code(), error))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let view = block_on(async {
        let Some(store) = open_lake_if_there(&plan.lake).await? else { return Ok(None) };
        let view = inspect(store.as_ref(), &plan.pipeline).await;
        let view = view.map_err(|error| Failure::new(error.fault(), error.code(), error))?;
        // What the log says is worth showing also when a source does not answer.
        let lags = lag(&plan, &view.checkpoint, &clock).await.map_err(|failure| failure.to_string());
        Ok(Some((view, lags)))
    })?;
    let view = view.map_err(|failure: Failure| Trouble::new(failure.fault(), failure.code(), failure))?;
    let view = view.filter(|(view, _)| !view.epochs.is_empty() || view.newest_checkpoint.is_some());
    let now = clock.now();
    let names = plan.connect.cases_api.as_ref().map(|api| Kept::<CaseNames>::read(&api.kept_in()));
    let flows = plan.connect.flow_api.as_ref().map(|api| Kept::<FlowFacts>::read(&api.kept_in()));
    match (args.output, view) {
        (Output::Json, None) => terminal::answer(&serde_json::Value::Null.to_string())?,
        (Output::Json, Some((view, lags))) => {
            let mut said = json(&view, &lags, now, args.epochs);
            said["names"] =
                kept_json(names, now, |names| json!({"templates": names.templates.len(), "fields": names.fields()}));
            said["flows"] = kept_json(flows, now, |facts| json!({"flows": facts.len()}));
            terminal::answer(&said.to_string())?;
        }
        (Output::Text, Some((view, lags))) => {
            let names = kept_text(names, now, "names of templates and fields", |names| {
                format!("names of {} templates and {} fields", names.templates.len(), names.fields())
            });
            let flows = kept_text(flows, now, "flows", |facts| format!("{} flows and modules", facts.len()));
            terminal::answer(&(text(&view, &lags, now, args.epochs) + &names + &flows))?;
        }
        (Output::Text, None) => {
            terminal::answer(&format!("{} has committed nothing to {} yet", plan.pipeline, plan.lake))?;
        }
    }
    Ok(Ending::Done)
}

/// What was asked for last and kept on this machine, or why it cannot be read; nothing where nobody is asked.
type Read<T> = Option<Result<Option<Kept<T>>, String>>;

fn kept_json<T: Serialize + DeserializeOwned>(
    read: Read<T>,
    now: Timestamp,
    counts: impl Fn(&T) -> serde_json::Value,
) -> serde_json::Value {
    match read {
        None | Some(Ok(None)) => serde_json::Value::Null,
        Some(Ok(Some(kept))) => {
            let mut said = counts(&kept.said);
            said["age_seconds"] = kept.age(now).as_secs().into();
            said
        }
        Some(Err(why)) => json!({"unknown": why}),
    }
}

fn kept_text<T: Serialize + DeserializeOwned>(
    read: Read<T>,
    now: Timestamp,
    what: &str,
    counted: impl Fn(&T) -> String,
) -> String {
    match read {
        None => String::new(),
        Some(Ok(None)) => format!("\n\n{what}: none were kept on this machine"),
        Some(Ok(Some(kept))) => {
            let age = waiting(i64::try_from(kept.age(now).as_secs()).unwrap_or(i64::MAX));
            format!("\n\n{}, {age} old", counted(&kept.said))
        }
        Some(Err(why)) => format!("\n\n{what}: what was kept cannot be read: {why}"),
    }
}

/// How far splits are behind, or why that is not known.
type Lags = Result<BTreeMap<SplitId, SplitLag>, String>;

fn json(view: &LogView, lags: &Lags, now: Timestamp, epochs: usize) -> serde_json::Value {
    let newest = view.epochs.iter().rev().take(epochs).map(|epoch| {
        json!({
            "epoch": epoch.epoch,
            "attempt": epoch.attempt,
            "claimed_at": epoch.claimed_at.to_string(),
            "published": epoch.published,
            "tally": epoch.tally,
            "tables": tables(&epoch.tables),
        })
    });
    json!({
        "pipeline": view.pipeline,
        "next_epoch": view.next,
        "newest_checkpoint": view.newest_checkpoint,
        "tables": tables(&view.tables),
        "tally": view.tally,
        "positions": view.checkpoint.positions().map(|(split, at)| json!({"split": split, "position": at})).collect::<Vec<_>>(),
        "lag": match lags {
            Ok(lags) => lags.iter().map(|(split, lag)| lag_json(split, *lag, now)).collect(),
            Err(why) => json!({"unknown": why}),
        },
        "epochs": newest.collect::<Vec<_>>(),
    })
}

fn tables(
    tables: &BTreeMap<tributary_core::TableId, tributary_commit::TableView>,
) -> serde_json::Map<String, serde_json::Value> {
    let entry = |(table, view): (&tributary_core::TableId, &tributary_commit::TableView)| {
        let value = json!({"files": view.files, "rows": view.rows, "bytes": view.bytes, "days": view.days});
        (table.as_str().to_owned(), value)
    };
    tables.iter().map(entry).collect()
}

fn lag_json(split: &SplitId, lag: SplitLag, now: Timestamp) -> serde_json::Value {
    json!({"split": split, "records": lag.records, "seconds": seconds(lag, now)})
}

/// How long the oldest record that is not read waits already.
fn seconds(lag: SplitLag, now: Timestamp) -> Option<i64> {
    let oldest = lag.oldest?;
    Some((now.micros() - oldest.micros()).max(0) / 1_000_000)
}

fn text(view: &LogView, lags: &Lags, now: Timestamp, epochs: usize) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    write(&mut text, view, epochs).ok();
    write_lags(&mut text, lags, now).ok();
    text.truncate(text.trim_end().len());
    text
}

fn write(out: &mut String, view: &LogView, epochs: usize) -> std::fmt::Result {
    writeln!(out, "pipeline {}: next epoch {}\n", view.pipeline, view.next)?;
    writeln!(out, "{:<30}{:>8}{:>8}{:>14}{:>12}", "table", "days", "files", "rows", "bytes")?;
    for (table, totals) in &view.tables {
        let (days, files, rows) = (count(totals.days), count(totals.files), count(totals.rows));
        writeln!(out, "{:<30}{days:>8}{files:>8}{rows:>14}{:>12}", table.as_str(), bytes(totals.bytes))?;
    }
    writeln!(out, "\n{:<8}{:<29}{:>12}{:>12}{:>12}  state", "epoch", "claimed", "read", "made rows", "bytes")?;
    for epoch in view.epochs.iter().rev().take(epochs) {
        let size: u64 = epoch.tables.values().map(|table| table.bytes).sum();
        let state = if epoch.published { "published" } else { "claimed" };
        let (read, made) = (count(epoch.tally.read), count(epoch.tally.made_rows));
        let (number, claimed) = (epoch.epoch.to_string(), epoch.claimed_at.to_string());
        writeln!(out, "{number:<8}{claimed:<29}{read:>12}{made:>12}{:>12}  {state}", bytes(size))?;
    }
    writeln!(out, "\nposition       split")?;
    let positions = view.checkpoint.positions().take(SPLITS);
    for (split, position) in positions {
        writeln!(out, "{:<14} {split}", position.to_string())?;
    }
    let more = view.checkpoint.len().saturating_sub(SPLITS);
    if more > 0 {
        writeln!(out, "... and {} more (--output json lists them all)", count(more as u64))?;
    }
    Ok(())
}

/// Those that are behind, the furthest first.
fn write_lags(out: &mut String, lags: &Lags, now: Timestamp) -> std::fmt::Result {
    let lags = match lags {
        Ok(lags) if lags.is_empty() => return Ok(()),
        Ok(lags) => lags,
        Err(why) => return writeln!(out, "\nhow far reading is behind is not known: {why}"),
    };
    let mut behind: Vec<(&SplitId, SplitLag)> =
        lags.iter().map(|(split, lag)| (split, *lag)).filter(|(_, lag)| is_behind(*lag)).collect();
    behind.sort_by_key(|(_, lag)| (std::cmp::Reverse(lag.records), lag.oldest));
    // Kinesis does not count them.
    let records: Option<u64> = behind.iter().filter_map(|(_, lag)| lag.records).reduce(|sum, more| sum + more);
    let records = records.map_or(String::new(), |records| format!(" by {} records", count(records)));
    let longest = behind.iter().filter_map(|(_, lag)| seconds(*lag, now)).max();
    let longest = longest.map_or(String::new(), |seconds| format!(", the oldest waits {}", waiting(seconds)));
    writeln!(out, "\nbehind{records} in {} of {} splits{longest}", behind.len(), lags.len())?;
    if !behind.is_empty() {
        writeln!(out, "\n{:>12}{:>12}  split", "records", "waiting")?;
    }
    for (split, lag) in behind.iter().take(SPLITS) {
        let waits = seconds(*lag, now).map_or_else(|| "unknown".to_owned(), waiting);
        let records = lag.records.map_or_else(|| "unknown".to_owned(), count);
        writeln!(out, "{records:>12}{waits:>12}  {split}")?;
    }
    Ok(())
}

fn is_behind(lag: SplitLag) -> bool {
    lag.records.map_or_else(|| lag.oldest.is_some(), |records| records > 0)
}

fn waiting(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Splits that a person wants to see at once.
const SPLITS: usize = 50;
