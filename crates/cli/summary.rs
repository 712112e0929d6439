//! The end of a run, for a person.

use std::fmt::Write;

use tributary_core::Tally;
use tributary_pipeline::LakePlan;
use tributary_runtime::{Outcome, Summary};

use crate::units::{bytes, count};

/// What was done, what is odd about it, and a query to go on with.
pub(crate) fn text(summary: &Summary, lake: &LakePlan) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    write(&mut text, summary, lake).ok();
    text.truncate(text.trim_end().len());
    text
}

fn write(out: &mut String, summary: &Summary, lake: &LakePlan) -> std::fmt::Result {
    let tally = &summary.tally;
    let ending = match summary.outcome {
        Outcome::Finished => "done",
        Outcome::Drained => "stopped, all that was read is committed",
        Outcome::Aborted => "stopped at once, what was not committed is read again by the next run",
    };
    writeln!(out, "{ending}\n")?;
    writeln!(out, "  read        {:>12}  payloads", count(tally.read))?;
    writeln!(out, "  made rows   {:>12}", count(tally.made_rows))?;
    writeln!(out, "  duplicates  {:>12}", count(tally.duplicates))?;
    writeln!(out, "  rejected    {:>12}{}", count(tally.rejected), hint(tally.rejected, "  see the table rejected"))?;
    writeln!(out, "  skipped     {:>12}{}", count(tally.skipped_total()), skipped(tally))?;
    writeln!(out)?;
    for (table, rows) in &tally.rows {
        writeln!(out, "  {:<30}{:>12}  rows", table.as_str(), count(*rows))?;
    }
    let newest = summary.epoch.map(|epoch| format!(", the newest is {epoch}")).unwrap_or_default();
    writeln!(
        out,
        "  {} files, {} in {} epochs{newest}",
        count(summary.files),
        bytes(summary.bytes),
        count(summary.epochs)
    )?;
    oddities(out, summary)?;
    let is_there = |table: &&&str| summary.tally.rows.keys().any(|written| written.as_str() == **table);
    // The main tables of the families; each has days and types of events.
    if let Some(table) = ["agent_event", "case_events", "case_field_changes"].iter().find(is_there) {
        writeln!(out, "\nTo query it, paste into duckdb:\n")?;
        writeln!(out, "  SELECT day, event_type, count(*) AS events")?;
        writeln!(out, "  FROM read_parquet('{lake}/{table}/*/*.parquet', hive_partitioning = true)")?;
        writeln!(out, "  GROUP BY ALL ORDER BY ALL;")?;
    }
    Ok(())
}

fn hint(number: u64, text: &'static str) -> &'static str {
    if number > 0 { text } else { "" }
}

fn skipped(tally: &Tally) -> String {
    let parts: Vec<String> =
        tally.skipped.iter().map(|(reason, number)| format!("{} {}", count(*number), reason.as_str())).collect();
    if parts.is_empty() { String::new() } else { format!("  {}", parts.join(", ")) }
}

fn oddities(out: &mut String, summary: &Summary) -> std::fmt::Result {
    if summary.recovered_epochs > 0 {
        writeln!(out, "  {} epochs of an earlier run were published first", count(summary.recovered_epochs))?;
    }
    if summary.restarts > 0 {
        writeln!(out, "  began again {} times after a passing fault", count(summary.restarts))?;
    }
    if summary.early_seals > 0 {
        let seals = count(summary.early_seals);
        writeln!(out, "  {seals} epochs were ended early for memory (roll_reason=memory): give it a larger spool")?;
    }
    if summary.gaps > 0 {
        writeln!(out, "  {} gaps were left behind (on_gap = \"continue\")", count(summary.gaps))?;
    }
    if summary.spread > 0 {
        writeln!(
            out,
            "  {} agents have events in several splits: duplicates among them are not found (key the topic by agent)",
            count(summary.spread)
        )?;
    }
    for (scope, held) in summary.held.iter().filter(|(_, held)| held.short_since.is_some()) {
        let keys = count(held.keys);
        writeln!(
            out,
            "  {scope} could hold only {keys} keys: duplicates beyond them were not looked for (dedup.memory)"
        )?;
    }
    let unknown = &summary.tally.unknown_keys;
    if !unknown.is_empty() {
        let paths: Vec<String> = unknown.iter().take(5).map(|(path, number)| format!("{path} ({number})")).collect();
        let more = if unknown.len() > paths.len() { ", ..." } else { "" };
        writeln!(out, "  keys that no column takes: {}{more}", paths.join(", "))?;
    }
    for input in &summary.unread {
        writeln!(out, "  NOT READ: {}: {} (the next run tries it again)", input.name, input.reason)?;
    }
    Ok(())
}
