//! What the source asks of an instance, and what it makes of the answers.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a broken expectation panics")]

use std::future::Future;
use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::Value;
use tributary_aws::{Connection, in_words};
use tributary_core::{Checkpoint, Failure, Fault, Lag, RawBatch, Source, Timestamp};
use tributary_source_test_cases::{Options, TestCasesSource};
use tributary_testkit::{ConnectServer, ServiceFault, run_again};

/// 2026-11-01, in milliseconds.
const NOW: i64 = 1_793_491_200_000;

const MINUTE: i64 = 60_000;

/// Says to a process that it is the client.
const CLIENT: &str = "TRIBUTARY_WIRE_CLIENT";

/// Runs a test as the client. The SDK reads credentials from the environment, which a test cannot change for itself: the test
/// starts itself again, and is over when that one is.
fn play(name: &str, test: impl Future<Output = ()>) {
    if std::env::var_os(CLIENT).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        return runtime.block_on(test);
    }
    let keys = [("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "never-on-the-wire"), (CLIENT, "1")];
    if let Err(said) = run_again(name, keys) {
        panic!("{said}");
    }
}

/// Two test cases, and executions `e-0` to `e-9` that began a minute apart, the last of them eleven minutes ago.
fn filled() -> ConnectServer {
    let server = ConnectServer::start("i-1", NOW).unwrap();
    {
        let mut instance = server.instance();
        instance.add_test_case("t-1", "Main line", "flow-1", NOW - 100 * MINUTE);
        instance.add_test_case("t-2", "Refunds", "flow-2", NOW - 100 * MINUTE);
        for number in 0..10 {
            let (start, test_case) = (NOW - (20 - number) * MINUTE, if number % 3 == 0 { "t-2" } else { "t-1" });
            let status = ["PASSED", "FAILED", "STOPPED"][number as usize % 3];
            instance.add_execution(test_case, &format!("e-{number}"), status, start, Some(start + 30_000));
        }
    }
    server
}

/// A batch with a batch of records an execution.
fn options(server: &ConnectServer) -> Options {
    Options {
        rate: NonZeroU32::new(100_000).unwrap(),
        batch_bytes: 1,
        connection: Connection {
            region: Some("eu-central-1".to_owned()),
            endpoint: Some(server.endpoint()),
            ..Connection::default()
        },
        ..Options::new("tests", "i-1")
    }
}

async fn read(options: &Options, from: &Checkpoint) -> Result<Vec<RawBatch>, Failure> {
    let mut source = TestCasesSource::open(options.clone(), from).await?;
    let mut batches = Vec::new();
    while let Some(batch) = source.next().await? {
        batches.push(batch);
    }
    Ok(batches)
}

/// The checkpoint after these batches, which leave no gap.
fn commit(batches: &[RawBatch], from: &Checkpoint) -> Checkpoint {
    batches.iter().fold(from.clone(), |checkpoint, batch| {
        let advanced = checkpoint.advance(&batch.delta).unwrap();
        assert!(advanced.gaps.is_empty(), "{:?}", advanced.gaps);
        advanced.checkpoint
    })
}

fn records(batches: &[RawBatch]) -> Vec<Value> {
    let records = batches.iter().flat_map(|batch| &batch.records);
    records.map(|record| serde_json::from_slice(record.body.bytes()).unwrap()).collect()
}

fn ids(batches: &[RawBatch]) -> Vec<String> {
    let id = |record: Value| record["TestCaseExecutions"][0]["TestCaseExecutionId"].as_str().unwrap().to_owned();
    records(batches).into_iter().map(id).collect()
}

fn numbered(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| format!("e-{number}")).collect()
}

fn calls(server: &ConnectServer, operation: &str) -> usize {
    server.instance().calls().iter().filter(|call| call.operation == operation).count()
}

