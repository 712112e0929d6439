//! What is made of Amazon Connect events.

use super::{Choice, DAY, Default, Entry, Kind, MIB, Shape, TIB, cases, size, time};

pub(super) static CONNECT: &[Entry] = &[
    Entry::new(
        "families",
        Shape::Leaf(Kind::Choices(FAMILIES)),
        Default::Value("[\"agent\", \"case\", \"audit\", \"test_case\"]"),
        "The families of events that become rows. Other recognised families are skipped and counted. Lines of flows may hold what customers typed (see `[privacy]`), so that `flow` and `contact` are asked for by name.",
    ),
    Entry::new(
        "tables",
        Shape::Leaf(Kind::AllOrChoices(TABLES)),
        Default::Value("\"all\""),
        "The tables to write: all of the families, or some. Events that have no table are skipped and counted.",
    ),
    Entry::new(
        "instances",
        Shape::Leaf(Kind::Pairs),
        Default::Words("none"),
        "The Connect instance of each Cases domain, `{ \"<domain id>\" = \"<instance id>\" }`: events of cases do not say it; and of the alias that a log group of flows is called by. Without it, it is taken from ARNs of Connect in the event, and an event that has none is rejected (`no_instance`).",
    ),
    Entry::new(
        "lookups",
        Shape::Leaf(Kind::Text),
        Default::Words("none"),
        "A TOML or JSON file with names that events of cases do not say: `[templates]` id = name, `[fields]` id = { name, type }, `[flows]` id = { type, version, language_version, published }, `[instances]` as above. It is read when a run starts. See docs/cases.md.",
    ),
    Entry::new(
        "cases_api",
        Shape::Table(cases::API),
        Default::Words("nobody is asked"),
        "Where such names are asked for: Amazon Connect Cases. Those of `lookups` win.",
    ),
    Entry::new(
        "flow_api",
        Shape::Table(cases::FLOW_API),
        Default::Words("nobody is asked"),
        "Where types, versions and moments of publishing of flows are asked for: Amazon Connect. Those of `lookups` win.",
    ),
    Entry::new(
        "dedup",
        Shape::Table(DEDUP),
        Default::Words("the defaults of its keys"),
        "How duplicates are found. A file source also leaves out what is already committed to the days it touches, whatever the horizon, as long as memory and spool hold the keys.",
    ),
    Entry::new(
        "latest",
        Shape::Table(LATEST),
        Default::Words("the defaults of its keys"),
        "How `latest_case_state` is kept up to date.",
    ),
    Entry::new(
        "flow",
        Shape::Table(FLOW),
        Default::Words("the defaults of its keys"),
        "How `contact_flow_events` is derived.",
    ),
    Entry::new(
        "agent_time",
        Shape::Table(AGENT_TIME),
        Default::Words("the defaults of its keys"),
        "How sessions, statuses, states of contacts, after-contact work, statistic records and gaps are derived when a batch ends, while a stream runs, and by `tributary rebuild`.",
    ),
];

static AGENT_TIME: &[Entry] = &[
    Entry::new(
        "silence",
        time(60, DAY),
        Default::Value("\"15m\""),
        "A session ends at its last sign of life when no event of the agent comes for longer than this, in event time.",
    ),
    Entry::new(
        "every",
        time(1, DAY),
        Default::Value("\"5m\""),
        "In a stream: how long after the last time the derived tables are brought up to date; the first time 90 s after its start at the latest. A batch does it once, at its end.",
    ),
    Entry::new(
        "open",
        Shape::Leaf(Kind::Boolean),
        Default::Value("false"),
        "Whether what is still open where the lake ends is written, with a null end; it is written anew when it has ended.",
    ),
    Entry::new(
        "early_seconds",
        Shape::Leaf(Kind::Boolean),
        Default::Value("false"),
        "Whether moments before May 2019 are taken without their milliseconds: until then Amazon Connect repeated the seconds there. `agent_event` keeps what it was sent.",
    ),
    Entry::new(
        "interval",
        Shape::Leaf(Kind::Choice(INTERVAL)),
        Default::Value("\"15m\""),
        "The interval of `agent_statistic_record` and `agent_queue_statistic_record`.",
    ),
    Entry::new(
        "custom_states",
        Shape::Leaf(Kind::StatusArns),
        Default::Words("none"),
        "The ARNs of the custom statuses whose time is counted in `custom_state_time_01` to `_50` of `agent_statistic_record`, in this order.",
    ),
];

