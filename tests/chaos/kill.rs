//! How a process is killed, and where it was.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::lab::text;

/// The six places where a kill may fall.
pub(super) const PLACES: [&str; 6] =
    ["reading", "writing", "sealing", "between claim and publish", "publishing", "recovering"];

/// The failpoints of each place; how often a run passes one of them at most before it is killed there, and how many of
/// [`WEIGHTS`] kills by place fall on it. A run recovers once.
const FAILPOINTS: [(&[&str], u64, u64); 6] = [
    (&["read:after_batch", "transform:after_apply"], 12, 1),
    (&["write:after_rows", "write:after_part"], 12, 1),
    (&["seal:begin", "seal:before_file", "seal:after_file", "seal:after_all"], 6, 2),
    (&["commit:after_claim", "commit:between"], 2, 4),
    (&["store:before_complete", "store:after_complete", "commit:after_first_complete", "commit:before_done"], 4, 2),
    (&["commit:recovering"], 0, 2),
];
const WEIGHTS: u64 = 12;

/// SplitMix64 (Steele, Lea and Flood, 2014).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// How a process is to be killed.
pub(super) enum Kill {
    After(Duration),
    /// No kill, but the signal that asks it to end.
    Stop(Duration),
    At {
        place: usize,
        failpoint: &'static str,
        times: u64,
    },
}

impl Kill {
    /// `longest`: of the lives that the clock ends, in milliseconds.
    pub(super) fn pick(random: &mut Random, longest: u64) -> Self {
        if random.below(3) == 0 {
            return Self::After(Duration::from_millis(20 + random.below(longest)));
        }
        let mut turn = random.below(WEIGHTS);
        let mut place = 0;
        while turn >= FAILPOINTS[place].2 {
            turn -= FAILPOINTS[place].2;
            place += 1;
        }
        let (failpoints, most, _) = FAILPOINTS[place];
        let failpoint = failpoints[random.below(failpoints.len() as u64) as usize];
        let times = if most == 0 { 0 } else { random.below(most) };
        Self::At { place, failpoint, times }
    }

    /// Runs `command` under it, what it says on the way in `log`; where it hit, or nowhere when the run ended first.
    pub(super) fn run(&self, command: &mut Command, log: &Path) -> (ExitStatus, Option<usize>) {
        self.run_endless(command, log, Duration::MAX, &AtomicBool::new(false))
    }

    /// The same for a command that may never end, nor come to the place: the clock kills it after `patience`, and as soon
    /// as all `is_over`.
    pub(super) fn run_endless(
        &self,
        command: &mut Command,
        log: &Path,
        patience: Duration,
        is_over: &AtomicBool,
    ) -> (ExitStatus, Option<usize>) {
        let longest = if let Self::After(delay) | Self::Stop(delay) = self { *delay } else { patience };
        let mut child = self.prepare(command, log).spawn().unwrap();
        let ended = wait_at_most(&mut child, longest, is_over);
        if let (Self::Stop(_), None) = (self, ended) {
            // It has not been waited for: nobody else can have its id.
            Command::new("kill").arg(child.id().to_string()).status().unwrap();
            return (child.wait().unwrap(), None);
        }
        // By its id, and only of a process that has not been waited for: nobody else can have it.
        if ended.is_none() {
            child.kill().unwrap();
        }
        let status = child.wait().unwrap();
        let place = match (self, ended) {
            _ if status.code().is_some() => None,
            (Self::At { place, .. }, Some(_)) => Some(*place),
            _ => Some(last_phase(log)),
        };
        (status, place)
    }

    fn prepare<'a>(&self, command: &'a mut Command, log: &Path) -> &'a mut Command {
        command.stdout(Stdio::null()).stderr(File::create(log).unwrap());
        if let Self::At { failpoint, times, .. } = self {
            let action = if *times == 0 { "return".to_owned() } else { format!("{times}*off->return") };
            command.env("FAILPOINTS", format!("{failpoint}={action}"));
        }
        command
    }
}

fn wait_at_most(child: &mut Child, delay: Duration, is_over: &AtomicBool) -> Option<ExitStatus> {
    let begun = Instant::now();
    while begun.elapsed() < delay && !is_over.load(Ordering::Relaxed) {
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
