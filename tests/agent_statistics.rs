//! Statistic records against SQL over the tables of agent time.

use serde_json::json;

use crate::engines::{Engine, Engines};
use crate::inputs::events;
use crate::lab::Lab;

/// Lunch and Break of the instance that seed 5 gives.
const CUSTOM: [&str; 2] = [
    "arn:aws:connect:us-west-2:012345678901:instance/ce102abb-1de4-4cdb-a6e7-e5b1ca0c3358/agent-state/1b6ff89b-0507-4fae-8726-b4ce391368c7",
    "arn:aws:connect:us-west-2:012345678901:instance/ce102abb-1de4-4cdb-a6e7-e5b1ca0c3358/agent-state/51d52078-98ea-4052-81ce-c179764c7a13",
];

/// The queries of `docs/agent-statistics.md` give every row of both tables; and where agents belonged is what `agent_event`
/// says.
#[test]
fn the_documented_queries_give_the_statistic_records() {
    let Some(engines) = Engines::get() else { return };
    let lab = Lab::new(&format!("[transform.connect.agent_time]\nopen = true\ncustom_states = {CUSTOM:?}"));
    lab.input("events.jsonl", events("--agents 20 --events 8000 --days 3 --seed 5"));
    lab.run();
    let belonged = "sql:WITH told AS (SELECT agent_arn, event_timestamp, current_routing_profile_arn AS profile, \
        current_agent_hierarchy_groups_level_1_arn AS group_1 FROM agent_event \
        WHERE event_type <> 'HEART_BEAT' OR event_id IN (SELECT start_event_id FROM agent_sessions)), \
        row AS (SELECT record.*, greatest(interval_start_time, started) AS moment FROM agent_statistic_record AS record \
        JOIN (SELECT agent_arn, start_timestamp AS started, coalesce(end_timestamp, 'infinity') AS ended FROM agent_sessions) \
        ON agent_arn = user_arn AND started < interval_end_time AND ended > interval_start_time \
        QUALIFY row_number() OVER (PARTITION BY asr_statistic_id ORDER BY started) = 1) \
        SELECT count(*), count(*) FILTER (agent_routing_profile_arn IS DISTINCT FROM profile \
        OR agent_hierarchy_level_1_arn IS DISTINCT FROM group_1), count(DISTINCT profile) > 1, count(group_1) > 0, \
        count(DISTINCT asr_statistic_id) FROM row ASOF JOIN told ON row.user_arn = told.agent_arn AND moment >= event_timestamp";
    let custom = "sql:WITH open AS (SELECT agent_arn FROM agent_sessions WHERE end_timestamp IS NULL) \
        SELECT sum(custom_state_time_01), sum(custom_state_time_02) FROM agent_statistic_record \
        WHERE user_arn NOT IN (FROM open) UNION ALL \
        SELECT sum(duration_ms) FILTER (status_name = 'Lunch'), sum(duration_ms) FILTER (status_name = 'Break') \
        FROM agent_status_intervals WHERE agent_arn NOT IN (FROM open)";
    let answers = engines.ask(Engine::DuckDb, &lab.lake(), &[belonged, custom]);
    let [agents, queues] = Comparison::both();
    let rows = agents.holds(&engines, &lab, 400);
    queues.holds(&engines, &lab, 900);
    assert_eq!(answers[0]["rows"][0], json!([rows, 0, true, true, rows]));
    assert_eq!(answers[1]["rows"][0], answers[1]["rows"][1]);
}

/// A documented query, and the table that it gives.
pub(crate) struct Comparison {
    table: &'static str,
    query: String,
}

impl Comparison {
    /// Of an agent's time, and of its queues.
    pub(crate) fn both() -> [Self; 2] {
        let document = include_str!("../docs/agent-statistics.md");
        let queries: Vec<&str> =
            document.split("```sql\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
        let [agents, queues] = queries.as_slice() else { unreachable!("the document has two queries") };
        [
            Self::new(
                agents,
                "agent_statistic_record",
                "online_time, error_time, non_productive_time, agent_idle_time, agent_on_contact_time",
            ),
            Self::new(
                queues,
                "agent_queue_statistic_record",
                "queue_arn, channel, agent_non_response, contacts_offered, contacts_handled, handle_time, \
                 agent_incoming_connecting_time, agent_outbound_connecting_time, agent_callback_connecting_time, \
                 agent_api_connecting_time, incoming_connecting_attempts, outbound_connecting_attempts, \
                 callback_connecting_attempts, api_connecting_attempts, contact_time_ms, \
                 agent_non_response_without_customer_abandons",
            ),
        ]
    }

    fn new(theirs: &str, table: &'static str, columns: &str) -> Self {
        let columns = format!("interval_start_time, {columns}");
        let query = format!(
            "sql:WITH theirs AS (SELECT agent_arn, {columns} FROM ({theirs})), \
             ours AS (SELECT user_arn, {columns} FROM {table}) SELECT (SELECT count(*) FROM ours), \
             (SELECT count(*) FROM (FROM ours EXCEPT ALL FROM theirs)), \
             (SELECT count(*) FROM (FROM theirs EXCEPT ALL FROM ours))"
        );
        Self { table, query }
    }

    /// Every row is in both, and there are more than so many of them; how many.
    pub(crate) fn holds(&self, engines: &Engines, lab: &Lab, least: u64) -> u64 {
        let answer = engines.ask(Engine::DuckDb, &lab.lake(), &[&self.query]);
        let row = &answer[0]["rows"][0];
        let rows = row[0].as_u64().unwrap();
        assert!(rows > least && row[1] == json!(0) && row[2] == json!(0), "{}: {row}", self.table);
        rows
    }
}
