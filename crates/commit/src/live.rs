//! Which files make up the lake.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use tributary_core::{Digest, Epoch, Key, PartitionPath, SealedFile, TableId};

/// A committed file that no later epoch replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveFile {
    /// Its name.
    pub key: Key,
    /// Its rows.
    pub rows: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its checksum.
    pub digest: Digest,
    /// The epoch that committed it.
    pub epoch: Epoch,
}

/// The files of each table and partition, in the order of their epochs. Counts what is claimed, published or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveFiles {
    days: BTreeMap<(TableId, PartitionPath), Vec<LiveFile>>,
    places: HashMap<Key, (TableId, PartitionPath)>,
}

impl LiveFiles {
    /// All files with their table and partition, in the order of these.
    pub fn iter(&self) -> impl Iterator<Item = (&TableId, PartitionPath, &LiveFile)> {
        self.days.iter().flat_map(|((table, partition), files)| files.iter().map(move |file| (table, *partition, file)))
    }

    /// The partitions that have files, with them.
    pub fn days(&self) -> impl Iterator<Item = (&TableId, PartitionPath, &[LiveFile])> {
        self.days.iter().map(|((table, partition), files)| (table, *partition, files.as_slice()))
    }

    /// The files of one partition of one table.
    pub fn day(&self, table: &TableId, partition: PartitionPath) -> &[LiveFile] {
        self.days.get(&(table.clone(), partition)).map_or(&[], Vec::as_slice)
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether a file of this name is live.
    pub fn contains(&self, key: &Key) -> bool {
        self.places.contains_key(key)
    }

    pub(crate) fn add(&mut self, epoch: Epoch, file: &SealedFile) {
        let live = LiveFile {
            key: file.key.clone(),
            rows: file.rows,
            bytes: file.ticket.bytes,
            digest: file.ticket.digest,
            epoch,
        };
        self.put(file.table.clone(), file.partition, live);
    }

    pub(crate) fn put(&mut self, table: TableId, partition: PartitionPath, file: LiveFile) {
        let place = (table, partition);
        self.places.insert(file.key.clone(), place.clone());
        self.days.entry(place).or_default().push(file);
    }

    /// Takes a file out; tells where it was.
    pub(crate) fn remove(&mut self, key: &Key) -> Option<(TableId, PartitionPath)> {
        let place = self.places.remove(key)?;
        if let Some(files) = self.days.get_mut(&place) {
            files.retain(|file| file.key != *key);
            if files.is_empty() {
                self.days.remove(&place);
            }
        }
        Some(place)
    }
}
