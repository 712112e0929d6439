//! The same job into a folder and into a server with the interface of S3.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::{Write as _, stdout};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, anyhow, ensure};
use tributary_testkit::FaultProxy;

use super::contender::Contender;
use super::input::Input;
use super::{measured, report};
use crate::engines::venv;
use crate::engines::weed::{BUCKET, KEYS, Weed};
use crate::programs::Programs;

/// Measures on each input, prints the table, and counts the requests of one more run.
pub(super) fn run(programs: &Programs, inputs: &[Input], rounds: usize) -> Result<()> {
    let folder = venv::cache().join(format!("bench/server-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let server = Weed::start(&folder).context("there is no S3 server to measure with")?;
    let outcome = inputs.iter().try_for_each(|input| one(programs, input, rounds, &server, &folder));
    drop(server);
    fs::remove_dir_all(&folder)?;
    outcome
}

fn one(programs: &Programs, input: &Input, rounds: usize, server: &Weed, folder: &Path) -> Result<()> {
    // What the server is given by another client is what a run makes.
    let made = folder.join(format!("made-{}", input.name));
    fs::create_dir_all(&made)?;
    let status = prepare(programs, &input.path, &made, &Place::Folder)?.status()?;
    ensure!(status.success(), "the run that makes the lake failed");
    let contenders = [
        contender(programs, "folder", "run: every table, into a folder", Place::Folder),
        contender(programs, "s3", "the same, into the server", Place::S3 { endpoint: server.endpoint() }),
        upload(server, made.join("lake"))?,
    ];
    let samples = measured(&contenders, input, rounds)?;
    report::print(input, &contenders, &samples)?;
    let proxy = FaultProxy::start(server.address(), 0, 0)?;
    let counted = folder.join(format!("counted-{}", input.name));
    fs::create_dir_all(&counted)?;
    let status = prepare(programs, &input.path, &counted, &Place::S3 { endpoint: proxy.endpoint() })?.status()?;
    ensure!(status.success(), "the run that is counted failed");
    let per = proxy.calls() as f64 / input.gigabytes();
    let written = bytes(&made.join("lake"))? as f64 / 1e9;
    writeln!(
        stdout(),
        "{}: {} requests, {per:.0} for a GB read, {:.0} for a GB written",
        input.name,
        proxy.calls(),
        proxy.calls() as f64 / written
    )?;
    Ok(())
}

/// Where a lake is made.
enum Place {
    Folder,
    S3 { endpoint: String },
}

fn contender(programs: &Programs, name: &'static str, does: &'static str, place: Place) -> Contender {
    let programs = programs.clone();
    let command = move |input: &Path, folder: &Path| prepare(&programs, input, folder, &place);
    Contender { name, does, command: Box::new(command) }
}

/// Batch mode, and the defaults; each run has a lake of its own.
fn prepare(programs: &Programs, input: &Path, folder: &Path, place: &Place) -> Result<Command> {
    let file = folder.join("bench.toml");
    let lake = match place {
        Place::Folder => format!("location = '{}'\n", folder.join("lake").display()),
        Place::S3 { endpoint } => format!(
            "location = 's3://{BUCKET}/bench/{:x}'\n[lake.s3]\nendpoint = '{endpoint}'\npath_style = true\n",
            // Keyed anew for each value: a name that no other run has.
            RandomState::new().hash_one(folder)
        ),
    };
    let text = format!(
        "version = 1\nname = \"bench\"\nmode = \"batch\"\n\n[sources.agents.file]\npaths = ['{}']\n\n[lake]\n{lake}",
        input.display()
    );
    fs::write(&file, text)?;
    let mut command = Command::new(&programs.tributary);
    command.envs(KEYS).args(["run", "--no-progress"]).arg(&file).stdout(std::process::Stdio::null());
    Ok(command)
}

/// The rate at which the server takes the same files from another client, several at once.
fn upload(server: &Weed, lake: std::path::PathBuf) -> Result<Contender> {
    let engines = crate::root().join("tests/engines");
    let python = venv::python(&engines.join("readers.txt")).map_err(|reason| anyhow!(reason))?;
    let endpoint = server.endpoint();
    let command = move |_: &Path, folder: &Path| {
        let mut command = Command::new(&python);
        let place = format!("{BUCKET}/upload/{:x}", RandomState::new().hash_one(folder));
        command.env("PYTHONDONTWRITEBYTECODE", "1").arg(engines.join("put_s3.py")).arg(&endpoint);
        command.args(KEYS.map(|(_, value)| value)).arg(&lake).arg(place);
        Ok(command)
    };
    Ok(Contender { name: "upload", does: "another client puts the files of that lake", command: Box::new(command) })
}

fn bytes(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        sum += if entry.file_type()?.is_dir() { bytes(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(sum)
}
