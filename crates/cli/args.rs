//! The command line.

use std::path::PathBuf;

use clap::{Args as Arguments, Parser, Subcommand, ValueEnum};
use tributary_pipeline::Share;

/// Amazon Connect events to a Parquet lake partitioned by UTC day, exactly once.
#[derive(Debug, Parser)]
#[command(name = "tributary", version, about, max_term_width = 110, propagate_version = true)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) log: Log,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What is written to standard error while it works.
#[derive(Clone, Debug, Arguments)]
pub(crate) struct Log {
    /// How the log is written: for a person, or a JSON object a line
    #[arg(long, global = true, value_enum, default_value = "text", value_name = "FORMAT")]
    pub(crate) log_format: LogFormat,
    /// What is logged: error, warn, info, debug, trace, or directives such as `tributary_commit=debug`
    #[arg(long, global = true, default_value = "warn", value_name = "FILTER")]
    pub(crate) log: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// How an answer is written to standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run a pipeline: a batch until its sources are drained, a stream until it is stopped
    Run(Run),
    /// Check pipeline files without opening anything: every mistake with its line, the reason and a cure
    Validate(Validate),
    /// Reach the sources and the lake as a run would, and try every right on objects that are removed again
    Check(Check),
    /// Show what a pipeline has committed: epochs, positions, tables, files, rows, bytes
    Status(Status),
    /// List the tables, or show the columns of one
    Schema(Schema),
    /// Write the events of a made-up contact centre
    Simulate(Box<Simulate>),
    /// Throw away uploads that no run will ever commit
    Gc(Gc),
    /// Derive the tables of agent time of some days anew, in one commit
    Rebuild(Rebuild),
}

/// The exit codes of `run`.
const RUN_CODES: &str = "Ctrl-C or SIGTERM commits what was read and stops; a second one stops at once.\n\n\
Exit codes:\n   0  all of it is committed\n   2  the command line or the pipeline file is wrong\n   3  a source failed\n   \
4  the lake cannot be read or written\n   5  another run of the same pipeline was faster; nothing was doubled\n   \
6  records are missing, or the commit log is damaged: a person has to decide\n   7  some inputs could not be read; the \
others are committed\n  70  a mistake of this program\n 130  stopped at once; what was not committed is read again";

#[derive(Debug, Arguments)]
#[command(after_help = RUN_CODES)]
pub(crate) struct Run {
    /// The pipeline file
    pub(crate) file: PathBuf,
    /// Go on although options that give rows their meaning have changed since the last run
    #[arg(long)]
    pub(crate) accept_change: bool,
    /// Take the inputs of one of several workers that run at once, as in 2/4; all must name the same number and see the same files
    #[arg(long, value_name = "NUMBER/OF", value_parser = share)]
    pub(crate) worker: Option<Share>,
    /// How the summary is written
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub(crate) output: Output,
    /// Draw no progress bar on a terminal
    #[arg(long)]
    pub(crate) no_progress: bool,
}

#[derive(Debug, Arguments)]
pub(crate) struct Validate {
    /// Pipeline files
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// How the mistakes are written
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub(crate) output: Output,
}

#[derive(Debug, Arguments)]
pub(crate) struct Check {
    /// The pipeline file
    pub(crate) file: PathBuf,
    /// How the outcome is written
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub(crate) output: Output,
}

#[derive(Debug, Arguments)]
pub(crate) struct Status {
    /// The pipeline file
    pub(crate) file: PathBuf,
    /// How many of the newest epochs are shown
    #[arg(long, default_value_t = 10)]
    pub(crate) epochs: usize,
    /// How the answer is written
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub(crate) output: Output,
}

#[derive(Debug, Arguments)]
pub(crate) struct Gc {
    /// The pipeline file
    pub(crate) file: PathBuf,
    /// Only what is older than this
    #[arg(long, default_value = "24h", value_parser = crate::units::duration, value_name = "TIME")]
    pub(crate) older_than: std::time::Duration,
    /// How the answer is written
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub(crate) output: Output,
}

#[derive(Debug, Arguments)]
pub(crate) struct Rebuild {
    /// The pipeline file
    pub(crate) file: PathBuf,
    /// The day whose rows are written anew: those that began on it, YYYY-MM-DD. latest_case_state and
    /// contact_flow_events are written anew as a whole, without
    #[arg(long, value_parser = crate::units::day, value_name = "DAY", required_unless_present = "table")]
    pub(crate) day: Option<tributary_core::Day>,
    /// The last day, if there are several
    #[arg(long, requires = "day", value_parser = crate::units::day, value_name = "DAY")]
    pub(crate) to: Option<tributary_core::Day>,
    /// A table to write anew; may be given several times. All derived tables with days of the pipeline if left out
    #[arg(long, value_name = "TABLE")]
    pub(crate) table: Vec<String>,
    /// How the answer is written
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub(crate) output: Output,
}

