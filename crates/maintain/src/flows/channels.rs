//! Channels that no contact event says: an agent's snapshot has them, too.

use std::collections::{BTreeSet, HashMap, HashSet};

use tributary_commit::{LiveFile, LiveFiles};
use tributary_core::{Day, Epoch, Timestamp};

use super::read::{self, AGENT, Contacts, as_events_say, days_of};
use super::{EXECUTIONS, Flows, files};
use crate::error::Error;
use crate::scan::scan;

/// Where agents' snapshots stand, a row a contact.
pub(super) const AGENTS: &str = "agent_event_contacts";

/// An execution that begins so many days before or after what a contact's agents say is not looked at again for its channel alone.
const AROUND: i32 = 7;

/// Files of snapshots that told nothing new are looked through again and again up to so many; then it is noted that they were.
const UNNOTED: usize = 64;

/// What agents' snapshots say that were not looked at before.
#[derive(Debug, Default)]
pub(super) struct Answered {
    /// Contacts with an execution that says no channel, or another one, and the days of all of those.
    pub(super) contacts: HashMap<u64, BTreeSet<Day>>,
    /// Whether there is so much of it that it should not be looked at twice.
    pub(super) is_much: bool,
}

impl Flows<'_> {
    /// What is new since the epoch `before`.
    pub(super) async fn answered(&self, live: &LiveFiles, before: Epoch) -> Result<Answered, Error> {
        let news = live.iter().filter(|(table, _, file)| table.as_str() == AGENTS && file.epoch > before);
        let news: Vec<(Day, &LiveFile)> = news.filter_map(|(_, day, file)| Some((day.day()?, file))).collect();
        let days = news.iter().map(|(day, _)| *day);
        let (Some(first), Some(last)) = (days.clone().min(), days.max()) else { return Ok(Answered::default()) };
        let mut said: HashMap<u64, Said> = HashMap::new();
        for (_, file) in &news {
            scan(self.store.as_ref(), file, &AGENT, &mut |batch| {
                read::channels(batch, &file.key, |hash, _, channel| {
                    if let Some(channel) = channel {
                        said.entry(hash).or_default().add(as_events_say(channel));
                    }
                })
            })
            .await?;
        }
        let around = days_of(self.open_for.usual).saturating_add(AROUND);
        let (first, last) = (first.days().saturating_sub(around), last.days().saturating_add(around));
        let mut contacts: HashMap<u64, BTreeSet<Day>> = HashMap::new();
        for (_, partition, file) in live.iter().filter(|(table, ..)| table.as_str() == EXECUTIONS) {
            let Some(day) = partition.day().filter(|day| (first..=last).contains(&day.days())) else { continue };
            scan(self.store.as_ref(), file, &AGENT, &mut |batch| {
                read::channels(batch, &file.key, |hash, _, channel| {
                    if said.get(&hash).is_some_and(|said| !said.is_just(channel)) {
                        contacts.entry(hash).or_default().insert(day);
                    }
                })
            })
            .await?;
        }
        Ok(Answered { contacts, is_much: news.len() >= UNNOTED })
    }

    /// Takes in what agents' snapshots say of channels that no event has said so far, from `day` on: of the days before the
    /// next one whose lines are read, and for those that are let go of before it of as many days as they may be silent.
    pub(super) async fn ask_agents(
        &self,
        live: &LiveFiles,
        (day, next): (Day, Option<Timestamp>),
        known: &mut Contacts,
        shared: &mut read::Shared,
    ) -> Result<(), Error> {
        for days in 0..=days_of(self.open_for.usual) {
            let of = Day::from_days(day.days().saturating_add(days));
            let there = files(live, AGENTS, of);
            if there.is_empty() {
                continue;
            }
            let has_its_turn = next.is_some_and(|next| of >= next.day());
            let asks = |contact: &read::Known| {
                contact.asks_agents(of, self.open_for) && !(has_its_turn && self.goes_on(contact, next))
            };
            let asking = known.iter().filter(|(_, contact)| asks(contact));
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

/// The channels that are said of a contact: one, where all is as it should be.
#[derive(Debug, Default)]
struct Said(BTreeSet<Box<str>>);

impl Said {
    fn add(&mut self, channel: &str) {
        if !self.0.contains(channel) {
            self.0.insert(channel.into());
        }
    }

    /// Whether nothing but this is said.
    fn is_just(&self, channel: Option<&str>) -> bool {
        self.0.len() == 1 && channel.is_some_and(|channel| self.0.contains(channel))
    }
}
