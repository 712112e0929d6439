//! Cases: opened, changed, closed, opened again, deleted, and what is related to them.
//!
//! Everything is decided by a source of chance of its own, so that cases change nothing of what agents do. Only cases
//! that are under way are kept.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::ops::Range;
use std::time::Duration;

mod answer;
pub(crate) mod audit;
pub(crate) mod case;
pub(crate) mod domain;
pub(crate) mod fields;
mod item;
mod render;
pub(crate) mod truth;

use self::audit::{Answer, Audits, History};
use self::case::{Case, Happening};
use self::domain::Domain;
use self::truth::{Outcome, Tally};
use crate::agent::Marks;
use crate::instance::Instance;
use crate::options::Options;
use crate::random::{Random, Uuid};
use crate::truth::Truth;

/// How long cases happen where the options do not say.
const USUAL: Duration = Duration::from_secs(86_400);

/// The most events of a case.
const LONGEST: usize = 25;

/// All cases of a domain.
#[derive(Debug)]
pub(crate) struct Cases {
    domain: Domain,
    chance: Random,
    lengths: Random,
    /// First moment, and the moment behind the last one.
    window: (i64, i64),
    /// How many cases there will have been, and how many have begun.
    total: u64,
    begun: u64,
    /// Events of cases that have not begun.
    left: u64,
    due: BinaryHeap<Reverse<(i64, u64)>>,
    live: HashMap<u64, Live>,
    /// The case that began last: the next one may be connected with it.
    previous: Uuid,
    tally: Tally,
    audits: Option<Audits>,
}

/// A case that is under way.
#[derive(Debug)]
struct Live {
    case: Case,
    outcome: Outcome,
    /// Empty where nobody asks for it.
    history: History,
}

/// What was told: the event `line` of `at` with its marks, and the answers beside it.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) at: i64,
    pub(crate) line: Range<usize>,
    pub(crate) marks: Marks,
    pub(crate) answers: Vec<Answer>,
}

impl Cases {
    /// The cases of `instance`, worked on by `agents`.
    pub(crate) fn new(options: &Options, instance: &Instance, agents: &[Uuid]) -> Self {
        let start = options.start.millis();
        let span = options.duration.unwrap_or(USUAL).as_millis() as i64;
        let mut chance = Random::new(options.seed, 4);
        let lengths = Random::new(options.seed, 5);
        let previous = chance.uuid();
        let mut cases = Self {
            domain: Domain::new(options, instance, agents),
            chance,
            total: count(options.case_events, lengths.clone()),
            lengths,
            window: (start, start + span),
            begun: 0,
            left: options.case_events,
            due: BinaryHeap::new(),
            live: HashMap::new(),
            previous,
            tally: Tally::default(),
            audits: options.audits.then(|| Audits::new(options.seed)),
        };
        cases.begin();
        cases
    }

    /// When the next thing happens.
    pub(crate) fn due(&self) -> Option<i64> {
        self.due.peek().map(|Reverse((at, _))| *at)
    }

    /// Lets the next thing happen and appends the event that tells of it. Where that is the last one, the answers that
    /// tell the case's history stand behind it; of a case that is deleted before it, since nobody can ask any more.
    /// `None` where nothing is left.
    pub(crate) fn tell(&mut self, out: &mut Vec<u8>, mut truth: Option<&mut Truth<'_>>) -> Option<Told> {
        let Reverse((at, number)) = self.due.pop()?;
        let mut live = self.live.remove(&number)?;
        let happening = live.case.act(&self.domain, at, &self.previous, &mut self.chance);
        if let Some(audits) = &mut self.audits {
            audits.follow(&mut live.history, (&self.domain, &live.case, &happening), at);
        }
        let is_deleted = happening == Happening::Deleted;
        let before = if is_deleted { self.answer(out, &live, truth.as_deref_mut()) } else { Vec::new() };
        let (line, marks) = self.push(out, &mut live, &happening, at);
        let is_over = live.case.left == 0;
        let answers = if is_over && !is_deleted { self.answer(out, &live, truth.as_deref_mut()) } else { before };
        if !is_over {
            let next = self.next(at, live.case.left);
            self.due.push(Reverse((next, number)));
            self.live.insert(number, live);
        } else if let Some(truth) = truth {
            truth.case(&self.domain.instance_id, &live.case.id, &live.outcome);
        }
        Some(Told { at, line, marks, answers })
    }

    /// Appends the event that tells of what happened, and counts it.
    fn push(&mut self, out: &mut Vec<u8>, live: &mut Live, happening: &Happening, at: i64) -> (Range<usize>, Marks) {
        let begin = out.len();
        let event = self.chance.uuid();
        let told = (&self.domain, &live.case, happening);
        let marks = render::push_event(out, told, (&event, at), &mut self.chance);
        self.tally.count(&live.case, happening);
        live.outcome.follow(&live.case, happening, (at, event));
        if *happening == Happening::Created {
            self.previous = live.case.id;
            self.begin();
        }
        (begin..out.len(), marks)
    }

    /// Appends the answers that tell a case's history, where somebody asks for them.
    fn answer(&mut self, out: &mut Vec<u8>, live: &Live, truth: Option<&mut Truth<'_>>) -> Vec<Answer> {
        match &mut self.audits {
            Some(audits) => audits.tell(out, (&self.domain, &live.case.id, &live.history), truth),
            None => Vec::new(),
        }
    }

    /// Who asks for histories.
    pub(crate) fn audits(&self) -> Option<&Audits> {
        self.audits.as_ref()
    }

    /// What came of all cases.
    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Draws the next case, if there is one. They begin evenly over the first nine tenths of the time.
    fn begin(&mut self) {
        if self.left == 0 {
            return;
        }
        let length = length(&mut self.lengths).min(self.left);
        let (start, end) = self.window;
        let share = i128::from(end - start) * 9 / 10 * i128::from(self.begun) / i128::from(self.total.max(1));
        let at = start + share as i64;
        let case = Case::new(&self.domain, at, length, &mut self.chance);
        self.live.insert(self.begun, Live { case, outcome: Outcome::default(), history: History::default() });
        self.due.push(Reverse((at, self.begun)));
        self.left -= length;
        self.begun += 1;
    }

    /// When a case with so many events to come goes on: sometimes in the same millisecond, always before the end.
    fn next(&mut self, at: i64, left: u64) -> i64 {
        let last = self.window.1 - 1;
        if self.chance.chance(40) {
            return at;
        }
        let most = (2 * (last - at) / (left as i64 + 1)).clamp(1, 12 * 3_600_000);
        (at + self.chance.between(1, most)).min(last)
    }
}

fn length(random: &mut Random) -> u64 {
    1 + random.below(LONGEST).min(random.below(LONGEST)) as u64
}

/// How many cases have so many events.
fn count(events: u64, mut lengths: Random) -> u64 {
    let (mut cases, mut left) = (0, events);
    while left > 0 {
        left -= length(&mut lengths).min(left);
        cases += 1;
    }
    cases
}

#[cfg(test)]
mod tests;
