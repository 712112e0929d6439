//! `tributary schema`.

use anyhow::bail;
use tributary_pipeline::{Dialect, TableDoc, ddl, table_docs};

use crate::args::{self, Output, Schema, SchemaVerb};
use crate::exit::Ending;
use crate::{Outcome, terminal};

/// Lists the tables or shows one.
pub(crate) fn schema(args: &Schema) -> Outcome {
    let tables = table_docs()?;
    match &args.verb {
        SchemaVerb::List { output: Output::Json } => terminal::answer(&serde_json::to_string(&tables)?)?,
        SchemaVerb::List { output: Output::Text } => {
            let lines: Vec<String> = tables
                .iter()
                .map(|table| format!("{:<24}{:>4} columns  {}", table.name, table.columns.len(), table.meaning))
                .collect();
            terminal::answer(&lines.join("\n"))?;
        }
        SchemaVerb::Ddl { dialect, location, table, since } => {
            let dialect = match dialect {
                args::Dialect::Athena => Dialect::Athena,
                args::Dialect::Duckdb => Dialect::DuckDb,
            };
            let chosen: Vec<&TableDoc> = match table {
                Some(table) => vec![named(&tables, table)?],
                None => tables.iter().collect(),
            };
            let statements: Vec<String> = chosen.iter().map(|table| ddl(table, dialect, location, *since)).collect();
            terminal::answer(statements.join("\n").trim_end())?;
        }
        SchemaVerb::Show { table, output } => {
            let found = named(&tables, table)?;
            match output {
                Output::Json => terminal::answer(&serde_json::to_string(found)?)?,
                Output::Text => terminal::answer(&text(found))?,
            }
        }
    }
    Ok(Ending::Done)
}

fn named<'a>(tables: &'a [TableDoc], table: &str) -> anyhow::Result<&'a TableDoc> {
    let Some(found) = tables.iter().find(|candidate| candidate.name == table) else {
        let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
        bail!(crate::exit::Trouble::new(
            tributary_core::Fault::Config,
            "cli/unknown-table",
            format!("there is no table {table:?}; there are {}", names.join(", ")),
        ));
    };
    Ok(found)
}

fn text(table: &TableDoc) -> String {
    let mut text = format!(
        "{}: {}\nkey: {}; partitioned by the UTC day of {}\n",
        table.name,
        table.meaning,
        table.key.join(", "),
        table.partition
    );
    for column in &table.columns {
        let null = if column.nullable { "" } else { " not null" };
        let (id, name, kind, meaning) = (column.id, &column.name, &column.kind, &column.meaning);
        text.push_str(&format!("\n{id:>4}  {name} {kind}{null}\n      {meaning}"));
    }
    text
}
