//! Intervals of agents, as rows of `agent_statistic_record` and `agent_queue_statistic_record`.

use std::fmt;
use std::sync::Arc;

use arrow_array::builder::{Int64Builder, StringBuilder, TimestampMicrosecondBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, RecordBatch, StringArray, new_null_array};
use arrow_schema::{ArrowError, DataType};
use sha1::{Digest as _, Sha1};
use tributary_core::Timestamp;
use uuid::{Builder, Uuid};

use super::counted::Routing;
use super::ended::Assigned;
use super::rows::{AgentId, last_part};
use super::statistics::{Handled, IntervalOfAgent, QueueAndChannel, Spent};
use crate::columns::coded;
use crate::generated;

/// The namespace of the ids: made for these tables, and never changed.
const NAMESPACE: Uuid = Uuid::from_u128(0x6c0e_93a1_57d4_4b7f_9a35_d1f2_70b8_ce46);

/// Columns for custom statuses.
pub const CUSTOM_STATES: usize = 50;

/// Rows of the two tables in the making.
#[derive(Debug, Default)]
pub(crate) struct StatisticRows {
    places: Places,
    agents: AgentIntervals,
    queues: QueueIntervals,
}

impl StatisticRows {
    /// Appends an interval; how many rows that makes. `derived` is when that was found out.
    pub(crate) fn push(&mut self, agent: &Arc<AgentId>, interval: &IntervalOfAgent, derived: Timestamp) -> usize {
        let place = self.places.place(agent, interval.assigned.as_ref());
        let prefix = &self.places.entries[place].prefix;
        let start = interval.start.micros() / 1_000_000;
        let mut rows = 0;
        if let Some(spent) = &interval.spent {
            let mut name = prefix.clone();
            name.update(start.to_string().as_bytes());
            self.agents.push(place, interval, spent, (uuid(name), derived));
            rows += 1;
        }
        for (queue, done) in interval.contacts.iter().filter(|(_, done)| *done != Handled::default()) {
            let mut name = prefix.clone();
            let queue_id = queue.queue_arn.as_deref().map_or("", last_part);
            let channel = queue.channel.as_deref().unwrap_or_default();
            name.update(format!("{queue_id}\n{channel}\n{start}").as_bytes());
            self.queues.push(place, interval, (queue, done), (uuid(name), derived));
            rows += 1;
        }
        rows
    }

    /// The rows of the agents, and of their queues; empty again afterwards.
    pub(crate) fn finish(&mut self) -> Result<(RecordBatch, RecordBatch), ArrowError> {
        let places = std::mem::take(&mut self.places);
        Ok((self.agents.finish(&places)?, self.queues.finish(&places)?))
    }
}

/// UUIDv5 of a name. Source: RFC 9562, section 5.5.
fn uuid(name: Sha1) -> Uuid {
    let first = name.finalize().first_chunk::<16>().copied().unwrap_or_default();
    Builder::from_sha1_bytes(first).into_uuid()
}

/// Agents where they belonged, each once in a row of them.
#[derive(Debug, Default)]
struct Places {
    entries: Vec<Place>,
}

struct Place {
    agent: Arc<AgentId>,
    assigned: Option<Arc<Assigned>>,
    /// The hash of what the names of its ids begin with.
    prefix: Sha1,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("agent", &self.agent).field("assigned", &self.assigned).finish_non_exhaustive()
    }
}

impl Places {
    fn place(&mut self, agent: &Arc<AgentId>, assigned: Option<&Arc<Assigned>>) -> usize {
        let is_it = |place: &Place| {
            Arc::ptr_eq(&place.agent, agent)
                && match (&place.assigned, assigned) {
                    (Some(ours), Some(theirs)) => Arc::ptr_eq(ours, theirs),
                    (ours, theirs) => ours.is_none() && theirs.is_none(),
                }
        };
        if !self.entries.last().is_some_and(is_it) {
            let (agent, assigned) = (Arc::clone(agent), assigned.cloned());
            let prefix = prefix(&agent, assigned.as_deref());
            self.entries.push(Place { agent, assigned, prefix });
        }
        self.entries.len() - 1
    }

