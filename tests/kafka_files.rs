//! How many files a stream over many partitions makes: one for each table, day and commit, whatever the partitions.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::engines::kafka::Kafka;
use crate::inputs::events;
use crate::lab::Lab;
use crate::stream::{Stream, wait_until};
use crate::topics::{TOPIC, Topics, lab};

const PARTITIONS: i32 = 6;

/// Files of a lake by table, day and attempt: `<table>/<day>/<table>-<attempt>-<counter>.parquet`.
type Files = BTreeMap<(String, String, String), usize>;

fn files(lake: &Path) -> Files {
    let names = |folder: &Path| -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let mut files = Files::new();
    for table in names(lake).into_iter().filter(|table| !table.starts_with('_')) {
        for day in names(&lake.join(&table)) {
            for file in names(&lake.join(&table).join(&day)) {
                let (attempt, _) = file.trim_start_matches(&table).trim_start_matches('-').rsplit_once('-').unwrap();
                *files.entry((table.clone(), day.clone(), attempt.to_owned())).or_default() += 1;
            }
        }
    }
    files
}

/// Those of which there are several.
fn crowded(files: &Files) -> Vec<&(String, String, String)> {
    files.iter().filter(|(_, count)| **count > 1).map(|(place, _)| place).collect()
}

/// Six partitions are filled while one process reads them; each commit makes one file of each table and day at most. Some
/// commits are so large that they have rows of all partitions.
#[test]
fn a_commit_of_many_partitions_makes_one_file_for_each_table_and_day() {
    let folder = tempfile::tempdir().unwrap();
    let Some(kafka) = Kafka::start(folder.path()) else { return };
    let topics = Topics::on(&kafka);
    topics.create(TOPIC, PARTITIONS, &[]);
    let lines = events("--agents 60 --events 9000 --days 2 --seed 58");
    let lines: Vec<&str> = lines.lines().collect();
    let lab = lab(&kafka.bootstrap(), "streaming", "", "[commit]\nevery = \"2s\"");
    let began = Instant::now();
    let stream = Stream::start(&lab);
    for part in lines.chunks(lines.len() / 12 + 1) {
        topics.produce(TOPIC, part.iter().copied());
        std::thread::park_timeout(Duration::from_millis(500));
    }
    let rows = |lab: &Lab| lab.status()["tables"]["agent_event"]["rows"].as_u64();
    wait_until("the events are committed", || rows(&lab) == Some(lines.len() as u64));
    assert_eq!(stream.stop()["outcome"], "drained");
    let longest = began.elapsed();

    let made = files(&lab.lake());
    assert_eq!(crowded(&made), Vec::<&(String, String, String)>::new());
    let status = lab.status();
    let live: u64 = status["tables"].as_object().unwrap().values().map(|table| table["files"].as_u64().unwrap()).sum();
    assert_eq!(made.len() as u64, live, "every file that is there was committed");
    // Several commits, one in two seconds: not one for each partition. The first and the last come when they must.
    let attempts: BTreeSet<&String> = made.keys().map(|(_, _, attempt)| attempt).collect();
    let most = longest.as_secs() as usize / 2 + 2;
    assert!((2..=most).contains(&attempts.len()), "{} commits in {longest:?}", attempts.len());
    assert_eq!(status["positions"].as_array().map(Vec::len), Some(PARTITIONS as usize), "{status}");
    assert!(status["epochs"].as_array().unwrap().iter().any(|epoch| epoch["tally"]["read"].as_u64() > Some(500)));

    // The same count without the attempts says no: several commits wrote to the same days.
    let mut days = Files::new();
    for ((table, day, _), count) in &made {
        *days.entry((table.clone(), day.clone(), String::new())).or_default() += count;
    }
    assert_ne!(crowded(&days), Vec::<&(String, String, String)>::new());
}
