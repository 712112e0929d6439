//! The rows of `agent_event` and `agent_event_contacts`.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StructArray};
use arrow_buffer::NullBufferBuilder;
use arrow_schema::{ArrowError, DataType, SchemaRef};
use tributary_core::Timestamp;

use super::blocks::{Concurrency, LEVELS, Proficiencies, Queues};
use super::contact_rows::ContactColumns;
use super::event::{Contact, Event, Snapshot, Status};
use crate::columns::{
    BooleanColumn, IntegerColumn, ListColumn, MomentColumn, NumberColumn, TextColumn, element_members, members, structs,
};
use crate::generated;

/// Both tables in the making.
#[derive(Debug)]
pub(crate) struct AgentRows {
    events: EventColumns,
    contacts: ContactColumns,
    event_schema: SchemaRef,
    contact_schema: SchemaRef,
}

impl AgentRows {
    /// Empty tables.
    pub(crate) fn new() -> Self {
        Self {
            events: EventColumns::default(),
            contacts: ContactColumns::default(),
            event_schema: generated::agent_event().schema,
            contact_schema: generated::agent_event_contacts().schema,
        }
    }

    /// Appends the rows of one event: one to `agent_event`, one a contact to `agent_event_contacts`. `owner` is the
    /// number by which the contact rows are told apart from those of other events.
    pub(crate) fn push(&mut self, event: &Event<'_>, owner: u32, read_at: Timestamp) {
        self.events.push(event, read_at);
        for (contact, snapshot) in contact_rows(event) {
            self.contacts.push(event, contact, snapshot, owner, read_at);
        }
    }

    /// The rows of `agent_event`, and those of `agent_event_contacts` with the owner of each; empty again afterwards.
    pub(crate) fn finish(&mut self) -> Result<(RecordBatch, RecordBatch, Vec<u32>), ArrowError> {
        let events = self.events.finish(&self.event_schema)?;
        let (contacts, owners) = self.contacts.finish(&self.contact_schema)?;
        Ok((events, contacts, owners))
    }
}

/// The contacts of the current snapshot, then those of the previous one that are no longer there.
fn contact_rows<'e, 'a>(event: &'e Event<'a>) -> impl Iterator<Item = (&'e Contact<'a>, &'static str)> {
    let current = event.current.contacts.as_deref().unwrap_or(&[]);
    let previous = event.previous.contacts.as_deref().unwrap_or(&[]);
    let gone = |contact: &&Contact<'_>| !current.iter().any(|other| other.contact_id == contact.contact_id);
    let gone = previous.iter().filter(gone).map(|contact| (contact, "previous"));
    current.iter().map(|contact| (contact, "current")).chain(gone)
}

#[derive(Debug, Default)]
struct EventColumns {
    rows: usize,
    instance_id: TextColumn,
    account_id: TextColumn,
    instance_arn: TextColumn,
    agent_arn: TextColumn,
    event_id: TextColumn,
    timestamp: MomentColumn,
    event_type: TextColumn,
    version: TextColumn,
    next_status: StatusColumns,
    username: TextColumn,
    first_name: TextColumn,
    last_name: TextColumn,
    sip_address: TextColumn,
    auto_accept: BooleanColumn,
    language_code: TextColumn,
    current: SnapshotColumns,
    previous: SnapshotColumns,
    processed: MomentColumn,
}

impl EventColumns {
    fn push(&mut self, event: &Event<'_>, read_at: Timestamp) {
        self.rows += 1;
        self.instance_id.push(Some(event.instance_id()));
        self.account_id.push(event.account_id.as_deref());
        self.instance_arn.push(Some(&event.instance_arn));
        self.agent_arn.push(event.agent_arn.as_deref());
        self.event_id.push(Some(&event.event_id));
        self.timestamp.push(event.timestamp);
        self.event_type.push(event.event_type.as_deref());
        self.version.push(event.version.as_deref());
        self.next_status.push(&event.current.next_status);
        let configuration = &event.current.configuration;
        self.username.push(configuration.username.as_deref());
        self.first_name.push(configuration.first_name.as_deref());
        self.last_name.push(configuration.last_name.as_deref());
        self.sip_address.push(configuration.sip_address.as_deref());
        self.auto_accept.push(configuration.auto_accept);
        self.language_code.push(configuration.language_code.as_deref());
        self.current.push(&event.current);
        self.previous.push(&event.previous);
        self.processed.push(Some(read_at));
    }

