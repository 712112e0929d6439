//! The newest state of each case, kept up to date out of the events that are in the lake.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use bytes::Bytes;
use tributary_commit::{CommitLog, LiveFile, LiveFiles, Proposal, Receipt};
use tributary_connect::latest_case_state;
use tributary_core::{
    Attempt, Bucket, Clock, Delta, Epoch, Failure, Key, PartitionPath, ScopeId, ScopeState, Sink, StateKind,
    TableBatch, TableId, Tally,
};
use tributary_store::ObjectStore;

use crate::commit::commit;
use crate::error::Error;
use crate::scan::{Reader, Reading, metadata, scan};

/// The events, and their newest.
const EVENTS: &str = "case_events";
const LATEST: &str = "latest_case_state";

/// What says which event of a case is newest.
const KEY: [&str; 5] = ["instance_id", "case_id", "event_timestamp", "last_updated_timestamp", "event_id"];

/// What is remembered of a case while its newest event is looked for, in bytes, about: ids are UUIDs, and the map grows by halves.
const CASE_BYTES: u64 = 450;

/// Rows that are read at a time.
const BATCH_ROWS: usize = 8_192;

/// The first bytes of the mark: what it is, and its format version.
const MAGIC: &[u8; 9] = b"TribCase\x01";

/// Up to which epoch events of cases are in `latest_case_state`; a side object of the commit that brought them there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Folded(Option<Epoch>);

impl Folded {
    /// The scope under which it is kept.
    pub fn scope() -> ScopeId {
        ScopeId::new(LATEST)
    }

    /// As the newest snapshot has it.
    ///
    /// # Errors
    /// [`Error::State`] when it is damaged or newer than this version.
    pub fn of(states: &[ScopeState]) -> Result<Self, Error> {
        let Some(state) = states.last() else { return Ok(Self(None)) };
        let (magic, epoch) = state.bytes.split_first_chunk::<9>().unwrap_or((&[0; 9], &[]));
        match <[u8; 8]>::try_from(epoch) {
            Ok(epoch) if magic == MAGIC => Ok(Self(Some(Epoch::new(u64::from_le_bytes(epoch))))),
            _ if magic[..8] == MAGIC[..8] && magic != MAGIC => {
                Err(Error::State { table: LATEST, reason: "it was written by a newer version" })
            }
            _ => Err(Error::State { table: LATEST, reason: "its bytes are not those that were written" }),
        }
    }

    fn bytes(epoch: Epoch) -> Bytes {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&epoch.number().to_le_bytes());
        bytes.into()
    }
}

/// What was done.
#[derive(Clone, Debug)]
pub struct Updated {
    /// Events that were looked at.
    pub events: u64,
    /// Rows of the buckets that were written anew.
    pub rows: u64,
    /// How many buckets those are.
    pub buckets: usize,
    /// Files that were added.
    pub adds: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Files that were taken out.
    pub replaces: usize,
    /// The commit.
    pub receipt: Receipt,
}

/// Brings `latest_case_state` up to date.
pub struct Latest<'a> {
    /// The lake.
    pub store: Arc<dyn ObjectStore>,
    /// Its log, recovered, with every epoch published.
    pub log: &'a mut CommitLog,
    /// Bytes that are remembered of cases at once, about. A bucket is never cut in two: of more than 64 times as many cases it
    /// is more.
    pub memory: u64,
    /// When things happen.
    pub clock: &'a dyn Clock,
}

impl std::fmt::Debug for Latest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Latest").finish_non_exhaustive()
    }
}

/// What has to be read, and what it makes of what is there.
struct Work {
    /// Files with events that are not in the table yet.
    news: Vec<LiveFile>,
    /// Up to this epoch they are.
    newest: Epoch,
    /// The buckets that are written anew.
    touched: BTreeSet<Bucket>,
    /// Their files, which go.
    replaced: Vec<(Bucket, LiveFile)>,
    /// Whether rows that are there are taken into account.
    goes_on: bool,
}

/// The newest event of a case so far, and where it stands.
struct Newest {
    at: i64,
    updated: Option<i64>,
    event_id: Box<str>,
    place: (usize, usize),
}

impl Newest {
    /// By time, then by the case's own time of its last change (none is before any), then by id.
    fn order(&self) -> (i64, Option<i64>, &str) {
        (self.at, self.updated, &self.event_id)
    }
}

/// By instance and case.
type Cases = HashMap<(Box<str>, Box<str>), Newest>;

