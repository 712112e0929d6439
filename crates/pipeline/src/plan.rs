//! What is meant: every value checked, every default filled in.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use tributary_core::PipelineId;
use tributary_maintain::OpenFor;

use crate::cases_api::CasesApiPlan;
use crate::file::{
    ConnectSection, Family, FlowSection, Interval, Mode, OnGap, ParquetSection, PipelineFile, Size, Spool,
    SpoolSection, TableName, Tables, Time,
};
use crate::flow_api::FlowApiPlan;
use crate::lake_plan::LakePlan;
use crate::privacy_plan::PrivacyPlan;
use crate::source_plan::SourcePlan;
use crate::unit;

const MIB: u64 = 1 << 20;

/// A checked pipeline: what [`check`](crate::check) returns and [`LineFactory`](crate::LineFactory) builds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The pipeline's identity.
    pub pipeline: PipelineId,
    /// Whether `run` ends by itself.
    pub mode: Mode,
    /// What is read, in the order of the names; at least one.
    pub sources: Vec<SourcePlan>,
    /// What is made of Amazon Connect events.
    pub connect: ConnectPlan,
    /// What becomes of people's data.
    pub privacy: PrivacyPlan,
    /// Where the lake is.
    pub lake: LakePlan,
    /// How rows become files.
    pub parquet: ParquetPlan,
    /// When rows become visible.
    pub commit: CommitPlan,
    /// Bytes in flight between the stages.
    pub budget: NonZeroU64,
}

/// What is made of Amazon Connect events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectPlan {
    /// The families that become rows; at least one.
    pub families: BTreeSet<Family>,
    /// The tables to write; at least one.
    pub tables: BTreeSet<TableName>,
    /// The Connect instance of each Cases domain.
    pub instances: BTreeMap<String, String>,
    /// A file with what events do not say.
    pub lookups: Option<PathBuf>,
    /// How it is asked of Amazon Connect Cases.
    pub cases_api: Option<CasesApiPlan>,
    /// How Amazon Connect is asked about flows.
    pub flow_api: Option<FlowApiPlan>,
    /// For how long, in event time, an event is recognised when it comes again.
    pub dedup_horizon: Duration,
    /// Bytes for the keys seen.
    pub dedup_memory: NonZeroU64,
    /// A session ends when no event comes for longer than this.
    pub silence: Duration,
    /// How often a stream derives.
    pub derive_every: Duration,
    /// How often a stream brings the newest states of cases up to date.
    pub latest_every: Duration,
    /// How often a stream derives executions of flows.
    pub flow_every: Duration,
    /// How long an execution is waited for after its last line.
    pub flow_open_for: OpenFor,
    /// Whether what is still open when a batch ends is written.
    pub write_open: bool,
    /// Whether moments before May 2019 are taken without their milliseconds.
    pub early_seconds: bool,
    /// The interval of statistic records.
    pub interval: Duration,
    /// The ARNs of the custom statuses that have a column in `agent_statistic_record`, in the order of the columns.
    pub custom_states: Vec<String>,
}

/// How rows become Parquet files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParquetPlan {
    /// Bytes of a file, compressed, at which the next one is begun.
    pub file_size: NonZeroU64,
    /// Bytes for rows that wait for their file.
    pub memory: NonZeroU64,
    /// Local disk for what memory does not hold, if any.
    pub spool: Option<SpoolPlan>,
}

/// Local disk for what memory does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolPlan {
    /// The folder it is made in; `None` is the system's folder for temporary files.
    pub folder: Option<PathBuf>,
    /// Bytes it may take.
    pub size: NonZeroU64,
}

/// When rows become visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitPlan {
    /// The longest time between two commits.
    pub every: Duration,
    /// Also commit after so many bytes of input, after decompression.
    pub input: Option<NonZeroU64>,
    /// What to do when records are gone.
    pub on_gap: OnGap,
}

impl Plan {
    /// What `file` means. The file was walked before, so that every size lies in its range.
    pub(crate) fn new(file: PipelineFile) -> Self {
        let mode = file.mode.unwrap_or(Mode::Streaming);
        let every = match mode {
            Mode::Batch => Duration::from_secs(15 * 60),
            Mode::Streaming => Duration::from_secs(60),
        };
        let commit = CommitPlan {
            every: file.commit.every.map_or(every, Time::duration),
            input: file.commit.input.and_then(|input| NonZeroU64::new(input.bytes())),
            on_gap: file.commit.on_gap.unwrap_or(OnGap::Fail),
        };
        let parquet = ParquetPlan::new(file.sink.parquet);
        let lake = LakePlan::new(file.lake, parquet.spool.as_ref());
        let sources = file.sources.into_iter();
        let sources = sources.map(|(name, section)| SourcePlan::new(name, section, &lake, &file.name)).collect();
        Self {
            pipeline: file.name,
            mode,
            sources,
            connect: ConnectPlan::new(&file.transform.connect),
            privacy: PrivacyPlan::new(file.privacy),
            lake,
            parquet,
            commit,
            budget: bytes(file.memory.budget, 24 * MIB),
        }
    }

