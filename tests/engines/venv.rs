//! Python environments for other people's engines: made once from pinned and hashed requirements, kept outside the
//! checkout, shared by every test and bench that asks.

use std::ffi::OsString;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The interpreter of the environment that holds `requirements`; made when it is not there yet, which takes the network
/// and up to some minutes. The error says what failed, for a person.
pub(crate) fn python(requirements: &Path) -> Result<PathBuf, String> {
    let text = fs::read_to_string(requirements).map_err(|error| format!("{}: {error}", requirements.display()))?;
    let version = run(Command::new("python3").arg("--version"))?;
    let interpreter = |place: &Path| place.join("bin/python");
    let place = once(requirements, &(text, version), |place| {
        run(Command::new("python3").args(["-m", "venv"]).arg(place))?;
        run(Command::new(interpreter(place))
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r"])
            .arg(requirements))?;
        Ok(())
    })?;
    Ok(interpreter(&place))
}

/// The folder that `make` fills for `pinned`, a file named as what it pins: made when there is none for this `content` yet.
/// Others who ask for the same one meanwhile wait.
pub(crate) fn once(
    pinned: &Path,
    content: &impl Hash,
    make: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<PathBuf, String> {
    let name = pinned.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let cache = cache().join("engines");
    fs::create_dir_all(&cache).map_err(|error| format!("{}: {error}", cache.display()))?;

    let place = cache.join(format!("{name}-{:016x}", digest(content)));
    // Held until the end of the function; the system gives it back when a process dies.
    let lock_path = place.with_extension("lock");
    let lock = File::create(&lock_path).map_err(|error| format!("{}: {error}", lock_path.display()))?;
    lock.lock().map_err(|error| format!("{}: {error}", lock_path.display()))?;

    let complete = place.join("complete");
    if complete.exists() {
        return Ok(place);
    }
    if place.exists() {
        fs::remove_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    }
    say(&format!("making {} for {} (once)", place.display(), pinned.display()));
    make(&place)?;
    fs::write(&complete, "").map_err(|error| format!("{}: {error}", complete.display()))?;
    Ok(place)
}

/// Says that what `engine` would have checked is not checked; a panic where `CI=true`.
pub(crate) fn leave_out(engine: &str, reason: &str) {
    let is_ci = variable("CI").is_some_and(|value| value == "true");
    assert!(!is_ci, "{engine} must be there in CI: {reason}");
    say(&format!("NOT CHECKED with {engine}: {reason}"));
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
