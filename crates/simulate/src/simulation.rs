//! From options to a stream.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};

use crate::agent::{Agent, Due};
use crate::cases::Cases;
use crate::cases::domain::Domain;
use crate::flows::Flows;
use crate::instance::Instance;
use crate::options::{Error, Options};
use crate::random::{Random, Uuid};
use crate::stream::{Report, Stream};
use crate::truth::{Expected, Truth};
use crate::world::{Place, Quota, World};

/// A contact centre whose options are possible.
#[derive(Clone, Debug)]
pub struct Simulation {
    options: Options,
}

/// Where a performance is written; nothing is rendered without one.
struct Performance<'a> {
    stream: Stream<'a>,
    truth: Option<Truth<'a>>,
    cases: Option<Cases>,
    flows: Option<Flows>,
    /// Varies identifiers, where asked.
    shuffle: Option<Random>,
}

impl Simulation {
    /// Checks the options. Refused, with the option named, where they cannot be acted out.
    pub fn new(options: Options) -> Result<Self, Error> {
        options.check()?;
        Ok(Self { options })
    }

    /// The options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Acts it all out: NDJSON agent events to `out`, and what is true to `truth` (the line format is described in the
    /// crate's documentation), each line of truth before the events that tell of it.
    ///
    /// Writes in pieces of about 256 KiB and flushes at the end; neither writer needs a buffer. Memory: about 10 KiB an
    /// agent, and the bytes of the lines that wait inside the windows of disorder and repeats. With a number of events
    /// the schedule is rehearsed first, a few times at most and without rendering, so that the events fill the duration
    /// and the truth knows where the stream ends.
    ///
    /// Errors are those of the writers; what was written before one is incomplete.
    pub fn run(&self, out: &mut dyn Write, truth: Option<&mut dyn Write>) -> io::Result<Report> {
        let (quota, cut) = self.rehearse()?;
        let mut world = World::new(&self.options, quota, cut);
        #[expect(clippy::redundant_closure, reason = "the closure shortens the trait object's life; a path cannot")]
        let mut truth = truth.map(|out| Truth::new(out));
        if let Some(truth) = &mut truth {
            truth.simulation(&world.instance, self.options.seed, self.options.agents);
            for agent in &world.agents {
                truth.agent(agent.user, agent.status.0, agent.status.1);
            }
        }
        let shuffle = self.options.shuffle.then(|| Random::new(self.options.seed, 2));
        let cases = (self.options.case_events > 0).then(|| self.cases(&world.instance, &world.agents));
        let flows = (self.options.flow_lines > 0).then(|| self.flows(&world.instance, &world.agents));
        let mut performance = Performance { stream: Stream::new(out, &self.options), truth, cases, flows, shuffle };
        act_out(&mut world, None, Some(&mut performance))?;
        performance.tell_cases(i64::MAX)?;
        if let (Some(truth), Some(cases)) = (&mut performance.truth, &performance.cases) {
            if let Some(audits) = cases.audits() {
                truth.audits(&audits.tally);
            }
            truth.cases(cases.tally());
        }
        if let (Some(truth), Some(flows)) = (&mut performance.truth, &mut performance.flows) {
            flows.finish(performance.stream.newest(), truth);
        }
        if let Some(truth) = performance.truth {
            truth.finish(&world.instance)?;
        }
        performance.stream.finish()
    }

    /// What the events of cases do not say, as TOML: `[instances]` (the instance of each domain), `[templates]` (their
    /// names), `[fields]` (the name and the type of each custom field).
    pub fn lookups(&self) -> String {
        Domain::new(&self.options, &Instance::of(&self.options), &[]).lookups()
    }

    fn cases(&self, instance: &Instance, agents: &[Agent]) -> Cases {
        let users: Vec<Uuid> = agents.iter().map(|agent| agent.user).collect();
        Cases::new(&self.options, instance, &users)
    }

    fn flows(&self, instance: &Instance, agents: &[Agent]) -> Flows {
        let users: Vec<Uuid> = agents.iter().map(|agent| agent.user).collect();
        Flows::new(&self.options, instance, &users)
    }

    /// How long sessions are, and which event is the last one.
    fn rehearse(&self) -> io::Result<(Option<Quota>, Place)> {
        let cut = self.cut_by_duration();
        match self.options.events {
            None => Ok((None, cut)),
            Some(_) if self.options.agents == 0 => Ok((None, cut)),
            Some(0) => Ok((None, (i64::MIN, 0))),
            Some(events) => {
                let quota = self.quota(events, cut)?;
                let outcome = act_out(&mut World::new(&self.options, quota, cut), Some(events), None)?;
                Ok((quota, outcome.last.unwrap_or(cut)))
            }
        }
    }

    /// How much the sessions must have for so many events to fill the duration, a few percent left over for the end.
    /// Found by trying: of the quotas that give enough the one that gives least, else the one that gives most.
    fn quota(&self, events: u64, cut: Place) -> io::Result<Option<Quota>> {
        let Some(duration) = self.options.duration else {
            return Ok(None);
        };
        let days = duration.as_secs().div_ceil(86_400).max(1);
        let sessions = days * u64::from(self.options.agents);
        let mut quota = Quota((events.saturating_mul(256) / sessions).max(1));
        let mut best: Option<(u64, Quota)> = None;
        for _ in 0..TRIES {
            // Enough is enough: a total far above the number need not be known exactly.
            let limit = Some(events.saturating_mul(2));
            let total = act_out(&mut World::new(&self.options, Some(quota), cut), limit, None)?.events;
            let is_better = match best {
                None => true,
                Some((before, _)) if total >= events => before < events || total < before,
                Some((before, _)) => total > before,
            };
            if is_better {
                best = Some((total, quota));
            }
            if (events..=events + events / 16).contains(&total) {
                break;
            }
            let wanted = u128::from(quota.0) * u128::from(events) * 103 / 100 / u128::from(total.max(1));
            quota = Quota(u64::try_from(wanted).unwrap_or(u64::MAX / 256).max(1));
        }
        Ok(best.map(|(_, quota)| quota))
    }

