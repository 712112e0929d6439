//! The events of a day, agent by agent, each agent's in order of time.
//!
//! The rows of a row group are sorted by agent and time already, so that its batches are merged with those of the
//! others, and a day is never in memory whole.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use parquet::file::metadata::ColumnChunkMetaData;
use tributary_commit::{LiveFile, LiveFiles};
use tributary_connect::agent_time::{Digester, Links};
use tributary_core::{Day, PartitionPath, Scratch, TableId};
use tributary_store::ObjectStore;

use crate::error::Error;
use crate::groups::{self, Group, Linking};
use crate::run::Run;
use crate::scan::metadata;
use crate::sightings::{Rows, columns};

/// Rows of all batches that are in memory at once, at most; but each of the row groups that are merged has some, and small
/// ones are read whole.
const ROWS_AT_ONCE: usize = 8_192;

/// A row group has at least so many rows in memory.
const LEAST_ROWS: usize = 64;

/// More row groups than this are not merged at once: a reader of one has buffers and a decompressor for each column. They
/// are merged so many at a time into runs on the spool, and then the runs.
const AT_ONCE: usize = 48;

/// What the reader of a leaf costs beside its pages: a decompressor of zstd has tables and a window of its own.
const LEAF_BYTES: u64 = 160 << 10;

/// What a row costs that was read, with its link.
const ROW_BYTES: u64 = 288;

/// Larger row groups are not read at once: what is read to be made links of takes more than they do until it is.
const WHOLE_ROWS: u64 = 16_384;

/// Rows of a run that are read back together.
const RUN_ROWS: usize = 512;

/// How events are read.
#[derive(Clone, Debug)]
pub(crate) struct Merge {
    /// With how their snapshots hang together.
    pub(crate) links: bool,
    /// What is known of that.
    pub(crate) passed: Option<Arc<Links>>,
    /// It is not known of every event, so that the columns are read that snapshots are compared by.
    pub(crate) reads_columns: bool,
    /// No more row groups are merged at once than take so many bytes while they are read; but at least two.
    pub(crate) bytes: u64,
}

/// Where a row stands in the order; the event's id decides between two of the same moment.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    agent: Box<str>,
    at: i64,
    event: Box<str>,
}

/// Where sorted rows come from.
enum Feed {
    Group(Box<groups::Feed>),
    /// A run on the spool.
    Run(Run),
}

impl Feed {
    async fn next(&mut self, store: &dyn ObjectStore) -> Result<Option<Arc<Rows>>, Error> {
        let rows = match self {
            Self::Group(group) => group.next(store).await?,
            Self::Run(run) => run.next()?,
        };
        Ok(rows.map(Arc::new))
    }
}

/// The row groups that were opened: by their numbers rows are found again.
#[derive(Default)]
pub(crate) struct Opened {
    groups: Vec<(LiveFile, usize)>,
}

impl Opened {
    /// A row group that was opened: its file, and which of its row groups it is.
    pub(crate) fn get(&self, id: u32) -> Option<&(LiveFile, usize)> {
        self.groups.get(id as usize)
    }

    fn add(&mut self, group: &Group) -> u32 {
        self.groups.push((group.file.clone(), group.number));
        self.groups.len() as u32 - 1 // far fewer than 2^32 are opened
    }
}

/// Sorted rows, read up to somewhere.
struct Cursor {
    feed: Feed,
    rows: Arc<Rows>,
    at: usize,
    /// The rows after these, where they were looked at.
    ahead: Option<Arc<Rows>>,
}

impl Cursor {
    /// Sorted rows at their first.
    fn new(feed: Feed, rows: Arc<Rows>) -> Self {
        Self { feed, rows, at: 0, ahead: None }
    }

    /// Whether the next row is of the same agent and moment.
    async fn is_tied(&mut self, store: &dyn ObjectStore) -> Result<bool, Error> {
        let (rows, at) = (&self.rows, self.at);
        let is_same = |other: &Rows, other_at: usize| {
            other.timestamp.value(other_at) == rows.timestamp.value(at)
                && other.agent_arn.get(other_at) == rows.agent_arn.get(at)
        };
        if at + 1 < rows.len() {
            return Ok(is_same(rows, at + 1));
        }
        if self.ahead.is_none() {
            self.ahead = self.feed.next(store).await?;
        }
        Ok(self.ahead.as_ref().is_some_and(|ahead| ahead.len() > 0 && is_same(ahead, 0)))
    }

    fn place(&self) -> Place {
        Place {
            agent: self.rows.agent_arn.value(self.at).into(),
            at: self.rows.timestamp.value(self.at),
            event: self.rows.event_id.value(self.at).into(),
        }
    }

    /// Whether the row in hand comes before `other`.
    fn is_before(&self, other: &Place) -> bool {
        let rows = &self.rows;
        let order = rows.agent_arn.value(self.at).cmp(&other.agent);
        let order = order.then_with(|| rows.timestamp.value(self.at).cmp(&other.at));
        order.then_with(|| rows.event_id.value(self.at).cmp(&other.event)) == Ordering::Less
    }

