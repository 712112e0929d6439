//! The port: a table of leases, changed row by row under a condition.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tributary_core::Failure;

/// The lease of one input.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Which input; the key of the table.
    pub key: String,
    /// The worker that reads it; nobody while it is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Rises by one with every write.
    pub counter: u64,
    /// The worker that asked the owner for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted_by: Option<String>,
    /// Bytes a second that the owner reads of it, lately.
    #[serde(default)]
    pub rate: u64,
    /// Where the commit log stands, as its owner knew at its last turn: for a person who looks; nothing hangs on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
}

/// What an owner says of an input that it reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Bytes a second that it reads of it, lately.
    pub rate: u64,
    /// Where the commit log stands; what stood there stays where nothing is said.
    pub checkpoint: Option<String>,
}

/// A change of one row. It takes place only if the row is as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A row that was not there.
    Create(Lease),
    /// A row in the place of the one whose counter was `seen`.
    Replace {
        /// The counter of the row that is replaced.
        seen: u64,
        /// The row.
        lease: Lease,
    },
    /// No row any more.
    Delete {
        /// Its key.
        key: String,
        /// Its counter.
        seen: u64,
    },
}

impl Change {
    /// The key of its row.
    pub fn key(&self) -> &str {
        match self {
            Self::Create(lease) | Self::Replace { lease, .. } => &lease.key,
            Self::Delete { key, .. } => key,
        }
    }

    /// The row that it makes; none when it deletes one.
    pub fn lease(&self) -> Option<&Lease> {
        match self {
            Self::Create(lease) | Self::Replace { lease, .. } => Some(lease),
            Self::Delete { .. } => None,
        }
    }

    /// What it makes of a table that is held whole; whether it took place.
    pub fn apply(self, rows: &mut BTreeMap<String, Lease>) -> bool {
        let there = rows.get(self.key()).map(|row| row.counter);
        match self {
            Self::Create(lease) if there.is_none() => {
                rows.insert(lease.key.clone(), lease);
                true
            }
            Self::Replace { seen, lease } if there == Some(seen) => {
                rows.insert(lease.key.clone(), lease);
                true
            }
            Self::Delete { key, seen } if there == Some(seen) => rows.remove(&key).is_some(),
            _ => false,
        }
    }
}

/// Where leases are kept.
#[async_trait]
pub trait LeaseTable: Send + Sync {
    /// All of them, in no order.
    async fn read(&self) -> Result<Vec<Lease>, Failure>;

    /// Makes changes, each of which is linearizable with every other of its row; for each whether it took place. A change
    /// whose answer was lost may have taken place and be reported as one that did not: whoever made it reads again.
    async fn write(&self, changes: Vec<Change>) -> Result<Vec<bool>, Failure>;
}
