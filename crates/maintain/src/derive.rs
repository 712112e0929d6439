//! The rows of agent time that began on some days, from the events that are in the lake.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use tributary_commit::LiveFiles;
use tributary_connect::agent_time::{
    AgentId, AgentTime, Chain, Counting, EndReason, Ended, EventKind, LinkLog, Queues, Statistics, TimeRows, succession,
};
use tributary_core::{Day, PartitionPath, Scratch, Sink, TableId, Timestamp};
use tributary_store::ObjectStore;

use crate::error::Error;
use crate::gaps::{Broken, MOST_BROKEN, Told};
use crate::marks::newest_events;
use crate::merge::{Events, Merge, Opened};
use crate::news::{News, SinceNews};
use crate::sightings::{Origin, Rows};

/// The tables that are counted by interval.
const STATISTICS: [&str; 2] = ["agent_statistic_record", "agent_queue_statistic_record"];

/// What an event takes in the table of a day's links.
const LINK_BYTES: u64 = 32;

/// Rows that are handed to the sink at once.
const BATCH_ROWS: usize = 8_192;

/// How time is derived.
#[derive(Clone, Debug)]
pub struct Rules {
    /// A session ends when no event comes for longer than this.
    pub silence: Duration,
    /// Whether what is still open where the lake ends becomes rows without end.
    pub write_open: bool,
    /// Whether moments before May 2019 are taken without their milliseconds, which repeat the seconds.
    pub early_seconds: bool,
    /// The interval of statistic records: a day is a multiple of it.
    pub interval: Duration,
    /// The ARNs of the custom statuses that have a column of their own there, in the order of the columns.
    pub custom_states: Vec<Box<str>>,
    /// Whether events of one agent and millisecond are taken in the order that their snapshots tell, and gaps looked for.
    pub links: bool,
    /// How the snapshots of events hang together that passed through this process, so that it need not be read again.
    pub passed: Option<Arc<LinkLog>>,
    /// Bytes that the row groups take which are merged at once, at most; but at least two are.
    pub merged: u64,
    /// When the rows are derived, for `data_lake_last_processed_timestamp`.
    pub now: Timestamp,
}

impl Rules {
    pub(crate) fn silence_micros(&self) -> i64 {
        i64::try_from(self.silence.as_micros()).unwrap_or(i64::MAX)
    }

    fn counting(&self, days: &RangeInclusive<Day>) -> Counting {
        Counting {
            interval: i64::try_from(self.interval.as_micros()).unwrap_or(i64::MAX).max(1),
            custom_states: self.custom_states.clone(),
            range: days.start().start().micros()..days.end().next().start().micros(),
        }
    }
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
    /// The earliest day before those asked for on which something began whose row may have changed.
    pub earlier: Option<Day>,
    /// The last day after those asked for whose rows may have changed.
    pub later: Option<Day>,
}

/// Derives rows; reads the lake, writes to a sink, commits nothing.
pub(crate) struct Deriver<'a> {
    pub(crate) store: &'a dyn ObjectStore,
    pub(crate) live: &'a LiveFiles,
    pub(crate) rules: Rules,
    tables: &'a [TableId],
    scratch: Option<&'a Arc<dyn Scratch>>,
    pub(crate) agents: Vec<Agent>,
    /// By ARN: which of the agents.
    places: HashMap<Box<str>, usize>,
    /// The agent of the event before: an agent's events follow one another.
    last: usize,
    ended: Vec<Ended>,
    pub(crate) rows: TimeRows,
    /// What statistic records count; none when no table of them is wanted.
    pub(crate) counting: Option<Counting>,
    queues: Queues,
    pub(crate) opened: Opened,
    /// Chains that are broken, of which the gaps are not told yet.
    pub(crate) broken: Vec<Broken>,
    newest: Option<Timestamp>,
    /// What was not derived before, if rows of other days are looked for that it changes.
    pub(crate) news: Option<News>,
    /// The day that is looked at.
    day: Day,
    pub(crate) derived: Derived,
}

