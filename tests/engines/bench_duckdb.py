"""DuckDB makes the two flat tables of an NDJSON file of agent events, partitioned by day, zstd. Run by the bench.

    bench_duckdb.py FILE OUT

The schema is declared, so nothing is inferred. Structs keep the names they have in the events, which spares DuckDB a
renaming that the product does. The events are read once into a temporary table: two passes over the file cost more.
"""

import sys

STATUS = "STRUCT(ARN VARCHAR, Name VARCHAR, StartTimestamp TIMESTAMP, Type VARCHAR)"
NEXT_STATUS = "STRUCT(ARN VARCHAR, Name VARCHAR, EnqueuedTimestamp TIMESTAMP, Type VARCHAR)"
GROUP = "STRUCT(ARN VARCHAR, Name VARCHAR)"
GROUPS = "STRUCT(" + ", ".join(f"Level{level} {GROUP}" for level in range(1, 6)) + ")"
QUEUE = "STRUCT(ARN VARCHAR, Name VARCHAR, Channels VARCHAR[])"
CONCURRENCY = (
    "STRUCT(Channel VARCHAR, AvailableSlots INTEGER, MaximumSlots INTEGER, CurrentAvailableSlots INTEGER)"
)
PROFILE = (
    f"STRUCT(ARN VARCHAR, Name VARCHAR, Concurrency {CONCURRENCY}[], DefaultOutboundQueue {QUEUE}, "
    f"InboundQueues {QUEUE}[])"
)
CONFIGURATION = (
    "STRUCT(Username VARCHAR, FirstName VARCHAR, LastName VARCHAR, SipAddress VARCHAR, AutoAccept BOOLEAN, "
    "LanguageCode VARCHAR, Proficiencies STRUCT(Name VARCHAR, Value VARCHAR, Level DOUBLE)[], "
    f"AgentHierarchyGroups {GROUPS}, RoutingProfile {PROFILE})"
)
CONTACT = (
    "STRUCT(ContactId VARCHAR, InitialContactId VARCHAR, Channel VARCHAR, InitiationMethod VARCHAR, State VARCHAR, "
    "StateStartTimestamp TIMESTAMP, ConnectedToAgentTimestamp TIMESTAMP, QueueTimestamp TIMESTAMP, "
    f"Queue {GROUP})"
)
SNAPSHOT = (
    f"STRUCT(AgentStatus {STATUS}, NextAgentStatus {NEXT_STATUS}, Configuration {CONFIGURATION}, Contacts {CONTACT}[])"
)
COLUMNS = {
    "AWSAccountId": "VARCHAR",
    "AgentARN": "VARCHAR",
    "InstanceARN": "VARCHAR",
    "EventId": "VARCHAR",
    "EventTimestamp": "TIMESTAMP",
    "EventType": "VARCHAR",
    "Version": "VARCHAR",
    "CurrentAgentSnapshot": SNAPSHOT,
    "PreviousAgentSnapshot": SNAPSHOT,
}


def snapshot_columns(prefix, snapshot):
    """(column, expression) of one snapshot, in the order of the table."""
    status, configuration = f"{snapshot}.AgentStatus", f"{snapshot}.Configuration"
    profile = f"{configuration}.RoutingProfile"
    queue = f"{profile}.DefaultOutboundQueue"
    yield "agent_status_arn", f"{status}.ARN"
    yield "agent_status_name", f"{status}.Name"
    yield "agent_status_start_timestamp", f"{status}.StartTimestamp"
    yield "agent_status_type", f"{status}.Type"
    if prefix == "current":
        following = f"{snapshot}.NextAgentStatus"
        yield "next_agent_status_arn", f"{following}.ARN"
        yield "next_agent_status_name", f"{following}.Name"
        yield "next_agent_status_enqueued_timestamp", f"{following}.EnqueuedTimestamp"
        yield "next_agent_status_type", f"{following}.Type"
        yield "configuration_username", f"{configuration}.Username"
        yield "configuration_first_name", f"{configuration}.FirstName"
        yield "configuration_last_name", f"{configuration}.LastName"
        yield "configuration_sip_address", f"{configuration}.SipAddress"
        yield "configuration_auto_accept", f"{configuration}.AutoAccept"
        yield "configuration_language_code", f"{configuration}.LanguageCode"
    yield "configuration_proficiencies", f"{configuration}.Proficiencies"
    yield "routing_profile_arn", f"{profile}.ARN"
    yield "routing_profile_name", f"{profile}.Name"
    yield "routing_profile_concurrency", f"{profile}.Concurrency"
    yield "routing_profile_default_outbound_queue_arn", f"{queue}.ARN"
    yield "routing_profile_default_outbound_queue_name", f"{queue}.Name"
    yield "routing_profile_default_outbound_queue_channels", f"{queue}.Channels"
    yield "routing_profile_inbound_queues", f"{profile}.InboundQueues"
    for level in range(1, 6):
        group = f"{configuration}.AgentHierarchyGroups.Level{level}"
        yield f"agent_hierarchy_groups_level_{level}_arn", f"{group}.ARN"
        yield f"agent_hierarchy_groups_level_{level}_name", f"{group}.Name"
    yield "contacts", f"{snapshot}.Contacts"
    yield "snapshot_timestamp", "NULL::TIMESTAMP"


