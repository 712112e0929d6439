//! The rows of `agent_event_contacts`.

use arrow_array::ArrayRef;
use arrow_schema::ArrowError;
use tributary_core::Timestamp;

use super::codes::Dictionaries;
use super::contact::Contact;
use super::event::Event;
use crate::columns::{MomentColumn, TextColumn};
use crate::dictionary::CodeColumn;

/// The table `agent_event_contacts`.
#[derive(Debug, Default)]
pub(crate) struct ContactColumns {
    owners: Vec<u32>,
    instance_id: CodeColumn,
    event_id: TextColumn,
    contact_id: CodeColumn,
    snapshot: CodeColumn,
    timestamp: MomentColumn,
    event_type: CodeColumn,
    account_id: CodeColumn,
    agent_arn: CodeColumn,
    agent_id: CodeColumn,
    initial_contact_id: CodeColumn,
    channel: CodeColumn,
    initiation_method: CodeColumn,
    state: CodeColumn,
    state_start: MomentColumn,
    connected_to_agent: MomentColumn,
    queued_at: MomentColumn,
    queue_arn: CodeColumn,
    queue_name: CodeColumn,
    processed: MomentColumn,
}

impl ContactColumns {
    /// Appends the row of one contact of an event: in which snapshot it stands, whose row it is, and when it was read.
    pub(crate) fn push(
        &mut self,
        event: &Event<'_>,
        contact: &Contact,
        (snapshot, owner, read_at): (&'static str, u32, Timestamp),
        all: &mut Dictionaries,
    ) {
        self.owners.push(owner);
        self.instance_id.push(event.instance_id_code);
        self.event_id.push(Some(&event.event_id));
        self.contact_id.push(contact.contact_id);
        self.snapshot.push(all.snapshot.code(snapshot));
        self.timestamp.push(event.timestamp);
        self.event_type.push(event.event_type);
        self.account_id.push(event.account_id);
        self.agent_arn.push(event.agent_arn);
        self.agent_id.push(event.agent_id);
        self.initial_contact_id.push(contact.initial_contact_id);
        self.channel.push(contact.channel);
        self.initiation_method.push(contact.initiation_method);
        self.state.push(contact.state);
        self.state_start.push(contact.state_start);
        self.connected_to_agent.push(contact.connected_to_agent);
        self.queued_at.push(contact.queued_at);
        self.queue_arn.push(contact.queue_arn);
        self.queue_name.push(contact.queue_name);
        self.processed.push(Some(read_at));
    }

    /// The columns, and the owner of each row; empty again afterwards.
    pub(crate) fn finish(&mut self, all: &mut Dictionaries) -> Result<(Vec<ArrayRef>, Vec<u32>), ArrowError> {
        let columns = vec![
            self.instance_id.finish(all.instance_id.array()?)?,
            self.event_id.finish()?,
            self.contact_id.finish(all.contact_id.array()?)?,
            self.snapshot.finish(all.snapshot.array()?)?,
            self.timestamp.finish()?,
            self.event_type.finish(all.event_type.array()?)?,
            self.account_id.finish(all.account_id.array()?)?,
            self.agent_arn.finish(all.agent_arn.array()?)?,
            self.agent_id.finish(all.agent_id.array()?)?,
            self.initial_contact_id.finish(all.contact_id.array()?)?,
            self.channel.finish(all.channel.array()?)?,
            self.initiation_method.finish(all.initiation_method.array()?)?,
            self.state.finish(all.state.array()?)?,
            self.state_start.finish()?,
            self.connected_to_agent.finish()?,
            self.queued_at.finish()?,
            self.queue_arn.finish(all.queue_arn.array()?)?,
            self.queue_name.finish(all.queue_name.array()?)?,
            self.processed.finish()?,
        ];
        Ok((columns, std::mem::take(&mut self.owners)))
    }
}
