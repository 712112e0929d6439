//! The tables by name.

use serde::Deserialize;

use super::Family;

/// A table that events become rows of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableName {
    /// One row an agent event.
    AgentEvent,
    /// One row a contact of an agent event.
    AgentEventContacts,
    /// One row a stretch of time in a status.
    AgentStatusIntervals,
    /// One row a state of a contact.
    AgentContactSegments,
    /// One row an after-contact work.
    AgentAcw,
    /// One row a session of an agent.
    AgentSessions,
    /// One row an interval of an agent.
    AgentStatisticRecord,
    /// One row an interval, queue and channel of an agent.
    AgentQueueStatisticRecord,
    /// One row a place at which an agent's stream is broken.
    AgentStreamGaps,
    /// One row an event of a case.
    CaseEvents,
    /// One row an event of something related to a case.
    CaseRelatedItemEvents,
    /// One row a field of a template of an event of a case.
    CaseEventsFlattened,
    /// One row a field of an audit event of a case.
    CaseFieldChanges,
    /// One row a case, after the newest of its events.
    LatestCaseState,
    /// One row a line of a contact flow log.
    ContactFlowLogEvents,
    /// One row a contact event.
    ContactEvents,
    /// One row an execution of a flow.
    ContactFlowEvents,
    /// One row an execution of a test case.
    ConnectTestCaseExecutionResults,
}

impl TableName {
    /// Every table of this version.
    pub const ALL: [Self; 18] = [
        Self::AgentEvent,
        Self::AgentEventContacts,
        Self::AgentStatusIntervals,
        Self::AgentContactSegments,
        Self::AgentAcw,
        Self::AgentSessions,
        Self::AgentStatisticRecord,
        Self::AgentQueueStatisticRecord,
        Self::AgentStreamGaps,
        Self::CaseEvents,
        Self::CaseRelatedItemEvents,
        Self::CaseEventsFlattened,
        Self::CaseFieldChanges,
        Self::LatestCaseState,
        Self::ContactFlowLogEvents,
        Self::ContactEvents,
        Self::ContactFlowEvents,
        Self::ConnectTestCaseExecutionResults,
    ];

    /// The name of the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AgentEvent => "agent_event",
            Self::AgentEventContacts => "agent_event_contacts",
            Self::AgentStatusIntervals => "agent_status_intervals",
            Self::AgentContactSegments => "agent_contact_segments",
            Self::AgentAcw => "agent_acw",
            Self::AgentSessions => "agent_sessions",
            Self::AgentStatisticRecord => "agent_statistic_record",
            Self::AgentQueueStatisticRecord => "agent_queue_statistic_record",
            Self::AgentStreamGaps => "agent_stream_gaps",
            Self::CaseEvents => "case_events",
            Self::CaseRelatedItemEvents => "case_related_item_events",
            Self::CaseEventsFlattened => "case_events_flattened",
            Self::CaseFieldChanges => "case_field_changes",
            Self::LatestCaseState => "latest_case_state",
            Self::ContactFlowLogEvents => "contact_flow_log_events",
            Self::ContactEvents => "contact_events",
            Self::ContactFlowEvents => "contact_flow_events",
            Self::ConnectTestCaseExecutionResults => "connect_test_case_execution_results",
        }
    }

    /// The family whose events make its rows.
    pub const fn family(self) -> Family {
        match self {
            Self::CaseEvents | Self::CaseRelatedItemEvents | Self::CaseEventsFlattened | Self::LatestCaseState => {
                Family::Case
            }
            Self::CaseFieldChanges => Family::Audit,
            Self::ContactFlowLogEvents | Self::ContactFlowEvents => Family::Flow,
            Self::ContactEvents => Family::Contact,
            Self::ConnectTestCaseExecutionResults => Family::TestCase,
            _ => Family::Agent,
        }
    }

    /// Whether its rows are derived from those of `agent_event`.
    pub const fn is_derived(self) -> bool {
        matches!(self.family(), Family::Agent) && !matches!(self, Self::AgentEvent | Self::AgentEventContacts)
    }
}