impl Latest<'_> {
    /// Writes the buckets anew whose cases have events that are newer than `folded`; all of them where that is nothing. `None`
    /// when there is nothing to write.
    ///
    /// # Errors
    /// A file of the lake that cannot be read, and what the sink and the log say.
    pub async fn update(
        &mut self,
        sink: &mut dyn Sink,
        attempt: Attempt,
        folded: Folded,
    ) -> Result<Option<Updated>, Failure> {
        let began = self.clock.now();
        let live = self.log.live().clone();
        let Some(work) = self.work(&live, folded).await? else { return Ok(None) };
        sink.begin(&attempt);
        let mut rows = 0;
        for buckets in self.shares(&work) {
            rows += self.share(&work, &buckets, sink).await?;
        }
        let adds = sink.seal().await?;
        let table = TableId::new(LATEST);
        let read = work.touched.iter().map(|bucket| (table.clone(), PartitionPath::Bucket(*bucket)));
        let (files, bytes) = (adds.len(), adds.iter().map(|file| file.ticket.bytes).sum());
        let replaces: Vec<Key> = work.replaced.iter().map(|(_, file)| file.key.clone()).collect();
        let replaced = replaces.len();
        let proposal = Proposal {
            attempt,
            delta: Delta::default(),
            tally: Tally { rows: [(table.clone(), rows)].into(), ..Tally::default() },
            adds,
            replaces,
            bans: Vec::new(),
            state: vec![(Folded::scope(), StateKind::Full, Folded::bytes(work.newest))],
            guarded: true,
            // Whoever else does the same meanwhile is in the way: he has the same news, or more, in these buckets.
            read: read.collect(),
            began,
        };
        let receipt = commit(self.log, proposal).await?;
        Ok(Some(Updated {
            events: work.news.iter().map(|file| file.rows).sum(),
            rows,
            buckets: work.touched.len(),
            adds: files,
            bytes,
            replaces: replaced,
            receipt,
        }))
    }

    async fn work(&self, live: &LiveFiles, Folded(folded): Folded) -> Result<Option<Work>, Error> {
        let events: Vec<&LiveFile> =
            live.iter().filter(|(table, ..)| table.as_str() == EVENTS).map(|(.., file)| file).collect();
        let there = live.iter().filter(|(table, ..)| table.as_str() == LATEST);
        // Of a lake whose events are gone what is there goes too.
        let newest = events.iter().map(|file| file.epoch).max().or_else(|| there.map(|(.., file)| file.epoch).max());
        let Some(newest) = newest else { return Ok(None) };
        let is_news = |file: &&LiveFile| folded.is_none_or(|folded| file.epoch > folded);
        let news: Vec<LiveFile> = events.into_iter().filter(is_news).cloned().collect();
        if news.is_empty() && folded.is_some() {
            return Ok(None);
        }
        let mut touched = BTreeSet::new();
        for file in &news {
            scan(self.store.as_ref(), file, &["case_id"], &mut |batch| {
                let cases = text(batch, "case_id", &file.key)?;
                touched.extend(cases.iter().flatten().map(Bucket::of));
                Ok(())
            })
            .await?;
        }
        let there = live.iter().filter(|(table, ..)| table.as_str() == LATEST).filter_map(|(_, partition, file)| {
            let PartitionPath::Bucket(bucket) = partition else { return None };
            Some((bucket, file.clone()))
        });
        let replaced: Vec<(Bucket, LiveFile)> =
            there.filter(|(bucket, _)| folded.is_none() || touched.contains(bucket)).collect();
        touched.extend(replaced.iter().map(|(bucket, _)| *bucket));
        Ok(Some(Work { news, newest, touched, replaced, goes_on: folded.is_some() }))
    }

    /// The buckets in as many turns as memory makes necessary.
    fn shares(&self, work: &Work) -> Vec<BTreeSet<Bucket>> {
        let rows: u64 = work.news.iter().chain(work.replaced.iter().map(|(_, file)| file)).map(|file| file.rows).sum();
        let turns = (rows * CASE_BYTES).div_ceil(self.memory.max(1)).clamp(1, u64::from(Bucket::COUNT));
        let buckets: Vec<Bucket> = work.touched.iter().copied().collect();
        let share = buckets.len().div_ceil(usize::try_from(turns).unwrap_or(1)).max(1);
        buckets.chunks(share).map(|buckets| buckets.iter().copied().collect()).collect()
    }

    /// Writes the rows of some buckets; how many those are.
    async fn share(&self, work: &Work, buckets: &BTreeSet<Bucket>, sink: &mut dyn Sink) -> Result<u64, Error> {
        let there = work.replaced.iter().filter(|(bucket, _)| work.goes_on && buckets.contains(bucket));
        // What is there first: of an event that was committed twice the first copy stays, as in a rebuild.
        let files: Vec<&LiveFile> = there.map(|(_, file)| file).chain(&work.news).collect();
        let mut cases = Cases::new();
        for (number, file) in files.iter().enumerate() {
            let mut row = 0;
            scan(self.store.as_ref(), file, &KEY, &mut |batch| {
                look(batch, &file.key, buckets, (number, row), &mut cases)?;
                row += batch.num_rows();
                Ok(())
            })
            .await?;
        }
        let mut places: Vec<Vec<usize>> = vec![Vec::new(); files.len()];
        for Newest { place: (file, row), .. } in cases.values() {
            places[*file].push(*row);
        }
        for (file, mut rows) in files.iter().zip(places) {
            rows.sort_unstable();
            self.write(file, &rows, sink).await?;
        }
        Ok(cases.len() as u64)
    }

    /// Hands on these rows of a file.
    async fn write(&self, file: &LiveFile, rows: &[usize], sink: &mut dyn Sink) -> Result<(), Error> {
        let (Some(last), table) = (rows.last(), latest_case_state()) else { return Ok(()) };
        let columns: Vec<&str> = table.schema.fields().iter().map(|field| field.name().as_str()).collect();
        let metadata = metadata(self.store.as_ref(), file).await?;
        let mut reader = Reader::new(file.key.clone(), &metadata, &columns, None, BATCH_ROWS, &Reading::Plain)?;
        let mut first = 0;
        while let Some(batch) = reader.next(self.store.as_ref()).await?
            && first <= *last
        {
            let end = first + batch.num_rows();
            let wanted = &rows[rows.partition_point(|row| *row < first)..rows.partition_point(|row| *row < end)];
            if !wanted.is_empty() {
                let mut mask = vec![false; batch.num_rows()];
                wanted.iter().for_each(|row| mask[row - first] = true);
                let kept = filter_record_batch(&batch, &BooleanArray::from(mask)).map_err(Error::Rows)?;
                let kept = RecordBatch::try_new(Arc::clone(&table.schema), kept.columns().to_vec());
                let rows = kept.map_err(Error::Rows)?;
                sink.write(TableBatch { table: table.id.clone(), rows, dictionaries: None })
                    .await
                    .map_err(Error::Sink)?;
            }
            first = end;
        }
        Ok(())
    }
}

