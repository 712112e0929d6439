//! The part of an upload that is not full yet.
//!
//! Many open files (days) with a part each would hold more memory than all that is being written: beyond a limit for
//! all of them together, a part waits on disk.

use std::io::{self, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{Bytes, BytesMut};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use crate::Spill;
use crate::store::Inner;

/// Bytes that wait for more.
pub(crate) struct Waiting {
    store: Arc<Inner>,
    memory: BytesMut,
    disk: Option<File>,
    on_disk: usize,
}

impl Waiting {
    pub(crate) fn new(store: Arc<Inner>) -> Self {
        Self { store, memory: BytesMut::new(), disk: None, on_disk: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.on_disk + self.memory.len()
    }

    pub(crate) async fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.memory.extend_from_slice(bytes);
        let all = self.store.waiting.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len();
        if all <= self.store.options.waiting || self.memory.is_empty() {
            return Ok(());
        }
        let Spill::Disk(folder) = &self.store.options.spill else { return Ok(()) };
        let file = match &mut self.disk {
            Some(file) => file,
            None => {
                let made = match folder {
                    Some(folder) => tempfile::tempfile_in(folder),
                    None => tempfile::tempfile(),
                };
                self.disk.insert(File::from_std(made?))
            }
        };
        file.write_all(&self.memory).await?;
        self.on_disk += self.memory.len();
        self.forget_memory();
        Ok(())
    }

    /// All of it; nothing waits afterwards.
    pub(crate) async fn take(&mut self) -> io::Result<Bytes> {
        if self.on_disk == 0 {
            self.store.waiting.fetch_sub(self.memory.len(), Ordering::Relaxed);
            return Ok(std::mem::take(&mut self.memory).freeze());
        }
        let mut whole = BytesMut::zeroed(self.on_disk);
        if let Some(file) = &mut self.disk {
            file.flush().await?;
            file.seek(SeekFrom::Start(0)).await?;
            file.read_exact(&mut whole).await?;
            // The next part begins where this one did.
            file.seek(SeekFrom::Start(0)).await?;
        }
        whole.extend_from_slice(&self.memory);
        self.on_disk = 0;
        self.forget_memory();
        Ok(whole.freeze())
    }

    fn forget_memory(&mut self) {
        self.store.waiting.fetch_sub(self.memory.len(), Ordering::Relaxed);
        self.memory = BytesMut::new();
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.forget_memory();
    }
}
