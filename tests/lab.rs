//! A folder of its own with a pipeline file, and the built binary.

use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::engines::{Engine, Engines, weed};

/// A folder with a pipeline file that reads `in/*` and writes `lake`.
pub(crate) struct Lab {
    folder: TempDir,
    options: String,
    lake: String,
}

impl Lab {
    /// A lab whose pipeline has these lines beside the usual ones (whole tables: `[commit]\ninput = "1 MiB"`).
    pub(crate) fn new(options: &str) -> Self {
        let lab = Self { folder: tempfile::tempdir().unwrap(), options: options.to_owned(), lake: "lake".to_owned() };
        fs::create_dir(lab.path("in")).unwrap();
        lab.write_pipeline("in/*");
        lab
    }

    /// The same with its lake in S3, behind `endpoint`; `prefix` is its own.
    pub(crate) fn in_s3(endpoint: &str, prefix: &str, options: &str) -> Self {
        let s3 = format!("{options}\n[lake.s3]\nendpoint = {endpoint:?}\npath_style = true\npart_size = \"5 MiB\"");
        let mut lab = Self::new(&s3);
        lab.lake = format!("s3://{}/{prefix}", weed::BUCKET);
        lab.write_pipeline("in/*");
        lab
    }

    /// Copies what is visible of a lake in S3 into the folder `name`, by a client that is not ours.
    pub(crate) fn fetch(&self, engines: &Engines, endpoint: &str, name: &str) -> PathBuf {
        let place = self.path(name);
        fs::create_dir(&place).unwrap();
        engines.fetch_s3(endpoint, self.lake.trim_start_matches("s3://"), &place);
        place
    }

    /// Writes the pipeline file anew, reading `paths`.
    pub(crate) fn write_pipeline(&self, paths: &str) {
        let text = format!(
            "version = 1\nname = \"lab\"\nmode = \"batch\"\n[sources.files.file]\npaths = [{paths:?}]\n\
             [transform.connect]\n[lake]\nlocation = {:?}\n{}\n",
            self.lake, self.options
        );
        fs::write(self.path("pipeline.toml"), text).unwrap();
    }

    /// Puts lines into `[transform.connect]`.
    pub(crate) fn connect(&self, lines: &str) {
        let pipeline = fs::read_to_string(self.path("pipeline.toml")).unwrap();
        let section = "[transform.connect]\n";
        assert!(pipeline.contains(section), "{pipeline}");
        fs::write(self.path("pipeline.toml"), pipeline.replace(section, &format!("{section}{lines}\n"))).unwrap();
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes an input file.
    pub(crate) fn input(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path("in").join(name), bytes).unwrap();
    }

    /// The binary in this folder with these arguments, its output piped.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = tributary();
        command.current_dir(self.folder.path()).args(arguments).envs(weed::KEYS);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the pipeline to its end; the summary.
    pub(crate) fn run(&self) -> Value {
        let (code, summary, stderr) = self.try_run();
        assert_eq!(code, Some(0), "{stderr}");
        summary
    }

    /// Runs the pipeline; exit code, summary (null when there is none) and standard error.
    pub(crate) fn try_run(&self) -> (Option<i32>, Value, String) {
        let output = self.command(&["run", "pipeline.toml", "--output", "json", "--no-progress"]).output().unwrap();
        let summary = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        (output.status.code(), summary, text(&output.stderr))
    }

    /// The folder of the lake.
    pub(crate) fn lake(&self) -> PathBuf {
        self.path("lake")
    }

