//! Flows looked at from outside: parsed, and made into executions again by the rules of the documentation alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::{Options, Report, Simulation};

mod read;
mod rules;

use self::read::{Line, Stream, read};

fn options(flow_lines: u64) -> Options {
    Options { agents: 0, flow_lines, duration: Some(Duration::from_secs(3 * 86_400)), ..Options::default() }
}

fn noisy(options: Options) -> Options {
    Options { duplicate_rate: 0.05, disorder_rate: 0.2, malformed_rate: 0.03, ..options }
}

fn run(options: Options) -> (String, Vec<Value>, Report) {
    let (mut out, mut truth) = (Vec::new(), Vec::new());
    let report = Simulation::new(options).unwrap().run(&mut out, Some(&mut truth)).unwrap();
    assert_eq!(out.len() as u64, report.bytes);
    let truth = String::from_utf8(truth).unwrap();
    (String::from_utf8(out).unwrap(), truth.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), report)
}

fn executions(truth: &[Value]) -> BTreeMap<String, Value> {
    let lines = truth.iter().filter(|line| line["kind"] == "execution");
    keyed(lines.cloned())
}

fn keyed(lines: impl Iterator<Item = Value>) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for line in lines {
        let key = ["contact_id", "start", "flow_id", "module_id", "stack"].map(|key| line[key].to_string()).join(" ");
        assert!(all.insert(key, line).is_none(), "two executions of one key");
    }
    all
}

fn compare(told: &BTreeMap<String, Value>, found: &BTreeMap<String, Value>) {
    for (key, line) in told {
        assert_eq!(Some(line), found.get(key), "{key}");
    }
    for (key, line) in found {
        assert!(told.contains_key(key), "the truth lacks {line}");
    }
}

/// Guards the truth: whoever applies the rules to the stream, flaws and all, comes to the same executions and counts.
#[test]
fn the_truth_is_what_the_lines_tell() {
    for seed in 1..=12 {
        for options in [options(3_000), noisy(options(3_000))] {
            let (out, truth, report) = run(Options { seed, ..options });
            let stream = read(&out);
            let told = executions(&truth);
            compare(&told, &keyed(rules::executions(&stream, false).into_iter()));
            compare(&told, &keyed(rules::executions(&stream, true).into_iter()));
            check_totals(&stream, &truth, &report);
            assert_eq!(out.lines().count() as u64, report.lines());
        }
    }
}

fn check_totals(stream: &Stream, truth: &[Value], report: &Report) {
    let total = truth.last().unwrap();
    assert_eq!(total["kind"], "flows");
    let distinct: usize = stream.contacts.values().map(|told| told.lines.len()).sum();
    let events: usize = stream.contacts.values().map(|told| told.events.len()).sum();
    assert_eq!(total["contacts"], json!(stream.contacts.len()));
    assert_eq!(total["distinct_lines"], json!(distinct));
    assert_eq!(report.flow_lines, distinct as u64);
    assert!((3_000..3_100).contains(&distinct), "{distinct}");
    assert_eq!(total["lines"], json!(stream.lines));
    assert_eq!(total["contact_events"], json!(events));
    assert_eq!(total["delivered_contact_events"], json!(stream.event_ids.len()));
    let kinds = ["bare", "rows", "envelopes", "delivered_contact_events"].map(|key| total[key].as_u64().unwrap());
    assert_eq!(kinds.iter().sum::<u64>(), report.flow_payloads);
    assert_eq!(stream.rejected, report.malformed);
    let told = truth.iter().filter(|line| line["kind"] == "execution");
    assert_eq!(total["executions"], json!(told.clone().count()));
    assert_eq!(total["modules"], json!(told.filter(|line| line["resource_type"] == "module").count()));
}

/// Guards what an execution is: no line of it lies before its start or behind its end.
#[test]
fn lines_lie_within_their_execution() {
    let (out, truth, _) = run(options(5_000));
    /// The contact, what ran, and its stack.
    type Lane = (String, String, Vec<String>);
    let mut spans: BTreeMap<Lane, Vec<(String, String)>> = BTreeMap::new();
    let text = |value: &Value| value.as_str().unwrap_or("9").to_owned();
    for line in executions(&truth).values() {
        let stack: Vec<String> = line["stack"].as_array().unwrap().iter().map(text).collect();
        let resource = if line["module_id"].is_null() { &line["flow_id"] } else { &line["module_id"] };
        let key = (text(&line["contact_id"]), text(resource), stack);
        spans.entry(key).or_default().push((text(&line["start"]), text(&line["end"])));
    }
    let mut compared = 0;
    for line in read(&out).contacts.into_values().flat_map(|told| told.lines.into_values()) {
        let key = (line.contact, line.resource.rsplit_once('/').unwrap().1.to_owned(), line.stack);
        let around = spans[&key].iter().filter(|(start, end)| (start..=end).contains(&&line.at)).count();
        assert_eq!(around, 1, "{} of {key:?}", line.at);
        compared += 1;
    }
    assert!(compared >= 5_000, "{compared}");
}

