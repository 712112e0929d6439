//! The rows of agent time that began on some days, from the events that are in the lake.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use tributary_commit::LiveFiles;
use tributary_connect::agent_time::{AgentId, AgentTime, Ended, EventKind, TimeRows};
use tributary_core::{Day, PartitionPath, Scratch, Sink, TableId, Timestamp};
use tributary_store::ObjectStore;

use crate::error::Error;
use crate::merge::Events;
use crate::scan::scan;
use crate::sightings::Rows;

/// Rows that are handed to the sink at once.
const BATCH_ROWS: usize = 8_192;

/// How time is derived.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// A session ends when no event comes for longer than this.
    pub silence: Duration,
    /// Whether what is still open where the lake ends becomes rows without end.
    pub write_open: bool,
    /// Whether moments before May 2019 are taken without their milliseconds, which repeat the seconds.
    pub early_seconds: bool,
    /// When the rows are derived, for `data_lake_last_processed_timestamp`.
    pub now: Timestamp,
}

/// What was found out on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Derived {
    /// Events that were looked at.
    pub events: u64,
    /// Rows that were made, by table.
    pub rows: BTreeMap<TableId, u64>,
    /// The first and the last day that was read.
    pub looked_at: Option<(Day, Day)>,
    /// The earliest day before those asked for on which something began that ended in them or later: its row changed.
    pub earlier: Option<Day>,
}

/// Derives rows; reads the lake, writes to a sink, commits nothing.
pub(crate) struct Deriver<'a> {
    store: &'a dyn ObjectStore,
    live: &'a LiveFiles,
    rules: Rules,
    tables: &'a [TableId],
    scratch: Option<&'a Arc<dyn Scratch>>,
    agents: Vec<Agent>,
    /// By ARN: which of the agents.
    places: HashMap<Box<str>, usize>,
    /// The agent of the event before: an agent's events follow one another.
    last: usize,
    ended: Vec<Ended>,
    rows: TimeRows,
    newest: Option<Timestamp>,
    derived: Derived,
}

struct Agent {
    id: AgentId,
    time: AgentTime,
}

impl<'a> Deriver<'a> {
    /// One for these `tables` of those of agent time.
    pub(crate) fn new(
        (store, live): (&'a dyn ObjectStore, &'a LiveFiles),
        rules: Rules,
        tables: &'a [TableId],
        scratch: Option<&'a Arc<dyn Scratch>>,
    ) -> Self {
        Self {
            store,
            live,
            rules,
            tables,
            scratch,
            agents: Vec::new(),
            places: HashMap::new(),
            last: 0,
            ended: Vec::new(),
            rows: TimeRows::default(),
            newest: None,
            derived: Derived::default(),
        }
    }

    /// Writes every row that began on one of `days`. With `whole`, it is also looked for rows of earlier days that end by
    /// what happens on these.
    pub(crate) async fn derive(
        mut self,
        days: RangeInclusive<Day>,
        whole: bool,
        sink: &mut dyn Sink,
    ) -> Result<Derived, Error> {
        let there = self.event_days();
        self.look_back(&there, &days, whole).await?;
        for day in there.range(days.clone()) {
            self.day(*day, &days, sink).await?;
        }
        // What was chosen just before midnight is told of just after it: the next day is always looked at.
        let mut is_next = true;
        for day in there.range(days.end().next()..) {
            if !is_next && !self.is_any_open_since(days.end().next().start()) {
                break;
            }
            self.day(*day, &days, sink).await?;
            is_next = false;
        }
        self.finish(&days, sink).await?;
        Ok(self.derived)
    }

    /// The days that have events.
    fn event_days(&self) -> BTreeSet<Day> {
        let events = TableId::new("agent_event");
        let partitions = self.live.days().filter(|(table, ..)| **table == events);
        partitions.map(|(_, partition, _)| partition.day()).collect()
    }

    /// Brings the agents of `days` to where they stood before: from the last day before on which they did something.
    async fn look_back(&mut self, there: &BTreeSet<Day>, days: &RangeInclusive<Day>, whole: bool) -> Result<(), Error> {
        let Some(before) = there.range(..*days.start()).next_back().copied() else { return Ok(()) };
        let mut concerned: Vec<Day> = there.range(days.clone()).copied().collect();
        if whole {
            // A session that was open when the days before were derived may since have fallen silent without an event.
            let earliest = before.start().plus_micros(-self.silence()).day();
            concerned.extend(there.range(earliest..=before));
        }
        let mut wanted = BTreeSet::new();
        for day in concerned {
            self.agents_of(day, &mut |agent, _| {
                if !wanted.contains(agent) {
                    wanted.insert(Box::<str>::from(agent));
                }
            })
            .await?;
        }
        let mut since: HashMap<Box<str>, Day> = HashMap::new();
        for day in there.range(..*days.start()).rev() {
            if wanted.is_empty() {
                break;
            }
            // Heart beats alone do not say whether the agent had signed out before.
            let mut found = BTreeSet::new();
            self.agents_of(*day, &mut |agent, kind| {
                if kind != EventKind::HeartBeat && wanted.contains(agent) {
                    found.insert(Box::<str>::from(agent));
                }
            })
            .await?;
            for agent in found {
                wanted.remove(&agent);
                since.insert(agent, *day);
            }
        }
        let Some(first) = since.values().min().copied() else { return Ok(()) };
        for day in there.range(first..*days.start()) {
            self.warm_up(*day, &since).await?;
        }
        Ok(())
    }

