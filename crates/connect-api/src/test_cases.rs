//! Test cases and their executions. What is read of them comes with all that was sent.

use std::fmt;

use serde::Deserialize;
use tributary_core::Timestamp;

use crate::flows::{PAGE, instance_of, member};
use crate::request::Request;
use crate::sent::Sent;
use crate::{Client, Error, epoch};

/// The most executions or records on a page. Source: the service's model, `MaxResult100`.
const EXECUTIONS: usize = 100;

/// What the rights to ask for test cases are granted for.
const RESOURCE: &str = "the instance and its test cases";

/// A test case in a list. Source: the service's model, `TestCaseSummary`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TestCaseSummary {
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: Option<String>,
    /// `PUBLISHED` or `SAVED`.
    pub status: Option<String>,
    /// When it was changed last.
    #[serde(default, deserialize_with = "epoch::moment")]
    pub last_modified_time: Option<Timestamp>,
}

/// A test case. Source: the service's model, `TestCase`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TestCase {
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: Option<String>,
    /// `PUBLISHED` or `SAVED`.
    pub status: Option<String>,
    /// Where it begins.
    pub entry_point: Option<EntryPoint>,
    /// When it was changed last.
    #[serde(default, deserialize_with = "epoch::moment")]
    pub last_modified_time: Option<Timestamp>,
}

/// Where a test case begins. Source: the service's model, `TestCaseEntryPoint`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EntryPoint {
    /// `VOICE_CALL` or `CHAT`.
    #[serde(rename = "Type")]
    pub kind: Option<String>,
    #[serde(rename = "VoiceCallEntryPointParameters")]
    voice: Option<Begun>,
    #[serde(rename = "ChatEntryPointParameters")]
    chat: Option<Begun>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Begun {
    flow_id: Option<String>,
}

impl EntryPoint {
    /// The flow that is tested: that of its type, or of the one kind of parameters there is.
    pub fn flow(&self) -> Option<&str> {
        let begun = match self.kind.as_deref() {
            Some("CHAT") => self.chat.as_ref().or(self.voice.as_ref()),
            _ => self.voice.as_ref().or(self.chat.as_ref()),
        };
        begun?.flow_id.as_deref()
    }
}

/// How it is with an execution. Source: the service's model, `TestCaseExecutionStatus`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
#[non_exhaustive]
pub enum ExecutionStatus {
    /// It was asked for.
    Initiated,
    /// It runs.
    InProgress,
    /// It ended as it should.
    Passed,
    /// It did not.
    Failed,
    /// Somebody stopped it.
    Stopped,
    /// A word that the model does not have.
    Unknown(String),
}

impl ExecutionStatus {
    /// The service's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Initiated => "INITIATED",
            Self::InProgress => "IN_PROGRESS",
            Self::Passed => "PASSED",
            Self::Failed => "FAILED",
            Self::Stopped => "STOPPED",
            Self::Unknown(word) => word,
        }
    }

    /// Whether nothing of it changes any more.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Passed | Self::Failed | Self::Stopped)
    }
}

impl From<String> for ExecutionStatus {
    fn from(word: String) -> Self {
        match word.as_str() {
            "INITIATED" => Self::Initiated,
            "IN_PROGRESS" => Self::InProgress,
            "PASSED" => Self::Passed,
            "FAILED" => Self::Failed,
            "STOPPED" => Self::Stopped,
            _ => Self::Unknown(word),
        }
    }
}

impl fmt::Display for ExecutionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which executions; the default is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecutionFilter {
    /// Those of this test case.
    pub test_case: Option<String>,
    /// Those that began after it. The service goes by milliseconds, and does not say whether it means those of this one, too.
    pub started_after: Option<Timestamp>,
    /// Those that began before it.
    pub started_before: Option<Timestamp>,
    /// Those that are so now.
    pub status: Option<ExecutionStatus>,
}

/// An execution of a test case. Source: the service's model, `TestCaseExecution`, in which no member has to be there.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Execution {
    /// Its id; empty where it is left out.
    #[serde(rename = "TestCaseExecutionId", default)]
    pub id: String,
    /// The id of the test case; empty where it is left out.
    #[serde(rename = "TestCaseId", default)]
    pub test_case: String,
    /// How it is with it.
    #[serde(rename = "TestCaseExecutionStatus")]
    pub status: Option<ExecutionStatus>,
    /// When it began.
    #[serde(default, deserialize_with = "epoch::moment")]
    pub start_time: Option<Timestamp>,
    /// When it ended, if it did.
    #[serde(default, deserialize_with = "epoch::moment")]
    pub end_time: Option<Timestamp>,
}

/// An execution in numbers. Source: the service's model, `GetTestCaseExecutionSummaryResponse`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ExecutionSummary {
    /// How it is with it.
    pub status: Option<ExecutionStatus>,
    /// When it began.
    #[serde(default, deserialize_with = "epoch::moment")]
    pub start_time: Option<Timestamp>,
    /// When it ended, if it did.
    #[serde(default, deserialize_with = "epoch::moment")]
    pub end_time: Option<Timestamp>,
    observation_summary: Option<Observations>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Observations {
    total_observations: Option<u64>,
    observations_passed: Option<u64>,
    observations_failed: Option<u64>,
}

