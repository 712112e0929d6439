//! Executions of flows, derived out of the lines and contact events that are in the lake.

mod channels;
mod read;
mod rewrite;
mod rows;
mod state;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use tributary_commit::{CommitLog, LiveFile, LiveFiles, Proposal, Receipt};
use tributary_connect::Lookups;
use tributary_connect::flow::ExecutionRows;
use tributary_core::{
    Attempt, Clock, Day, Delta, Epoch, Failure, PartitionPath, Sink, StateKind, TableId, Tally, Timestamp,
};
use tributary_store::ObjectStore;

use self::channels::AGENTS;
use self::read::{Contacts, EVENT, LINE, WHO, Wanted, days_of};
use self::rewrite::Rewrite;
use self::rows::{by_day, days_of_rows};
pub use self::state::Walked;
use crate::commit::commit;
use crate::error::Error;
use crate::scan::scan;

const LINES: &str = "contact_flow_log_events";
const EVENTS: &str = "contact_events";
const EXECUTIONS: &str = "contact_flow_events";

/// What a line takes in memory while executions are derived, in bytes, about.
const LINE_BYTES: u64 = 300;

/// In more turns than that nothing is derived, however little memory there is: each reads the files again.
const MOST_TURNS: u64 = 1_024;

/// What was done.
#[derive(Clone, Debug)]
pub struct Walk {
    /// Rows of executions that were added.
    pub rows: u64,
    /// Contacts whose lines were looked at.
    pub contacts: u64,
    /// Contacts with an execution that goes on.
    pub waiting: usize,
    /// The first and the last day whose lines were read.
    pub days: Option<(Day, Day)>,
    /// Files that were added.
    pub adds: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Files that were taken out.
    pub replaces: usize,
    /// The commit.
    pub receipt: Receipt,
}

/// How long an execution is waited for after its last line, in event time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFor {
    /// Of a contact that is no task, or of which no event says so.
    pub usual: Duration,
    /// Of a task; never shorter than the usual time.
    pub tasks: Duration,
}

impl OpenFor {
    fn of(self, is_task: bool) -> Duration {
        if is_task { self.most() } else { self.usual }
    }

    fn most(self) -> Duration {
        self.tasks.max(self.usual)
    }
}

/// Brings `contact_flow_events` up to date.
pub struct Flows<'a> {
    /// The lake.
    pub store: Arc<dyn ObjectStore>,
    /// Its log, recovered, with every epoch published.
    pub log: &'a mut CommitLog,
    /// What is known of flows.
    pub lookups: Arc<Lookups>,
    /// How long an execution is waited for after its last line.
    pub open_for: OpenFor,
    /// Bytes of lines that are remembered at once, about.
    pub memory: u64,
    /// When things happen.
    pub clock: &'a dyn Clock,
}

impl std::fmt::Debug for Flows<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flows").field("open_for", &self.open_for).finish_non_exhaustive()
    }
}

/// What has to be looked at.
struct Work {
    /// Up to this epoch everything will have been.
    epoch: Epoch,
    /// The newest moment of a line or an event.
    newest: Timestamp,
    wanted: Wanted,
    /// The days whose lines and events are read.
    days: Vec<Day>,
    /// The most rows of a day that are of wanted contacts.
    most: u64,
    /// Contacts that wait and are not looked at.
    waiting: BTreeMap<u64, (Timestamp, Day)>,
}

/// What was found of the contacts that were looked at.
#[derive(Default)]
struct Found {
    rows: ExecutionRows,
    contacts: u64,
    waiting: BTreeMap<u64, (Timestamp, Day)>,
}

