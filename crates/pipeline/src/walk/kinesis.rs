//! The values of options that speak of Kinesis.

use super::Refused;
use crate::moment::read_moment;
use crate::problem::Class;

/// The name of a stream, or its ARN.
///
/// Source: Amazon Kinesis Data Streams API Reference, `CreateStream` and `DescribeStreamSummary`.
pub(super) fn stream(text: &str) -> Result<(), Refused> {
    let name = match text.strip_prefix("arn:") {
        Some(arn) => {
            arn.split_once(":kinesis:").and_then(|(_, rest)| rest.split_once(":stream/")).map(|(_, name)| name)
        }
        None => Some(text),
    };
    let help =
        "write a name, \"agent-events\", or an ARN, \"arn:aws:kinesis:eu-central-1:123456789012:stream/agent-events\"";
    if name.is_some_and(is_name) {
        return Ok(());
    }
    Err(Refused::new(Class::Meaning, format!("{text:?} is the name of no stream"), help.to_owned()))
}

/// The name of a consumer, or of a table.
pub(super) fn name(text: &str) -> Result<(), Refused> {
    if is_name(text) && text.len() <= 128 {
        return Ok(());
    }
    let help = "letters, digits, '.', '_' and '-', at most 128".to_owned();
    Err(Refused::new(Class::Meaning, format!("{text:?} cannot be its name"), help))
}

fn is_name(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Where a stream begins.
pub(super) fn begin(text: &str) -> Result<(), Refused> {
    if matches!(text, "oldest" | "latest") || read_moment(text).is_some() {
        return Ok(());
    }
    let help = "write \"oldest\", \"latest\", a day, \"2026-11-01\", or a moment, \"2026-11-01T06:00:00Z\"".to_owned();
    Err(Refused::new(Class::Shape, format!("{text:?} is no place to start"), help))
}
