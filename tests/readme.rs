//! The two commands of the README.

use std::path::Path;
use std::process::Command;

use crate::engines::{Engine, Engines};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The commands of the README's first two blocks of shell.
fn commands() -> Vec<String> {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let blocks = readme.split("```sh\n").skip(1).map(|rest| rest.split("\n```").next().unwrap().to_owned());
    blocks.take(2).collect()
}

#[test]
fn ci_runs_the_second_command_word_for_word() {
    let [_, tests] = commands().try_into().unwrap();
    assert_eq!(tests, "cargo test --workspace");
    let script = std::fs::read_to_string(root().join(".ci/run")).unwrap();
    assert!(script.lines().any(|line| line.ends_with(&format!(" {tests}"))), "{script}");
}

#[test]
fn the_first_command_makes_a_lake_and_prints_a_query_that_works() {
    let [run, _] = commands().try_into().unwrap();
    assert_eq!(run, "cargo run --release -- run pipelines/quickstart.toml");
    // The lake goes elsewhere: a test leaves nothing in the checkout.
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let mut command = Command::new("cargo");
    command.args(run.split(' ').skip(1)).current_dir(root()).env("TRIBUTARY__LAKE__LOCATION", &lake);
    // Cargo tells its children about itself; a fresh shell would not. By its name it finds the toolchain, too: a package with a
    // toolchain of its own would be built by that one.
    command.env_remove("CARGO_MANIFEST_DIR").env_remove("FAILPOINTS");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let summary = String::from_utf8(output.stdout).unwrap();
    for line in [
        "made rows",
        "duplicates             1",
        "rejected               1",
        "skipped                1  1 contact_record",
    ] {
        assert!(summary.contains(line), "{line:?} is not in\n{summary}");
    }
    let query = summary.split("paste into duckdb:").nth(1).unwrap().trim().trim_end_matches(';');
    if let Some(engines) = Engines::get() {
        let answer = engines.ask(Engine::DuckDb, &lake, &[&format!("sql:{query}")]);
        let counted: u64 = answer[0]["rows"].as_array().unwrap().iter().map(|row| row[2].as_u64().unwrap()).sum();
        let made = summary.lines().find(|line| line.contains("made rows")).unwrap();
        assert_eq!(made.split_whitespace().nth(2).unwrap().replace(',', ""), counted.to_string());
    }

    // The release build holds no failpoint by name.
    let binary = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    let bytes = std::fs::read(binary.join("release/tributary")).unwrap();
    for name in ["commit:after_claim", "store:before_create", "seal:after_file", "read:after_batch"] {
        assert!(!bytes.windows(name.len()).any(|window| window == name.as_bytes()), "{name}");
    }
}
