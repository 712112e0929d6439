//! The worker that reads a stream of Kinesis, and where its leases are.

use std::sync::{Arc, PoisonError};

#[cfg(feature = "dynamodb")]
use tributary_aws::Connection;
use tributary_commit::leases_folder;
use tributary_core::{Failure, Fault};
use tributary_leases::LeaseTable;
use tributary_leases_store::StoreLeases;
use tributary_source_kinesis::{Group, Options};
use tributary_store::ObjectStore;

use super::{LineFactory, nonce};
use crate::error::Error;
use crate::file::Mode;
use crate::kinesis_plan::KinesisPlan;

impl LineFactory {
    /// The worker that reads the plan's stream; it joins when it is first asked for.
    pub(super) async fn kinesis_group(
        &self,
        kinesis: &KinesisPlan,
        store: &Arc<dyn ObjectStore>,
    ) -> Result<Arc<Group>, Failure> {
        let known = self.kinesis.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(group) = known {
            return Ok(group);
        }
        let options = self.kinesis_options(kinesis)?;
        let leases = match options.batch {
            true => None,
            false => {
                let worker = worker_name();
                let table = self.leases(kinesis, store, &worker).await?;
                Some((worker, table))
            }
        };
        let group = Arc::new(Group::join(options, leases, self.clock()).await?);
        *self.kinesis.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&group));
        Ok(group)
    }

    /// Where the leases of the shards are.
    async fn leases(
        &self,
        kinesis: &KinesisPlan,
        store: &Arc<dyn ObjectStore>,
        worker: &str,
    ) -> Result<Arc<dyn LeaseTable>, Failure> {
        if let Some(table) = &kinesis.lease_table {
            return in_dynamodb(kinesis, table).await;
        }
        let folder = leases_folder(&self.plan.pipeline, &kinesis.options.name);
        let folder = folder.map_err(|error| Failure::new(Fault::Bug, "pipeline/tables", error))?;
        Ok(Arc::new(StoreLeases::new(Arc::clone(store), folder, worker)))
    }

    /// What the source is told in this run.
    pub(crate) fn kinesis_options(&self, kinesis: &KinesisPlan) -> Result<Options, Failure> {
        if self.share.is_some() {
            return Err(Error::Worker { name: kinesis.options.name.clone() }.into());
        }
        Ok(Options {
            batch: self.plan.mode == Mode::Batch,
            queue_bytes: usize::try_from(self.queue_bytes()).unwrap_or(usize::MAX),
            ..kinesis.options.clone()
        })
    }
}

/// The role is for the stream, which may be another account's; the table is ours.
#[cfg(feature = "dynamodb")]
async fn in_dynamodb(kinesis: &KinesisPlan, table: &str) -> Result<Arc<dyn LeaseTable>, Failure> {
    let connection = Connection { endpoint: None, role: None, ..kinesis.options.connection.clone() };
    let options = tributary_leases_dynamodb::Options { table: table.to_owned(), connection };
    let leases = tributary_leases_dynamodb::DynamoLeases::open(options).await;
    Ok(Arc::new(leases.map_err(|error| Failure::new(error.fault(), error.code(), error))?))
}

#[cfg(not(feature = "dynamodb"))]
async fn in_dynamodb(kinesis: &KinesisPlan, _: &str) -> Result<Arc<dyn LeaseTable>, Failure> {
    Err(Error::NoDynamoDb { name: kinesis.options.name.clone() }.into())
}

/// How this process is called among those that share the shards: its number, for a person, and what no other has.
fn worker_name() -> String {
    let nonce = nonce();
    format!("{}-{}", std::process::id(), nonce.get(..16).unwrap_or(&nonce))
}
