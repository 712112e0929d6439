//! Channels that no contact event says: an agent's snapshot has them, too.

use std::collections::{HashMap, HashSet};

use tributary_commit::{LiveFile, LiveFiles};
use tributary_core::{Day, Epoch};

use super::read::{self, AGENT, Contacts, days_of};
use super::{EXECUTIONS, Flows, files};
use crate::error::Error;
use crate::scan::scan;

/// Where agents' snapshots stand, a row a contact.
pub(super) const AGENTS: &str = "agent_event_contacts";

/// An execution that began so many days before it was silent is not looked at again for its channel alone.
const LOOKED_BACK: i32 = 7;

impl Flows<'_> {
    /// The contacts with executions without a channel of which agents' snapshots since the epoch `before` say one, and the day of
    /// an execution.
    pub(super) async fn answered(&self, live: &LiveFiles, before: Epoch) -> Result<HashMap<u64, Day>, Error> {
        let news = live.iter().filter(|(table, _, file)| table.as_str() == AGENTS && file.epoch > before);
        let news: Vec<(Day, &LiveFile)> = news.filter_map(|(_, day, file)| Some((day.day()?, file))).collect();
        let days = news.iter().map(|(day, _)| *day);
        let (Some(first), Some(last)) = (days.clone().min(), days.max()) else { return Ok(HashMap::new()) };
        let first = first.days().saturating_sub(days_of(self.open_for).saturating_add(LOOKED_BACK));
        let mut asking = HashMap::new();
        for (_, partition, file) in live.iter().filter(|(table, ..)| table.as_str() == EXECUTIONS) {
            let Some(day) = partition.day().filter(|day| (first..=last.days()).contains(&day.days())) else { continue };
            scan(self.store.as_ref(), file, &AGENT, &mut |batch| {
                read::channels(batch, &file.key, |hash, _, channel| {
                    if channel.is_none() {
                        asking.insert(hash, day);
                    }
                })
            })
            .await?;
        }
        let mut answered = HashMap::new();
        for (_, file) in news.iter().filter(|_| !asking.is_empty()) {
            scan(self.store.as_ref(), file, &AGENT, &mut |batch| {
                read::channels(batch, &file.key, |hash, _, channel| {
                    if let (Some(day), Some(_)) = (asking.get(&hash), channel) {
                        answered.insert(hash, *day);
                    }
                })
            })
            .await?;
        }
        Ok(answered)
    }

    /// Takes in what agents' snapshots say of channels that no event has said so far, of the day and of as many after it as a
    /// contact may be silent.
    pub(super) async fn ask_agents(
        &self,
        live: &LiveFiles,
        day: Day,
        known: &mut Contacts,
        shared: &mut read::Shared,
    ) -> Result<(), Error> {
        for days in 0..=days_of(self.open_for) {
            let of = Day::from_days(day.days().saturating_add(days));
            let there = files(live, AGENTS, of);
            if there.is_empty() {
                continue;
            }
            let asking = known.iter().filter(|(_, contact)| contact.asks_agents(of, self.open_for));
            let asking: HashSet<u64> = asking.map(|((instance, contact), _)| read::hash(instance, contact)).collect();
            for file in there.iter().filter(|_| !asking.is_empty()) {
                scan(self.store.as_ref(), file, &AGENT, &mut |batch| {
                    read::agents(batch, (&file.key, of), &asking, known, shared)
                })
                .await?;
            }
        }
        Ok(())
    }
}
