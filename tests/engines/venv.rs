//! Python environments for other people's engines: made once from pinned and hashed requirements, kept outside the
//! checkout, shared by every test and bench that asks.

use std::ffi::OsString;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The interpreter of the environment that holds `requirements`; made when it is not there yet, which takes the network
/// and up to some minutes. Others who ask for the same one meanwhile wait. The error says what failed, for a person.
pub(crate) fn python(requirements: &Path) -> Result<PathBuf, String> {
    let text = fs::read_to_string(requirements).map_err(|error| format!("{}: {error}", requirements.display()))?;
    let version = run(Command::new("python3").arg("--version"))?;
    let name = requirements.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let cache = cache().join("engines");
    fs::create_dir_all(&cache).map_err(|error| format!("{}: {error}", cache.display()))?;

    let place = cache.join(format!("{name}-{:016x}", digest(&(text, version))));
    // Held until the end of the function; the system gives it back when a process dies.
    let lock_path = place.with_extension("lock");
    let lock = File::create(&lock_path).map_err(|error| format!("{}: {error}", lock_path.display()))?;
    lock.lock().map_err(|error| format!("{}: {error}", lock_path.display()))?;

    let interpreter = place.join("bin/python");
    let complete = place.join("complete");
    if complete.exists() {
        return Ok(interpreter);
    }
    if place.exists() {
        fs::remove_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    }
    say(&format!("making {} for {} (once)", place.display(), requirements.display()));
    run(Command::new("python3").args(["-m", "venv"]).arg(&place))?;
    run(Command::new(&interpreter)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r"])
        .arg(requirements))?;
    fs::write(&complete, "").map_err(|error| format!("{}: {error}", complete.display()))?;
    Ok(interpreter)
}

/// `$TRIBUTARY_CACHE`, else `$HOME/.cache/tributary`, else a folder for temporary files.
pub(crate) fn cache() -> PathBuf {
    match (variable("TRIBUTARY_CACHE"), variable("HOME")) {
        (Some(cache), _) => cache.into(),
        (None, Some(home)) => Path::new(&home).join(".cache/tributary"),
        (None, None) => std::env::temp_dir().join("tributary"),
    }
}

/// A variable of the environment that says something.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// A line on stderr itself: what `eprintln!` prints in a test that passes is never shown.
pub(crate) fn say(line: &str) {
    let written = writeln!(std::io::stderr(), "{line}");
    // Where nobody listens there is nobody to tell.
    drop(written);
}

/// Runs a command to its end; what it printed, or why it failed.
pub(crate) fn run(command: &mut Command) -> Result<String, String> {
    let shown = format!("{command:?}");
    let output = command.output().map_err(|error| format!("{shown}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{shown}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

/// A name for these requirements. Another release of the compiler may name them anew, which costs one more download.
fn digest(requirements: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    requirements.hash(&mut hasher);
    hasher.finish()
}
