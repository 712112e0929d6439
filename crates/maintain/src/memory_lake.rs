//! A lake in memory, as tests see it from one process or several.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tributary_commit::{CommitLog, LogOptions, OptionDigest, Proposal};
use tributary_connect::agent_time::LinkLog;
use tributary_connect::{Connect, Family, Known, Lookups, Options, Privacy, Recall, tables};
use tributary_core::{
    Attempt, Body, Delta, Headers, Position, RawBatch, Record, RecordLimit, ScopeId, Sink as _, SplitId, Table,
    TableId, Tally, Transform as _,
};
use tributary_sink_parquet::{Identity, ParquetSink};
use tributary_store::{MemoryStore, ObjectStore};
use tributary_testkit::FixedClock;

use crate::commit::commit;

/// Runs what waits for nothing but memory.
pub(crate) fn play<T>(what: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(what)
}

/// A lake, seen by one process.
pub(crate) struct MemoryLake {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) log: CommitLog,
    /// Who is told how the snapshots of events hang together.
    pub(crate) links: Option<Arc<LinkLog>>,
    tables: Vec<&'static str>,
    attempts: u128,
}

impl MemoryLake {
    /// The lake in `store`. `process` tells its attempts from those of others.
    pub(crate) async fn open(store: &MemoryStore, process: u128, tables: &[&'static str]) -> Self {
        let store: Arc<dyn ObjectStore> = Arc::new(store.clone());
        let options = LogOptions {
            pipeline: "tests".parse().unwrap(),
            options: OptionDigest::new(BTreeMap::new()),
            accept_change: false,
            tables: tables.iter().map(|table| TableId::new(*table)).collect(),
            takeover: Duration::from_secs(60),
            attempt_age: Duration::from_secs(3_600),
            checkpoint_every: LogOptions::CHECKPOINT_EVERY,
        };
        let mut log = CommitLog::open(Arc::clone(&store), options, Arc::new(FixedClock::default())).await.unwrap();
        log.recover().await.unwrap();
        Self { store, log, links: None, tables: tables.to_vec(), attempts: process << 64 }
    }

    pub(crate) fn attempt(&mut self) -> Attempt {
        self.attempts += 1;
        Attempt::from_bits(self.attempts)
    }

    pub(crate) fn sink(&self, table: Table) -> ParquetSink {
        self.sink_of(vec![table])
    }

    fn sink_of(&self, tables: Vec<Table>) -> ParquetSink {
        let identity = Identity { pipeline: "tests".parse().unwrap() };
        let options = tributary_sink_parquet::Options::default();
        ParquetSink::new(Arc::clone(&self.store), tables, options, None, identity).unwrap()
    }

    /// Commits the rows of payloads, all of which have some.
    pub(crate) async fn tell(&mut self, payloads: &[String], lookups: Lookups) {
        let transform = self.connect(lookups);
        let record = |payload: &String| Record {
            split: SplitId::new("test/file"),
            origin: "file".into(),
            position: Position::Offset(0),
            arrived_at: None,
            key: None,
            headers: Headers::default(),
            body: Body::Whole(payload.clone().into()),
        };
        let decoded = transform.decoder().decode(&RawBatch {
            scope: ScopeId::new("source:test"),
            records: payloads.iter().map(record).collect(),
            delta: Delta::default(),
            read_at: Some(FixedClock::default().0),
        });
        assert_eq!(decoded.events.len(), payloads.len(), "{:?}", decoded.rejected);
        let normalized = transform.scope(&ScopeId::new("source:test"), &[]).unwrap().apply(decoded);
        let (attempt, began) = (self.attempt(), FixedClock::default().0);
        let mut sink = self.sink_of(transform.tables().to_vec());
        sink.begin(&attempt);
        let mut rows = BTreeMap::new();
        for batch in normalized.tables {
            rows.insert(batch.table.clone(), batch.rows.num_rows() as u64);
            sink.write(batch).await.unwrap();
        }
        let count = payloads.len() as u64;
        let proposal = Proposal {
            attempt,
            delta: Delta::default(),
            tally: Tally { read: count, made_rows: count, rows, ..Tally::default() },
            adds: sink.seal().await.unwrap(),
            replaces: Vec::new(),
            bans: Vec::new(),
            state: Vec::new(),
            guarded: false,
            read: Vec::new(),
            began,
        };
        commit(&mut self.log, proposal).await.unwrap();
    }

    fn connect(&self, lookups: Lookups) -> Connect {
        let others = ["agent_event_contacts", "case_events", "contact_flow_log_events", "contact_events"];
        let is_kept = |table: &TableId| others.contains(&table.as_str()) || self.tables.contains(&table.as_str());
        Connect::new(Options {
            families: [Family::Agent, Family::Case, Family::Flow, Family::Contact].into(),
            lookups: Known::new(lookups).into(),
            tables: tables().into_iter().map(|table| table.id).filter(is_kept).collect(),
            dedup_horizon: Duration::ZERO,
            dedup_memory: 1 << 20,
            recall: Recall::Remember,
            record_limit: RecordLimit::DEFAULT,
            privacy: Privacy::default(),
            scratch: None,
            links: self.links.clone(),
        })
    }
}
