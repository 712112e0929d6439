//! The days before those that are derived: where agents stood.

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use tributary_connect::agent_time::EventKind;
use tributary_core::{Day, Key, PartitionPath, TableId, Timestamp};

use crate::derive::Deriver;
use crate::error::Error;
use crate::scan::scan;

impl Deriver<'_> {
    /// Brings the agents of `days` to where they stood before: from the last day before on which they did something.
    pub(crate) async fn look_back(&mut self, there: &BTreeSet<Day>, days: &RangeInclusive<Day>) -> Result<(), Error> {
        let Some(before) = there.range(..*days.start()).next_back().copied() else { return Ok(()) };
        let mut concerned: Vec<Day> = there.range(days.clone()).copied().collect();
        // Whose session may go on into these days without an event in them; and whose was open when the days before were
        // derived, and may since have fallen silent without one.
        let (silence, from) = (self.rules.silence_micros(), *days.start());
        let open = from.start().plus_micros(-silence).day();
        let silent = before.start().plus_micros(-silence).day();
        let earliest = if self.news.is_some() { open.min(silent) } else { open.next() };
        concerned.extend(there.range(..from).rev().take_while(|day| **day >= earliest));
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

    async fn agents_of_day(&self, day: Day, each: &mut (dyn FnMut(&str, EventKind) + Send)) -> Result<(), Error> {
        for file in self.live.day(&TableId::new("agent_event"), PartitionPath::of(day)) {
            self.agents_of(&file.key, &mut |agent, kind, _| each(agent, kind)).await?;
        }
        Ok(())
    }

    /// The agents of a file's events, their kinds, and when they happened, in the order of the file.
    pub(crate) async fn agents_of(
        &self,
        key: &Key,
        each: &mut (dyn FnMut(&str, EventKind, Timestamp) + Send),
    ) -> Result<(), Error> {
        scan(self.store, key, &["agent_arn", "event_type", "event_timestamp"], &mut |batch| {
            let text = |column: &'static str| {
                let array = batch.column_by_name(column).and_then(|array| array.as_string_opt::<i32>());
                array.ok_or_else(|| Error::Column { key: key.clone(), column })
            };
            let (agents, kinds) = (text("agent_arn")?, text("event_type")?);
            let moments = batch.column_by_name("event_timestamp");
            let moments = moments.and_then(|array| array.as_primitive_opt::<TimestampMicrosecondType>());
            let moments = moments.ok_or_else(|| Error::Column { key: key.clone(), column: "event_timestamp" })?;
            for row in (0..batch.num_rows()).filter(|row| agents.is_valid(*row)) {
                let kind = if kinds.is_valid(row) { kinds.value(row) } else { "" };
                each(agents.value(row), EventKind::of(kind), Timestamp::from_micros(moments.value(row)));
            }
            Ok(())
        })
        .await
    }
}
