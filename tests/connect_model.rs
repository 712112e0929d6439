//! The instance of Amazon Connect that tests are made with speaks as the service does: what it is asked and what it answers
//! have the shapes of the service's own model, as botocore carries it (`connect`, 2017-08-08).

use std::num::NonZeroU32;

use serde_json::{Map, Value};
use tributary_aws::Connection;
use tributary_connect_api::{Client, Edition, Error, ExecutionFilter, ExecutionStatus, Options};
use tributary_core::Timestamp;
use tributary_testkit::{ConnectCall, ConnectInstance, ConnectServer, ServiceFault, run_again};

use crate::service_model::{Judge, model};

/// 2026-11-01, in milliseconds.
const NOW: i64 = 1_793_491_200_000;

const INSTANCE: &str = "11111111-2222-4333-8444-555555555555";

/// Says to a process that it is the client.
const CLIENT: &str = "TRIBUTARY_CONNECT_CLIENT";

/// Each call of the client.
const OPERATIONS: [&str; 11] = [
    "ListContactFlows",
    "DescribeContactFlow",
    "ListContactFlowVersions",
    "ListContactFlowModules",
    "DescribeContactFlowModule",
    "ListContactFlowModuleVersions",
    "ListTestCases",
    "DescribeTestCase",
    "ListTestCaseExecutions",
    "GetTestCaseExecutionSummary",
    "ListTestCaseExecutionRecords",
];

fn judge_call(judge: &mut Judge<'_>, call: &ConnectCall) {
    let place = format!("asked of {} {:?}", call.operation, call.code);
    let mut asked = in_path(judge, call, &place);
    asked.extend(in_query(judge, call, &place));
    let input = judge.operation(call.operation)["input"]["shape"].as_str().unwrap();
    judge.value(input, &Value::Object(asked), &place);
    judge.answer(call.operation, call.status, call.code, &call.answered);
}

/// What the path says, by the template of the model.
fn in_path(judge: &mut Judge<'_>, call: &ConnectCall, place: &str) -> Map<String, Value> {
    let http = &judge.operation(call.operation)["http"];
    let template: Vec<&str> = http["requestUri"].as_str().unwrap().split('/').collect();
    let path: Vec<&str> = call.path.split('/').collect();
    if http["method"] != "GET" || template.len() != path.len() {
        judge.wrong.push(format!("{place}: {} is no {}", call.path, template.join("/")));
    }
    let mut said = Map::new();
    for (expected, found) in template.into_iter().zip(path) {
        match expected.strip_prefix('{').and_then(|label| label.strip_suffix('}')) {
            Some(label) => drop(said.insert(label.to_owned(), found.into())),
            None if expected == found => {}
            None => judge.wrong.push(format!("{place}: {found} is no {expected}")),
        }
    }
    said
}

/// What the query says, by the names that the model has for it there.
fn in_query(judge: &mut Judge<'_>, call: &ConnectCall, place: &str) -> Map<String, Value> {
    let input = judge.operation(call.operation)["input"]["shape"].as_str().unwrap();
    let known = judge.shape(input)["members"].as_object().unwrap();
    let mut said = Map::new();
    for (name, text) in &call.query {
        let is_it = |member: &Value| member["location"] == "querystring" && member["locationName"] == name.as_str();
        let Some((member, described)) = known.iter().find(|(_, member)| is_it(member)) else {
            judge.wrong.push(format!("{place}: {name} is not known"));
            continue;
        };
        let kind = judge.shape(described["shape"].as_str().unwrap())["type"].as_str();
        let is_number = matches!(kind, Some("integer" | "long"));
        let value = if is_number { text.parse::<u64>().map_or(Value::Null, Value::from) } else { text.as_str().into() };
        said.insert(member.clone(), value);
    }
    said
}

/// Something of everything, and more of it than a page holds.
fn fill(instance: &mut ConnectInstance) {
    for number in 0..15 {
        instance.save_flow(&format!("flow-{number}"), &format!("Flow {number}"), "CUSTOMER_QUEUE", NOW - 5_250);
        instance.save_module(&format!("module-{number}"), &format!("Module {number}"), NOW - 5_250);
        instance.publish_flow("flow-0", NOW - 5_000);
        instance.publish_module("module-0", NOW - 5_000);
        instance.version_flow("flow-0", NOW - 4_000 + number);
        instance.version_module("module-0", NOW - 4_000 + number);
        instance.add_test_case(&format!("test-{number}"), &format!("Test {number}"), "flow-0", NOW - 3_000);
        let (status, end) = if number % 2 == 0 { ("PASSED", Some(NOW - 1_000)) } else { ("IN_PROGRESS", None) };
        instance.add_execution("test-0", &format!("run-{number}"), status, NOW - 2_000 + number, end);
        instance.add_record("run-0", &format!("observation-{number}"), "PASSED", NOW - 1_500, "{}");
    }
    instance.page = 10;
    instance.faults = vec![
        ServiceFault { operation: None, code: "ThrottlingException", status: 429, every: 5 },
        ServiceFault { operation: None, code: "InternalServiceException", status: 500, every: 7 },
    ];
}