    /// A column of something that is told by the place.
    fn column<'a>(
        &'a self,
        keys: &Int32Array,
        of: impl Fn(&'a Place) -> Option<&'a str>,
    ) -> Result<ArrayRef, ArrowError> {
        let values: StringArray = self.entries.iter().map(of).collect();
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys.clone(), Arc::new(values))?))
    }

    /// Instance, user, routing profile and groups, by id.
    fn ids(&self, keys: &Int32Array) -> Result<Vec<ArrayRef>, ArrowError> {
        let mut columns = vec![
            self.column(keys, |place| Some(&place.agent.instance_id))?,
            self.column(keys, |place| Some(place.agent.id()))?,
            self.column(keys, |place| place.profile().map(last_part))?,
        ];
        for level in 0..super::LEVELS {
            columns.push(self.column(keys, |place| place.group(level).map(last_part))?);
        }
        Ok(columns)
    }

    fn account(&self, keys: &Int32Array) -> Result<ArrayRef, ArrowError> {
        self.column(keys, |place| place.agent.account_id.as_deref())
    }

    /// Instance, user and routing profile, by ARN.
    fn arns(&self, keys: &Int32Array) -> Result<[ArrayRef; 3], ArrowError> {
        Ok([
            self.column(keys, |place| place.agent.arn.split_once("/agent/").map(|(instance, _)| instance))?,
            self.column(keys, |place| Some(&place.agent.arn))?,
            self.column(keys, Place::profile)?,
        ])
    }

    fn group_arns(&self, keys: &Int32Array) -> Result<Vec<ArrayRef>, ArrowError> {
        (0..super::LEVELS).map(|level| self.column(keys, |place| place.group(level))).collect()
    }
}

impl Place {
    fn profile(&self) -> Option<&str> {
        self.assigned.as_ref()?.profile.as_deref()
    }

    fn group(&self, level: usize) -> Option<&str> {
        self.assigned.as_ref()?.groups[level].as_deref()
    }
}

/// What the names of an agent's ids begin with: instance, user, routing profile, five groups, a line each.
fn prefix(agent: &AgentId, assigned: Option<&Assigned>) -> Sha1 {
    let mut prefix = Sha1::new_with_prefix(NAMESPACE.as_bytes());
    let profile = assigned.and_then(|assigned| assigned.profile.as_deref()).map_or("", last_part);
    let groups = (0..super::LEVELS).map(|level| assigned.and_then(|assigned| assigned.groups[level].as_deref()));
    let groups = groups.map(|group| group.map_or("", last_part));
    for part in [&*agent.instance_id, agent.id(), profile].into_iter().chain(groups) {
        prefix.update(part.as_bytes());
        prefix.update(b"\n");
    }
    prefix
}

/// What both tables have of an interval.
#[derive(Debug, Default)]
struct IntervalColumns {
    id: StringBuilder,
    places: Vec<i32>,
    start: TimestampMicrosecondBuilder,
    end: TimestampMicrosecondBuilder,
    derived: TimestampMicrosecondBuilder,
}

impl IntervalColumns {
    fn push(&mut self, place: usize, interval: &IntervalOfAgent, (id, derived): (Uuid, Timestamp)) {
        self.id.append_value(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
        self.places.push(place as i32); // far fewer than 2^31 rows in a batch
        self.start.append_value(interval.start.micros());
        self.end.append_value(interval.end.micros());
        self.derived.append_value(derived.micros());
    }

    /// Which place each row has, the columns that both tables begin with, and the one that both end with.
    fn finish(&mut self, places: &Places) -> Result<(Int32Array, Vec<ArrayRef>, ArrayRef), ArrowError> {
        let keys = Int32Array::from(std::mem::take(&mut self.places));
        let derived = Arc::new(self.derived.finish()) as ArrayRef;
        let mut columns: Vec<ArrayRef> = vec![Arc::new(self.id.finish())];
        columns.extend(places.ids(&keys)?);
        columns.push(Arc::new(self.start.finish()));
        columns.push(Arc::new(self.end.finish()));
        columns.push(Arc::clone(&derived)); // published_date
        columns.push(places.account(&keys)?);
        Ok((keys, columns, derived))
    }
}

fn millis(micros: i64) -> i64 {
    micros / 1_000
}

#[derive(Debug, Default)]
struct AgentIntervals {
    interval: IntervalColumns,
    online: Int64Builder,
    error: Int64Builder,
    non_productive: Int64Builder,
    idle: Int64Builder,
    on_contact: Int64Builder,
    custom: Vec<Int64Builder>,
}

impl AgentIntervals {
    fn push(&mut self, place: usize, interval: &IntervalOfAgent, spent: &Spent, made: (Uuid, Timestamp)) {
        self.interval.push(place, interval, made);
        self.online.append_value(millis(spent.online));
        self.error.append_value(millis(spent.error));
        self.non_productive.append_value(millis(spent.non_productive));
        self.idle.append_value(millis(spent.idle));
        self.on_contact.append_value(millis(spent.on_contact));
        // The same number in every row: the pipeline's.
        self.custom.resize_with(spent.custom.len(), Int64Builder::new);
        for (column, micros) in self.custom.iter_mut().zip(&spent.custom) {
            column.append_value(millis(*micros));
        }
    }

