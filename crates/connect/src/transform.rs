//! The transform as the line sees it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tributary_core::{Decoder, Failure, RecordLimit, Scope, ScopeId, ScopeState, Scratch, Table, TableId, Transform};

use crate::agent_time::LinkLog;
use crate::case::Known;
use crate::decoder::ConnectDecoder;
use crate::generated;
use crate::privacy::Privacy;
use crate::scope::ConnectScope;
use crate::seen::KeyMemory;

/// Whether parts of an agent's snapshots that recur byte for byte are remembered. Rows do not depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recall {
    /// They are, as long as it pays.
    #[default]
    Remember,
    /// Each is read: to measure what remembering costs where nothing recurs.
    Forget,
}

/// A family of events that rows can be made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Agent events.
    Agent,
    /// Events of cases and of what is related to them.
    Case,
    /// Audit events of cases.
    Audit,
    /// Lines of contact flow logs.
    Flow,
    /// Contact events.
    Contact,
    /// Executions of test cases.
    TestCase,
}

/// What the transform is asked to do.
#[derive(Clone)]
pub struct Options {
    /// The families that become rows. Events of others are skipped and counted.
    pub families: BTreeSet<Family>,
    /// What is known beside the events.
    pub lookups: Arc<Known>,
    /// The tables to be written, of those of [`tables`].
    pub tables: Vec<TableId>,
    /// For how much event time keys are carried from one run to the next.
    pub dedup_horizon: Duration,
    /// Bytes of keys in memory, of all scopes together.
    pub dedup_memory: u64,
    /// The largest payload that is opened out of a wrapper.
    pub record_limit: RecordLimit,
    /// Whether what recurs is remembered.
    pub recall: Recall,
    /// What becomes of people's data.
    pub privacy: Privacy,
    /// Where keys go that memory does not hold.
    pub scratch: Option<Arc<dyn Scratch>>,
    /// Who is told how the snapshots of events hang together, where gaps are looked for.
    pub links: Option<Arc<LinkLog>>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("tables", &self.tables).finish_non_exhaustive()
    }
}

/// Every table this version can make of Amazon Connect events, in the order of the documentation.
pub fn tables() -> Vec<Table> {
    vec![
        generated::agent_event(),
        generated::agent_event_contacts(),
        generated::case_events(),
        generated::case_related_item_events(),
        generated::case_events_flattened(),
        generated::case_field_changes(),
        generated::contact_flow_log_events(),
        generated::contact_events(),
        generated::connect_test_case_execution_results(),
    ]
}

/// Amazon Connect events to rows.
#[derive(Debug)]
pub struct Connect {
    options: Options,
    tables: Vec<Table>,
    memory: Arc<KeyMemory>,
    /// Decoders that were made.
    decoders: AtomicU32,
}

impl Connect {
    /// A transform that does what it is asked to.
    pub fn new(options: Options) -> Self {
        let wanted = |table: &Table| options.tables.contains(&table.id);
        let tables = tables().into_iter().filter(wanted).collect();
        let memory = KeyMemory::of(usize::try_from(options.dedup_memory).unwrap_or(usize::MAX));
        Self { options, tables, memory, decoders: AtomicU32::new(0) }
    }

    fn wanted(&self, name: &str) -> Option<TableId> {
        self.tables.iter().map(|table| &table.id).find(|id| id.as_str() == name).cloned()
    }
}

impl Transform for Connect {
    fn tables(&self) -> &[Table] {
        &self.tables
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        let tables = [self.wanted("agent_event"), self.wanted("agent_event_contacts")];
        Box::new(ConnectDecoder::new(tables, &self.options, self.decoders.fetch_add(1, Ordering::Relaxed)))
    }

    fn scope(&self, _: &ScopeId, states: &[ScopeState]) -> Result<Box<dyn Scope>, Failure> {
        let horizon = i32::try_from(self.options.dedup_horizon.as_secs() / 60).unwrap_or(i32::MAX);
        let scope = ConnectScope::restore(horizon, Arc::clone(&self.memory), self.options.scratch.clone(), states)?;
        Ok(Box::new(scope.telling(self.options.links.clone())))
    }
}
