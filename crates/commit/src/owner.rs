//! A table of a lake belongs to one pipeline.

use tributary_core::{PipelineId, TableId};
use tributary_store::{Created, ObjectStore};

use crate::CommitError;
use crate::layout;
use crate::record::{Owner, decode, encode, newest_format};

/// The table that every pipeline of a lake writes to.
pub(crate) const EVERYBODYS: &str = "rejected";

/// Takes possession of `tables`, or finds that it was taken before; refuses when one belongs to another pipeline.
pub(crate) async fn own(store: &dyn ObjectStore, pipeline: &PipelineId, tables: &[TableId]) -> Result<(), CommitError> {
    for table in tables.iter().filter(|table| table.as_str() != EVERYBODYS) {
        let key = layout::owner(table)?;
        let ours = Owner { format: newest_format(), table: table.clone(), pipeline: pipeline.clone() };
        let Created::Exists(body) = store.create(&key, encode(&ours)?).await? else { continue };
        let owner: Owner = decode(&key, &body)?;
        if owner.pipeline != *pipeline {
            return Err(CommitError::TableOwned {
                table: table.clone(),
                owner: owner.pipeline,
                pipeline: pipeline.clone(),
            });
        }
    }
    Ok(())
}

/// Who owns which table of this lake.
pub(crate) async fn owners(store: &dyn ObjectStore) -> Result<Vec<Owner>, CommitError> {
    let mut owners = Vec::new();
    for key in store.list(&layout::owners()?, None).await? {
        // Nobody deletes one; one that is gone says nothing.
        if let Some(body) = store.read(&key).await? {
            owners.push(decode(&key, &body)?);
        }
    }
    Ok(owners)
}
