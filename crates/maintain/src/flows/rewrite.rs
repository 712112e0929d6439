//! What becomes of the files of the table.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use tributary_commit::{LiveFile, LiveFiles};
use tributary_connect::flow::contact_flow_events;
use tributary_core::{Day, Key, PartitionPath, Sink, TableBatch, TableId};

use super::read::{self, Wanted};
use super::rows::{digests, ids};
use super::{EXECUTIONS, Flows, Work, files};
use crate::error::Error;
use crate::scan::{Reader, Reading, metadata};

/// Rows that are read at a time.
const BATCH_ROWS: usize = 8_192;

/// What is written, and what it stands in the place of.
#[derive(Default)]
pub(super) struct Rewrite {
    pub(super) replaces: Vec<Key>,
    /// What was compared, or written whole.
    pub(super) read: Vec<(TableId, PartitionPath)>,
    pub(super) rows: u64,
    /// The days on which all rows are new.
    pub(super) days: BTreeSet<Day>,
}

impl Rewrite {
    /// All rows are new: no file of the table stays.
    pub(super) fn replace_all(&mut self, live: &LiveFiles) {
        let there = live.iter().filter(|(table, ..)| table.as_str() == EXECUTIONS);
        for (_, partition, file) in there {
            self.replaces.push(file.key.clone());
            self.days.extend(partition.day());
        }
        // A file that somebody else adds to one of them would hold the same rows again.
        self.read.extend(self.days.iter().map(|day| (TableId::new(EXECUTIONS), PartitionPath::of(*day))));
    }
}

impl Flows<'_> {
    /// Writes what is new of the contacts that were looked at, day by day.
    pub(super) async fn compare(
        &self,
        live: &LiveFiles,
        work: &Work,
        mut news: BTreeMap<Day, Vec<RecordBatch>>,
        rewrite: &mut Rewrite,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        // Also days on which nothing of these contacts begins any more.
        let days: BTreeSet<Day> = work.days.iter().chain(news.keys()).copied().collect();
        for day in days {
            let news = news.remove(&day).unwrap_or_default();
            self.day(live, &work.wanted, (day, news), rewrite, sink).await?;
        }
        Ok(())
    }

    /// Writes what is new on a day of the table: beside the files that are there where nothing of them changes, else in their
    /// place, with what they have of other contacts.
    async fn day(
        &self,
        live: &LiveFiles,
        wanted: &Wanted,
        (day, news): (Day, Vec<RecordBatch>),
        rewrite: &mut Rewrite,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let there = files(live, EXECUTIONS, day);
        let (table, partition) = (contact_flow_events(), PartitionPath::of(day));
        let mut fresh: HashMap<String, u128> = HashMap::new();
        for batch in &news {
            fresh.extend(digests(batch, &table.id)?);
        }
        let mut old = HashMap::new();
        for file in there {
            self.rows(file, &mut |batch| {
                let rows = digests(batch, &table.id)?;
                let mut is_ours = vec![false; batch.num_rows()];
                read::contacts(batch, &file.key, |row, hash| is_ours[row] = wanted.has(hash))?;
                old.extend(rows.into_iter().zip(is_ours).filter(|(_, is_ours)| *is_ours).map(|(row, _)| row));
                Ok(())
            })
            .await?;
        }
        // What was compared may not change meanwhile, even where nothing of it is written.
        rewrite.read.push((table.id.clone(), partition));
        let stays = old.iter().all(|(id, digest)| fresh.get(id) == Some(digest));
        if stays && old.len() == fresh.len() {
            return Ok(());
        }
        if !stays {
            rewrite.replaces.extend(there.iter().map(|file| file.key.clone()));
            for file in there {
                self.keep(file, wanted, &table, rewrite, sink).await?;
            }
        }
        for batch in news {
            let ids = ids(&batch, &table.id)?;
            let is_new = |row: usize| !stays || !old.contains_key(ids.value(row));
            let mask: BooleanArray = (0..batch.num_rows()).map(|row| Some(is_new(row))).collect();
            self.write(filter_record_batch(&batch, &mask).map_err(Error::Rows)?, rewrite, sink).await?;
        }
        Ok(())
    }

    /// Hands on the rows of a file that are of other contacts.
    async fn keep(
        &self,
        file: &LiveFile,
        wanted: &Wanted,
        table: &tributary_core::Table,
        rewrite: &mut Rewrite,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let columns: Vec<&str> = table.schema.fields().iter().map(|field| field.name().as_str()).collect();
        let metadata = metadata(self.store.as_ref(), file).await?;
        let mut reader = Reader::new(file.key.clone(), &metadata, &columns, None, BATCH_ROWS, &Reading::Plain)?;
        while let Some(batch) = reader.next(self.store.as_ref()).await? {
            let mut stays = vec![true; batch.num_rows()];
            read::contacts(&batch, &file.key, |row, hash| stays[row] = !wanted.has(hash))?;
            let rows = filter_record_batch(&batch, &BooleanArray::from(stays)).map_err(Error::Rows)?;
            let rows = RecordBatch::try_new(Arc::clone(&table.schema), rows.columns().to_vec()).map_err(Error::Rows)?;
            self.write(rows, rewrite, sink).await?;
        }
        Ok(())
    }

    pub(super) async fn write(
        &self,
        rows: RecordBatch,
        rewrite: &mut Rewrite,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        rewrite.rows += rows.num_rows() as u64;
        sink.write(TableBatch { table: TableId::new(EXECUTIONS), rows, dictionaries: None }).await.map_err(Error::Sink)
    }

    /// Calls `each` with the rows of a file of the table, with every column in the order of its schema.
    async fn rows(
        &self,
        file: &LiveFile,
        each: &mut (dyn FnMut(&RecordBatch) -> Result<(), Error> + Send),
    ) -> Result<(), Error> {
        let table = contact_flow_events();
        let columns: Vec<&str> = table.schema.fields().iter().map(|field| field.name().as_str()).collect();
        let metadata = metadata(self.store.as_ref(), file).await?;
        let mut reader = Reader::new(file.key.clone(), &metadata, &columns, None, BATCH_ROWS, &Reading::Plain)?;
        while let Some(batch) = reader.next(self.store.as_ref()).await? {
            each(&batch)?;
        }
        Ok(())
    }
}