    /// The last moment that the duration leaves.
    fn cut_by_duration(&self) -> Place {
        match self.options.duration {
            Some(duration) => (self.options.start.millis() + duration.as_millis() as i64 - 1, usize::MAX),
            None => (i64::MAX, usize::MAX),
        }
    }
}

/// How often the quota is corrected at most; three are mostly enough.
const TRIES: usize = 6;

/// What came of acting out.
struct Outcome {
    events: u64,
    /// The place of the event at which the limit was reached.
    last: Option<Place>,
}

/// Lets everything happen in order of time. Stops at the world's own end, or at the event number `limit`; without a
/// performance it is a rehearsal.
fn act_out(
    world: &mut World,
    limit: Option<u64>,
    mut performance: Option<&mut Performance<'_>>,
) -> io::Result<Outcome> {
    let mut queue: BinaryHeap<Reverse<Place>> =
        world.agents.iter().enumerate().map(|(number, agent)| Reverse((agent.due, number))).collect();
    let mut events = 0;
    while let Some(Reverse((at, number))) = queue.pop() {
        if world.agents[number].due != at {
            continue; // Somebody asked this agent for help in the meantime; its new time is in the queue as well.
        }
        if at == i64::MAX || (at, number) > world.cut() {
            break;
        }
        let agent = &mut world.agents[number];
        let (_, due) = agent.next_due();
        let mut colleague = None;
        match due {
            Due::Decision => {
                colleague = match performance.as_deref_mut() {
                    Some(performance) => world.decide(number, at, &mut performance.truth),
                    None => world.decide(number, at, &mut None),
                };
            }
            Due::Step | Due::Beat => {
                let kind = if due == Due::Step { agent.act(&world.instance) } else { agent.beat(at) };
                if due == Due::Step && agent.is_played_out() {
                    world.rest(number);
                }
                if let Some(performance) = performance.as_deref_mut() {
                    performance.tell(world, number, kind)?;
                }
                events += 1;
                if limit == Some(events) {
                    return Ok(Outcome { events, last: Some((at, number)) });
                }
            }
        }
        for number in [Some(number), colleague].into_iter().flatten() {
            let agent = &mut world.agents[number];
            agent.due = agent.next_due().0;
            queue.push(Reverse((agent.due, number)));
        }
    }
    Ok(Outcome { events, last: None })
}

impl Performance<'_> {
    /// Tells of what happened to an agent.
    fn tell(&mut self, world: &mut World, number: usize, kind: &'static str) -> io::Result<()> {
        let World { instance, agents, .. } = world;
        self.tell_cases(agents[number].latest)?;
        let agent = &mut agents[number];
        if kind != "HEART_BEAT" {
            agent.refresh(instance);
        }
        let event = agent.event_id();
        if let Some(truth) = &mut self.truth {
            let (contacts, departed) = agent.contact_counts();
            truth.event(&Expected { agent: number, event, at: agent.latest, kind, contacts, departed });
            truth.pass_on()?;
        }
        self.stream.release(agent.latest)?;
        let begin = self.stream.buffer.len();
        let marks = agent.tell(&mut self.stream.buffer, instance, (kind, &event), self.shuffle.as_mut());
        self.stream.settle(begin, marks, agent, instance)
    }
}

impl Performance<'_> {
    /// Tells of what happens to cases, and in flows, before `until`.
    fn tell_cases(&mut self, until: i64) -> io::Result<()> {
        while let Some(at) = self.cases.as_ref().and_then(Cases::due).filter(|at| *at < until) {
            self.tell_flows(at)?;
            let Some(cases) = &mut self.cases else { break };
            self.stream.release(at)?;
            if let Some(told) = cases.tell(&mut self.stream.buffer, self.truth.as_mut()) {
                // Before the event, which may leave the buffer, so that what is behind it moves.
                for answer in &told.answers {
                    self.stream.settle_answer(answer, told.at);
                }
                self.stream.settle_case(told.line, told.marks, told.at)?;
            }
            if let Some(truth) = &mut self.truth {
                truth.pass_on()?;
            }
        }
        self.tell_flows(until)
    }

    /// Tells of what happens in flows before `until`.
    fn tell_flows(&mut self, until: i64) -> io::Result<()> {
        let Some(flows) = &mut self.flows else {
            return Ok(());
        };
        while let Some(at) = flows.due().filter(|at| *at < until) {
            self.stream.release(at)?;
            let begin = self.stream.buffer.len();
            if let Some(told) = flows.tell(&mut self.stream.buffer, self.truth.as_mut())
                && self.stream.settle_flow(begin, &told)?
            {
                flows.repeat(told.lines);
            }
            if let Some(truth) = &mut self.truth {
                truth.pass_on()?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
