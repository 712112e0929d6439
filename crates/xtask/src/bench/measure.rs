//! What a child process used.

use std::fs;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// What one run used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// CPU seconds in the process itself, all threads and the children it waited for.
    pub(crate) user: f64,
    /// CPU seconds in the kernel on its behalf.
    pub(crate) system: f64,
    /// Seconds on the wall.
    pub(crate) wall: f64,
    /// The most memory it ever had resident, in bytes (VmHWM).
    pub(crate) peak: u64,
}

/// Clock ticks a second in /proc: USER_HZ, 100 on every architecture Linux has in use (proc(5), sysconf(_SC_CLK_TCK)).
const TICKS: f64 = 100.0;

/// How often the peak is looked at. It only rises, so what is missed is what a process adds in its last moments.
const LOOK: Duration = Duration::from_millis(5);

/// Runs a command alone and to its end. CPU times are those that /proc/self/stat adds up for children waited for, so
/// nothing else may be waited for meanwhile.
pub(crate) fn run(mut command: Command) -> Result<Sample> {
    let before = children()?;
    let begun = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("starting {}", command.get_program().display()))?;
    let (status, peak) = watch(&mut child)?;
    let wall = begun.elapsed().as_secs_f64();
    let after = children()?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(Sample { user: after.0 - before.0, system: after.1 - before.1, wall, peak })
}

fn watch(child: &mut Child) -> Result<(ExitStatus, u64)> {
    // Nobody sends on it: receiving with a time limit is the wait between two looks.
    let (_sender, never) = mpsc::channel::<()>();
    let mut peak = 0;
    loop {
        peak = peak.max(resident(child.id()).unwrap_or_default());
        if let Some(status) = child.try_wait()? {
            return Ok((status, peak));
        }
        ensure!(never.recv_timeout(LOOK).is_err(), "nobody sends");
    }
}

/// The peak of a running process in bytes; `None` when it has just ended.
fn resident(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kibibytes * 1024)
}

/// User and system seconds of all children waited for so far: fields 16 and 17 of proc_pid_stat(5).
fn children() -> Result<(f64, f64)> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    times(&stat).context("/proc/self/stat is not as proc_pid_stat(5) says")
}

fn times(stat: &str) -> Option<(f64, f64)> {
    // The name, field 2, may hold anything but ends at the last parenthesis; field 3 follows.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(13);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user / TICKS, system / TICKS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_those_of_the_manual() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 1100 1200 1300 1400 20 0 1 0";
        assert_eq!(times(stat), Some((13.0, 14.0)));
    }

    #[test]
    fn a_child_is_measured() {
        let sample = run(Command::new("true")).unwrap();
        assert!(sample.wall > 0.0 && sample.user >= 0.0);
        assert!(run(Command::new("false")).is_err());
    }
}
