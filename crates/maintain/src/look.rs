//! The days around those that are derived: where agents stood before, and what changes after.

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use tributary_connect::agent_time::EventKind;
use tributary_core::{Day, Key, PartitionPath, TableId};

use crate::derive::{Agent, Deriver};
use crate::error::Error;
use crate::scan::scan;

impl Deriver<'_> {
    /// Brings the agents of `days` to where they stood before: from the last day before on which they did something.
    pub(crate) async fn look_back(&mut self, there: &BTreeSet<Day>, days: &RangeInclusive<Day>) -> Result<(), Error> {
        let Some(before) = there.range(..*days.start()).next_back().copied() else { return Ok(()) };
        let mut concerned: Vec<Day> = there.range(days.clone()).copied().collect();
        if self.news.is_some() {
            // A session that was open when the days before were derived may since have fallen silent without an event.
            let earliest = before.start().plus_micros(-self.rules.silence_micros()).day();
            concerned.extend(there.range(earliest..=before));
        }
        let mut wanted = BTreeSet::new();
        for day in concerned {
            self.agents_of_day(day, &mut |agent, _| {
                if !wanted.contains(agent) {
                    wanted.insert(Box::<str>::from(agent));
                }
            })
            .await?;
        }
        let mut since: HashMap<Box<str>, Day> = HashMap::new();
        let mut beats: HashMap<Box<str>, Day> = HashMap::new();
        for day in there.range(..*days.start()).rev() {
            if wanted.is_empty() {
                break;
            }
            // Heart beats alone do not say whether the agent had signed out before.
            let mut found = BTreeSet::new();
            self.agents_of_day(*day, &mut |agent, kind| {
                if wanted.contains(agent) && kind == EventKind::HeartBeat {
                    beats.insert(agent.into(), *day);
                } else if wanted.contains(agent) {
                    found.insert(Box::<str>::from(agent));
                }
            })
            .await?;
            for agent in found {
                wanted.remove(&agent);
                since.insert(agent, *day);
            }
        }
        // Of some there is nothing else.
        for agent in wanted {
            if let Some(day) = beats.remove(&agent) {
                since.insert(agent, day);
            }
        }
        let Some(first) = since.values().min().copied() else { return Ok(()) };
        for day in there.range(first..*days.start()) {
            self.warm_up(*day, &since).await?;
        }
        Ok(())
    }

    /// Where the news of `days` change rows of days after them: all of those are asked for then. To be called when `days`
    /// have been read, and nothing after them.
    pub(crate) async fn look_ahead(&mut self, there: &BTreeSet<Day>, days: &RangeInclusive<Day>) -> Result<(), Error> {
        let Some(news) = self.news.clone() else { return Ok(()) };
        let Some(next) = there.range(days.end().next()..).next().copied() else { return Ok(()) };
        // What began with the news and goes on beyond these days has intervals there.
        let border = news.last.next().start();
        let goes_on = |agent: &Agent| agent.time.earliest_open().is_some_and(|since| since < border);
        if self.counting.is_some() && *days.end() > news.last && self.agents.iter().any(goes_on) {
            self.derived.later = Some(next);
        }
        if !self.links {
            return Ok(());
        }
        // An agent's next event is compared with the last one of the news, on whatever day it comes.
        let mut wanted = BTreeSet::new();
        for key in &news.files {
            self.agents_of(key, &mut |agent, kind| {
                if kind != EventKind::HeartBeat && !wanted.contains(agent) {
                    wanted.insert(Box::<str>::from(agent));
                }
            })
            .await?;
        }
        for day in there.range(news.last.next()..) {
            if wanted.is_empty() {
                break;
            }
            let mut found = BTreeSet::new();
            self.agents_of_day(*day, &mut |agent, kind| {
                if kind != EventKind::HeartBeat && wanted.contains(agent) {
                    found.insert(Box::<str>::from(agent));
                }
            })
            .await?;
            if !found.is_empty() && day > days.end() {
                self.derived.later = self.derived.later.max(Some(*day));
            }
            wanted.retain(|agent| !found.contains(agent));
        }
        Ok(())
    }

    async fn agents_of_day(&self, day: Day, each: &mut (dyn FnMut(&str, EventKind) + Send)) -> Result<(), Error> {
        for file in self.live.day(&TableId::new("agent_event"), PartitionPath::of(day)) {
            self.agents_of(&file.key, each).await?;
        }
        Ok(())
    }

    async fn agents_of(&self, key: &Key, each: &mut (dyn FnMut(&str, EventKind) + Send)) -> Result<(), Error> {
        scan(self.store, key, &["agent_arn", "event_type"], &mut |batch| {
            let text = |column: &'static str| {
                let array = batch.column_by_name(column).and_then(|array| array.as_string_opt::<i32>());
                array.ok_or_else(|| Error::Column { key: key.clone(), column })
            };
            let (agents, kinds) = (text("agent_arn")?, text("event_type")?);
            for row in (0..batch.num_rows()).filter(|row| agents.is_valid(*row)) {
                let kind = if kinds.is_valid(row) { kinds.value(row) } else { "" };
                each(agents.value(row), EventKind::of(kind));
            }
            Ok(())
        })
        .await
    }
}