    fn finish(&mut self, places: &Places) -> Result<RecordBatch, ArrowError> {
        let (keys, mut columns, derived) = self.interval.finish(places)?;
        let spent = [&mut self.online, &mut self.error, &mut self.non_productive, &mut self.idle, &mut self.on_contact];
        columns.extend(spent.map(|column| Arc::new(column.finish()) as ArrayRef));
        columns.extend(self.custom.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef));
        let number = new_null_array(&DataType::Int64, keys.len());
        columns.resize(columns.len() + CUSTOM_STATES - self.custom.len(), Arc::clone(&number));
        let text = new_null_array(&DataType::Utf8, keys.len());
        columns.extend([Arc::clone(&text), text, number]); // agent_status_*
        columns.extend(places.arns(&keys)?);
        columns.extend(places.group_arns(&keys)?);
        columns.push(derived);
        coded(&generated::agent_statistic_record().schema, columns)
    }
}

#[derive(Debug, Default)]
struct QueueIntervals {
    interval: IntervalColumns,
    /// Each once in a row of them, and which of them a row has.
    queues: Vec<Arc<QueueAndChannel>>,
    queue: Vec<i32>,
    non_response: Int64Builder,
    non_response_of_agent: Int64Builder,
    offered: Int64Builder,
    handled: Int64Builder,
    handle_time: Int64Builder,
    contact_time: Int64Builder,
    connecting_time: [Int64Builder; Routing::COUNT],
    attempts: [Int64Builder; Routing::COUNT],
}

impl QueueIntervals {
    fn push(
        &mut self,
        place: usize,
        interval: &IntervalOfAgent,
        (queue, done): (&Arc<QueueAndChannel>, &Handled),
        made: (Uuid, Timestamp),
    ) {
        self.interval.push(place, interval, made);
        let known = self.queues.iter().rposition(|known| Arc::ptr_eq(known, queue));
        let known = known.unwrap_or_else(|| {
            self.queues.push(Arc::clone(queue));
            self.queues.len() - 1
        });
        self.queue.push(known as i32); // at most one a row
        self.non_response.append_value(done.non_response);
        // Amazon Connect defines it for voice alone.
        let is_voice = queue.channel.as_deref() == Some("VOICE");
        self.non_response_of_agent.append_option(is_voice.then_some(done.non_response_of_agent));
        self.offered.append_value(done.offered);
        self.handled.append_value(done.handled);
        self.handle_time.append_value(millis(done.handle_time));
        self.contact_time.append_value(millis(done.contact_time));
        for (column, micros) in self.connecting_time.iter_mut().zip(done.connecting_time) {
            column.append_value(millis(micros));
        }
        for (column, count) in self.attempts.iter_mut().zip(done.attempts) {
            column.append_value(count);
        }
    }

    fn finish(&mut self, places: &Places) -> Result<RecordBatch, ArrowError> {
        let (keys, mut columns, derived) = self.interval.finish(places)?;
        let queue_keys = Int32Array::from(std::mem::take(&mut self.queue));
        let queues = std::mem::take(&mut self.queues);
        let of_queue = |of: fn(&QueueAndChannel) -> Option<&str>| -> Result<ArrayRef, ArrowError> {
            let values: StringArray = queues.iter().map(|queue| of(queue)).collect();
            Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(queue_keys.clone(), Arc::new(values))?))
        };
        columns.push(of_queue(|queue| queue.queue_arn.as_deref().map(last_part))?);
        columns.push(of_queue(|queue| queue.channel.as_deref())?);
        columns.push(of_queue(|queue| queue.queue_arn.as_deref().map(queue_type))?);
        let counts = [&mut self.non_response, &mut self.offered, &mut self.handled, &mut self.handle_time];
        let numbers = counts.into_iter().chain(&mut self.connecting_time).chain(&mut self.attempts);
        let numbers = numbers.chain([&mut self.contact_time, &mut self.non_response_of_agent]);
        columns.extend(numbers.map(|column| Arc::new(column.finish()) as ArrayRef));
        columns.extend(places.arns(&keys)?);
        columns.push(of_queue(|queue| queue.queue_arn.as_deref())?);
        columns.extend(places.group_arns(&keys)?);
        columns.push(derived);
        coded(&generated::agent_queue_statistic_record().schema, columns)
    }
}

/// The queue of an agent ends in `queue/agent/` and the agent's id.
fn queue_type(arn: &str) -> &'static str {
    if arn.contains("/queue/agent/") { "AGENT" } else { "STANDARD" }
}
