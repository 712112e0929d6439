//! An agent event as it is read: borrowed from its payload, recurring parts shared with the memory.

use std::borrow::Cow;
use std::collections::BTreeMap;

use tributary_core::{RejectReason, Timestamp};

use super::blocks::{
    read_concurrency, read_groups, read_inbound, read_next_status, read_outbound, read_proficiencies, read_status,
};
use super::codes::{Configuration, Dictionaries, Profile, Status};
use super::contact::Contact;
use super::memory::{AgentMemory, Here, Memory, Parts, Record};
use super::reader::{Path, Reader, Refusal, required};
use crate::dictionary::Code;
use crate::json::{Cursor, Kind};

/// An agent event.
#[derive(Debug, Default)]
pub(crate) struct Event<'a> {
    pub(crate) account_id: Code,
    pub(crate) agent_arn: Code,
    pub(crate) agent_id: Code,
    pub(crate) instance_arn: Code,
    pub(crate) instance_id: Cow<'a, str>,
    pub(crate) instance_id_code: Code,
    pub(crate) event_id: Cow<'a, str>,
    pub(crate) timestamp: Option<Timestamp>,
    pub(crate) event_type: Code,
    pub(crate) version: Code,
    pub(crate) current: Snapshot,
    pub(crate) previous: Snapshot,
}

/// What follows the last `/` of an ARN; all of it when there is none.
fn last_part(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, last)| last)
}

/// A snapshot; all empty when it is null or absent.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) status: Status,
    pub(crate) next_status: Status,
    pub(crate) configuration: Configuration,
    pub(crate) contacts: Option<Vec<Contact>>,
}

/// Why a text gave no agent event.
#[derive(Debug)]
pub(crate) enum NotAnEvent {
    /// It is one JSON object, of another family.
    OtherFamily,
    /// It is one JSON value, and more follows from this byte on.
    Trailing(usize),
    /// It cannot be read; where a field is to blame, it may still be of another family.
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

/// Reads one agent event of what may not be UTF-8, which is then refused as not JSON. `unknown` counts the keys that no
/// column takes; what is counted when the text is no agent event means nothing.
pub(crate) fn read_event<'a>(
    bytes: &'a [u8],
    memory: &mut Memory,
    dictionaries: &mut Dictionaries,
    unknown: &mut BTreeMap<Box<str>, u64>,
) -> Result<Event<'a>, NotAnEvent> {
    let mut reader = Reader { cursor: Cursor::unchecked(bytes), unknown, dictionaries };
    if reader.cursor.kind().map_err(Refusal::from)? != Kind::Object {
        return Err(NotAnEvent::OtherFamily);
    }
    let top = Path::TOP;
    let mut event = Event::default();
    let (mut agent_arn, mut instance_arn, mut event_id, mut seen) = (None, None, None, [false; EVENT.len()]);
    let mut here = None;
    let mut object = reader.cursor.object().map_err(Refusal::from)?;
    while let Some(key) = reader.known_key(&mut object, EVENT, &top)? {
        seen[key] = true;
        let name = EVENT[key];
        match key {
            0 => event.account_id = reader.coded(&top, name, |all| &mut all.account_id)?,
            1 => agent_arn = reader.text(&top, name)?,
            2 | 7 => {
                let (agent, mut record) = memory.agent(agent_arn.as_deref());
                let snapshot = read_snapshot(&mut reader, &top.key(name), agent, (&mut record, &mut here));
                // Also of an event that is refused: what was remembered of it is counted.
                memory.learn(&record);
                let snapshot = snapshot?;
                *(if key == 2 { &mut event.current } else { &mut event.previous }) = snapshot;
            }
            3 => event_id = reader.text(&top, name)?,
            4 => event.timestamp = reader.moment(&top, name)?,
            5 => event.event_type = reader.coded(&top, name, |all| &mut all.event_type)?,
            6 => instance_arn = reader.text(&top, name)?,
            _ => event.version = reader.coded(&top, name, |all| &mut all.version)?,
        }
    }
    let end = reader.cursor.at();
    if reader.cursor.end().is_err() {
        return Err(NotAnEvent::Trailing(end));
    }
    if !(seen[1] && seen[5]) {
        return Err(NotAnEvent::OtherFamily);
    }
    event.event_id = required(event_id, &top.key(EVENT[3]))?;
    code_instance(&mut event, required(instance_arn, &top.key(EVENT[6]))?, dictionaries)?;
    code_agent(&mut event, agent_arn.as_deref(), memory, dictionaries);
    Ok(event)
}

fn code_instance<'a>(event: &mut Event<'a>, arn: Cow<'a, str>, dictionaries: &mut Dictionaries) -> Result<(), Refusal> {
    event.instance_arn = dictionaries.instance_arn.code(&arn);
    event.instance_id = match arn {
        Cow::Borrowed(arn) => Cow::Borrowed(last_part(arn)),
        Cow::Owned(arn) => Cow::Owned(last_part(&arn).to_owned()),
    };
    if event.instance_id.is_empty() {
        let message = "the ARN does not end in an instance id".to_owned();
        return Err(Refusal::field(RejectReason::BadValue, &Path::TOP.key(EVENT[6]), message));
    }
    event.instance_id_code = dictionaries.instance_id.code(&event.instance_id);
    Ok(())
}

