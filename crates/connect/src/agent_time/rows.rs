//! What ended, as rows of the tables of agent time.

use std::sync::Arc;

use arrow_array::builder::{Int64Builder, StringBuilder, TimestampMicrosecondBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, StringArray};
use arrow_schema::ArrowError;
use tributary_core::{TableBatch, Timestamp};

use super::ended::{ContactOf, Ended, Segment, Stretch};
use super::gaps::Gap;
use super::statistic_rows::StatisticRows;
use super::statistics::IntervalOfAgent;
use crate::columns::{ListColumn, coded};
use crate::dictionary::{CodeColumn, Texts};
use crate::generated;

/// Whose row it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentId {
    /// The instance.
    pub instance_id: Box<str>,
    /// The account of the instance.
    pub account_id: Option<Box<str>>,
    /// The agent's ARN.
    pub arn: Box<str>,
}

impl AgentId {
    /// What follows the last `/` of the ARN.
    pub(crate) fn id(&self) -> &str {
        last_part(&self.arn)
    }
}

/// What follows the last `/` of an ARN: the id of what it names.
pub(crate) fn last_part(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, last)| last)
}

/// Rows of the tables in the making.
#[derive(Debug, Default)]
pub struct TimeRows {
    statuses: Statuses,
    segments: Segments,
    after_contact: AfterContact,
    sessions: Sessions,
    statistics: StatisticRows,
    gaps: Gaps,
    rows: usize,
}

impl TimeRows {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Appends what ended; `derived` is when that was found out.
    pub fn push(&mut self, agent: &Arc<AgentId>, ended: &Ended, derived: Timestamp) {
        self.rows += match ended {
            Ended::Session(session) => {
                let to = &mut self.sessions;
                to.agent.push(agent);
                push(&mut to.login, session.login);
                to.stretch.push(&session.stretch);
                push(&mut to.derived, Some(derived));
                1
            }
            Ended::Status(status) => {
                let to = &mut self.statuses;
                to.agent.push(agent);
                to.arn.append_option(status.arn.as_deref());
                to.name.append_option(status.name.as_deref());
                to.kind.append_option(status.kind.as_deref());
                push(&mut to.since, status.since);
                to.stretch.push(&status.stretch);
                push(&mut to.derived, Some(derived));
                1
            }
            Ended::Segment(segment) => {
                self.segments.push(agent, segment, derived);
                if segment.is_after_contact_work() {
                    self.after_contact.push(agent, segment, derived);
                    2
                } else {
                    1
                }
            }
            Ended::Assignment(_) => 0,
        };
    }

    /// Appends an interval of an agent; `derived` is when that was found out.
    pub fn push_interval(&mut self, agent: &Arc<AgentId>, interval: &IntervalOfAgent, derived: Timestamp) {
        self.rows += self.statistics.push(agent, interval, derived);
    }

    /// Appends a gap before an event of this type; `derived` is when that was found out.
    pub fn push_gap(&mut self, agent: &Arc<AgentId>, gap: &Gap, event_type: Option<&str>, derived: Timestamp) {
        self.rows += 1;
        self.gaps.push(agent, gap, event_type, derived);
    }

    /// The rows by table; empty again afterwards.
    ///
    /// # Errors
    /// Arrow refuses them: a mistake of ours.
    pub fn finish(&mut self) -> Result<Vec<TableBatch>, ArrowError> {
        self.rows = 0;
        let tables = [
            (generated::agent_status_intervals(), self.statuses.finish()?),
            (generated::agent_contact_segments(), self.segments.finish()?),
            (generated::agent_acw(), self.after_contact.finish()?),
            (generated::agent_sessions(), self.sessions.finish()?),
            (generated::agent_stream_gaps(), self.gaps.finish()?),
        ];
        let batches = tables.into_iter().map(|(table, columns)| {
            Ok(TableBatch { table: table.id, rows: coded(&table.schema, columns)?, dictionaries: None })
        });
        let mut batches = batches.collect::<Result<Vec<_>, ArrowError>>()?;
        let (agents, queues) = self.statistics.finish()?;
        batches.push(TableBatch { table: generated::agent_statistic_record().id, rows: agents, dictionaries: None });
        batches.push(TableBatch {
            table: generated::agent_queue_statistic_record().id,
            rows: queues,
            dictionaries: None,
        });
        Ok(batches.into_iter().filter(|batch| batch.rows.num_rows() > 0).collect())
    }
}

fn push(column: &mut TimestampMicrosecondBuilder, moment: Option<Timestamp>) {
    column.append_option(moment.map(Timestamp::micros));
}

/// A column of texts that repeat: codes over a dictionary that goes on from batch to batch.
#[derive(Debug, Default)]
struct Coded {
    texts: Texts,
    codes: CodeColumn,
}

impl Coded {
    fn append_value(&mut self, text: &str) {
        let code = self.texts.code(text);
        self.codes.push(code);
    }