    fn finish(&mut self, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
        let rows = std::mem::take(&mut self.rows);
        let snapshot_time = || -> Result<ArrayRef, ArrowError> {
            // Amazon's internal capture time; the stream does not carry it.
            let mut column = MomentColumn::default();
            (0..rows).for_each(|_| column.push(None));
            column.finish()
        };
        let kind = |name: &str| schema.field_with_name(name).map(|field| field.data_type().clone());
        let mut columns = Vec::with_capacity(schema.fields().len());
        for text in [&mut self.instance_id, &mut self.account_id, &mut self.instance_arn, &mut self.agent_arn] {
            columns.push(text.finish()?);
        }
        columns.push(self.event_id.finish()?);
        columns.push(self.timestamp.finish()?);
        columns.push(self.event_type.finish()?);
        columns.push(self.version.finish()?);
        self.current.status.finish(&mut columns)?;
        self.next_status.finish(&mut columns)?;
        for text in [&mut self.username, &mut self.first_name, &mut self.last_name, &mut self.sip_address] {
            columns.push(text.finish()?);
        }
        columns.push(self.auto_accept.finish());
        columns.push(self.language_code.finish()?);
        columns.push(self.current.proficiencies.finish(&kind("current_configuration_proficiencies")?)?);
        self.current.finish(&mut columns, &kind, "current")?;
        columns.push(snapshot_time()?);
        self.previous.status.finish(&mut columns)?;
        columns.push(self.previous.proficiencies.finish(&kind("previous_configuration_proficiencies")?)?);
        self.previous.finish(&mut columns, &kind, "previous")?;
        columns.push(snapshot_time()?);
        columns.push(self.processed.finish()?);
        RecordBatch::try_new(Arc::clone(schema), columns)
    }
}

#[derive(Debug, Default)]
struct StatusColumns {
    arn: TextColumn,
    name: TextColumn,
    since: MomentColumn,
    kind: TextColumn,
}

impl StatusColumns {
    fn push(&mut self, status: &Status<'_>) {
        self.arn.push(status.arn.as_deref());
        self.name.push(status.name.as_deref());
        self.since.push(status.since);
        self.kind.push(status.kind.as_deref());
    }

    fn finish(&mut self, columns: &mut Vec<ArrayRef>) -> Result<(), ArrowError> {
        columns.push(self.arn.finish()?);
        columns.push(self.name.finish()?);
        columns.push(self.since.finish()?);
        columns.push(self.kind.finish()?);
        Ok(())
    }
}

/// The columns that both snapshots have.
#[derive(Debug, Default)]
struct SnapshotColumns {
    status: StatusColumns,
    proficiencies: ProficiencyColumns,
    profile_arn: TextColumn,
    profile_name: TextColumn,
    concurrency: ConcurrencyColumns,
    outbound_arn: TextColumn,
    outbound_name: TextColumn,
    outbound_channels: ListColumn,
    outbound_channel: TextColumn,
    inbound: QueueColumns,
    groups: [TextColumn; 2 * LEVELS],
    contacts: ContactStructs,
}

