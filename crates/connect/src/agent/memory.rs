//! What is remembered of each agent's last snapshot, so that what recurs byte for byte is not read again.
//!
//! An agent's configuration is three quarters of an event and hardly ever changes, and a previous snapshot repeats the
//! current one before it. The JSON of each such part is kept with what was read of it; where the same bytes stand
//! again, they are compared instead of parsed. Correctness never depends on it: what is forgotten is read again.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use super::blocks::{Block, Concurrency, Groups, Proficiencies, Queues};
use super::reader::{Path, Reader, Refusal};
use crate::json::Kind;

/// One part: its JSON, and what was read of it.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    json: Vec<u8>,
    block: Option<Arc<T>>,
    /// Keys inside it that no column takes, by their path below it.
    unknown: BTreeMap<Box<str>, u64>,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { json: Vec::new(), block: None, unknown: BTreeMap::new() }
    }
}

impl<T: Block> Slot<T> {
    /// The block that stands here, read or remembered; `None` when it is null.
    pub(crate) fn read(
        &mut self,
        reader: &mut Reader<'_, '_>,
        path: &Path<'_>,
        record: &mut Record,
    ) -> Result<Option<Arc<T>>, Refusal> {
        if let Some(block) = &self.block
            && reader.cursor.take_same(&self.json)
        {
            record.hits += 1;
            let block = Arc::clone(block);
            self.count_unknown(reader, path);
            return Ok(Some(block));
        }
        if reader.cursor.kind()? == Kind::Null {
            return reader.null();
        }
        record.misses += 1;
        let from = reader.cursor.at();
        let mut unknown = BTreeMap::new();
        let mut inner = Reader { cursor: reader.cursor.clone(), unknown: &mut unknown };
        let block = T::read(&mut inner, path)?;
        reader.cursor = inner.cursor;
        for (path, count) in &unknown {
            *reader.unknown.entry(path.clone()).or_default() += count;
        }
        let block = Arc::new(block);
        if record.remember {
            // Paths are kept below the part, which stands in the current and in the previous snapshot.
            let prefix = path.text();
            let below = |path: &str| path.strip_prefix(prefix.as_str()).unwrap_or(path).trim_start_matches('.').into();
            self.unknown = unknown.iter().map(|(path, count)| (below(path), *count)).collect();
            let json = reader.cursor.since(from).as_bytes();
            record.freed += self.json.len();
            self.json.clear();
            self.json.extend_from_slice(json);
            self.block = Some(Arc::clone(&block));
            record.grown += json.len();
        }
        Ok(Some(block))
    }

    fn count_unknown(&self, reader: &mut Reader<'_, '_>, path: &Path<'_>) {
        for (below, count) in &self.unknown {
            let path = format!("{}.{below}", path.text()).into_boxed_str();
            *reader.unknown.entry(path).or_default() += count;
        }
    }
}

/// What is remembered of one agent.
#[derive(Debug, Default)]
pub(crate) struct AgentMemory {
    pub(crate) groups: Slot<Groups>,
    pub(crate) proficiencies: Slot<Proficiencies>,
    pub(crate) concurrency: Slot<Concurrency>,
    pub(crate) outbound: Slot<Queues>,
    pub(crate) inbound: Slot<Queues>,
}

/// How remembering went while one event was read.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Whether what is read shall be remembered.
    pub(crate) remember: bool,
    hits: u32,
    misses: u32,
    grown: usize,
    freed: usize,
}

/// JSON remembered at most, in bytes. The blocks take about as much again.
const LIMIT: usize = 8 << 20;

/// After so many parts it is judged whether remembering pays.
const TRIAL: u32 = 4_096;

/// So many events go without it when it did not.
const PAUSE: u32 = 16_384;

/// The memory of a decoder.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    agents: HashMap<String, AgentMemory>,
    /// For events whose agent is not known yet when a snapshot comes, or while remembering is paused.
    spare: AgentMemory,
    bytes: usize,
    hits: u32,
    misses: u32,
    paused: u32,
}

impl Memory {
    /// What is remembered of the agent of this ARN.
    pub(crate) fn agent(&mut self, arn: Option<&str>) -> (&mut AgentMemory, Record) {
        if self.paused > 0 {
            self.paused -= 1;
            // Without `remember` each part is read and nothing is copied.
            return (&mut self.spare, Record::default());
        }
        let record = Record { remember: true, ..Record::default() };
        match arn {
            Some(arn) => (self.agents.entry_ref(arn).or_default(), record),
            None => (&mut self.spare, record),
        }
    }

    /// Learns from how it went: forgets everything when it grew too large, pauses when it does not pay.
    pub(crate) fn learn(&mut self, record: &Record) {
        self.bytes = (self.bytes + record.grown).saturating_sub(record.freed);
        if self.bytes > LIMIT {
            self.agents.clear();
            self.bytes = 0;
        }
        self.hits += record.hits;
        self.misses += record.misses;
        if self.hits + self.misses >= TRIAL {
            if self.hits < self.misses / 8 {
                self.paused = PAUSE;
                self.agents = HashMap::new();
                self.bytes = 0;
            }
            (self.hits, self.misses) = (0, 0);
        }
    }
}
