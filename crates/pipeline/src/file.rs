//! What was typed: the pipeline file as serde reads it, nothing filled in.

mod cases;
mod flow_api;
mod kafka;
mod kinesis;
mod privacy;
mod reach;
mod s3;
mod table_name;
mod test_cases;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use tributary_core::PipelineId;

use crate::strict::{Word, section, word, words};
use crate::unit;
use crate::walk::is_source_name;

pub use cases::{CasesApiSection, CasesSection};
pub use flow_api::FlowApiSection;
pub use kafka::{ClientSettings, GroupProtocol, KafkaSection, Mechanism, Start};
pub use kinesis::{Begin, DeliveryWord, KinesisSection};
pub use privacy::{PrivacySection, TreatmentWord};
pub use reach::ReachSection;
pub use s3::{Encryption, LakeS3Section, Moment, S3Section, StorageClass};
pub use table_name::TableName;
pub use test_cases::TestCasesSection;

/// A pipeline file. What is left out is `None`; [`Plan`](crate::Plan) says what that means.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PipelineFile {
    /// The version of the format.
    pub version: u32,
    /// The pipeline's identity.
    pub name: PipelineId,
    /// Whether `run` ends by itself.
    #[serde(default, deserialize_with = "word")]
    pub mode: Option<Mode>,
    /// The sources by name.
    pub sources: BTreeMap<SourceName, SourceSection>,
    /// `[transform]`.
    #[serde(default, deserialize_with = "section")]
    pub transform: TransformSection,
    /// `[privacy]`.
    #[serde(default, deserialize_with = "section")]
    pub privacy: PrivacySection,
    /// `[lake]`.
    #[serde(deserialize_with = "section")]
    pub lake: LakeSection,
    /// `[sink]`.
    #[serde(default, deserialize_with = "section")]
    pub sink: SinkSection,
    /// `[commit]`.
    #[serde(default, deserialize_with = "section")]
    pub commit: CommitSection,
    /// `[memory]`.
    #[serde(default, deserialize_with = "section")]
    pub memory: MemorySection,
}

/// Whether `run` ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Ends when every source is drained.
    Batch,
    /// Runs until it is told to stop.
    Streaming,
}

/// The name of a source: `[a-z][a-z0-9_]*`, at most 64 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct SourceName(String);

impl SourceName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SourceName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, &'static str> {
        if is_source_name(&name) { Ok(Self(name)) } else { Err("not a usable name of a source") }
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `[sources.NAME]`: one key, the kind of the source.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceSection {
    /// `[sources.NAME.file]`.
    File(#[serde(deserialize_with = "section")] FileSection),
    /// `[sources.NAME.s3]`.
    S3(#[serde(deserialize_with = "section")] Box<S3Section>),
    /// `[sources.NAME.kafka]`.
    Kafka(#[serde(deserialize_with = "section")] Box<KafkaSection>),
    /// `[sources.NAME.kinesis]`.
    Kinesis(#[serde(deserialize_with = "section")] Box<KinesisSection>),
    /// `[sources.NAME.cases]`.
    Cases(#[serde(deserialize_with = "section")] Box<CasesSection>),
    /// `[sources.NAME.test_cases]`.
    TestCases(#[serde(deserialize_with = "section")] Box<TestCasesSection>),
}

/// `[sources.NAME.file]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSection {
    /// Files, globs or `-`.
    pub paths: Vec<String>,
    /// The largest record that is kept whole.
    pub record_limit: Option<Size>,
    /// What to do with a file whose beginning changed.
    #[serde(default, deserialize_with = "word")]
    pub on_changed: Option<OnChanged>,
    /// Whether a path without a file is fine.
    pub optional: Option<bool>,
    /// How often a stream looks for files.
    pub poll: Option<Time>,
}

/// What to do with a file whose beginning is no longer what was read before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnChanged {
    /// It is a new file.
    Read,
    /// The run ends.
    Fail,
}

/// `[transform]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformSection {
    /// `[transform.connect]`.
    #[serde(default, deserialize_with = "section")]
    pub connect: ConnectSection,
}

/// `[transform.connect]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectSection {
    /// The families of events that become rows.
    #[serde(default, deserialize_with = "words")]
    pub families: Option<Vec<Family>>,
    /// The tables to write.
    pub tables: Option<Tables>,
    /// The Connect instance of each Cases domain.
    pub instances: Option<BTreeMap<String, String>>,
    /// A file with what events do not say.
    pub lookups: Option<String>,
    /// How they are asked for.
    pub cases_api: Option<CasesApiSection>,
    /// How Amazon Connect is asked about flows.
    pub flow_api: Option<FlowApiSection>,
    /// How duplicates are found.
    #[serde(default, deserialize_with = "section")]
    pub dedup: DedupSection,
    /// How the newest states of cases are kept up to date.
    #[serde(default, deserialize_with = "section")]
    pub latest: LatestSection,
    /// How executions of flows are derived.
    #[serde(default, deserialize_with = "section")]
    pub flow: FlowSection,
    /// How the tables of agent time are derived.
    #[serde(default, deserialize_with = "section")]
    pub agent_time: AgentTimeSection,
}

/// A family of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Agent events.
    Agent,
    /// Events of cases and of what is related to them.
    Case,
    /// Audit events of cases.
    Audit,
    /// Contact flow logs.
    Flow,
    /// Contact events.
    Contact,
    /// Executions of test cases.
    TestCase,
}

impl Family {
    /// The families that become rows where a pipeline names none.
    pub const USUAL: [Self; 4] = [Self::Agent, Self::Case, Self::Audit, Self::TestCase];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Case => "case",
            Self::Audit => "audit",
            Self::Flow => "flow",
            Self::Contact => "contact",
            Self::TestCase => "test_case",
        }
    }

    /// In the words of the transform.
    pub(crate) const fn of_connect(self) -> tributary_connect::Family {
        match self {
            Self::Agent => tributary_connect::Family::Agent,
            Self::Case => tributary_connect::Family::Case,
            Self::Audit => tributary_connect::Family::Audit,
            Self::Flow => tributary_connect::Family::Flow,
            Self::Contact => tributary_connect::Family::Contact,
            Self::TestCase => tributary_connect::Family::TestCase,
        }
    }
}

