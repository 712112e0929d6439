//! The rules about rooms, as tests: who may import whom, and what a source file looks like.

#![expect(clippy::unwrap_used, reason = "a broken expectation panics")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Write as _, stderr};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// Every room, and which rooms of ours it may import. Arrows point downwards only. `docs/ARCHITECTURE.md` says why.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("framing", &["core"]),
    ("connect", &["core", "framing"]),
    ("store", &["core"]),
    ("aws", &[]),
    ("store-s3", &["aws", "core", "store"]),
    ("tokens", &["aws", "core"]),
    ("spool", &["core"]),
    ("commit", &["core", "store"]),
    ("connect-api", &["aws", "core"]),
    ("sink-parquet", &["core", "spool", "store"]),
    ("source-cases", &["aws", "core"]),
    ("source-file", &["core", "framing"]),
    // The one room whose code the compiler cannot check: it knows nothing of ours.
    ("kafka-ffi", &[]),
    ("source-kafka", &["core", "kafka-ffi", "tokens"]),
    ("source-kinesis", &["aws", "core", "leases"]),
    ("source-s3", &["aws", "core", "framing"]),
    ("source-test-cases", &["aws", "connect-api", "core"]),
    ("leases", &["core"]),
    ("leases-store", &["core", "leases", "store"]),
    ("leases-dynamodb", &["aws", "core", "leases"]),
    ("runtime", &["commit", "core"]),
    ("maintain", &["commit", "connect", "core", "sink-parquet", "store"]),
    // Its truth must share no code with what it checks.
    ("simulate", &["core"]),
    (
        "pipeline",
        &[
            "aws",
            "commit",
            "connect",
            "connect-api",
            "core",
            "framing",
            "leases",
            "leases-dynamodb",
            "leases-store",
            "maintain",
            "runtime",
            "simulate",
            "sink-parquet",
            "source-cases",
            "source-file",
            "source-kafka",
            "source-kinesis",
            "source-s3",
            "source-test-cases",
            "spool",
            "store",
            "store-s3",
            "tokens",
        ],
    ),
    (CLI, &["commit", "core", "maintain", "pipeline", "runtime", "simulate"]),
    ("testkit", &["commit", "core", "store"]),
    ("xtask", &["aws", "connect", "core", "pipeline", "testkit"]),
];

/// The root package: the binary.
const CLI: &str = "cli";

/// Rooms that only tests may import.
const DEV_ONLY: &[&str] = &["testkit"];

