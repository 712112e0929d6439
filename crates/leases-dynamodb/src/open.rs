//! The table, found or made.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata as _};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableDescription, TableStatus,
};
use tributary_aws::Connection;

use crate::error::{Call, Error};
use crate::row::KEY;
use crate::table::DynamoLeases;

/// Tries of one call: with the SDK's backoff, a few seconds. A turn that failed is followed by another.
const ATTEMPTS: u32 = 4;

/// For one try, and for all of a call: well within the 30 seconds of a lease.
const ATTEMPT: Duration = Duration::from_secs(4);
const OPERATION: Duration = Duration::from_secs(12);

/// How often a table that is being made is looked at, and for how long. AWS takes some seconds.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LOOKS: u32 = 120;

const DESCRIBE: Call = Call { verb: "describing", action: "dynamodb:DescribeTable" };
const CREATE: Call = Call { verb: "creating", action: "dynamodb:CreateTable" };

/// Where leases are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The table. Each source of each pipeline needs its own.
    pub table: String,
    /// Where and as whom.
    pub connection: Connection,
}

impl DynamoLeases {
    /// Connects, and creates the table when it is missing (capacity on demand). Returns once it can be used.
    ///
    /// Needs `dynamodb:DescribeTable`, `Scan`, `PutItem` and `DeleteItem` on the table, and `CreateTable` where it is not there.
    ///
    /// # Errors
    /// [`Error::Connection`], [`Error::Denied`] with the right that is missing, [`Error::Table`] when the table has another key or
    /// is not ready in two minutes, [`Error::Call`].
    pub async fn open(options: Options) -> Result<Self, Error> {
        let shared = tributary_aws::connect(&options.connection).await?;
        let times = shared.timeout_config().map(TimeoutConfig::to_builder).unwrap_or_default();
        let times = times.operation_attempt_timeout(ATTEMPT).operation_timeout(OPERATION);
        let mut config = aws_sdk_dynamodb::config::Builder::from(&shared)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(times.build());
        let endpoint = options.connection.endpoint.clone();
        if let Some(endpoint) = endpoint.or_else(|| tributary_aws::configured_endpoint(&shared, "DynamoDB")) {
            config = config.endpoint_url(endpoint);
        }
        let client = Client::from_conf(config.build());
        // Three calls in a loop are large as a future, and this is called once.
        Box::pin(make_ready(&client, &options.table)).await?;
        Ok(Self::new(client, options.table))
    }
}

/// Sees to it that the table is there.
async fn make_ready(client: &Client, table: &str) -> Result<(), Error> {
    let broken = |reason: &str| Error::Table { table: table.to_owned(), reason: reason.to_owned() };
    for _ in 0..LOOKS {
        let Some(found) = describe(client, table).await? else {
            if create(client, table).await? == Made::ByOthers {
                // They may delete it: it is neither there nor can it be made.
                tokio::time::sleep(LOOK_EVERY).await;
            }
            continue;
        };
        if !has_our_key(&found) {
            return Err(broken("its key is not leaseKey of type S; name another table, or one that is not there"));
        }
        match found.table_status() {
            Some(TableStatus::Active | TableStatus::Updating) => return Ok(()),
            Some(TableStatus::Creating | TableStatus::Deleting) => tokio::time::sleep(LOOK_EVERY).await,
            _ => return Err(broken("it cannot be written to; look at it in the console of DynamoDB")),
        }
    }
    Err(broken("it was not ready within two minutes; start again"))
}

async fn describe(client: &Client, table: &str) -> Result<Option<TableDescription>, Error> {
    match client.describe_table().table_name(table).send().await {
        Ok(described) => Ok(described.table),
        Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(None),
        Err(error) => Err(Error::of(&error, DESCRIBE, table)),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Made {
    ByUs,
    ByOthers,
}

async fn create(client: &Client, table: &str) -> Result<Made, Error> {
    let said = |error: BuildError| Error::Table { table: table.to_owned(), reason: error.to_string() };
    let attribute = AttributeDefinition::builder().attribute_name(KEY).attribute_type(ScalarAttributeType::S);
    let key = KeySchemaElement::builder().attribute_name(KEY).key_type(KeyType::Hash);
    let sent = client
        .create_table()
        .table_name(table)
        .attribute_definitions(attribute.build().map_err(said)?)
        .key_schema(key.build().map_err(said)?)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await;
    match sent {
        Ok(_) => {
            tracing::info!(table, "created a table for leases");
            Ok(Made::ByUs)
        }
        Err(error) if error.code() == Some("ResourceInUseException") => Ok(Made::ByOthers),
        Err(error) => Err(Error::of(&error, CREATE, table)),
    }
}

fn has_our_key(table: &TableDescription) -> bool {
    let [key] = table.key_schema() else { return false };
    let is_text = |attribute: &AttributeDefinition| {
        attribute.attribute_name() == KEY && *attribute.attribute_type() == ScalarAttributeType::S
    };
    key.attribute_name() == KEY && table.attribute_definitions().iter().any(is_text)
}
