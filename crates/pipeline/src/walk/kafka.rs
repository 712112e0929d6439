//! The values of options that speak of Kafka.

use super::{Refused, Walk, join};
use crate::moment::read_moment;
use crate::problem::Class;
use crate::tree::{Table, Value};

/// The longest name that Kafka takes.
const LONGEST: usize = 249;

/// The name of a topic, or a regular expression.
///
/// Source: Apache Kafka, `org.apache.kafka.common.internals.Topic`.
pub(super) fn topic(text: &str) -> Result<(), Refused> {
    let is_pattern = text.starts_with('^');
    let is_name = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if (is_pattern && text.len() > 1)
        || (is_name && !text.is_empty() && text.len() <= LONGEST && text != "." && text != "..")
    {
        return Ok(());
    }
    let help = "a topic has letters, digits, '.', '_' and '-'; a regular expression begins with ^".to_owned();
    Err(Refused::new(Class::Meaning, format!("{text:?} is the name of no topic"), help))
}

/// Where a topic begins.
pub(super) fn start(text: &str) -> Result<(), Refused> {
    if matches!(text, "earliest" | "latest") || read_moment(text).is_some() {
        return Ok(());
    }
    let help =
        "write \"earliest\", \"latest\", a day, \"2026-11-01\", or a moment, \"2026-11-01T06:00:00Z\"".to_owned();
    Err(Refused::new(Class::Shape, format!("{text:?} is no place to start"), help))
}

/// The number of a partition, written as it is counted: from 0, without leading zeros.
pub(crate) fn partition(text: &str) -> Option<i32> {
    let number = text.parse::<i32>().ok().filter(|number| *number >= 0)?;
    (number.to_string() == text).then_some(number)
}

impl Walk {
    /// Offsets by topic and partition.
    pub(super) fn offsets(&mut self, topics: &Table, path: &str) {
        const EXAMPLE: &str = "write for example { \"agent-events\" = { 0 = 1200, 1 = 900 } }";
        for (name, member) in &topics.members {
            let here = join(path, name);
            if name.starts_with('^') {
                let message = format!("{name:?} is a regular expression, and offsets are those of one topic");
                self.add(Class::Meaning, &member.key, &here, message, "name the topic".to_owned());
            } else if let Err(Refused { class, message, help }) = topic(name) {
                self.add(class, &member.key, &here, message, help);
            }
            let Value::Table(partitions) = &member.node.value else {
                let message =
                    format!("{name:?} must be a table of offsets by partition, not {}", member.node.value.kind());
                self.add(Class::Shape, &member.node.origin, &here, message, EXAMPLE.to_owned());
                continue;
            };
            for (number, member) in &partitions.members {
                let here = join(&here, number);
                if partition(number).is_none() {
                    let message = format!("{number:?} is the number of no partition");
                    let help = format!("{EXAMPLE}; the name of a topic with dots stands in quotes");
                    self.add(Class::Shape, &member.key, &here, message, help);
                } else if !matches!(member.node.value, Value::Integer(Some(0..))) {
                    let message = "an offset is a whole number from 0".to_owned();
                    self.add(Class::Shape, &member.node.origin, &here, message, EXAMPLE.to_owned());
                }
            }
        }
    }

    /// Settings of librdkafka. A name may stand in quotes or not: TOML takes its dots for tables then.
    pub(super) fn settings(&mut self, settings: &Table, path: &str) {
        for (key, member) in &settings.members {
            let here = join(path, key);
            match &member.node.value {
                Value::Table(inner) => self.settings(inner, &here),
                Value::Text(_) | Value::Boolean(_) | Value::Integer(Some(_)) => {}
                other => {
                    let message =
                        format!("{key:?} must be a text, a whole number, true or false, not {}", other.kind());
                    self.add(Class::Shape, &member.node.origin, &here, message, "write it in quotes".to_owned());
                }
            }
        }
    }
}