    fn append_option(&mut self, text: Option<&str>) {
        let code = self.texts.maybe(text);
        self.codes.push(code);
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let column = self.codes.finish(self.texts.array()?)?;
        if self.texts.is_large() {
            self.texts.clear();
        }
        Ok(column)
    }
}

fn finish_coded<const COUNT: usize>(columns: &mut Vec<ArrayRef>, texts: [&mut Coded; COUNT]) -> Result<(), ArrowError> {
    for text in texts {
        columns.push(text.finish()?);
    }
    Ok(())
}

/// Whose rows they are: an agent's follow one another, and share what is said of it.
#[derive(Debug, Default)]
struct AgentColumns {
    agents: Vec<Arc<AgentId>>,
    rows: Vec<i32>,
}

impl AgentColumns {
    fn push(&mut self, agent: &Arc<AgentId>) {
        if !self.agents.last().is_some_and(|last| Arc::ptr_eq(last, agent)) {
            self.agents.push(Arc::clone(agent));
        }
        self.rows.push(self.agents.len() as i32 - 1); // far fewer than 2^31 rows in a batch
    }

    fn finish(&mut self, columns: &mut Vec<ArrayRef>) -> Result<(), ArrowError> {
        let rows = Int32Array::from(std::mem::take(&mut self.rows));
        let agents = std::mem::take(&mut self.agents);
        let parts: [fn(&AgentId) -> Option<&str>; 4] = [
            |agent| Some(&agent.instance_id),
            |agent| Some(agent.id()),
            |agent| Some(&agent.arn),
            |agent| agent.account_id.as_deref(),
        ];
        for part in parts {
            let values: StringArray = agents.iter().map(|agent| part(agent)).collect();
            columns.push(Arc::new(DictionaryArray::<Int32Type>::try_new(rows.clone(), Arc::new(values))?));
        }
        Ok(())
    }
}

fn finish<const COUNT: usize>(columns: &mut Vec<ArrayRef>, texts: [&mut StringBuilder; COUNT]) {
    columns.extend(texts.map(|text| Arc::new(text.finish()) as ArrayRef));
}

#[derive(Debug, Default)]
struct StretchColumns {
    start: TimestampMicrosecondBuilder,
    end: TimestampMicrosecondBuilder,
    millis: Int64Builder,
    reason: Coded,
    start_event: StringBuilder,
    end_event: StringBuilder,
}

impl StretchColumns {
    fn push(&mut self, stretch: &Stretch) {
        push(&mut self.start, Some(stretch.start));
        push(&mut self.end, stretch.end);
        self.millis.append_option(stretch.millis());
        self.reason.append_value(stretch.reason.as_str());
        self.start_event.append_value(&stretch.start_event);
        self.end_event.append_option(stretch.end_event.as_deref());
    }

    fn finish_times(&mut self, columns: &mut Vec<ArrayRef>) -> Result<(), ArrowError> {
        columns.push(Arc::new(self.start.finish()));
        columns.push(Arc::new(self.end.finish()));
        columns.push(Arc::new(self.millis.finish()));
        columns.push(self.reason.finish()?);
        Ok(())
    }

    fn finish_events(&mut self, columns: &mut Vec<ArrayRef>) {
        finish(columns, [&mut self.start_event, &mut self.end_event]);
    }
}

#[derive(Debug, Default)]
struct Gaps {
    agent: AgentColumns,
    at: TimestampMicrosecondBuilder,
    event: StringBuilder,
    event_type: StringBuilder,
    last_at: TimestampMicrosecondBuilder,
    last_event: StringBuilder,
    columns: ListColumn,
    names: StringBuilder,
    derived: TimestampMicrosecondBuilder,
}

impl Gaps {
    fn push(&mut self, agent: &Arc<AgentId>, gap: &Gap, event_type: Option<&str>, derived: Timestamp) {
        self.agent.push(agent);
        push(&mut self.at, Some(gap.at));
        self.event.append_value(&gap.event);
        self.event_type.append_option(event_type);
        push(&mut self.last_at, Some(gap.last_at));
        self.last_event.append_value(&gap.last_event);
        self.columns.push(Some(gap.columns.len()));
        gap.columns.iter().for_each(|name| self.names.append_value(name));
        push(&mut self.derived, Some(derived));
    }

    fn finish(&mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        let table = generated::agent_stream_gaps();
        let list = table.schema.field_with_name("columns")?.data_type();
        let mut columns = Vec::new();
        self.agent.finish(&mut columns)?;
        columns.push(Arc::new(self.at.finish()));
        finish(&mut columns, [&mut self.event, &mut self.event_type]);
        columns.push(Arc::new(self.last_at.finish()));
        finish(&mut columns, [&mut self.last_event]);
        columns.push(self.columns.finish(list, Arc::new(self.names.finish()))?);
        columns.push(Arc::new(self.derived.finish()));
        Ok(columns)
    }
}

