//! Objects in S3 as input: a real server, small objects and a large one, calls that break, a run that is killed, workers,
//! a stream, and an archive that overlaps what was streamed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Child;

use serde_json::Value;
use tempfile::TempDir;
use tributary_testkit::FaultProxy;

use crate::engines::Engines;
use crate::engines::weed::{BUCKET, Weed};
use crate::inputs::{events, gzip, kinesis, scale};
use crate::lab::{Lab, balance, difference, text};
use crate::stream::{Stream, wait_until};

/// A server, somebody else's client, and a folder for what it puts there.
struct Shop {
    weed: Weed,
    engines: Engines,
    folder: TempDir,
}

impl Shop {
    fn open() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let (weed, engines) = (Weed::start(&folder.path().join("server"))?, Engines::get()?);
        Some(Self { weed, engines, folder })
    }

    /// Puts these objects below `prefix`.
    fn put(&self, prefix: &str, objects: &BTreeMap<String, Vec<u8>>) {
        let folder = self.folder.path().join("put");
        for (name, bytes) in objects {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        self.engines.put_s3(&self.weed.endpoint(), &folder, &format!("{BUCKET}/{prefix}"));
        fs::remove_dir_all(folder).unwrap();
    }
}

/// A pipeline that reads `prefix` by way of `endpoint`; `options` stand in the source, `rest` behind it.
fn pipeline(mode: &str, endpoint: &str, prefix: &str, options: &str, rest: &str) -> String {
    format!(
        "version = 1\nname = \"lab\"\nmode = {mode:?}\n{}[lake]\nlocation = \"lake\"\n{rest}\n",
        source("archive", endpoint, prefix, options)
    )
}

fn source(name: &str, endpoint: &str, prefix: &str, options: &str) -> String {
    format!(
        "[sources.{name}.s3]\nlocation = \"s3://{BUCKET}/{prefix}\"\nendpoint = {endpoint:?}\npath_style = true\n{options}\n"
    )
}

/// Objects of a few events each, an hour of a stream in a folder as a delivery service names them; some are compressed,
/// some wrapped, one is empty.
fn small(lines: &str, events_each: usize) -> BTreeMap<String, Vec<u8>> {
    let lines: Vec<&str> = lines.lines().collect();
    let parts = lines.chunks(events_each).map(|part| part.join("\n") + "\n").enumerate();
    let object = |(number, part): (usize, String)| {
        let name = format!("2026/11/{:02}/agents-{number}", number % 24);
        match number % 40 {
            7 => (format!("{name}.gz"), gzip(&[part.as_bytes()])),
            9 => (format!("{name} lambda+1.json"), kinesis(&part)),
            _ => (name, part.into_bytes()),
        }
    };
    parts.map(object).chain([("2026/11/00/empty".to_owned(), Vec::new())]).collect()
}

/// The lines before and after the middle.
fn halves(lines: &str) -> (&str, &str) {
    let end = lines.as_bytes().iter().take(lines.len() / 2).rposition(|byte| *byte == b'\n');
    lines.split_at(end.unwrap() + 1)
}

/// The lake of the same events in a file.
fn plain(lines: &str, options: &str) -> (Lab, [u64; 5]) {
    let plain = Lab::new(options);
    plain.input("events.jsonl", lines);
    let balance = balance(&plain.run());
    (plain, balance)
}

fn same(left: &Path, right: &Path) {
    assert_eq!(difference(left, right), Some(Vec::new()));
}

#[test]
fn many_small_objects_take_a_request_each() {
    let Some(shop) = Shop::open() else { return };
    let lines = events(&format!("--agents 20 --events {} --days 2 --seed 31 --duplicates 0.02", 8_000 * scale()));
    let objects = small(&lines, 10);
    shop.put("archive", &objects);
    let (plain, expect) = plain(&lines, "");

    let proxy = FaultProxy::start(shop.weed.address(), 0, 0).unwrap();
    let lab = Lab::new("");
    fs::write(lab.path("pipeline.toml"), pipeline("batch", &proxy.endpoint(), "archive", "", "")).unwrap();
    assert_eq!(balance(&lab.run()), expect);
    same(&plain.lake(), &lab.lake());
    let (calls, most) = (proxy.calls(), objects.len() as u64 * 11 / 10);
    assert!(objects.len() > 500 && calls <= most, "{calls} calls for {} objects", objects.len());

    // What was read is listed and not read again; what is replaced is.
    assert_eq!(lab.run()["tally"]["read"], 0);
    assert!(proxy.calls() - calls <= objects.len() as u64 / 1_000 + 1, "{} calls", proxy.calls() - calls);
    let (name, bytes) = objects.iter().find(|(name, _)| name.ends_with("agents-3")).unwrap();
    let more = [bytes.as_slice(), &objects["2026/11/04/agents-4"]].concat();
    shop.put("archive", &BTreeMap::from([(name.clone(), more)]));
    let [read, rows, duplicates, ..] = balance(&lab.run());
    assert_eq!((read, rows, duplicates), (20, 0, 20));
    same(&plain.lake(), &lab.lake());
}

