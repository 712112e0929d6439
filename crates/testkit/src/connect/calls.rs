//! What is answered to which call.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::described::{self, Edition, edition};
use super::{ConnectCall, ConnectInstance, Design};
use crate::ServiceFault;
use crate::http::Asked;
use crate::service::{Answered, page, set_token};

/// How a signature of the service begins. What it signs is not looked at.
const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=";

const STATES: [&str; 5] = ["INITIATED", "PASSED", "FAILED", "IN_PROGRESS", "STOPPED"];

type Query = BTreeMap<String, String>;

/// What is asked of which instance, with the ids in the path.
struct Call {
    operation: &'static str,
    instance: String,
    ids: Vec<String>,
}

pub(super) fn answer(instance: &mut ConnectInstance, asked: &Asked) -> Answered {
    instance.number += 1;
    if let Some(act) = instance.acts.remove(&instance.number) {
        act(instance);
    }
    let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
    let Some(call) = call(&asked.method, path) else {
        return Answered::refused(404, "UnknownOperationException", path);
    };
    let query = parameters(query);
    let answered = if !asked.authorization.starts_with(SIGNED) || !asked.authorization.contains("/connect/aws4_request")
    {
        Answered::refused(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    } else if let Some(answered) = ServiceFault::answer(&instance.faults, call.operation, instance.number) {
        answered
    } else if call.instance.rsplit('/').next() != Some(instance.id.as_str()) {
        absent("instance")
    } else {
        carry_out(instance, &call, &query).unwrap_or_else(|answered| answered)
    };
    // In each error of this service the word begins with a capital.
    let answered = Answered { body: capital(answered.body, answered.code), ..answered };
    let Answered { status, code, body } = &answered;
    instance.calls.push(ConnectCall {
        operation: call.operation,
        path: path.to_owned(),
        query,
        status: *status,
        code: *code,
        answered: body.clone(),
    });
    answered
}

/// Source: the service's model, `requestUri` of each operation.
fn call(method: &str, path: &str) -> Option<Call> {
    let parts: Vec<String> = path.trim_start_matches('/').split('/').map(decoded).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (operation, instance, ids) = match parts.as_slice() {
        ["contact-flows-summary", instance] => ("ListContactFlows", instance, vec![]),
        ["contact-flows", instance, flow] => ("DescribeContactFlow", instance, vec![*flow]),
        ["contact-flows", instance, flow, "versions"] => ("ListContactFlowVersions", instance, vec![*flow]),
        ["contact-flow-modules-summary", instance] => ("ListContactFlowModules", instance, vec![]),
        ["contact-flow-modules", instance, module] => ("DescribeContactFlowModule", instance, vec![*module]),
        ["contact-flow-modules", instance, module, "versions"] => {
            ("ListContactFlowModuleVersions", instance, vec![*module])
        }
        ["test-cases-summary", instance] => ("ListTestCases", instance, vec![]),
        ["test-cases", instance, test_case] => ("DescribeTestCase", instance, vec![*test_case]),
        ["test-case-executions", instance] => ("ListTestCaseExecutions", instance, vec![]),
        ["test-cases", instance, test_case, execution, "summary"] => {
            ("GetTestCaseExecutionSummary", instance, vec![*test_case, *execution])
        }
        ["test-cases", instance, test_case, execution, "records"] => {
            ("ListTestCaseExecutionRecords", instance, vec![*test_case, *execution])
        }
        _ => return None,
    };
    let ids = ids.into_iter().map(str::to_owned).collect();
    (method == "GET").then(|| Call { operation, instance: (*instance).to_owned(), ids })
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn parameters(query: &str) -> Query {
    let given = query.split('&').filter_map(|pair| pair.split_once('='));
    given.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

fn carry_out(instance: &ConnectInstance, call: &Call, query: &Query) -> Result<Answered, Answered> {
    let id = call.ids.first().map_or("", String::as_str);
    let execution = call.ids.get(1).map_or("", String::as_str);
    let all = |designs: &BTreeMap<String, Design>, tell: fn(&str, &str, &Design) -> Value| -> Vec<Value> {
        designs.iter().map(|(id, design)| tell(&instance.id, id, design)).collect()
    };
    match call.operation {
        "ListContactFlows" => {
            let items = all(&instance.flows, described::flow_summary);
            listed(instance, query, "ContactFlowSummaryList", 1_000, &items)
        }
        "ListContactFlowModules" => {
            let items = all(&instance.modules, described::module_summary);
            listed(instance, query, "ContactFlowModulesSummaryList", 1_000, &items)
        }
        "DescribeContactFlow" => flow(instance, id),
        "DescribeContactFlowModule" => module(instance, id),
        "ListContactFlowVersions" => {
            let (id, design) = design(&instance.flows, id).ok_or_else(|| absent("flow"))?;
            let items = described::versions(&instance.id, "contact-flow", id, design);
            listed(instance, query, "ContactFlowVersionSummaryList", 1_000, &items)
        }
        "ListContactFlowModuleVersions" => {
            let (id, design) = design(&instance.modules, id).ok_or_else(|| absent("module"))?;
            let items = described::versions(&instance.id, "flow-module", id, design);
            listed(instance, query, "ContactFlowModuleVersionSummaryList", 1_000, &items)
        }
        "ListTestCases" => {
            let items: Vec<Value> = instance.test_cases.values().map(described::test_case_summary).collect();
            listed(instance, query, "TestCaseSummaryList", 1_000, &items)
        }
        "DescribeTestCase" => {
            let told = instance.test_cases.get(id).ok_or_else(|| absent("test case"))?;
            Ok(Answered::with(json!({ "TestCase": told })))
        }
        "ListTestCaseExecutions" => executions(instance, query),
        "GetTestCaseExecutionSummary" => summary(instance, id, execution),
        _ => {
            found(instance, id, execution)?;
            let items = instance.records.get(execution).cloned().unwrap_or_default();
            listed(instance, query, "ExecutionRecords", 100, &items)
        }
    }
}

fn design<'a>(designs: &'a BTreeMap<String, Design>, text: &str) -> Option<(&'a String, &'a Design)> {
    designs.get_key_value(edition(text)?.0)
}

fn flow(instance: &ConnectInstance, text: &str) -> Result<Answered, Answered> {
    let (id, asked) = edition(text).ok_or_else(|| invalid("ContactFlowId"))?;
    let design = instance.flows.get(id).ok_or_else(|| absent("flow"))?;
    match described::flow(&instance.id, id, design, asked) {
        Some(told) => Ok(Answered::with(json!({ "ContactFlow": told }))),
        None if asked == Edition::Published => {
            Err(Answered::refused(404, "ContactFlowNotPublishedException", "it was never published"))
        }
        None => Err(absent("version")),
    }
}

fn module(instance: &ConnectInstance, text: &str) -> Result<Answered, Answered> {
    let (id, asked) = edition(text).ok_or_else(|| invalid("ContactFlowModuleId"))?;
    let design = instance.modules.get(id).ok_or_else(|| absent("module"))?;
    let told = described::module(&instance.id, id, design, asked).ok_or_else(|| absent("version"))?;
    Ok(Answered::with(json!({ "ContactFlowModule": told })))
}

/// Those that began after, and before, what is asked for, neither of both included, and those that have no beginning.
fn executions(instance: &ConnectInstance, query: &Query) -> Result<Answered, Answered> {
    let moment = |name: &str| match query.get(name) {
        None => Ok(None),
        Some(text) => text.parse::<f64>().map(Some).map_err(|_| invalid(name)),
    };
    let (after, before) = (moment("startTime")?, moment("endTime")?);
    if query.get("status").is_some_and(|status| !STATES.contains(&status.as_str())) {
        return Err(invalid("status"));
    }
    let is_asked = |told: &&Value| {
        let start = told.get("StartTime").and_then(Value::as_f64).map(|seconds| seconds * 1e3);
        let is = |name: &str, member: &str| query.get(name).is_none_or(|text| told.get(member) == Some(&json!(text)));
        after.is_none_or(|after| start.is_none_or(|start| start > after))
            && before.is_none_or(|before| start.is_none_or(|start| start < before))
            && is("testCaseId", "TestCaseId")
            && is("status", "TestCaseExecutionStatus")
    };
    let items: Vec<Value> = instance.executions.iter().filter(is_asked).cloned().collect();
    listed(instance, query, "TestCaseExecutions", 100, &items)
}

fn found<'a>(instance: &'a ConnectInstance, test_case: &str, execution: &str) -> Result<&'a Value, Answered> {
    let is = |told: &Value, name: &str, id: &str| told.get(name).and_then(Value::as_str) == Some(id);
    let mut told = instance.executions.iter();
    let told = told.find(|told| is(told, "TestCaseExecutionId", execution) && is(told, "TestCaseId", test_case));
    told.ok_or_else(|| absent("execution"))
}

