//! `tributary status`.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::json;
use tributary_commit::{LogView, inspect};
use tributary_core::Failure;
use tributary_pipeline::{load, open_lake_if_there};

use crate::args::{Output, Status};
use crate::exit::{Ending, Trouble};
use crate::units::{bytes, count};
use crate::{Outcome, block_on, terminal};

/// Shows what the commit log says.
pub(crate) fn status(args: &Status, environment: &BTreeMap<String, String>) -> Outcome {
    let plan = load(&args.file, environment).map_err(|error| Trouble::new(error.fault(), error.code(), error))?;
    let view = block_on(async {
        let Some(store) = open_lake_if_there(&plan.lake).await? else { return Ok(None) };
        let view = inspect(store.as_ref(), &plan.pipeline).await;
        view.map(Some).map_err(|error| Failure::new(error.fault(), error.code(), error))
    })?;
    let view = view.map_err(|failure| Trouble::new(failure.fault(), failure.code(), failure))?;
    let view = view.filter(|view| !view.epochs.is_empty() || view.newest_checkpoint.is_some());
    match (args.output, view) {
        (Output::Json, view) => terminal::answer(&json(view.as_ref(), args.epochs).to_string())?,
        (Output::Text, Some(view)) => terminal::answer(&text(&view, args.epochs))?,
        (Output::Text, None) => {
            terminal::answer(&format!("{} has committed nothing to {} yet", plan.pipeline, plan.lake))?;
        }
    }
    Ok(Ending::Done)
}

fn json(view: Option<&LogView>, epochs: usize) -> serde_json::Value {
    let Some(view) = view else { return serde_json::Value::Null };
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

fn text(view: &LogView, epochs: usize) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    write(&mut text, view, epochs).ok();
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

/// Splits that a person wants to see at once.
const SPLITS: usize = 50;