#[test]
fn calls_that_break_change_nothing() {
    let Some(shop) = Shop::open() else { return };
    let lines = events("--agents 20 --events 4000 --days 2 --seed 32");
    let (first, rest) = halves(&lines);
    let (mut objects, rest) = (small(first, 10), rest.to_owned());
    objects.insert("large.jsonl".to_owned(), rest.clone().into_bytes());
    objects.insert("large.gz".to_owned(), gzip(&[rest.as_bytes()]));
    shop.put("archive", &objects);
    // The half that lies there twice is read twice.
    let (plain, _) = plain(&(lines + &rest), "");
    let mut broken = 0;
    for seed in 0..scale() {
        let proxy = FaultProxy::start(shop.weed.address(), seed, 200).unwrap();
        let lab = Lab::new("");
        fs::write(lab.path("pipeline.toml"), pipeline("batch", &proxy.endpoint(), "archive", "concurrency = 4", ""))
            .unwrap();
        lab.run();
        same(&plain.lake(), &lab.lake());
        broken += proxy.broken().values().sum::<u64>();
    }
    assert!(broken > 40, "{broken}");
}

/// A large object, plain and compressed, and small ones, committed in pieces; the run is killed again and again.
#[test]
fn a_run_that_is_killed_goes_on_in_the_middle_of_objects() {
    let Some(shop) = Shop::open() else { return };
    let lines = events("--agents 20 --events 9000 --days 2 --seed 33 --duplicates 0.02");
    let (first, rest) = halves(&lines);
    let (second, third) = halves(rest);
    let mut objects = small(first, 40);
    objects.insert("plain.jsonl".to_owned(), second.as_bytes().to_vec());
    objects.insert("packed".to_owned(), gzip(&[third.as_bytes()]));
    shop.put("archive", &objects);
    let options = "[commit]\ninput = \"1 MiB\"";
    let (plain, expect) = plain(&lines, options);

    let lab = Lab::new("");
    let text = pipeline("batch", &shop.weed.endpoint(), "archive", "concurrency = 2", options);
    fs::write(lab.path("pipeline.toml"), text).unwrap();
    let mut open = 0;
    for point in
        ["commit:after_claim=3*off->return", "commit:before_claim=5*off->return", "store:before_complete=9*off->return"]
    {
        let command = &mut lab.command(&["run", "pipeline.toml", "--no-progress"]);
        let output = command.env("FAILPOINTS", point).output().unwrap();
        assert!(!output.status.success(), "{point}: {}", self::text(&output.stderr));
        open += positions(&lab).iter().filter(|at| at.get("offset").is_some()).count();
    }
    assert!(open > 0, "no object was left in its middle");
    lab.run();
    assert_eq!(lab.status()["tally"]["made_rows"], expect[1]);
    same(&plain.lake(), &lab.lake());
}

/// Where each split stands, by the commit log.
fn positions(lab: &Lab) -> Vec<Value> {
    let status = lab.status();
    status["positions"].as_array().unwrap().iter().map(|entry| entry["position"].clone()).collect()
}

#[test]
fn four_workers_share_the_objects() {
    let Some(shop) = Shop::open() else { return };
    let lines = events("--agents 20 --events 6000 --days 2 --seed 34 --duplicates 0.02");
    shop.put("archive", &small(&lines, 40));
    let (plain, expect) = plain(&lines, "");
    let lab = Lab::new("");
    fs::write(lab.path("pipeline.toml"), pipeline("batch", &shop.weed.endpoint(), "archive", "", "")).unwrap();
    let start = |worker: usize| -> Child {
        lab.command(&["run", "pipeline.toml", "--no-progress", "--worker", &format!("{worker}/4")]).spawn().unwrap()
    };
    for (number, worker) in (1..=4).map(start).collect::<Vec<_>>().into_iter().enumerate() {
        let output = worker.wait_with_output().unwrap();
        assert!(output.status.success(), "worker {number}: {}", text(&output.stderr));
    }
    assert_eq!(lab.status()["tally"]["made_rows"], expect[1]);
    same(&plain.lake(), &lab.lake());
}