fn code_agent(event: &mut Event<'_>, arn: Option<&str>, memory: &mut Memory, dictionaries: &mut Dictionaries) {
    let Some(arn) = arn else { return };
    let generation = dictionaries.generation;
    let mut make = || (dictionaries.agent_arn.code(arn), dictionaries.agent_id.code(last_part(arn)));
    (event.agent_arn, event.agent_id) = match memory.known(arn) {
        Some(agent) => agent.codes(generation, make),
        None => make(),
    };
    if event.event_type.index().and_then(|at| dictionaries.event_type.text(at)) == Some(b"LOGOUT") {
        memory.rest(arn);
    }
}

const SNAPSHOT: &[&str] = &["\"AgentStatus\":", "\"Configuration\":", "\"Contacts\":", "\"NextAgentStatus\":"];

fn read_snapshot<'a>(
    reader: &mut Reader<'a, '_>,
    path: &Path<'_>,
    agent: &mut AgentMemory,
    (record, here): (&mut Record, &mut Here<'a>),
) -> Result<Snapshot, Refusal> {
    let mut snapshot = Snapshot::default();
    let Some(mut object) = reader.object(path)? else { return Ok(snapshot) };
    let AgentMemory { status, configurations, contacts, parts, .. } = agent;
    while let Some(key) = reader.known_key(&mut object, SNAPSHOT, path)? {
        let path = path.key(SNAPSHOT[key]);
        match key {
            0 => snapshot.status = status.read(reader, &path, record, |reader, path, _| read_status(reader, path))?,
            1 => {
                let read = |reader: &mut Reader<'a, '_>, path: &Path<'_>, record: &mut Record| {
                    read_configuration(reader, path, parts, record)
                };
                snapshot.configuration = configurations.read(reader, &path, (record, here), read)?;
            }
            2 => snapshot.contacts = contacts.read(reader, &path, record)?,
            _ => snapshot.next_status = read_next_status(reader, &path)?,
        }
    }
    Ok(snapshot)
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

fn read_configuration(
    reader: &mut Reader<'_, '_>,
    path: &Path<'_>,
    parts: &mut Parts,
    record: &mut Record,
) -> Result<Configuration, Refusal> {
    let mut configuration = Configuration::default();
    let Some(mut object) = reader.object(path)? else { return Ok(configuration) };
    while let Some(key) = reader.known_key(&mut object, CONFIGURATION, path)? {
        let name = CONFIGURATION[key];
        let inner = path.key(name);
        match key {
            0 => {
                let read = |reader: &mut Reader<'_, '_>, path: &Path<'_>, _: &mut Record| read_groups(reader, path);
                configuration.groups = parts.groups.read(reader, &inner, record, read)?;
            }
            1 => configuration.auto_accept = reader.boolean(path, name)?,
            2 => configuration.first_name = reader.coded(path, name, |all| &mut all.first_name)?,
            3 => configuration.language_code = reader.coded(path, name, |all| &mut all.language_code)?,
            4 => configuration.last_name = reader.coded(path, name, |all| &mut all.last_name)?,
            5 => {
                let slot = &mut parts.proficiencies;
                configuration.proficiencies =
                    slot.read(reader, &inner, record, |reader, path, _| read_proficiencies(reader, path))?;
            }
            6 => configuration.profile = read_profile(reader, &inner, parts, record)?,
            7 => configuration.sip_address = reader.coded(path, name, |all| &mut all.sip_address)?,
            _ => configuration.username = reader.coded(path, name, |all| &mut all.username)?,
        }
    }
    Ok(configuration)
}

const PROFILE: &[&str] =
    &["\"ARN\":", "\"Concurrency\":", "\"DefaultOutboundQueue\":", "\"InboundQueues\":", "\"Name\":"];

fn read_profile(
    reader: &mut Reader<'_, '_>,
    path: &Path<'_>,
    parts: &mut Parts,
    record: &mut Record,
) -> Result<Profile, Refusal> {
    let mut profile = Profile::default();
    let Some(mut object) = reader.object(path)? else { return Ok(profile) };
    while let Some(key) = reader.known_key(&mut object, PROFILE, path)? {
        let name = PROFILE[key];
        let inner = path.key(name);
        match key {
            0 => profile.arn = reader.coded(path, name, |all| &mut all.profile_arn)?,
            1 => {
                let slot = &mut parts.concurrency;
                profile.concurrency =
                    slot.read(reader, &inner, record, |reader, path, _| read_concurrency(reader, path))?;
            }
            2 => {
                let slot = &mut parts.outbound;
                profile.outbound = slot.read(reader, &inner, record, |reader, path, _| read_outbound(reader, path))?;
            }
            3 => {
                let slot = &mut parts.inbound;
                profile.inbound = slot.read(reader, &inner, record, |reader, path, _| read_inbound(reader, path))?;
            }
            _ => profile.name = reader.coded(path, name, |all| &mut all.profile_name)?,
        }
    }
    Ok(profile)
}
