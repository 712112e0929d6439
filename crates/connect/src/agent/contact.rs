//! The contacts of a snapshot: read, or known from the snapshot before.
//!
//! A previous snapshot usually has the contacts of the agent's last current one. Their JSON is kept with the codes that
//! were made of it; where the same bytes stand again, they are compared instead of read.

use std::collections::BTreeMap;

use tributary_core::Timestamp;

use super::blocks::each;
use super::memory::{Record, keep};
use super::reader::{Path, Reader, Refusal, required};
use crate::dictionary::Code;
use crate::json::Kind;

/// One contact of an agent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Contact {
    pub(crate) channel: Code,
    pub(crate) connected_to_agent: Option<Timestamp>,
    pub(crate) contact_id: Code,
    pub(crate) initial_contact_id: Code,
    pub(crate) initiation_method: Code,
    pub(crate) queue_arn: Code,
    pub(crate) queue_name: Code,
    pub(crate) has_queue: bool,
    pub(crate) queued_at: Option<Timestamp>,
    pub(crate) state: Code,
    pub(crate) state_start: Option<Timestamp>,
}

/// The last contacts of an agent that were read.
#[derive(Debug, Default)]
pub(crate) struct Contacts {
    json: Vec<u8>,
    /// Of the codes: of the contacts' ids, and of the rest.
    generations: (u32, u32),
    contacts: Vec<Contact>,
}

impl Contacts {
    /// The contacts that stand here, remembered or read; none where they are null.
    pub(crate) fn read(
        &mut self,
        reader: &mut Reader<'_, '_>,
        path: &Path<'_>,
        record: &mut Record,
    ) -> Result<Option<Vec<Contact>>, Refusal> {
        if reader.cursor.kind()? == Kind::Null {
            return reader.null();
        }
        let generations = (reader.dictionaries.contact_generation, reader.dictionaries.generation);
        if self.generations == generations && reader.cursor.take_same(&self.json) {
            record.hit(self.json.len());
            return Ok(Some(self.contacts.clone()));
        }
        let from = reader.cursor.at();
        let mut unknown = BTreeMap::new();
        let mut inner =
            Reader { cursor: reader.cursor.clone(), unknown: &mut unknown, dictionaries: &mut *reader.dictionaries };
        let contacts = read_contacts(&mut inner, path)?;
        reader.cursor = inner.cursor;
        // Keys that no column takes have to be counted each time: what has them is not remembered.
        let is_known = unknown.is_empty();
        for (path, count) in unknown {
            *reader.unknown.entry(path).or_default() += count;
        }
        if record.remember && is_known && !contacts.is_empty() {
            let json = reader.cursor.since(from);
            record.miss(json.len());
            let before = self.memory();
            keep(&mut self.json, json);
            self.generations = generations;
            self.contacts.clone_from(&contacts);
            record.replaced(before, self.memory());
        }
        Ok(Some(contacts))
    }

    /// The room that they take.
    pub(crate) fn memory(&self) -> usize {
        self.json.capacity() + self.contacts.capacity() * size_of::<Contact>()
    }
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

fn read_contacts(reader: &mut Reader<'_, '_>, path: &Path<'_>) -> Result<Vec<Contact>, Refusal> {
    let mut contacts = Vec::new();
    each(reader, path, |reader, path| {
        contacts.push(read_contact(reader, path)?);
        Ok(())
    })?;
    Ok(contacts)
}

fn read_contact(reader: &mut Reader<'_, '_>, path: &Path<'_>) -> Result<Contact, Refusal> {
    let mut contact = Contact::default();
    let mut contact_id = None;
    if let Some(mut object) = reader.object(path)? {
        while let Some(key) = reader.known_key(&mut object, CONTACT, path)? {
            let name = CONTACT[key];
            match key {
                0 => contact.channel = reader.coded(path, name, |all| &mut all.channel)?,
                1 => contact.connected_to_agent = reader.moment(path, name)?,
                2 => contact_id = reader.text(path, name)?,
                3 => contact.initial_contact_id = reader.coded(path, name, |all| &mut all.contact_id)?,
                4 => contact.initiation_method = reader.coded(path, name, |all| &mut all.initiation_method)?,
                5 => read_contact_queue(reader, &path.key(name), &mut contact)?,
                6 => contact.queued_at = reader.moment(path, name)?,
                7 => contact.state = reader.coded(path, name, |all| &mut all.state)?,
                _ => contact.state_start = reader.moment(path, name)?,
            }
        }
    }
    let contact_id = required(contact_id, &path.key(CONTACT[2]))?;
    contact.contact_id = reader.dictionaries.contact_id.code(&contact_id);
    Ok(contact)
}

fn read_contact_queue(reader: &mut Reader<'_, '_>, path: &Path<'_>, contact: &mut Contact) -> Result<(), Refusal> {
    let Some(mut object) = reader.object(path)? else { return Ok(()) };
    contact.has_queue = true;
    while let Some(key) = reader.known_key(&mut object, CONTACT_QUEUE, path)? {
        let name = CONTACT_QUEUE[key];
        match key {
            0 => contact.queue_arn = reader.coded(path, name, |all| &mut all.queue_arn)?,
            _ => contact.queue_name = reader.coded(path, name, |all| &mut all.queue_name)?,
        }
    }
    Ok(())
}
