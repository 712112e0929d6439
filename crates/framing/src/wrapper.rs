//! The JSON wrappers that the services put around payloads, recognised by the keys of the outermost object.

use memchr::memmem;
use serde_json::{Map, Value};

use crate::Envelope;

/// A key of each wrapper: an object that holds none of them anywhere is no wrapper and need not be parsed.
const SIGNS: [&[u8]; 7] =
    [b"\"Records\"", b"\"records\"", b"\"awslogs\"", b"\"logEvents\"", b"\"eventid\"", b"\"eventId\"", b"\"TopicArn\""];

/// An opened wrapper.
#[derive(Debug)]
pub(crate) enum Wrapper {
    /// A CloudWatch Logs control message: a probe with no payload.
    Control,
    /// What is in it, in order.
    Parts(Vec<Part>),
}

/// One element of a wrapper.
#[derive(Debug)]
pub(crate) enum Part {
    /// Base64 of something that may be wrapped again.
    Base64 { text: String, envelope: Envelope },
    /// Text that may be wrapped again.
    Layered { text: String, envelope: Envelope },
    /// A payload.
    Innermost { text: String, envelope: Envelope },
    /// An element without what it should hold.
    Unusable { element: Value, message: &'static str },
}

impl Wrapper {
    /// Whether it is worth a parse.
    pub(crate) fn is_possible(object: &[u8]) -> bool {
        SIGNS.iter().any(|sign| memmem::find(object, sign).is_some())
    }

