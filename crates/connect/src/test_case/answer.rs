//! Answers of `ListTestCaseExecutions`.
//!
//! An answer says little of the test case of an execution: `DescribeTestCase` does, and `ListTestCases` a part of it. What they
//! answered stands beside it.

use std::collections::HashMap;

use serde_json::{Value, json};
use tributary_core::{RejectReason, Timestamp};

use crate::arn::{account_of, instance_arn_of, instance_of, last_of};
use crate::case::moment;
use crate::object::{Object, Refused, Unknown};

/// An answer with what stands beside it.
#[derive(Debug)]
pub(crate) struct Answer<'v> {
    executions: &'v [Value],
    /// The descriptions of test cases, by their ids.
    described: HashMap<&'v str, Object<'v>>,
    /// One instance answers, so that whatever names one names it.
    instance_arn: Option<&'v str>,
}

/// One execution, in the words of the lake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Execution<'v> {
    pub(crate) instance_id: &'v str,
    pub(crate) instance_arn: &'v str,
    pub(crate) account_id: Option<&'v str>,
    pub(crate) arn: String,
    pub(crate) name: Option<&'v str>,
    pub(crate) id: &'v str,
    pub(crate) start: Option<Timestamp>,
    pub(crate) end: Option<Timestamp>,
    pub(crate) status: Option<&'v str>,
    pub(crate) result: Option<&'static str>,
    pub(crate) channel: Option<&'v str>,
    pub(crate) flow_id: Option<&'v str>,
}

const ANSWER: &[&str] = &[
    "TestCaseExecutions",
    "NextToken",
    "TestCase",
    "TestCases",
    "TestCaseSummaryList",
    "InstanceArn",
    "InstanceId",
    "request",
];

const EXECUTION: &[&str] =
    &["TestCaseExecutionId", "TestCaseId", "TestCaseExecutionStatus", "StartTime", "EndTime", "Tags"];

/// Source: the service's model, `TestCase` and `TestCaseSummary`.
const TEST_CASE: &[&str] = &[
    "Id",
    "Arn",
    "Name",
    "Content",
    "EntryPoint",
    "InitializationData",
    "Description",
    "Status",
    "LastModifiedTime",
    "LastModifiedRegion",
    "Tags",
    "TestCaseSha256",
];

const PATH: &str = "TestCaseExecutions";

impl<'v> Answer<'v> {
    /// Reads an answer that was recognised.
    pub(crate) fn read(value: &'v Value, unknown: &mut Unknown) -> Self {
        let top = Object::of(Some(value), "");
        top.count_unknown(ANSWER, unknown);
        let mut described = HashMap::new();
        let mut instance_arn = top.text("InstanceArn");
        for test_case in test_cases(top) {
            test_case.count_unknown(TEST_CASE, unknown);
            let arn = test_case.text("Arn");
            instance_arn = instance_arn.or(arn);
            // The end of an ARN may name a version.
            let by_arn = || arn.and_then(last_of).map(|last| last.split(':').next().unwrap_or(last));
            if let Some(id) = test_case.text("Id").or_else(by_arn) {
                described.entry(id).or_insert(test_case);
            }
        }
        let instance_arn = instance_arn.and_then(instance_arn_of);
        Self { executions: list(top, "TestCaseExecutions"), described, instance_arn }
    }