#[derive(Debug, Default)]
struct Sessions {
    agent: AgentColumns,
    login: TimestampMicrosecondBuilder,
    stretch: StretchColumns,
    derived: TimestampMicrosecondBuilder,
}

impl Sessions {
    fn finish(&mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        let mut columns = Vec::new();
        self.agent.finish(&mut columns)?;
        columns.push(Arc::new(self.login.finish()));
        self.stretch.finish_times(&mut columns)?;
        self.stretch.finish_events(&mut columns);
        columns.push(Arc::new(self.derived.finish()));
        Ok(columns)
    }
}

#[derive(Debug, Default)]
struct Statuses {
    agent: AgentColumns,
    arn: Coded,
    name: Coded,
    kind: Coded,
    since: TimestampMicrosecondBuilder,
    stretch: StretchColumns,
    derived: TimestampMicrosecondBuilder,
}

impl Statuses {
    fn finish(&mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        let mut columns = Vec::new();
        self.agent.finish(&mut columns)?;
        finish_coded(&mut columns, [&mut self.arn, &mut self.name, &mut self.kind])?;
        columns.push(Arc::new(self.since.finish()));
        self.stretch.finish_times(&mut columns)?;
        self.stretch.finish_events(&mut columns);
        columns.push(Arc::new(self.derived.finish()));
        Ok(columns)
    }
}

#[derive(Debug, Default)]
struct ContactColumns {
    id: StringBuilder,
    initial: StringBuilder,
    channel: Coded,
    method: Coded,
    queue_arn: Coded,
    queue_name: Coded,
}

impl ContactColumns {
    fn push(&mut self, contact: &ContactOf) {
        self.id.append_value(&contact.id);
        self.initial.append_option(contact.initial.as_deref());
        self.channel.append_option(contact.channel.as_deref());
        self.method.append_option(contact.method.as_deref());
        self.queue_arn.append_option(contact.queue_arn.as_deref());
        self.queue_name.append_option(contact.queue_name.as_deref());
    }

    fn finish_contact(&mut self, columns: &mut Vec<ArrayRef>) -> Result<(), ArrowError> {
        finish(columns, [&mut self.id, &mut self.initial]);
        finish_coded(columns, [&mut self.channel, &mut self.method])
    }

    fn finish_queue(&mut self, columns: &mut Vec<ArrayRef>) -> Result<(), ArrowError> {
        finish_coded(columns, [&mut self.queue_arn, &mut self.queue_name])
    }
}

#[derive(Debug, Default)]
struct Segments {
    agent: AgentColumns,
    contact: ContactColumns,
    state: Coded,
    stretch: StretchColumns,
    connected: TimestampMicrosecondBuilder,
    queued: TimestampMicrosecondBuilder,
    derived: TimestampMicrosecondBuilder,
    since: TimestampMicrosecondBuilder,
}

impl Segments {
    fn push(&mut self, agent: &Arc<AgentId>, segment: &Segment, derived: Timestamp) {
        self.agent.push(agent);
        self.contact.push(&segment.contact);
        self.state.append_value(&segment.state);
        self.stretch.push(&segment.stretch);
        push(&mut self.connected, segment.contact.connected);
        push(&mut self.queued, segment.contact.queued);
        push(&mut self.derived, Some(derived));
        push(&mut self.since, Some(segment.since));
    }

    fn finish(&mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        let mut columns = Vec::new();
        self.agent.finish(&mut columns)?;
        self.contact.finish_contact(&mut columns)?;
        finish_coded(&mut columns, [&mut self.state])?;
        self.stretch.finish_times(&mut columns)?;
        columns.push(Arc::new(self.connected.finish()));
        columns.push(Arc::new(self.queued.finish()));
        self.contact.finish_queue(&mut columns)?;
        self.stretch.finish_events(&mut columns);
        columns.push(Arc::new(self.derived.finish()));
        columns.push(Arc::new(self.since.finish()));
        Ok(columns)
    }
}

#[derive(Debug, Default)]
struct AfterContact {
    agent: AgentColumns,
    contact: ContactColumns,
    stretch: StretchColumns,
    derived: TimestampMicrosecondBuilder,
    since: TimestampMicrosecondBuilder,
}

impl AfterContact {
    fn push(&mut self, agent: &Arc<AgentId>, segment: &Segment, derived: Timestamp) {
        self.agent.push(agent);
        self.contact.push(&segment.contact);
        self.stretch.push(&segment.stretch);
        push(&mut self.derived, Some(derived));
        push(&mut self.since, Some(segment.since));
    }

    fn finish(&mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        let mut columns = Vec::new();
        self.agent.finish(&mut columns)?;
        self.contact.finish_contact(&mut columns)?;
        self.stretch.finish_times(&mut columns)?;
        self.contact.finish_queue(&mut columns)?;
        self.stretch.finish_events(&mut columns);
        columns.push(Arc::new(self.derived.finish()));
        columns.push(Arc::new(self.since.finish()));
        Ok(columns)
    }
}
