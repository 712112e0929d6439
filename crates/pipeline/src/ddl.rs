//! Statements that make the tables of a lake known to an engine.
//!
//! Sources: Amazon Athena User Guide, "CREATE TABLE" and "Partition projection"; DuckDB, "Hive partitioning".

use tributary_core::{Bucket, Day};

use crate::{ElementDoc, MemberDoc, PartitionBy, TableDoc};

/// The day on which Amazon Connect began: no event is older.
const FIRST_DAY: &str = "2017-03-28";

/// Whose SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Amazon Athena: an external table whose partitions are projected from the days, so that no crawler and no
    /// `MSCK REPAIR` is needed.
    Athena,
    /// DuckDB: a view.
    DuckDb,
}

/// The statement that makes `table` of the lake at `location` known. `since` is the lake's first day, before which
/// Athena does not look.
pub fn ddl(table: &TableDoc, dialect: Dialect, location: &str, since: Option<Day>) -> String {
    let place = format!("{}/{}", location.trim_end_matches('/'), table.name);
    match dialect {
        Dialect::Athena => athena(table, &place, since),
        Dialect::DuckDb => format!(
            "CREATE OR REPLACE VIEW {} AS\nSELECT * FROM read_parquet({}, hive_partitioning = true, hive_types = {{{}}}, union_by_name = true);\n",
            identifier(&table.name),
            text(&format!("{place}/*/*.parquet")),
            match table.partition_by {
                PartitionBy::Day => "'day': DATE",
                PartitionBy::Bucket => "'bucket': VARCHAR",
            },
        ),
    }
}

fn athena(table: &TableDoc, place: &str, since: Option<Day>) -> String {
    let since = since.map_or_else(|| FIRST_DAY.to_owned(), |day| day.to_string());
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            let kind = hive(&column.kind, column.element.as_deref(), &[]);
            format!("  `{}` {kind} COMMENT {}", column.name, hive_text(&comment(&column.meaning)))
        })
        .collect();
    let mut statement = format!("CREATE EXTERNAL TABLE IF NOT EXISTS `{}` (\n{}\n)\n", table.name, columns.join(",\n"));
    let (partition, projection) = projection(table.partition_by, &since);
    let mut properties = vec![("projection.enabled", "true".to_owned())];
    properties.extend(projection);
    properties.push(("storage.location.template", format!("{place}/{partition}=${{{partition}}}/")));
    let properties: Vec<String> =
        properties.iter().map(|(key, value)| format!("  '{key}' = {}", hive_text(value))).collect();
    statement.push_str(&format!("PARTITIONED BY (`{partition}` string)\nSTORED AS PARQUET\n"));
    statement.push_str(&format!("LOCATION {}\nTBLPROPERTIES (\n", hive_text(&format!("{place}/"))));
    statement.push_str(&format!("{}\n);\n", properties.join(",\n")));
    statement
}

/// The partition of a table, and how Athena works out which there are.
fn projection(by: PartitionBy, since: &str) -> (&'static str, Vec<(&'static str, String)>) {
    match by {
        PartitionBy::Day => (
            "day",
            vec![
                ("projection.day.type", "date".to_owned()),
                ("projection.day.format", "yyyy-MM-dd".to_owned()),
                // A clock that is ahead writes into tomorrow.
                ("projection.day.range", format!("{since},NOW+1DAY")),
                ("projection.day.interval", "1".to_owned()),
                ("projection.day.interval.unit", "DAYS".to_owned()),
            ],
        ),
        PartitionBy::Bucket => (
            "bucket",
            vec![
                ("projection.bucket.type", "integer".to_owned()),
                ("projection.bucket.range", format!("0,{}", Bucket::COUNT - 1)),
                ("projection.bucket.digits", "2".to_owned()),
            ],
        ),
    }
}

/// A type as Hive writes it.
fn hive(kind: &str, element: Option<&ElementDoc>, members: &[MemberDoc]) -> String {
    match (kind, element) {
        ("array", Some(element)) => format!("array<{}>", hive(&element.kind, None, &element.members)),
        ("struct", _) => {
            let member = |member: &MemberDoc| {
                format!("{}:{}", member.name, hive(&member.kind, member.element.as_deref(), &member.members))
            };
            format!("struct<{}>", members.iter().map(member).collect::<Vec<_>>().join(","))
        }
        ("map", _) => "map<string,string>".to_owned(),
        _ => kind.to_owned(),
    }
}

/// Athena keeps 255 bytes of a comment.
fn comment(meaning: &str) -> String {
    let mut end = meaning.len().min(255);
    while !meaning.is_char_boundary(end) {
        end -= 1;
    }
    meaning.get(..end).unwrap_or_default().to_owned()
}

/// A literal of Hive, which takes two quotes for the end of one literal and the beginning of another.
fn hive_text(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A literal of SQL.
fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// A name of DuckDB.
fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table_docs;

    #[test]
    fn athena_projects_the_days() {
        let tables = table_docs().unwrap();
        let sessions = tables.iter().find(|table| table.name == "agent_sessions").unwrap();
        let said = ddl(sessions, Dialect::Athena, "s3://lake/connect/", Day::parse("2025-03-03"));
        for line in [
            "CREATE EXTERNAL TABLE IF NOT EXISTS `agent_sessions` (",
            "PARTITIONED BY (`day` string)",
            "LOCATION 's3://lake/connect/agent_sessions/'",
            "  'projection.day.range' = '2025-03-03,NOW+1DAY',",
            "  'storage.location.template' = 's3://lake/connect/agent_sessions/day=${day}/'",
        ] {
            assert!(said.lines().any(|found| found == line), "{line} in {said}");
        }
        assert_eq!(said.matches(" COMMENT ").count(), sessions.columns.len());
    }

    #[test]
    fn every_table_has_types_that_hive_knows() {
        for table in table_docs().unwrap() {
            let said = ddl(&table, Dialect::Athena, "s3://lake/it's", None);
            let range = match table.partition_by {
                PartitionBy::Day => "'projection.day.range' = '2017-03-28,NOW+1DAY'",
                PartitionBy::Bucket => "'projection.bucket.range' = '0,63'",
            };
            assert!(said.contains("'s3://lake/it\\'s/") && said.contains(range), "{said}");
            for column in &table.columns {
                let kind = hive(&column.kind, column.element.as_deref(), &[]);
                let simple =
                    ["string", "bigint", "int", "boolean", "timestamp", "binary", "double", "map<string,string>"];
                let inside =
                    |kind: &str| kind.starts_with("array<struct<") && kind.ends_with(">>") && kind.contains(':');
                let is_list = kind
                    .strip_prefix("array<")
                    .and_then(|rest| rest.strip_suffix('>'))
                    .is_some_and(|inner| simple.contains(&inner));
                assert!(simple.contains(&kind.as_str()) || is_list || inside(&kind), "{}: {kind}", column.name);
            }
        }
    }
}
