//! Executions of flows, out of lines of contact flow logs and contact events: as they were acted out, whatever the order, the
//! wrapping and the number of runs.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tributary_testkit::{ConnectServer, ServiceFault};

use crate::cases_poll::NOW;
use crate::engines::{Engine, Engines};
use crate::inputs::{events, gzip, scale};
use crate::lab::{Lab, output_of, text};
use crate::stream::{Stream, wait_until};

/// Executions of the truth that the table lacks, and the other way round; how many there are.
fn differences(engines: &Engines, lab: &Lab, truth: &str) -> Value {
    let query = format!(
        "sql:WITH told AS (SELECT instance_id, contact_id, resource_type, flow_id, module_id, CAST(replace(\"start\", 'Z', '') AS \
         TIMESTAMP), CAST(replace(\"end\", 'Z', '') AS TIMESTAMP), outcome, next_flow, next_queue, next_resource_type, channel, \
         initiation_method, sub_type FROM read_json('{truth}', format = 'newline_delimited', columns = {{kind: 'VARCHAR', \
         instance_id: 'VARCHAR', contact_id: 'VARCHAR', resource_type: 'VARCHAR', flow_id: 'VARCHAR', module_id: 'VARCHAR', \
         \"start\": 'VARCHAR', \"end\": 'VARCHAR', outcome: 'VARCHAR', next_flow: 'VARCHAR', next_queue: 'VARCHAR', \
         next_resource_type: 'VARCHAR', channel: 'VARCHAR', initiation_method: 'VARCHAR', sub_type: 'VARCHAR', \
         \"open\": 'BOOLEAN'}}) WHERE kind = 'execution' AND NOT \"open\"), \
         found AS (SELECT instance_id, contact_id, resource_type, flow_resource_id, module_resource_id, start_timestamp, end_timestamp, \
         flow_outcome, next_flow_resource_id, next_queue_resource_id, next_resource_type, channel, initiation_method, sub_type \
         FROM contact_flow_events) \
         SELECT (SELECT count(*) FROM (FROM told EXCEPT ALL FROM found)), (SELECT count(*) FROM (FROM found EXCEPT ALL FROM told)), \
         (SELECT count(*) FROM told), (SELECT count(DISTINCT event_id) = count(*) FROM contact_flow_events)"
    );
    engines.ask(Engine::DuckDb, &lab.lake(), &[&query])[0]["rows"][0].clone()
}

/// `TRIBUTARY_TEST_SCALE=50` is a million lines.
#[test]
fn executions_are_those_that_were_acted_out() {
    let Some(engines) = Engines::get() else { return };
    let lab = Lab::new("");
    lab.connect("families = [\"flow\", \"contact\"]");
    let truth = lab.path("truth.jsonl").display().to_string();
    let size = 20_000 * scale();
    let noise = "--disorder 0.1 --duplicates 0.05";
    let lines = events(&format!("--agents 0 --flows {size} --days 3 --seed 8 {noise} --truth {truth}"));
    // Several runs, each of which cuts contacts in two.
    let payloads: Vec<&str> = lines.lines().collect();
    for (run, part) in payloads.chunks(payloads.len().div_ceil(3)).enumerate() {
        lab.input(&format!("{run}.jsonl"), part.join("\n") + "\n");
        lab.run();
    }
    let told = fs::read_to_string(&truth).unwrap();
    let total: Value = told
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .find(|line: &Value| line["kind"] == "flows")
        .unwrap();
    let counts = "sql:SELECT (SELECT count(*) FROM contact_flow_log_events), (SELECT count(*) FROM contact_events)";
    let found = &engines.ask(Engine::DuckDb, &lab.lake(), &[counts])[0]["rows"][0];
    assert_eq!((&found[0], &found[1]), (&total["distinct_lines"], &total["contact_events"]));
    let found = differences(&engines, &lab, &truth);
    assert!(found[2].as_u64().unwrap() > size / 20, "{found}");
    assert_eq!((&found[0], &found[1], &found[3]), (&json!(0), &json!(0), &json!(true)), "{found}");
    // Derived anew as a whole they are the same.
    let said = output_of(
        lab.command(&["rebuild", "pipeline.toml", "--table", "contact_flow_events"])
            .stderr(std::process::Stdio::null()),
    );
    assert!(text(&said).contains("written anew from the lines of"), "{}", text(&said));
    let again = differences(&engines, &lab, &truth);
    assert_eq!(again, found);
    // Nothing is new: nothing is written.
    let epoch = lab.status()["next_epoch"].clone();
    lab.run();
    assert_eq!(lab.status()["next_epoch"], epoch);
}

