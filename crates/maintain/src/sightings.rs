//! Rows of `agent_event` as sightings of agents.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMicrosecondType, UInt32Type, UInt64Type};
use arrow_array::{
    Array, ArrayRef, Int32Array, ListArray, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array,
    UInt64Array,
};
use arrow_schema::{Field, Schema};
use tributary_connect::agent_time::{
    AssignmentSeen, ContactSeen, Digester, EventKind, LEVELS, Link, PAIRED, Sighting, StatusSeen, Whole,
};
use tributary_core::{Key, Timestamp};

use crate::error::Error;
use crate::news::Told;

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

/// Columns that links and origins are kept in.
const KEPT: [&str; 4] = ["previous_link", "current_link", "origin_group", "origin_row"];

/// The columns that hardly repeat a string.
pub(crate) const DISTINCT: [&str; 1] = ["event_id"];

/// The columns to be read: with `links` also those that the two snapshots are compared by.
pub(crate) fn columns(links: bool) -> Vec<String> {
    let mut columns: Vec<String> = COLUMNS.iter().map(|name| (*name).to_owned()).collect();
    for name in paired().into_iter().filter(|_| links) {
        if !columns.contains(&name) {
            columns.push(name);
        }
    }
    columns
}

/// The columns that snapshots are compared by.
pub(crate) fn paired() -> Vec<String> {
    PAIRED.iter().flat_map(|name| [format!("current_{name}"), format!("previous_{name}")]).collect()
}

/// The columns of a batch that tell of time, without those that were read to be compared.
fn narrowed(key: &Key, batch: &RecordBatch) -> Result<RecordBatch, Error> {
    let schema = batch.schema();
    let places =
        COLUMNS.iter().map(|name| schema.index_of(name).map_err(|_| Error::Column { key: key.clone(), column: name }));
    batch.project(&places.collect::<Result<Vec<_>, _>>()?).map_err(Error::Rows)
}

/// A batch of them, its columns at hand.
pub(crate) struct Rows {
    batch: RecordBatch,
    pub(crate) instance_id: Strings,
    pub(crate) account_id: Strings,
    pub(crate) agent_arn: Strings,
    pub(crate) event_id: Strings,
    pub(crate) timestamp: TimestampMicrosecondArray,
    event_type: Strings,
    status_arn: Strings,
    status_name: Strings,
    status_since: TimestampMicrosecondArray,
    status_type: Strings,
    contacts: Contacts,
    profile: Strings,
    groups: [Strings; LEVELS],
    /// How the snapshots hang together, where that was asked for.
    links: Option<(Vec<Link>, Origins)>,
}

/// Where a row lies in the lake: a row group that was given a number, and the row of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Origin {
    pub(crate) group: u32,
    pub(crate) row: u32,
}

/// Those of a batch.
pub(crate) enum Origins {
    /// They follow one another in one row group, from this row on.
    From { group: u32, row: u32 },
    /// As they come from the spool.
    Kept { groups: UInt32Array, rows: UInt32Array },
}

impl Origins {
    fn of(&self, at: usize) -> Origin {
        match self {
            Self::From { group, row } => Origin { group: *group, row: row + at as u32 }, // row groups have fewer than 2^32
            Self::Kept { groups, rows } => Origin { group: groups.value(at), row: rows.value(at) },
        }
    }
}

/// A column of strings, coded or not.
pub(crate) struct Strings {
    keys: Option<Int32Array>,
    values: StringArray,
}

impl Strings {
    fn of(array: &ArrayRef) -> Option<Self> {
        match array.as_dictionary_opt::<Int32Type>() {
            Some(coded) => {
                Some(Self { keys: Some(coded.keys().clone()), values: coded.values().as_string_opt()?.clone() })
            }
            None => Some(Self { keys: None, values: array.as_string_opt()?.clone() }),
        }
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.keys.as_ref().map_or_else(|| self.values.len(), Array::len)
    }

