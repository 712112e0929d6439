//! Opens one record into its innermost payloads: wrappers of Kinesis, Firehose, SQS, SNS, Lambda and CloudWatch Logs,
//! base64, compression, concatenations and arrays, in any nesting.

use std::ops::Range;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use tributary_core::{RecordLimit, SkipReason};

use crate::exact::{Fed, Scanner};
use crate::signs::is_separator;
use crate::wrapper::{Part, Wrapper};
use crate::{Packing, Unpacker};

/// How deep wrappers may nest: a Kinesis record, of a Lambda event, in an SQS message, of compressed log events.
const DEPTH: usize = 5;

/// As the services write it; padding may be missing, as some tools leave it out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Shorter texts are words, not payloads.
const BASE64_LEAST: usize = 8;

/// What the wrappers around a payload said about it; the innermost speaks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Envelope {
    /// Nothing: it was not wrapped, or in nothing that says anything.
    #[default]
    None,
    /// A Kinesis record of a Lambda event or of a get-records dump.
    Kinesis {
        /// Its partition key: of agent events the agent's ARN.
        partition_key: Option<String>,
        /// Its sequence number.
        sequence_number: Option<String>,
    },
    /// An SQS message.
    Sqs {
        /// Its id.
        message_id: Option<String>,
    },
    /// An SNS notification.
    Sns {
        /// Its id.
        message_id: Option<String>,
    },
    /// A record that Firehose hands to a transforming Lambda or an HTTP endpoint.
    Firehose {
        /// Its id.
        record_id: Option<String>,
    },
    /// A log event of a CloudWatch Logs subscription.
    CloudWatch {
        /// The account that owns the log group.
        owner: String,
        /// The log group.
        log_group: String,
        /// The log stream.
        log_stream: String,
        /// The id of the log event: equal ids are equal events.
        id: String,
        /// When it was logged, in milliseconds since 1970; `None` when the envelope does not say it as a number.
        timestamp_ms: Option<i64>,
    },
    /// A row that Amazon's analytics sample made of a log event on its way through Firehose.
    FirehoseRow {
        /// The id of the log event.
        event_id: String,
        /// Its time as it stands there: a number of milliseconds or a text.
        timestamp: String,
    },
    /// A line of a CloudWatch Logs export.
    Export {
        /// The time before the message, as it stands there.
        timestamp: String,
    },
}

/// One innermost payload, or what stands for one in the count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened<'a> {
    /// A payload.
    Payload {
        /// Its bytes.
        bytes: &'a [u8],
        /// What its wrappers said about it.
        envelope: Envelope,
    },
    /// A wrapper with no payload in it.
    Empty(SkipReason),
    /// A wrapper, or an element of one, that cannot be opened.
    Corrupt {
        /// Its bytes.
        bytes: &'a [u8],
        /// What is wrong with it, for a person.
        message: String,
    },
}

/// Opens `payload` and hands each innermost payload to `each`, in order; at least one call. What is no wrapper is
/// handed back unchanged, broken JSON included: its decoder knows better what is wrong with it.
///
/// Nothing decompressed may be longer than `limit`. Wrappers nest up to five deep. Costs a scan of each layer and a
/// JSON parse of each wrapper: meant for what is not plainly an event.
pub fn open(payload: &[u8], limit: RecordLimit, each: &mut dyn FnMut(Opened<'_>)) {
    Opener { limit, each }.walk(payload, &Envelope::None, 0);
}

/// What may be seen of a layer from its first bytes.
enum Layer<'a> {
    Packed(Packing),
    Json,
    Quoted(String),
    Dated { timestamp: &'a str, rest: &'a [u8] },
    Base64(Vec<u8>),
    None,
}

struct Opener<'v> {
    limit: RecordLimit,
    each: &'v mut dyn FnMut(Opened<'_>),
}