#[derive(Debug, Arguments)]
pub(crate) struct Schema {
    #[command(subcommand)]
    pub(crate) verb: SchemaVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SchemaVerb {
    /// List the tables
    List {
        /// How the answer is written
        #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
        output: Output,
    },
    /// Print the statements that make the tables of a lake known to an engine
    Ddl {
        /// Whose SQL
        #[arg(long, value_enum)]
        dialect: Dialect,
        /// Where the lake is, as the engine names it: s3://bucket/prefix, or a folder
        #[arg(long, value_name = "URL")]
        location: String,
        /// One table; all without it
        #[arg(long)]
        table: Option<String>,
        /// The lake's first day, before which Athena does not look; by default the day on which Amazon Connect began
        #[arg(long, value_name = "YYYY-MM-DD", value_parser = crate::units::day)]
        since: Option<tributary_core::Day>,
    },
    /// Show the columns of a table
    Show {
        /// The table
        table: String,
        /// How the answer is written
        #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
        output: Output,
    },
}

/// Whose SQL.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Dialect {
    /// Amazon Athena: external tables with projected partitions
    Athena,
    /// DuckDB: views
    Duckdb,
}

#[derive(Debug, Arguments)]
pub(crate) struct Simulate {
    /// Where the events go, one a line; standard output if left out
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Also write what was acted out (statuses, segments, sessions), one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub(crate) truth: Option<PathBuf>,
    /// How many agents there are
    #[arg(long, default_value_t = 100)]
    pub(crate) agents: u32,
    /// The first day, YYYY-MM-DD
    #[arg(long, default_value = "2025-03-03", value_parser = crate::units::day, value_name = "DAY")]
    pub(crate) start: tributary_core::Day,
    /// How many days it lasts at most; one if neither days nor events are given
    #[arg(long)]
    pub(crate) days: Option<u32>,
    /// How many events are written at most
    #[arg(long)]
    pub(crate) events: Option<u64>,
    /// How many events of cases and of their related items are written among the others; with --agents 0 they are alone
    #[arg(long, default_value_t = 0, value_name = "EVENTS")]
    pub(crate) cases: u64,
    /// Also write the histories of these cases among the others: answers of GetCaseAuditEvents with domainId and caseId, one a line
    #[arg(long, requires = "cases")]
    pub(crate) audits: bool,
    /// About how many lines of contact flow logs are written among the others, and the contact events that belong to them
    #[arg(long, default_value_t = 0, value_name = "LINES")]
    pub(crate) flows: u64,
    /// Also write what events of cases do not say (the instance, names of templates, names and types of fields), as TOML
    #[arg(long, value_name = "FILE", requires = "cases")]
    pub(crate) lookups: Option<PathBuf>,
    /// The share of case events with the detail-type of 2022, "Amazon Connect Cases Event", 0 to 1
    #[arg(long, default_value_t = 0.0, value_name = "RATE")]
    pub(crate) old_detail_type: f64,
    /// The seed: the same options give the same bytes for ever
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Inbound queues of each routing profile
    #[arg(long, default_value_t = 4)]
    pub(crate) queues: u8,
    /// The share of events that come a second time, 0 to 1
    #[arg(long, default_value_t = 0.0, value_name = "RATE")]
    pub(crate) duplicates: f64,
    /// The share of events that come late, 0 to 1
    #[arg(long, default_value_t = 0.0, value_name = "RATE")]
    pub(crate) disorder: f64,
    /// How late they come at most
    #[arg(long, default_value = "10m", value_parser = crate::units::duration, value_name = "TIME")]
    pub(crate) disorder_window: std::time::Duration,
    /// Broken lines per event, 0 to 1
    #[arg(long, default_value_t = 0.0, value_name = "RATE")]
    pub(crate) malformed: f64,
    /// Contact records and contact events per event, 0 to 1
    #[arg(long, default_value_t = 0.0, value_name = "RATE")]
    pub(crate) foreign: f64,
    /// Give every snapshot identifiers of its own, so that nothing repeats
    #[arg(long)]
    pub(crate) shuffle: bool,
}

/// Reads `2/4`.
fn share(text: &str) -> Result<Share, String> {
    let numbers = text.split_once('/').and_then(|(worker, of)| Some((worker.parse().ok()?, of.parse().ok()?)));
    let share = numbers.and_then(|(worker, of)| Share::new(worker, of));
    share.ok_or_else(|| "write the number of this worker and how many there are, as in 2/4".to_owned())
}