    /// The string of a row, if it has one.
    pub(crate) fn get(&self, row: usize) -> Option<&str> {
        let at = match &self.keys {
            Some(keys) if keys.is_null(row) => return None,
            Some(keys) => keys.value(row) as usize, // arrow has checked that keys are places
            None => row,
        };
        self.values.is_valid(at).then(|| self.values.value(at))
    }

    /// The string of a row that has one.
    pub(crate) fn value(&self, row: usize) -> &str {
        self.get(row).unwrap_or_default()
    }
}

struct Contacts {
    lists: ListArray,
    id: Strings,
    initial: Strings,
    channel: Strings,
    method: Strings,
    state: Strings,
    since: TimestampMicrosecondArray,
    connected: TimestampMicrosecondArray,
    queued: TimestampMicrosecondArray,
    queue_arn: Strings,
    queue_name: Strings,
}

impl Rows {
    /// A batch that was read from `key` with the columns that its snapshots are compared by.
    pub(crate) fn linked(
        key: &Key,
        batch: &RecordBatch,
        digester: &mut Digester,
        origins: Origins,
    ) -> Result<Self, Error> {
        let missing = || Error::Column { key: key.clone(), column: "a column of a snapshot" };
        let links = digester.links(batch).ok_or_else(missing)?;
        Ok(Self::read(key, batch)?.with_links(links, origins))
    }

    /// A batch that was read from `key`, whatever else it has: rows of one run have the same columns in the same order.
    pub(crate) fn read(key: &Key, batch: &RecordBatch) -> Result<Self, Error> {
        Self::new(key, &narrowed(key, batch)?)
    }

    /// With a link for each row.
    pub(crate) fn with_links(self, links: Vec<Link>, origins: Origins) -> Self {
        Self { links: Some((links, origins)), ..self }
    }