    /// Goes to the next row that has an agent; whether there is one.
    async fn advance(&mut self, store: &dyn ObjectStore) -> Result<bool, Error> {
        self.at += 1;
        loop {
            while self.at < self.rows.len() {
                if self.rows.agent_arn.get(self.at).is_some() {
                    return Ok(true);
                }
                self.at += 1;
            }
            let rows = match self.ahead.take() {
                Some(rows) => rows,
                None => match self.feed.next(store).await? {
                    Some(rows) => rows,
                    None => return Ok(false),
                },
            };
            self.rows = rows;
            self.at = 0;
        }
    }
}

/// Every event of a day that has an agent, in order of agent and time.
pub(crate) struct Events {
    cursors: Vec<Cursor>,
    heap: BinaryHeap<Reverse<(Place, usize)>>,
    /// The cursor whose row was handed out.
    current: Option<usize>,
}

impl Events {
    /// The day's, from the first. With
    /// a spool, memory hardly grows with the number of row groups: 512 rows for each run of some of them.
    pub(crate) async fn of(
        store: &dyn ObjectStore,
        live: &LiveFiles,
        (day, merge): (Day, &Merge),
        scratch: Option<&Arc<dyn Scratch>>,
        opened: &mut Opened,
    ) -> Result<Self, Error> {
        let files = live.day(&TableId::new("agent_event"), PartitionPath::of(day));
        let Some(scratch) = scratch.filter(|_| files.len() > AT_ONCE) else {
            let groups = groups_of(store, files).await?;
            return match scratch.filter(|_| at_once(&groups, merge) < groups.len()) {
                Some(scratch) => Ok(Self::new(runs(store, &groups, merge, (scratch, opened)).await?)),
                None => Ok(Self::new(open(store, &groups, merge, opened).await?)),
            };
        };
        let mut cursors = Vec::new();
        for files in files.chunks(AT_ONCE) {
            cursors.extend(runs(store, &groups_of(store, files).await?, merge, (scratch, opened)).await?);
        }
        Ok(Self::new(cursors))
    }

    fn new(cursors: Vec<Cursor>) -> Self {
        let places = cursors.iter().enumerate().map(|(number, cursor)| Reverse((cursor.place(), number)));
        let heap = places.collect();
        Self { cursors, heap, current: None }
    }

    /// Goes to the next one; whether there is one.
    pub(crate) async fn next(&mut self, store: &dyn ObjectStore) -> Result<bool, Error> {
        if let Some(number) = self.current.take() {
            let cursor = &mut self.cursors[number];
            if cursor.advance(store).await? {
                match self.heap.peek() {
                    Some(Reverse((other, _))) if !cursor.is_before(other) => {
                        self.heap.push(Reverse((cursor.place(), number)));
                    }
                    _ => self.current = Some(number),
                }
            }
        }
        if self.current.is_none() {
            self.current = self.heap.pop().map(|Reverse((_, number))| number);
        }
        Ok(self.current.is_some())
    }

    /// The event: a row of these rows. None before the first.
    pub(crate) fn current(&self) -> Option<(&Arc<Rows>, usize)> {
        let cursor = &self.cursors[self.current?];
        Some((&cursor.rows, cursor.at))
    }

    /// Whether it is plain to see that no other event is of its agent and moment.
    pub(crate) fn is_alone(&self) -> bool {
        let Some(cursor) = self.current.and_then(|number| self.cursors.get(number)) else { return false };
        let at = cursor.rows.timestamp.value(cursor.at);
        let is_last = cursor.at + 1 >= cursor.rows.len();
        !is_last
            && cursor.rows.timestamp.value(cursor.at + 1) != at
            && self.heap.peek().is_none_or(|Reverse((other, _))| other.at != at)
    }

    /// All events of its agent and moment, of which the last is the current one afterwards; none if it is the only one.
    pub(crate) async fn tied(&mut self, store: &dyn ObjectStore) -> Result<Vec<(Arc<Rows>, usize)>, Error> {
        let mut tied = Vec::new();
        while self.is_tied(store).await? {
            tied.extend(self.current().map(|(rows, row)| (Arc::clone(rows), row)));
            self.next(store).await?;
        }
        if !tied.is_empty() {
            tied.extend(self.current().map(|(rows, row)| (Arc::clone(rows), row)));
        }
        Ok(tied)
    }

    /// Whether the next event is of the same agent and moment.
    async fn is_tied(&mut self, store: &dyn ObjectStore) -> Result<bool, Error> {
        let Some(number) = self.current else { return Ok(false) };
        let cursor = &mut self.cursors[number];
        if cursor.is_tied(store).await? {
            return Ok(true);
        }
        let (rows, at) = (&cursor.rows, cursor.at);
        let is_same = |Reverse((other, _)): &Reverse<(Place, usize)>| {
            other.at == rows.timestamp.value(at) && rows.agent_arn.get(at) == Some(&*other.agent)
        };
        Ok(self.heap.peek().is_some_and(is_same))
    }
}

/// All row groups of some files.
async fn groups_of(store: &dyn ObjectStore, files: &[LiveFile]) -> Result<Vec<Group>, Error> {
    let mut groups = Vec::new();
    for file in files {
        let footer = metadata(store, file).await?;
        let group = |number| Group { file: file.clone(), footer: Arc::clone(&footer), number };
        groups.extend((0..footer.num_row_groups()).map(group));
    }
    Ok(groups)
}

