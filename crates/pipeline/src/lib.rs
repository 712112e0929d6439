//! The composition root: `pipelines/*.toml` becomes a [`PipelineFile`] (what was typed), a [`Plan`] (what is meant) and
//! at last a line of real parts.
//!
//! # Invariants
//! - [`check`] is pure and reports every mistake of a file at once, each with its place (or its environment variable)
//!   and a cure. What it accepts, serde with `deny_unknown_fields` accepts too, and the other way round.
//! - Every option stands once in the option table: the check, [`json_schema`] and [`reference()`] are made from it.
//! - A [`Plan`] holds checked values only; nothing after it reads text.
//!
//! # Deliberately absent
//! The terminal, exit codes, the process environment (it is handed in), and
//! secrets: an option says where one is, and a run reads it there.

mod build;
mod cases_api;
mod cases_plan;
mod check;
mod connectivity;
mod contradiction;
mod ddl;
mod error;
mod file;
mod flow_api;
mod flows;
mod kafka_plan;
mod kept;
mod kinesis_plan;
mod lag;
mod lake;
mod lake_plan;
mod latest;
mod location;
mod lookups;
mod merge;
mod merged;
mod moment;
mod option;
mod password;
mod plan;
mod privacy_plan;
mod problem;
mod rebuild;
mod reference;
mod schema;
mod source_plan;
mod strict;
mod tables;
mod test_cases_plan;
mod tree;
mod unit;
mod walk;

pub use build::{LineFactory, OptionChange, load, open_lake};
pub use cases_api::{CaseNames, CasesApiPlan};
pub use cases_plan::{CasesChoice, CasesPlan};
pub use check::check;
pub use connectivity::{Step, check_connections};
pub use ddl::{Dialect, ddl};
pub use error::Error;
pub use file::{
    AgentTimeSection, Begin, CasesApiSection, CasesSection, ClientSettings, CommitSection, ConnectSection,
    DedupSection, DeliveryWord, Encryption, Family, FileSection, FlowApiSection, FlowSection, GroupProtocol, Interval,
    KafkaSection, KinesisSection, LakeS3Section, LakeSection, LatestSection, Mechanism, MemorySection, Mode, Moment,
    OnChanged, OnGap, ParquetSection, PipelineFile, PrivacySection, ReachSection, S3Section, SinkSection, Size,
    SourceName, SourceSection, Spool, SpoolSection, Start, StorageClass, TableName, Tables, TestCasesSection, Time,
    TransformSection, TreatmentWord,
};
pub use flow_api::{FlowApiPlan, FlowFacts};
pub use flows::{rebuild_flows, update_flows};
pub use kafka_plan::KafkaPlan;
pub use kept::{Kept, KeptIn};
pub use kinesis_plan::KinesisPlan;
pub use lag::{SplitLag, lag};
pub use lake::{collect_garbage, open_lake_if_there};
pub use lake_plan::LakePlan;
pub use latest::{rebuild_latest, update_latest};
pub use password::Password;
pub use plan::{CommitPlan, ConnectPlan, ParquetPlan, Plan, SpoolPlan};
pub use privacy_plan::PrivacyPlan;
pub use problem::Problem;
pub use rebuild::{derive, derived_tables, rebuild};
pub use reference::reference;
pub use schema::json_schema;
pub use source_plan::{FilePlan, S3Plan, SourceKind, SourcePlan};
pub use tables::{ColumnDoc, ElementDoc, MemberDoc, PartitionBy, TableDoc, table_docs};
pub use test_cases_plan::TestCasesPlan;
pub use tributary_core::Share;
