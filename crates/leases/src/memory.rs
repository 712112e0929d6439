//! A table in memory, for tests and for workers of one process.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tributary_core::Failure;

use crate::{Change, Lease, LeaseTable};

/// A table in memory.
#[derive(Debug, Default)]
pub struct MemoryTable {
    rows: Mutex<BTreeMap<String, Lease>>,
}

impl MemoryTable {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<String, Lease>> {
        // A panic elsewhere leaves whole rows behind.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl LeaseTable for MemoryTable {
    async fn read(&self) -> Result<Vec<Lease>, Failure> {
        Ok(self.rows().values().cloned().collect())
    }

    async fn write(&self, changes: Vec<Change>) -> Result<Vec<bool>, Failure> {
        let mut rows = self.rows();
        Ok(changes.into_iter().map(|change| change.apply(&mut rows)).collect())
    }
}
