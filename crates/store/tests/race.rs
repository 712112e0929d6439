//! 8 processes race 1,000 times for one name: the fence of the commit log on a folder.
//!
//! The test runs its own binary as the racers. They are told the folder by their environment and meet over a socket in
//! it: every race begins for all at once and ends when the last has answered.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a broken expectation of a test panics")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use tributary_core::Key;
use tributary_store::{Created, FolderStore, ObjectStore};

const RACES: usize = 1_000;
const RACERS: usize = 8;
/// The variable by which a child knows that it is a racer, and where.
const FOLDER: &str = "TRIBUTARY_RACE_FOLDER";

fn name(race: usize) -> Key {
    format!("race/{race:04}.json").parse().unwrap()
}

/// A racer, when the environment says so; otherwise nothing.
#[tokio::test]
async fn racer() {
    let Some((_, folder)) = std::env::vars().find(|(key, _)| key == FOLDER) else { return };
    let folder = PathBuf::from(folder);
    let store = FolderStore::open(&folder.join("lake")).unwrap();
    let mut parent = UnixStream::connect(folder.join("gate")).unwrap();
    let orders = BufReader::new(parent.try_clone().unwrap()).lines();
    for order in orders {
        let order = order.unwrap();
        let (race, me) = order.split_once(' ').unwrap();
        let body = format!("racer {me} of race {race}");
        let (won, bytes) = match store.create(&name(race.parse().unwrap()), Bytes::from(body.clone())).await.unwrap() {
            Created::New => ("won", Bytes::from(body)),
            Created::Exists(bytes) => ("lost", bytes),
        };
        writeln!(parent, "{won} {}", std::str::from_utf8(&bytes).unwrap()).unwrap();
    }
}

fn start(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "racer", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn eight_processes_race_a_thousand_times_and_one_wins_each() {
    let folder = tempfile::TempDir::new().unwrap();
    let gate = UnixListener::bind(folder.path().join("gate")).unwrap();
    let children: Vec<Child> = (0..RACERS).map(|_| start(folder.path())).collect();
    let mut racers: Vec<(UnixStream, BufReader<UnixStream>)> = (0..RACERS)
        .map(|_| gate.accept().unwrap().0)
        .map(|racer| (racer.try_clone().unwrap(), BufReader::new(racer)))
        .collect();

    let mut wins: BTreeMap<usize, usize> = BTreeMap::new();
    for race in 0..RACES {
        for place in 0..RACERS {
            // Another one is told first each time.
            let me = (race + place) % RACERS;
            writeln!(racers[me].0, "{race} {me}").unwrap();
        }
        let answers: Vec<String> =
            racers.iter_mut().map(|(_, answers)| answers.lines().next().expect("a racer died").unwrap()).collect();
        let winners: Vec<usize> = (0..RACERS).filter(|racer| answers[*racer].starts_with("won ")).collect();
        assert_eq!(winners.len(), 1, "race {race}: {answers:?}");
        let body = format!("racer {} of race {race}", winners[0]);
        assert!(answers.iter().all(|answer| answer.split_once(' ').unwrap().1 == body), "race {race}: {answers:?}");
        let stands = std::fs::read_to_string(folder.path().join("lake").join(name(race).as_str())).unwrap();
        assert_eq!(stands, body);
        *wins.entry(winners[0]).or_default() += 1;
    }
    drop(racers);
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    // Races that one process wins alone prove nothing.
    assert!(wins.len() > 1, "wins by racer: {wins:?}");
}
