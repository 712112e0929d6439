//! Kills at random moments and at random places until enough have hit, and every finished lake equal to a plain run's.
//!
//! On a folder, and on an S3 server behind a proxy that breaks calls as well.
//!
//! `TRIBUTARY_TEST_SCALE=100 cargo test --release --test e2e chaos -- --nocapture` is the full size: 1 GB, a commit every
//! 8 MiB, 100 kills. `TRIBUTARY_CHAOS_SEED` repeats a sequence of decisions (not of moments: those are the machine's).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tributary_testkit::FaultProxy;

use crate::engines::Engines;
use crate::engines::venv::say;
use crate::engines::weed::Weed;
use crate::inputs::{events, scale};
use crate::lab::{Lab, difference, text};

/// The six places where a kill may fall.
const PLACES: [&str; 6] = ["reading", "writing", "sealing", "between claim and publish", "publishing", "recovering"];

/// The failpoints of each place.
const FAILPOINTS: [&[&str]; 6] = [
    &["read:after_batch", "transform:after_apply"],
    &["write:after_rows", "write:after_part"],
    &["seal:begin", "seal:before_file", "seal:after_file", "seal:after_all"],
    &["commit:after_claim", "commit:between"],
    &["store:before_complete", "store:after_complete", "commit:after_first_complete", "commit:before_done"],
    &["commit:recovering"],
];

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// How a process is to be killed.
enum Kill {
    After(Duration),
    At { place: usize, failpoint: &'static str, times: u64 },
}

impl Kill {
    fn pick(random: &mut Random, most_times: u64, longest: u64) -> Self {
        if random.below(2) == 0 {
            return Self::After(Duration::from_millis(20 + random.below(longest)));
        }
        let place = random.below(PLACES.len() as u64) as usize;
        let failpoint = FAILPOINTS[place][random.below(FAILPOINTS[place].len() as u64) as usize];
        // A run recovers once; every other place is passed again and again.
        let times = if place == 5 { 0 } else { random.below(most_times) };
        Self::At { place, failpoint, times }
    }
}

/// Where the lakes are made.
enum Ground {
    Folder,
    S3 { server: Weed, engines: Engines, proxy: FaultProxy },
}

impl Ground {
    /// A new lake over the same input.
    fn fresh(&self, plain: &Lab, options: &str, number: u32) -> Lab {
        let lab = match self {
            Self::Folder => Lab::new(options),
            Self::S3 { proxy, .. } => Lab::in_s3(&proxy.endpoint(), &format!("chaos/{number}"), options),
        };
        std::fs::hard_link(plain.path("in/events.jsonl"), lab.path("in/events.jsonl"))
            .or_else(|_| std::fs::copy(plain.path("in/events.jsonl"), lab.path("in/events.jsonl")).map(drop))
            .unwrap();
        lab
    }

    /// What is visible of the lake, in a folder.
    fn visible(&self, lab: &Lab) -> PathBuf {
        match self {
            Self::Folder => lab.lake(),
            Self::S3 { server, engines, .. } => lab.fetch(engines, &server.endpoint(), "fetched"),
        }
    }

