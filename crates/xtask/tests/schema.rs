//! The tables stand in one place: what is generated from it, AWS's own list and the table of `core` agree with it.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a broken expectation panics")]

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{Write as _, stderr};
use std::sync::Arc;

use arrow_schema::{DataType, Field, TimeUnit};
use tributary_core::rejected_table;
use xtask::schema::{self, Column, TableFile, Type};

fn table(name: &str) -> TableFile {
    schema::tables(&xtask::root()).unwrap().into_iter().find(|table| table.name == name).unwrap()
}

/// Guards: an edit of schemas/tables that nobody generated from, and an edit of what is generated.
#[test]
fn what_is_generated_is_up_to_date() {
    let root = xtask::root();
    for generated in schema::generate(&root).unwrap() {
        let there = fs::read_to_string(root.join(&generated.path)).unwrap_or_default();
        assert!(there == generated.text, "{} is stale: run `cargo xtask schema`", generated.path.display());
    }
}

/// The pages say of each column whether it can be derived, and of those that cannot the schema says so, too.
#[test]
fn every_column_of_executions_has_its_quality() {
    for (page, name, underivable) in
        [("docs/flows.md", "contact_flow_events", 0), ("docs/test-cases.md", "connect_test_case_execution_results", 7)]
    {
        let page = fs::read_to_string(xtask::root().join(page)).unwrap();
        let (_, rows) = page.split_once("## What can be derived").unwrap();
        let rows = rows.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
        let rows: Vec<(&str, &str)> = rows.collect();
        let table = table(name);
        let columns: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(rows.iter().map(|(column, _)| *column).collect::<Vec<_>>(), columns);
        let told: Vec<&str> = rows.iter().filter(|(_, how)| *how == "no |").map(|(column, _)| *column).collect();
        let sourceless = table.columns.iter().filter(|column| column.source == "none");
        assert_eq!(told, sourceless.map(|column| column.name.as_str()).collect::<Vec<_>>());
        assert_eq!(told.len(), underivable);
    }
}

/// Guards: names, order and types of the published tables, on which queries written for AWS's lake hang.
#[test]
fn published_tables_are_exactly_as_published() {
    let list = xtask::root().join("../shared/domain/lake-tables.tsv");
    let Ok(list) = fs::read_to_string(&list) else {
        // Not eprintln!, which is not shown where the test passes.
        writeln!(stderr(), "not checked against the published tables: {} is not there", list.display()).unwrap();
        return;
    };
    let mut published: BTreeMap<&str, Vec<(usize, String, String, bool)>> = BTreeMap::new();
    for line in list.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let column = (cells[1].parse().unwrap(), cells[2].to_lowercase(), cells[3].to_owned(), cells[4] == "yes");
        published.entry(cells[0]).or_default().push(column);
    }
    let mut compared = Vec::new();
    for table in schema::tables(&xtask::root()).unwrap() {
        let Some(expected) = published.get(table.name.as_str()) else { continue };
        let ours: Vec<_> = table
            .columns
            .iter()
            .enumerate()
            .map(|(index, column)| (index + 1, column.name.clone(), published_type(column), !column.nullable))
            .collect();
        assert_eq!(&ours, expected, "{}", table.name);
        compared.push((table.name, ours.len()));
    }
    let compared: Vec<_> = compared.iter().map(|(name, columns)| (name.as_str(), *columns)).collect();
    assert_eq!(
        compared,
        [
            ("agent_event", 67),
            ("agent_queue_statistic_record", 40),
            ("agent_statistic_record", 80),
            ("case_events", 29),
            ("case_related_item_events", 28),
            ("connect_test_case_execution_results", 20),
            ("contact_flow_events", 22),
        ]
    );
}

/// The published list says `array(struct)` without the members.
fn published_type(column: &Column) -> String {
    match &column.element {
        Some(element) => format!("array({})", element.kind),
        None => column.kind.to_string(),
    }
}

/// Guards: the hand-written table of `core` against what is documented.
#[test]
fn rejected_is_the_table_of_core() {
    let documented = table("rejected");
    let built = rejected_table();
    let fields: Vec<Arc<Field>> = documented.columns.iter().map(|column| Arc::new(scalar_field(column))).collect();
    assert_eq!(built.schema.fields().iter().cloned().collect::<Vec<_>>(), fields);
    assert_eq!(built.id.as_str(), documented.name);
    assert_eq!(built.version, documented.version);
    assert_eq!(built.partition.column(), documented.partition);
    assert_eq!(built.key, documented.key);
    assert_eq!(built.sort, documented.sort);
    assert_eq!(built.distinct, documented.distinct);
}

fn scalar_field(column: &Column) -> Field {
    let kind = match column.kind {
        Type::String => DataType::Utf8,
        Type::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        Type::Int => DataType::Int32,
        Type::Bigint => DataType::Int64,
        Type::Binary => DataType::Binary,
        other => panic!("{}: {other} is not expected here", column.name),
    };
    let metadata = HashMap::from([("PARQUET:field_id".to_owned(), column.id.to_string())]);
    Field::new(&column.name, kind, column.nullable).with_metadata(metadata)
}

/// Guards: files that are written today stay readable. An id may be added here; none may change or go.
#[test]
fn ids_are_frozen() {
    let agent_event = table("agent_event");
    for (index, column) in agent_event.columns.iter().enumerate() {
        assert_eq!(column.id as usize, index + 1, "{}", column.name);
    }
    let contacts = agent_event.columns.iter().find(|column| column.name == "previous_contacts").unwrap();
    let element = contacts.element.as_ref().unwrap();
    let ids: Vec<(u32, &str)> = element.members.iter().map(|member| (member.id, member.name.as_str())).collect();
    let expected = [
        (6502, "contact_id"),
        (6503, "initial_contact_id"),
        (6504, "channel"),
        (6505, "initiation_method"),
        (6506, "state"),
        (6507, "state_start_timestamp"),
        (6508, "connected_to_agent_timestamp"),
        (6509, "queue_timestamp"),
        (6510, "queue"),
    ];
    assert_eq!((element.id, ids.as_slice()), (6501, expected.as_slice()));
}
