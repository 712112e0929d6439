//! Lines of flow logs and events of contacts, read back out of the lake.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ListArray, MapArray, PrimitiveArray, RecordBatch, StringArray};
use tributary_connect::flow::{Block, ContactFacts, ContactLog, Happening, Lane, Said};
use tributary_core::{Day, Key, Timestamp};
use twox_hash::XxHash3_64;

use super::OpenFor;
use crate::error::Error;

/// What executions need of a line.
pub(super) const LINE: [&str; 14] = [
    "instance_id",
    "contact_id",
    "event_timestamp",
    "event_id",
    "instance_arn",
    "aws_account_id",
    "flow_resource_id",
    "module_resource_id",
    "resource_version",
    "block_type",
    "block_id",
    "parameters",
    "results",
    "module_stack",
];

/// What they need of an event.
pub(super) const EVENT: [&str; 10] = [
    "instance_id",
    "contact_id",
    "event_timestamp",
    "event_type",
    "channel",
    "sub_type",
    "initiation_method",
    "queue_id",
    "queue_arn",
    "disconnect_timestamp",
];

/// What they need of a contact in an agent's snapshot.
pub(super) const AGENT: [&str; 3] = ["instance_id", "contact_id", "channel"];

/// What tells a contact.
pub(super) const WHO: [&str; 2] = ["instance_id", "contact_id"];

/// A contact by 64 bits of its instance and its id.
pub(super) fn hash(instance_id: &str, contact_id: &str) -> u64 {
    let mut text = Vec::with_capacity(instance_id.len() + contact_id.len() + 1);
    text.extend_from_slice(instance_id.as_bytes());
    text.push(0);
    text.extend_from_slice(contact_id.as_bytes());
    XxHash3_64::oneshot(&text)
}

/// Which contacts are looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// These; all of them without a list.
    pub(super) listed: Option<Arc<HashSet<u64>>>,
    /// Of those the ones whose hashes leave this rest ...
    pub(super) turn: u64,
    /// ... when they are divided by this; 0 and 1 leave none out.
    pub(super) turns: u64,
}

impl Wanted {
    pub(super) fn has(&self, hash: u64) -> bool {
        (self.turns < 2 || hash % self.turns == self.turn)
            && self.listed.as_ref().is_none_or(|listed| listed.contains(&hash))
    }
}

/// Contacts by instance and id.
pub(super) type Contacts = HashMap<(Box<str>, Box<str>), Known>;

/// What is known of a contact so far.
#[derive(Debug, Default)]
pub(super) struct Known {
    blocks: Vec<Block>,
    events: Vec<Event>,
    instance_arn: Option<Box<str>>,
    account_id: Option<Box<str>>,
    /// What agents' snapshots of a day say of its channel.
    agents: BTreeMap<Day, Arc<str>>,
}

/// What an event says of a contact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    at: Timestamp,
    happening: Option<Happening>,
    channel: Option<Arc<str>>,
    sub_type: Option<Arc<str>>,
    initiation_method: Option<Arc<str>>,
}

/// What a contact did between two long silences.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// How long an execution of it is waited for.
    pub(super) open_for: Duration,
    pub(super) log: ContactLog,
    pub(super) facts: ContactFacts,
}

impl Known {
    /// When lines and events were heard, in order.
    fn moments(&self) -> Vec<Heard> {
        let line = |block: &Block| Heard { at: block.at, is_line: true, says_channel: false, is_task: false };
        let event = |event: &Event| Heard {
            at: event.at,
            is_line: false,
            says_channel: event.channel.is_some(),
            is_task: event.channel.as_deref() == Some("TASK"),
        };
        let mut moments: Vec<Heard> = self.blocks.iter().map(line).chain(self.events.iter().map(event)).collect();
        moments.sort_unstable();
        moments
    }

    /// Whether something that is heard at `next` belongs to what was heard last.
    pub(super) fn goes_on(&self, next: Timestamp, open_for: OpenFor) -> bool {
        let moments = self.moments();
        let last = parts_of(&moments, open_for).pop();
        last.is_some_and(|part| part.last().is_some_and(|last| !is_long((last.at, next), silence_of(part, open_for))))
    }

    /// Whether an agent's snapshot of the day may have to say the channel: from the first line on something was heard of the
    /// contact on that day or so many before, and no event of it, between two long silences, says the channel. So it is no task
    /// that is known to be one.
    pub(super) fn asks_agents(&self, day: Day, open_for: OpenFor) -> bool {
        let from = day.days().saturating_sub(days_of(open_for.usual));
        let moments = self.moments();
        parts_of(&moments, open_for).into_iter().any(|part| {
            let is_near = from_a_line(part).any(|at| (from..=day.days()).contains(&at.day().days()));
            is_near && !part.iter().any(|heard| heard.says_channel)
        })
    }

