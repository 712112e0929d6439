//! A line that is fed, and the readers that feed it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tributary_core::RawBatch;

use crate::error::Error;
use crate::reader::{Gauge, Reader};
use crate::shard::{ShardId, Shards};
use crate::source::End;

/// A line that is fed. The readers end with it.
pub(crate) struct Session {
    pub(crate) id: u64,
    end: Arc<End>,
    /// Kept so that the channel does not end with the last reader.
    batches: Sender<Result<RawBatch, Error>>,
    readers: JoinSet<()>,
    gauges: BTreeMap<ShardId, Arc<Gauge>>,
    /// The shards that it reads, also those of which it has read everything.
    pub(crate) reading: BTreeSet<ShardId>,
    /// Those of which nothing more is read.
    pub(crate) done: BTreeSet<ShardId>,
    /// Since when there are shards whose end is handed on: whoever follows them waits for its commit.
    pub(crate) over_since: Option<Instant>,
    measured: Instant,
}

impl Session {
    pub(crate) fn new(id: u64, end: Arc<End>, batches: Sender<Result<RawBatch, Error>>) -> Self {
        Self {
            id,
            end,
            batches,
            readers: JoinSet::new(),
            gauges: BTreeMap::new(),
            reading: BTreeSet::new(),
            done: BTreeSet::new(),
            over_since: None,
            measured: Instant::now(),
        }
    }

    pub(crate) fn read(&mut self, reader: Reader) {
        let shard = reader.part.id.clone();
        self.gauges.insert(shard.clone(), Arc::clone(&reader.gauge));
        self.reading.insert(shard);
        self.readers.spawn(reader.run());
    }

    /// Whether a reader died, of which the line would never hear.
    pub(crate) fn has_lost_a_reader(&mut self) -> bool {
        while let Some(ended) = self.readers.try_join_next() {
            if let Err(error) = ended {
                tracing::error!(%error, "the task that reads a shard died");
                return true;
            }
        }
        false
    }

    pub(crate) fn batches(&self) -> &Sender<Result<RawBatch, Error>> {
        &self.batches
    }

    /// Tells the readers which of their shards are closed.
    pub(crate) fn note_closed(&self, shards: &Shards) {
        for (shard, gauge) in &self.gauges {
            if shards.get(shard).is_some_and(|shard| shard.is_closed) {
                gauge.is_closed.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Nothing more is read of `shard`.
    pub(crate) fn note_done(&mut self, shard: ShardId, is_over: bool) {
        self.done.insert(shard);
        if is_over {
            self.over_since.get_or_insert_with(Instant::now);
        }
    }

    /// The shards are other ones: what was handed on is all.
    pub(crate) fn interrupt(self) {
        self.end.interrupt();
    }

    /// Nothing will follow.
    pub(crate) fn finish(self) {
        self.end.finish();
    }

    /// How far the shard is behind that is furthest, in milliseconds; negative while that is not known of one.
    pub(crate) fn behind(&self) -> i64 {
        let open = self.gauges.iter().filter(|(shard, _)| !self.done.contains(*shard));
        let behind = open.map(|(_, gauge)| gauge.behind.load(Ordering::Relaxed));
        let all: Vec<i64> = behind.collect();
        if all.iter().any(|behind| *behind < 0) { -1 } else { all.into_iter().max().unwrap_or(0) }
    }

    /// Bytes a second of each shard since it was asked last.
    pub(crate) fn rates(&mut self) -> BTreeMap<ShardId, u64> {
        let millis = u64::try_from(self.measured.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        self.measured = Instant::now();
        let rate = |gauge: &Gauge| gauge.bytes.swap(0, Ordering::Relaxed).saturating_mul(1_000) / millis;
        self.gauges.iter().map(|(shard, gauge)| (shard.clone(), rate(gauge))).collect()
    }
}
