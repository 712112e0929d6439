//! What is asked, what comes back.

use std::time::{Duration, Instant};

use serde_json::json;
use tributary_connect_api::{Client, Edition, ExecutionFilter, ExecutionStatus, Options};

use crate::{INSTANCE, NOW, at, client, options, play, server};

#[test]
fn a_list_is_read_page_by_page() {
    play("lists::a_list_is_read_page_by_page", async {
        let server = server();
        for number in 0..25 {
            server.instance().save_flow(&format!("f-{number:02}"), &format!("Flow {number}"), "CUSTOMER_HOLD", NOW);
            server.instance().save_module(&format!("m-{number:02}"), "Module", NOW);
            server.instance().add_test_case(&format!("t-{number:02}"), "Test", "f-00", NOW);
            server.instance().add_execution("t-00", &format!("e-{number:02}"), "PASSED", NOW + number, None);
            server.instance().add_record("e-00", &format!("o-{number:02}"), "PASSED", NOW, "{}");
            server.instance().publish_flow("f-00", NOW);
            server.instance().version_flow("f-00", NOW + number);
            server.instance().version_module("m-00", NOW + number);
        }
        server.instance().page = 10;
        let client = client(&server).await;
        let flows = client.flows(INSTANCE).await.unwrap();
        let ids: Vec<&str> = flows.iter().map(|flow| flow.id.as_str()).collect();
        assert_eq!((ids.len(), ids[0], ids[10], ids[24]), (25, "f-00", "f-10", "f-24"));
        assert_eq!((flows[3].name.as_deref(), flows[3].kind.as_deref()), (Some("Flow 3"), Some("CUSTOMER_HOLD")));
        assert_eq!((flows[0].status.as_deref(), flows[1].status.as_deref()), (Some("PUBLISHED"), Some("SAVED")));
        assert!(flows[0].arn.ends_with(&format!("instance/{INSTANCE}/contact-flow/f-00")));
        let lengths = [
            client.modules(INSTANCE).await.unwrap().len(),
            client.flow_versions(INSTANCE, "f-00").await.unwrap().len(),
            client.module_versions(INSTANCE, "m-00").await.unwrap().len(),
            client.test_cases(INSTANCE).await.unwrap().len(),
            client.executions(INSTANCE, &ExecutionFilter::default()).await.unwrap().len(),
            client.execution_records(INSTANCE, "t-00", "e-00").await.unwrap().len(),
        ];
        assert_eq!(lengths, [25; 6]);
        let instance = server.instance();
        assert_eq!(instance.calls().len(), 21, "three pages each");
        let tokens: Vec<Option<&str>> =
            instance.calls()[..3].iter().map(|call| call.query.get("nextToken").map(String::as_str)).collect();
        assert_eq!(tokens, [None, Some("10"), Some("20")]);
        for call in instance.calls() {
            let most = if call.operation.starts_with("ListTestCaseExecution") { "100" } else { "1000" };
            assert_eq!(call.query["maxResults"], most, "{call:?}");
        }
    });
}

#[test]
fn an_instance_with_nothing_in_it_has_empty_lists() {
    play("lists::an_instance_with_nothing_in_it_has_empty_lists", async {
        let server = server();
        let client = client(&server).await;
        assert!(client.flows(INSTANCE).await.unwrap().is_empty());
        assert!(client.test_cases(INSTANCE).await.unwrap().is_empty());
        assert_eq!(server.instance().calls().len(), 2);
    });
}

/// Published, saved, by number; by its id or its ARN.
#[test]
fn a_flow_has_editions() {
    play("lists::a_flow_has_editions", async {
        let server = server();
        {
            let mut instance = server.instance();
            instance.save_flow("f-1", "Main", "CONTACT_FLOW", NOW);
            instance.publish_flow("f-1", NOW + 1_500);
            instance.version_flow("f-1", NOW + 2_000);
            instance.version_flow("f-1", NOW + 3_000);
            instance.save_flow("f-1", "Main", "CONTACT_FLOW", NOW + 4_321);
        }
        let client = client(&server).await;
        let arn = client.flows(INSTANCE).await.unwrap()[0].arn.clone();
        for id in ["f-1", &arn] {
            let read = async |edition| {
                let flow = client.flow(INSTANCE, id, edition).await.unwrap();
                assert_eq!((flow.id.as_str(), &flow.arn, flow.kind.as_deref()), ("f-1", &arn, Some("CONTACT_FLOW")));
                assert!(flow.content.unwrap().contains("2019-10-30"));
                (flow.version, flow.status.unwrap(), flow.last_modified_time)
            };
            assert_eq!(read(Edition::Published).await, (Some(2), "PUBLISHED".to_owned(), at(NOW + 1_500)));
            assert_eq!(read(Edition::Saved).await, (None, "SAVED".to_owned(), at(NOW + 4_321)));
            assert_eq!(read(Edition::Version(1)).await, (Some(1), "PUBLISHED".to_owned(), at(NOW + 2_000)));
        }
        let versions = client.flow_versions(INSTANCE, &arn).await.unwrap();
        let versions: Vec<_> = versions.iter().map(|version| (version.version, version.last_modified_time)).collect();
        assert_eq!(versions, [(2, at(NOW + 3_000)), (1, at(NOW + 2_000))]);
    });
}

