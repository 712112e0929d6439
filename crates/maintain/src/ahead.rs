//! The days after those that are derived: what changes there.

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;

use tributary_connect::agent_time::{AgentTime, EventKind, Sighting};
use tributary_core::{Day, PartitionPath, TableId, Timestamp};

use crate::derive::Deriver;
use crate::error::Error;
use crate::news::{News, SinceNews};

/// An agent whose next sessions may be other ones.
struct Ahead {
    time: AgentTime,
    since_news: SinceNews,
    /// What happens on the day that is looked at: the millisecond of the day, and the kind, in one number: there are many.
    events: Vec<u32>,
}

/// Milliseconds of a day take 27 bits, a kind takes two.
const KIND_BITS: u32 = 2;

impl Ahead {
    fn note(&mut self, day: Day, at: Timestamp, kind: EventKind) {
        let millis = (at.micros() - day.start().micros()) / 1_000;
        let kind = match kind {
            EventKind::Login => 0,
            EventKind::Logout => 1,
            EventKind::Change => 2,
            EventKind::HeartBeat => 3,
        };
        self.events.push((millis as u32) << KIND_BITS | kind); // less than a day
    }

    /// Takes what was noted of a day. Whether nothing of the news is left by its end.
    fn settles(&mut self, day: Day, silence: i64, news: &News, links: bool) -> bool {
        self.events.sort_unstable();
        for event in std::mem::take(&mut self.events) {
            let at = day.start().plus_micros(i64::from(event >> KIND_BITS) * 1_000);
            let kind = [EventKind::Login, EventKind::Logout, EventKind::Change, EventKind::HeartBeat]
                [(event & ((1 << KIND_BITS) - 1)) as usize];
            let seen = Sighting { at, event_id: "", kind, status: None, contacts: None, assignment: None };
            self.time.observe(&seen, silence, &mut Vec::new());
            self.since_news.take(&self.time, (at, kind), news);
        }
        self.since_news.is_settled(links)
    }
}

impl Deriver<'_> {
    /// Where the news of `days` change rows of days after them: all of those are asked for then. To be called when `days`
    /// have been read, and nothing after them.
    ///
    /// A session is what it is by its own events and by when the last one ended, a gap by the event before it. So what comes
    /// after an agent's news changes up to where the next session begins.
    pub(crate) async fn look_ahead(&mut self, there: &BTreeSet<Day>, days: &RangeInclusive<Day>) -> Result<(), Error> {
        let Some(news) = self.news.clone() else { return Ok(()) };
        if there.range(days.end().next()..).next().is_none() {
            return Ok(());
        }
        let mut ahead: HashMap<Box<str>, Ahead> = HashMap::new();
        for key in &news.files {
            let mut last = String::new();
            self.agents_of(key, &mut |agent, _, _| {
                if agent == last {
                    return;
                }
                agent.clone_into(&mut last);
                let Some(known) = self.agent(agent).filter(|known| !known.since_news.is_settled(self.rules.links))
                else {
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
                self.agents_of(&file.key, &mut |agent, kind, at| {
                    if let Some(ahead) = ahead.get_mut(agent) {
                        ahead.note(*day, at, kind);
                    }
                })
                .await?;
            }
            ahead.retain(|_, agent| {
                if !agent.events.is_empty() {
                    self.derived.later = self.derived.later.max(Some(*day));
                }
                !agent.settles(*day, self.rules.silence_micros(), &news, self.rules.links)
            });
        }
        Ok(())
    }
}