static INTERVAL: &[Choice] =
    &[Choice::new("15m", "fifteen minutes, as Amazon Connect has them"), Choice::new("30m", "thirty minutes")];

static DEDUP: &[Entry] = &[
    Entry::new(
        "horizon",
        time(60, 366 * DAY),
        Default::Value("\"48h\""),
        "For how long, in event time, an event is recognised when it comes again.",
    ),
    Entry::new(
        "memory",
        size(MIB, TIB),
        Default::Value("\"32 MiB\""),
        "Memory for the keys seen, shared by the partitions of Kafka, of which each has 1 MiB at least; more of them go to \
         the spool, and only without spool are the oldest forgotten early. Of streams with a spool only the newest are in \
         memory: 2 MiB in all, or a quarter where that is more.",
    ),
];

static FAMILIES: &[Choice] = &[
    Choice::new("agent", "agent events"),
    Choice::new("case", "events of cases and of what is related to them"),
    Choice::new("flow", "contact flow logs"),
    Choice::new("contact", "contact events"),
    Choice::new("audit", "audit events of cases"),
    Choice::new("test_case", "executions of test cases"),
];

static TABLES: &[Choice] = &[
    Choice::new("agent_event", "one row an agent event"),
    Choice::new("agent_event_contacts", "one row a contact of an agent event"),
    Choice::new("agent_status_intervals", "one row a stretch of time of an agent in a status"),
    Choice::new("agent_contact_segments", "one row a state of a contact with an agent"),
    Choice::new("agent_acw", "one row an after-contact work"),
    Choice::new("agent_sessions", "one row a session of an agent"),
    Choice::new("agent_statistic_record", "one row an interval of an agent"),
    Choice::new("agent_queue_statistic_record", "one row an interval, queue and channel of an agent"),
    Choice::new("agent_stream_gaps", "one row a place at which an agent's stream is broken"),
    Choice::new("case_events", "one row an event of a case"),
    Choice::new("case_related_item_events", "one row an event of something related to a case"),
    Choice::new("case_events_flattened", "one row a field of a template of an event of a case"),
    Choice::new("case_field_changes", "one row a field of an audit event of a case"),
    Choice::new("latest_case_state", "one row a case, after the newest of its events"),
    Choice::new("contact_flow_log_events", "one row a line of a contact flow log"),
    Choice::new("contact_events", "one row a contact event"),
    Choice::new("contact_flow_events", "one row an execution of a flow or module by a contact"),
    Choice::new("connect_test_case_execution_results", "one row an execution of a test case"),
];

pub(super) static FLOW: &[Entry] = &[
    Entry::new(
        "every",
        time(1, DAY),
        Default::Value("\"5m\""),
        "In a stream: how long after the last time executions are derived again; the first time 90 s after its start at the latest. A batch does it once, at its end.",
    ),
    Entry::new(
        "open_for",
        time(60, 30 * DAY),
        Default::Value("\"24h\""),
        "How long, in event time, an execution is waited for after its last line; then it is written without an end.",
    ),
    Entry::new(
        "tasks_open_for",
        time(60, 100 * DAY),
        Default::Value("\"7d\""),
        "The same of a task, once a contact event says that the contact is one; at least `open_for`. Raise it where tasks may live longer than a week.",
    ),
];

static LATEST: &[Entry] = &[Entry::new(
    "every",
    time(1, DAY),
    Default::Value("\"5m\""),
    "In a stream: how long after the last time it is brought up to date; the first time 90 s after its start at the latest. A batch does it once, at its end.",
)];