    async fn agents_of(&self, day: Day, each: &mut (dyn FnMut(&str, EventKind) + Send)) -> Result<(), Error> {
        for file in self.live.day(&TableId::new("agent_event"), PartitionPath::of(day)) {
            scan(self.store, &file.key, &["agent_arn", "event_type"], &mut |batch| {
                let text = |column: &'static str| {
                    let array = batch.column_by_name(column).and_then(|array| array.as_string_opt::<i32>());
                    array.ok_or_else(|| Error::Column { key: file.key.clone(), column })
                };
                let (agents, kinds) = (text("agent_arn")?, text("event_type")?);
                for row in (0..batch.num_rows()).filter(|row| agents.is_valid(*row)) {
                    let kind = if kinds.is_valid(row) { kinds.value(row) } else { "" };
                    each(agents.value(row), EventKind::of(kind));
                }
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// Takes a day before those asked for into account; what ended then has its rows.
    async fn warm_up(&mut self, day: Day, since: &HashMap<Box<str>, Day>) -> Result<(), Error> {
        self.look_at(day);
        let mut events = Events::of(self.store, self.live, day, self.scratch).await?;
        while let Some((rows, row)) = events.next(self.store).await? {
            if since.get(rows.agent_arn.value(row)).is_some_and(|since| *since <= day) {
                self.observe(rows, row);
                self.ended.clear();
            }
        }
        Ok(())
    }

    async fn day(&mut self, day: Day, days: &RangeInclusive<Day>, sink: &mut dyn Sink) -> Result<(), Error> {
        self.look_at(day);
        let mut events = Events::of(self.store, self.live, day, self.scratch).await?;
        while let Some((rows, row)) = events.next(self.store).await? {
            self.newest = self.newest.max(Some(Timestamp::from_micros(rows.timestamp.value(row))));
            let agent = self.observe(rows, row);
            self.keep(agent, days);
            if self.rows.len() >= BATCH_ROWS {
                self.hand_on(sink).await?;
            }
        }
        Ok(())
    }

    /// Silence up to the newest event ends sessions; the rest is open.
    async fn finish(&mut self, days: &RangeInclusive<Day>, sink: &mut dyn Sink) -> Result<(), Error> {
        let silence = self.silence();
        for agent in 0..self.agents.len() {
            let time = &mut self.agents[agent].time;
            if let Some(newest) = self.newest {
                time.fall_silent(newest, silence, &mut self.ended);
            }
            if self.rules.write_open {
                time.finish(&mut self.ended);
            }
            self.keep(agent, days);
            if self.rows.len() >= BATCH_ROWS {
                self.hand_on(sink).await?;
            }
        }
        self.hand_on(sink).await
    }

    /// Shows an event to its agent; which agent that is.
    fn observe(&mut self, rows: &Rows, row: usize) -> usize {
        self.derived.events += 1;
        let arn = rows.agent_arn.value(row);
        if self.agents.get(self.last).is_none_or(|agent| &*agent.id.arn != arn) {
            self.last = self.place(rows, row, arn);
        }
        let silence = self.silence();
        let seen = rows.sighting(row, self.rules.early_seconds);
        self.agents[self.last].time.observe(&seen, silence, &mut self.ended);
        self.last
    }

    fn place(&mut self, rows: &Rows, row: usize, arn: &str) -> usize {
        if let Some(place) = self.places.get(arn) {
            return *place;
        }
        let account = &rows.account_id;
        let id = AgentId {
            instance_id: rows.instance_id.value(row).into(),
            account_id: account.is_valid(row).then(|| account.value(row).into()),
            arn: arn.into(),
        };
        self.places.insert(arn.into(), self.agents.len());
        self.agents.push(Agent { id, time: AgentTime::default() });
        self.agents.len() - 1
    }

    fn silence(&self) -> i64 {
        i64::try_from(self.rules.silence.as_micros()).unwrap_or(i64::MAX)
    }

    /// Makes rows of what ended, if it began on one of `days`.
    fn keep(&mut self, agent: usize, days: &RangeInclusive<Day>) {
        for ended in self.ended.drain(..) {
            let day = ended.stretch().start.day();
            if days.contains(&day) {
                self.rows.push(&self.agents[agent].id, &ended, self.rules.now);
            } else if day < *days.start() && ended.stretch().end.is_some() {
                self.derived.earlier = Some(self.derived.earlier.map_or(day, |earlier| earlier.min(day)));
            }
        }
    }

    async fn hand_on(&mut self, sink: &mut dyn Sink) -> Result<(), Error> {
        for batch in self.rows.finish().map_err(Error::Rows)? {
            if self.tables.contains(&batch.table) {
                *self.derived.rows.entry(batch.table.clone()).or_default() += batch.rows.num_rows() as u64;
                sink.write(batch).await.map_err(Error::Sink)?;
            }
        }
        Ok(())
    }

    fn look_at(&mut self, day: Day) {
        let (first, last) = self.derived.looked_at.unwrap_or((day, day));
        self.derived.looked_at = Some((first.min(day), last.max(day)));
    }

    /// Whether an agent has something open that began before `border`.
    fn is_any_open_since(&self, border: Timestamp) -> bool {
        self.agents.iter().any(|agent| agent.time.open_since().is_some_and(|since| since < border))
    }
}