/// Which tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tables {
    /// All that the families have.
    All,
    /// These.
    These(Vec<TableName>),
}

impl<'de> Deserialize<'de> for Tables {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Tables;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"all\" or a list of tables")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Tables, E> {
                if text == "all" { Ok(Tables::All) } else { Err(E::custom("a text must be \"all\"")) }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Tables, A::Error> {
                let words: Vec<Word<TableName>> = Vec::deserialize(SeqAccessDeserializer::new(items))?;
                Ok(Tables::These(words.into_iter().map(|Word(table)| table).collect()))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// `transform.connect.latest`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatestSection {
    /// How often a stream does it.
    pub every: Option<Time>,
}

/// `transform.connect.flow`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowSection {
    /// How often a stream derives.
    pub every: Option<Time>,
    /// How long an execution is waited for.
    pub open_for: Option<Time>,
    /// How long that of a task is.
    pub tasks_open_for: Option<Time>,
}

/// `transform.connect.agent_time`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentTimeSection {
    /// A session ends when no event comes for longer than this.
    pub silence: Option<Time>,
    /// How often a stream derives.
    pub every: Option<Time>,
    /// Whether what is still open when a batch ends is written.
    pub open: Option<bool>,
    /// Whether moments before May 2019 are taken without their milliseconds.
    pub early_seconds: Option<bool>,
    /// The interval of statistic records.
    #[serde(default, deserialize_with = "word")]
    pub interval: Option<Interval>,
    /// The ARNs of the custom statuses that have a column in `agent_statistic_record`, in the order of the columns.
    pub custom_states: Option<Vec<String>>,
}

/// The interval of statistic records; midnight is always a border.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Interval {
    /// Fifteen minutes.
    #[serde(rename = "15m")]
    Quarter,
    /// Thirty minutes.
    #[serde(rename = "30m")]
    Half,
}

impl Interval {
    /// How long it is.
    pub const fn duration(self) -> Duration {
        match self {
            Self::Quarter => Duration::from_secs(15 * 60),
            Self::Half => Duration::from_secs(30 * 60),
        }
    }
}

/// `transform.connect.dedup`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DedupSection {
    /// For how long, in event time, an event is recognised.
    pub horizon: Option<Time>,
    /// Memory for the keys seen.
    pub memory: Option<Size>,
}

/// `[lake]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LakeSection {
    /// Its folder, or `s3://bucket/prefix`.
    pub location: String,
    /// `[lake.s3]`.
    pub s3: Option<LakeS3Section>,
}

/// `[sink]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SinkSection {
    /// `[sink.parquet]`.
    #[serde(default, deserialize_with = "section")]
    pub parquet: ParquetSection,
}

/// `[sink.parquet]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParquetSection {
    /// The size of a file, compressed.
    pub file_size: Option<Size>,
    /// Memory for rows that wait.
    pub memory: Option<Size>,
    /// Local disk for what memory does not hold.
    pub spool: Option<Spool>,
}

/// Whether there is a spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spool {
    /// There is none.
    Off,
    /// There is one.
    On(SpoolSection),
}

impl<'de> Deserialize<'de> for Spool {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Spool;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("false or a table")
            }

            fn visit_bool<E: Error>(self, on: bool) -> Result<Spool, E> {
                if on { Err(E::custom("cannot be true")) } else { Ok(Spool::Off) }
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Spool, A::Error> {
                SpoolSection::deserialize(MapAccessDeserializer::new(members)).map(Spool::On)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// `sink.parquet.spool`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpoolSection {
    /// The folder it is made in.
    pub folder: Option<String>,
    /// How large it may grow.
    pub size: Option<Size>,
}

/// `[commit]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitSection {
    /// The longest time between two commits.
    pub every: Option<Time>,
    /// Also commit after so much input.
    pub input: Option<Size>,
    /// What to do when records are gone.
    #[serde(default, deserialize_with = "word")]
    pub on_gap: Option<OnGap>,
}

/// What to do when records between the last commit and the next record are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnGap {
    /// The run ends.
    Fail,
    /// The gap is recorded and reading goes on.
    Continue,
}

/// `[memory]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemorySection {
    /// Bytes in flight between the stages.
    pub budget: Option<Size>,
}

/// A size in bytes, typed with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Size(u64);

impl Size {
    /// Bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        unit::read_size(&text).map(Self).map_err(|bad| bad.message)
    }
}

/// A time, typed with its units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Time(Duration);

impl Time {
    /// The time.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl TryFrom<String> for Time {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        unit::read_time(&text).map(Self).map_err(|bad| bad.message)
    }
}
