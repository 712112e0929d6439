//! Other engines read what is written.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::engines::{Engine, Engines};
use crate::inputs::events;
use crate::lab::{Lab, output_of, text};

/// A lake of three days with rejections.
fn lake() -> Lab {
    let lab = Lab::new("");
    lab.input("events.jsonl", events("--agents 30 --events 2000 --days 3 --seed 4 --malformed 0.01"));
    lab.run();
    lab
}

#[test]
fn duckdb_pyarrow_and_spark_see_the_same() {
    let Some(engines) = Engines::get() else { return };
    let lab = lake();
    let rows = lab.status()["tables"]["agent_event"]["rows"].clone();
    let columns = "instance_id,event_id,event_timestamp,current_agent_status_start_timestamp,\
                   current_configuration_auto_accept,current_contacts,current_routing_profile_inbound_queues,\
                   current_routing_profile_concurrency,current_configuration_proficiencies";
    let query = format!("rows:agent_event:{columns}:event_timestamp,event_id");
    let queries =
        ["count:agent_event", "schema:agent_event", query.as_str(), "count:agent_event_contacts", "count:rejected"];
    let duckdb = engines.ask(Engine::DuckDb, &lab.lake(), &queries);
    assert_eq!(duckdb[0], rows);
    assert_eq!(duckdb[1].as_array().unwrap().len(), 67);
    let kind = |name: &str| {
        duckdb[1].as_array().unwrap().iter().find(|column| column[0] == name).map(|column| column[1].clone()).unwrap()
    };
    assert_eq!(kind("event_timestamp"), json!("TIMESTAMP"));
    assert_eq!(kind("current_configuration_auto_accept"), json!("BOOLEAN"));
    assert_eq!(
        kind("current_routing_profile_inbound_queues"),
        json!("STRUCT(arn VARCHAR, \"name\" VARCHAR, channels VARCHAR[])[]")
    );
    let pyarrow = engines.ask(Engine::PyArrow, &lab.lake(), &queries);
    assert_eq!((&pyarrow[0], &pyarrow[2], &pyarrow[3], &pyarrow[4]), (&duckdb[0], &duckdb[2], &duckdb[3], &duckdb[4]));
    let zone_less = |column: &Value| column[0] == "event_timestamp" && column[1] == "timestamp[us]";
    assert!(pyarrow[1].as_array().unwrap().iter().any(zone_less), "{}", pyarrow[1]);

    if let Some(spark) = Engines::spark() {
        let spark = spark.ask(Engine::Spark, &lab.lake(), &queries);
        assert_eq!((&spark[0], &spark[2], &spark[3], &spark[4]), (&duckdb[0], &duckdb[2], &duckdb[3], &duckdb[4]));
        let zone_less = |column: &Value| column[0] == "event_timestamp" && column[1] == "timestamp_ntz";
        assert!(spark[1].as_array().unwrap().iter().any(zone_less), "{}", spark[1]);
    }
}

#[test]
fn iceberg_finds_an_id_everywhere() {
    let Some(engines) = Engines::get() else { return };
    let lab = lake();
    for (table, columns) in [("agent_event", 67), ("agent_event_contacts", 19), ("rejected", 14)] {
        let file = first_file(&lab.lake().join(table));
        let answer = engines.iceberg(&file).unwrap_or_else(|reason| panic!("{table}: {reason}"));
        assert_eq!(answer["columns"], columns, "{table}");
    }
}

/// The simulator writes down what it acts out before it renders a line; the lake must say the same of each event.
#[test]
fn every_event_is_what_the_simulator_acted_out() {
    let Some(engines) = Engines::get() else { return };
    let lab = Lab::new("");
    let truth = lab.path("truth.jsonl");
    let options = format!("--agents 40 --days 2 --seed 2 --truth {}", truth.display());
    lab.input("events.jsonl", events(&options));
    lab.run();
    let query = format!(
        "sql:WITH truth AS (SELECT event_id, agent_id, event_type, event_timestamp::TIMESTAMP AS happened, day::DATE AS day, \
         contacts, departed FROM read_json('{}', format = 'newline_delimited', sample_size = -1) WHERE kind = 'event'), \
         left_behind AS (SELECT event_id, count(*) AS departed FROM agent_event_contacts WHERE snapshot = 'previous' GROUP BY ALL), \
         lake AS (SELECT event_id, split_part(agent_arn, '/agent/', 2) AS agent_id, event_type, event_timestamp AS happened, \
         event_timestamp::DATE AS day, len(current_contacts) AS contacts, coalesce(departed, 0) AS departed \
         FROM agent_event LEFT JOIN left_behind USING (event_id)) \
         SELECT (SELECT count(*) FROM truth), (SELECT count(*) FROM lake), \
         (SELECT count(*) FROM truth JOIN lake USING (event_id, agent_id, event_type, happened, day, contacts, departed)), \
         (SELECT sum(departed) FROM truth)",
        truth.display()
    );
    let answer = engines.ask(Engine::DuckDb, &lab.lake(), &[&query]);
    let counts = answer[0]["rows"][0].as_array().unwrap();
    assert!(counts[0].as_u64().unwrap() > 1_000 && counts[3] != json!(0), "{counts:?}");
    assert_eq!((&counts[0], &counts[0]), (&counts[1], &counts[2]), "{counts:?}");
}

fn first_file(table: &Path) -> PathBuf {
    let first = |folder: &Path| {
        let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        entries.into_iter().next().unwrap()
    };
    first(&first(table))
}

/// The views that `schema ddl` prints for DuckDB.
#[test]
fn printed_views_answer() {
    let Some(engines) = Engines::get() else { return };
    let lab = Lab::new("");
    lab.input("events.jsonl", events("--agents 5 --events 200 --seed 3"));
    lab.run();
    let location = lab.lake().display().to_string();
    let printed =
        lab.command(&["schema", "ddl", "--dialect", "duckdb", "--location", &location, "--table", "agent_event"]);
    let view = text(&output_of(&mut { printed }));
    let query = format!("sql:{} SELECT count(*), count(DISTINCT day) FROM agent_event", view.replace('\n', " "));
    let answer = engines.ask(Engine::DuckDb, &lab.lake(), &[&query]);
    assert_eq!(answer[0]["rows"], serde_json::json!([[200, 1]]), "{view}");
}
