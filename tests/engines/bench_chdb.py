"""ClickHouse (chdb) makes the two flat tables of an NDJSON file of agent events, by day, zstd. Run by the bench.

    bench_chdb.py FILE OUT

The schema is declared. The events are read once into a table in memory. Structs keep the names they have in the events.
"""

import os
import sys

from bench_duckdb import contact_columns, event_columns

TEXT, MOMENT = "Nullable(String)", "Nullable(DateTime64(6))"
GROUP = f"Tuple(ARN {TEXT}, Name {TEXT})"
QUEUE = f"Tuple(ARN {TEXT}, Name {TEXT}, Channels Array({TEXT}))"
SLOTS = "Nullable(Int32)"
CONCURRENCY = f"Tuple(Channel {TEXT}, AvailableSlots {SLOTS}, MaximumSlots {SLOTS}, CurrentAvailableSlots {SLOTS})"
PROFILE = (
    f"Tuple(ARN {TEXT}, Name {TEXT}, Concurrency Array({CONCURRENCY}), DefaultOutboundQueue {QUEUE}, "
    f"InboundQueues Array({QUEUE}))"
)
GROUPS = "Tuple(" + ", ".join(f"Level{level} {GROUP}" for level in range(1, 6)) + ")"
CONFIGURATION = (
    f"Tuple(Username {TEXT}, FirstName {TEXT}, LastName {TEXT}, SipAddress {TEXT}, AutoAccept Nullable(Bool), "
    f"LanguageCode {TEXT}, Proficiencies Array(Tuple(Name {TEXT}, Value {TEXT}, Level Nullable(Float64))), "
    f"AgentHierarchyGroups {GROUPS}, RoutingProfile {PROFILE})"
)
CONTACT = (
    f"Tuple(ContactId {TEXT}, InitialContactId {TEXT}, Channel {TEXT}, InitiationMethod {TEXT}, State {TEXT}, "
    f"StateStartTimestamp {MOMENT}, ConnectedToAgentTimestamp {MOMENT}, QueueTimestamp {MOMENT}, Queue {GROUP})"
)
SNAPSHOT = (
    f"Tuple(AgentStatus Tuple(ARN {TEXT}, Name {TEXT}, StartTimestamp {MOMENT}, Type {TEXT}), "
    f"NextAgentStatus Tuple(ARN {TEXT}, Name {TEXT}, EnqueuedTimestamp {MOMENT}, Type {TEXT}), "
    f"Configuration {CONFIGURATION}, Contacts Array({CONTACT}))"
)
COLUMNS = (
    f"AWSAccountId {TEXT}, AgentARN {TEXT}, InstanceARN {TEXT}, EventId String, EventTimestamp DateTime64(6), "
    f"EventType {TEXT}, Version {TEXT}, CurrentAgentSnapshot {SNAPSHOT}, PreviousAgentSnapshot {SNAPSHOT}"
)
SETTINGS = {
    "session_timezone": "'UTC'",
    "date_time_input_format": "'best_effort'",
    "input_format_skip_unknown_fields": 1,
    "input_format_null_as_default": 1,
    "input_format_json_defaults_for_missing_elements_in_named_tuple": 1,
    "input_format_allow_errors_ratio": 0.5,
    "output_format_parquet_compression_method": "'zstd'",
    "max_partitions_per_insert_block": 0,
    "engine_file_truncate_on_insert": 1,
}


def spelled(columns):
    """DuckDB's expressions in ClickHouse's words."""
    for column, expression in columns:
        yield column, expression.replace("NULL::TIMESTAMP", "CAST(NULL, 'Nullable(DateTime64(6))')")


def selected(columns):
    return ", ".join(f"{expression} AS {column}" for column, expression in spelled(columns))


def main():
    from chdb import session

    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, out = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    engine = session.Session()
    for name, value in SETTINGS.items():
        engine.query(f"SET {name} = {value}")
    last_part = "arrayElement(splitByChar('/', ifNull({}, '')), -1)".format
    engine.query("CREATE DATABASE bench")
    engine.query(
        f"CREATE TABLE bench.events ENGINE = Memory AS SELECT {selected(event_columns(last_part, 'now64(6)'))} "
        f"FROM file('{source}', 'JSONEachRow', '{COLUMNS.replace(chr(39), chr(92) + chr(39))}')"
    )
    there = "arrayMap(new -> new.ContactId, current_contacts)"
    gone = f"arrayFilter(old -> NOT has({there}, old.ContactId), previous_contacts)"
    kept = "SELECT *, arrayJoin({}) AS contact, '{}' AS snapshot FROM bench.events"
    contacts = f"{kept.format('current_contacts', 'current')} UNION ALL {kept.format(gone, 'previous')}"
    for table, query in {
        "agent_event": "SELECT * FROM bench.events",
        "agent_event_contacts": f"SELECT {selected(contact_columns(last_part('agent_arn')))} FROM ({contacts})",
    }.items():
        for day in engine.query("SELECT DISTINCT toDate(event_timestamp) FROM bench.events", "TSV").data().split():
            os.makedirs(f"{out}/{table}/day={day}")
        engine.query(
            f"INSERT INTO FUNCTION file('{out}/{table}/day={{_partition_id}}/part.parquet', 'Parquet') "
            f"PARTITION BY toString(toDate(event_timestamp)) {query}"
        )


if __name__ == "__main__":
    main()