fn lines_of(stream: &Stream) -> impl Iterator<Item = &Line> {
    stream.contacts.values().flat_map(|told| told.lines.values())
}

/// Guards the breadth of what contacts do: all of it occurs, whatever the seed.
#[test]
fn every_outcome_and_kind_occurs() {
    let (mut open, mut closed) = (0, 0);
    for seed in 1..=5 {
        let (out, truth, _) = run(Options { seed, ..options(5_000) });
        let executions = executions(&truth);
        let values = |key: &str| -> BTreeSet<String> {
            executions.values().filter_map(|line| line[key].as_str()).map(str::to_owned).collect()
        };
        assert_eq!(values("outcome").len(), 8, "{:?}", values("outcome"));
        assert_eq!(values("channel").len(), 4);
        assert_eq!(values("initiation_method").len(), 5);
        assert_eq!(values("sub_type").len(), 6);
        assert_eq!(values("next_resource_type").len(), 2);
        let count = |is: &dyn Fn(&Value) -> bool| executions.values().filter(|line| is(line)).count();
        let depth = |line: &Value| line["stack"].as_array().unwrap().len();
        assert!(count(&|line| depth(line) == 2) > 50 && count(&|line| depth(line) == 3) > 5);
        assert!(count(&|line| line["end"].is_null() && line["outcome"].is_null()) > 3, "no end");
        assert!(count(&|line| line["channel"].is_null()) > 3, "no contact events");
        assert!(
            count(&|line| line["start"].as_str().unwrap().get(..10)
                != line["end"].as_str().and_then(|end| end.get(..10))
                && line["end"].is_string())
                > 0,
            "no midnight"
        );
        let is_cut = |line: &Value| line["outcome"] == "TRANSFERRED_TO_AGENT" && line["next_queue"].is_null();
        assert!(count(&|line| is_cut(line) && depth(line) > 1) > 3, "no module that an agent interrupts");
        assert!(count(&|line| line["outcome"] == "TRANSFERRED_TO_AGENT" && line["next_queue"].is_string()) > 5);
        open += count(&|line| line["open"] == true);
        closed += count(&|line| line["end"].is_null() && line["open"] == false);
        check_situations(&read(&out), &executions);
    }
    assert!(open > 3 && closed > 10, "{open} {closed}");
}

fn check_situations(stream: &Stream, executions: &BTreeMap<String, Value>) {
    let mut entered: BTreeMap<String, u32> = BTreeMap::new();
    for line in executions.values() {
        *entered
            .entry(
                format!("{} {} {}", line["contact_id"], line["resource_type"], line["module_id"])
                    + &format!("{} {}", line["flow_id"], line["stack"]),
            )
            .or_default() += 1;
    }
    let twice = |kind: &str| entered.iter().filter(|(key, count)| key.contains(kind) && **count > 1).count();
    assert!(twice("\"flow\"") > 3 && twice("\"module\"") > 3, "{} {}", twice("\"flow\""), twice("\"module\""));
    let count = |is: &dyn Fn(&Line) -> bool| lines_of(stream).filter(|line| is(line)).count();
    assert!(
        count(&|line| line.kind.starts_with("Transfer") && line.results.as_deref() == Some("true")) > 3,
        "not full"
    );
    assert!(count(&|line| line.kind == "TransferToFlow" && line.results.as_deref() == Some("Error")) > 0);
    assert!(count(&|line| line.kind == "GetUserInput" && line.results.is_some() && line.parameters.is_none()) > 50);
    assert!(count(&|line| line.kind == "SetCustomerQueueFlow") > 5, "nothing that names a flow and goes to none");
    assert!(count(&|line| line.kind == "SetQueue") > 50 && count(&|line| line.identifier.is_none()) > 50);
    let (mut early, mut late, mut interleaved, mut behind) = (0, 0, 0, 0);
    for told in stream.contacts.values() {
        let moments = |kind: &str| told.events.iter().filter(|(of, _)| of == kind).map(|(_, at)| at.clone()).next();
        let plays = told.lines.values().filter(|line| line.kind == "AddToPlayLoop").map(|line| line.at.clone());
        if let (Some(queued), Some(first)) = (moments("QUEUED"), plays.min()) {
            early += u32::from(first < queued);
            late += u32::from(first > queued);
        }
        let mut lines: Vec<&Line> = told.lines.values().collect();
        lines.sort_by_key(|line| &line.at);
        interleaved += lines
            .windows(3)
            .filter(|lines| {
                lines[0].resource == lines[2].resource
                    && lines[0].resource != lines[1].resource
                    && lines[1].stack.is_empty()
            })
            .count();
        behind += moments("DISCONNECTED").map_or(0, |end| lines.iter().filter(|line| line.at > end).count());
    }
    assert!(early > 3 && late > 3 && interleaved > 10 && behind > 0, "{early} {late} {interleaved} {behind}");
}

