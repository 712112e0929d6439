//! The rows of `agent_event`.

use arrow_array::{ArrayRef, RecordBatch};
use arrow_buffer::NullBufferBuilder;
use arrow_schema::{ArrowError, DataType, Schema, SchemaRef};
use tributary_core::Timestamp;

use super::codes::{Dictionaries, LEVELS, Status};
use super::contact::Contact;
use super::contact_rows::ContactColumns;
use super::event::{Event, Snapshot};
use crate::columns::{
    BooleanColumn, ListColumn, MomentColumn, TextColumn, coded, coded_structs, element_members, members,
};
use crate::dictionary::{CodeColumn, Texts};
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
    pub(crate) fn push(&mut self, event: &Event<'_>, owner: u32, read_at: Timestamp, dictionaries: &mut Dictionaries) {
        self.events.push(event, read_at);
        for (contact, snapshot) in contact_rows(event) {
            self.contacts.push(event, contact, (snapshot, owner, read_at), dictionaries);
        }
    }

    /// The rows of `agent_event`, and those of `agent_event_contacts` with the owner of each; empty again afterwards.
    /// Columns that repeat are codes over the dictionaries.
    pub(crate) fn finish(
        &mut self,
        dictionaries: &mut Dictionaries,
    ) -> Result<(RecordBatch, RecordBatch, Vec<u32>), ArrowError> {
        let events = coded(&self.event_schema, self.events.finish(&self.event_schema, dictionaries)?)?;
        let (contacts, owners) = self.contacts.finish(dictionaries)?;
        Ok((events, coded(&self.contact_schema, contacts)?, owners))
    }
}

/// The contacts of the current snapshot, then those of the previous one that are no longer there.
fn contact_rows<'e>(event: &'e Event<'_>) -> impl Iterator<Item = (&'e Contact, &'static str)> {
    let current = event.current.contacts.as_deref().unwrap_or(&[]);
    let previous = event.previous.contacts.as_deref().unwrap_or(&[]);
    let gone = |contact: &&Contact| !current.iter().any(|other| other.contact_id == contact.contact_id);
    let gone = previous.iter().filter(gone).map(|contact| (contact, "previous"));
    current.iter().map(|contact| (contact, "current")).chain(gone)
}

#[derive(Debug, Default)]
struct EventColumns {
    rows: usize,
    instance_id: CodeColumn,
    account_id: CodeColumn,
    instance_arn: CodeColumn,
    agent_arn: CodeColumn,
    event_id: TextColumn,
    timestamp: MomentColumn,
    event_type: CodeColumn,
    version: CodeColumn,
    next_status: StatusColumns,
    username: CodeColumn,
    first_name: CodeColumn,
    last_name: CodeColumn,
    sip_address: CodeColumn,
    auto_accept: BooleanColumn,
    language_code: CodeColumn,
    current: SnapshotColumns,
    previous: SnapshotColumns,
    processed: MomentColumn,
}

impl EventColumns {
    fn push(&mut self, event: &Event<'_>, read_at: Timestamp) {
        self.rows += 1;
        self.instance_id.push(event.instance_id_code);
        self.account_id.push(event.account_id);
        self.instance_arn.push(event.instance_arn);
        self.agent_arn.push(event.agent_arn);
        self.event_id.push(Some(&event.event_id));
        self.timestamp.push(event.timestamp);
        self.event_type.push(event.event_type);
        self.version.push(event.version);
        self.next_status.push(&event.current.next_status);
        let configuration = &event.current.configuration;
        self.username.push(configuration.username);
        self.first_name.push(configuration.first_name);
        self.last_name.push(configuration.last_name);
        self.sip_address.push(configuration.sip_address);
        self.auto_accept.push(configuration.auto_accept);
        self.language_code.push(configuration.language_code);
        self.current.push(&event.current);
        self.previous.push(&event.previous);
        self.processed.push(Some(read_at));
    }