impl ExecutionSummary {
    /// How many observations there are.
    pub fn observations(&self) -> Option<u64> {
        self.observation_summary.as_ref()?.total_observations
    }

    /// How many were as they should.
    pub fn passed(&self) -> Option<u64> {
        self.observation_summary.as_ref()?.observations_passed
    }

    /// How many were not.
    pub fn failed(&self) -> Option<u64> {
        self.observation_summary.as_ref()?.observations_failed
    }
}

/// A step of an execution. Source: the service's model, `ExecutionRecord`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ExecutionRecord {
    /// The id of the observation.
    pub observation_id: String,
    /// How it is with it, in words of which an execution has more.
    pub status: Option<ExecutionStatus>,
    /// When it was made.
    #[serde(default, deserialize_with = "epoch::moment")]
    pub timestamp: Option<Timestamp>,
    /// What it says: a text that the documentation does not describe.
    pub record: Option<String>,
}

impl Client {
    /// The service's clock, to a second, where there is such an instance. `ListTestCases`, of which nothing is read.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such instance; what the service says.
    pub async fn clock(&self, instance: &str) -> Result<Timestamp, Error> {
        let request = Request::new("ListTestCases", RESOURCE, &["test-cases-summary", instance]);
        self.clock_of(&request.about(instance_of(instance)).with("maxResults", Some(1))).await
    }

    /// The test cases of an instance. `ListTestCases`.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such instance; what the service says.
    pub async fn test_cases(&self, instance: &str) -> Result<Vec<Sent<TestCaseSummary>>, Error> {
        let path = ["test-cases-summary", instance];
        let request = Request::new("ListTestCases", RESOURCE, &path).about(instance_of(instance));
        self.all(&request.with("maxResults", Some(PAGE)), "TestCaseSummaryList", Sent::of).await
    }

    /// A test case: the published one if there is one, otherwise the saved one. `DescribeTestCase`.
    ///
    /// # Errors
    /// [`Error::NotFound`]; what the service says.
    pub async fn test_case(&self, instance: &str, test_case: &str) -> Result<Sent<TestCase>, Error> {
        let request = Request::new("DescribeTestCase", RESOURCE, &["test-cases", instance, test_case]);
        let request = request.about(format!("test case {test_case} of the instance {instance}"));
        self.one(&request, |answer| Sent::of(member(answer, "TestCase")?)).await
    }

    /// The executions of test cases. `ListTestCaseExecutions`.
    ///
    /// # Errors
    /// [`Error::NotFound`]; what the service says.
    pub async fn executions(&self, instance: &str, filter: &ExecutionFilter) -> Result<Vec<Sent<Execution>>, Error> {
        let ExecutionFilter { test_case, started_after, started_before, status } = filter;
        let request = Request::new("ListTestCaseExecutions", RESOURCE, &["test-case-executions", instance])
            .about(instance_of(instance))
            .with("testCaseId", test_case.as_deref())
            .with("startTime", started_after.map(epoch::millis_down))
            .with("endTime", started_before.map(epoch::millis_up))
            .with("status", status.as_ref())
            .with("maxResults", Some(EXECUTIONS));
        self.all(&request, "TestCaseExecutions", Sent::of).await
    }

    /// An execution in numbers. `GetTestCaseExecutionSummary`.
    ///
    /// # Errors
    /// [`Error::NotFound`]; what the service says.
    pub async fn execution_summary(
        &self,
        instance: &str,
        test_case: &str,
        execution: &str,
    ) -> Result<Sent<ExecutionSummary>, Error> {
        let path = ["test-cases", instance, test_case, execution, "summary"];
        let request = Request::new("GetTestCaseExecutionSummary", RESOURCE, &path);
        self.one(&request.about(execution_of(instance, test_case, execution)), Sent::of).await
    }

    /// The steps of an execution. `ListTestCaseExecutionRecords`.
    ///
    /// # Errors
    /// [`Error::NotFound`]; what the service says.
    pub async fn execution_records(
        &self,
        instance: &str,
        test_case: &str,
        execution: &str,
    ) -> Result<Vec<Sent<ExecutionRecord>>, Error> {
        let path = ["test-cases", instance, test_case, execution, "records"];
        let request = Request::new("ListTestCaseExecutionRecords", RESOURCE, &path);
        let request = request.about(execution_of(instance, test_case, execution)).with("maxResults", Some(EXECUTIONS));
        self.all(&request, "ExecutionRecords", Sent::of).await
    }
}

/// What an execution is called in an error.
fn execution_of(instance: &str, test_case: &str, execution: &str) -> String {
    format!("execution {execution} of the test case {test_case} of the instance {instance}")
}