async fn ask_for_everything(client: &Client) -> Result<(), Error> {
    client.flows(INSTANCE).await?;
    client.flow(INSTANCE, "flow-0", Edition::Published).await?;
    client.flow(INSTANCE, "flow-0", Edition::Saved).await?;
    client.flow(INSTANCE, "flow-0", Edition::Version(1)).await?;
    client.flow_versions(INSTANCE, "flow-0").await?;
    client.modules(INSTANCE).await?;
    client.module(INSTANCE, "module-0", Edition::Published).await?;
    client.module_versions(INSTANCE, "module-0").await?;
    client.test_cases(INSTANCE).await?;
    client.test_case(INSTANCE, "test-0").await?;
    client.executions(INSTANCE, &ExecutionFilter::default()).await?;
    let filter = ExecutionFilter {
        test_case: Some("test-0".to_owned()),
        started_after: Some(Timestamp::from_micros((NOW - 3_000) * 1_000)),
        started_before: Some(Timestamp::from_micros(NOW * 1_000)),
        status: Some(ExecutionStatus::Passed),
    };
    assert_eq!(client.executions(INSTANCE, &filter).await?.len(), 8);
    client.execution_summary(INSTANCE, "test-0", "run-0").await?;
    client.execution_summary(INSTANCE, "test-0", "run-1").await?;
    client.execution_records(INSTANCE, "test-0", "run-0").await?;
    // These are refused.
    assert_eq!(
        client.flow(INSTANCE, "flow-1", Edition::Published).await.unwrap_err().code(),
        "connect-api/not-published"
    );
    assert_eq!(client.module(INSTANCE, "module-99", Edition::Saved).await.unwrap_err().code(), "connect-api/not-found");
    Ok(())
}

#[test]
fn what_is_asked_and_answered_has_the_shapes_of_the_service() {
    // The SDK reads credentials from the environment, which a test cannot change for itself.
    if std::env::var_os(CLIENT).is_none() {
        let keys =
            [("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "never-on-the-wire"), (CLIENT, "1")];
        let name = "connect_model::what_is_asked_and_answered_has_the_shapes_of_the_service";
        if let Err(said) = run_again(name, keys) {
            panic!("{said}");
        }
        return;
    }
    let Some(model) = model("connect", "2017-08-08") else { return };
    let server = ConnectServer::start(INSTANCE, NOW).unwrap();
    fill(&mut server.instance());
    let region = Some("eu-central-1".to_owned());
    let connection = Connection { region, endpoint: Some(server.endpoint()), ..Connection::default() };
    let options = Options { rate: NonZeroU32::new(100_000).unwrap(), ..Options::new(connection) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { ask_for_everything(&Client::open(&options).await.unwrap()).await.unwrap() });
    let calls = server.instance().calls().to_vec();
    let mut judge = Judge::new(&model);
    calls.iter().for_each(|call| judge_call(&mut judge, call));
    assert_eq!(judge.wrong, Vec::<String>::new());
    for operation in OPERATIONS {
        let mut answers = calls.iter().filter(|call| call.operation == operation && call.status == 200);
        let is_paged =
            !operation.starts_with("List") || answers.clone().any(|call| call.answered["NextToken"].is_string());
        assert!(answers.next().is_some() && is_paged, "{operation}");
    }
    for code in [
        "ThrottlingException",
        "InternalServiceException",
        "ResourceNotFoundException",
        "ContactFlowNotPublishedException",
    ] {
        assert!(calls.iter().any(|call| call.code == Some(code)), "{code}");
    }
    // The judge can say no.
    let mut broken = calls[0].clone();
    broken.path = format!("/contact-flow-summary/{INSTANCE}");
    broken.query.insert("pageSize".to_owned(), "5".to_owned());
    broken.answered["ContactFlowSummaryList"] = Value::Null;
    judge_call(&mut judge, &broken);
    assert_eq!(judge.wrong.len(), 3, "{:?}", judge.wrong);
}