    /// The rows of each table as the commit log counts them.
    pub(crate) fn status(&self) -> Value {
        let output = self.command(&["status", "pipeline.toml", "--output", "json"]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// The built binary, with nothing of this process's environment that would change what it does.
pub(crate) fn tributary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tributary"));
    command.env_remove("FAILPOINTS");
    command
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a command to its end; its standard output. A failure shows what it said.
pub(crate) fn output_of(command: &mut Command) -> Vec<u8> {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{command:?}: {}", text(&stderr));
    stdout
}

/// The balance of a summary (INV-1): read, made rows, duplicates, rejected, skipped.
pub(crate) fn balance(summary: &Value) -> [u64; 5] {
    let tally = &summary["tally"];
    let number = |name: &str| tally[name].as_u64().unwrap();
    let skipped = tally["skipped"].as_object().map_or(0, |map| map.values().map(|value| value.as_u64().unwrap()).sum());
    let counts = [number("read"), number("made_rows"), number("duplicates"), number("rejected"), skipped];
    assert_eq!(counts[0], counts[1..].iter().sum::<u64>(), "{tally}");
    counts
}

/// What two lakes differ in: rows of one that the other lacks, both ways, over all columns but the two of INV-6. Empty
/// when they are equal. `None` without DuckDB.
pub(crate) fn difference(left: &Path, right: &Path) -> Option<Vec<String>> {
    let engines = Engines::get()?;
    let mut differences = Vec::new();
    for (table, excluded) in [
        ("agent_event", "data_lake_last_processed_timestamp"),
        ("agent_event_contacts", "data_lake_last_processed_timestamp"),
        ("agent_status_intervals", "data_lake_last_processed_timestamp"),
        ("agent_contact_segments", "data_lake_last_processed_timestamp"),
        ("agent_acw", "data_lake_last_processed_timestamp"),
        ("agent_sessions", "data_lake_last_processed_timestamp"),
        ("agent_stream_gaps", "data_lake_last_processed_timestamp"),
        ("agent_statistic_record", "published_date, data_lake_last_processed_timestamp"),
        ("agent_queue_statistic_record", "published_date, data_lake_last_processed_timestamp"),
        ("rejected", "rejected_timestamp, day"),
    ] {
        // Days whose files were all taken out may have left their folders.
        let is_there = |day: std::io::Result<DirEntry>| day.unwrap().path().read_dir().unwrap().next().is_some();
        let has = |lake: &Path| lake.join(table).read_dir().is_ok_and(|mut days| days.any(is_there));
        match (has(left), has(right)) {
            (false, false) => continue,
            (true, true) => {}
            _ => {
                differences.push(format!("{table} is missing in one of them"));
                continue;
            }
        }
        let rows = |lake: &Path| {
            let files = lake.join(table).join("*/*.parquet");
            format!("SELECT * EXCLUDE ({excluded}) FROM read_parquet('{}', hive_partitioning = true)", files.display())
        };
        let (left_rows, right_rows) = (rows(left), rows(right));
        let lacking = |these: &str, those: &str| format!("sql:SELECT count(*) FROM (({these}) EXCEPT ALL ({those}))");
        let queries = [lacking(&left_rows, &right_rows), lacking(&right_rows, &left_rows)];
        let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
        let answers = engines.ask(Engine::DuckDb, left, &queries);
        for (answer, side) in answers.iter().zip(["only in the first", "only in the second"]) {
            let count = answer["rows"][0][0].as_u64().unwrap();
            if count > 0 {
                differences.push(format!("{table}: {count} rows {side}"));
            }
        }
    }
    Some(differences)
}

/// How a lake took in the events of agents: pairs that follow one another in time, and those of them that were read in
/// another order, by the clock of the machine on which all workers ran.
#[derive(Debug)]
pub(crate) struct TurnedAround {
    pub(crate) pairs: u64,
    pub(crate) turned: u64,
}

/// `None` without DuckDB.
pub(crate) fn turned_around(lake: &Path) -> Option<TurnedAround> {
    let engines = Engines::get()?;
    let files = lake.join("agent_event/*/*.parquet");
    // Events of one moment may come in any order. What is sent twice is there once, as it came first.
    let query = format!(
        "sql:WITH moments AS (SELECT agent_arn, event_timestamp, min(data_lake_last_processed_timestamp) AS first_read, \
         max(data_lake_last_processed_timestamp) AS last_read FROM read_parquet('{}') GROUP BY ALL), \
         pairs AS (SELECT first_read, lag(last_read) OVER (PARTITION BY agent_arn ORDER BY event_timestamp) AS before \
         FROM moments) SELECT count(before), count(*) FILTER (first_read < before) FROM pairs",
        files.display()
    );
    let answer = engines.ask(Engine::DuckDb, lake, &[&query]);
    let count = |column: usize| answer[0]["rows"][0][column].as_u64().unwrap();
    Some(TurnedAround { pairs: count(0), turned: count(1) })
}
