//! An agent event as it is read: borrowed from its payload, recurring parts shared with the memory.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use tributary_core::{RejectReason, Timestamp};

use super::blocks::{Concurrency, Groups, Proficiencies, Queues, each};
use super::memory::{AgentMemory, Memory, Record};
use super::reader::{Path, Reader, Refusal, Text};
use crate::json::{Cursor, Kind};

/// An agent event.
#[derive(Debug, Default)]
pub(crate) struct Event<'a> {
    pub(crate) account_id: Text<'a>,
    pub(crate) agent_arn: Text<'a>,
    pub(crate) instance_arn: Cow<'a, str>,
    pub(crate) event_id: Cow<'a, str>,
    pub(crate) timestamp: Option<Timestamp>,
    pub(crate) event_type: Text<'a>,
    pub(crate) version: Text<'a>,
    pub(crate) current: Snapshot<'a>,
    pub(crate) previous: Snapshot<'a>,
}

impl Event<'_> {
    /// The last part of the instance's ARN.
    pub(crate) fn instance_id(&self) -> &str {
        last_part(&self.instance_arn)
    }
}

/// What follows the last `/` of an ARN; all of it when there is none.
pub(crate) fn last_part(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// A snapshot; all empty when it is null or absent.
#[derive(Debug, Default)]
pub(crate) struct Snapshot<'a> {
    pub(crate) status: Status<'a>,
    pub(crate) next_status: Status<'a>,
    pub(crate) configuration: Configuration<'a>,
    pub(crate) contacts: Option<Vec<Contact<'a>>>,
}

/// The status an agent is in since `since`, or the one that comes next, asked for at `since`.
#[derive(Debug, Default)]
pub(crate) struct Status<'a> {
    pub(crate) arn: Text<'a>,
    pub(crate) name: Text<'a>,
    pub(crate) since: Option<Timestamp>,
    pub(crate) kind: Text<'a>,
}

/// How the agent is set up.
#[derive(Debug, Default)]
pub(crate) struct Configuration<'a> {
    pub(crate) groups: Option<Arc<Groups>>,
    pub(crate) auto_accept: Option<bool>,
    pub(crate) first_name: Text<'a>,
    pub(crate) language_code: Text<'a>,
    pub(crate) last_name: Text<'a>,
    pub(crate) proficiencies: Option<Arc<Proficiencies>>,
    pub(crate) routing_profile: RoutingProfile<'a>,
    pub(crate) sip_address: Text<'a>,
    pub(crate) username: Text<'a>,
}

/// Which contacts the agent gets.
#[derive(Debug, Default)]
pub(crate) struct RoutingProfile<'a> {
    pub(crate) arn: Text<'a>,
    pub(crate) name: Text<'a>,
    pub(crate) concurrency: Option<Arc<Concurrency>>,
    pub(crate) outbound: Option<Arc<Queues>>,
    pub(crate) inbound: Option<Arc<Queues>>,
}

/// One contact of an agent.
#[derive(Debug, Default)]
pub(crate) struct Contact<'a> {
    pub(crate) channel: Text<'a>,
    pub(crate) connected_to_agent: Option<Timestamp>,
    pub(crate) contact_id: Cow<'a, str>,
    pub(crate) initial_contact_id: Text<'a>,
    pub(crate) initiation_method: Text<'a>,
    pub(crate) queue_arn: Text<'a>,
    pub(crate) queue_name: Text<'a>,
    pub(crate) has_queue: bool,
    pub(crate) queued_at: Option<Timestamp>,
    pub(crate) state: Text<'a>,
    pub(crate) state_start: Option<Timestamp>,
}

/// Why a text gave no agent event.
#[derive(Debug)]
pub(crate) enum NotAnEvent {
    /// It is one JSON object, of another family.
    OtherFamily,
    /// It is one JSON value, and more follows from this byte on.
    Trailing(usize),
    /// It cannot be read. When it is JSON, `is_agent_event` says whether the field to blame belongs to one.
    Refused(Refusal),
}