    fn finish(&mut self, schema: &Schema, all: &mut Dictionaries) -> Result<Vec<ArrayRef>, ArrowError> {
        let rows = std::mem::take(&mut self.rows);
        let snapshot_time = || -> Result<ArrayRef, ArrowError> {
            // Amazon's internal capture time; the stream does not carry it.
            let mut column = MomentColumn::default();
            (0..rows).for_each(|_| column.push(None));
            column.finish()
        };
        let mut columns = vec![
            self.instance_id.finish(all.instance_id.array()?)?,
            self.account_id.finish(all.account_id.array()?)?,
            self.instance_arn.finish(all.instance_arn.array()?)?,
            self.agent_arn.finish(all.agent_arn.array()?)?,
            self.event_id.finish()?,
            self.timestamp.finish()?,
            self.event_type.finish(all.event_type.array()?)?,
            self.version.finish(all.version.array()?)?,
        ];
        self.current.status.finish(&mut columns, all)?;
        self.next_status.finish(&mut columns, all)?;
        columns.extend([
            self.username.finish(all.username.array()?)?,
            self.first_name.finish(all.first_name.array()?)?,
            self.last_name.finish(all.last_name.array()?)?,
            self.sip_address.finish(all.sip_address.array()?)?,
            self.auto_accept.finish(),
            self.language_code.finish(all.language_code.array()?)?,
        ]);
        self.current.finish(&mut columns, schema, all)?;
        columns.push(snapshot_time()?);
        self.previous.status.finish(&mut columns, all)?;
        self.previous.finish(&mut columns, schema, all)?;
        columns.push(snapshot_time()?);
        columns.push(self.processed.finish()?);
        Ok(columns)
    }
}

#[derive(Debug, Default)]
struct StatusColumns {
    arn: CodeColumn,
    name: CodeColumn,
    since: MomentColumn,
    kind: CodeColumn,
}

impl StatusColumns {
    fn push(&mut self, status: &Status) {
        self.arn.push(status.arn);
        self.name.push(status.name);
        self.since.push(status.since);
        self.kind.push(status.kind);
    }

    fn finish(&mut self, columns: &mut Vec<ArrayRef>, all: &mut Dictionaries) -> Result<(), ArrowError> {
        columns.push(self.arn.finish(all.status_arn.array()?)?);
        columns.push(self.name.finish(all.status_name.array()?)?);
        columns.push(self.since.finish()?);
        columns.push(self.kind.finish(all.status_kind.array()?)?);
        Ok(())
    }
}

/// The columns that both snapshots have.
#[derive(Debug, Default)]
struct SnapshotColumns {
    status: StatusColumns,
    proficiencies: CodeColumn,
    profile_arn: CodeColumn,
    profile_name: CodeColumn,
    concurrency: CodeColumn,
    outbound_arn: CodeColumn,
    outbound_name: CodeColumn,
    outbound_channels: CodeColumn,
    inbound: CodeColumn,
    groups: [CodeColumn; 2 * LEVELS],
    contacts: ContactStructs,
}

impl SnapshotColumns {
    fn push(&mut self, snapshot: &Snapshot) {
        self.status.push(&snapshot.status);
        let configuration = &snapshot.configuration;
        self.proficiencies.push(configuration.proficiencies);
        let profile = &configuration.profile;
        self.profile_arn.push(profile.arn);
        self.profile_name.push(profile.name);
        self.concurrency.push(profile.concurrency);
        self.outbound_arn.push(profile.outbound.arn);
        self.outbound_name.push(profile.outbound.name);
        self.outbound_channels.push(profile.outbound.channels);
        self.inbound.push(profile.inbound);
        for (column, code) in self.groups.iter_mut().zip(configuration.groups.codes) {
            column.push(code);
        }
        self.contacts.push(snapshot.contacts.as_deref());
    }

