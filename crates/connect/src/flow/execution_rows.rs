//! The rows of `contact_flow_events`.

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use tributary_core::Timestamp;

use super::execution::{Execution, Outcome};
use crate::case::Lookups;
use crate::cells::{Cell, Columns};
use crate::generated;

/// What is known of a contact beside its lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactFacts {
    /// The ARN of the instance.
    pub instance_arn: Option<Box<str>>,
    /// The account.
    pub account_id: Option<Box<str>>,
    /// The channel.
    pub channel: Option<Box<str>>,
    /// The kind of channel.
    pub sub_type: Option<Box<str>>,
    /// How the contact began.
    pub initiation_method: Option<Box<str>>,
}

/// The table in the making.
#[derive(Debug)]
pub struct ExecutionRows(Columns);

impl Default for ExecutionRows {
    fn default() -> Self {
        Self(Columns::new(&generated::contact_flow_events()))
    }
}

impl ExecutionRows {
    /// Appends an execution of a contact; `derived` is when it was found out.
    pub fn push(
        &mut self,
        (instance_id, contact_id): (&str, &str),
        facts: &ContactFacts,
        execution: &Execution,
        lookups: &Lookups,
        derived: Timestamp,
    ) {
        let lane = &execution.lane;
        let id = execution.id(instance_id, contact_id).to_string();
        let known = lookups.flows.get(lane.resource());
        let kind = match (&lane.module, &lane.flow) {
            (Some(_), _) => Some("module"),
            (None, Some(_)) => Some("flow"),
            (None, None) => None,
        };
        let next = match (&execution.next_flow, &execution.next_queue) {
            (Some(_), _) => Some("flow"),
            (None, Some(_)) => Some("queue"),
            (None, None) => None,
        };
        let version = execution.version.as_deref().or_else(|| known.and_then(|flow| flow.version.as_deref()));
        self.0.push(
            0,
            &[
                Cell::Text(Some(instance_id)),
                Cell::Text(Some(&id)),
                Cell::Text(facts.account_id.as_deref()),
                Cell::Text(facts.instance_arn.as_deref()),
                Cell::Text(Some(contact_id)),
                Cell::Text(lane.flow.as_deref()),
                Cell::Text(lane.module.as_deref()),
                Cell::Text(version),
                Cell::Text(kind),
                Cell::Text(facts.channel.as_deref()),
                Cell::Moment(Some(execution.start)),
                Cell::Moment(execution.end),
                Cell::Text(execution.next_flow.as_deref()),
                Cell::Text(execution.next_queue.as_deref()),
                Cell::Text(next),
                Cell::Text(known.and_then(|flow| flow.language_version.as_deref())),
                Cell::Text(execution.outcome.map(Outcome::as_str)),
                Cell::Text(facts.sub_type.as_deref()),
                Cell::Text(known.and_then(|flow| flow.kind.as_deref())),
                Cell::Text(facts.initiation_method.as_deref()),
                Cell::Moment(known.and_then(|flow| flow.published)),
                Cell::Moment(Some(derived)),
            ],
        );
    }

    /// The rows; empty again afterwards.
    ///
    /// # Errors
    /// When Arrow refuses the columns: a mistake of ours.
    pub fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        self.0.finish().map(|(rows, _)| rows)
    }
}
