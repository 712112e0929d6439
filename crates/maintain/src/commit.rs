//! The commit of a rewrite.

use tributary_commit::{Claim, CommitError, CommitLog, Proposal, Receipt};
use tributary_core::Failure;

use crate::error::Error;

/// Claims and publishes. Whoever rewrote the same meanwhile was first: then nothing is committed.
pub(crate) async fn commit(log: &mut CommitLog, proposal: Proposal) -> Result<Receipt, Failure> {
    let failure = |error: CommitError| Failure::new(error.fault(), error.code(), error);
    match log.claim(proposal).await.map_err(failure)? {
        Claim::Owned(permit) => log.publish(permit).await.map_err(failure),
        Claim::Fenced(by) => Err(Error::Fenced { by: Box::new(by) }.into()),
        Claim::Overtaken { epoch } => Err(Error::Overtaken { epoch }.into()),
    }
}
