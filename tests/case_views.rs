//! The tables of cases against the sample views of the documentation, run by DuckDB over `case_events`, and against what
//! the simulator acted out.

use std::fs;

use serde_json::{Value, json};

use crate::engines::{Engine, Engines};
use crate::inputs::{events, scale};
use crate::lab::Lab;

/// A view, the table that it equals, and their columns by name.
const VIEWS: [(&str, &str, &str); 2] = [
    (
        "sample_case_events_flattened",
        "case_events_flattened",
        "event_id, case_id, event_timestamp, event_type, instance_id, aws_account_id, cases_domain_arn, template_id, \
     template_name, status, custom_field_id, custom_field_name, custom_field_type, custom_field_string_value, \
     custom_field_double_value, custom_field_timestamp_value, custom_field_boolean_value",
    ),
    (
        "sample_latest_case_state",
        "latest_case_state",
        "instance_id, aws_account_id, event_id, case_id, event_timestamp, changed_field_ids, event_type, \
     performed_by_iam_principal, performed_by_user_arn, performed_by_custom_entity, cases_domain_arn, \
     template_id, template_name, last_updated_user, reference_number, status, assigned_user, \
     assigned_queue, case_reason, case_title, case_summary, customer_profile_arn, created_timestamp, \
     last_updated_timestamp, next_sla_breach_timestamp, last_closed_timestamp, \
     last_reopened_timestamp, custom_fields, data_lake_last_processed_timestamp",
    ),
];

fn view(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/views/duckdb");
    format!("sql:{}", fs::read_to_string(format!("{folder}/{name}.sql")).unwrap())
}

/// The first row of an answer.
fn row(answer: &Value) -> &Value {
    &answer["rows"][0]
}

#[test]
fn the_views_are_the_tables_and_the_counts_are_true() {
    let Some(engines) = Engines::get() else { return };
    let lab = Lab::new("");
    let (truth, lookups) = (lab.path("truth.jsonl"), lab.path("lookups.toml"));
    lab.connect(&format!("lookups = {:?}", lookups.display().to_string()));
    let size = 20_000 * scale();
    let noise = "--disorder 0.1 --duplicates 0.03 --old-detail-type 0.2";
    let files = format!("--truth {} --lookups {}", truth.display(), lookups.display());
    lab.input("cases.jsonl", events(&format!("--agents 0 --cases {size} --audits --days 5 {noise} {files}")));
    lab.run();

    for (name, table, columns) in VIEWS {
        let query = format!(
            "sql:SELECT (SELECT count(*) FROM {table}), \
             (SELECT count(*) FROM (SELECT {columns} FROM {table} EXCEPT ALL SELECT {columns} FROM {name})), \
             (SELECT count(*) FROM (SELECT {columns} FROM {name} EXCEPT ALL SELECT {columns} FROM {table}))"
        );
        let answers = engines.ask(Engine::DuckDb, &lab.lake(), &[&view(name), &query]);
        let row = row(&answers[1]);
        assert!(row[0].as_u64().unwrap() > size / 20, "{name}: {row}");
        assert_eq!((&row[1], &row[2]), (&json!(0), &json!(0)), "{name}: {row}");
    }

    let lines = fs::read_to_string(&truth).unwrap();
    let total: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    let counts = "sql:SELECT (SELECT count(*) FROM case_events), (SELECT count(*) FROM case_related_item_events), \
                  (SELECT count(*) FROM case_events_flattened), (SELECT count(DISTINCT case_id) FROM case_events)";
    let types = "sql:SELECT event_type, count(*) FROM (SELECT event_type FROM case_events \
                 UNION ALL SELECT event_type FROM case_related_item_events) GROUP BY ALL";
    let items = "sql:SELECT related_item_type, count(*) FROM case_related_item_events GROUP BY ALL";
    // Both ways: the latest event of each case, by the view, is the one of the truth.
    let latest = format!(
        "sql:WITH theirs AS (SELECT instance_id, case_id, event_id, event_type, status FROM read_json('{}', \
         format = 'newline_delimited', columns = {{kind: 'VARCHAR', instance_id: 'VARCHAR', case_id: 'VARCHAR', \
         event_id: 'VARCHAR', event_type: 'VARCHAR', status: 'VARCHAR'}}) WHERE kind = 'case'), \
         ours AS (SELECT instance_id, case_id, event_id, event_type, status FROM sample_latest_case_state) \
         SELECT (SELECT count(*) FROM (FROM theirs EXCEPT ALL FROM ours)), \
         (SELECT count(*) FROM (FROM ours EXCEPT ALL FROM theirs))",
        truth.display()
    );
    let queries = [counts, types, items, &view("sample_latest_case_state"), &latest];
    let answers = engines.ask(Engine::DuckDb, &lab.lake(), &queries);
    let expected = ["case_events", "item_events", "custom_fields", "cases"].map(|key| total[key].clone());
    assert_eq!(row(&answers[0]), &json!(expected));
    for (answer, key) in [(&answers[1], "event_types"), (&answers[2], "item_types")] {
        let found = answer["rows"].as_array().unwrap().iter();
        let found: serde_json::Map<String, Value> =
            found.map(|row| (row[0].as_str().unwrap_or("null").to_owned(), row[1].clone())).collect();
        assert_eq!(Value::Object(found), total[key], "{key}");
    }
    assert_eq!(row(&answers[4]), &json!([0, 0]));
    histories_are_true(&engines, &lab, &truth.display().to_string());
    the_printed_view_agrees(&engines, &lab);
}

