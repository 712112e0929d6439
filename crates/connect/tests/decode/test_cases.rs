//! Answers about executions of test cases: golden files, what may be read again, and input at random.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};
use tributary_connect::{Connect, Family, Options};
use tributary_core::{Decoded, Transform};

use crate::{decode, is_conserved, options, rows};

const TABLE: &str = "connect_test_case_execution_results";

fn one(text: &str) -> Decoded {
    let connect = Connect::new(Options { families: [Family::TestCase].into(), ..options() });
    decode(connect.decoder().as_mut(), &[text.to_owned()])
}

fn outcome(decoded: &Decoded) -> Value {
    let rejected = decoded.rejected.iter().map(|rejection| {
        json!({"reason": rejection.reason.as_str(), "field": rejection.field, "message": rejection.message})
    });
    json!({
        TABLE: rows(decoded, TABLE), "rejected": rejected.collect::<Vec<_>>(), "read": decoded.read,
        "unknown_keys": decoded.unknown_keys,
    })
}

#[test]
fn golden() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/test_case");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 5, "{files:?}");
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let decoded = one(&std::fs::read_to_string(&file).unwrap());
        assert!(is_conserved(&decoded), "{name}");
        assert_eq!(name.starts_with("refused"), !decoded.rejected.is_empty(), "{name}");
        insta::assert_snapshot!(name, serde_json::to_string_pretty(&outcome(&decoded)).unwrap());
    }
}

/// One is told by its test case, its id and whether it is over: what was dumped while it ran does not hide how it ended.
#[test]
fn what_ran_and_what_is_over_are_two() {
    let keys = |states: &[&str]| {
        let executions: Vec<Value> = states
            .iter()
            .map(|status| json!({"TestCaseExecutionId": "e", "TestCaseId": "t", "TestCaseExecutionStatus": status, "StartTime": 1_741_597_200}))
            .collect();
        let answer = json!({"InstanceArn": "arn:aws:connect:x:1:instance/i", "TestCaseExecutions": executions});
        one(&answer.to_string()).events.iter().map(|key| key.hash).collect::<BTreeSet<_>>().len()
    };
    assert_eq!(keys(&["INITIATED", "IN_PROGRESS", "IN_PROGRESS"]), 1);
    assert_eq!(keys(&["IN_PROGRESS", "PASSED", "PASSED"]), 2);
}

/// What a rejection keeps can be read by itself, when what was wrong with it was mended.
#[test]
fn a_rejected_execution_is_an_answer_by_itself() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/test_case/refused-each.json");
    let mut answer: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let by_itself = one(&answer.to_string());
    // The instance may be known by another test case alone.
    let arn = format!("{}/test-case/t-9", answer["InstanceArn"].as_str().unwrap());
    answer["TestCaseSummaryList"] = json!([{"Id": "t-9", "Arn": arn}]);
    answer["InstanceArn"] = Value::Null;
    let by_other = one(&answer.to_string());
    assert_eq!((by_itself.rejected.len(), by_other.rejected.len()), (6, 6));
    for rejection in by_itself.rejected.iter().chain(&by_other.rejected) {
        let again = one(std::str::from_utf8(&rejection.bytes).unwrap());
        assert_eq!((again.read, again.rejected.len()), (1, 1), "{rejection:?}");
        assert_eq!((&again.rejected[0].field, again.rejected[0].reason), (&rejection.field, rejection.reason));
    }
}

proptest! {
    #[test]
    fn whatever_comes_is_counted(text in any::<String>(), key in "[A-Za-z]{1,12}", number in any::<f64>(), place in 0..6_usize) {
        let names = ["TestCaseExecutionId", "TestCaseId", "TestCaseExecutionStatus", "StartTime", "EndTime", "Tags"];
        for value in [json!(text), json!({ &key: number }), json!([text, number]), json!(number), Value::Null] {
            let mut execution = json!({
                "TestCaseExecutionId": "e", "TestCaseId": "t", "TestCaseExecutionStatus": "PASSED", "StartTime": 1_741_597_200,
            });
            execution[names[place]] = value.clone();
            for beside in ["TestCase", "TestCases", "TestCaseSummaryList", "InstanceArn"] {
                let answer = json!({ "TestCaseExecutions": [execution, value], beside: value });
                prop_assert!(is_conserved(&one(&answer.to_string())));
            }
        }
    }
}
