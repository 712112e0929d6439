//! Headers of a record, as they came.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde_json::{Map, Value};

/// What is shown of a value: 8 KiB.
const LONGEST: usize = 8 << 10;

/// Names and values beside a record, in the order in which they came; names may come again. One string of bytes: few
/// records need them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Bytes);

impl Headers {
    /// Appends a header to bytes that [`Headers::from_encoded`] takes.
    pub fn encode(name: &[u8], value: &[u8], out: &mut BytesMut) {
        put(name, out);
        put(value, out);
    }

    /// What was encoded.
    pub fn from_encoded(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// How many bytes they take.
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `[{"name": "traceparent", "value": "00-4b…"}]`; of a value its first 8 KiB, under `hex` where they are no text.
    pub fn to_json(&self) -> String {
        let mut rest = self.0.clone();
        let mut all = Vec::new();
        while let (Some(name), Some(value)) = (take(&mut rest), take(&mut rest)) {
            let value = value.slice(..value.len().min(LONGEST));
            let name = String::from_utf8_lossy(&name).into_owned();
            let (kind, value) = match str::from_utf8(&value) {
                Ok(text) => ("value", text.to_owned()),
                Err(_) => ("hex", value.iter().map(|byte| format!("{byte:02x}")).collect()),
            };
            all.push(Value::Object(Map::from_iter([
                ("name".to_owned(), Value::String(name)),
                (kind.to_owned(), Value::String(value)),
            ])));
        }
        Value::Array(all).to_string()
    }
}

fn put(bytes: &[u8], out: &mut BytesMut) {
    // What a broker takes is far below 4 GiB.
    out.put_u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    out.put_slice(bytes);
}

fn take(rest: &mut Bytes) -> Option<Bytes> {
    let length = usize::try_from(rest.try_get_u32().ok()?).ok()?;
    (length <= rest.len()).then(|| rest.split_to(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_shown_as_json() {
        let mut bytes = BytesMut::new();
        Headers::encode(b"trace", b"00-\"a\"", &mut bytes);
        Headers::encode(b"trace", b"", &mut bytes);
        Headers::encode(b"caf\xe9", &[0xff, 0], &mut bytes);
        let headers = Headers::from_encoded(bytes.freeze());
        assert!(!headers.is_empty());
        let expected =
            r#"[{"name":"trace","value":"00-\"a\""},{"name":"trace","value":""},{"hex":"ff00","name":"caf?"}]"#;
        let expected = expected.replace('?', "\u{fffd}");
        assert_eq!(headers.to_json(), expected);
        assert_eq!(Headers::default().to_json(), "[]");
    }
}
