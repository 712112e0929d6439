//! Executions of test cases into lakes: each once, whatever is throttled or killed meanwhile.

use std::fs;

use serde_json::{Value, json};
use tributary_testkit::{ConnectServer, ServiceFault};

use crate::engines::{Engine, Engines};
use crate::lab::{Lab, text};
use crate::stream::{Stream, wait_until};

/// 2026-11-01, in milliseconds.
const NOW: i64 = 1_793_491_200_000;

const INSTANCE: &str = "0a1b2c3d-1111-4222-8333-444455556666";

/// A lab whose pipeline polls the instance; `source` are lines about how.
fn lab(server: &ConnectServer, mode: &str, source: &str) -> Lab {
    let lab = Lab::new("[commit]\nevery = \"1s\"");
    let pipeline = fs::read_to_string(lab.path("pipeline.toml")).unwrap();
    let files = "[sources.files.file]\npaths = [\"in/*\"]\n";
    assert!(pipeline.contains(files));
    let tests = format!(
        "[sources.tests.test_cases]\ninstance = {INSTANCE:?}\nendpoint = {:?}\nregion = \"eu-central-1\"\n{source}\n",
        server.endpoint()
    );
    let pipeline = pipeline.replace(files, &tests).replace("mode = \"batch\"", &format!("mode = {mode:?}"));
    fs::write(lab.path("pipeline.toml"), pipeline).unwrap();
    lab
}

/// As many test cases as executions, which began a second apart.
fn filled(executions: i64) -> ConnectServer {
    let server = ConnectServer::start(INSTANCE, NOW).unwrap();
    let mut instance = server.instance();
    for number in 0..executions {
        let test_case = format!("t-{number:03}");
        let start = NOW - 3_000_000 + number * 1_000;
        instance.add_test_case(&test_case, &format!("Test {number}"), "flow-1", NOW - 9_000_000);
        let status = ["PASSED", "FAILED", "STOPPED"][usize::try_from(number % 3).unwrap()];
        instance.add_execution(&test_case, &format!("e-{number:03}"), status, start, Some(start + 500));
    }
    drop(instance);
    server
}

fn place(lab: &Lab) -> Value {
    lab.status()["positions"][0]["position"]["polled"].clone()
}