/// AWS's view as it is printed tells nothing apart that is tied; of all other cases it has our row.
fn the_printed_view_agrees(engines: &Engines, lab: &Lab) {
    let (_, table, columns) = VIEWS[1];
    let query = format!(
        "sql:WITH printed AS (SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY case_id, instance_id ORDER BY event_timestamp \
         DESC) AS rn FROM case_events) t WHERE rn = 1), \
         clear AS (SELECT case_id FROM (SELECT case_id, event_timestamp = max(event_timestamp) OVER (PARTITION BY case_id) AS is_last \
         FROM case_events) WHERE is_last GROUP BY case_id HAVING count(*) = 1), \
         theirs AS (SELECT {columns} FROM printed WHERE case_id IN (FROM clear)), \
         ours AS (SELECT {columns} FROM {table} WHERE case_id IN (FROM clear)) \
         SELECT (SELECT count(*) FROM ours), (SELECT count(*) FROM (FROM ours EXCEPT ALL FROM theirs)), \
         (SELECT count(*) FROM (FROM theirs EXCEPT ALL FROM ours))"
    );
    let answers = engines.ask(Engine::DuckDb, &lab.lake(), &[&query]);
    let row = row(&answers[0]);
    assert!(row[0].as_u64().unwrap() > 500, "{row}");
    assert_eq!((&row[1], &row[2]), (&json!(0), &json!(0)), "{row}");
}

/// The rows of audit events, each value by its type, are those that were acted out, both ways.
fn histories_are_true(engines: &Engines, lab: &Lab, truth: &str) {
    let texts = "instance_id, domain_id, case_id, event_id, event_type, related_item_type, field_id, \
                 performed_by_iam_principal, performed_by_user_arn, performed_by_custom_entity";
    let told: String = texts.split(", ").map(|column| format!("{}: 'VARCHAR', ", column.trim())).collect();
    let value = |which: &str| {
        format!(
            "{which}_type, CASE WHEN {which}_type = 'string' THEN {which}_value->>'$' END, \
             CASE WHEN {which}_type = 'double' THEN CAST({which}_value AS DOUBLE) END, \
             CASE WHEN {which}_type = 'boolean' THEN CAST({which}_value AS BOOLEAN) END, \
             CASE WHEN {which}_type = 'user_arn' THEN {which}_value->>'$' END"
        )
    };
    let columns = |which: &str| {
        format!(
            "{which}_type, {which}_string_value, {which}_double_value, {which}_boolean_value, {which}_user_arn_value"
        )
    };
    let query = format!(
        "sql:WITH theirs AS (SELECT {texts}, CAST(replace(performed_timestamp, 'Z', '') AS TIMESTAMP), {}, {} FROM read_json('{truth}', \
         format = 'newline_delimited', columns = {{kind: 'VARCHAR', {told}performed_timestamp: 'VARCHAR', old_type: 'VARCHAR', \
         old_value: 'JSON', new_type: 'VARCHAR', new_value: 'JSON'}}) WHERE kind = 'audit'), \
         ours AS (SELECT {texts}, performed_timestamp, {}, {} FROM case_field_changes) \
         SELECT (SELECT count(*) FROM ours), (SELECT count(*) FROM (FROM theirs EXCEPT ALL FROM ours)), \
         (SELECT count(*) FROM (FROM ours EXCEPT ALL FROM theirs))",
        value("old"),
        value("new"),
        columns("old"),
        columns("new"),
    );
    let answers = engines.ask(Engine::DuckDb, &lab.lake(), &[&query]);
    let row = row(&answers[0]);
    assert!(row[0].as_u64().unwrap() > 10_000, "{row}");
    assert_eq!((&row[1], &row[2]), (&json!(0), &json!(0)), "{row}");
}
