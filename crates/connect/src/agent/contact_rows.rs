//! The rows of `agent_event_contacts`.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};
use tributary_core::Timestamp;

use super::event::{Contact, Event, last_part};
use crate::columns::{MomentColumn, TextColumn};

/// The table `agent_event_contacts`.
#[derive(Debug, Default)]
pub(crate) struct ContactColumns {
    owners: Vec<u32>,
    instance_id: TextColumn,
    event_id: TextColumn,
    contact_id: TextColumn,
    snapshot: TextColumn,
    timestamp: MomentColumn,
    event_type: TextColumn,
    account_id: TextColumn,
    agent_arn: TextColumn,
    agent_id: TextColumn,
    initial_contact_id: TextColumn,
    channel: TextColumn,
    initiation_method: TextColumn,
    state: TextColumn,
    state_start: MomentColumn,
    connected_to_agent: MomentColumn,
    queued_at: MomentColumn,
    queue_arn: TextColumn,
    queue_name: TextColumn,
    processed: MomentColumn,
}

impl ContactColumns {
    /// Appends the row of one contact of an event.
    pub(crate) fn push(
        &mut self,
        event: &Event<'_>,
        contact: &Contact<'_>,
        snapshot: &'static str,
        owner: u32,
        read_at: Timestamp,
    ) {
        self.owners.push(owner);
        self.instance_id.push(Some(event.instance_id()));
        self.event_id.push(Some(&event.event_id));
        self.contact_id.push(Some(&contact.contact_id));
        self.snapshot.push(Some(snapshot));
        self.timestamp.push(event.timestamp);
        self.event_type.push(event.event_type.as_deref());
        self.account_id.push(event.account_id.as_deref());
        self.agent_arn.push(event.agent_arn.as_deref());
        self.agent_id.push(event.agent_arn.as_deref().map(last_part));
        self.initial_contact_id.push(contact.initial_contact_id.as_deref());
        self.channel.push(contact.channel.as_deref());
        self.initiation_method.push(contact.initiation_method.as_deref());
        self.state.push(contact.state.as_deref());
        self.state_start.push(contact.state_start);
        self.connected_to_agent.push(contact.connected_to_agent);
        self.queued_at.push(contact.queued_at);
        self.queue_arn.push(contact.queue_arn.as_deref());
        self.queue_name.push(contact.queue_name.as_deref());
        self.processed.push(Some(read_at));
    }

    /// The rows, and the owner of each; empty again afterwards.
    pub(crate) fn finish(&mut self, schema: &SchemaRef) -> Result<(RecordBatch, Vec<u32>), ArrowError> {
        let columns = vec![
            self.instance_id.finish()?,
            self.event_id.finish()?,
            self.contact_id.finish()?,
            self.snapshot.finish()?,
            self.timestamp.finish()?,
            self.event_type.finish()?,
            self.account_id.finish()?,
            self.agent_arn.finish()?,
            self.agent_id.finish()?,
            self.initial_contact_id.finish()?,
            self.channel.finish()?,
            self.initiation_method.finish()?,
            self.state.finish()?,
            self.state_start.finish()?,
            self.connected_to_agent.finish()?,
            self.queued_at.finish()?,
            self.queue_arn.finish()?,
            self.queue_name.finish()?,
            self.processed.finish()?,
        ];
        Ok((RecordBatch::try_new(Arc::clone(schema), columns)?, std::mem::take(&mut self.owners)))
    }
}
