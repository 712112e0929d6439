//! The values of options that speak of Kafka.

use super::Refused;
use crate::moment::read_moment;
use crate::problem::Class;

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
