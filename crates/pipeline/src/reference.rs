//! `docs/configuration.md`, for people.

use tributary_connect::agent_time::CUSTOM_STATES;

use crate::option::{Choice, Default, Entry, Kind, ROOT, Shape};
use crate::unit::{size_text, time_text};

const INTRODUCTION: &str = r#"# The pipeline file

<!-- Generated from the option table of crates/pipeline; `UPDATE=1 cargo test -p tributary-pipeline` writes it anew. -->

One TOML file describes one pipeline. `tributary validate FILE` checks it without touching anything and names every
mistake with its line, its column and a cure. `schemas/pipeline.schema.json` tells editors the same.

- **Sizes** are whole numbers with a unit: `B`, `kB`, `MB`, `GB`, `TB` (powers of 1000) or `KiB`, `MiB`, `GiB`, `TiB` (powers of
  1024). A number without a unit is refused.
- **Times** are whole numbers with `ms`, `s`, `m`, `h` or `d`; several add up: `"1h 30m"`.
- **Paths** are relative to the working directory.
- **The environment** overrides the file: `TRIBUTARY__SOURCES__AGENTS__FILE__PATHS="a.jsonl,b.jsonl"` is
  `paths = ["a.jsonl", "b.jsonl"]` in `[sources.agents.file]`. Keys are joined by two underscores, in any case; lists
  are cut at commas. A variable that names no option is a mistake like an unknown key.
- A run whose `[transform]` differs (but for `dedup.memory`) from that of the runs before is refused with the difference, because the rows
  would mean something else. Sources, `[sink]`, `[commit]` and `[memory]` may change from run to run.
"#;

/// The reference of all options in Markdown, made from the option table.
pub fn reference() -> String {
    let mut text = INTRODUCTION.to_owned();
    section(&mut text, "The top of the file", "The pipeline itself.", "", ROOT);
    text
}

/// A heading, the table of the options, then the sections below. A section that only holds sections is not shown.
fn section(text: &mut String, title: &str, meaning: &str, path: &str, entries: &[Entry]) {
    let rows: String = entries.iter().filter_map(|entry| row(path, entry)).collect();
    if !rows.is_empty() {
        text.push_str(&format!(
            "\n## {title}\n\n{meaning}\n\n| key | type | default | since | meaning |\n| --- | --- | --- | --- | --- |\n"
        ));
        text.push_str(&rows);
    }
    for entry in entries {
        let here = if path.is_empty() { entry.key.to_owned() } else { format!("{path}.{}", entry.key) };
        let (here, inner) = match entry.shape {
            Shape::Leaf(_) => continue,
            Shape::Table(inner) | Shape::TableOrFalse(inner) => (here, inner),
            Shape::Named(inner) => {
                let named = format!("{here}.NAME");
                text.push_str(&format!("\n## `[{named}.KIND]`\n\n{}\n", entry.meaning));
                (named, inner)
            }
        };
        section(text, &format!("`[{here}]`"), entry.meaning, &here, inner);
    }
}

/// The line of one option; a section has none, it has a heading.
fn row(path: &str, entry: &Entry) -> Option<String> {
    let kind = match &entry.shape {
        Shape::Leaf(kind) => type_of(kind),
        Shape::TableOrFalse(_) => format!("[table](#{}{}) or `false`", path.replace('.', ""), entry.key),
        Shape::Table(_) | Shape::Named(_) => return None,
    };
    let default = match entry.default {
        Default::Required(_) => "required".to_owned(),
        Default::Value(written) => format!("`{written}`"),
        Default::Words(words) => words.to_owned(),
    };
    let mut meaning = entry.meaning.to_owned();
    if let Shape::Leaf(Kind::Choice(choices) | Kind::Choices(choices) | Kind::AllOrChoices(choices)) = entry.shape {
        meaning.push_str(&meanings(choices));
    }
    Some(format!("| `{}` | {kind} | {default} | {} | {meaning} |\n", entry.key, entry.since))
}

fn type_of(kind: &Kind) -> String {
    match kind {
        Kind::Integer => "whole number".to_owned(),
        Kind::Count { least, most } => format!("whole number, {least} to {most}"),
        Kind::Boolean => "`true` or `false`".to_owned(),
        Kind::Name => "text".to_owned(),
        Kind::Folder => "folder".to_owned(),
        Kind::Location => "folder or `s3://` URL".to_owned(),
        Kind::Text => "text".to_owned(),
        Kind::Bucket => "`s3://` URL".to_owned(),
        Kind::Patterns => "list of patterns".to_owned(),
        Kind::Domain | Kind::Instance => "id".to_owned(),
        Kind::CaseIds => "list of ids".to_owned(),
        Kind::Moment => "day or moment".to_owned(),
        Kind::Begin => "`oldest`, `latest`, day or moment".to_owned(),
        Kind::Stream => "name or ARN".to_owned(),
        Kind::AwsName => "name".to_owned(),
        Kind::Start => "`earliest`, `latest`, day, moment or table of offsets".to_owned(),
        Kind::Settings => "table of settings".to_owned(),
        Kind::Pairs => "table of texts".to_owned(),
        Kind::Topics => "list of topics".to_owned(),
        Kind::Tags => "list of `name=value`, at most 10".to_owned(),
        Kind::Paths => "list of paths".to_owned(),
        Kind::StatusArns => format!("list of ARNs, at most {CUSTOM_STATES}"),
        Kind::Size { least, most } => format!("size, {} to {}", size_text(*least), size_text(*most)),
        Kind::Time { least, most } => format!("time, {} to {}", time_text(*least), time_text(*most)),
        Kind::Choice(_) => "one word".to_owned(),
        Kind::Choices(_) => "list of words".to_owned(),
        Kind::AllOrChoices(_) => "`\"all\"` or a list of words".to_owned(),
    }
}

fn meanings(choices: &[Choice]) -> String {
    let all: Vec<String> = choices.iter().map(|choice| format!("`{}`: {}", choice.name, choice.meaning)).collect();
    format!(" {}.", all.join("; "))
}

/// Compares a generated file of the repository with what it must be; with `UPDATE=1` writes it.
#[cfg(test)]
pub(crate) fn assert_generated(path: &str, expected: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    if std::env::vars().any(|(name, value)| name == "UPDATE" && value == "1") {
        std::fs::write(&path, expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expected, "{} is not up to date: run the test with UPDATE=1", path.display());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_in_the_repository_is_this_reference() {
        assert_generated("docs/configuration.md", &reference());
    }
}