/// A day is streamed from one prefix while its objects come. The archive that holds it too, under other names and cut
/// elsewhere, then adds what is missing and nothing else.
#[test]
fn an_archive_that_overlaps_a_stream_adds_what_is_missing() {
    let Some(shop) = Shop::open() else { return };
    let lines = events("--agents 10 --events 6000 --days 3 --seed 35 --duplicates 0.02");
    let (plain, _) = plain(&lines, "");
    let live: Vec<(String, Vec<u8>)> = small(halves(&lines).1, 100).into_iter().collect();

    let lab = Lab::new("");
    let every = "[transform.connect.agent_time]\nevery = \"1s\"\n[commit]\nevery = \"1s\"";
    let text = |mode, sources: &str| {
        format!("version = 1\nname = \"lab\"\nmode = {mode:?}\n{sources}[lake]\nlocation = \"lake\"\n{every}\n")
    };
    let streamed = source("live", &shop.weed.endpoint(), "live", "poll = \"1s\"");
    fs::write(lab.path("pipeline.toml"), text("streaming", &streamed)).unwrap();
    let stream = Stream::start(&lab);
    for part in live.chunks(live.len() / 3 + 1) {
        shop.put("live", &part.iter().cloned().collect());
        std::thread::park_timeout(std::time::Duration::from_millis(1_500));
    }
    let ends = || positions(&lab).iter().filter(|at| **at == "end").count();
    // All but the one that is empty.
    wait_until("all objects are committed", || ends() == live.len() - 1);
    stream.stop();

    shop.put("archive", &BTreeMap::from([("all.gz".to_owned(), gzip(&[lines.as_bytes()]))]));
    let archive = source("archive", &shop.weed.endpoint(), "archive", "");
    fs::write(lab.path("pipeline.toml"), text("batch", &format!("{streamed}{archive}"))).unwrap();
    let before = lab.status()["tally"]["made_rows"].as_u64().unwrap();
    let [read, rows, duplicates, ..] = balance(&lab.run());
    assert_eq!(read, lines.lines().count() as u64);
    assert!(rows > 1_000 && duplicates > 1_000, "{rows} rows, {duplicates} duplicates");
    assert_eq!(lab.status()["tally"]["made_rows"].as_u64().unwrap(), before + rows);
    same(&plain.lake(), &lab.lake());
}

/// The lake lies within what is read: what is its own is passed over, what lies beside it is read.
#[test]
fn the_lake_is_never_its_own_input() {
    let Some(shop) = Shop::open() else { return };
    let lines = events("--agents 5 --events 100 --days 1 --seed 36");
    shop.put("both", &small(&lines, 50));
    let (_, expect) = plain(&lines, "");
    let lab = Lab::in_s3(&shop.weed.endpoint(), "both/lake", "");
    let pipeline = fs::read_to_string(lab.path("pipeline.toml")).unwrap();
    let file = "[sources.files.file]\npaths = [\"in/*\"]\n";
    assert!(pipeline.contains(file));
    let objects = source("archive", &shop.weed.endpoint(), "both", "");
    fs::write(lab.path("pipeline.toml"), pipeline.replace(file, &objects)).unwrap();
    assert_eq!(balance(&lab.run()), expect);
    assert_eq!(balance(&lab.run()), [0; 5]);
}

/// `check` and `run` say what is wrong with what is read, each with a cure.
#[test]
fn what_cannot_be_read_is_named() {
    let Some(shop) = Shop::open() else { return };
    shop.put("archive", &BTreeMap::from([("a.jsonl".to_owned(), b"{}\n".to_vec())]));
    let lab = Lab::new("");
    let check = |prefix: &str, options: &str| {
        let text = pipeline("batch", &shop.weed.endpoint(), prefix, options, "");
        fs::write(lab.path("pipeline.toml"), text).unwrap();
        let output = lab.command(&["check", "pipeline.toml"]).output().unwrap();
        (output.status.code(), self::text(&output.stdout) + &self::text(&output.stderr))
    };
    let (code, said) = check("archive", "");
    assert!(code == Some(0) && said.contains("read the beginning of archive/a.jsonl"), "{said}");
    let (code, said) = check("archive", "keys = [\"*.gz\"]");
    assert!(code != Some(0) && said.contains("no object below s3://lake/archive/ is one that it reads"), "{said}");
    let (code, _, said) = lab.try_run();
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("source-s3/no-match"), "{said}");
    assert_eq!(check("archive", "keys = [\"*.gz\"]\noptional = true").0, Some(0));
}