impl From<Refusal> for NotAnEvent {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

const EVENT: &[&str] = &[
    "\"AWSAccountId\":",
    "\"AgentARN\":",
    "\"CurrentAgentSnapshot\":",
    "\"EventId\":",
    "\"EventTimestamp\":",
    "\"EventType\":",
    "\"InstanceARN\":",
    "\"PreviousAgentSnapshot\":",
    "\"Version\":",
];

/// Reads one agent event. `unknown` counts the keys that no column takes; what is counted when the text is no agent
/// event means nothing.
pub(crate) fn read_event<'a>(
    text: &'a str,
    memory: &mut Memory,
    unknown: &mut BTreeMap<Box<str>, u64>,
) -> Result<Event<'a>, NotAnEvent> {
    let mut reader = Reader { cursor: Cursor::new(text), unknown };
    if reader.cursor.kind().map_err(Refusal::from)? != Kind::Object {
        return Err(NotAnEvent::OtherFamily);
    }
    let top = Path::TOP;
    let mut event = Event::default();
    let (mut instance_arn, mut event_id, mut seen) = (None, None, [false; EVENT.len()]);
    let mut object = reader.cursor.object().map_err(Refusal::from)?;
    while let Some(key) = reader.known_key(&mut object, EVENT, &top)? {
        seen[key] = true;
        let name = EVENT[key];
        match key {
            0 => event.account_id = reader.text(&top, name)?,
            1 => event.agent_arn = reader.text(&top, name)?,
            2 | 7 => {
                let (agent, mut record) = memory.agent(event.agent_arn.as_deref());
                let snapshot = read_snapshot(&mut reader, &top.key(name), agent, &mut record)?;
                memory.learn(&record);
                *(if key == 2 { &mut event.current } else { &mut event.previous }) = snapshot;
            }
            3 => event_id = reader.text(&top, name)?,
            4 => event.timestamp = reader.moment(&top, name)?,
            5 => event.event_type = reader.text(&top, name)?,
            6 => instance_arn = reader.text(&top, name)?,
            _ => event.version = reader.text(&top, name)?,
        }
    }
    let end = reader.cursor.at();
    if reader.cursor.end().is_err() {
        return Err(NotAnEvent::Trailing(end));
    }
    if !(seen[1] && seen[5]) {
        return Err(NotAnEvent::OtherFamily);
    }
    event.instance_arn = required(instance_arn, &top.key(EVENT[6]))?;
    event.event_id = required(event_id, &top.key(EVENT[3]))?;
    if event.instance_id().is_empty() {
        let message = "the ARN does not end in an instance id".to_owned();
        return Err(Refusal::field(RejectReason::BadValue, &top.key(EVENT[6]), message).into());
    }
    Ok(event)
}

/// A value that a row cannot do without.
fn required<'a>(value: Text<'a>, path: &Path<'_>) -> Result<Cow<'a, str>, Refusal> {
    match value {
        Some(value) if !value.is_empty() => Ok(value),
        found => {
            let found = if found.is_some() { "empty" } else { "missing or null" };
            Err(Refusal::field(RejectReason::MissingField, path, format!("the field is {found}")))
        }
    }
}

const SNAPSHOT: &[&str] = &["\"AgentStatus\":", "\"Configuration\":", "\"Contacts\":", "\"NextAgentStatus\":"];

fn read_snapshot<'a>(
    reader: &mut Reader<'a, '_>,
    path: &Path<'_>,
    agent: &mut AgentMemory,
    record: &mut Record,
) -> Result<Snapshot<'a>, Refusal> {
    let mut snapshot = Snapshot::default();
    let Some(mut object) = reader.object(path)? else { return Ok(snapshot) };
    while let Some(key) = reader.known_key(&mut object, SNAPSHOT, path)? {
        let path = path.key(SNAPSHOT[key]);
        match key {
            0 => snapshot.status = read_status(reader, &path, STATUS)?,
            1 => snapshot.configuration = read_configuration(reader, &path, agent, record)?,
            2 => snapshot.contacts = read_contacts(reader, &path)?,
            _ => snapshot.next_status = read_status(reader, &path, NEXT_STATUS)?,
        }
    }
    Ok(snapshot)
}

const STATUS: &[&str] = &["\"ARN\":", "\"Name\":", "\"StartTimestamp\":", "\"Type\":"];
/// Early documentation spells it `EnqueueTimestamp`.
const NEXT_STATUS: &[&str] = &["\"ARN\":", "\"EnqueuedTimestamp\":", "\"Name\":", "\"Type\":", "\"EnqueueTimestamp\":"];

fn read_status<'a>(
    reader: &mut Reader<'a, '_>,
    path: &Path<'_>,
    keys: &'static [&'static str],
) -> Result<Status<'a>, Refusal> {
    let mut status = Status::default();
    let Some(mut object) = reader.object(path)? else { return Ok(status) };
    while let Some(key) = reader.known_key(&mut object, keys, path)? {
        let name = keys[key];
        match name {
            "\"ARN\":" => status.arn = reader.text(path, name)?,
            "\"Name\":" => status.name = reader.text(path, name)?,
            "\"Type\":" => status.kind = reader.text(path, name)?,
            _ => status.since = reader.moment(path, name)?.or(status.since),
        }
    }
    Ok(status)
}

const CONFIGURATION: &[&str] = &[
    "\"AgentHierarchyGroups\":",
    "\"AutoAccept\":",
    "\"FirstName\":",
    "\"LanguageCode\":",
    "\"LastName\":",
    "\"Proficiencies\":",
    "\"RoutingProfile\":",
    "\"SipAddress\":",
    "\"Username\":",
];