#[test]
fn a_module_has_editions() {
    play("lists::a_module_has_editions", async {
        let server = server();
        {
            let mut instance = server.instance();
            instance.save_module("m-1", "Greeting", NOW);
            instance.publish_module("m-1", NOW);
            instance.version_module("m-1", NOW);
        }
        let client = client(&server).await;
        for (edition, version, status) in [
            (Edition::Published, Some(1), "PUBLISHED"),
            (Edition::Saved, None, "SAVED"),
            (Edition::Version(1), Some(1), "PUBLISHED"),
        ] {
            let module = client.module(INSTANCE, "m-1", edition).await.unwrap();
            assert_eq!((module.name.as_deref(), module.version), (Some("Greeting"), version));
            assert_eq!(module.status.as_deref(), Some(status));
        }
        assert_eq!(client.module_versions(INSTANCE, "m-1").await.unwrap()[0].version, 1);
    });
}

/// All that was sent of a test case is handed on, also what is not known here.
#[test]
fn test_cases_come_as_they_were_sent() {
    play("lists::test_cases_come_as_they_were_sent", async {
        let server = server();
        server.instance().add_test_case("t-1", "Sales", "f-1", NOW + 250);
        let added = json!({ "Id": "t-2", "Arn": "arn:t-2", "Hologram": { "Depth": 3 }, "EntryPoint": { "Type": "CHAT",
            "ChatEntryPointParameters": { "FlowId": "f-2" } }, "LastModifiedTime": 1_793_491_200.123 });
        server.instance().tell_test_case("t-2", added.clone());
        let client = client(&server).await;
        let listed = client.test_cases(INSTANCE).await.unwrap();
        assert_eq!((listed[0].read.id.as_str(), listed[0].read.last_modified_time), ("t-1", at(NOW + 250)));
        assert_eq!(listed[0].json["Name"], "Sales");
        let first = client.test_case(INSTANCE, "t-1").await.unwrap();
        assert_eq!(first.read.entry_point.unwrap().flow(), Some("f-1"));
        assert_eq!(first.json["Tags"], json!({ "team": "voice" }));
        let second = client.test_case(INSTANCE, "t-2").await.unwrap();
        assert_eq!(second.json, added);
        let begins = second.read.entry_point.unwrap();
        assert_eq!((begins.kind.as_deref(), begins.flow()), (Some("CHAT"), Some("f-2")));
        assert_eq!(second.read.last_modified_time, at(NOW + 123));
    });
}

#[test]
fn executions_are_asked_for_by_time_and_status() {
    play("lists::executions_are_asked_for_by_time_and_status", async {
        let server = server();
        {
            let mut instance = server.instance();
            instance.add_execution("t-1", "e-1", "PASSED", NOW - 2_000, Some(NOW - 1_000));
            instance.add_execution("t-1", "e-2", "FAILED", NOW, Some(NOW + 60_500));
            instance.add_execution("t-2", "e-3", "IN_PROGRESS", NOW + 1_000, None);
            instance.tell_execution(json!({ "TestCaseExecutionId": "e-4", "TestCaseId": "t-2",
                "TestCaseExecutionStatus": "PONDERING", "StartTime": 1_793_491_205, "Channel": "VOICE" }));
            instance.add_record("e-2", "o-1", "PASSED", NOW, "{\"a\":1}");
            instance.add_record("e-2", "o-2", "FAILED", NOW + 1, "{\"a\":2}");
        }
        let client = client(&server).await;
        let all = client.executions(INSTANCE, &ExecutionFilter::default()).await.unwrap();
        assert_eq!(all.len(), 4);
        assert_eq!((all[1].read.start_time, all[1].read.end_time), (at(NOW), at(NOW + 60_500)));
        assert!(all[1].read.status.as_ref().unwrap().is_over() && !all[2].read.status.as_ref().unwrap().is_over());
        assert_eq!(all[3].read.status, Some(ExecutionStatus::Unknown("PONDERING".to_owned())));
        assert_eq!(all[3].json["Channel"], "VOICE");
        let some = async |filter: ExecutionFilter| {
            let some = client.executions(INSTANCE, &filter).await.unwrap();
            some.into_iter().map(|execution| execution.read.id).collect::<Vec<_>>()
        };
        let between =
            ExecutionFilter { started_after: at(NOW - 1), started_before: at(NOW + 1), ..ExecutionFilter::default() };
        assert_eq!(some(between).await, ["e-2"]);
        let status = Some(ExecutionStatus::InProgress);
        assert_eq!(some(ExecutionFilter { status, ..ExecutionFilter::default() }).await, ["e-3"]);
        let test_case = Some("t-2".to_owned());
        assert_eq!(some(ExecutionFilter { test_case, ..ExecutionFilter::default() }).await, ["e-3", "e-4"]);
        let summary = client.execution_summary(INSTANCE, "t-1", "e-2").await.unwrap();
        assert_eq!(
            (summary.read.observations(), summary.read.passed(), summary.read.failed()),
            (Some(2), Some(1), Some(1))
        );
        assert_eq!((summary.read.status, summary.read.end_time), (Some(ExecutionStatus::Failed), at(NOW + 60_500)));
        let records = client.execution_records(INSTANCE, "t-1", "e-2").await.unwrap();
        assert_eq!(records[1].json["Record"], "{\"a\":2}");
        assert_eq!((records[1].read.timestamp, records[1].read.record.as_deref()), (at(NOW + 1), Some("{\"a\":2}")));
    });
}

/// The moments between which the calls come, whoever makes them.
#[test]
fn calls_are_paced() {
    play("lists::calls_are_paced", async {
        let server = server();
        let options = Options { rate: 20.try_into().unwrap(), ..options(server.endpoint()) };
        let client = Client::open(&options).await.unwrap();
        let begun = Instant::now();
        tokio::join!(
            async {
                for _ in 0..4 {
                    client.flows(INSTANCE).await.unwrap();
                }
            },
            async {
                for _ in 0..3 {
                    client.modules(INSTANCE).await.unwrap();
                }
            }
        );
        // Seven calls, of which the first waits for nothing.
        assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());
        assert_eq!(server.instance().calls().len(), 7);
    });
}