/// What a person reads off three captured chats, where they lie beside the checkout: two of the files are of one chat.
#[test]
fn captured_chats_have_the_executions_that_a_person_reads() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/samples");
    let chats = ["inqueue", "queued-agent-disconnected", "queued-withagent"];
    let files: Vec<_> = chats.iter().map(|chat| samples.join(format!("flow-log-2023-chat-{chat}.jsonl"))).collect();
    if !files.iter().all(|file| file.exists()) {
        eprintln!("NOT CHECKED: no samples at {}", samples.display());
        return;
    }
    let lab = Lab::new("");
    lab.connect("families = [\"flow\"]");
    for (number, file) in files.iter().enumerate() {
        lab.input(&format!("{number}.jsonl"), fs::read(file).unwrap());
    }
    assert_eq!(lab.run()["tally"]["duplicates"], 9, "one chat was captured twice");
    let Some(engines) = Engines::get() else { return };
    let query = "sql:SELECT contact_id[1:8], flow_resource_id[1:8], strftime(start_timestamp, '%d %H:%M:%S.%g'), \
                 strftime(end_timestamp, '%d %H:%M:%S.%g'), flow_outcome, next_queue_resource_id[1:8] FROM contact_flow_events ORDER BY 3";
    let found = engines.ask(Engine::DuckDb, &lab.lake(), &[query])[0]["rows"].clone();
    let expected = json!([
        ["515c5c7e", "61ed43e2", "05 21:24:02.442", "05 21:24:03.899", "TRANSFERRED_TO_QUEUE", "603dc072"],
        // Nobody heard of this chat any more; of the other one the queue flow is waited for.
        ["515c5c7e", "5f68e6d2", "05 21:24:04.341", null, null, null],
        ["edfcdfa6", "61ed43e2", "10 16:33:27.078", "10 16:33:28.495", "TRANSFERRED_TO_QUEUE", "603dc072"],
    ]);
    assert_eq!(found, expected);
}

/// Lines come bare, from an export with their moment in front, in envelopes that were packed member by member, and in rows.
#[test]
fn lines_come_in_every_wrapping() {
    let lab = Lab::new("");
    lab.connect("families = [\"flow\"]");
    let line = |number: u32| {
        json!({
            "ContactId": "c-1", "ContactFlowId": "arn:aws:connect:eu-central-1:000000000042:instance/i-1/contact-flow/f-1",
            "ContactFlowModuleType": "PlayPrompt", "Timestamp": format!("2025-03-10T09:05:{number:02}.000Z"), "Parameters": {},
        })
        .to_string()
    };
    let envelope = |number: u32| {
        json!({
            "messageType": "DATA_MESSAGE", "owner": "000000000042", "logGroup": "/aws/connect/acme", "logStream": "s",
            "subscriptionFilters": [], "logEvents": [{"id": format!("3{number:055}"), "timestamp": 1, "message": line(number)}],
        })
        .to_string()
    };
    let probe = json!({"messageType": "CONTROL_MESSAGE", "owner": "CloudwatchLogs", "logEvents": []}).to_string();
    lab.input("bare.jsonl", line(1) + "\n" + &line(2) + "\n");
    lab.input("export", format!("2025-03-10T09:05:03.100Z {}\n2025-03-10T09:05:04.100Z {}\n", line(3), line(4)));
    lab.input("packed", gzip(&[envelope(5).as_bytes(), probe.as_bytes(), envelope(6).as_bytes()]));
    let row = json!({"timestamp": 1_741_597_507_000_u64, "eventid": "7", "message": line(7)});
    lab.input("rows.jsonl", row.to_string());
    let summary = lab.run();
    assert_eq!(summary["tally"]["rows"]["contact_flow_log_events"], 7, "{summary}");
    assert_eq!(
        (&summary["tally"]["rejected"], &summary["tally"]["skipped"]),
        (&json!(0), &json!({"control_message": 1}))
    );
}