fn summary(instance: &ConnectInstance, test_case: &str, execution: &str) -> Result<Answered, Answered> {
    let told = found(instance, test_case, execution)?;
    let records = instance.records.get(execution).map(Vec::as_slice).unwrap_or_default();
    let count = |status: &str| records.iter().filter(|record| record.get("Status") == Some(&json!(status))).count();
    let mut body = json!({
        "StartTime": told.get("StartTime"),
        "Status": told.get("TestCaseExecutionStatus"),
        "ObservationSummary": {
            "TotalObservations": records.len(),
            "ObservationsPassed": count("PASSED"),
            "ObservationsFailed": count("FAILED"),
        },
    });
    if let (Some(end), Some(members)) = (told.get("EndTime"), body.as_object_mut()) {
        members.insert("EndTime".to_owned(), end.clone());
    }
    Ok(Answered::with(body))
}

fn listed(
    instance: &ConnectInstance,
    query: &Query,
    name: &str,
    limit: usize,
    items: &[Value],
) -> Result<Answered, Answered> {
    let most = match query.get("maxResults") {
        None => limit,
        Some(text) => {
            text.parse().ok().filter(|most| (1..=limit).contains(most)).ok_or_else(|| invalid("maxResults"))?
        }
    };
    let token = query.get("nextToken").map(String::as_str);
    let (shown, next) = page(items, token, most.min(instance.page));
    let mut body = json!({ name: shown });
    set_token(&mut body, "NextToken", next);
    Ok(Answered::with(body))
}

fn absent(what: &str) -> Answered {
    Answered::refused(404, "ResourceNotFoundException", &format!("no {what}"))
}

fn invalid(what: &str) -> Answered {
    Answered::refused(400, "InvalidParameterException", what)
}

fn capital(body: Value, code: Option<&str>) -> Value {
    match (code, body.get("message")) {
        (Some(_), Some(said)) => json!({ "Message": said }),
        _ => body,
    }
}
