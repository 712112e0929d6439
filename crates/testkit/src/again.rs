//! A test that starts itself again: what reads the environment (the SDK's credentials) cannot be given another one by a
//! test within its own process.

use std::ffi::OsStr;
use std::io;
use std::process::Command;

/// Runs the test `name` of this program alone, in a process of its own that has `variables` besides. What it printed; an
/// error when it did not pass.
///
/// # Errors
/// When it cannot be started, or did not pass.
pub fn run_again<K: AsRef<OsStr>, V: AsRef<OsStr>>(
    name: &str,
    variables: impl IntoIterator<Item = (K, V)>,
) -> io::Result<String> {
    let mut command = Command::new(std::env::current_exe()?);
    let output = command.args([name, "--exact", "--nocapture"]).envs(variables).output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    // A name that no test has passes too.
    if output.status.success() && said.contains("1 passed") { Ok(said) } else { Err(io::Error::other(said)) }
}
