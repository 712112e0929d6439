//! The calls that read and write leases.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use futures_util::StreamExt as _;
use tributary_core::{Failure, Fault};
use tributary_leases::{Change, Lease, LeaseTable};

use crate::error::{Call, Error};
use crate::row::{COUNTER, KEY, counter, item, key, lease};

/// Writes that are on their way at once: hundreds of leases are renewed within a second or two, and a new table is not
/// overrun.
const AT_ONCE: usize = 16;

const SCAN: Call = Call { verb: "reading", action: "dynamodb:Scan" };
const PUT: Call = Call { verb: "writing to", action: "dynamodb:PutItem" };
const DELETE: Call = Call { verb: "deleting from", action: "dynamodb:DeleteItem" };

/// Leases in a table of DynamoDB.
#[derive(Clone, Debug)]
pub struct DynamoLeases {
    client: Client,
    table: String,
}

impl DynamoLeases {
    pub(crate) fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    async fn scan(&self) -> Result<Vec<Lease>, Error> {
        let pages = self.client.scan().table_name(&self.table).consistent_read(true).into_paginator();
        let mut items = pages.items().send();
        let mut leases = Vec::new();
        while let Some(found) = items.next().await {
            let found = found.map_err(|error| Error::of(&error, SCAN, &self.table))?;
            leases.push(lease(&found, &self.table)?);
        }
        Ok(leases)
    }

    async fn change(&self, change: Change) -> Result<bool, Error> {
        match change {
            Change::Create(lease) => self.put(&lease, None).await,
            Change::Replace { seen, lease } => self.put(&lease, Some(seen)).await,
            Change::Delete { key, seen } => self.delete(&key, seen).await,
        }
    }

    /// Puts the row in the place of the one that was seen, or of none.
    async fn put(&self, lease: &Lease, seen: Option<u64>) -> Result<bool, Error> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item(lease)));
        let put = match seen {
            None => put.condition_expression("attribute_not_exists(#is)").expression_attribute_names("#is", KEY),
            Some(seen) => put
                .condition_expression("#is = :seen")
                .expression_attribute_names("#is", COUNTER)
                .expression_attribute_values(":seen", counter(seen)),
        };
        let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_refused(&error) => Ok(self.stands(&error, lease)),
            Err(error) => Err(Error::of(&error, PUT, &self.table)),
        }
    }

    /// Whether what stands in the way is what was to be written: the answer to a first try was lost, and the SDK tried again.
    /// Nobody else writes the same, for a worker writes no row of another's but with its own name in it.
    fn stands(&self, error: &SdkError<PutItemError, HttpResponse>, wanted: &Lease) -> bool {
        let Some(PutItemError::ConditionalCheckFailedException(refused)) = error.as_service_error() else {
            return false;
        };
        refused.item().is_some_and(|there| lease(there, &self.table).is_ok_and(|there| there == *wanted))
    }

    /// Deletes the row. One that the SDK had deleted at a first try is said not to be done, which the port allows.
    async fn delete(&self, name: &str, seen: u64) -> Result<bool, Error> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key(name)))
            .condition_expression("#is = :seen")
            .expression_attribute_names("#is", COUNTER)
            .expression_attribute_values(":seen", counter(seen));
        match delete.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_refused(&error) => Ok(false),
            Err(error) => Err(Error::of(&error, DELETE, &self.table)),
        }
    }
}

#[async_trait]
impl LeaseTable for DynamoLeases {
    async fn read(&self) -> Result<Vec<Lease>, Failure> {
        Ok(self.scan().await?)
    }

    /// Changes rows one by one, several at once. Where some fail for now (throttling, a lost connection) and others do not,
    /// those are said not to be done: that leases which were renewed are held does not hang on the others.
    async fn write(&self, changes: Vec<Change>) -> Result<Vec<bool>, Failure> {
        let calls = futures_util::stream::iter(changes.into_iter().map(|change| self.change(change)));
        let answers: Vec<Result<bool, Error>> = calls.buffered(AT_ONCE).collect().await;
        let all_failed = answers.iter().all(Result::is_err);
        let mut done = Vec::with_capacity(answers.len());
        for answer in answers {
            match answer {
                Ok(took_place) => done.push(took_place),
                Err(error) if all_failed || error.fault() != Fault::Transient => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(%error, "a lease could not be written; the next turn tries again");
                    done.push(false);
                }
            }
        }
        Ok(done)
    }
}

fn is_refused<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    error.code() == Some("ConditionalCheckFailedException")
}
