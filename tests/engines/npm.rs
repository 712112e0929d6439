//! Packages of npm for other people's servers: installed once from a lock file with hashes, kept and shared as the
//! environments of `venv.rs` are. No script of a package is run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::venv;

/// The folder whose `node_modules` holds what `package.json` and `package-lock.json` in `pinned` ask for; made when it is
/// not there yet, which takes the network. The error says what failed, for a person.
pub(crate) fn packages(pinned: &Path) -> Result<PathBuf, String> {
    let read = |name: &str| {
        let file = pinned.join(name);
        fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))
    };
    let files = [("package.json", read("package.json")?), ("package-lock.json", read("package-lock.json")?)];
    let version = venv::run(Command::new("node").arg("--version"))?;
    venv::once(pinned, &(&files, version), |place| {
        let said = |error: std::io::Error| format!("{}: {error}", place.display());
        fs::create_dir(place).map_err(said)?;
        for (name, text) in &files {
            fs::write(place.join(name), text).map_err(said)?;
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]).current_dir(place);
        venv::run(&mut npm).map(drop)
    })
}
