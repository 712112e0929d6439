//! Who is measured.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, anyhow};

use super::Subject;
use crate::engines::venv;
use crate::engines::weed::KEYS;
use crate::programs::Programs;

/// A program that is given an input and an empty folder of its own.
pub(crate) struct Contender {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// What it does, for the report.
    pub(crate) does: &'static str,
    /// The command that does it.
    pub(crate) command: Box<Prepare>,
}

/// From an input and a folder to the command that is measured; what it does itself is not measured.
pub(crate) type Prepare = dyn Fn(&Path, &Path) -> Result<Command>;

/// The contenders for a subject.
pub(crate) fn all(subject: Subject, programs: &Programs) -> Result<Vec<Contender>> {
    let mut contenders = Vec::new();
    if !matches!(subject, Subject::Memory | Subject::S3 | Subject::Kafka | Subject::Kinesis) {
        contenders.push(floor(programs, "simd-json", "tape, its fastest way: padded, reused"));
        contenders.push(floor(programs, "simd-json-copy", "tape, its ordinary call"));
        contenders.push(floor(programs, "sonic-rs", "value, one a line"));
    }
    match subject {
        Subject::Decode => {
            contenders.push(floor(programs, "connect", "rows of tributary-connect"));
            contenders.push(floor(programs, "connect-forgetful", "the same, no earlier snapshot remembered"));
        }
        Subject::Memory => contenders.push(tributary(programs, Derive::Time)),
        Subject::S3 | Subject::Kafka | Subject::Kinesis => {}
        Subject::Batch => {
            contenders.push(tributary(programs, Derive::Nothing));
            contenders.push(tributary(programs, Derive::Time));
            contenders.extend(engines()?);
        }
    }
    Ok(contenders)
}

/// The batch engines that people would use instead.
fn engines() -> Result<Vec<Contender>> {
    let folder = crate::root().join("tests/engines");
    let python = venv::python(&folder.join("bench.txt")).map_err(|reason| anyhow!(reason))?;
    let engine = |name, script: &str| {
        let (python, script) = (python.clone(), folder.join(script));
        let command = move |input: &Path, folder: &Path| {
            let mut command = Command::new(&python);
            // No __pycache__ in the checkout.
            command.env("PYTHONDONTWRITEBYTECODE", "1").arg(&script).arg(input).arg(folder);
            Ok(command)
        };
        Contender { name, does: "two flat tables by day, zstd", command: Box::new(command) }
    };
    Ok(vec![engine("duckdb", "bench_duckdb.py"), engine("chdb", "bench_chdb.py")])
}

/// One pass of this program itself, as a child: so its CPU time stands alone.
fn floor(programs: &Programs, name: &'static str, does: &'static str) -> Contender {
    let program = programs.xtask.clone();
    let command = move |input: &Path, _folder: &Path| {
        let mut command = Command::new(&program);
        command.args(["floor", name]).arg(input);
        Ok(command)
    };
    Contender { name, does, command: Box::new(command) }
}

/// What a run derives from the events at its end.
#[derive(Clone, Copy, Debug)]
enum Derive {
    /// The two flat tables alone, which the other engines make as well.
    Nothing,
    /// The tables of agent time beside them.
    Time,
}

/// A batch into a folder whose pipeline has these sections besides; they may depend on the folder that the run is given.
pub(crate) fn of_sections(
    programs: &Programs,
    name: &'static str,
    does: &'static str,
    sections: impl Fn(&Path) -> String + 'static,
) -> Contender {
    let tributary = programs.tributary.clone();
    let command = move |_: &Path, folder: &Path| {
        let file = folder.join("bench.toml");
        let (sections, lake) = (sections(folder), folder.join("lake"));
        let text = format!(
            "version = 1\nname = \"bench\"\nmode = \"batch\"\n{sections}[lake]\nlocation = '{}'\n",
            lake.display()
        );
        fs::write(&file, text)?;
        let mut command = Command::new(&tributary);
        command.envs(KEYS).args(["run", "--no-progress"]).arg(&file);
        Ok(command)
    };
    Contender { name, does, command: Box::new(command) }
}

fn tributary(programs: &Programs, derive: Derive) -> Contender {
    let program = programs.tributary.clone();
    let command = move |input: &Path, folder: &Path| {
        let file = folder.join("bench.toml");
        fs::write(&file, pipeline(input, &folder.join("lake"), derive))?;
        let mut command = Command::new(&program);
        command.arg("run").arg(&file);
        Ok(command)
    };
    let (name, does) = match derive {
        Derive::Nothing => ("tributary", "run: two flat tables by day, zstd, committed"),
        Derive::Time => ("tributary-time", "the same, and the tables of agent time"),
    };
    Contender { name, does, command: Box::new(command) }
}

/// Batch mode, and the defaults. Paths are written as TOML's literal strings; the cache folder has no quote in its name.
fn pipeline(input: &Path, lake: &Path, derive: Derive) -> String {
    let tables = match derive {
        Derive::Nothing => r#"["agent_event", "agent_event_contacts"]"#,
        Derive::Time => r#""all""#,
    };
    format!(
        "version = 1\nname = \"bench\"\nmode = \"batch\"\n\n[sources.agents.file]\npaths = ['{}']\n\n\
         [transform.connect]\ntables = {tables}\n\n[lake]\nlocation = '{}'\n",
        input.display(),
        lake.display()
    )
}