    /// Kills and finished lakes that are asked for, and the longest life of a run that is killed by the clock, in
    /// milliseconds.
    fn wanted(&self, full: bool) -> (u32, u32, u64) {
        match (self, full) {
            (Self::Folder, true) => (100, 3, 381),
            (Self::Folder, false) => (20, 2, 381),
            (Self::S3 { .. }, true) => (300, 5, 4_000),
            (Self::S3 { .. }, false) => (10, 1, 2_000),
        }
    }
}

#[test]
fn every_finished_lake_equals_the_plain_one() {
    chaos(&Ground::Folder);
}

/// Of a thousand calls 30 break beside the kills: more would make a run of the full size last for minutes.
#[test]
fn every_finished_lake_in_s3_equals_the_plain_one() {
    let folder = tempfile::tempdir().unwrap();
    let (Some(server), Some(engines)) = (Weed::start(folder.path()), Engines::get()) else { return };
    let proxy = FaultProxy::start(server.address(), 17, 30).unwrap();
    let ground = Ground::S3 { server, engines, proxy };
    chaos(&ground);
    if let Ground::S3 { proxy, .. } = ground {
        say(&format!("chaos: of {} calls were broken: {:?}", proxy.calls(), proxy.broken()));
    }
}

fn chaos(ground: &Ground) {
    let scale = scale();
    let full = scale >= 100;
    let (wanted_kills, wanted_lakes, longest) = ground.wanted(full);
    let seed = std::env::var_os("TRIBUTARY_CHAOS_SEED").map_or_else(
        || std::process::id().into(),
        |text| text.to_str().and_then(|text| text.parse().ok()).expect("TRIBUTARY_CHAOS_SEED is a number"),
    );
    let options = if full { "[commit]\ninput = \"8 MiB\"" } else { "[commit]\ninput = \"2 MiB\"" };
    say(&format!("chaos: seed {seed}, scale {scale}: {wanted_kills} kills, {wanted_lakes} finished lakes"));
    // A server takes its time: a tenth of the input, with as many commits.
    let count = if matches!(ground, Ground::Folder) { 2_000 * scale } else { 600 * scale.min(20) };
    let input =
        events(&format!("--agents 200 --days 3 --events {count} --duplicates 0.01 --malformed 0.001 --seed 17"));
    say(&format!("chaos: {} MB of input, {}", input.len() / 1_000_000, options.replace('\n', " ")));
    let plain = Lab::new(options);
    plain.input("events.jsonl", &input);
    plain.run();

    let mut random = Random(seed);
    let mut fell: BTreeMap<usize, u32> = BTreeMap::new();
    let (mut kills, mut lakes, mut runs) = (0, 0, 0);
    let mut lab = ground.fresh(&plain, options, 0);
    let fewest =
        |fell: &BTreeMap<usize, u32>| (0..PLACES.len()).map(|place| fell.get(&place).copied().unwrap_or(0)).min();
    // At full size it also goes on until each place was hit often enough, within reason.
    let is_thin = |fell: &BTreeMap<usize, u32>, kills: u32| full && kills < 2 * wanted_kills && fewest(fell) < Some(5);
    while kills < wanted_kills || lakes < wanted_lakes || is_thin(&fell, kills) {
        runs += 1;
        // A small input passes each place only a few times.
        let kill = Kill::pick(&mut random, if full { 12 } else { 3 }, longest);
        let log = lab.path("log");
        let (status, place) = run_and_kill(&lab, &kill, &log);
        match place {
            Some(place) => {
                kills += 1;
                *fell.entry(place).or_default() += 1;
            }
            None => {
                assert!(status.success(), "run {runs}: {status}: {}", text(&std::fs::read(&log).unwrap()));
                lakes += 1;
                let differences = difference(&plain.lake(), &ground.visible(&lab));
                say(&format!(
                    "chaos: lake {lakes} finished after {kills} kills in {runs} runs, differences: {differences:?}"
                ));
                assert_eq!(differences.unwrap_or_default(), Vec::<String>::new());
                assert_eq!(lab.status()["tally"], plain.status()["tally"]);
                lab = ground.fresh(&plain, options, lakes);
            }
        }
    }
    for (place, name) in PLACES.iter().enumerate() {
        say(&format!("chaos: {:>4} kills while {name}", fell.get(&place).copied().unwrap_or(0)));
    }
    if full {
        assert!(fewest(&fell) >= Some(5), "a place was hit less than 5 times: {fell:?}");
    }
}

/// Runs the pipeline under the kill; where it hit, or nowhere when the run ended first.
fn run_and_kill(lab: &Lab, kill: &Kill, log: &Path) -> (ExitStatus, Option<usize>) {
    let mut command = lab.command(&["run", "pipeline.toml", "--no-progress", "--log", "error,tributary::phase=debug"]);
    command.stdout(Stdio::null()).stderr(File::create(log).unwrap());
    match kill {
        Kill::At { place, failpoint, times } => {
            let action = if *times == 0 { "return".to_owned() } else { format!("{times}*off->return") };
            let status = command.env("FAILPOINTS", format!("{failpoint}={action}")).status().unwrap();
            (status, if status.code().is_none() { Some(*place) } else { None })
        }
        Kill::After(delay) => {
            let mut child = command.spawn().unwrap();
            let status = wait_at_most(&mut child, *delay);
            // By its id, and only of a process that has not been waited for: nobody else can have it.
            if status.is_none() {
                child.kill().unwrap();
            }
            let status = child.wait().unwrap();
            (status, if status.code().is_none() { Some(last_phase(log)) } else { None })
        }
    }
}

fn wait_at_most(child: &mut Child, delay: Duration) -> Option<ExitStatus> {
    let begun = Instant::now();
    while begun.elapsed() < delay {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        // The moment of the kill is what is random here; nothing waits for anything.
        std::thread::park_timeout(Duration::from_millis(1));
    }
    None
}

/// The place that the end of the log speaks of.
fn last_phase(log: &Path) -> usize {
    let mut file = File::open(log).unwrap();
    let length = file.metadata().unwrap().len();
    file.seek(SeekFrom::Start(length.saturating_sub(4_096))).unwrap();
    let mut end = Vec::new();
    file.read_to_end(&mut end).unwrap();
    let end = text(&end);
    let words = ["reading", "writing", "sealing", "claiming", "claimed", "publishing", "published", "recovering"];
    let last = words.iter().filter_map(|word| Some((end.rfind(&format!("\"{word}\""))?, *word))).max();
    match last.map(|(_, word)| word) {
        Some("reading") => 0,
        Some("writing") => 1,
        Some("sealing" | "claiming") => 2,
        Some("claimed") => 3,
        Some("publishing" | "published") => 4,
        // Before the first word nothing but the start of the process and of the recovery has happened.
        _ => 5,
    }
}