    /// The columns to be kept on the spool: [`new`](Self::new) makes the same of them.
    pub(crate) fn to_batch(&self) -> Result<RecordBatch, Error> {
        let Some((links, origins)) = &self.links else { return Ok(self.batch.clone()) };
        let (mut fields, mut columns) = (self.batch.schema().fields().to_vec(), self.batch.columns().to_vec());
        let origin = |at: usize| origins.of(at);
        let kept: [ArrayRef; 4] = [
            Arc::new(links.iter().map(|link| Some(link.previous.bits())).collect::<UInt64Array>()),
            Arc::new(links.iter().map(|link| Some(link.current.bits())).collect::<UInt64Array>()),
            Arc::new((0..links.len()).map(|at| Some(origin(at).group)).collect::<UInt32Array>()),
            Arc::new((0..links.len()).map(|at| Some(origin(at).row)).collect::<UInt32Array>()),
        ];
        for (name, array) in KEPT.into_iter().zip(kept) {
            fields.push(Arc::new(Field::new(name, array.data_type().clone(), false)));
            columns.push(array);
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(Error::Rows)
    }

    /// The columns of a batch that was read from `key`.
    pub(crate) fn new(key: &Key, batch: &RecordBatch) -> Result<Self, Error> {
        let missing = |column: &'static str| Error::Column { key: key.clone(), column };
        let text =
            |column: &'static str| batch.column_by_name(column).and_then(Strings::of).ok_or_else(|| missing(column));
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
            links: kept_links(batch),
            groups: [
                text(COLUMNS[12])?,
                text(COLUMNS[13])?,
                text(COLUMNS[14])?,
                text(COLUMNS[15])?,
                text(COLUMNS[16])?,
            ],
        })
    }

    /// The type of a row's event.
    pub(crate) fn event_type(&self, row: usize) -> Option<&str> {
        self.event_type.get(row)
    }

    /// Its kind.
    pub(crate) fn kind(&self, row: usize) -> EventKind {
        EventKind::of(self.event_type(row).unwrap_or_default())
    }

    /// What a row's event tells, as far as it hangs on what was told before.
    pub(crate) fn told(&self, row: usize, early_seconds: bool) -> Told {
        let is_full =
            self.status_since.is_valid(row) && self.profile.get(row).is_some() && self.contacts.lists.is_valid(row);
        Told { at: self.moment(row, early_seconds), kind: self.kind(row), is_full }
    }

    /// The snapshots of a row's event, and where it lies, where that was asked for.
    pub(crate) fn link(&self, row: usize) -> Option<(Link, Origin)> {
        let (links, origins) = self.links.as_ref()?;
        Some((*links.get(row)?, origins.of(row)))
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

    /// That the event of a row came, without its snapshot; with `early_seconds` as [`sighting`](Self::sighting).
    pub(crate) fn sign_of_life(&self, row: usize, early_seconds: bool) -> Sighting<'_> {
        Sighting {
            at: self.moment(row, early_seconds),
            event_id: self.event_id.value(row),
            kind: self.kind(row),
            status: None,
            contacts: None,
            assignment: None,
        }
    }

    /// The event of a row; with `early_seconds`, moments before May 2019 without their milliseconds.
    pub(crate) fn sighting(&self, row: usize, early_seconds: bool) -> Sighting<'_> {
        let moment = |array: &TimestampMicrosecondArray, at: usize| {
            moment(array, at).map(|moment| if early_seconds { settled(moment) } else { moment })
        };
        let status = StatusSeen {
            arn: self.status_arn.get(row),
            name: self.status_name.get(row),
            kind: self.status_type.get(row),
            since: moment(&self.status_since, row),
        };
        let is_there = status.arn.is_some() || status.name.is_some() || status.since.is_some();
        let assignment = AssignmentSeen {
            profile: self.profile.get(row),
            groups: self.groups.each_ref().map(|groups| groups.get(row)),
        };
        let is_assigned = assignment.profile.is_some() || assignment.groups.iter().any(Option::is_some);
        Sighting {
            at: self.moment(row, early_seconds),
            event_id: self.event_id.value(row),
            kind: self.kind(row),
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
        let text = |name| Strings::of(elements.column_by_name(name)?);
        let moment = |name| elements.column_by_name(name)?.as_primitive_opt::<TimestampMicrosecondType>().cloned();
        let queue_text = |name| Strings::of(queue.column_by_name(name)?);
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
                id: self.id.get(at)?,
                initial: self.initial.get(at),
                channel: self.channel.get(at),
                method: self.method.get(at),
                state: self.state.get(at),
                since: moment(&self.since, at),
                connected: moment(&self.connected, at),
                queued: moment(&self.queued, at),
                queue_arn: self.queue_arn.get(at),
                queue_name: self.queue_name.get(at),
            })
        };
        Some((offsets[row] as usize..offsets[row + 1] as usize).filter_map(contact).collect())
    }
}

fn moment(array: &TimestampMicrosecondArray, at: usize) -> Option<Timestamp> {
    array.is_valid(at).then(|| Timestamp::from_micros(array.value(at)))
}

/// How the snapshots hang together, where a batch from the spool tells it.
fn kept_links(batch: &RecordBatch) -> Option<(Vec<Link>, Origins)> {
    let hashes = |name: &str| batch.column_by_name(name)?.as_primitive_opt::<UInt64Type>().cloned();
    let places = |name: &str| batch.column_by_name(name)?.as_primitive_opt::<UInt32Type>().cloned();
    let (previous, current) = (hashes(KEPT[0])?, hashes(KEPT[1])?);
    let link = |(previous, current): (&u64, &u64)| Link {
        previous: Whole::from_bits(*previous),
        current: Whole::from_bits(*current),
    };
    let links = previous.values().iter().zip(current.values()).map(link).collect();
    Some((links, Origins::Kept { groups: places(KEPT[2])?, rows: places(KEPT[3])? }))
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