#[test]
fn each_execution_is_taken_once_whatever_is_throttled_and_killed() {
    let server = filled(60);
    server.instance().faults =
        vec![ServiceFault { operation: None, code: "ThrottlingException", status: 429, every: 17 }];
    let lab = lab(&server, "batch", "rate = 6");
    for _ in 0..2 {
        let before = if lab.lake().exists() { place(&lab)["sweep"]["item"].clone() } else { Value::Null };
        let mut killed = Stream::start(&lab);
        wait_until("a part of the slice is committed", || {
            assert!(killed.goes_on(), "the run ended before it was killed");
            lab.lake().exists() && place(&lab)["sweep"].is_object() && place(&lab)["sweep"]["item"] != before
        });
        drop(killed);
    }
    let summary = lab.run();
    assert!(summary["tally"]["read"].as_u64().unwrap() < 60, "{summary}");
    let status = lab.status();
    assert_eq!(
        (&status["tally"]["read"], &status["tally"]["rows"]["connect_test_case_execution_results"]),
        (&json!(60), &json!(60)),
        "{status}"
    );
    assert_eq!(lab.run()["tally"]["read"], 0);

    // One that is not over, and one that began behind it.
    let mut instance = server.instance();
    instance.faults.clear();
    instance.set_now(NOW + 600_000);
    instance.add_execution("t-000", "slow", "IN_PROGRESS", NOW, None);
    instance.add_execution("t-000", "behind", "PASSED", NOW + 1, Some(NOW + 2));
    drop(instance);
    assert_eq!(lab.run()["tally"]["read"], 0);
    server.instance().set_now(NOW + 3_700_000);
    assert_eq!(lab.run()["tally"]["read"], 2, "it was waited for long enough");

    let Some(engines) = Engines::get() else { return };
    let columns = "connect_test_case_execution_id, connect_test_case_resource_name, connect_test_case_status, \
                   connect_test_case_result, connect_test_case_execution_channel, connect_test_case_initiating_flow_id, \
                   aws_account_id, epoch_ms(connect_test_case_execution_start_timestamp), \
                   epoch_ms(connect_test_case_execution_end_timestamp)";
    let query = format!("sql:SELECT {columns} FROM connect_test_case_execution_results ORDER BY 8");
    let found = engines.ask(Engine::DuckDb, &lab.lake(), &[&query]);
    let rows = found[0]["rows"].as_array().unwrap();
    let ids: Vec<&str> = rows.iter().map(|row| row[0].as_str().unwrap()).collect();
    let mut expected: Vec<String> = (0..60).map(|number| format!("e-{number:03}")).collect();
    expected.extend(["slow", "behind"].map(str::to_owned));
    assert_eq!(ids, expected);
    let start = NOW - 3_000_000;
    let row = |number: i64, status: &str, result: Option<&str>, [start, end]: [Option<i64>; 2]| {
        let id = rows[usize::try_from(number).unwrap()][0].clone();
        json!([id, format!("Test {}", number % 60), status, result, "Voice", "flow-1", "123456789012", start, end])
    };
    assert_eq!(rows[0], row(0, "Completed", Some("Passed"), [Some(start), Some(start + 500)]));
    assert_eq!(rows[1], row(1, "Completed", Some("Failed"), [Some(start + 1_000), Some(start + 1_500)]));
    assert_eq!(rows[2], row(2, "Aborted", Some("Aborted"), [Some(start + 2_000), Some(start + 2_500)]));
    assert_eq!(rows[60], row(60, "InProgress", None, [Some(NOW), None]));
}

#[test]
fn a_stream_takes_executions_as_they_end() {
    let server = filled(5);
    let lab = lab(&server, "streaming", "poll = \"1s\"\nsettle = \"1s\"\nrate = 1000");
    let stream = Stream::start(&lab);
    let read = |lab: &Lab| lab.status()["tally"]["read"].as_u64();
    wait_until("what is there is read", || lab.lake().exists() && read(&lab) == Some(5));
    let mut instance = server.instance();
    instance.set_now(NOW + 10_000);
    instance.add_execution("t-000", "later", "PASSED", NOW + 1_000, Some(NOW + 2_000));
    drop(instance);
    wait_until("what comes is read", || read(&lab) == Some(6));
    assert_eq!(stream.stop()["outcome"], "drained");
}

#[test]
fn a_check_says_whether_an_instance_can_be_read() {
    let server = filled(3);
    let lab = lab(&server, "batch", "rate = 1000");
    let said = |lab: &Lab| text(&lab.command(&["check", "pipeline.toml"]).output().unwrap().stdout);
    let answer = said(&lab);
    assert!(
        answer.starts_with("ok      open the source tests: the instance is there; 3 executions began within a day"),
        "{answer}"
    );
    let denied =
        ServiceFault { operation: Some("DescribeTestCase"), code: "AccessDeniedException", status: 403, every: 1 };
    server.instance().faults = vec![denied];
    let answer = said(&lab);
    assert!(answer.starts_with("FAILED  open the source tests:"), "{answer}");
    assert!(answer.contains("grant connect:DescribeTestCase on the instance"), "{answer}");
    let (code, _, stderr) = lab.try_run();
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("connect-api/denied"), "{stderr}");
    let shared = lab.command(&["run", "pipeline.toml", "--worker", "1/2"]).output().unwrap();
    assert_eq!(shared.status.code(), Some(2));
    assert!(text(&shared.stderr).contains("pipeline/worker"), "{}", text(&shared.stderr));
}
