//! The parts of a snapshot that recur byte for byte, read into codes.

use super::codes::{Groups, Outbound, Status};
use super::reader::{Path, Reader, Refusal, Text};
use crate::dictionary::Code;
use crate::json::Kind;

const STATUS: &[&str] = &["\"ARN\":", "\"Name\":", "\"StartTimestamp\":", "\"Type\":"];
/// Early documentation spells it `EnqueueTimestamp`.
const NEXT_STATUS: &[&str] = &["\"ARN\":", "\"EnqueuedTimestamp\":", "\"Name\":", "\"Type\":", "\"EnqueueTimestamp\":"];

/// Reads `AgentStatus`.
pub(crate) fn read_status(reader: &mut Reader<'_, '_>, path: &Path<'_>) -> Result<Status, Refusal> {
    status(reader, path, STATUS)
}

/// Reads `NextAgentStatus`.
pub(crate) fn read_next_status(reader: &mut Reader<'_, '_>, path: &Path<'_>) -> Result<Status, Refusal> {
    status(reader, path, NEXT_STATUS)
}

fn status(reader: &mut Reader<'_, '_>, path: &Path<'_>, keys: &'static [&'static str]) -> Result<Status, Refusal> {
    let mut status = Status::default();
    let Some(mut object) = reader.object(path)? else { return Ok(status) };
    while let Some(key) = reader.known_key(&mut object, keys, path)? {
        let name = keys[key];
        match name {
            "\"ARN\":" => status.arn = reader.coded(path, name, |all| &mut all.status_arn)?,
            "\"Name\":" => status.name = reader.coded(path, name, |all| &mut all.status_name)?,
            "\"Type\":" => status.kind = reader.coded(path, name, |all| &mut all.status_kind)?,
            _ => status.since = reader.moment(path, name)?.or(status.since),
        }
    }
    Ok(status)
}

const GROUPS: &[&str] = &["\"Level1\":", "\"Level2\":", "\"Level3\":", "\"Level4\":", "\"Level5\":"];
const NAMED: &[&str] = &["\"ARN\":", "\"Name\":"];

/// Reads `AgentHierarchyGroups`.
pub(crate) fn read_groups(reader: &mut Reader<'_, '_>, path: &Path<'_>) -> Result<Groups, Refusal> {
    let mut groups = Groups::default();
    let Some(mut object) = reader.object(path)? else { return Ok(groups) };
    while let Some(level) = reader.known_key(&mut object, GROUPS, path)? {
        let path = path.key(GROUPS[level]);
        let mut codes = [Code::NULL; 2];
        if let Some(mut object) = reader.object(&path)? {
            while let Some(key) = reader.known_key(&mut object, NAMED, &path)? {
                codes[key] = reader.coded(&path, NAMED[key], |all| &mut all.groups[2 * level + key])?;
            }
        }
        groups.codes[2 * level..2 * level + 2].copy_from_slice(&codes);
    }
    Ok(groups)
}

/// The data model says `ProficiencyLevel`, the official sample `Level`.
const PROFICIENCY: &[&str] = &["\"Level\":", "\"Name\":", "\"ProficiencyLevel\":", "\"Value\":"];

/// Reads `Proficiencies`.
pub(crate) fn read_proficiencies(reader: &mut Reader<'_, '_>, path: &Path<'_>) -> Result<Code, Refusal> {
    let from = reader.cursor.at();
    let mut items = Vec::new();
    each(reader, path, |reader, path| {
        let (mut name, mut value, mut level) = (None, None, None);
        if let Some(mut object) = reader.object(path)? {
            while let Some(key) = reader.known_key(&mut object, PROFICIENCY, path)? {
                match key {
                    0 | 2 => level = reader.number(path, PROFICIENCY[key])?.or(level),
                    1 => name = reader.text(path, PROFICIENCY[1])?,
                    _ => value = reader.text(path, PROFICIENCY[3])?,
                }
            }
        }
        items.push((name, value, level));
        Ok(())
    })?;
    let json = reader.cursor.since(from);
    let values = &mut reader.dictionaries.proficiencies;
    if let Some(code) = values.find(json) {
        return Ok(code);
    }
    values.lists.lists.push(Some(items.len()));
    for (name, value, level) in &items {
        values.lists.name.push(name.as_deref());
        values.lists.value.push(value.as_deref());
        values.lists.level.push(*level);
    }
    Ok(values.appended(json))
}

const CONCURRENCY: &[&str] =
    &["\"AvailableSlots\":", "\"Channel\":", "\"CurrentAvailableSlots\":", "\"MaximumSlots\":"];

/// Reads `RoutingProfile.Concurrency`.
pub(crate) fn read_concurrency(reader: &mut Reader<'_, '_>, path: &Path<'_>) -> Result<Code, Refusal> {
    let from = reader.cursor.at();
    let mut items = Vec::new();
    each(reader, path, |reader, path| {
        let mut channel = None;
        let mut slots = [None; 4];
        if let Some(mut object) = reader.object(path)? {
            while let Some(key) = reader.known_key(&mut object, CONCURRENCY, path)? {
                match key {
                    1 => channel = reader.text(path, CONCURRENCY[1])?,
                    _ => slots[key] = reader.integer(path, CONCURRENCY[key])?,
                }
            }
        }
        items.push((channel, slots));
        Ok(())
    })?;
    let json = reader.cursor.since(from);
    let values = &mut reader.dictionaries.concurrency;
    if let Some(code) = values.find(json) {
        return Ok(code);
    }
    values.lists.lists.push(Some(items.len()));
    for (channel, [available, _, current_available, maximum]) in &items {
        values.lists.channel.push(channel.as_deref());
        values.lists.available.push(*available);
        values.lists.maximum.push(*maximum);
        values.lists.current_available.push(*current_available);
    }
    Ok(values.appended(json))
}

const QUEUE: &[&str] = &["\"ARN\":", "\"Channels\":", "\"Name\":"];

/// Reads `DefaultOutboundQueue`.
pub(crate) fn read_outbound(reader: &mut Reader<'_, '_>, path: &Path<'_>) -> Result<Outbound, Refusal> {
    let mut outbound = Outbound::default();
    let Some(mut object) = reader.object(path)? else { return Ok(outbound) };
    while let Some(key) = reader.known_key(&mut object, QUEUE, path)? {
        match key {
            0 => outbound.arn = reader.coded(path, QUEUE[0], |all| &mut all.queue_arn)?,
            1 => outbound.channels = read_outbound_channels(reader, &path.key(QUEUE[1]))?,
            _ => outbound.name = reader.coded(path, QUEUE[2], |all| &mut all.queue_name)?,
        }
    }
    Ok(outbound)
}

fn read_outbound_channels(reader: &mut Reader<'_, '_>, path: &Path<'_>) -> Result<Code, Refusal> {
    reader.cursor.kind()?;
    let from = reader.cursor.at();
    let Some(items) = read_channels(reader, path)? else { return Ok(Code::NULL) };
    let json = reader.cursor.since(from);
    let values = &mut reader.dictionaries.channels;
    if let Some(code) = values.find(json) {
        return Ok(code);
    }
    values.lists.lists.push(Some(items.len()));
    items.iter().for_each(|channel| values.lists.channel.push(channel.as_deref()));
    Ok(values.appended(json))
}

/// Reads a list of texts or null.
fn read_channels<'a>(reader: &mut Reader<'a, '_>, path: &Path<'_>) -> Result<Option<Vec<Text<'a>>>, Refusal> {
    if reader.cursor.kind()? == Kind::Null {
        return reader.null();
    }
    let mut items = Vec::new();
    each(reader, path, |reader, path| {
        items.push(match reader.cursor.kind()? {
            Kind::Text => Some(reader.cursor.string()?),
            Kind::Null => reader.null()?,
            other => return Err(reader.wrong(path, "a string or null", other)),
        });
        Ok(())
    })?;
    Ok(Some(items))
}

