//! The events of a day, agent by agent, each agent's in order of time.
//!
//! The rows of a row group are sorted by agent and time already, so that its batches are merged with those of the
//! others, and a day is never in memory whole.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use arrow_array::Array;
use tributary_commit::LiveFiles;
use tributary_core::{Day, PartitionPath, TableId};
use tributary_store::ObjectStore;

use crate::error::Error;
use crate::scan::{Reader, metadata};
use crate::sightings::{COLUMNS, Rows};

/// Rows of all batches that are in memory at once, at most; but each of the row groups that are merged has some.
const ROWS_AT_ONCE: usize = 65_536;

/// A row group has at least so many rows in memory.
const LEAST_ROWS: usize = 64;

/// Where a row stands in the order; the event's id decides between two of the same moment.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    agent: Box<str>,
    at: i64,
    event: Box<str>,
}

/// A row group, read up to somewhere.
struct Cursor {
    reader: Reader,
    rows: Rows,
    at: usize,
}

impl Cursor {
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
                if self.rows.agent_arn.is_valid(self.at) {
                    return Ok(true);
                }
                self.at += 1;
            }
            let Some(batch) = self.reader.next(store).await? else { return Ok(false) };
            self.rows = Rows::new(self.reader.key(), &batch)?;
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
    /// The day's, from the first.
    pub(crate) async fn of(store: &dyn ObjectStore, live: &LiveFiles, day: Day) -> Result<Self, Error> {
        let cursors = open(store, live, day).await?;
        let places = cursors.iter().enumerate().map(|(number, cursor)| Reverse((cursor.place(), number)));
        let heap = places.collect();
        Ok(Self { cursors, heap, current: None })
    }

    /// The next one: a row of these rows.
    pub(crate) async fn next(&mut self, store: &dyn ObjectStore) -> Result<Option<(&Rows, usize)>, Error> {
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
        let number = match self.current {
            Some(number) => number,
            None => {
                let Some(Reverse((_, number))) = self.heap.pop() else { return Ok(None) };
                *self.current.insert(number)
            }
        };
        let cursor = &self.cursors[number];
        Ok(Some((&cursor.rows, cursor.at)))
    }
}

/// The row groups of a day, each at its first event.
async fn open(store: &dyn ObjectStore, live: &LiveFiles, day: Day) -> Result<Vec<Cursor>, Error> {
    let mut footers = Vec::new();
    for file in live.day(&TableId::new("agent_event"), PartitionPath::of(day)) {
        footers.push((file.key.clone(), metadata(store, &file.key).await?));
    }
    let groups: usize = footers.iter().map(|(_, footer)| footer.num_row_groups()).sum();
    let batch_rows = (ROWS_AT_ONCE / groups.max(1)).max(LEAST_ROWS);
    let mut cursors = Vec::with_capacity(groups);
    for (key, footer) in &footers {
        for group in 0..footer.num_row_groups() {
            let mut reader = Reader::new(key.clone(), footer, &COLUMNS, Some(group), batch_rows)?;
            let Some(batch) = reader.next(store).await? else { continue };
            let rows = Rows::new(key, &batch)?;
            let mut cursor = Cursor { reader, rows, at: 0 };
            if cursor.rows.agent_arn.is_valid(0) || cursor.advance(store).await? {
                cursors.push(cursor);
            }
        }
    }
    Ok(cursors)
}