/// Takes the rows of a batch into account that lie in these buckets. `place`: which file it is, and which row its first is.
fn look(
    batch: &RecordBatch,
    file: &Key,
    buckets: &BTreeSet<Bucket>,
    (number, first): (usize, usize),
    cases: &mut Cases,
) -> Result<(), Error> {
    let (instances, ids, events) = (text(batch, KEY[0], file)?, text(batch, KEY[1], file)?, text(batch, KEY[4], file)?);
    let moment = |column| {
        let array = batch.column_by_name(column).and_then(|array| array.as_primitive_opt::<TimestampMicrosecondType>());
        array.ok_or_else(|| Error::Column { key: file.clone(), column })
    };
    let (moments, updates) = (moment(KEY[2])?, moment(KEY[3])?);
    for row in (0..batch.num_rows()).filter(|row| ids.is_valid(*row) && buckets.contains(&Bucket::of(ids.value(*row))))
    {
        let newest = Newest {
            at: moments.value(row),
            updated: updates.is_valid(row).then(|| updates.value(row)),
            event_id: events.value(row).into(),
            place: (number, first + row),
        };
        let case = (instances.value(row).into(), ids.value(row).into());
        let known = cases.get(&case);
        if known.is_none_or(|known| known.order() < newest.order()) {
            cases.insert(case, newest);
        }
    }
    Ok(())
}

fn text<'b>(batch: &'b RecordBatch, column: &'static str, file: &Key) -> Result<&'b arrow_array::StringArray, Error> {
    let array = batch.column_by_name(column).and_then(|array| array.as_string_opt::<i32>());
    array.ok_or_else(|| Error::Column { key: file.clone(), column })
}

#[cfg(test)]
mod tests;