    /// The executions, as they came.
    pub(crate) fn executions(&self) -> &'v [Value] {
        self.executions
    }

    /// One of its executions.
    pub(crate) fn execution(&self, value: &'v Value, unknown: &mut Unknown) -> Result<Execution<'v>, Refused> {
        let execution = Object::of(Some(value), PATH);
        execution.count_unknown(EXECUTION, unknown);
        let required = |name: &str| execution.text(name).ok_or_else(|| Refused::missing(&execution.path_of(name)));
        let (id, test_case) = (required("TestCaseExecutionId")?, required("TestCaseId")?);
        let described = self.described.get(test_case);
        let instance_arn = self.instance_arn.ok_or_else(no_instance)?;
        let instance_id = instance_of(instance_arn).ok_or_else(no_instance)?;
        let (status, result) = in_the_lake(execution.text("TestCaseExecutionStatus"));
        let entry = described.map(|described| described.object("EntryPoint", "TestCase.EntryPoint"));
        Ok(Execution {
            instance_id,
            instance_arn,
            account_id: account_of(instance_arn),
            // Without a version: one test case has one ARN.
            arn: format!("{instance_arn}/test-case/{test_case}"),
            name: described.and_then(|described| described.text("Name")),
            id,
            start: time(execution, "StartTime")?,
            end: time(execution, "EndTime")?,
            status,
            result,
            channel: entry.and_then(channel),
            flow_id: entry.and_then(flow),
        })
    }

    /// An answer with one execution alone, which can be read again.
    pub(crate) fn alone(&self, execution: &Value) -> Vec<u8> {
        let mut answer = json!({ "TestCaseExecutions": [execution] });
        if let Some(arn) = self.instance_arn {
            answer["InstanceArn"] = arn.into();
        }
        let id = execution.get("TestCaseId").and_then(Value::as_str).unwrap_or_default();
        if let Some(described) = self.described.get(id) {
            answer["TestCase"] = described.members().map(|(name, value)| (name.to_owned(), value.clone())).collect();
        }
        answer.to_string().into_bytes()
    }
}

/// Every description of a test case: alone, in a list, and as the API wraps it.
fn test_cases(top: Object<'_>) -> impl Iterator<Item = Object<'_>> {
    let listed = [list(top, "TestCases"), list(top, "TestCaseSummaryList")].into_iter().flatten();
    let told = top.get("TestCase").into_iter().chain(listed);
    told.map(|value| Object::of(value.get("TestCase").or(Some(value)), "TestCase"))
}

fn list<'v>(object: Object<'v>, name: &str) -> &'v [Value] {
    object.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn no_instance() -> Refused {
    Refused {
        reason: RejectReason::NoInstance,
        field: "InstanceArn".to_owned(),
        message:
            "the answer of ListTestCaseExecutions does not say it: write {\"InstanceArn\": \"arn:aws:connect:...\", \
                  \"TestCases\": [what DescribeTestCase answered], \"TestCaseExecutions\": [...]}"
                .to_owned(),
    }
}

fn time(execution: Object<'_>, name: &str) -> Result<Option<Timestamp>, Refused> {
    let Some(value) = execution.get(name) else { return Ok(None) };
    moment(value).map(Some).ok_or_else(|| Refused {
        reason: RejectReason::BadTimestamp,
        field: execution.path_of(name),
        message: "it is neither a timestamp with its zone nor seconds since 1970".to_owned(),
    })
}

/// Status and result. The API has one word for both; it cannot tell Scheduled, nor a test that failed from one that could not run,
/// and knows no Skipped.
fn in_the_lake(word: Option<&str>) -> (Option<&str>, Option<&'static str>) {
    match word {
        Some("INITIATED" | "IN_PROGRESS") => (Some("InProgress"), None),
        Some("PASSED") => (Some("Completed"), Some("Passed")),
        Some("FAILED") => (Some("Completed"), Some("Failed")),
        Some("STOPPED") => (Some("Aborted"), Some("Aborted")),
        other => (other, None),
    }
}

/// The lake writes channels so. A word that came later stays what it is.
fn channel(entry: Object<'_>) -> Option<&str> {
    Some(match entry.text("Type")? {
        "VOICE_CALL" => "Voice",
        "CHAT" => "Chat",
        other => other,
    })
}

/// The flow where the test case begins, which may be told by its id or its ARN.
fn flow(entry: Object<'_>) -> Option<&str> {
    let of = |name, path| entry.object(name, path).text("FlowId");
    let voice = || of("VoiceCallEntryPointParameters", "TestCase.EntryPoint.VoiceCallEntryPointParameters");
    let chat = || of("ChatEntryPointParameters", "TestCase.EntryPoint.ChatEntryPointParameters");
    let id = if entry.text("Type") == Some("CHAT") { chat().or_else(voice) } else { voice().or_else(chat) }?;
    last_of(id).or(Some(id))
}
