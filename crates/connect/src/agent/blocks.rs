//! The parts of a snapshot that recur byte for byte, in the layout their columns want.

use tributary_core::RejectReason;

use super::reader::{Path, Reader, Refusal};
use crate::columns::Texts;
use crate::json::Kind;

/// A part of a snapshot that is read into a block of columns.
pub(crate) trait Block: Sized {
    /// Reads it from where its value (not null) begins.
    fn read(reader: &mut Reader<'_, '_>, path: &Path<'_>) -> Result<Self, Refusal>;
}

/// The number of hierarchy levels that Amazon Connect has.
pub(crate) const LEVELS: usize = 5;

/// `AgentHierarchyGroups`: ARN and name of each level in turn.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Groups {
    /// ARN of level 1, name of level 1, ARN of level 2, ...
    pub(crate) values: [Option<Box<str>>; 2 * LEVELS],
}

const GROUPS: &[&str] = &["\"Level1\":", "\"Level2\":", "\"Level3\":", "\"Level4\":", "\"Level5\":"];
const NAMED: &[&str] = &["\"ARN\":", "\"Name\":"];

impl Block for Groups {
    fn read(reader: &mut Reader<'_, '_>, path: &Path<'_>) -> Result<Self, Refusal> {
        let mut groups = Self::default();
        let Some(mut object) = reader.object(path)? else { return Ok(groups) };
        while let Some(level) = reader.known_key(&mut object, GROUPS, path)? {
            let path = path.key(GROUPS[level]);
            let mut named = [None, None];
            if let Some(mut object) = reader.object(&path)? {
                while let Some(key) = reader.known_key(&mut object, NAMED, &path)? {
                    named[key] = reader.text(&path, NAMED[key])?;
                }
            }
            let [arn, name] = named;
            groups.values[2 * level] = arn.map(|text| text.into_owned().into_boxed_str());
            groups.values[2 * level + 1] = name.map(|text| text.into_owned().into_boxed_str());
        }
        Ok(groups)
    }
}

/// `Proficiencies`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Proficiencies {
    pub(crate) names: Texts,
    pub(crate) values: Texts,
    pub(crate) levels: Vec<Option<f64>>,
}

/// The data model says `ProficiencyLevel`, the official sample `Level`.
const PROFICIENCY: &[&str] = &["\"Level\":", "\"Name\":", "\"ProficiencyLevel\":", "\"Value\":"];

impl Block for Proficiencies {
    fn read(reader: &mut Reader<'_, '_>, path: &Path<'_>) -> Result<Self, Refusal> {
        let mut block = Self::default();
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
            block.names.push(name.as_deref());
            block.values.push(value.as_deref());
            block.levels.push(level);
            Ok(())
        })?;
        Ok(block)
    }
}

/// `RoutingProfile.Concurrency`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Concurrency {
    pub(crate) channels: Texts,
    pub(crate) available: Vec<Option<i32>>,
    pub(crate) maximum: Vec<Option<i32>>,
    pub(crate) current_available: Vec<Option<i32>>,
}

const CONCURRENCY: &[&str] =
    &["\"AvailableSlots\":", "\"Channel\":", "\"CurrentAvailableSlots\":", "\"MaximumSlots\":"];

impl Block for Concurrency {
    fn read(reader: &mut Reader<'_, '_>, path: &Path<'_>) -> Result<Self, Refusal> {
        let mut block = Self::default();
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
            block.channels.push(channel.as_deref());
            block.available.push(slots[0]);
            block.current_available.push(slots[2]);
            block.maximum.push(slots[3]);
            Ok(())
        })?;
        Ok(block)
    }
}

/// Queues with their channels: `InboundQueues`, or the one `DefaultOutboundQueue`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Queues {
    pub(crate) arns: Texts,
    pub(crate) names: Texts,
    /// How many channels each queue has; `None` where it says nothing of them.
    pub(crate) channel_counts: Vec<Option<usize>>,
    pub(crate) channels: Texts,
}

const QUEUE: &[&str] = &["\"ARN\":", "\"Channels\":", "\"Name\":"];

impl Queues {
    fn read_one(&mut self, reader: &mut Reader<'_, '_>, path: &Path<'_>) -> Result<(), Refusal> {
        let (mut arn, mut name, mut count) = (None, None, None);
        if let Some(mut object) = reader.object(path)? {
            while let Some(key) = reader.known_key(&mut object, QUEUE, path)? {
                match key {
                    0 => arn = reader.text(path, QUEUE[0])?,
                    2 => name = reader.text(path, QUEUE[2])?,
                    _ if count.is_some() => {
                        let message = "the key stands twice in one object".to_owned();
                        return Err(Refusal::field(RejectReason::BadValue, &path.key(QUEUE[1]), message));
                    }
                    _ => count = self.read_channels(reader, &path.key(QUEUE[1]))?,
                }
            }
        }
        self.arns.push(arn.as_deref());
        self.names.push(name.as_deref());
        self.channel_counts.push(count);
        Ok(())
    }

    fn read_channels(&mut self, reader: &mut Reader<'_, '_>, path: &Path<'_>) -> Result<Option<usize>, Refusal> {
        if reader.cursor.kind()? == Kind::Null {
            return reader.null();
        }
        let mut count = 0;
        each(reader, path, |reader, path| {
            let channel = match reader.cursor.kind()? {
                Kind::Text => Some(reader.cursor.string()?),
                Kind::Null => reader.null()?,
                other => return Err(reader.wrong(path, "a string or null", other)),
            };
            self.channels.push(channel.as_deref());
            count += 1;
            Ok(())
        })?;
        Ok(Some(count))
    }
}

impl Block for Queues {
    fn read(reader: &mut Reader<'_, '_>, path: &Path<'_>) -> Result<Self, Refusal> {
        let mut queues = Self::default();
        if reader.cursor.kind()? == Kind::Object {
            queues.read_one(reader, path)?;
        } else {
            each(reader, path, |reader, path| queues.read_one(reader, path))?;
        }
        Ok(queues)
    }
}

/// Reads the elements of an array.
pub(crate) fn each<'a, 'u, F>(reader: &mut Reader<'a, 'u>, path: &Path<'_>, mut element: F) -> Result<usize, Refusal>
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
    Ok(index)
}
