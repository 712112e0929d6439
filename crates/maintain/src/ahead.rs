//! The days after those that are derived: what changes there.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use hashbrown::HashMap;
use tributary_connect::agent_time::{AgentTime, EventKind, Sighting};
use tributary_core::{Day, PartitionPath, TableId};

use crate::derive::Deriver;
use crate::error::Error;
use crate::news::{News, SinceNews, Told};

/// An agent whose next sessions may be other ones.
struct Ahead {
    time: AgentTime,
    since_news: SinceNews,
    /// What happens on the day that is looked at: the millisecond of the day, and what is told, in one number: there are many.
    events: Vec<u32>,
}

/// Milliseconds of a day take 27 bits, what is told three.
const TOLD_BITS: u32 = 3;

const KINDS: [EventKind; 4] = [EventKind::Login, EventKind::Logout, EventKind::Change, EventKind::HeartBeat];

impl Ahead {
    fn note(&mut self, day: Day, told: Told) {
        let millis = (told.at.micros() - day.start().micros()) / 1_000;
        let kind = KINDS.iter().position(|kind| *kind == told.kind).unwrap_or(0);
        let told = kind as u32 * 2 + u32::from(told.is_full);
        self.events.push((millis as u32) << TOLD_BITS | told); // less than a day
    }

    /// Takes what was noted of a day. Whether nothing of the news is left by its end.
    fn settles(&mut self, day: Day, silence: i64, news: &News) -> bool {
        self.events.sort_unstable();
        for event in std::mem::take(&mut self.events) {
            let at = day.start().plus_micros(i64::from(event >> TOLD_BITS) * 1_000);
            let told = event & ((1 << TOLD_BITS) - 1);
            let kind = KINDS[(told / 2) as usize % KINDS.len()];
            let seen = Sighting { at, event_id: "", kind, status: None, contacts: None, assignment: None };
            self.time.observe(&seen, silence, &mut Vec::new());
            self.since_news.take(&self.time, Told { at, kind, is_full: told % 2 == 1 }, news);
        }
        self.since_news.is_settled()
    }
}

impl Deriver<'_> {
    /// Where the news of `days` change rows of days after them: all of those are asked for then. To be called when `days`
    /// have been read, and nothing after them.
    ///
    /// A session is what it is by its own events and by when the last one ended, a gap by the event before it. So what comes
    /// after an agent's news changes up to where the next session begins, and tells where the agent stands.
    pub(crate) async fn look_ahead(&mut self, there: &BTreeSet<Day>, days: &RangeInclusive<Day>) -> Result<(), Error> {
        let Some(news) = self.news.clone() else { return Ok(()) };
        if there.range(days.end().next()..).next().is_none() {
            return Ok(());
        }
        let mut ahead: HashMap<Box<str>, Ahead> = HashMap::new();
        for file in &news.files {
            let mut last = String::new();
            self.told_in(file, &mut |agent, _| {
                if agent == last {
                    return;
                }
                agent.clone_into(&mut last);
                let Some(known) = self.agent(agent).filter(|known| !known.since_news.is_settled()) else {
                    return;
                };
                if !ahead.contains_key(agent) {
                    let (time, since_news) = (known.time.clone(), known.since_news);
                    ahead.insert(agent.into(), Ahead { time, since_news, events: Vec::new() });
                }
            })
            .await?;
        }
        for day in there.range(days.end().next()..) {
            if ahead.is_empty() {
                break;
            }
            for file in self.live.day(&TableId::new("agent_event"), PartitionPath::of(*day)) {
                self.told_in(file, &mut |agent, told| {
                    if let Some(ahead) = ahead.get_mut(agent) {
                        ahead.note(*day, told);
                    }
                })
                .await?;
            }
            ahead.retain(|_, agent| {
                if !agent.events.is_empty() {
                    self.derived.later = self.derived.later.max(Some(*day));
                }
                !agent.settles(*day, self.rules.silence_micros(), &news)
            });
        }
        Ok(())
    }
}