/// A stream derives beside its line: lines that come later end what went on.
#[test]
fn executions_follow_a_stream() {
    let Some(engines) = Engines::get() else { return };
    let lab = Lab::new("[commit]\nevery = \"1s\"");
    lab.connect("families = [\"flow\", \"contact\"]\nflow.every = \"1s\"");
    let pipeline = fs::read_to_string(lab.path("pipeline.toml")).unwrap();
    let pipeline = pipeline.replace("\"batch\"", "\"streaming\"").replace("[\"in/*\"]", "[\"in/*\"]\npoll = \"1s\"");
    fs::write(lab.path("pipeline.toml"), pipeline).unwrap();
    let truth = lab.path("truth.jsonl").display().to_string();
    let lines = events(&format!("--agents 0 --flows 3000 --days 3 --seed 9 --truth {truth}"));
    let payloads: Vec<&str> = lines.lines().collect();
    let stream = Stream::start(&lab);
    for (number, part) in payloads.chunks(payloads.len().div_ceil(3)).enumerate() {
        fs::write(lab.path("part"), part.join("\n") + "\n").unwrap();
        fs::rename(lab.path("part"), lab.path("in").join(format!("{number}.jsonl"))).unwrap();
        std::thread::park_timeout(Duration::from_secs(3));
    }
    let told = fs::read_to_string(&truth).unwrap();
    let told = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let ended = told.filter(|line| line["kind"] == "execution" && line["open"] == false).count();
    wait_until("all executions are there", || {
        lab.lake().exists() && lab.status()["tables"]["contact_flow_events"]["rows"] == json!(ended)
    });
    assert_eq!(stream.stop()["outcome"], "drained");
    let found = differences(&engines, &lab, &truth);
    assert_eq!((&found[0], &found[1]), (&json!(0), &json!(0)), "{found}");
}

/// One run over everything that a contact centre tells: no table stays empty.
#[test]
fn every_table_comes_out_of_one_run() {
    let lab = Lab::new("");
    let lookups = lab.path("lookups.toml").display().to_string();
    lab.connect(&format!(
        "families = [\"agent\", \"case\", \"audit\", \"flow\", \"contact\", \"test_case\"]\nlookups = {lookups:?}"
    ));
    let all = "--agents 20 --days 1 --cases 500 --audits --flows 2000 --seed 4";
    // The middle of them is left out: somebody's chain of snapshots is broken.
    let lines = events(&format!("{all} --lookups {lookups}"));
    let lines: Vec<&str> = lines.lines().collect();
    let third = lines.len() / 3;
    let executions = json!({
        "InstanceArn": "arn:aws:connect:eu-central-1:000000000042:instance/i-1",
        "TestCaseExecutions": [{"TestCaseExecutionId": "e", "TestCaseId": "t", "TestCaseExecutionStatus": "PASSED", "StartTime": 1_741_597_200}],
    })
    .to_string();
    let lines = [&lines[..third], &lines[third + 40..], &[executions.as_str(), "no event\n"]].concat();
    lab.input("all.jsonl", lines.join("\n"));
    let summary = lab.run();
    let rows = summary["tally"]["rows"].as_object().unwrap();
    let listed = output_of(lab.command(&["schema", "list", "--output", "json"]).stderr(std::process::Stdio::null()));
    let listed: Value = serde_json::from_slice(&listed).unwrap();
    let empty: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|table| table["name"].as_str().unwrap())
        .filter(|table| rows.get(*table).and_then(Value::as_u64).unwrap_or(0) == 0)
        .collect();
    assert_eq!(empty, Vec::<&str>::new(), "{summary}");
}