/// Guards the forms of delivery, and that repeats and disorder of contact events need no option.
#[test]
fn every_form_occurs() {
    // Lines must follow one another closely to share envelopes.
    let (out, truth, _) = run(Options { duration: Some(Duration::from_secs(600)), ..options(5_000) });
    let stream = read(&out);
    assert!(stream.envelopes.len() > 15 && stream.envelopes.keys().all(|count| (1..=20).contains(count)));
    assert!(stream.rows > 300 && stream.bare > 500, "{} {}", stream.rows, stream.bare);
    assert_eq!(stream.detail_types.len(), 2);
    let total = truth.last().unwrap();
    assert!(total["delivered_contact_events"].as_u64() > total["contact_events"].as_u64().map(|count| count + 10));
    let kinds: BTreeSet<&str> =
        stream.contacts.values().flat_map(|told| told.events.iter().map(|(kind, _)| kind.as_str())).collect();
    assert_eq!(kinds.len(), 7, "{kinds:?}");
    assert!(out.contains("\"contactflowmoduletype\"") || out.contains("\\\"contactflowmoduletype\\\""));
    let place = |kind: &str, contact: &str| {
        out.lines().position(|line| line.contains(&format!("\"eventType\":\"{kind}\",\"contactId\":\"{contact}\"")))
    };
    let is_odd = |contact: &&String| {
        let completed = place("COMPLETED", contact);
        completed.is_some() && completed < place("DISCONNECTED", contact)
    };
    assert!(stream.contacts.keys().take(100).filter(is_odd).count() > 5);
}

/// Guards: flows are told in order of time among agent events and cases, which do what they do without them.
#[test]
fn agents_and_cases_do_not_mind_flows() {
    let others = Options { flow_lines: 0, agents: 8, case_events: 500, ..options(0) };
    let (alone, ..) = run(others.clone());
    let (all, truth, report) = run(Options { flow_lines: 2_000, ..others });
    let is_flow =
        |line: &&str| line.contains("aws.connect\"") || line.contains("ontactFlow") || line.contains("contactflow");
    let rest: Vec<&str> = all.lines().filter(|line| !is_flow(line)).collect();
    assert_eq!(rest, alone.lines().collect::<Vec<_>>());
    assert_eq!(all.lines().filter(is_flow).count() as u64, report.flow_payloads);
    assert!(truth.iter().any(|line| line["kind"] == "cases") && truth.iter().any(|line| line["kind"] == "flows"));
    let agent = |line: &str| serde_json::from_str::<Value>(line).unwrap()["EventTimestamp"].as_str().map(str::to_owned);
    let mut latest = String::new();
    for line in all.lines() {
        if let Some(at) = agent(line) {
            latest = at;
        } else if let Some(at) = serde_json::from_str::<Value>(line).unwrap()["Timestamp"].as_str() {
            assert!(at >= latest.as_str(), "{at} behind {latest}");
        }
    }
}

/// Guards the promise that a seed means the same bytes for ever, with the truth or without.
#[test]
fn a_seed_means_the_same_flows_for_ever() {
    let digest = |text: &str| {
        text.bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    };
    let (out, ..) = run(options(1_000));
    let mut again = Vec::new();
    Simulation::new(options(1_000)).unwrap().run(&mut again, None).unwrap();
    assert_eq!(out.as_bytes(), again);
    assert_eq!(digest(&out), 16_295_756_656_915_798_001);
    assert_ne!(out, run(Options { seed: 2, ..options(1_000) }).0);
    let (few, _, report) = run(Options { duration: Some(Duration::from_millis(1)), ..options(1) });
    assert!(few.lines().count() as u64 == report.flow_payloads && report.flow_lines > 0, "{report:?}");
}
