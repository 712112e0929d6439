//! The JSON that is a commit.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tributary_core::{
    Attempt, Delta, Epoch, Key, PipelineId, ScopeId, SealedFile, StateKind, TableId, Tally, Timestamp,
};

use crate::CommitError;
use crate::digest::TextDigest;

/// The newest format of every object of the log. A newer one is refused by name, an older one is read for ever.
const FORMAT: u32 = 1;

/// What this process takes for the newest format, and writes.
pub(crate) fn newest_format() -> u32 {
    // A test makes a newer version of the program out of this one.
    fail::fail_point!("commit:newest_format", |format| format.and_then(|text| text.parse().ok()).unwrap_or(FORMAT));
    FORMAT
}

/// A commit. Its creation is the commit point: from there on its data counts as delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The format, 1.
    pub format: u32,
    /// Whose log it is in.
    pub pipeline: PipelineId,
    /// Its number.
    pub epoch: Epoch,
    /// Who made it.
    pub attempt: Attempt,
    /// When, by its maker's clock; for people, and for `gc`, which lets what is young alone.
    pub claimed_at: Timestamp,
    /// The digest of the record before it; none for epoch 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<TextDigest>,
    /// The digest of the options that give rows their meaning.
    pub options: TextDigest,
    /// The options themselves, where they are new: in epoch 0 and after an accepted change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options_text: Option<BTreeMap<String, String>>,
    /// What it accounts for.
    pub delta: Delta,
    /// The digest of the checkpoint after it.
    pub checkpoint: TextDigest,
    /// The files it adds, with all that is needed to publish them.
    #[serde(default)]
    pub adds: Vec<SealedFile>,
    /// The files it takes out.
    #[serde(default)]
    pub replaces: Vec<Key>,
    /// The attempts that may never be claimed from here on.
    #[serde(default)]
    pub bans: Vec<Attempt>,
    /// The snapshots of scopes that belong to it.
    #[serde(default)]
    pub state: Vec<StateEntry>,
    /// The count of it.
    pub tally: Tally,
}

/// A snapshot of a scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateEntry {
    /// Of which scope.
    pub scope: ScopeId,
    /// Whether it stands alone.
    pub kind: StateKind,
    /// Where it is.
    pub object: SideObject,
}

/// An object that a record names: never changed, and checked when it is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SideObject {
    /// Its name.
    pub key: Key,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its digest.
    pub digest: TextDigest,
}

impl SideObject {
    pub(crate) fn of(key: Key, body: &[u8]) -> Self {
        Self { key, bytes: body.len() as u64, digest: TextDigest::of(body) }
    }

    /// Refuses bytes that are not those that were written.
    pub(crate) fn check(&self, body: &[u8]) -> Result<(), CommitError> {
        if body.len() as u64 == self.bytes && TextDigest::of(body) == self.digest {
            return Ok(());
        }
        Err(CommitError::Damaged {
            key: self.key.clone(),
            reason: "its length or digest is not the recorded one".into(),
        })
    }
}

/// Who owns a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Owner {
    pub(crate) format: u32,
    pub(crate) table: TableId,
    pub(crate) pipeline: PipelineId,
}

/// The one field that can be read of every format.
#[derive(Deserialize)]
struct AnyFormat {
    format: u32,
}

/// Reads an object of the log. The format is looked at first: what a newer one holds is not judged.
pub(crate) fn decode<T: DeserializeOwned>(key: &Key, body: &[u8]) -> Result<T, CommitError> {
    let damaged = |error: serde_json::Error| CommitError::Damaged { key: key.clone(), reason: error.to_string() };
    let AnyFormat { format } = serde_json::from_slice(body).map_err(damaged)?;
    let newest = newest_format();
    if format > newest {
        return Err(CommitError::NewerFormat { key: key.clone(), format, newest });
    }
    serde_json::from_slice(body).map_err(damaged)
}

/// Writes an object of the log: a person may want to read it.
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Bytes, CommitError> {
    let mut body = serde_json::to_vec_pretty(value).map_err(CommitError::Encode)?;
    body.push(b'\n');
    Ok(body.into())
}

#[cfg(test)]
mod tests;
