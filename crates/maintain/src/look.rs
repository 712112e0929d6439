//! The days before those that are derived: where agents stood.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use hashbrown::HashMap;
use tributary_commit::LiveFile;
use tributary_connect::agent_time::EventKind;
use tributary_core::{Day, PartitionPath, TableId, Timestamp};

use crate::derive::Deriver;
use crate::error::Error;
use crate::news::Told;
use crate::scan::scan;

/// So many days with events it is looked back further for an agent of whom an event tells a part. A stream whose snapshots
/// never hold some part would be read to its beginning.
const PARTS: usize = 7;

impl Deriver<'_> {
    /// Brings the agents of `days` to where they stood before: from the last day before on which something was told of them
    /// that does not hang on what was before.
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
            self.told_on(day, &mut |agent, _| {
                if !wanted.contains(agent) {
                    wanted.insert(Box::<str>::from(agent));
                }
            })
            .await?;
        }
        let since = self.last_days(there.range(..*days.start()).rev().copied(), wanted).await?;
        let Some(first) = since.values().min().copied() else { return Ok(()) };
        for day in there.range(first..*days.start()) {
            self.warm_up(*day, &since).await?;
        }
        Ok(())
    }

    /// The last of `days`, which go back, on which something was told of each agent that does not hang on what was before.
    async fn last_days(
        &self,
        days: impl Iterator<Item = Day> + Send,
        mut wanted: BTreeSet<Box<str>>,
    ) -> Result<HashMap<Box<str>, Day>, Error> {
        let mut since = HashMap::new();
        // Of whom less is told: since which step back, and the oldest of those days.
        let mut parts: HashMap<Box<str>, (usize, Day)> = HashMap::new();
        for (step, day) in days.enumerate() {
            if wanted.is_empty() {
                break;
            }
            self.told_on(day, &mut |agent, told| {
                if !wanted.contains(agent) {
                    return;
                }
                if told.settles() {
                    wanted.remove(agent);
                    since.insert(Box::<str>::from(agent), day);
                    return;
                }
                // Heart beats alone do not say whether the agent had signed out before.
                let step = if told.kind == EventKind::HeartBeat { usize::MAX } else { step };
                match parts.get_mut(agent) {
                    Some((first, oldest)) => (*first, *oldest) = (step.min(*first), day),
                    None => drop(parts.insert(agent.into(), (step, day))),
                }
            })
            .await?;
            let given_up =
                |agent: &str| parts.get(agent).is_some_and(|(first, _)| step.saturating_sub(*first) >= PARTS);
            for agent in wanted.extract_if(.., |agent| given_up(agent)) {
                since.insert(agent, day);
            }
        }
        // Of some there is nothing else.
        for agent in wanted {
            if let Some((_, oldest)) = parts.remove(&agent) {
                since.insert(agent, oldest);
            }
        }
        Ok(since)
    }

    async fn told_on(&self, day: Day, each: &mut (dyn FnMut(&str, Told) + Send)) -> Result<(), Error> {
        for file in self.live.day(&TableId::new("agent_event"), PartitionPath::of(day)) {
            self.told_in(file, each).await?;
        }
        Ok(())
    }

    /// The agents of a file's events, and what is told of them, in the order of the file.
    pub(crate) async fn told_in(
        &self,
        file: &LiveFile,
        each: &mut (dyn FnMut(&str, Told) + Send),
    ) -> Result<(), Error> {
        // Of contacts one leaf is enough to see whether the list is there.
        const COLUMNS: [&str; 6] = [
            "agent_arn",
            "event_type",
            "event_timestamp",
            "current_agent_status_start_timestamp",
            "current_routing_profile_arn",
            "current_contacts.list.element.state",
        ];
        let key = &file.key;
        scan(self.store, file, &COLUMNS, &mut |batch| {
            let column = |at: usize| {
                let (column, name) = (COLUMNS[at], COLUMNS[at].split('.').next().unwrap_or_default());
                batch.column_by_name(name).ok_or_else(|| Error::Column { key: key.clone(), column })
            };
            let text = |at: usize| {
                let array = column(at)?.as_string_opt::<i32>();
                array.ok_or_else(|| Error::Column { key: key.clone(), column: COLUMNS[at] })
            };
            let (agents, kinds) = (text(0)?, text(1)?);
            let moments = column(2)?.as_primitive_opt::<TimestampMicrosecondType>();
            let moments = moments.ok_or_else(|| Error::Column { key: key.clone(), column: COLUMNS[2] })?;
            let parts = [column(3)?, column(4)?, column(5)?];
            for row in (0..batch.num_rows()).filter(|row| agents.is_valid(*row)) {
                let kind = if kinds.is_valid(row) { kinds.value(row) } else { "" };
                let told = Told {
                    at: Timestamp::from_micros(moments.value(row)),
                    kind: EventKind::of(kind),
                    is_full: parts.iter().all(|part| part.is_valid(row)),
                };
                each(agents.value(row), told);
            }
            Ok(())
        })
        .await
    }
}
