//! Whether the server keeps the promise that the log stands on.

use bytes::Bytes;
use tributary_core::{Attempt, Key};
use tributary_store::{ObjectStore, StoreError};

use crate::S3Store;

impl S3Store {
    /// Creates an object twice, in a folder of the log, and removes it: a server that says twice that it made it does
    /// not honour `If-None-Match`, and two processes would both believe to have claimed one epoch. Three requests.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] from such a server; what the store says.
    pub async fn prove_conditional_writes(&self, attempt: &Attempt) -> Result<(), StoreError> {
        let inner = &self.inner;
        if inner.options.exclusive {
            return Ok(());
        }
        let unusable =
            |reason: &str| StoreError::Unusable { location: inner.location.clone(), reason: reason.to_owned() };
        let key: Result<Key, _> = format!("_tributary/probes/{attempt}").parse();
        let key = key.map_err(|_| unusable("the name of a probe is refused"))?;
        inner.put_if_absent(&key, Bytes::from_static(b"probe")).await?;
        let second = inner.put_if_absent(&key, Bytes::from_static(b"probe again")).await?;
        self.delete(&key).await?;
        match second {
            None => Ok(()),
            Some(()) => Err(unusable(
                "the server ignores conditional writes (PutObject with If-None-Match: *), on which exactly-once \
                 stands; use S3, or a server that has them, or set exclusive = true in [lake.s3] if never more than \
                 one process writes to this lake",
            )),
        }
    }
}