    /// Opens `object`; `None` when it is no wrapper, or no JSON.
    pub(crate) fn of(object: &[u8]) -> Option<Self> {
        let Ok(Value::Object(mut object)) = serde_json::from_slice(object) else {
            return None;
        };
        if object.contains_key("messageType") && object.get("logEvents").is_some_and(Value::is_array) {
            return Some(log_events(object));
        }
        for (key, open) in [("Records", record as fn(Value) -> Part), ("records", firehose_record)] {
            if let Some(Value::Array(elements)) = object.get_mut(key)
                && (elements.is_empty() || elements.iter().any(holds_payload))
            {
                return Some(Self::Parts(std::mem::take(elements).into_iter().map(open).collect()));
            }
        }
        if let Some(data) = object.get_mut("awslogs").and_then(|logs| logs.get_mut("data")) {
            return Some(Self::Parts(vec![match data.take() {
                Value::String(text) => Part::Base64 { text, envelope: Envelope::None },
                element => Part::Unusable { element, message: "awslogs.data is no text" },
            }]));
        }
        notification(&mut object).or_else(|| firehose_row(&mut object)).map(|part| Self::Parts(vec![part]))
    }
}

/// Takes a text out of an object.
fn take_text(object: &mut Map<String, Value>, key: &str) -> Option<String> {
    match object.get_mut(key)?.take() {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// Whether an element of `Records` or `records` is of a kind that carries payloads. Other services use the same key:
/// a notification of S3, for instance, is a payload itself.
fn holds_payload(element: &Value) -> bool {
    let inside = |outer: &str, inner: &str| element.get(outer).is_some_and(|value| value.get(inner).is_some());
    inside("kinesis", "data")
        || inside("Sns", "Message")
        || ["Data", "data", "body", "Body"].iter().any(|key| element.get(key).is_some())
}

/// Sources: Lambda developer guide, events of Kinesis, SQS and SNS; Kinesis API, GetRecords.
fn record(mut element: Value) -> Part {
    const MISSING: &str = "an element of Records without kinesis.data, Data, body or Sns.Message as text";
    if let Some(kinesis) = element.get_mut("kinesis").and_then(Value::as_object_mut) {
        let partition_key = take_text(kinesis, "partitionKey");
        let sequence_number = take_text(kinesis, "sequenceNumber");
        if let Some(text) = take_text(kinesis, "data") {
            return Part::Base64 { text, envelope: Envelope::Kinesis { partition_key, sequence_number } };
        }
    } else if let Some(notice) = element.get_mut("Sns").and_then(Value::as_object_mut) {
        let message_id = take_text(notice, "MessageId");
        if let Some(text) = take_text(notice, "Message") {
            return Part::Layered { text, envelope: Envelope::Sns { message_id } };
        }
    } else if let Some(object) = element.as_object_mut() {
        for key in ["Data", "data"] {
            if object.get(key).is_some_and(Value::is_string) {
                let partition_key = take_text(object, "PartitionKey");
                let sequence_number = take_text(object, "SequenceNumber");
                let text = take_text(object, key).unwrap_or_default();
                return Part::Base64 { text, envelope: Envelope::Kinesis { partition_key, sequence_number } };
            }
        }
        for key in ["body", "Body"] {
            if object.get(key).is_some_and(Value::is_string) {
                let message_id = take_text(object, "messageId").or_else(|| take_text(object, "MessageId"));
                let text = take_text(object, key).unwrap_or_default();
                return Part::Layered { text, envelope: Envelope::Sqs { message_id } };
            }
        }
    }
    Part::Unusable { element, message: MISSING }
}

/// Source: Firehose developer guide, the events of a transforming Lambda and of an HTTP endpoint.
fn firehose_record(mut element: Value) -> Part {
    if let Some(object) = element.as_object_mut() {
        let record_id = take_text(object, "recordId");
        if let Some(text) = take_text(object, "data") {
            return Part::Base64 { text, envelope: Envelope::Firehose { record_id } };
        }
    }
    Part::Unusable { element, message: "an element of records without data as text" }
}

/// Source: CloudWatch Logs user guide, subscription filters.
fn log_events(mut object: Map<String, Value>) -> Wrapper {
    if object.get("messageType").is_some_and(|kind| kind == "CONTROL_MESSAGE") {
        return Wrapper::Control;
    }
    let mut text = |key| take_text(&mut object, key).unwrap_or_default();
    let (owner, log_group, log_stream) = (text("owner"), text("logGroup"), text("logStream"));
    let part = |mut element: Value| {
        let Some(message) = element.as_object_mut().and_then(|event| take_text(event, "message")) else {
            return Part::Unusable { element, message: "a log event without a message as text" };
        };
        let envelope = Envelope::CloudWatch {
            owner: owner.clone(),
            log_group: log_group.clone(),
            log_stream: log_stream.clone(),
            id: element.get("id").and_then(Value::as_str).unwrap_or_default().to_owned(),
            timestamp_ms: element.get("timestamp").and_then(Value::as_i64),
        };
        Part::Innermost { text: message, envelope }
    };
    match object.remove("logEvents") {
        Some(Value::Array(events)) => Wrapper::Parts(events.into_iter().map(part).collect()),
        _ => Wrapper::Parts(Vec::new()),
    }
}

/// Source: SNS developer guide, the body of a notification.
fn notification(object: &mut Map<String, Value>) -> Option<Part> {
    let is_notification = object.get("Type").is_some_and(|kind| kind == "Notification")
        && object.contains_key("TopicArn")
        && object.get("Message").is_some_and(Value::is_string);
    if !is_notification {
        return None;
    }
    let message_id = take_text(object, "MessageId");
    take_text(object, "Message").map(|text| Part::Layered { text, envelope: Envelope::Sns { message_id } })
}

/// `{timestamp, eventid, message}`, as the analytics sample writes log events through Firehose.
fn firehose_row(object: &mut Map<String, Value>) -> Option<Part> {
    let key = ["eventid", "eventId"].into_iter().find(|key| object.contains_key(*key))?;
    if !object.contains_key("timestamp") || !object.contains_key("message") {
        return None;
    }
    let as_text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let envelope = Envelope::FirehoseRow {
        event_id: object.remove(key).map(as_text).unwrap_or_default(),
        timestamp: object.remove("timestamp").map(as_text).unwrap_or_default(),
    };
    object.remove("message").map(as_text).map(|text| Part::Innermost { text, envelope })
}