#[test]
fn an_execution_comes_with_its_test_case() {
    play("an_execution_comes_with_its_test_case", async {
        let server = filled();
        server.instance().page = 3;
        let batches = read(&options(&server), &Checkpoint::default()).await.unwrap();
        assert_eq!(ids(&batches), numbered(0..10));
        let record = &records(&batches)[1];
        let arn = "arn:aws:connect:eu-central-1:123456789012:instance/i-1";
        assert_eq!((&record["InstanceArn"], &record["InstanceId"]), (&arn.into(), &"i-1".into()));
        assert_eq!(record["TestCase"]["Name"], "Main line");
        assert_eq!(record["TestCase"]["EntryPoint"]["VoiceCallEntryPointParameters"]["FlowId"], "flow-1");
        assert_eq!(record["TestCase"]["Content"], Value::Null, "what a test case does may be long");
        assert_eq!(record["TestCaseExecutions"][0]["Tags"]["team"], "voice", "all that was sent");
        // Each test case is asked for once.
        assert_eq!((calls(&server, "DescribeTestCase"), calls(&server, "ListTestCases")), (2, 1));
    });
}

#[test]
fn every_place_is_one_to_go_on_from() {
    play("every_place_is_one_to_go_on_from", async {
        let server = filled();
        let options = options(&server);
        let all = read(&options, &Checkpoint::default()).await.unwrap();
        assert!(all.len() > 10, "{}", all.len());
        for taken in 0..=all.len() {
            let checkpoint = commit(&all[..taken], &Checkpoint::default());
            let rest = read(&options, &checkpoint).await.unwrap();
            assert_eq!([ids(&all[..taken]), ids(&rest)].concat(), numbered(0..10), "{taken}");
            commit(&rest, &checkpoint);
        }
        let place = commit(&all, &Checkpoint::default());
        assert_eq!(
            place.position(&all[0].delta.spans().next().unwrap().0.clone()).to_string(),
            "polled until 2026-10-31T23:58:00.000000Z"
        );
    });
}

/// Those that are not over, and those that began after them, are for a later run; and each is taken once.
#[test]
fn what_is_not_over_is_waited_for() {
    play("what_is_not_over_is_waited_for", async {
        let server = filled();
        server.instance().tell_execution(serde_json::json!({
            "TestCaseExecutionId": "a-slow", "TestCaseId": "t-1", "TestCaseExecutionStatus": "IN_PROGRESS",
            "StartTime": (NOW - 16 * MINUTE) as f64 / 1e3 + 1.5,
        }));
        let options = options(&server);
        let first = read(&options, &Checkpoint::default()).await.unwrap();
        assert_eq!(ids(&first), numbered(0..5));
        let place = commit(&first, &Checkpoint::default());
        assert_eq!(ids(&read(&options, &place).await.unwrap()), numbered(0..0), "as long as it is not over");
        // After open_for it is handed on as it is.
        let late = Options { open_for: Duration::from_secs(15 * 60), ..options };
        let second = read(&late, &place).await.unwrap();
        assert_eq!(ids(&second), [vec!["a-slow".to_owned()], numbered(5..10)].concat());
        assert_eq!(records(&second)[0]["TestCaseExecutions"][0]["TestCaseExecutionStatus"], "IN_PROGRESS");
        let place = commit(&second, &place);
        assert_eq!(ids(&read(&late, &place).await.unwrap()), numbered(0..0));
    });
}