    /// What gives the rows their meaning, by option: the families, the tables, the duplicate horizon, the rules
    /// of agent time. Not the sources,
    /// the commits or the memory: those may change from run to run (architecture, 18.12). The commit log keeps them
    /// and names what differs.
    pub fn option_digest_entries(&self) -> BTreeMap<String, String> {
        let families: Vec<&str> = self.connect.families.iter().map(|family| family.as_str()).collect();
        let tables: Vec<&str> = self.connect.tables.iter().map(|table| table.as_str()).collect();
        let mut entries = self.privacy.option_digest_entries();
        entries.extend([
            ("transform.connect.families".to_owned(), families.join(",")),
            ("transform.connect.tables".to_owned(), tables.join(",")),
            ("transform.connect.dedup.horizon".to_owned(), unit::time_text(self.connect.dedup_horizon)),
            ("transform.connect.agent_time.silence".to_owned(), unit::time_text(self.connect.silence)),
            ("transform.connect.agent_time.open".to_owned(), self.connect.write_open.to_string()),
            ("transform.connect.agent_time.early_seconds".to_owned(), self.connect.early_seconds.to_string()),
            ("transform.connect.agent_time.interval".to_owned(), unit::time_text(self.connect.interval)),
            ("transform.connect.agent_time.custom_states".to_owned(), format!("{:?}", self.connect.custom_states)),
        ]);
        if self.connect.tables.contains(&TableName::ContactFlowEvents) {
            let OpenFor { usual, tasks } = self.connect.flow_open_for;
            entries.insert("transform.connect.flow.open_for".to_owned(), unit::time_text(usual));
            entries.insert("transform.connect.flow.tasks_open_for".to_owned(), unit::time_text(tasks));
        }
        entries
    }
}

impl ConnectPlan {
    fn new(section: &ConnectSection) -> Self {
        let families = section.families.clone().unwrap_or_else(|| Family::USUAL.to_vec());
        let tables = match &section.tables {
            None | Some(Tables::All) => {
                TableName::ALL.into_iter().filter(|table| families.contains(&table.family())).collect()
            }
            Some(Tables::These(tables)) => tables.clone(),
        };
        let horizon = section.dedup.horizon.map_or(Duration::from_secs(48 * 3_600), Time::duration);
        Self {
            families: families.into_iter().collect(),
            tables: tables.into_iter().collect(),
            instances: section.instances.clone().unwrap_or_default(),
            lookups: section.lookups.as_ref().map(PathBuf::from),
            cases_api: section.cases_api.clone().map(CasesApiPlan::new),
            flow_api: section.flow_api.clone().map(FlowApiPlan::new),
            dedup_horizon: horizon,
            dedup_memory: bytes(section.dedup.memory, 32 * MIB),
            silence: section.agent_time.silence.map_or(Duration::from_secs(15 * 60), Time::duration),
            derive_every: section.agent_time.every.map_or(Duration::from_secs(5 * 60), Time::duration),
            latest_every: section.latest.every.map_or(Duration::from_secs(5 * 60), Time::duration),
            flow_every: section.flow.every.map_or(Duration::from_secs(5 * 60), Time::duration),
            flow_open_for: open_for(&section.flow),
            write_open: section.agent_time.open.unwrap_or(false),
            early_seconds: section.agent_time.early_seconds.unwrap_or(false),
            interval: section.agent_time.interval.unwrap_or(Interval::Quarter).duration(),
            custom_states: section.agent_time.custom_states.clone().unwrap_or_default(),
        }
    }
}

impl ParquetPlan {
    fn new(section: ParquetSection) -> Self {
        let spool = match section.spool {
            Some(Spool::Off) => None,
            Some(Spool::On(spool)) => Some(spool),
            None => Some(SpoolSection::default()),
        };
        let spool =
            spool.map(|spool| SpoolPlan { folder: spool.folder.map(PathBuf::from), size: bytes(spool.size, 16 << 30) });
        Self { file_size: bytes(section.file_size, 128 * MIB), memory: bytes(section.memory, 64 * MIB), spool }
    }
}

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn open_for(section: &FlowSection) -> OpenFor {
    let usual = section.open_for.map_or(DAY, Time::duration);
    OpenFor { usual, tasks: section.tasks_open_for.map_or(7 * DAY, Time::duration).max(usual) }
}

/// The size that was written, or the default. Every range begins above zero.
fn bytes(written: Option<Size>, default: u64) -> NonZeroU64 {
    let bytes = written.map_or(default, Size::bytes);
    NonZeroU64::new(bytes).unwrap_or(NonZeroU64::MIN)
}
