//! What stands in a document of the chain.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tributary_core::Key;
use tributary_leases::Lease;

use crate::Error;

/// The newest format; older ones are read for ever.
const FORMAT: u32 = 1;

/// A document: the whole table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Document {
    format: u32,
    /// Who wrote it, and how many it wrote before: tells its own document from those of others when an answer was lost.
    pub(crate) writer: String,
    pub(crate) write: u64,
    /// Documents up to this number may be deleted, once this one is in the chain.
    pub(crate) floor: u64,
    pub(crate) leases: Vec<Lease>,
}

/// What is read first: the rest may have another shape.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

impl Document {
    /// The document with these rows.
    pub(crate) fn new(writer: &str, write: u64, floor: u64, rows: &BTreeMap<String, Lease>) -> Self {
        Self { format: FORMAT, writer: writer.to_owned(), write, floor, leases: rows.values().cloned().collect() }
    }

    /// Its rows by their keys.
    pub(crate) fn rows(&self) -> BTreeMap<String, Lease> {
        self.leases.iter().map(|row| (row.key.clone(), row.clone())).collect()
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self).map_err(Error::Encode)
    }

    pub(crate) fn decode(key: &Key, bytes: &[u8]) -> Result<Self, Error> {
        let damaged = |cause| Error::Damaged { key: key.clone(), cause };
        let Format { format } = serde_json::from_slice(bytes).map_err(damaged)?;
        if format > FORMAT {
            return Err(Error::NewerFormat { key: key.clone(), format, newest: FORMAT });
        }
        serde_json::from_slice(bytes).map_err(damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        "leases/1".parse().unwrap()
    }

    #[test]
    fn the_first_format_stays_readable() {
        let text = r#"{"format":1,"writer":"ann","write":3,"floor":0,"leases":[
            {"key":"a","owner":"ann","counter":7,"rate":12},{"key":"b","counter":1,"wanted_by":"bob","checkpoint":"49"}]}"#;
        let document = Document::decode(&key(), text.as_bytes()).unwrap();
        let a = Lease { key: "a".into(), owner: Some("ann".into()), counter: 7, rate: 12, ..Lease::default() };
        let (wanted_by, checkpoint) = (Some("bob".into()), Some("49".into()));
        let b = Lease { key: "b".into(), counter: 1, wanted_by, checkpoint, ..Lease::default() };
        assert_eq!(document.leases, [a, b]);
        assert_eq!(Document::decode(&key(), &document.encode().unwrap()).unwrap(), document);
    }

    #[test]
    fn newer_and_damaged_ones_are_refused_by_name() {
        let said = |text: &str| Document::decode(&key(), text.as_bytes()).unwrap_err().to_string();
        let newer = said(r#"{"format":2,"rows":{}}"#);
        assert!(newer.starts_with("leases/1 has format 2, and this version reads up to 1"), "{newer}");
        for damaged in ["", "{}", "[1]", r#"{"format":1}"#] {
            assert!(said(damaged).starts_with("leases/1 is no table of leases"), "{damaged}");
        }
    }
}