/// What is known of an agent.
pub(crate) struct Agent {
    pub(crate) id: Arc<AgentId>,
    pub(crate) time: AgentTime,
    statistics: Statistics,
    chain: Chain,
    /// Where the event lies that the chain ends with.
    chain_end: Option<Origin>,
    pub(crate) since_news: SinceNews,
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
            counting: None,
            queues: Queues::default(),
            opened: Opened::default(),
            broken: Vec::new(),
            newest: None,
            news: None,
            day: Day::EARLIEST,
            derived: Derived::default(),
        }
    }

    /// Writes every row that began on one of `days`. With `news`, the events that were not derived before, it is also looked
    /// for rows of days before and after that are other ones now.
    pub(crate) async fn derive(
        mut self,
        days: RangeInclusive<Day>,
        news: Option<News>,
        sink: &mut dyn Sink,
    ) -> Result<Derived, Error> {
        self.news = news;
        let is_counted = |table: &TableId| STATISTICS.contains(&table.as_str());
        self.counting = self.tables.iter().any(is_counted).then(|| self.rules.counting(&days));
        let there: BTreeSet<Day> = newest_events(self.live).into_keys().collect();
        self.look_back(&there, &days).await?;
        for day in there.range(days.clone()) {
            self.day(*day, &days, sink).await?;
        }
        self.look_ahead(&there, &days).await?;
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

    /// Takes a day before those asked for into account; what ended then has its rows.
    pub(crate) async fn warm_up(&mut self, day: Day, since: &HashMap<Box<str>, Day>) -> Result<(), Error> {
        self.look_at(day);
        let merge = self.merge(day);
        let mut events = Events::of(self.store, self.live, (day, &merge), self.scratch, &mut self.opened).await?;
        let mut newest = day.start();
        while events.next(self.store).await? {
            let tied = if events.is_alone() { Vec::new() } else { events.tied(self.store).await? };
            let alone = events.current().filter(|_| tied.is_empty());
            for (rows, row) in alone.into_iter().chain(self.in_order(&tied)) {
                newest = newest.max(self.moment(rows, row));
                if since.get(rows.agent_arn.value(row)).is_some_and(|since| *since <= day) {
                    let agent = self.observe(rows, row);
                    self.follow(agent, rows, row, false);
                    self.ended.clear();
                }
            }
        }
        for agent in &mut self.agents {
            agent.time.fall_silent(newest, self.rules.silence_micros(), &mut self.ended);
        }
        self.ended.clear();
        Ok(())
    }

    fn merge(&self, day: Day) -> Merge {
        let Rules { links, passed, merged, .. } = &self.rules;
        let passed = passed.as_ref().filter(|_| *links).and_then(|passed| passed.of(day));
        let files = self.live.day(&TableId::new("agent_event"), PartitionPath::of(day));
        let rows: u64 = files.iter().map(|file| file.rows).sum();
        let reads_columns = *links && passed.as_ref().is_none_or(|passed| (passed.len() as u64) < rows);
        // Their table is there as long as the day is read.
        let bytes = merged.saturating_sub(passed.as_ref().map_or(0, |passed| passed.len() as u64 * LINK_BYTES));
        Merge { links: *links, passed: passed.map(Arc::new), reads_columns, bytes }
    }

    async fn day(&mut self, day: Day, days: &RangeInclusive<Day>, sink: &mut dyn Sink) -> Result<(), Error> {
        self.look_at(day);
        let merge = self.merge(day);
        let mut events = Events::of(self.store, self.live, (day, &merge), self.scratch, &mut self.opened).await?;
        while events.next(self.store).await? {
            let tied = if events.is_alone() { Vec::new() } else { events.tied(self.store).await? };
            let alone = events.current().filter(|_| tied.is_empty());
            for (rows, row) in alone.into_iter().chain(self.in_order(&tied)) {
                self.newest = self.newest.max(Some(self.moment(rows, row)));
                let agent = self.observe(rows, row);
                self.follow(agent, rows, row, days.contains(&day));
                if let Some(news) = &self.news {
                    let Agent { time, since_news, .. } = &mut self.agents[agent];
                    since_news.take(time, rows.told(row, self.rules.early_seconds), news);
                }
                self.keep(agent, days);
            }
            if self.broken.len() >= MOST_BROKEN {
                self.tell_gaps().await?;
            }
            if self.rows.len() >= BATCH_ROWS {
                self.hand_on(sink).await?;
            }
        }
        self.tell_gaps().await?;
        self.sweep(days, sink).await
    }

    /// The events of an agent and moment in the order in which they followed one another.
    fn in_order<'e>(&self, tied: &'e [(Arc<Rows>, usize)]) -> Vec<(&'e Arc<Rows>, usize)> {
        let links = tied.iter().map(|(rows, row)| Some((rows.kind(*row), rows.link(*row)?.0)));
        if tied.is_empty() {
            return Vec::new();
        }
        // Without links, in the order of their ids.
        let Some(links) = links.collect::<Option<Vec<_>>>() else {
            return tied.iter().map(|(rows, row)| (rows, *row)).collect();
        };
        let agent = tied.first().and_then(|(rows, row)| self.places.get(rows.agent_arn.value(*row)));
        let order = succession(agent.map(|agent| &self.agents[*agent].chain), &links);
        order.into_iter().map(|at| (&tied[at].0, tied[at].1)).collect()
    }

    /// Ends the sessions that are silent by the newest event.
    async fn sweep(&mut self, days: &RangeInclusive<Day>, sink: &mut dyn Sink) -> Result<(), Error> {
        let Some(newest) = self.newest else { return Ok(()) };
        for agent in 0..self.agents.len() {
            self.agents[agent].time.fall_silent(newest, self.rules.silence_micros(), &mut self.ended);
            self.keep(agent, days);
            if self.rows.len() >= BATCH_ROWS {
                self.hand_on(sink).await?;
            }
        }
        Ok(())
    }

    /// What is open now stays open.
    async fn finish(&mut self, days: &RangeInclusive<Day>, sink: &mut dyn Sink) -> Result<(), Error> {
        for agent in 0..self.agents.len() {
            let time = &mut self.agents[agent].time;
            let since = self.news.as_ref().and_then(|news| news.reach(time, &self.rules, *days.start()));
            let so_far = if self.counting.is_some() { time.so_far() } else { Vec::new() };
            let last_sign = time.last_sign();
            if self.rules.write_open {
                time.finish(&mut self.ended);
            }
            self.finish_counting(agent, &so_far, last_sign);
            if let Some(since) = since {
                self.widen(since, days);
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
        let silence = self.rules.silence_micros();
        let time = &mut self.agents[self.last].time;
        let early_seconds = self.rules.early_seconds;
        let is_beat = rows.kind(row) == EventKind::HeartBeat;
        let seen = match is_beat && time.goes_on(rows.moment(row, early_seconds), silence) {
            true => rows.sign_of_life(row, early_seconds),
            false => rows.sighting(row, early_seconds),
        };
        time.observe(&seen, silence, &mut self.ended);
        self.last
    }

    /// Compares the event with the agent's last one; a gap becomes a row if it is `wanted`.
    fn follow(&mut self, agent: usize, rows: &Arc<Rows>, row: usize, wanted: bool) {
        let Some((link, origin)) = rows.link(row) else { return };
        let (at, event, kind) = (self.moment(rows, row), rows.event_id.value(row), rows.kind(row));
        let Agent { chain, chain_end, .. } = &mut self.agents[agent];
        if wanted
            && chain.is_broken_by(kind, link)
            && let (Some((last_at, last_event)), Some(end)) = (chain.last(), *chain_end)
        {
            self.broken.push(Broken {
                agent,
                last: Told { at: last_at, event: last_event.into(), origin: end },
                this: Told { at, event: event.into(), origin },
                event_type: rows.event_type(row).map(Into::into),
            });
        }
        if chain.follow((at, event, kind), link) {
            *chain_end = Some(origin);
        }
    }

    fn place(&mut self, rows: &Rows, row: usize, arn: &str) -> usize {
        if let Some(place) = self.places.get(arn) {
            return *place;
        }
        let account = &rows.account_id;
        let id = AgentId {
            instance_id: rows.instance_id.value(row).into(),
            account_id: account.get(row).map(Into::into),
            arn: arn.into(),
        };
        self.places.insert(arn.into(), self.agents.len());
        let (time, statistics, chain) = (AgentTime::default(), Statistics::default(), Chain::default());
        let (id, chain_end, since_news) = (Arc::new(id), None, SinceNews::default());
        self.agents.push(Agent { id, time, statistics, chain, chain_end, since_news });
        self.agents.len() - 1
    }

    /// When the event of a row happened, as the rules take it.
    fn moment(&self, rows: &Rows, row: usize) -> Timestamp {
        rows.moment(row, self.rules.early_seconds)
    }

    /// Makes rows of what ended, if it began on one of `days`.
    fn keep(&mut self, agent: usize, days: &RangeInclusive<Day>) {
        for ended in std::mem::take(&mut self.ended) {
            self.count(agent, &ended);
            let stretch = ended.stretch();
            let day = stretch.start.day();
            if days.contains(&day) {
                self.rows.push(&self.agents[agent].id, &ended, self.rules.now);
                continue;
            }
            // Whoever derived the earlier day did not know of it, or did not know its end.
            let is_news = |news: &News| {
                stretch.told.day() >= news.first || (stretch.reason != EndReason::StillOpen && self.day >= news.first)
            };
            if self.news.as_ref().is_some_and(is_news) {
                self.widen(day, days);
            }
        }
    }

    /// Counts what ended; with a session, its intervals become rows but for the last, which another may begin in.
    fn count(&mut self, agent: usize, ended: &Ended) {
        let Some(counting) = &self.counting else { return };
        let Agent { id, statistics, .. } = &mut self.agents[agent];
        statistics.take(ended, counting, &mut self.queues);
        if let (Ended::Session(session), Some(end)) = (ended, ended.stretch().end) {
            let border = counting.interval_of(end.max(session.stretch.start).micros());
            for interval in statistics.drain(border, counting) {
                self.rows.push_interval(id, &interval, self.rules.now);
            }
        }
    }

    /// Counts what is open where the lake ends, up to the agent's last sign of life. The interval it fell in is over only
    /// when another event has shown it, and written before only with what is open.
    fn finish_counting(&mut self, agent: usize, so_far: &[Ended], last_sign: Option<Timestamp>) {
        let Some(counting) = &self.counting else { return };
        let Agent { id, statistics, .. } = &mut self.agents[agent];
        so_far.iter().for_each(|open| statistics.take(open, counting, &mut self.queues));
        let border = match last_sign {
            Some(last) if !self.rules.write_open => counting.interval_of(last.micros()),
            _ => i64::MAX,
        };
        for interval in statistics.drain(border, counting) {
            self.rows.push_interval(id, &interval, self.rules.now);
        }
    }

    /// Rows of a day before `days` may be other ones now.
    fn widen(&mut self, day: Day, days: &RangeInclusive<Day>) {
        if day < *days.start() && day >= Day::EARLIEST {
            self.derived.earlier = Some(self.derived.earlier.map_or(day, |earlier| earlier.min(day)));
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
        self.day = day;
        let (first, last) = self.derived.looked_at.unwrap_or((day, day));
        self.derived.looked_at = Some((first.min(day), last.max(day)));
    }

    /// An agent that was seen.
    pub(crate) fn agent(&self, arn: &str) -> Option<&Agent> {
        self.places.get(arn).and_then(|place| self.agents.get(*place))
    }

    /// Whether an agent has something open that began before `border`.
    fn is_any_open_since(&self, border: Timestamp) -> bool {
        self.agents.iter().any(|agent| agent.time.earliest_open().is_some_and(|since| since < border))
    }
}