impl Opener<'_> {
    /// Opens what `depth` layers were taken off already.
    fn walk(&mut self, bytes: &[u8], envelope: &Envelope, depth: usize) {
        let layer = layer(bytes);
        if !matches!(layer, Layer::None | Layer::Json) && depth == DEPTH {
            return self.too_deep(bytes);
        }
        match layer {
            Layer::None => self.payload(bytes, envelope),
            Layer::Json => self.json(bytes, envelope, depth),
            Layer::Packed(packing) => match unpack(bytes, packing, self.limit) {
                Ok(inner) => self.walk(&inner, envelope, depth + 1),
                Err(message) => self.corrupt(bytes, message),
            },
            Layer::Quoted(inner) => self.walk(inner.as_bytes(), envelope, depth + 1),
            Layer::Dated { timestamp, rest } => {
                self.walk(rest, &Envelope::Export { timestamp: timestamp.to_owned() }, depth + 1);
            }
            Layer::Base64(inner) => self.walk(&inner, envelope, depth + 1),
        }
    }

    /// Objects: one, concatenated, or the elements of an array.
    fn json(&mut self, bytes: &[u8], envelope: &Envelope, depth: usize) {
        let mut parts = parts(bytes).peekable();
        let Some(first) = parts.next() else {
            return (self.each)(Opened::Empty(SkipReason::EmptyWrapper));
        };
        if parts.peek().is_none() && bytes[..first.start].iter().all(|&byte| byte != b'[') {
            return self.object(bytes, envelope, depth);
        }
        for part in std::iter::once(first).chain(parts) {
            let part = &bytes[part];
            if part.starts_with(b"{") { self.object(part, envelope, depth) } else { self.walk(part, envelope, depth) }
        }
    }

    /// One object: a wrapper or a payload.
    fn object(&mut self, bytes: &[u8], envelope: &Envelope, depth: usize) {
        let wrapper = if Wrapper::is_possible(bytes) { Wrapper::of(bytes) } else { None };
        let Some(wrapper) = wrapper else {
            return self.payload(bytes, envelope);
        };
        if depth == DEPTH {
            return self.too_deep(bytes);
        }
        let parts = match wrapper {
            Wrapper::Control => return (self.each)(Opened::Empty(SkipReason::ControlMessage)),
            Wrapper::Parts(parts) if parts.is_empty() => {
                return (self.each)(Opened::Empty(SkipReason::EmptyWrapper));
            }
            Wrapper::Parts(parts) => parts,
        };
        for part in parts {
            self.part(part, bytes, depth);
        }
    }

    fn part(&mut self, part: Part, wrapper: &[u8], depth: usize) {
        match part {
            Part::Base64 { text, envelope } => match BASE64.decode(text.trim_ascii()) {
                Ok(inner) => self.walk(&inner, &envelope, depth + 1),
                Err(error) => self.corrupt(text.as_bytes(), format!("not base64: {error}")),
            },
            Part::Layered { text, envelope } => self.walk(text.as_bytes(), &envelope, depth + 1),
            Part::Innermost { text, envelope } => self.payload(text.as_bytes(), &envelope),
            Part::Unusable { element, message } => match serde_json::to_vec(&element) {
                Ok(bytes) => self.corrupt(&bytes, message.to_owned()),
                Err(_) => self.corrupt(wrapper, message.to_owned()),
            },
        }
    }

    fn payload(&mut self, bytes: &[u8], envelope: &Envelope) {
        (self.each)(Opened::Payload { bytes, envelope: envelope.clone() });
    }

    fn corrupt(&mut self, bytes: &[u8], message: String) {
        (self.each)(Opened::Corrupt { bytes, message });
    }

    fn too_deep(&mut self, bytes: &[u8]) {
        self.corrupt(bytes, format!("wrappers nest more than {DEPTH} deep"));
    }
}

/// The outermost layer of `bytes`.
fn layer(bytes: &[u8]) -> Layer<'_> {
    let packing = Packing::of(bytes);
    if packing != Packing::Plain {
        return Layer::Packed(packing);
    }
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii();
    match text.first() {
        Some(b'{' | b'[') => Layer::Json,
        Some(b'"') => serde_json::from_slice(text).map_or(Layer::None, Layer::Quoted),
        Some(_) => dated(text).or_else(|| base64_text(text)).unwrap_or(Layer::None),
        None => Layer::None,
    }
}

/// A line of a CloudWatch Logs export: an ISO 8601 time, white space, JSON.
fn dated(text: &[u8]) -> Option<Layer<'_>> {
    let end = text.iter().position(u8::is_ascii_whitespace)?;
    let timestamp = str::from_utf8(&text[..end]).ok()?;
    let shape = |pattern: &[u8]| {
        timestamp.len() >= pattern.len()
            && timestamp.bytes().zip(pattern).all(|(byte, &expected)| match expected {
                b'0' => byte.is_ascii_digit(),
                other => byte == other,
            })
    };
    let rest = text[end..].trim_ascii_start();
    (shape(b"0000-00-00T00:00") && rest.starts_with(b"{")).then_some(Layer::Dated { timestamp, rest })
}

/// Text that is base64 of something that is a layer or JSON itself.
fn base64_text(text: &[u8]) -> Option<Layer<'_>> {
    let plausible = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    if text.len() < BASE64_LEAST || !text.iter().all(plausible) {
        return None;
    }
    let inner = BASE64.decode(text).ok()?;
    let begins = inner.trim_ascii_start().first();
    let useful = Packing::of(&inner) != Packing::Plain || matches!(begins, Some(b'{' | b'['));
    useful.then_some(Layer::Base64(inner))
}

/// Undoes compression, but never to more than `limit`.
fn unpack(bytes: &[u8], packing: Packing, limit: RecordLimit) -> Result<Vec<u8>, String> {
    let mut unpacker = Unpacker::new(packing);
    unpacker.push(Bytes::copy_from_slice(bytes));
    unpacker.finish();
    let mut inner = Vec::new();
    for chunk in unpacker {
        let chunk = chunk.map_err(|damage| damage.to_string())?;
        if inner.len() + chunk.len() > limit.bytes() {
            return Err(format!("too long when opened: more than {} bytes", limit.bytes()));
        }
        inner.extend_from_slice(&chunk);
    }
    Ok(inner)
}

/// Where the objects of `bytes` stand, cut exactly, with what stands between them line by line.
fn parts(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        at += bytes[at..].iter().position(|&byte| !is_separator(byte))?;
        let rest = &bytes[at..];
        let length = if rest[0] == b'{' {
            match Scanner::new().feed(rest) {
                Fed::Closed(end) | Fed::Broken(end) => end,
                Fed::Open => rest.len(),
            }
        } else {
            memchr::memchr(b'\n', rest).unwrap_or(rest.len())
        };
        let begun = at;
        at += length;
        Some(begun..begun + rest[..length].trim_ascii_end().len())
    })
}

#[cfg(test)]
mod tests;