/// Row groups merged some at a time into runs, each at its first event.
async fn runs(
    store: &dyn ObjectStore,
    groups: &[Group],
    merge: &Merge,
    (scratch, opened): (&Arc<dyn Scratch>, &mut Opened),
) -> Result<Vec<Cursor>, Error> {
    let (mut cursors, mut left) = (Vec::new(), groups);
    while let Some(first) = left.first() {
        let run = Run::new(scratch, first.file.key.clone());
        let (now, later) = left.split_at(at_once(left, merge));
        left = later;
        let mut events = Events::new(open(store, now, merge, opened).await?);
        let mut feed = Feed::Run(write_run(run, &mut events, store).await?);
        if let Some(rows) = feed.next(store).await? {
            cursors.push(Cursor::new(feed, rows));
        }
    }
    Ok(cursors)
}

/// How many of these row groups are read at once, from the first.
fn at_once(groups: &[Group], merge: &Merge) -> usize {
    let columns = columns(merge.reads_columns);
    let mut bytes = 0;
    let fits = groups.iter().take(AT_ONCE).take_while(|group| {
        let Cost { whole, piecemeal } = Cost::of(group, &columns);
        bytes += whole.min(piecemeal);
        bytes <= merge.bytes
    });
    fits.count().max(2).min(groups.len())
}

/// What a row group takes while it is merged, in bytes.
struct Cost {
    /// Where all its rows are read at once, and its reader is gone then.
    whole: u64,
    /// Where they are read a few at a time: the pages of its columns, and what reads them.
    piecemeal: u64,
}

impl Cost {
    fn of(group: &Group, columns: &[String]) -> Self {
        let group = group.footer.row_group(group.number);
        let is_read = |path: &str| columns.iter().any(|column| column == path);
        let read = |leaf: &&ColumnChunkMetaData| leaf.column_path().parts().first().is_some_and(|root| is_read(root));
        let rows = u64::try_from(group.num_rows()).unwrap_or(0);
        let bytes = |leaf: &ColumnChunkMetaData| LEAF_BYTES + u64::try_from(leaf.uncompressed_size()).unwrap_or(0);
        Self {
            whole: if rows <= WHOLE_ROWS { rows * ROW_BYTES } else { u64::MAX },
            piecemeal: group.columns().iter().filter(read).map(bytes).sum(),
        }
    }
}

/// Row groups, each at its first event.
async fn open(
    store: &dyn ObjectStore,
    groups: &[Group],
    merge: &Merge,
    opened: &mut Opened,
) -> Result<Vec<Cursor>, Error> {
    let few_rows = (ROWS_AT_ONCE / groups.len().max(1)).max(LEAST_ROWS);
    let columns = columns(merge.reads_columns);
    let mut cursors = Vec::with_capacity(groups.len());
    for group in groups {
        let Cost { whole, piecemeal } = Cost::of(group, &columns);
        let at_once = if whole <= piecemeal { group.rows() } else { few_rows };
        let linking = match &merge.passed {
            _ if !merge.links => Linking::None,
            Some(links) => Linking::Passed(Arc::clone(links)),
            None => Linking::Read(Digester::default()),
        };
        let feed = groups::Feed::new(group.clone(), opened.add(group), at_once.max(1), linking)?;
        let mut feed = Feed::Group(Box::new(feed));
        let Some(rows) = feed.next(store).await? else { continue };
        let mut cursor = Cursor::new(feed, rows);
        if cursor.rows.agent_arn.get(0).is_some() || cursor.advance(store).await? {
            cursors.push(cursor);
        }
    }
    Ok(cursors)
}

fn batches_of(sources: &[(Arc<Rows>, RecordBatch)]) -> Vec<&RecordBatch> {
    sources.iter().map(|(_, batch)| batch).collect()
}

/// Writes all events to the spool, in order.
async fn write_run(mut run: Run, events: &mut Events, store: &dyn ObjectStore) -> Result<Run, Error> {
    // What the rows to come are taken from, and which rows; neighbours come from the same batch.
    let mut sources: Vec<(Arc<Rows>, RecordBatch)> = Vec::new();
    let mut places: Vec<(usize, usize)> = Vec::new();
    while events.next(store).await? {
        let Some((rows, row)) = events.current() else { break };
        let source = match sources.iter().rposition(|(source, _)| Arc::ptr_eq(source, rows)) {
            Some(known) => known,
            None => {
                sources.push((Arc::clone(rows), rows.to_batch()?));
                sources.len() - 1
            }
        };
        places.push((source, row));
        if places.len() == RUN_ROWS {
            run.append(&batches_of(&sources), &places)?;
            places.clear();
            // Those that more rows are to come of stay: to make a batch of rows costs as much as all of them.
            sources.retain(|(rows, _)| Arc::strong_count(rows) > 1);
        }
    }
    if !places.is_empty() {
        run.append(&batches_of(&sources), &places)?;
    }
    Ok(run)
}