fn read_configuration<'a>(
    reader: &mut Reader<'a, '_>,
    path: &Path<'_>,
    agent: &mut AgentMemory,
    record: &mut Record,
) -> Result<Configuration<'a>, Refusal> {
    let mut configuration = Configuration::default();
    let Some(mut object) = reader.object(path)? else { return Ok(configuration) };
    while let Some(key) = reader.known_key(&mut object, CONFIGURATION, path)? {
        let name = CONFIGURATION[key];
        match key {
            0 => configuration.groups = agent.groups.read(reader, &path.key(name), record)?,
            1 => configuration.auto_accept = reader.boolean(path, name)?,
            2 => configuration.first_name = reader.text(path, name)?,
            3 => configuration.language_code = reader.text(path, name)?,
            4 => configuration.last_name = reader.text(path, name)?,
            5 => configuration.proficiencies = agent.proficiencies.read(reader, &path.key(name), record)?,
            6 => configuration.routing_profile = read_routing_profile(reader, &path.key(name), agent, record)?,
            7 => configuration.sip_address = reader.text(path, name)?,
            _ => configuration.username = reader.text(path, name)?,
        }
    }
    Ok(configuration)
}

const ROUTING_PROFILE: &[&str] =
    &["\"ARN\":", "\"Concurrency\":", "\"DefaultOutboundQueue\":", "\"InboundQueues\":", "\"Name\":"];

fn read_routing_profile<'a>(
    reader: &mut Reader<'a, '_>,
    path: &Path<'_>,
    agent: &mut AgentMemory,
    record: &mut Record,
) -> Result<RoutingProfile<'a>, Refusal> {
    let mut profile = RoutingProfile::default();
    let Some(mut object) = reader.object(path)? else { return Ok(profile) };
    while let Some(key) = reader.known_key(&mut object, ROUTING_PROFILE, path)? {
        let name = ROUTING_PROFILE[key];
        match key {
            0 => profile.arn = reader.text(path, name)?,
            1 => profile.concurrency = agent.concurrency.read(reader, &path.key(name), record)?,
            2 => {
                // One queue; the block would read a list of them as well.
                let path = path.key(name);
                match reader.cursor.kind()? {
                    Kind::Object | Kind::Null => profile.outbound = agent.outbound.read(reader, &path, record)?,
                    other => return Err(reader.wrong(&path, "an object or null", other)),
                }
            }
            3 => {
                let path = path.key(name);
                match reader.cursor.kind()? {
                    Kind::Array | Kind::Null => profile.inbound = agent.inbound.read(reader, &path, record)?,
                    other => return Err(reader.wrong(&path, "an array or null", other)),
                }
            }
            _ => profile.name = reader.text(path, name)?,
        }
    }
    Ok(profile)
}

const CONTACT: &[&str] = &[
    "\"Channel\":",
    "\"ConnectedToAgentTimestamp\":",
    "\"ContactId\":",
    "\"InitialContactId\":",
    "\"InitiationMethod\":",
    "\"Queue\":",
    "\"QueueTimestamp\":",
    "\"State\":",
    "\"StateStartTimestamp\":",
];
/// Of a contact's queue only these are columns; real events have nothing else there, the model allows `Channels`.
const CONTACT_QUEUE: &[&str] = &["\"ARN\":", "\"Name\":"];

fn read_contacts<'a>(reader: &mut Reader<'a, '_>, path: &Path<'_>) -> Result<Option<Vec<Contact<'a>>>, Refusal> {
    if reader.cursor.kind()? == Kind::Null {
        return reader.null();
    }
    let mut contacts = Vec::new();
    each(reader, path, |reader, path| {
        contacts.push(read_contact(reader, path)?);
        Ok(())
    })?;
    Ok(Some(contacts))
}

fn read_contact<'a>(reader: &mut Reader<'a, '_>, path: &Path<'_>) -> Result<Contact<'a>, Refusal> {
    let mut contact = Contact::default();
    let mut contact_id = None;
    if let Some(mut object) = reader.object(path)? {
        while let Some(key) = reader.known_key(&mut object, CONTACT, path)? {
            let name = CONTACT[key];
            match key {
                0 => contact.channel = reader.text(path, name)?,
                1 => contact.connected_to_agent = reader.moment(path, name)?,
                2 => contact_id = reader.text(path, name)?,
                3 => contact.initial_contact_id = reader.text(path, name)?,
                4 => contact.initiation_method = reader.text(path, name)?,
                5 => read_contact_queue(reader, &path.key(name), &mut contact)?,
                6 => contact.queued_at = reader.moment(path, name)?,
                7 => contact.state = reader.text(path, name)?,
                _ => contact.state_start = reader.moment(path, name)?,
            }
        }
    }
    contact.contact_id = required(contact_id, &path.key(CONTACT[2]))?;
    Ok(contact)
}

fn read_contact_queue<'a>(
    reader: &mut Reader<'a, '_>,
    path: &Path<'_>,
    contact: &mut Contact<'a>,
) -> Result<(), Refusal> {
    let Some(mut object) = reader.object(path)? else { return Ok(()) };
    contact.has_queue = true;
    while let Some(key) = reader.known_key(&mut object, CONTACT_QUEUE, path)? {
        let text = reader.text(path, CONTACT_QUEUE[key])?;
        *(if key == 0 { &mut contact.queue_arn } else { &mut contact.queue_name }) = text;
    }
    Ok(())
}
