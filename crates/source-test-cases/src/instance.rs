//! What is asked of an instance, and the records that are made of the answers.

use std::collections::HashMap;
use std::ops::Range;

use bytes::Bytes;
use serde_json::{Value, json};
use tributary_connect_api::{Client, Error as ApiError, Execution, ExecutionFilter, Sent};
use tributary_core::Timestamp;

use crate::{Error, Options};

/// Of a test case: what it does and what it begins with, in texts that may be long and have no column.
const LEFT_OUT: [&str; 2] = ["Content", "InitializationData"];

/// What a moment may be off by where it was rounded: a second.
const ROUNDED: i64 = 1_000_000;

/// An instance that can be asked.
#[derive(Debug)]
pub(crate) struct Instance {
    client: Client,
    pub(crate) options: Options,
    /// Its ARN, once any test case has told it.
    arn: Option<String>,
}

/// What is known of the test cases of a slice: asked for anew for each, since a test case changes.
#[derive(Debug, Default)]
pub(crate) struct TestCases {
    described: HashMap<String, Option<Value>>,
    /// Whether they were listed in search of an ARN.
    is_listed: bool,
}

impl Instance {
    /// Configures the connection; nothing is sent yet but what finds the region.
    pub(crate) async fn connect(options: Options) -> Result<Self, Error> {
        let api = tributary_connect_api::Options {
            rate: options.rate,
            ..tributary_connect_api::Options::new(options.connection.clone())
        };
        match Client::open(&api).await {
            Ok(client) => Ok(Self { client, options, arn: None }),
            Err(cause) => Err(Error::Api { name: options.name, cause }),
        }
    }

    fn failed(&self, cause: ApiError) -> Error {
        Error::Api { name: self.options.name.clone(), cause }
    }

    /// The service's clock.
    pub(crate) async fn now(&self) -> Result<Timestamp, Error> {
        self.client.clock(&self.options.instance).await.map_err(|cause| self.failed(cause))
    }

    /// Every execution that began in `slice`, and those that began never.
    pub(crate) async fn executions(&self, slice: &Range<Timestamp>) -> Result<Vec<Sent<Execution>>, Error> {
        // "After" may leave out the moment itself, and what is answered may be rounded.
        let filter = ExecutionFilter {
            started_after: Some(slice.start.plus_micros(-ROUNDED)),
            started_before: Some(slice.end.plus_micros(ROUNDED)),
            ..ExecutionFilter::default()
        };
        let listed = self.client.executions(&self.options.instance, &filter).await;
        let mut executions = listed.map_err(|cause| self.failed(cause))?;
        executions.retain(|execution| execution.read.start_time.is_none_or(|start| slice.contains(&start)));
        Ok(executions)
    }

    /// The record of an execution.
    pub(crate) async fn record(&mut self, execution: &Sent<Execution>, known: &mut TestCases) -> Result<Bytes, Error> {
        let id = &execution.read.test_case;
        let described = match known.described.get(id) {
            Some(described) => described.clone(),
            None => {
                let described = self.describe(id).await?;
                known.described.insert(id.clone(), described.clone());
                described
            }
        };
        let told = described.as_ref().and_then(|told| instance_arn(told.get("Arn")?.as_str()?));
        self.arn = self.arn.take().or(told);
        if self.arn.is_none() && !known.is_listed {
            known.is_listed = true;
            self.arn = self.any_arn().await?;
        }
        let mut record = json!({ "InstanceId": self.options.instance, "TestCaseExecutions": [execution.json] });
        if let Some(arn) = &self.arn {
            record["InstanceArn"] = arn.as_str().into();
        }
        if let Some(described) = described {
            record["TestCase"] = described;
        }
        Ok(Bytes::from(record.to_string()))
    }

    /// What the service says of a test case; none of one that was deleted.
    async fn describe(&self, id: &str) -> Result<Option<Value>, Error> {
        match self.client.test_case(&self.options.instance, id).await {
            Ok(Sent { mut json, .. }) => {
                if let Some(members) = json.as_object_mut() {
                    members.retain(|name, _| !LEFT_OUT.contains(&name.as_str()));
                }
                Ok(Some(json))
            }
            Err(ApiError::NotFound { .. }) => Ok(None),
            Err(cause) => Err(self.failed(cause)),
        }
    }

    /// The ARN of the instance, as any of its test cases has it.
    async fn any_arn(&self) -> Result<Option<String>, Error> {
        let listed = self.client.test_cases(&self.options.instance).await.map_err(|cause| self.failed(cause))?;
        Ok(listed.iter().find_map(|test_case| instance_arn(&test_case.read.arn)))
    }
}

/// What stands before `/test-case/` in the ARN of a test case.
fn instance_arn(arn: &str) -> Option<String> {
    arn.split_once("/test-case/").map(|(instance, _)| instance.to_owned())
}