    /// The contact, cut where nothing is heard of it for so long: what comes later is another beginning.
    pub(super) fn parts(mut self, open_for: OpenFor) -> Vec<Part> {
        self.blocks.sort_by_key(|block| block.at);
        self.events.sort();
        let moments = self.moments();
        let heard = parts_of(&moments, open_for);
        let ends = heard.iter().skip(1).map(|part| part.first().map(|first| first.at)).chain([None]);
        let (mut blocks, mut events) = (self.blocks.into_iter().peekable(), self.events.into_iter().peekable());
        let mut parts = Vec::with_capacity(heard.len());
        for (heard, end) in heard.iter().zip(ends) {
            let is_before = |at: Timestamp| end.is_none_or(|end| at < end);
            let mut part = Part { open_for: silence_of(heard, open_for), ..Part::default() };
            part.facts.instance_arn.clone_from(&self.instance_arn);
            part.facts.account_id.clone_from(&self.account_id);
            while let Some(block) = blocks.next_if(|block| is_before(block.at)) {
                part.log.blocks.push(block);
            }
            while let Some(event) = events.next_if(|event| is_before(event.at)) {
                part.take(event);
            }
            if part.facts.channel.is_none() {
                let days = from_a_line(heard).map(Timestamp::day);
                part.facts.channel = channel_of(&self.agents, days, days_of(open_for.usual));
            }
            parts.push(part);
        }
        parts
    }
}

/// A line or an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Heard {
    at: Timestamp,
    is_line: bool,
    says_channel: bool,
    is_task: bool,
}

/// What was heard, cut where nothing was heard for longer than an execution is waited for: of a task, once an event has said
/// that it is one, longer than of others.
fn parts_of(heard: &[Heard], open_for: OpenFor) -> Vec<&[Heard]> {
    let (mut parts, mut begin, mut is_task) = (Vec::new(), 0, false);
    for place in 0..heard.len() {
        if place > 0 && is_long((heard[place - 1].at, heard[place].at), open_for.of(is_task)) {
            parts.push(&heard[begin..place]);
            (begin, is_task) = (place, false);
        }
        is_task |= heard[place].is_task;
    }
    parts.push(&heard[begin..]);
    parts.retain(|part| !part.is_empty());
    parts
}

/// How long an execution of a part is waited for, as far as it is known.
fn silence_of(part: &[Heard], open_for: OpenFor) -> Duration {
    open_for.of(part.iter().any(|heard| heard.is_task))
}

/// The moments of the first line and of all that follows.
fn from_a_line(heard: &[Heard]) -> impl Iterator<Item = Timestamp> {
    heard.iter().skip_while(|heard| !heard.is_line).map(|heard| heard.at)
}

fn is_long((one, next): (Timestamp, Timestamp), silence: Duration) -> bool {
    let silence = i64::try_from(silence.as_micros()).unwrap_or(i64::MAX);
    next.micros().saturating_sub(one.micros()) >= silence
}

/// In so many days a silence ends.
pub(super) fn days_of(silence: Duration) -> i32 {
    i32::try_from(silence.as_secs().div_ceil(86_400)).unwrap_or(i32::MAX)
}

/// What the first snapshot says from the first of these days to so many after the last of them.
fn channel_of(agents: &BTreeMap<Day, Arc<str>>, heard: impl Iterator<Item = Day>, after: i32) -> Option<Box<str>> {
    let (first, last) = heard.fold(None, |range: Option<(Day, Day)>, day| {
        let (first, last) = range.unwrap_or((day, day));
        Some((first.min(day), last.max(day)))
    })?;
    let mut said = agents.range(first..).take_while(|(day, _)| day.days() <= last.days().saturating_add(after));
    said.next().map(|(_, channel)| (**channel).into())
}

impl Part {
    /// Takes an event into account: of those that say something, the first one counts.
    fn take(&mut self, event: Event) {
        let Event { at, happening, channel, sub_type, initiation_method } = event;
        self.log.happenings.extend(happening.map(|happening| (at, happening)));
        let facts = &mut self.facts;
        let places = [
            (&mut facts.channel, channel),
            (&mut facts.sub_type, sub_type),
            (&mut facts.initiation_method, initiation_method),
        ];
        for (place, said) in places {
            if place.is_none() {
                *place = said.map(|said| (*said).into());
            }
        }
    }
}

/// Texts and lanes that come again and again, each kept once.
#[derive(Debug, Default)]
pub(super) struct Shared {
    lanes: HashSet<Arc<Lane>>,
    texts: HashSet<Arc<str>>,
}