impl SnapshotColumns {
    fn push(&mut self, snapshot: &Snapshot<'_>) {
        self.status.push(&snapshot.status);
        let configuration = &snapshot.configuration;
        self.proficiencies.push(configuration.proficiencies.as_deref());
        let profile = &configuration.routing_profile;
        self.profile_arn.push(profile.arn.as_deref());
        self.profile_name.push(profile.name.as_deref());
        self.concurrency.push(profile.concurrency.as_deref());
        self.push_outbound(profile.outbound.as_deref());
        self.inbound.push(profile.inbound.as_deref());
        for (index, column) in self.groups.iter_mut().enumerate() {
            column.push(configuration.groups.as_ref().and_then(|groups| groups.values[index].as_deref()));
        }
        self.contacts.push(snapshot.contacts.as_deref());
    }

    fn push_outbound(&mut self, outbound: Option<&Queues>) {
        if let Some(queue) = outbound {
            self.outbound_arn.extend(&queue.arns);
            self.outbound_name.extend(&queue.names);
            self.outbound_channels.push(queue.channel_counts.first().copied().flatten());
            self.outbound_channel.extend(&queue.channels);
        } else {
            self.outbound_arn.push(None);
            self.outbound_name.push(None);
            self.outbound_channels.push(None);
        }
    }

    /// From the routing profile to the contacts; status and proficiencies stand elsewhere in the current snapshot.
    fn finish(
        &mut self,
        columns: &mut Vec<ArrayRef>,
        kind: &dyn Fn(&str) -> Result<DataType, ArrowError>,
        snapshot: &str,
    ) -> Result<(), ArrowError> {
        columns.push(self.profile_arn.finish()?);
        columns.push(self.profile_name.finish()?);
        columns.push(self.concurrency.finish(&kind(&format!("{snapshot}_routing_profile_concurrency"))?)?);
        columns.push(self.outbound_arn.finish()?);
        columns.push(self.outbound_name.finish()?);
        let channels = kind(&format!("{snapshot}_routing_profile_default_outbound_queue_channels"))?;
        columns.push(self.outbound_channels.finish(&channels, self.outbound_channel.finish()?)?);
        columns.push(self.inbound.finish(&kind(&format!("{snapshot}_routing_profile_inbound_queues"))?)?);
        for column in &mut self.groups {
            columns.push(column.finish()?);
        }
        columns.push(self.contacts.finish(&kind(&format!("{snapshot}_contacts"))?)?);
        Ok(())
    }
}

#[derive(Debug, Default)]
struct ProficiencyColumns {
    lists: ListColumn,
    name: TextColumn,
    value: TextColumn,
    level: NumberColumn,
}

impl ProficiencyColumns {
    fn push(&mut self, block: Option<&Proficiencies>) {
        self.lists.push(block.map(|block| block.levels.len()));
        if let Some(block) = block {
            self.name.extend(&block.names);
            self.value.extend(&block.values);
            self.level.extend(&block.levels);
        }
    }

    fn finish(&mut self, kind: &DataType) -> Result<ArrayRef, ArrowError> {
        let columns = vec![self.name.finish()?, self.value.finish()?, self.level.finish()];
        self.lists.finish(kind, structs(element_members(kind)?, columns)?)
    }
}

#[derive(Debug, Default)]
struct ConcurrencyColumns {
    lists: ListColumn,
    channel: TextColumn,
    available: IntegerColumn,
    maximum: IntegerColumn,
    current_available: IntegerColumn,
}

impl ConcurrencyColumns {
    fn push(&mut self, block: Option<&Concurrency>) {
        self.lists.push(block.map(|block| block.available.len()));
        if let Some(block) = block {
            self.channel.extend(&block.channels);
            self.available.extend(&block.available);
            self.maximum.extend(&block.maximum);
            self.current_available.extend(&block.current_available);
        }
    }

    fn finish(&mut self, kind: &DataType) -> Result<ArrayRef, ArrowError> {
        let columns = vec![
            self.channel.finish()?,
            self.available.finish(),
            self.maximum.finish(),
            self.current_available.finish(),
        ];
        self.lists.finish(kind, structs(element_members(kind)?, columns)?)
    }
}

#[derive(Debug, Default)]
struct QueueColumns {
    lists: ListColumn,
    arn: TextColumn,
    name: TextColumn,
    channel_lists: ListColumn,
    channel: TextColumn,
}

