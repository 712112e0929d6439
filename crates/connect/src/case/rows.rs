//! The tables of cases in the making.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_schema::ArrowError;
use tributary_core::{RowKey, Table, TableBatch, Timestamp};

use super::audit::AuditEvent;
use super::event::{Change, Event};
use super::lookups::{Known, Lookups};
use super::{audit_rows, event_rows, item_rows};
use crate::cells::WantedTable;
use crate::generated;
use crate::key::{case_event_key, field_change_key};
use crate::object::Unknown;
use crate::privacy::Mask;
use crate::transform::Options;

/// All tables of cases.
#[derive(Debug)]
pub(crate) struct CaseRows {
    known: Arc<Known>,
    /// What was known when the batch began.
    lookups: Arc<Lookups>,
    masks: Masks,
    events: WantedTable,
    items: WantedTable,
    flattened: WantedTable,
    changes: WantedTable,
}

/// What is done to people's data.
#[derive(Debug)]
pub(crate) struct Masks {
    pub(crate) profiles: Mask,
    pub(crate) comments: Mask,
}

impl CaseRows {
    /// No rows yet.
    pub(crate) fn new(options: &Options) -> Self {
        let wanted = |table: Table| WantedTable::new(&table, options);
        let privacy = &options.privacy;
        Self {
            known: Arc::clone(&options.lookups),
            lookups: options.lookups.now(),
            masks: Masks {
                profiles: privacy.mask(privacy.customer_profiles),
                comments: privacy.mask(privacy.comments),
            },
            events: wanted(generated::case_events()),
            items: wanted(generated::case_related_item_events()),
            flattened: wanted(generated::case_events_flattened()),
            changes: wanted(generated::case_field_changes()),
        }
    }

    /// A batch begins.
    pub(crate) fn begin_batch(&mut self) {
        self.lookups = self.known.now();
    }

    pub(crate) fn lookups(&self) -> Arc<Lookups> {
        Arc::clone(&self.lookups)
    }

    /// Whether a change makes rows.
    pub(crate) fn takes(&self, change: &Change<'_>) -> bool {
        match change {
            Change::Case { .. } => self.events.is_wanted() || self.flattened.is_wanted(),
            Change::Item { .. } => self.items.is_wanted(),
        }
    }

    /// Whether audit events make rows.
    pub(crate) fn takes_audit(&self) -> bool {
        self.changes.is_wanted()
    }

    /// Appends the rows of an event that happened `at`; its key.
    pub(crate) fn push_event(
        &mut self,
        event: &Event<'_>,
        (at, read_at): (Timestamp, Timestamp),
        owner: u32,
        unknown: &mut Unknown,
    ) -> RowKey {
        match &event.change {
            Change::Case { case, changed, fields } => {
                let state = event_rows::State::read(*case, fields.as_deref(), &self.lookups, &self.masks, unknown);
                if let Some(columns) = self.events.columns() {
                    event_rows::push(columns, owner, event, &state, changed.as_deref(), (at, read_at));
                }
                if let Some(columns) = self.flattened.columns() {
                    event_rows::push_flattened(columns, owner, event, &state, at);
                }
            }
            Change::Item { item, id } => {
                let content = item_rows::Content::read(*item, &self.lookups, &self.masks, unknown);
                if let Some(columns) = self.items.columns() {
                    item_rows::push(columns, owner, event, *id, &content, (at, read_at));
                }
            }
        }
        case_event_key(event.instance_id, event.id, at, &mut Vec::new())
    }

    /// Appends the rows of an audit event that happened `at`; its key.
    pub(crate) fn push_audit(
        &mut self,
        event: &AuditEvent<'_>,
        (at, read_at): (Timestamp, Timestamp),
        owner: u32,
        unknown: &mut Unknown,
    ) -> RowKey {
        if let Some(columns) = self.changes.columns() {
            audit_rows::push(columns, owner, event, (&self.lookups, &self.masks), (at, read_at), unknown);
        }
        field_change_key(event.domain_id, event.case_id, event.id, at, &mut Vec::new())
    }

    /// The rows of each table with their owners; empty again afterwards.
    pub(crate) fn finish(&mut self) -> Result<Vec<(TableBatch, Vec<u32>)>, ArrowError> {
        let all = [&mut self.events, &mut self.items, &mut self.flattened, &mut self.changes];
        all.into_iter().filter_map(|table| table.finish().transpose()).collect()
    }
}

/// Counts names that a look-up lacks: they are null in the rows.
pub(crate) fn count_missing(unknown: &mut BTreeMap<Box<str>, u64>, which: &str) {
    *unknown.entry(format!("lookup.{which}").into_boxed_str()).or_default() += 1;
}
