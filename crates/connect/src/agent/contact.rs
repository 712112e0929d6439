//! The contacts of a snapshot: read, or known from the snapshot before.
//!
//! A previous snapshot usually has the contacts of the agent's last current one. Their JSON is kept with the place of
//! each value in it; where the same bytes stand again, the values are found at the same places.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use tributary_core::Timestamp;

use super::blocks::each;
use super::memory::Record;
use super::reader::{Path, Reader, Refusal, Text, required};
use crate::json::Kind;

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

/// Where a text stands in the JSON; none where it is null.
type Span = Option<Range<u32>>;

/// Where the values of a contact stand in the JSON of all contacts.
#[derive(Debug)]
struct Places {
    channel: Span,
    connected_to_agent: Option<Timestamp>,
    contact_id: Span,
    initial_contact_id: Span,
    initiation_method: Span,
    queue_arn: Span,
    queue_name: Span,
    has_queue: bool,
    queued_at: Option<Timestamp>,
    state: Span,
    state_start: Option<Timestamp>,
}

impl Places {
    /// The places of a contact's values in `json`; none where one does not stand there word for word.
    fn of(contact: &Contact<'_>, json: &str) -> Option<Self> {
        let text = |text: &Text<'_>| text.as_ref().map(|text| place(text, json)).transpose().ok();
        Some(Self {
            channel: text(&contact.channel)?,
            connected_to_agent: contact.connected_to_agent,
            contact_id: Some(place(&contact.contact_id, json).ok()?),
            initial_contact_id: text(&contact.initial_contact_id)?,
            initiation_method: text(&contact.initiation_method)?,
            queue_arn: text(&contact.queue_arn)?,
            queue_name: text(&contact.queue_name)?,
            has_queue: contact.has_queue,
            queued_at: contact.queued_at,
            state: text(&contact.state)?,
            state_start: contact.state_start,
        })
    }

    /// The contact whose values stand at these places of `json`.
    fn contact<'a>(&self, json: &'a str) -> Contact<'a> {
        let text = |span: &Span| {
            let span = span.as_ref()?;
            json.get(span.start as usize..span.end as usize).map(Cow::Borrowed)
        };
        Contact {
            channel: text(&self.channel),
            connected_to_agent: self.connected_to_agent,
            contact_id: text(&self.contact_id).unwrap_or_default(),
            initial_contact_id: text(&self.initial_contact_id),
            initiation_method: text(&self.initiation_method),
            queue_arn: text(&self.queue_arn),
            queue_name: text(&self.queue_name),
            has_queue: self.has_queue,
            queued_at: self.queued_at,
            state: text(&self.state),
            state_start: self.state_start,
        }
    }
}

/// A text was made by an escape, or stands too far away: it has no place.
struct NoPlace;

/// Where a part of `json` stands in it. A text that was made by an escape has memory of its own, outside of it.
fn place(text: &str, json: &str) -> Result<Range<u32>, NoPlace> {
    let start = text.as_ptr().addr().checked_sub(json.as_ptr().addr()).ok_or(NoPlace)?;
    let end = start.checked_add(text.len()).filter(|end| *end <= json.len()).ok_or(NoPlace)?;
    let place = |at: usize| u32::try_from(at).map_err(|_| NoPlace);
    Ok(place(start)?..place(end)?)
}

/// The last contacts of an agent that were read.
#[derive(Debug, Default)]
pub(crate) struct Contacts {
    json: Vec<u8>,
    places: Vec<Places>,
}

impl Contacts {
    /// The contacts that stand here, remembered or read; none where they are null.
    pub(crate) fn read<'a>(
        &mut self,
        reader: &mut Reader<'a, '_>,
        path: &Path<'_>,
        record: &mut Record,
    ) -> Result<Option<Vec<Contact<'a>>>, Refusal> {
        if reader.cursor.kind()? == Kind::Null {
            return reader.null();
        }
        if reader.cursor.take_same(&self.json) {
            record.hit(self.json.len());
            let json = reader.cursor.since(reader.cursor.at() - self.json.len());
            return Ok(Some(self.places.iter().map(|places| places.contact(json)).collect()));
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
            self.learn(reader.cursor.since(from), &contacts, record);
        }
        Ok(Some(contacts))
    }

    fn learn(&mut self, json: &str, contacts: &[Contact<'_>], record: &mut Record) {
        record.miss(json.len());
        let before = self.memory();
        self.json.clear();
        self.places.clear();
        self.places.extend(contacts.iter().map_while(|contact| Places::of(contact, json)));
        // With one place missing, nothing is remembered: no JSON is empty.
        if self.places.len() == contacts.len() {
            self.json.extend_from_slice(json.as_bytes());
        }
        record.replaced(before, self.memory());
    }

    fn memory(&self) -> usize {
        self.json.len() + self.places.len() * size_of::<Places>()
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

fn read_contacts<'a>(reader: &mut Reader<'a, '_>, path: &Path<'_>) -> Result<Vec<Contact<'a>>, Refusal> {
    let mut contacts = Vec::new();
    each(reader, path, |reader, path| {
        contacts.push(read_contact(reader, path)?);
        Ok(())
    })?;
    Ok(contacts)
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