    /// From the proficiencies to the contacts. The types of the lists are those of the next columns of the schema.
    fn finish(
        &mut self,
        columns: &mut Vec<ArrayRef>,
        schema: &Schema,
        all: &mut Dictionaries,
    ) -> Result<(), ArrowError> {
        let first = columns.len();
        let kind = |offset: usize| {
            let field = schema.fields().get(first + offset);
            field.map(|field| field.data_type()).ok_or_else(|| ArrowError::SchemaError("too few columns".to_owned()))
        };
        columns.extend([
            self.proficiencies.finish(all.proficiencies.array(kind(0)?)?)?,
            self.profile_arn.finish(all.profile_arn.array()?)?,
            self.profile_name.finish(all.profile_name.array()?)?,
            self.concurrency.finish(all.concurrency.array(kind(3)?)?)?,
            self.outbound_arn.finish(all.queue_arn.array()?)?,
            self.outbound_name.finish(all.queue_name.array()?)?,
            self.outbound_channels.finish(all.channels.array(kind(6)?)?)?,
            self.inbound.finish(all.inbound.array(kind(7)?)?)?,
        ]);
        for (column, values) in self.groups.iter_mut().zip(&mut all.groups) {
            let values: &mut Texts = values;
            columns.push(column.finish(values.array()?)?);
        }
        columns.push(self.contacts.finish(kind(8 + 2 * LEVELS)?, all)?);
        Ok(())
    }
}

/// The lists of contacts inside `agent_event`.
#[derive(Debug)]
struct ContactStructs {
    lists: ListColumn,
    contact_id: CodeColumn,
    initial_contact_id: CodeColumn,
    channel: CodeColumn,
    initiation_method: CodeColumn,
    state: CodeColumn,
    state_start: MomentColumn,
    connected_to_agent: MomentColumn,
    queued_at: MomentColumn,
    queue_valid: NullBufferBuilder,
    queue_arn: CodeColumn,
    queue_name: CodeColumn,
}

impl Default for ContactStructs {
    fn default() -> Self {
        Self {
            lists: ListColumn::default(),
            contact_id: CodeColumn::default(),
            initial_contact_id: CodeColumn::default(),
            channel: CodeColumn::default(),
            initiation_method: CodeColumn::default(),
            state: CodeColumn::default(),
            state_start: MomentColumn::default(),
            connected_to_agent: MomentColumn::default(),
            queued_at: MomentColumn::default(),
            queue_valid: NullBufferBuilder::new(0),
            queue_arn: CodeColumn::default(),
            queue_name: CodeColumn::default(),
        }
    }
}

impl ContactStructs {
    fn push(&mut self, contacts: Option<&[Contact]>) {
        self.lists.push(contacts.map(<[_]>::len));
        for contact in contacts.unwrap_or(&[]) {
            self.contact_id.push(contact.contact_id);
            self.initial_contact_id.push(contact.initial_contact_id);
            self.channel.push(contact.channel);
            self.initiation_method.push(contact.initiation_method);
            self.state.push(contact.state);
            self.state_start.push(contact.state_start);
            self.connected_to_agent.push(contact.connected_to_agent);
            self.queued_at.push(contact.queued_at);
            self.queue_valid.append(contact.has_queue);
            self.queue_arn.push(contact.queue_arn);
            self.queue_name.push(contact.queue_name);
        }
    }

    fn finish(&mut self, kind: &DataType, all: &mut Dictionaries) -> Result<ArrayRef, ArrowError> {
        let Some(queue) = element_members(kind)?.get(8) else {
            return Err(ArrowError::SchemaError("a contact has a queue as its ninth member".to_owned()));
        };
        let queue_columns =
            vec![self.queue_arn.finish(all.queue_arn.array()?)?, self.queue_name.finish(all.queue_name.array()?)?];
        let queues = coded_structs(members(queue)?, queue_columns, self.queue_valid.finish())?;
        let columns = vec![
            self.contact_id.finish(all.contact_id.array()?)?,
            self.initial_contact_id.finish(all.contact_id.array()?)?,
            self.channel.finish(all.channel.array()?)?,
            self.initiation_method.finish(all.initiation_method.array()?)?,
            self.state.finish(all.state.array()?)?,
            self.state_start.finish()?,
            self.connected_to_agent.finish()?,
            self.queued_at.finish()?,
            queues,
        ];
        self.lists.finish(kind, coded_structs(element_members(kind)?, columns, None)?)
    }
}
