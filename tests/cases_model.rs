//! The domain of cases that tests are made with speaks as the service does: what it is asked and what it answers have the
//! shapes of the service's own model, as botocore carries it (`connectcases`, 2022-10-03).

use serde_json::Value;
use tributary_testkit::{CasesCall, CasesFault, CasesServer};

use crate::cases_poll::{NOW, lab};
use crate::service_model::{Judge, model};

fn judge_call(judge: &mut Judge<'_>, call: &CasesCall) {
    let input = judge.operation(call.operation)["input"]["shape"].as_str().unwrap();
    judge.value(input, &call.asked, &format!("asked of {} {:?}", call.operation, call.code));
    judge.answer(call.operation, call.status, call.code, &call.answered);
}

/// Those that ask what more templates and fields are called than a page holds.
fn calls_for_names() -> Vec<CasesCall> {
    let server = CasesServer::start("d-1", NOW).unwrap();
    let id = |number: u32| format!("f0000000-0000-4000-8000-{number:012}");
    for number in 0..120 {
        server.domain().templates.insert(id(number), format!("Template {number}"));
        server.domain().fields.insert(id(number), (format!("Field {number}"), "Number".to_owned()));
    }
    let lab = lab(&server, "batch", "rate = 1000");
    let more = format!(
        "cases_api = {{ cache = \"names.json\", region = \"eu-central-1\", endpoint = {:?} }}",
        server.endpoint()
    );
    lab.connect(&more);
    lab.run();
    let calls = server.domain().calls().to_vec();
    for (operation, count) in [("ListDomains", 1), ("ListTemplates", 2), ("ListFields", 2)] {
        assert_eq!(calls.iter().filter(|call| call.operation == operation).count(), count, "{operation}");
    }
    calls
}

#[test]
fn what_is_asked_and_answered_has_the_shapes_of_the_service() {
    let Some(model) = model("connectcases", "2022-10-03") else { return };
    let server = CasesServer::start("d-1", NOW).unwrap();
    let mut domain = server.domain();
    for case in 0..150_i64 {
        for event in 0..=case % 40 {
            domain.change(
                &format!("case-{case}"),
                &format!("e-{case}-{event}"),
                NOW - 500_000 + case * 100 + event,
                "open",
            );
        }
    }
    domain.faults = vec![
        CasesFault { operation: None, code: "ThrottlingException", status: 429, every: 17 },
        CasesFault { operation: None, code: "InternalServerException", status: 500, every: 61 },
    ];
    // After the domain and two pages of a search the first histories are asked for.
    domain.at_call(6, |domain| domain.delete("case-99"));
    drop(domain);
    lab(&server, "batch", "rate = 1000").run();
    let mut calls = server.domain().calls().to_vec();
    calls.extend(calls_for_names());
    let mut judge = Judge::new(&model);
    calls.iter().for_each(|call| judge_call(&mut judge, call));
    assert_eq!(judge.wrong, Vec::<String>::new());
    for code in ["ThrottlingException", "InternalServerException", "ResourceNotFoundException"] {
        assert!(calls.iter().any(|call| call.code == Some(code)), "{code}");
    }
    assert!(calls.iter().any(|call| call.answered["nextToken"].is_string() && call.operation == "GetCaseAuditEvents"));
    // The judge can say no.
    let mut broken = calls[0].clone();
    broken.answered["domainId"] = Value::Null;
    broken.answered["more"] = Value::Null;
    judge_call(&mut judge, &broken);
    assert_eq!(judge.wrong.len(), 2, "{:?}", judge.wrong);
}
