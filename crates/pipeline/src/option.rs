//! The option table: every key a pipeline file may have, once, as data.
//!
//! The walk over a file, the JSON Schema and `docs/configuration.md` are all made from it, so that they cannot disagree.

mod cases;
mod connect;
mod file;
mod kafka;
mod kinesis;
mod privacy;
mod s3;
mod test_cases;

use std::time::Duration;

use self::connect::CONNECT;

/// The version of the pipeline file format.
pub(crate) const FORMAT_VERSION: i64 = 1;

/// One key of a table.
pub(crate) struct Entry {
    /// The key; of a [`Shape::Named`] table the names stand below it.
    pub(crate) key: &'static str,
    /// What a value must be.
    pub(crate) shape: Shape,
    /// What holds when it is left out.
    pub(crate) default: Default,
    /// For a person, in Markdown, one line.
    pub(crate) meaning: &'static str,
    /// The first version of Tributary that has it.
    pub(crate) since: &'static str,
}

/// What holds when a key is left out.
pub(crate) enum Default {
    /// It must be there; a line to write is given.
    Required(&'static str),
    /// This value, written as in TOML.
    Value(&'static str),
    /// What a person should know; there is no single value.
    Words(&'static str),
}

/// What a key holds.
pub(crate) enum Shape {
    /// A value.
    Leaf(Kind),
    /// A table of these keys.
    Table(&'static [Entry]),
    /// A table of these keys, or `false`.
    TableOrFalse(&'static [Entry]),
    /// Tables by name, each with these keys.
    Named(&'static [Entry]),
}

/// A value.
pub(crate) enum Kind {
    /// The version of the format.
    Integer,
    /// A whole number in this range.
    Count { least: i64, most: i64 },
    /// `true` or `false`.
    Boolean,
    /// The identity of a pipeline.
    Name,
    /// A folder.
    Folder,
    /// A folder or a place in S3.
    Location,
    /// A text that is not empty.
    Text,
    /// `s3://bucket/prefix`.
    Bucket,
    /// Patterns of keys; at least one.
    Patterns,
    /// A day, or a moment as RFC 3339 has it.
    Moment,
    /// Tags of objects, `name=value`; at most as many as S3 keeps.
    Tags,
    /// Names of topics and regular expressions; at least one.
    Topics,
    /// Where a topic begins.
    Start,
    /// Where a stream begins.
    Begin,
    /// The name of a stream, or its ARN.
    Stream,
    /// A name that AWS takes.
    AwsName,
    /// The id of a domain of Amazon Connect Cases.
    Domain,
    /// Ids of cases; at least one.
    CaseIds,
    /// The id of an instance of Amazon Connect.
    Instance,
    /// Settings of librdkafka.
    Settings,
    /// Texts by name.
    Pairs,
    /// Files, globs or `-`; at least one.
    Paths,
    /// ARNs of statuses, at least one, and no more than there are columns.
    StatusArns,
    /// A size in this range of bytes.
    Size { least: u64, most: u64 },
    /// A time in this range.
    Time { least: Duration, most: Duration },
    /// One of these words.
    Choice(&'static [Choice]),
    /// A list of some of these words; at least one.
    Choices(&'static [Choice]),
    /// `"all"`, or a list of some of these words; at least one.
    AllOrChoices(&'static [Choice]),
}

/// A word that a value may be.
pub(crate) struct Choice {
    pub(crate) name: &'static str,
    pub(crate) meaning: &'static str,
}

impl Choice {
    const fn new(name: &'static str, meaning: &'static str) -> Self {
        Self { name, meaning }
    }
}

impl Entry {
    const fn new(key: &'static str, shape: Shape, default: Default, meaning: &'static str) -> Self {
        Self { key, shape, default, meaning, since: "0.1" }
    }

    /// Whether a table needs it.
    pub(crate) const fn is_required(&self) -> bool {
        matches!(self.default, Default::Required(_))
    }
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;
const SECOND: u64 = 1;
const DAY: u64 = 86_400 * SECOND;

const fn size(least: u64, most: u64) -> Shape {
    Shape::Leaf(Kind::Size { least, most })
}

const fn time(least: u64, most: u64) -> Shape {
    Shape::Leaf(Kind::Time { least: Duration::from_secs(least), most: Duration::from_secs(most) })
}

/// The whole file.
pub(crate) static ROOT: &[Entry] = &[
    Entry::new(
        "version",
        Shape::Leaf(Kind::Integer),
        Default::Required("version = 1"),
        "The version of this file's format. This version of Tributary reads 1.",
    ),
    Entry::new(
        "name",
        Shape::Leaf(Kind::Name),
        Default::Required("name = \"connect_agent_events\""),
        "The pipeline's identity: its commit log hangs on it, so a renamed pipeline begins anew. `[a-z][a-z0-9_]*`, at most 64 characters.",
    ),
    Entry::new(
        "mode",
        Shape::Leaf(Kind::Choice(MODES)),
        Default::Value("\"streaming\""),
        "Whether `run` ends by itself. A pipeline that reads files or objects has to say it.",
    ),
    Entry::new(
        "sources",
        Shape::Named(SOURCE),
        Default::Required("[sources.agents.file] with paths = [\"in/*.jsonl.gz\"]"),
        "What is read: one table `[sources.NAME.KIND]` a source, of one kind each. NAME is `[a-z][a-z0-9_]*` and part of the identity of what was read: a renamed source is read again (what is in the lake already is left out).",
    ),
    Entry::new(
        "transform",
        Shape::Table(TRANSFORM),
        Default::Words("the defaults of its keys"),
        "What is made of the records.",
    ),
    Entry::new(
        "privacy",
        Shape::Table(privacy::PRIVACY),
        Default::Words("everything is kept"),
        "What becomes of people's data, in every table that has it. Where anything is not kept, the bytes of rejected payloads are left out as well.",
    ),
    Entry::new(
        "lake",
        Shape::Table(LAKE),
        Default::Required("[lake] with location = \"lake\""),
        "Where the tables are.",
    ),
    Entry::new("sink", Shape::Table(SINK), Default::Words("the defaults of its keys"), "How rows become files."),
    Entry::new("commit", Shape::Table(COMMIT), Default::Words("the defaults of its keys"), "When rows become visible."),
    Entry::new("memory", Shape::Table(MEMORY), Default::Words("the defaults of its keys"), "What may be in flight."),
];

static MODES: &[Choice] = &[
    Choice::new("batch", "ends when every source is drained"),
    Choice::new("streaming", "runs until it is told to stop"),
];

static SOURCE: &[Entry] = &[
    Entry::new(
        "file",
        Shape::Table(file::SOURCE),
        Default::Words("another kind of source"),
        "Files on this machine, or standard input. Compression and framing are told from the content.",
    ),
    Entry::new(
        "s3",
        Shape::Table(s3::SOURCE),
        Default::Words("another kind of source"),
        "Objects in S3. Compression and framing are told from the content. An object is its key and its ETag: one that is replaced is read again. Credentials are never written here.",
    ),
    Entry::new(
        "kafka",
        Shape::Table(kafka::SOURCE),
        Default::Words("another kind of source"),
        "Topics of Kafka. Compression, framing and the header of a schema registry are told from the content.",
    ),
    Entry::new(
        "kinesis",
        Shape::Table(kinesis::SOURCE),
        Default::Words("another kind of source"),
        "A stream of Kinesis. Compression, framing and what producers have packed into one record (KPL) are told from the content. Credentials are never written here.",
    ),
    Entry::new(
        "cases",
        Shape::Table(cases::SOURCE),
        Default::Words("another kind of source"),
        "Audit events of Amazon Connect Cases: who changed which field of a case. The service is asked for them, a case at a time. Credentials are never written here.",
    ),
    Entry::new(
        "test_cases",
        Shape::Table(test_cases::SOURCE),
        Default::Words("another kind of source"),
        "Executions of an instance's test cases: which test of a flow ran when, and how it ended. The service is asked for them. Credentials are never written here.",
    ),
];

/// Of every source that reads files or objects.
const RECORD_LIMIT: Entry = Entry::new(
    "record_limit",
    // A rejected record keeps its first 64 KiB, so a smaller limit would have no meaning.
    size(64 * KIB, GIB),
    Default::Value("\"16 MiB\""),
    "The largest record that is kept whole. A longer one is rejected with its position, its length and its first 64 KiB.",
);

static TRANSFORM: &[Entry] = &[Entry::new(
    "connect",
    Shape::Table(CONNECT),
    Default::Words("the defaults of its keys"),
    "Amazon Connect events.",
)];

static LAKE: &[Entry] = &[
    Entry::new(
        "location",
        Shape::Leaf(Kind::Location),
        Default::Required("location = \"lake\""),
        "Where the lake is: `s3://bucket/prefix`, or a folder, relative to the working directory, which is made when it is not there. Tables lie in `<location>/<table>/day=YYYY-MM-DD/`; the layout is not an option.",
    ),
    Entry::new(
        "s3",
        Shape::Table(s3::LAKE),
        Default::Words("the defaults of its keys"),
        "How S3 is reached and what is asked of it. Credentials are never written here: they come from the environment, the shared configuration files, the container or the instance.",
    ),
];

static SINK: &[Entry] =
    &[Entry::new("parquet", Shape::Table(PARQUET), Default::Words("the defaults of its keys"), "Parquet files.")];

static PARQUET: &[Entry] = &[
    Entry::new(
        "file_size",
        size(MIB, 16 * GIB),
        Default::Value("\"128 MiB\""),
        "The size of a file, compressed, at which the next one is begun.",
    ),
    Entry::new(
        "memory",
        size(MIB, TIB),
        Default::Value("\"64 MiB\""),
        "Memory for rows that wait for their file. When it is short, waiting rows go to the spool; without spool the commit comes early.",
    ),
    Entry::new(
        "spool",
        Shape::TableOrFalse(SPOOL),
        Default::Words("the defaults of its keys"),
        "Local disk for rows and keys that memory does not hold: one file, gone when the process ends, and another of at most 256 MiB \
         where gaps are looked for. `false` does without.",
    ),
];

static SPOOL: &[Entry] = &[
    Entry::new(
        "folder",
        Shape::Leaf(Kind::Folder),
        Default::Words("the system's folder for temporary files"),
        "The folder the spool is made in.",
    ),
    Entry::new("size", size(MIB, 64 * TIB), Default::Value("\"16 GiB\""), "How large the spool may grow."),
];

static COMMIT: &[Entry] = &[
    Entry::new(
        "every",
        time(1, DAY),
        Default::Words("`\"60s\"` in streaming mode, `\"15m\"` in batch mode"),
        "The longest time between two commits. Ten thousand files or objects are a commit too, however short the time.",
    ),
    Entry::new(
        "input",
        size(KIB, 1_024 * TIB),
        Default::Words("no such limit"),
        "Also commit after so much input, in bytes as read, after decompression.",
    ),
    Entry::new(
        "on_gap",
        Shape::Leaf(Kind::Choice(ON_GAP)),
        Default::Value("\"fail\""),
        "What to do when records between the last commit and the next record are gone.",
    ),
];

static ON_GAP: &[Choice] = &[
    Choice::new("fail", "the run ends with an error"),
    Choice::new("continue", "the gap is counted, warned about and left behind"),
];

static MEMORY: &[Entry] = &[Entry::new(
    "budget",
    size(MIB, TIB),
    Default::Value("\"24 MiB\""),
    "Bytes in flight between the stages. A batch larger than that passes alone.",
)];

/// The sections that have a key of this name: who wrote it in the wrong one is told the right one.
pub(crate) fn sections_with(key: &str) -> Vec<String> {
    let mut found = Vec::new();
    collect_sections(ROOT, "", key, &mut found);
    found
}

fn collect_sections(entries: &'static [Entry], path: &str, key: &str, found: &mut Vec<String>) {
    for entry in entries {
        let here = if path.is_empty() { entry.key.to_owned() } else { format!("{path}.{}", entry.key) };
        match entry.shape {
            Shape::Leaf(_) => {}
            Shape::Table(inner) | Shape::TableOrFalse(inner) => collect_sections(inner, &here, key, found),
            Shape::Named(inner) => collect_sections(inner, &format!("{here}.NAME"), key, found),
        }
        if entry.key == key {
            found.push(if path.is_empty() { "the top of the file".to_owned() } else { format!("[{path}]") });
        }
    }
}

/// The entry at a path of keys, where any segment below a [`Shape::Named`] stands for a name.
pub(crate) fn find(path: &[&str]) -> Option<&'static Entry> {
    let mut entries = ROOT;
    let mut segments = path.iter();
    let mut found = None;
    while let Some(segment) = segments.next() {
        let entry = entries.iter().find(|entry| entry.key == *segment)?;
        found = Some(entry);
        entries = match entry.shape {
            Shape::Leaf(_) => &[],
            Shape::Table(inner) | Shape::TableOrFalse(inner) => inner,
            Shape::Named(inner) => {
                if segments.next().is_none() {
                    return found;
                }
                // A name alone is no option; what is below it may be.
                found = None;
                inner
            }
        };
    }
    found
}