impl Flows<'_> {
    /// Derives the executions of the contacts of which there is news since `walked`; of all contacts where that is nothing. `None`
    /// when there is no news.
    ///
    /// # Errors
    /// A file of the lake that cannot be read, and what the sink and the log say.
    pub async fn update(
        &mut self,
        sink: &mut dyn Sink,
        attempt: Attempt,
        walked: Walked,
    ) -> Result<Option<Walk>, Failure> {
        let began = self.clock.now();
        let live = self.log.live().clone();
        let Some(work) = self.work(&live, walked).await? else { return Ok(None) };
        sink.begin(&attempt);
        let (mut rewrite, mut contacts, mut waiting) = (Rewrite::default(), 0, work.waiting.clone());
        let turns = self.turns(&work);
        let is_all = work.wanted.listed.is_none();
        let mut rows: Vec<RecordBatch> = Vec::new();
        for turn in 0..turns {
            let wanted = Wanted { turn, turns, ..work.wanted.clone() };
            // Of all contacts there may be more than memory holds: the sink has a spool.
            let to: Option<(&mut Rewrite, &mut dyn Sink)> =
                if is_all { Some((&mut rewrite, &mut *sink)) } else { None };
            let mut found = self.turn(&live, &work, &wanted, to).await?;
            contacts += found.contacts;
            waiting.append(&mut found.waiting);
            rows.push(found.rows.finish().map_err(Error::Rows)?);
        }
        if is_all {
            rewrite.replace_all(&live);
        } else {
            self.compare(&live, &work, by_day(&rows)?, &mut rewrite, sink).await?;
        }
        let adds = sink.seal().await?;
        let (files, replaced, count) = (adds.len(), rewrite.replaces.len(), waiting.len());
        let bytes = adds.iter().map(|file| file.ticket.bytes).sum();
        let state = Walked { epoch: Some(work.epoch), waiting };
        let proposal = Proposal {
            attempt,
            delta: Delta::default(),
            tally: Tally { rows: [(TableId::new(EXECUTIONS), rewrite.rows)].into(), ..Tally::default() },
            adds,
            replaces: rewrite.replaces,
            bans: Vec::new(),
            state: vec![(Walked::scope(), StateKind::Full, state.bytes())],
            guarded: true,
            // Whoever else does the same meanwhile is in the way.
            read: rewrite.read,
            began,
        };
        let receipt = commit(self.log, proposal).await?;
        let days = work.days.first().copied().zip(work.days.last().copied());
        let rows = rewrite.rows;
        Ok(Some(Walk { rows, contacts, waiting: count, days, adds: files, bytes, replaces: replaced, receipt }))
    }

    async fn work(&self, live: &LiveFiles, walked: Walked) -> Result<Option<Work>, Error> {
        let of = |name: &'static str| live.iter().filter(move |(table, ..)| table.as_str() == name);
        let sources: Vec<(Day, &LiveFile)> =
            of(LINES).chain(of(EVENTS)).filter_map(|(_, partition, file)| Some((partition.day()?, file))).collect();
        if sources.is_empty() && of(EXECUTIONS).next().is_none() {
            return Ok(None);
        }
        let epoch = sources.iter().map(|(_, file)| file.epoch).chain(of(AGENTS).map(|(.., file)| file.epoch)).max();
        let epoch = epoch.or_else(|| of(EXECUTIONS).map(|(.., file)| file.epoch).max());
        let Some(epoch) = epoch.filter(|epoch| walked.epoch.is_none_or(|walked| walked < *epoch)) else {
            return Ok(None);
        };
        let days: BTreeSet<Day> = sources.iter().map(|(day, _)| *day).collect();
        let newest = self.newest(live, &days).await?;
        let Some(before) = walked.epoch else {
            let executions = of(EXECUTIONS).filter_map(|(_, partition, _)| partition.day());
            let days: Vec<Day> = days.into_iter().chain(executions).collect::<BTreeSet<Day>>().into_iter().collect();
            let rows = |day: &Day| sources_of(live, *day).map(|file| file.rows).sum();
            let most = days.iter().map(rows).max().unwrap_or(0);
            return Ok(Some(Work { epoch, newest, wanted: Wanted::default(), days, most, waiting: BTreeMap::new() }));
        };
        let answered = self.answered(live, before).await?;
        let is_silent = sources.iter().all(|(_, file)| file.epoch <= before);
        if is_silent && answered.contacts.is_empty() && !answered.is_much {
            return Ok(None);
        }
        let mut touched: BTreeSet<Day> = answered.contacts.values().flatten().copied().collect();
        let mut listed: HashSet<u64> = answered.contacts.into_keys().collect();
        for (day, file) in sources.iter().filter(|(_, file)| file.epoch > before) {
            touched.insert(*day);
            scan(self.store.as_ref(), file, &WHO, &mut |batch| {
                read::contacts(batch, &file.key, |_, hash| {
                    listed.insert(hash);
                })
            })
            .await?;
        }
        let mut waiting = walked.waiting;
        let is_due = |last: Timestamp| newest.micros().saturating_sub(last.micros()) >= micros(self.open_for.usual);
        waiting.retain(|hash, (last, day)| {
            let is_looked_at = listed.contains(hash) || is_due(*last);
            if is_looked_at {
                listed.insert(*hash);
                touched.insert(*day);
            }
            !is_looked_at
        });
        let wanted = Wanted { listed: Some(Arc::new(listed)), turn: 0, turns: 1 };
        let days = self.reach(live, &wanted, touched, &days).await?;
        let most = days.values().copied().max().unwrap_or(0);
        Ok(Some(Work { epoch, newest, wanted, days: days.into_keys().collect(), most, waiting }))
    }

    /// The newest moment of a line or an event.
    async fn newest(&self, live: &LiveFiles, days: &BTreeSet<Day>) -> Result<Timestamp, Error> {
        let mut newest = Timestamp::from_micros(i64::MIN);
        let Some(last) = days.last() else { return Ok(newest) };
        for file in sources_of(live, *last) {
            scan(self.store.as_ref(), file, &["event_timestamp"], &mut |batch| {
                let moments = batch.column(0).as_primitive_opt::<TimestampMicrosecondType>();
                let moments = moments.into_iter().flat_map(|moments| moments.iter().flatten());
                newest = moments.map(Timestamp::from_micros).fold(newest, Timestamp::max);
                Ok(())
            })
            .await?;
        }
        Ok(newest)
    }

    /// The days on which the contacts have lines or events, and how many: from `touched` on backwards and forwards, until there
    /// are none for as long as an execution is waited for.
    async fn reach(
        &self,
        live: &LiveFiles,
        wanted: &Wanted,
        touched: BTreeSet<Day>,
        days: &BTreeSet<Day>,
    ) -> Result<BTreeMap<Day, u64>, Error> {
        let (Some(first), Some(last)) = (touched.first().copied(), touched.last().copied()) else {
            return Ok(BTreeMap::new());
        };
        let gap = days_of(self.open_for.most());
        let mut found = BTreeMap::new();
        for day in days.range(first..=last) {
            let rows = self.count(live, wanted, *day).await?;
            if rows > 0 {
                found.insert(*day, rows);
            }
        }
        let (mut from, mut to) = (first, last);
        for day in days.range(..first).rev() {
            if from.days().saturating_sub(day.days()) > gap {
                break;
            }
            let rows = self.count(live, wanted, *day).await?;
            if rows > 0 {
                from = *day;
                found.insert(*day, rows);
            }
        }
        for day in days.range(last..).skip_while(|day| **day == last) {
            if day.days().saturating_sub(to.days()) > gap {
                break;
            }
            let rows = self.count(live, wanted, *day).await?;
            if rows > 0 {
                to = *day;
                found.insert(*day, rows);
            }
        }
        Ok(found)
    }

    /// How many lines and events of a day are of these contacts.
    async fn count(&self, live: &LiveFiles, wanted: &Wanted, day: Day) -> Result<u64, Error> {
        let mut rows = 0;
        for file in sources_of(live, day) {
            scan(self.store.as_ref(), file, &WHO, &mut |batch| {
                read::contacts(batch, &file.key, |_, hash| rows += u64::from(wanted.has(hash)))
            })
            .await?;
        }
        Ok(rows)
    }

    /// In how many turns memory holds the lines of a day and what goes on from the day before.
    fn turns(&self, work: &Work) -> u64 {
        (2 * work.most * LINE_BYTES).div_ceil(self.memory.max(1)).clamp(1, MOST_TURNS)
    }

    /// The executions of a share of the contacts, day after day; what there is of them is written `to` the sink at once, if there is one.
    async fn turn(
        &self,
        live: &LiveFiles,
        work: &Work,
        wanted: &Wanted,
        mut to: Option<(&mut Rewrite, &mut dyn Sink)>,
    ) -> Result<Found, Error> {
        let (mut found, mut known, mut shared) = (Found::default(), Contacts::new(), read::Shared::default());
        for (place, day) in work.days.iter().enumerate() {
            for file in files(live, LINES, *day) {
                scan(self.store.as_ref(), file, &LINE, &mut |batch| {
                    read::lines(batch, &file.key, wanted, &mut known, &mut shared)
                })
                .await?;
            }
            for file in files(live, EVENTS, *day) {
                scan(self.store.as_ref(), file, &EVENT, &mut |batch| {
                    read::events(batch, &file.key, wanted, &mut known, &mut shared)
                })
                .await?;
            }
            let next = work.days.get(place + 1).map(|next| next.start());
            self.ask_agents(live, (*day, next), &mut known, &mut shared).await?;
            self.let_go(work, next, &mut known, &mut found);
            if let Some((rewrite, sink)) = &mut to {
                let rows = found.rows.finish().map_err(Error::Rows)?;
                rewrite.days.extend(days_of_rows(&rows));
                self.write(rows, rewrite, *sink).await?;
            }
        }
        Ok(found)
    }

    /// Whether something may be heard of a contact that belongs to what was heard so far, on a day that begins at `next`.
    fn goes_on(&self, contact: &read::Known, next: Option<Timestamp>) -> bool {
        next.is_some_and(|next| contact.goes_on(next, self.open_for))
    }

    /// Derives the executions of the contacts of which nothing is expected on a day that begins at `next`, or ever.
    fn let_go(&self, work: &Work, next: Option<Timestamp>, known: &mut Contacts, found: &mut Found) {
        let derived = self.clock.now();
        for ((instance, contact), of) in known.extract_if(|_, contact| !self.goes_on(contact, next)) {
            for part in of.parts(self.open_for) {
                self.derive((&instance, &contact), part, (work.newest, derived), found);
            }
        }
    }

    /// Derives what a contact did between two long silences.
    fn derive(
        &self,
        (instance, contact): (&str, &str),
        mut part: read::Part,
        (newest, derived): (Timestamp, Timestamp),
        found: &mut Found,
    ) {
        let Some(first) = part.log.blocks.iter().map(|block| block.at).min() else { return };
        let executions = part.log.executions(newest, part.open_for);
        found.contacts += 1;
        for execution in &executions.ended {
            found.rows.push((instance, contact), &part.facts, execution, &self.lookups, derived);
        }
        if let Some(last) = executions.open {
            // It is due when the usual time has gone by after that.
            let longer = micros(part.open_for).saturating_sub(micros(self.open_for.usual));
            found.waiting.insert(read::hash(instance, contact), (last.plus_micros(longer), first.day()));
        }
    }
}

fn files<'l>(live: &'l LiveFiles, table: &str, day: Day) -> &'l [LiveFile] {
    live.day(&TableId::new(table), PartitionPath::of(day))
}

fn sources_of(live: &LiveFiles, day: Day) -> impl Iterator<Item = &LiveFile> {
    [LINES, EVENTS].into_iter().flat_map(move |table| files(live, table, day))
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
