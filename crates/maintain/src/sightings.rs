//! Rows of `agent_event` as sightings of agents.

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ListArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use tributary_connect::agent_time::{AssignmentSeen, ContactSeen, EventKind, LEVELS, Sighting, StatusSeen};
use tributary_core::{Key, Timestamp};

use crate::error::Error;

/// The columns that tell of time.
pub(crate) const COLUMNS: [&str; 11 + 1 + LEVELS] = [
    "instance_id",
    "aws_account_id",
    "agent_arn",
    "event_id",
    "event_timestamp",
    "event_type",
    "current_agent_status_arn",
    "current_agent_status_name",
    "current_agent_status_start_timestamp",
    "current_agent_status_type",
    "current_contacts",
    "current_routing_profile_arn",
    "current_agent_hierarchy_groups_level_1_arn",
    "current_agent_hierarchy_groups_level_2_arn",
    "current_agent_hierarchy_groups_level_3_arn",
    "current_agent_hierarchy_groups_level_4_arn",
    "current_agent_hierarchy_groups_level_5_arn",
];

/// A batch of them, its columns at hand.
pub(crate) struct Rows {
    pub(crate) batch: RecordBatch,
    pub(crate) instance_id: StringArray,
    pub(crate) account_id: StringArray,
    pub(crate) agent_arn: StringArray,
    pub(crate) event_id: StringArray,
    pub(crate) timestamp: TimestampMicrosecondArray,
    event_type: StringArray,
    status_arn: StringArray,
    status_name: StringArray,
    status_since: TimestampMicrosecondArray,
    status_type: StringArray,
    contacts: Contacts,
    profile: StringArray,
    groups: [StringArray; LEVELS],
}

struct Contacts {
    lists: ListArray,
    id: StringArray,
    initial: StringArray,
    channel: StringArray,
    method: StringArray,
    state: StringArray,
    since: TimestampMicrosecondArray,
    connected: TimestampMicrosecondArray,
    queued: TimestampMicrosecondArray,
    queue_arn: StringArray,
    queue_name: StringArray,
}

impl Rows {
    /// The columns of a batch that was read from `key`.
    pub(crate) fn new(key: &Key, batch: &RecordBatch) -> Result<Self, Error> {
        let missing = |column: &'static str| Error::Column { key: key.clone(), column };
        let text = |column: &'static str| {
            let array = batch.column_by_name(column).and_then(|array| array.as_string_opt::<i32>());
            array.cloned().ok_or_else(|| missing(column))
        };
        let moment = |column: &'static str| {
            let array = batch.column_by_name(column);
            let array = array.and_then(|array| array.as_primitive_opt::<TimestampMicrosecondType>());
            array.cloned().ok_or_else(|| missing(column))
        };
        Ok(Self {
            batch: batch.clone(),
            instance_id: text(COLUMNS[0])?,
            account_id: text(COLUMNS[1])?,
            agent_arn: text(COLUMNS[2])?,
            event_id: text(COLUMNS[3])?,
            timestamp: moment(COLUMNS[4])?,
            event_type: text(COLUMNS[5])?,
            status_arn: text(COLUMNS[6])?,
            status_name: text(COLUMNS[7])?,
            status_since: moment(COLUMNS[8])?,
            status_type: text(COLUMNS[9])?,
            contacts: Contacts::new(batch).ok_or_else(|| missing(COLUMNS[10]))?,
            profile: text(COLUMNS[11])?,
            groups: [
                text(COLUMNS[12])?,
                text(COLUMNS[13])?,
                text(COLUMNS[14])?,
                text(COLUMNS[15])?,
                text(COLUMNS[16])?,
            ],
        })
    }

    /// How many rows.
    pub(crate) fn len(&self) -> usize {
        self.event_id.len()
    }

    /// When the event of a row happened; with `early_seconds`, before May 2019 without its milliseconds.
    pub(crate) fn moment(&self, row: usize, early_seconds: bool) -> Timestamp {
        let at = Timestamp::from_micros(self.timestamp.value(row)); // a row has a day
        if early_seconds { settled(at) } else { at }
    }

    /// The event of a row; with `early_seconds`, moments before May 2019 without their milliseconds.
    pub(crate) fn sighting(&self, row: usize, early_seconds: bool) -> Sighting<'_> {
        let moment = |array: &TimestampMicrosecondArray, at: usize| {
            moment(array, at).map(|moment| if early_seconds { settled(moment) } else { moment })
        };
        let status = StatusSeen {
            arn: text(&self.status_arn, row),
            name: text(&self.status_name, row),
            kind: text(&self.status_type, row),
            since: moment(&self.status_since, row),
        };
        let is_there = status.arn.is_some() || status.name.is_some() || status.since.is_some();
        let assignment = AssignmentSeen {
            profile: text(&self.profile, row),
            groups: self.groups.each_ref().map(|groups| text(groups, row)),
        };
        let is_assigned = assignment.profile.is_some() || assignment.groups.iter().any(Option::is_some);
        Sighting {
            at: self.moment(row, early_seconds),
            event_id: self.event_id.value(row),
            kind: EventKind::of(text(&self.event_type, row).unwrap_or_default()),
            status: is_there.then_some(status),
            contacts: self.contacts.of(row, &moment),
            assignment: is_assigned.then_some(assignment),
        }
    }
}