/// It is taken once, as it ended; those behind it are taken with it.
#[test]
fn what_was_waited_for_is_taken_when_it_is_over() {
    play("what_was_waited_for_is_taken_when_it_is_over", async {
        let server = filled();
        let start = NOW - 15 * MINUTE - MINUTE / 2;
        server.instance().add_execution("t-1", "a-slow", "INITIATED", start, None);
        let options = options(&server);
        let first = read(&options, &Checkpoint::default()).await.unwrap();
        assert_eq!(ids(&first), numbered(0..5));
        let place = commit(&first, &Checkpoint::default());
        server.instance().end_execution("a-slow", "FAILED", NOW);
        let second = read(&options, &place).await.unwrap();
        assert_eq!(ids(&second), [vec!["a-slow".to_owned()], numbered(5..10)].concat());
        let slow = &records(&second)[0]["TestCaseExecutions"][0];
        assert_eq!(
            (&slow["TestCaseExecutionStatus"], &slow["EndTime"]),
            (&"FAILED".into(), &(NOW as f64 / 1e3).into())
        );
        let place = commit(&second, &place);
        assert_eq!(ids(&read(&options, &place).await.unwrap()), numbered(0..0));
    });
}

/// One without a beginning has no day, and one without an id is for whoever decodes: neither stops those that are whole.
#[test]
fn what_lacks_something_stops_nothing() {
    play("what_lacks_something_stops_nothing", async {
        let server = filled();
        let told = [
            serde_json::json!({"TestCaseExecutionId": "dayless", "TestCaseId": "t-1", "TestCaseExecutionStatus": "STOPPED"}),
            serde_json::json!({"TestCaseExecutionId": "asked-for", "TestCaseId": "t-1", "TestCaseExecutionStatus": "INITIATED"}),
            serde_json::json!({"TestCaseExecutionStatus": "PASSED", "StartTime": (NOW - 19 * MINUTE) as f64 / 1e3}),
        ];
        told.into_iter().for_each(|told| server.instance().tell_execution(told));
        let all = read(&options(&server), &Checkpoint::default()).await.unwrap();
        let found: Vec<Value> =
            records(&all).iter().map(|record| record["TestCaseExecutions"][0]["TestCaseExecutionId"].clone()).collect();
        let expected: Vec<Value> =
            [Value::Null].into_iter().chain(numbered(0..10).into_iter().map(Value::from)).collect();
        assert_eq!(found, expected);
    });
}

/// What began within `settle` is left for the next sweep, by the service's clock; of a moment that ends a slice, all.
#[test]
fn an_execution_is_in_one_slice() {
    play("an_execution_is_in_one_slice", async {
        let server = filled();
        let until = NOW - 2 * MINUTE;
        for (number, start) in [until - 1, until, until, until + 1].into_iter().enumerate() {
            server.instance().add_execution("t-1", &format!("late-{number}"), "PASSED", start, Some(NOW));
        }
        let options = options(&server);
        let first = read(&options, &Checkpoint::default()).await.unwrap();
        assert_eq!(ids(&first), [numbered(0..10), vec!["late-0".to_owned()]].concat());
        server.instance().set_now(NOW + MINUTE);
        let place = commit(&first, &Checkpoint::default());
        let second = read(&options, &place).await.unwrap();
        assert_eq!(ids(&second), ["late-1", "late-2", "late-3"]);
    });
}

/// Years are read a month at a time.
#[test]
fn a_beginning_long_ago_is_reached_month_by_month() {
    play("a_beginning_long_ago_is_reached_month_by_month", async {
        let server = filled();
        let day = 24 * 60 * MINUTE;
        for (id, ago) in [("old-1", 300), ("old-2", 200), ("old-3", 32)] {
            server.instance().add_execution("t-1", id, "PASSED", NOW - ago * day, Some(NOW - ago * day + 1));
        }
        let all = read(&options(&server), &Checkpoint::default()).await.unwrap();
        assert_eq!(ids(&all), [["old-1", "old-2", "old-3"].map(str::to_owned).to_vec(), numbered(0..10)].concat());
        assert!(calls(&server, "ListTestCaseExecutions") > 20);
        let since = Some(Timestamp::from_micros((NOW - 250 * day) * 1_000));
        let some = read(&Options { since, ..options(&server) }, &Checkpoint::default()).await.unwrap();
        assert_eq!(ids(&some), [["old-2", "old-3"].map(str::to_owned).to_vec(), numbered(0..10)].concat());
    });
}