impl QueueColumns {
    fn push(&mut self, block: Option<&Queues>) {
        self.lists.push(block.map(|block| block.channel_counts.len()));
        if let Some(block) = block {
            self.arn.extend(&block.arns);
            self.name.extend(&block.names);
            block.channel_counts.iter().for_each(|count| self.channel_lists.push(*count));
            self.channel.extend(&block.channels);
        }
    }

    fn finish(&mut self, kind: &DataType) -> Result<ArrayRef, ArrowError> {
        let fields = element_members(kind)?;
        let Some(channels) = fields.get(2) else {
            return Err(ArrowError::SchemaError("a queue has arn, name and channels".to_owned()));
        };
        let channels = self.channel_lists.finish(channels.data_type(), self.channel.finish()?)?;
        let columns = vec![self.arn.finish()?, self.name.finish()?, channels];
        self.lists.finish(kind, structs(fields, columns)?)
    }
}

/// The lists of contacts inside `agent_event`.
#[derive(Debug)]
struct ContactStructs {
    lists: ListColumn,
    contact_id: TextColumn,
    initial_contact_id: TextColumn,
    channel: TextColumn,
    initiation_method: TextColumn,
    state: TextColumn,
    state_start: MomentColumn,
    connected_to_agent: MomentColumn,
    queued_at: MomentColumn,
    queue_valid: NullBufferBuilder,
    queue_arn: TextColumn,
    queue_name: TextColumn,
}

impl Default for ContactStructs {
    fn default() -> Self {
        Self {
            lists: ListColumn::default(),
            contact_id: TextColumn::default(),
            initial_contact_id: TextColumn::default(),
            channel: TextColumn::default(),
            initiation_method: TextColumn::default(),
            state: TextColumn::default(),
            state_start: MomentColumn::default(),
            connected_to_agent: MomentColumn::default(),
            queued_at: MomentColumn::default(),
            queue_valid: NullBufferBuilder::new(0),
            queue_arn: TextColumn::default(),
            queue_name: TextColumn::default(),
        }
    }
}

impl ContactStructs {
    fn push(&mut self, contacts: Option<&[Contact<'_>]>) {
        self.lists.push(contacts.map(<[_]>::len));
        for contact in contacts.unwrap_or(&[]) {
            self.contact_id.push(Some(&contact.contact_id));
            self.initial_contact_id.push(contact.initial_contact_id.as_deref());
            self.channel.push(contact.channel.as_deref());
            self.initiation_method.push(contact.initiation_method.as_deref());
            self.state.push(contact.state.as_deref());
            self.state_start.push(contact.state_start);
            self.connected_to_agent.push(contact.connected_to_agent);
            self.queued_at.push(contact.queued_at);
            self.queue_valid.append(contact.has_queue);
            self.queue_arn.push(contact.queue_arn.as_deref());
            self.queue_name.push(contact.queue_name.as_deref());
        }
    }

    fn finish(&mut self, kind: &DataType) -> Result<ArrayRef, ArrowError> {
        let fields = element_members(kind)?;
        let Some(queue) = fields.get(8) else {
            return Err(ArrowError::SchemaError("a contact has a queue as its ninth member".to_owned()));
        };
        let queue_columns = vec![self.queue_arn.finish()?, self.queue_name.finish()?];
        let queues = StructArray::try_new(members(queue)?.clone(), queue_columns, self.queue_valid.finish())?;
        let columns = vec![
            self.contact_id.finish()?,
            self.initial_contact_id.finish()?,
            self.channel.finish()?,
            self.initiation_method.finish()?,
            self.state.finish()?,
            self.state_start.finish()?,
            self.connected_to_agent.finish()?,
            self.queued_at.finish()?,
            Arc::new(queues) as ArrayRef,
        ];
        self.lists.finish(kind, structs(fields, columns)?)
    }
}