def event_columns(last_part, now):
    """(column, expression) of the 67 columns; the two engines spell two of them in their own way."""
    yield "instance_id", last_part("InstanceARN")
    yield "aws_account_id", "AWSAccountId"
    yield "instance_arn", "InstanceARN"
    yield "agent_arn", "AgentARN"
    yield "event_id", "EventId"
    yield "event_timestamp", "EventTimestamp"
    yield "event_type", "EventType"
    yield "version", "Version"
    for prefix in ("current", "previous"):
        for column, expression in snapshot_columns(prefix, f"{prefix.capitalize()}AgentSnapshot"):
            yield f"{prefix}_{column}", expression
    yield "data_lake_last_processed_timestamp", now


def contact_columns(agent_id):
    """(column, expression) of the contacts' table, over `contact` and the columns of the events' table."""
    for column in ("instance_id", "event_id"):
        yield column, column
    yield "contact_id", "contact.ContactId"
    for column in ("snapshot", "event_timestamp", "event_type", "aws_account_id", "agent_arn"):
        yield column, column
    yield "agent_id", agent_id
    yield "initial_contact_id", "contact.InitialContactId"
    yield "channel", "contact.Channel"
    yield "initiation_method", "contact.InitiationMethod"
    yield "state", "contact.State"
    yield "state_start_timestamp", "contact.StateStartTimestamp"
    yield "connected_to_agent_timestamp", "contact.ConnectedToAgentTimestamp"
    yield "queue_timestamp", "contact.QueueTimestamp"
    yield "queue_arn", "contact.Queue.ARN"
    yield "queue_name", "contact.Queue.Name"
    yield "data_lake_last_processed_timestamp", "data_lake_last_processed_timestamp"


def selected(columns):
    return ", ".join(f"{expression} AS {column}" for column, expression in columns)


def main():
    import duckdb

    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, out = sys.argv[1], sys.argv[2]
    connection = duckdb.connect(":memory:")
    connection.execute("SET preserve_insertion_order = false")
    declared = ", ".join(f"{name}: '{kind}'" for name, kind in COLUMNS.items())
    events = selected(event_columns(lambda arn: f"split_part({arn}, '/', -1)", "localtimestamp::TIMESTAMP"))
    connection.execute(
        f"CREATE TEMP TABLE events AS SELECT {events} FROM "
        f"read_json('{source}', format = 'newline_delimited', ignore_errors = true, columns = {{{declared}}}) "
        "WHERE EventId IS NOT NULL AND EventTimestamp IS NOT NULL"
    )
    gone = (
        "list_filter(previous_contacts, lambda old: NOT list_contains("
        "list_transform(coalesce(current_contacts, []), lambda new: new.ContactId), old.ContactId))"
    )
    kept = "SELECT *, unnest({}) AS contact, '{}' AS snapshot FROM events"
    contacts = f"{kept.format('current_contacts', 'current')} UNION ALL {kept.format(gone, 'previous')}"
    of_contact = selected(contact_columns("split_part(agent_arn, '/', -1)"))
    for table, query in {
        "agent_event": "SELECT *, event_timestamp::DATE AS day FROM events",
        "agent_event_contacts": f"SELECT {of_contact}, event_timestamp::DATE AS day FROM ({contacts})",
    }.items():
        connection.execute(
            f"COPY ({query}) TO '{out}/{table}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (day), OVERWRITE)"
        )


if __name__ == "__main__":
    main()