/// What no line says is asked of Amazon Connect, once, and kept.
#[test]
fn flows_are_asked_about() {
    const INSTANCE: &str = "0a1b2c3d-1111-4222-8333-444455556666";
    let server = ConnectServer::start(INSTANCE, NOW).unwrap();
    let mut instance = server.instance();
    instance.save_flow("f-1", "Main", "CONTACT_FLOW", NOW - 90_000);
    instance.publish_flow("f-1", NOW - 60_000);
    instance.version_flow("f-1", NOW - 60_000);
    instance.save_flow("f-2", "Draft", "CUSTOMER_QUEUE", NOW - 90_000);
    instance.save_module("m-1", "Identify", NOW - 90_000);
    instance.publish_module("m-1", NOW - 60_000);
    drop(instance);
    let api = format!(
        "[transform.connect.flow_api]\ninstance = {INSTANCE:?}\ncache = \"kept/flows.json\"\nrate = 1000\nregion = \"eu-central-1\"\n\
         endpoint = {:?}\n",
        server.endpoint()
    );
    let lab = Lab::new(&api);
    lab.connect("families = [\"flow\"]");
    let line = |second: u32, resource: &str, stack: Value| {
        json!({
            "ContactId": "c-1", "ContactFlowId": format!("arn:aws:connect:eu-central-1:000000000042:instance/{INSTANCE}/{resource}"),
            "ContactFlowModuleType": "Disconnect", "Timestamp": format!("2025-03-10T09:05:{second:02}.000Z"), "ModuleExecutionStack": stack,
        })
        .to_string()
            + "\n"
    };
    let stack = json!([format!("arn:aws:connect:eu-central-1:000000000042:instance/{INSTANCE}/flow-module/m-1")]);
    let lines = [
        line(1, "contact-flow/f-1", json!(null)),
        line(2, "contact-flow/f-2", json!(null)),
        line(3, "flow-module/m-1", stack),
    ];
    lab.input("1.jsonl", lines.concat());
    lab.run();
    let asked = server.instance().calls().len();
    assert!(asked >= 5, "{asked}");
    lab.input("2.jsonl", line(9, "contact-flow/f-1", json!(null)));
    lab.run();
    assert_eq!(server.instance().calls().len(), asked, "what is kept is young enough");
    let status = lab.status();
    assert_eq!(status["flows"]["flows"], 3, "{status}");
    let said = text(&lab.command(&["status", "pipeline.toml"]).output().unwrap().stdout);
    assert!(said.contains("3 flows and modules, "), "{said}");
    let said = text(&lab.command(&["check", "pipeline.toml"]).output().unwrap().stdout);
    assert!(said.contains("ok      ask for flows and modules: 3 of them"), "{said}");
    let Some(engines) = Engines::get() else { return };
    let query = "sql:SELECT coalesce(module_resource_id, flow_resource_id), flow_type, resource_version, flow_language_version, \
                 epoch_ms(resource_published_timestamp) FROM contact_flow_events ORDER BY start_timestamp";
    let main = json!(["f-1", "CONTACT_FLOW", "1", "2019-10-30", NOW - 60_000]);
    let expected =
        json!([main, ["f-2", "CUSTOMER_QUEUE", null, null, null], ["m-1", null, null, "2019-10-30", null], main,]);
    assert_eq!(engines.ask(Engine::DuckDb, &lab.lake(), &[query])[0]["rows"], expected);
    // Without an answer, and with nothing kept, a run does not begin.
    fs::remove_dir_all(lab.path("kept")).unwrap();
    let denied =
        ServiceFault { operation: Some("ListContactFlows"), code: "AccessDeniedException", status: 403, every: 1 };
    server.instance().faults = vec![denied];
    let (code, _, stderr) = lab.try_run();
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("connect:ListContactFlows"), "{stderr}");
}