/// Reads `InboundQueues`.
pub(crate) fn read_inbound(reader: &mut Reader<'_, '_>, path: &Path<'_>) -> Result<Code, Refusal> {
    let from = reader.cursor.at();
    let mut items = Vec::new();
    each(reader, path, |reader, path| {
        let (mut arn, mut name, mut channels) = (None, None, None);
        if let Some(mut object) = reader.object(path)? {
            while let Some(key) = reader.known_key(&mut object, QUEUE, path)? {
                match key {
                    0 => arn = reader.text(path, QUEUE[0])?,
                    1 => channels = read_channels(reader, &path.key(QUEUE[1]))?,
                    _ => name = reader.text(path, QUEUE[2])?,
                }
            }
        }
        items.push((arn, name, channels));
        Ok(())
    })?;
    let json = reader.cursor.since(from);
    let values = &mut reader.dictionaries.inbound;
    if let Some(code) = values.find(json) {
        return Ok(code);
    }
    values.lists.lists.push(Some(items.len()));
    for (arn, name, channels) in &items {
        values.lists.arn.push(arn.as_deref());
        values.lists.name.push(name.as_deref());
        values.lists.channels.lists.push(channels.as_ref().map(Vec::len));
        for channel in channels.iter().flatten() {
            values.lists.channels.channel.push(channel.as_deref());
        }
    }
    Ok(values.appended(json))
}

/// Reads the elements of an array.
pub(crate) fn each<'a, 'u, F>(reader: &mut Reader<'a, 'u>, path: &Path<'_>, mut element: F) -> Result<(), Refusal>
where
    F: FnMut(&mut Reader<'a, 'u>, &Path<'_>) -> Result<(), Refusal>,
{
    let mut array = match reader.cursor.kind()? {
        Kind::Array => reader.cursor.array()?,
        other => return Err(reader.wrong(path, "an array or null", other)),
    };
    let mut index = 0;
    while reader.cursor.element(&mut array)? {
        element(reader, &path.index(index))?;
        index += 1;
    }
    Ok(())
}
