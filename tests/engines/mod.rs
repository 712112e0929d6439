//! Other people's engines, asked what they see in a lake: the judges of whether a file is right.
//!
//! `readers.txt`, `spark.txt` and `bench.txt` pin them with their hashes; `read.py` and `check_iceberg.py` do the asking.
//! Beside them are the servers that hold a lake: SeaweedFS, and S3rver, which `s3rver/package-lock.json` pins; and those
//! that are read: Kafka (`kafka.tsv`) and kinesis-local (`kinesis-local/package-lock.json`).
//! A machine on which they cannot be had (no network, no python3-venv) says so on stderr and leaves the checks out;
//! where `CI=true` that is a failure.

#![expect(clippy::panic, reason = "a broken expectation panics")]

pub(crate) mod kafka;
pub(crate) mod kinesis;
pub(crate) mod kinesis_streams;
#[expect(dead_code, reason = "elsewhere it is started for objects and streams")]
pub(crate) mod ministack;
mod npm;
pub(crate) mod s3rver;
mod server;
pub(crate) mod venv;
pub(crate) mod weed;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// An engine that reads a lake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// DuckDB.
    DuckDb,
    /// The datasets of Apache Arrow for Python.
    PyArrow,
    /// Apache Spark, on this machine alone.
    Spark,
}

impl Engine {
    fn name(self) -> &'static str {
        match self {
            Self::DuckDb => "duckdb",
            Self::PyArrow => "pyarrow",
            Self::Spark => "spark",
        }
    }
}

/// Engines that are installed.
#[derive(Clone, Debug)]
pub(crate) struct Engines {
    python: PathBuf,
}

/// A failed installation is not tried again by every test of the process.
static READERS: OnceLock<Option<Engines>> = OnceLock::new();
static SPARK: OnceLock<Option<Engines>> = OnceLock::new();

impl Engines {
    /// DuckDB, pyarrow and pyiceberg. `None` where they cannot be had, said on stderr; a panic where `CI=true`.
    pub(crate) fn get() -> Option<Self> {
        READERS.get_or_init(|| installed("readers.txt")).clone()
    }

    /// Spark. `None` where it, or Java, cannot be had, as with [`Engines::get`].
    pub(crate) fn spark() -> Option<Self> {
        SPARK
            .get_or_init(|| match venv::run(Command::new("java").arg("-version")) {
                Ok(_) => installed("spark.txt"),
                Err(reason) => missing("spark.txt", &format!("there is no Java: {reason}")),
            })
            .clone()
    }

    /// Asks `engine` about the lake in `lake`; one answer a query. The queries are described in `read.py`.
    ///
    /// # Panics
    /// When the engine fails; its words are in the message.
    pub(crate) fn ask(&self, engine: Engine, lake: &Path, queries: &[&str]) -> Vec<Value> {
        let answers = self.script("read.py", |command| command.arg(engine.name()).arg(lake).args(queries));
        match answers.map(|answers| serde_json::from_str(&answers)) {
            Ok(Ok(Value::Array(answers))) if answers.len() == queries.len() => answers,
            other => panic!("{} did not answer {queries:?}: {other:?}", engine.name()),
        }
    }

    /// What Iceberg makes of a Parquet file: `columns` (their number), `ids` (all of them, sorted), `schema` (text); or why
    /// it refuses the file: a column, list element or struct member without a field id.
    pub(crate) fn iceberg(&self, file: &Path) -> Result<Value, String> {
        let answer = self.script("check_iceberg.py", |command| command.arg(file))?;
        serde_json::from_str(&answer).map_err(|error| format!("{answer}: {error}"))
    }

    /// Copies the objects below `place` (`bucket/prefix`) into a folder, without what begins with `_`.
    ///
    /// # Panics
    /// When they cannot be read.
    pub(crate) fn fetch_s3(&self, endpoint: &str, place: &str, folder: &Path) {
        let keys = weed::KEYS.map(|(_, value)| value);
        let fetched = self.script("fetch_s3.py", |command| command.arg(endpoint).args(keys).arg(place).arg(folder));
        if let Err(reason) = fetched {
            panic!("{place} cannot be read by another client: {reason}");
        }
    }

    /// Puts the files of `folder` into the server at `endpoint`, at `place` (a bucket and a prefix).
    ///
    /// # Panics
    /// When it cannot.
    pub(crate) fn put_s3(&self, endpoint: &str, folder: &Path, place: &str) {
        let keys = weed::KEYS.map(|(_, value)| value);
        let put = self.script("put_s3.py", |command| command.arg(endpoint).args(keys).arg(folder).arg(place));
        if let Err(reason) = put {
            panic!("{place} cannot be written by another client: {reason}");
        }
    }

    fn script(&self, script: &str, arguments: impl Fn(&mut Command) -> &mut Command) -> Result<String, String> {
        venv::run(arguments(Command::new(&self.python).arg(folder().join(script))))
    }
}

fn installed(requirements: &str) -> Option<Engines> {
    match venv::python(&folder().join(requirements)) {
        Ok(python) => Some(Engines { python }),
        Err(reason) => missing(requirements, &reason),
    }
}

fn missing(requirements: &str, reason: &str) -> Option<Engines> {
    venv::leave_out(&format!("the engines of tests/engines/{requirements}"), reason);
    None
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engines")
}
