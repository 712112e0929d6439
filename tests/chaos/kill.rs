//! How a process is killed, and where it was.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
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
    At { place: usize, failpoint: &'static str, times: u64 },
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
        command.stdout(Stdio::null()).stderr(File::create(log).unwrap());
        match self {
            Self::At { place, failpoint, times } => {
                let action = if *times == 0 { "return".to_owned() } else { format!("{times}*off->return") };
                let status = command.env("FAILPOINTS", format!("{failpoint}={action}")).status().unwrap();
                (status, if status.code().is_none() { Some(*place) } else { None })
            }
            Self::After(delay) => {
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
