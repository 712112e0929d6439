//! The keys that are in the lake, read from the files that are visible.

use std::sync::Arc;

use async_trait::async_trait;
use tributary_core::{CommittedKeys, Day, Failure, RowKey};
use tributary_store::ObjectStore;

use crate::note::note_key;
use crate::sink::{day_folder, store_failure};
use crate::{Faults, Place, note_table};

/// The keys of all notes that anybody can see.
pub struct NoteKeys {
    /// The lake.
    pub store: Arc<dyn ObjectStore>,
    /// What goes wrong.
    pub faults: Faults,
}

#[async_trait]
impl CommittedKeys for NoteKeys {
    async fn day(&mut self, day: Day) -> Result<Vec<RowKey>, Failure> {
        self.faults.hit(Place::Keys)?;
        let folder = day_folder(note_table().id.as_str(), day)?;
        let mut keys = Vec::new();
        for file in self.store.list(&folder, None).await.map_err(store_failure)? {
            let body = self.store.read(&file).await.map_err(store_failure)?.unwrap_or_default();
            let text = String::from_utf8_lossy(&body).into_owned();
            keys.extend(text.lines().filter_map(|line| line.split('|').nth(1)).map(|key| note_key(day, key)));
        }
        Ok(keys)
    }
}
