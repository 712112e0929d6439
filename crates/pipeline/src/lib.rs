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
mod check;
mod connectivity;
mod contradiction;
mod ddl;
mod error;
mod file;
mod kafka_plan;
mod lag;
mod lake;
mod lake_plan;
mod location;
mod merge;
mod merged;
mod moment;
mod option;
mod plan;
mod problem;
mod rebuild;
mod reference;
mod schema;
mod source_plan;
mod strict;
mod tables;
mod tree;
mod unit;
mod walk;

pub use build::{LineFactory, OptionChange, load, open_lake};
pub use check::check;
pub use connectivity::{Step, check_connections};
pub use ddl::{Dialect, ddl};
pub use error::Error;
pub use file::{
    AgentTimeSection, ClientSettings, CommitSection, ConnectSection, DedupSection, Encryption, Family, FileSection,
    GroupProtocol, Interval, KafkaSection, LakeS3Section, LakeSection, Mechanism, MemorySection, Mode, Moment,
    OnChanged, OnGap, ParquetSection, PipelineFile, S3Section, SinkSection, Size, SourceName, SourceSection, Spool,
    SpoolSection, Start, StorageClass, TableName, Tables, Time, TransformSection,
};
pub use kafka_plan::{KafkaPlan, Password};
pub use lag::{SplitLag, lag};
pub use lake::{collect_garbage, open_lake_if_there};
pub use lake_plan::LakePlan;
pub use plan::{CommitPlan, ConnectPlan, ParquetPlan, Plan, SpoolPlan};
pub use problem::Problem;
pub use rebuild::{derive, derived_tables, rebuild};
pub use reference::reference;
pub use schema::json_schema;
pub use source_plan::{FilePlan, S3Plan, SourceKind, SourcePlan};
pub use tables::{ColumnDoc, ElementDoc, MemberDoc, TableDoc, table_docs};
pub use tributary_core::Share;