/// Crates of others that not every room may import, and the rooms that may.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("anyhow", &[CLI, "xtask"]),
    ("arrow", &["maintain", "sink-parquet"]),
    ("arrow-array", &["connect", "core", "maintain", "sink-parquet"]),
    ("arrow-buffer", &["connect", "maintain", "sink-parquet"]),
    ("arrow-ipc", &["maintain", "sink-parquet"]),
    ("arrow-schema", &["connect", "core", "maintain", "sink-parquet", "xtask"]),
    ("arrow-select", &["connect", "maintain", "sink-parquet"]),
    ("aws-config", &["aws"]),
    ("aws-sdk-connectcases", &["source-cases"]),
    ("aws-sdk-dynamodb", &["leases-dynamodb"]),
    ("aws-sdk-kinesis", &["source-kinesis", "xtask"]),
    ("aws-sdk-s3", &["source-s3", "store-s3"]),
    ("aws-sigv4", &["connect-api", "tokens"]),
    ("base64", &["framing", "kafka-ffi", "store-s3", "tokens"]),
    ("cargo_metadata", &["xtask"]),
    ("clap", &[CLI]),
    ("config", &["pipeline"]),
    ("flate2", &["framing", "source-file"]),
    // The pipeline checks patterns before anything is opened.
    ("glob", &["connect", "pipeline", "source-file", "source-s3"]),
    ("indicatif", &[CLI]),
    ("mimalloc", &[CLI]),
    ("parquet", &["maintain", "sink-parquet"]),
    ("rdkafka", &["kafka-ffi", "source-kafka", "xtask"]),
    ("rdkafka-sys", &["kafka-ffi"]),
    (
        "serde_json",
        &[
            "commit",
            "connect",
            "connect-api",
            "core",
            "framing",
            "leases-store",
            "pipeline",
            "simulate",
            "sink-parquet",
            // An event is handed on as it was sent, which the client does not show.
            "source-cases",
            "source-test-cases",
            "tokens",
            CLI,
            "xtask",
        ],
    ),
    ("simd-json", &["xtask"]),
    ("sonic-rs", &["xtask"]),
    (
        "tokio",
        &[
            "connect-api",
            "leases-dynamodb",
            "maintain",
            "pipeline",
            "runtime",
            "sink-parquet",
            "source-cases",
            "source-file",
            "source-kafka",
            "source-kinesis",
            "source-s3",
            "source-test-cases",
            "store",
            "store-s3",
            "tokens",
            CLI,
            "xtask",
        ],
    ),
    ("tokio-util", &["pipeline", "runtime", CLI]),
    ("toml", &["pipeline", "xtask"]),
    // Facts go up as values: pure rooms say nothing themselves.
    (
        "tracing",
        &[
            "commit",
            "connect-api",
            "leases-dynamodb",
            "leases-store",
            "maintain",
            "pipeline",
            "runtime",
            "sink-parquet",
            "source-cases",
            "source-file",
            "source-kafka",
            "source-kinesis",
            "source-s3",
            "source-test-cases",
            "store",
            "store-s3",
            "tokens",
            CLI,
        ],
    ),
    ("tracing-subscriber", &[CLI]),
    // Compressed bodies on the way in; pages of Parquet on the way out.
    ("zstd", &["framing", "sink-parquet", "source-file"]),
];

/// The rooms whose errors an operator meets: `docs/errors.md` has a section for each of their codes.
const CODED: &[&str] = &[
    "store",
    "commit",
    "sink",
    "spool",
    "source-cases",
    "source-file",
    "source-kafka",
    "source-kinesis",
    "source-s3",
    "source-test-cases",
    "leases",
    "runtime",
    "pipeline",
    "connect",
    "connect-api",
    "maintain",
    "simulate",
    "cli",
];

/// Files that may hold code which the compiler cannot check: of rooms made for it, with the proof in their `lib.rs`.
const UNCHECKED_CODE: &[&str] = &["crates/kafka-ffi/src/raw.rs"];

/// Lines of a file without its tests: from here on it is named, from [`TOO_LONG`] on it is refused.
const LONG: usize = 400;
const TOO_LONG: usize = 500;

fn room(package: &Package) -> String {
    let name = package.name.to_string();
    if name == "tributary" { CLI.to_owned() } else { name.trim_start_matches("tributary-").to_owned() }
}

fn packages() -> Vec<Package> {
    let manifest = xtask::root().join("Cargo.toml");
    MetadataCommand::new().manifest_path(manifest).no_deps().exec().unwrap().packages
}

fn shipped(package: &Package) -> impl Iterator<Item = &cargo_metadata::Dependency> {
    package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development)
}

