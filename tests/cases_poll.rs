//! Audit events of cases into lakes: each once, whatever is throttled, changed or killed meanwhile.

use std::fs;
use std::time::Duration;

use tributary_testkit::{CasesFault, CasesServer};

use crate::engines::{Engine, Engines};
use crate::inputs::scale;
use crate::lab::{Lab, text};
use crate::stream::{Stream, wait_at_most, wait_until};

/// 2026-11-01, in milliseconds.
pub(crate) const NOW: i64 = 1_793_491_200_000;

/// A lab whose pipeline polls the domain; `source` are lines about how.
pub(crate) fn lab(server: &CasesServer, mode: &str, source: &str) -> Lab {
    let lab = Lab::new("[commit]\nevery = \"1s\"");
    let pipeline = fs::read_to_string(lab.path("pipeline.toml")).unwrap();
    let files = "[sources.files.file]\npaths = [\"in/*\"]\n";
    assert!(pipeline.contains(files));
    let cases = format!(
        "[sources.audits.cases]\ndomain = \"d-1\"\nendpoint = {:?}\nregion = \"eu-central-1\"\n\
         settle = \"1s\"\n{source}\n",
        server.endpoint()
    );
    let pipeline = pipeline.replace(files, &cases).replace("mode = \"batch\"", &format!("mode = {mode:?}"));
    fs::write(lab.path("pipeline.toml"), pipeline).unwrap();
    lab.connect("instances = { \"d-1\" = \"i-1\" }");
    lab
}

/// Cases whose histories have one page or two; how many pages, and how many events.
fn fill(server: &CasesServer, cases: u64) -> (u64, u64) {
    let mut domain = server.domain();
    let (mut pages, mut all) = (0, 0);
    for case in 0..cases {
        let events = if case % 3 == 0 { 30 } else { 1 };
        for event in 0..events {
            let moment = NOW - 3_000_000 + i64::try_from(case).unwrap() * 7;
            domain.change(&format!("case-{case:06}"), &format!("e-{case}-{event}"), moment, "open");
        }
        pages += if events > 25 { 2 } else { 1 };
        all += events;
    }
    (pages, all)
}

/// Events in the lake, each of which has a row; none came twice.
fn events_read(lab: &Lab) -> Option<u64> {
    let status = lab.status();
    let tally = &status["tally"];
    assert_eq!(
        (&tally["read"], &tally["rows"]["case_field_changes"]),
        (&tally["made_rows"], &tally["made_rows"]),
        "{status}"
    );
    tally["read"].as_u64()
}

/// The events of the lake are those of the domain.
fn holds_the_domain(lab: &Lab, server: &CasesServer) {
    let Some(engines) = Engines::get() else { return };
    let files = lab.lake().join("case_field_changes/*/*.parquet");
    let query = format!("sql:SELECT event_id FROM read_parquet('{}') ORDER BY event_id", files.display());
    let answer = engines.ask(Engine::DuckDb, &lab.lake(), &[&query]);
    let ids: Vec<String> =
        answer[0]["rows"].as_array().unwrap().iter().map(|row| row[0].as_str().unwrap().to_owned()).collect();
    assert!(ids == server.domain().event_ids(), "{} events", ids.len());
}

/// `TRIBUTARY_TEST_SCALE=25` is ten thousand cases.
#[test]
fn each_event_is_taken_once_whatever_is_throttled_and_killed() {
    let server = CasesServer::start("d-1", NOW).unwrap();
    let cases = 400 * scale();
    let (pages, events) = fill(&server, cases);
    server.domain().faults = vec![CasesFault { operation: None, code: "ThrottlingException", status: 429, every: 97 }];
    let lab = lab(&server, "batch", &format!("rate = {}", (100 * scale()).min(1_000)));
    let mut within = 0;
    for part in [1, 2] {
        let before = server.domain().calls().len() as u64;
        let mut killed = Stream::start(&lab);
        wait_at_most(Duration::from_secs(60 * scale()), "calls are made", || {
            assert!(killed.goes_on(), "the run ended before it was killed");
            server.domain().calls().len() as u64 > before + part * pages / 3
        });
        drop(killed);
        within += u64::from(lab.status()["positions"][0]["position"]["polled"]["sweep"].is_object());
    }
    assert!(within > 0, "no run was killed within a sweep that was committed in part");
    lab.run();
    assert_eq!(events_read(&lab), Some(events));
    holds_the_domain(&lab, &server);
    let throttled = server.domain().calls().iter().filter(|call| call.status == 429).count();
    assert!(throttled > 2, "{throttled}");

    // The next batch takes what came meanwhile, and asks no other case.
    let mut domain = server.domain();
    domain.set_now(NOW + 600_000);
    for case in 0..50 {
        domain.change(&format!("case-{:06}", case * 3), &format!("later-{case}"), NOW + 500_000, "closed");
    }
    let before = domain.calls().len();
    drop(domain);
    lab.run();
    assert_eq!(events_read(&lab), Some(events + 50));
    holds_the_domain(&lab, &server);
    let asked = server.domain().calls().len() - before;
    assert!(asked < 50 * 2 + 10, "{asked}");
    assert_eq!(lab.run()["tally"]["read"], 0);
}

#[test]
fn a_stream_takes_what_comes() {
    let server = CasesServer::start("d-1", NOW).unwrap();
    let (_, events) = fill(&server, 30);
    let lab = lab(&server, "streaming", "poll = \"1s\"\nrate = 1000");
    let stream = Stream::start(&lab);
    wait_until("what is there is read", || lab.lake().exists() && events_read(&lab) == Some(events));
    let epochs = lab.status()["epochs"].clone();
    std::thread::park_timeout(Duration::from_secs(3));
    assert_eq!(lab.status()["epochs"], epochs, "where nothing happens nothing is committed");
    let mut domain = server.domain();
    domain.set_now(NOW + 10_000);
    domain.change("case-000001", "later", NOW + 1_000, "closed");
    drop(domain);
    wait_until("what comes is read", || events_read(&lab) == Some(events + 1));
    assert_eq!(stream.stop()["outcome"], "drained");
}

#[test]
fn a_check_says_whether_a_domain_can_be_read() {
    let server = CasesServer::start("d-1", NOW).unwrap();
    fill(&server, 1);
    let lab = lab(&server, "batch", "rate = 1000");
    let said = |lab: &Lab| text(&lab.command(&["check", "pipeline.toml"]).output().unwrap().stdout);
    let answer = said(&lab);
    assert!(answer.starts_with("ok      open the source audits: the domain is there; read 25 events"), "{answer}");
    let denied = CasesFault { operation: Some("SearchCases"), code: "AccessDeniedException", status: 403, every: 1 };
    server.domain().faults = vec![denied];
    let answer = said(&lab);
    assert!(answer.starts_with("FAILED  open the source audits:"), "{answer}");
    assert!(answer.contains("grant cases:SearchCases on the domain"), "{answer}");
    let (code, _, stderr) = lab.try_run();
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("source-cases/denied"), "{stderr}");
}
