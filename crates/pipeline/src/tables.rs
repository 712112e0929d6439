//! The documented tables, as they stand in `schemas/tables`.

use serde::{Deserialize, Serialize};

use crate::Error;

/// The files, in the order of the documentation.
const FILES: [&str; 19] = [
    include_str!("../../../schemas/tables/agent_event.toml"),
    include_str!("../../../schemas/tables/agent_event_contacts.toml"),
    include_str!("../../../schemas/tables/agent_status_intervals.toml"),
    include_str!("../../../schemas/tables/agent_contact_segments.toml"),
    include_str!("../../../schemas/tables/agent_acw.toml"),
    include_str!("../../../schemas/tables/agent_sessions.toml"),
    include_str!("../../../schemas/tables/agent_statistic_record.toml"),
    include_str!("../../../schemas/tables/agent_queue_statistic_record.toml"),
    include_str!("../../../schemas/tables/agent_stream_gaps.toml"),
    include_str!("../../../schemas/tables/case_events.toml"),
    include_str!("../../../schemas/tables/case_related_item_events.toml"),
    include_str!("../../../schemas/tables/case_events_flattened.toml"),
    include_str!("../../../schemas/tables/case_field_changes.toml"),
    include_str!("../../../schemas/tables/latest_case_state.toml"),
    include_str!("../../../schemas/tables/contact_flow_log_events.toml"),
    include_str!("../../../schemas/tables/contact_events.toml"),
    include_str!("../../../schemas/tables/contact_flow_events.toml"),
    include_str!("../../../schemas/tables/connect_test_case_execution_results.toml"),
    include_str!("../../../schemas/tables/rejected.toml"),
];

/// A table and what it means.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct TableDoc {
    /// Its name.
    pub name: String,
    /// The version of its schema.
    pub version: u32,
    /// What a row is.
    pub meaning: String,
    /// The columns that identify a row.
    pub key: Vec<String>,
    /// The column that says the partition.
    pub partition: String,
    /// How it does.
    #[serde(default)]
    pub partition_by: PartitionBy,
    /// Its columns, in order.
    #[serde(rename(deserialize = "column"))]
    pub columns: Vec<ColumnDoc>,
}

/// How a column says the partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartitionBy {
    /// By the UTC day of a timestamp: `day=YYYY-MM-DD`.
    #[default]
    Day,
    /// By the hash of a text: `bucket=00` to `bucket=63`.
    Bucket,
}

/// A column and what it means.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ColumnDoc {
    /// Its field id, fixed for ever.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Its type as Athena and Trino write it.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it may be null.
    pub nullable: bool,
    /// What it means.
    pub meaning: String,
    /// The field of the payload that it comes from.
    pub source: Option<String>,
    /// What an array holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub element: Option<Box<ElementDoc>>,
}

/// What an array holds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ElementDoc {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The members of a struct.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<MemberDoc>,
}

/// A member of a struct.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct MemberDoc {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it means.
    pub meaning: String,
    /// The members of a struct.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Self>,
    /// What an array holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub element: Option<Box<ElementDoc>>,
}

/// Every table of this version.
///
/// # Errors
/// [`Error::Tables`] when a file in the binary cannot be read, which a test rules out.
pub fn table_docs() -> Result<Vec<TableDoc>, Error> {
    FILES.iter().map(|text| toml::from_str(text).map_err(|cause| Error::Tables(Box::new(cause)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_read() {
        let tables = table_docs().unwrap();
        let columns: Vec<_> = tables.iter().map(|table| (table.name.as_str(), table.columns.len())).collect();
        let expected = [
            ("agent_event", 67),
            ("agent_event_contacts", 19),
            ("agent_status_intervals", 15),
            ("agent_contact_segments", 21),
            ("agent_acw", 18),
            ("agent_sessions", 12),
            ("agent_statistic_record", 80),
            ("agent_queue_statistic_record", 40),
            ("agent_stream_gaps", 11),
            ("case_events", 29),
            ("case_related_item_events", 28),
            ("case_events_flattened", 17),
            ("case_field_changes", 26),
            ("latest_case_state", 29),
            ("contact_flow_log_events", 20),
            ("contact_events", 26),
            ("contact_flow_events", 22),
            ("connect_test_case_execution_results", 20),
            ("rejected", 14),
        ];
        assert_eq!(columns, expected);
    }
}
