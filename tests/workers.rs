//! Several workers of one pipeline at once, each with its part of the files, on one commit log.

use std::process::Child;

use crate::engines::Engines;
use crate::engines::weed::Weed;
use crate::inputs::events;
use crate::lab::{Lab, difference, output_of, text};

const WORKERS: usize = 4;

const OPTIONS: &str = "[commit]\ninput = \"1 MiB\"";

/// The same events in twelve files, an agent's in several of them, and one file a second time under another name.
fn parts() -> Vec<(String, String)> {
    let all = events("--agents 20 --events 1200 --days 2 --seed 21 --duplicates 0.02");
    let lines: Vec<&str> = all.lines().collect();
    let mut parts: Vec<(String, String)> = lines
        .chunks(lines.len() / 12 + 1)
        .enumerate()
        .map(|(number, part)| (format!("{number}.jsonl"), part.join("\n")))
        .collect();
    parts.push(("again.jsonl".to_owned(), parts[3].1.clone()));
    parts
}

/// Starts all workers, kills the second one after a moment and runs it again.
fn run_workers(lab: &Lab) {
    let start = |worker: usize| -> Child {
        lab.command(&["run", "pipeline.toml", "--no-progress", "--worker", &format!("{worker}/{WORKERS}")])
            .spawn()
            .unwrap()
    };
    let mut workers: Vec<Child> = (1..=WORKERS).map(start).collect();
    std::thread::park_timeout(std::time::Duration::from_millis(150));
    workers[1].kill().unwrap();
    workers.push(start(2));
    for (number, worker) in workers.into_iter().enumerate() {
        let output = worker.wait_with_output().unwrap();
        assert!(number == 1 || output.status.success(), "worker {number}: {}", text(&output.stderr));
    }
}

#[test]
fn four_of_them_make_the_lake_of_one() {
    let plain = Lab::new(OPTIONS);
    let labs = Lab::new(OPTIONS);
    for (name, part) in parts() {
        plain.input(&name, &part);
        labs.input(&name, &part);
    }
    plain.run();
    run_workers(&labs);
    assert_eq!(labs.status()["tally"]["made_rows"], plain.status()["tally"]["made_rows"]);
    assert_eq!(difference(&plain.lake(), &labs.lake()).unwrap_or_default(), Vec::<String>::new());
    // Somebody who runs alone finds nothing left to do.
    let summary = labs.run();
    assert_eq!(
        (&summary["tally"]["read"], labs.status()["tally"]["made_rows"].as_u64()),
        (&0.into(), plain.status()["tally"]["made_rows"].as_u64())
    );
}

#[test]
fn four_of_them_make_the_lake_of_one_in_s3() {
    let folder = tempfile::tempdir().unwrap();
    let (Some(weed), Some(engines)) = (Weed::start(folder.path()), Engines::get()) else { return };
    let plain = Lab::new(OPTIONS);
    let labs = Lab::in_s3(&weed.endpoint(), "workers", OPTIONS);
    for (name, part) in parts() {
        plain.input(&name, &part);
        labs.input(&name, &part);
    }
    plain.run();
    run_workers(&labs);
    let fetched = labs.fetch(&engines, &weed.endpoint(), "fetched");
    assert_eq!(difference(&plain.lake(), &fetched), Some(Vec::new()));
}

#[test]
fn a_worker_that_cannot_be_is_refused() {
    let lab = Lab::new("");
    for worker in ["0/4", "5/4", "2", "a/b", "1/0"] {
        let output = lab.command(&["run", "pipeline.toml", "--worker", worker]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{worker}");
        assert!(text(&output.stderr).contains("as in 2/4"), "{}", text(&output.stderr));
    }
}

/// An old worker reads what it can, and stops before it does harm; what it leaves, newer ones finish.
#[test]
fn an_old_worker_beside_a_new_one_stops_by_name() {
    const NEW: (&str, &str) = ("FAILPOINTS", "commit:newest_format=return(2)");
    let plain = Lab::new(OPTIONS);
    let lab = Lab::new(OPTIONS);
    let (first, second): (Vec<_>, Vec<_>) = parts().into_iter().enumerate().partition(|(number, _)| number % 2 == 0);
    for (_, (name, part)) in first.iter().chain(&second) {
        plain.input(name, part);
    }
    plain.run();
    first.iter().for_each(|(_, (name, part))| lab.input(name, part));
    lab.run();
    second.iter().for_each(|(_, (name, part))| lab.input(name, part));
    let worker = |share: &str| lab.command(&["run", "pipeline.toml", "--no-progress", "--worker", share]);
    // It has read the log and stands before its claim while the new one runs from its beginning to its end.
    let old = worker("1/2").env("FAILPOINTS", "commit:before_claim=1*sleep(6000)").spawn().unwrap();
    let new = worker("2/2").env(NEW.0, NEW.1).output().unwrap();
    assert!(new.status.success(), "a new one reads what an old one wrote: {}", text(&new.stderr));
    let made = output_of(lab.command(&["status", "pipeline.toml", "--output", "json"]).env(NEW.0, NEW.1));

    let old = old.wait_with_output().unwrap();
    let message = text(&old.stderr);
    assert_eq!(old.status.code(), Some(2), "{message}");
    assert!(message.contains("has format 2, this version reads up to 1: use a newer version"), "{message}");
    let after = output_of(lab.command(&["status", "pipeline.toml", "--output", "json"]).env(NEW.0, NEW.1));
    let tally = |status: &[u8]| serde_json::from_slice::<serde_json::Value>(status).unwrap()["tally"].clone();
    assert_eq!(tally(&after), tally(&made), "it has published nothing");
    for verb in ["run", "status", "gc"] {
        let refused = lab.command(&[verb, "pipeline.toml"]).output().unwrap();
        assert_eq!(refused.status.code(), Some(2), "{verb}: {}", text(&refused.stderr));
    }

    output_of(lab.command(&["run", "pipeline.toml", "--no-progress"]).env(NEW.0, NEW.1));
    assert_eq!(difference(&plain.lake(), &lab.lake()).unwrap_or_default(), Vec::<String>::new());
}