impl Contacts {
    fn new(batch: &RecordBatch) -> Option<Self> {
        let lists = batch.column_by_name(COLUMNS[10])?.as_list_opt::<i32>()?.clone();
        let elements = lists.values().as_struct_opt()?;
        let queue = elements.column_by_name("queue")?.as_struct_opt()?;
        let text = |name| elements.column_by_name(name)?.as_string_opt::<i32>().cloned();
        let moment = |name| elements.column_by_name(name)?.as_primitive_opt::<TimestampMicrosecondType>().cloned();
        let queue_text = |name| queue.column_by_name(name)?.as_string_opt::<i32>().cloned();
        Some(Self {
            id: text("contact_id")?,
            initial: text("initial_contact_id")?,
            channel: text("channel")?,
            method: text("initiation_method")?,
            state: text("state")?,
            since: moment("state_start_timestamp")?,
            connected: moment("connected_to_agent_timestamp")?,
            queued: moment("queue_timestamp")?,
            queue_arn: queue_text("arn")?,
            queue_name: queue_text("name")?,
            lists,
        })
    }

    /// Those of a row.
    fn of(
        &self,
        row: usize,
        moment: &impl Fn(&TimestampMicrosecondArray, usize) -> Option<Timestamp>,
    ) -> Option<Vec<ContactSeen<'_>>> {
        if self.lists.is_null(row) {
            return None;
        }
        let offsets = self.lists.value_offsets();
        // Arrow's offsets are not negative.
        let contact = |at: usize| {
            Some(ContactSeen {
                id: text(&self.id, at)?,
                initial: text(&self.initial, at),
                channel: text(&self.channel, at),
                method: text(&self.method, at),
                state: text(&self.state, at),
                since: moment(&self.since, at),
                connected: moment(&self.connected, at),
                queued: moment(&self.queued, at),
                queue_arn: text(&self.queue_arn, at),
                queue_name: text(&self.queue_name, at),
            })
        };
        Some((offsets[row] as usize..offsets[row + 1] as usize).filter_map(contact).collect())
    }
}

fn text(array: &StringArray, at: usize) -> Option<&str> {
    array.is_valid(at).then(|| array.value(at))
}

fn moment(array: &TimestampMicrosecondArray, at: usize) -> Option<Timestamp> {
    array.is_valid(at).then(|| Timestamp::from_micros(array.value(at)))
}

/// 2019-05-01: from then on the milliseconds are real. Source: Amazon Connect release notes, May 2019.
const REAL_MILLIS: Timestamp = Timestamp::from_micros(1_556_668_800_000_000);

/// Before May 2019 the seconds were repeated in the fraction: `18:55:27.027Z`.
fn settled(moment: Timestamp) -> Timestamp {
    match moment < REAL_MILLIS {
        true => Timestamp::from_micros(moment.micros().div_euclid(1_000_000) * 1_000_000),
        false => moment,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_real_from_may_2019_on() {
        let after = |start: i64| settled(Timestamp::from_micros(start + 27_027_000)).micros() - start;
        assert_eq!(after(REAL_MILLIS.micros() - 3_600_000_000), 27_000_000);
        assert_eq!(after(REAL_MILLIS.micros()), 27_027_000);
        assert_eq!(after(-86_400_000_000), 27_000_000);
    }
}