impl Shared {
    fn lane(&mut self, lane: Lane) -> Arc<Lane> {
        if let Some(lane) = self.lanes.get(&lane) {
            return Arc::clone(lane);
        }
        let lane = Arc::new(lane);
        self.lanes.insert(Arc::clone(&lane));
        lane
    }

    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(text) = self.texts.get(text) {
            return Arc::clone(text);
        }
        let text: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&text));
        text
    }
}

/// The columns of a batch.
struct Batch<'b> {
    batch: &'b RecordBatch,
    file: &'b Key,
}

impl<'b> Batch<'b> {
    fn text(&self, column: &'static str) -> Result<&'b StringArray, Error> {
        let array = self.batch.column_by_name(column).and_then(|array| array.as_string_opt::<i32>());
        array.ok_or_else(|| Error::Column { key: self.file.clone(), column })
    }

    fn moments(&self, column: &'static str) -> Result<&'b PrimitiveArray<TimestampMicrosecondType>, Error> {
        let array = self.batch.column_by_name(column).and_then(|array| array.as_primitive_opt());
        array.ok_or_else(|| Error::Column { key: self.file.clone(), column })
    }

    fn map(&self, column: &'static str) -> Result<&'b MapArray, Error> {
        let array = self.batch.column_by_name(column).and_then(|array| array.as_map_opt());
        array.ok_or_else(|| Error::Column { key: self.file.clone(), column })
    }

    fn list(&self, column: &'static str) -> Result<&'b ListArray, Error> {
        let array = self.batch.column_by_name(column).and_then(|array| array.as_list_opt());
        array.ok_or_else(|| Error::Column { key: self.file.clone(), column })
    }
}

/// Calls `each` with the hash of the contact of each row that has one.
pub(super) fn contacts(batch: &RecordBatch, file: &Key, mut each: impl FnMut(usize, u64)) -> Result<(), Error> {
    let batch = Batch { batch, file };
    let (instances, contacts) = (batch.text("instance_id")?, batch.text("contact_id")?);
    for row in (0..contacts.len()).filter(|row| contacts.is_valid(*row)) {
        each(row, hash(instances.value(row), contacts.value(row)));
    }
    Ok(())
}

/// Calls `each` with the hash of the contact of each row, and the channel if there is one.
pub(super) fn channels(
    batch: &RecordBatch,
    file: &Key,
    mut each: impl FnMut(u64, (&str, &str), Option<&str>),
) -> Result<(), Error> {
    let batch = Batch { batch, file };
    let [instances, contacts, channels] = try_map(AGENT, |column| batch.text(column))?;
    for row in (0..contacts.len()).filter(|row| contacts.is_valid(*row)) {
        // Lines and events have it in lower case.
        let (instance, contact) = (instances.value(row), contacts.value(row).to_ascii_lowercase());
        each(hash(instance, &contact), (instance, &contact), value(channels, row));
    }
    Ok(())
}

/// Takes what agents' snapshots of a day say of channels into account, for the contacts of these hashes.
pub(super) fn agents(
    batch: &RecordBatch,
    (file, day): (&Key, Day),
    asking: &HashSet<u64>,
    known: &mut Contacts,
    shared: &mut Shared,
) -> Result<(), Error> {
    channels(batch, file, |hash, (instance, contact), channel| {
        let (Some(channel), true) = (channel, asking.contains(&hash)) else { return };
        let Some(known) = known.get_mut(&(instance.into(), contact.into())) else { return };
        let channel = shared.text(as_events_say(channel));
        let said = known.agents.entry(day).or_insert_with(|| Arc::clone(&channel));
        // Whatever the order of the rows.
        if channel < *said {
            *said = channel;
        }
    })
}

/// Agents' snapshots have written a channel in two ways.
pub(super) fn as_events_say(channel: &str) -> &str {
    if channel == "TASKS" { "TASK" } else { channel }
}

fn value(array: &StringArray, row: usize) -> Option<&str> {
    array.is_valid(row).then(|| array.value(row))
}

/// Takes the lines of a batch into account.
pub(super) fn lines(
    batch: &RecordBatch,
    file: &Key,
    wanted: &Wanted,
    known: &mut Contacts,
    shared: &mut Shared,
) -> Result<(), Error> {
    let batch = Batch { batch, file };
    let texts = ["instance_id", "contact_id", "event_id", "instance_arn", "aws_account_id", "flow_resource_id"];
    let [instances, contacts, ids, arns, accounts, flows] = try_map(texts, |column| batch.text(column))?;
    let texts = ["module_resource_id", "resource_version", "block_type", "block_id", "results"];
    let [modules, versions, kinds, blocks, results] = try_map(texts, |column| batch.text(column))?;
    let (moments, parameters, stacks) =
        (batch.moments("event_timestamp")?, batch.map("parameters")?, batch.list("module_stack")?);
    for row in (0..contacts.len()).filter(|row| contacts.is_valid(*row)) {
        if !wanted.has(hash(instances.value(row), contacts.value(row))) {
            continue;
        }
        let lane = Lane {
            flow: value(flows, row).map(Into::into),
            module: value(modules, row).map(Into::into),
            stack: stack(stacks, row),
        };
        let lane = shared.lane(lane);
        let said = Said {
            kind: value(kinds, row),
            identifier: value(blocks, row),
            results: value(results, row),
            version: value(versions, row),
        };
        let at = Timestamp::from_micros(moments.value(row));
        let entries = entries(parameters, row);
        let block = Block::new((at, ids.value(row)), lane, said, entries.iter().map(|(key, value)| (*key, *value)));
        let contact = known.entry((instances.value(row).into(), contacts.value(row).into())).or_default();
        contact.blocks.push(block);
        contact.instance_arn = contact.instance_arn.take().or_else(|| value(arns, row).map(Into::into));
        contact.account_id = contact.account_id.take().or_else(|| value(accounts, row).map(Into::into));
    }
    Ok(())
}

fn stack(stacks: &ListArray, row: usize) -> Vec<Arc<str>> {
    if stacks.is_null(row) {
        return Vec::new();
    }
    let arns = stacks.value(row);
    let arns = arns.as_string_opt::<i32>().into_iter().flatten().flatten();
    arns.map(Into::into).collect()
}

fn entries(map: &MapArray, row: usize) -> Vec<(&str, &str)> {
    let offsets = map.value_offsets();
    let (Some(keys), Some(values)) = (map.keys().as_string_opt::<i32>(), map.values().as_string_opt::<i32>()) else {
        return Vec::new();
    };
    // Arrow's offsets are not negative.
    let range = offsets[row] as usize..offsets[row + 1] as usize;
    if map.is_null(row) {
        return Vec::new();
    }
    range.filter(|at| values.is_valid(*at)).map(|at| (keys.value(at), values.value(at))).collect()
}

fn try_map<const N: usize, T: Copy, U>(items: [T; N], of: impl Fn(T) -> Result<U, Error>) -> Result<[U; N], Error> {
    let all = items.iter().map(|item| of(*item)).collect::<Result<Vec<U>, Error>>()?;
    // As many as there were.
    all.try_into().map_err(|_| Error::Marks { reason: "columns went missing" })
}

/// Takes the events of a batch into account.
pub(super) fn events(
    batch: &RecordBatch,
    file: &Key,
    wanted: &Wanted,
    known: &mut Contacts,
    shared: &mut Shared,
) -> Result<(), Error> {
    let batch = Batch { batch, file };
    let texts = ["instance_id", "contact_id", "event_type", "queue_id", "queue_arn"];
    let [instances, contacts, kinds, queues, queue_arns] = try_map(texts, |column| batch.text(column))?;
    let [channels, sub_types, methods] =
        try_map(["channel", "sub_type", "initiation_method"], |column| batch.text(column))?;
    let (moments, ends) = (batch.moments("event_timestamp")?, batch.moments("disconnect_timestamp")?);
    for row in 0..contacts.len() {
        if !wanted.has(hash(instances.value(row), contacts.value(row))) {
            continue;
        }
        let happening = match kinds.value(row) {
            "QUEUED" => Some(Happening::Queued {
                queue: value(queues, row).map(Into::into),
                is_agents: value(queue_arns, row).is_some_and(|arn| arn.contains("/queue/agent/")),
            }),
            "CONNECTED_TO_AGENT" => Some(Happening::Connected),
            "DISCONNECTED" => Some(Happening::Disconnected),
            _ => None,
        };
        let mut text = |column: &StringArray| value(column, row).map(|text| shared.text(text));
        let event = Event {
            at: Timestamp::from_micros(moments.value(row)),
            happening,
            channel: text(channels),
            sub_type: text(sub_types),
            initiation_method: text(methods),
        };
        // Other events say the end too, and the one whose business it is may be lost.
        let end = ends.is_valid(row).then(|| Event {
            at: Timestamp::from_micros(ends.value(row)),
            happening: Some(Happening::Disconnected),
            ..event.clone()
        });
        let contact = known.entry((instances.value(row).into(), contacts.value(row).into())).or_default();
        contact.events.push(event);
        contact.events.extend(end);
    }
    Ok(())
}
