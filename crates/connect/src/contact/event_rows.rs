//! The rows of `contact_events`.

use arrow_schema::ArrowError;
use tributary_core::{RowKey, TableBatch, Timestamp};

use super::event::ContactEvent;
use crate::cells::{Cell, WantedTable};
use crate::generated;
use crate::key::contact_event_key;
use crate::transform::Options;

/// The table in the making.
#[derive(Debug)]
pub(crate) struct ContactRows(WantedTable);

impl ContactRows {
    /// No rows yet.
    pub(crate) fn new(options: &Options) -> Self {
        Self(WantedTable::new(&generated::contact_events(), options))
    }

    /// Whether events make rows.
    pub(crate) fn takes(&self) -> bool {
        self.0.is_wanted()
    }

    /// Appends the row of what happened `at`; its key.
    pub(crate) fn push(
        &mut self,
        event: &ContactEvent<'_>,
        (at, read_at): (Timestamp, Timestamp),
        owner: u32,
    ) -> RowKey {
        if let Some(columns) = self.0.columns() {
            let mut cells = vec![
                Cell::Text(Some(event.instance_id)),
                Cell::Text(Some(&event.contact_id)),
                Cell::Text(Some(event.kind)),
                Cell::Moment(Some(at)),
                Cell::Text(event.id),
                Cell::Text(Some(event.instance_arn)),
                Cell::Text(event.account_id),
            ];
            cells.extend(event.others.iter().map(|contact| Cell::Text(contact.as_deref())));
            cells.extend([
                Cell::Text(event.channel.as_deref()),
                Cell::Text(event.sub_type),
                Cell::Text(event.initiation_method),
                Cell::Text(event.queue_id),
                Cell::Text(event.queue_arn),
                Cell::Text(event.queue_type),
                Cell::Text(event.agent_id),
                Cell::Text(event.agent_arn),
                Cell::Text(event.disconnect_reason),
            ]);
            cells.extend(event.moments.iter().map(|moment| Cell::Moment(*moment)));
            cells.push(Cell::Moment(Some(read_at)));
            columns.push(owner, &cells);
        }
        let (contact, told) =
            ((event.instance_id, event.contact_id.as_str()), (event.kind, event.id.unwrap_or_default()));
        contact_event_key(contact, told, at, &mut Vec::new())
    }

    /// The rows with their owners, if there are any; empty again afterwards.
    pub(crate) fn finish(&mut self) -> Result<Option<(TableBatch, Vec<u32>)>, ArrowError> {
        self.0.finish()
    }
}