/// Guards: the arrows between rooms. An import that is not in the table belongs into another room, or into the table with
/// a reason.
#[test]
fn rooms_import_only_what_they_may() {
    let table: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let packages = packages();
    let mut wrong = Vec::new();
    for package in &packages {
        let room = room(package);
        let Some(allowed) = table.get(room.as_str()) else {
            wrong.push(format!("{room} is not in the table"));
            continue;
        };
        for dependency in shipped(package).filter(|dependency| dependency.path.is_some()) {
            let other = dependency.name.trim_start_matches("tributary-");
            if !allowed.contains(&other) {
                wrong.push(format!("{room} imports {other}"));
            }
            // The chores are not shipped.
            if DEV_ONLY.contains(&other) && room != "xtask" {
                wrong.push(format!("{room} would ship {other}"));
            }
        }
    }
    let rooms: BTreeSet<String> = packages.iter().map(room).collect();
    wrong.extend(table.keys().filter(|room| !rooms.contains(**room)).map(|room| format!("{room} does not exist")));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Guards: heavy crates stay in their leaf, and pure rooms pure.
#[test]
fn crates_of_others_stay_where_they_belong() {
    let table: BTreeMap<&str, &[&str]> = ONLY_IN.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in &packages() {
        let room = room(package);
        if DEV_ONLY.contains(&room.as_str()) {
            continue;
        }
        for dependency in shipped(package).filter(|dependency| dependency.path.is_none()) {
            let known = table.get(dependency.name.as_str());
            if known.is_some_and(|rooms| !rooms.contains(&room.as_str())) {
                wrong.push(format!("{room} imports {}", dependency.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Guards: whoever opens a room is told what it is for, what always holds in it and what it does without.
#[test]
fn every_room_says_what_it_is() {
    let mut wrong = Vec::new();
    for package in &packages() {
        let room = room(package);
        let Some(library) = package.targets.iter().find(|target| target.is_lib()) else { continue };
        let text = fs::read_to_string(&library.src_path).unwrap();
        let opening: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        for heading in ["//! # Invariants", "//! # Deliberately absent"] {
            if !opening.contains(&heading) {
                wrong.push(format!("{room}: its lib.rs does not open with `{heading}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A source file of ours.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Its lines without the tests at its end.
    fn shipped_lines(&self) -> Vec<&str> {
        let lines: Vec<&str> = self.text.lines().collect();
        let tests = lines.iter().position(|line| *line == "#[cfg(test)]");
        let end =
            tests.filter(|&at| lines.get(at + 1).is_some_and(|next| next.starts_with("mod "))).unwrap_or(lines.len());
        lines[..end].to_vec()
    }

    /// Whether it is a file of tests as a whole.
    fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.starts_with("tests/") || self.path.ends_with("/tests.rs")
    }
}

fn sources() -> Vec<Source> {
    let root = xtask::root();
    let mut found = Vec::new();
    for folder in ["crates", "tests"] {
        collect(&root.join(folder), &root, &mut found);
    }
    assert!(found.len() > 20, "the sources are not where they are looked for");
    found
}

fn collect(folder: &Path, root: &Path, found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, root, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            found.push(Source { path: name, text: fs::read_to_string(&path).unwrap() });
        }
    }
}

/// The line without its comment; good enough for the words that are looked for here.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

fn has_word(line: &str, word: &str) -> bool {
    let part_of_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    code(line).split(|letter| !part_of_name(letter)).any(|found| found == word)
}

/// Guards: memory safety is the compiler's business.
#[test]
fn nothing_is_kept_from_the_compiler() {
    // Not written as one word, or this line would be found.
    let word = ["un", "safe"].concat();
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !UNCHECKED_CODE.contains(&source.path.as_str())) {
        for (number, line) in source.text.lines().enumerate() {
            if has_word(line, &word) {
                wrong.push(format!("{}:{}", source.path, number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Guards: a test that is switched off tells nobody anything.
#[test]
fn no_test_is_switched_off() {
    let mark = ["#[", "ignore"].concat();
    let wrong: Vec<String> =
        sources().into_iter().filter(|source| source.text.contains(&mark)).map(|source| source.path).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Guards: a file is one subject. What is generated from a list is as long as the list.
#[test]
fn no_file_is_too_long() {
    let mut wrong = Vec::new();
    let is_written = |source: &&Source| !source.is_test() && !source.path.ends_with("/generated.rs");
    for source in sources().iter().filter(is_written) {
        let lines = source.shipped_lines().len();
        if lines > TOO_LONG {
            wrong.push(format!("{}: {lines} lines", source.path));
        } else if lines > LONG {
            // Not eprintln!, which is not shown where the test passes.
            writeln!(stderr(), "{}: {lines} lines, {LONG} are meant to be enough", source.path).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Groups of imports in the order they have to stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    Std,
    /// Other people's, and ours (which may also make a group of their own behind the others).
    Outside,
    Own,
}

fn origin(import: &str) -> Origin {
    let path = import.trim_start_matches("use ").trim_start_matches("::");
    let first = path.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')).next().unwrap_or_default();
    match first {
        "std" | "core" | "alloc" => Origin::Std,
        "crate" | "self" | "super" => Origin::Own,
        _ => Origin::Outside,
    }
}

/// Whether a line may stand among the imports: modules, imports, attributes, comments, and what goes on from a line above.
fn belongs_to_the_head(line: &str) -> bool {
    let begins =
        ["use ", "pub use ", "pub(crate) use ", "mod ", "pub mod ", "pub(crate) mod ", "//", "#", "}", ")", " "];
    line.is_empty() || begins.iter().any(|begin| line.starts_with(begin))
}

/// Guards: one spelling of everything. The imports of a file: std, outside and ours, self; a blank line between.
#[test]
fn imports_stand_in_groups() {
    let mut wrong = Vec::new();
    for source in sources() {
        let mut last: Option<Origin> = None;
        let mut same_group = false;
        let mut modules: BTreeSet<&str> = BTreeSet::new();
        for (number, line) in source.text.lines().enumerate() {
            if let Some(module) = line.strip_prefix("mod ").or_else(|| line.strip_prefix("pub mod ")) {
                modules.insert(module.trim_end_matches(';'));
            }
            if !belongs_to_the_head(line) {
                break;
            }
            if line.trim().is_empty() {
                same_group = false;
            }
            if !line.starts_with("use ") || modules.iter().any(|module| line.starts_with(&format!("use {module}::"))) {
                continue;
            }
            let here = origin(line);
            if last.is_some_and(|last| last > here || (same_group && last != here)) {
                wrong.push(format!("{}:{}: {line}", source.path, number + 1));
            }
            last = Some(here);
            same_group = true;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Guards: whoever is shown a code finds its paragraph, and no paragraph outlives its code.
#[test]
fn every_error_code_has_its_paragraph() {
    let mut in_source = BTreeSet::new();
    for source in sources().iter().filter(|source| !source.is_test() && !source.path.starts_with("crates/xtask")) {
        for line in source.shipped_lines() {
            in_source.extend(code(line).split('"').filter(|literal| is_error_code(literal)).map(str::to_owned));
        }
    }
    let page = fs::read_to_string(xtask::root().join("docs/errors.md")).unwrap();
    let in_page: Vec<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .map(|code| code.trim_matches('`').to_owned())
        .collect();
    let documented: BTreeSet<String> = in_page.iter().cloned().collect();
    assert_eq!(in_page.len(), documented.len(), "docs/errors.md has a code twice");
    let missing: Vec<&String> = in_source.difference(&documented).collect();
    let gone: Vec<&String> = documented.difference(&in_source).collect();
    assert!(missing.is_empty() && gone.is_empty(), "docs/errors.md: missing {missing:#?}, no longer there {gone:#?}");
}

/// `room/what-happened`.
fn is_error_code(literal: &str) -> bool {
    let Some((room, what)) = literal.split_once('/') else { return false };
    let is_kebab = !what.is_empty() && what.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-');
    CODED.contains(&room) && is_kebab
}

/// The rules above can say no.
#[test]
fn rules_find_what_they_look_for() {
    assert!(is_error_code("store/gone") && !is_error_code("store/Gone") && !is_error_code("xtask/gone"));
    assert!(has_word("a forbidden b", "forbidden") && !has_word("forbidden_code // forbidden", "forbidden"));
    assert_eq!(
        ["use std::fmt;", "use bytes::Bytes;", "use tributary_core::Day;", "use super::Day;"].map(origin),
        [Origin::Std, Origin::Outside, Origin::Outside, Origin::Own]
    );
    let text = "a\n#[cfg(test)]\nmod tests {\n}\n".to_owned();
    assert_eq!(Source { path: String::new(), text }.shipped_lines(), ["a"]);
}