#[test]
fn a_test_case_that_was_deleted_stops_nothing() {
    play("a_test_case_that_was_deleted_stops_nothing", async {
        let server = filled();
        let start = NOW - 25 * MINUTE;
        server.instance().add_execution("t-gone", "a-first", "PASSED", start, Some(start + 1));
        let all = read(&options(&server), &Checkpoint::default()).await.unwrap();
        let first = &records(&all)[0];
        assert_eq!(first["TestCaseExecutions"][0]["TestCaseExecutionId"], "a-first");
        assert_eq!(first["TestCase"], Value::Null);
        assert_eq!(first["InstanceArn"], "arn:aws:connect:eu-central-1:123456789012:instance/i-1");
        assert_eq!(all.iter().map(|batch| batch.records.len()).sum::<usize>(), 11);

        // Where there is no other one, nobody is asked again and again.
        let server = ConnectServer::start("i-1", NOW).unwrap();
        for number in 0..5 {
            server.instance().add_execution(&format!("t-{number}"), &format!("e-{number}"), "PASSED", start, Some(NOW));
        }
        let all = read(&options(&server), &Checkpoint::default()).await.unwrap();
        assert_eq!((ids(&all), &records(&all)[0]["InstanceArn"]), (numbered(0..5), &Value::Null));
        assert_eq!(calls(&server, "ListTestCases"), 2, "the clock, and one search");
    });
}

#[test]
fn what_goes_wrong_is_said_with_the_cure() {
    play("what_goes_wrong_is_said_with_the_cure", async {
        for operation in ["ListTestCases", "ListTestCaseExecutions", "DescribeTestCase"] {
            let server = filled();
            server.instance().faults =
                vec![ServiceFault { operation: Some(operation), code: "AccessDeniedException", status: 403, every: 1 }];
            let failure = read(&options(&server), &Checkpoint::default()).await.unwrap_err();
            assert_eq!((failure.fault(), failure.code()), (Fault::Config, "connect-api/denied"));
            let said = in_words(&failure);
            assert!(said.contains(&format!("grant connect:{operation} on")), "{said}");
            assert_eq!(TestCasesSource::probe(options(&server)).await.unwrap_err().code(), "connect-api/denied");
        }
        let server = filled();
        let elsewhere = Options { instance: "i-2".to_owned(), ..options(&server) };
        let failure = read(&elsewhere, &Checkpoint::default()).await.unwrap_err();
        assert_eq!((failure.fault(), failure.code()), (Fault::Config, "connect-api/not-found"));
        let said = TestCasesSource::probe(options(&server)).await.unwrap();
        assert_eq!(said, "the instance is there; 10 executions began within a day");
    });
}

#[test]
fn a_stream_looks_again_and_is_never_far_behind() {
    play("a_stream_looks_again_and_is_never_far_behind", async {
        let server = filled();
        server.instance().faults =
            vec![ServiceFault { operation: None, code: "ThrottlingException", status: 429, every: 3 }];
        let options = Options { poll: Some(Duration::from_millis(50)), ..options(&server) };
        let mut source = TestCasesSource::open(options, &Checkpoint::default()).await.unwrap();
        assert_eq!(source.lag(), None);
        let mut batches = Vec::new();
        while ids(&batches).len() < 10 {
            batches.push(source.next().await.unwrap().unwrap());
        }
        server.instance().add_execution("t-1", "late", "PASSED", NOW, Some(NOW + 1));
        server.instance().set_now(NOW + 5 * MINUTE);
        while ids(&batches).len() < 11 {
            batches.push(source.next().await.unwrap().unwrap());
        }
        assert_eq!(ids(&batches).last().unwrap(), "late");
        assert!(matches!(source.lag(), Some(Lag::Millis(behind)) if behind >= 120_000), "{:?}", source.lag());
        commit(&batches, &Checkpoint::default());
    });
}
