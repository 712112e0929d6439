//! All agents, and who decides what happens to them.
//!
//! A scene is decided for one agent (two, for a consultation) when the one before it has been acted out. Nothing is
//! kept of what is over, so the memory for an agent is constant however long the simulation lasts.

use crate::agent::{Agent, Phase};
use crate::calls::{self, Consultation};
use crate::chats;
use crate::instance::{AVAILABLE, Instance, OFFLINE};
use crate::options::Options;
use crate::random::Random;
use crate::scene::{Change, Ending, Scene, Stage};
use crate::text::MILLIS_PER_DAY;
use crate::truth::{Acted, Truth};

/// The place of an event in the stream before anything disturbs it: its time, then its agent.
pub(crate) type Place = (i64, usize);

/// Everybody.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) instance: Instance,
    pub(crate) agents: Vec<Agent>,
    /// Agents who are signed in and have nothing to do, and each agent's place in that list.
    idle: Vec<usize>,
    idle_places: Vec<Option<usize>>,
    /// The last event that there may be.
    cut: Place,
    start: i64,
    shift: Shift,
}

/// How long agents work.
#[derive(Clone, Copy, Debug)]
struct Shift {
    /// How much a session is to have, where the options ask for a number of events over a duration.
    quota: Option<Quota>,
    /// The part of a day over which sessions begin, in milliseconds from the start.
    window: Option<i64>,
}

/// The events of an average session, in 256ths: the measure by which the simulation makes sessions shorter or longer.
/// What comes of it is more, for a session ends with the scene in which it is reached, and heart beats follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota(pub(crate) u64);

/// Between two sessions of an agent: longer than the hour for which heart beats go on.
const REST: i64 = 5 * 3_600_000;

impl World {
    /// The world before the first event; nothing after `cut` happens in it. Sessions are full shifts without a `quota`.
    pub(crate) fn new(options: &Options, quota: Option<Quota>, cut: Place) -> Self {
        let instance = Instance::of(options);
        let count = options.agents as usize;
        let agents = (0..count).map(|number| Agent::new(&instance, options.seed, number)).collect();
        let start = options.start.millis();
        let shift = Shift::new(options, quota);
        let mut world = Self { instance, agents, idle: Vec::new(), idle_places: vec![None; count], cut, start, shift };
        for agent in 0..count {
            world.settle_in(agent);
        }
        world
    }

    /// Where an agent stands when the simulation begins.
    fn settle_in(&mut self, number: usize) {
        let (start, shift) = (self.start, self.shift);
        let agent = &mut self.agents[number];
        let chance = &mut agent.chance;
        agent.usual_login = match shift.window {
            Some(window) => (start + chance.between(0, window)).rem_euclid(MILLIS_PER_DAY),
            // Most begin in the morning, some at noon, some in the evening and work over midnight.
            None => match chance.below(20) {
                0..11 => chance.between(6 * 60, 10 * 60) * 60_000,
                11..16 => chance.between(11 * 60, 15 * 60) * 60_000,
                _ => chance.between(19 * 60 + 30, 23 * 60 + 40) * 60_000,
            },
        };
        if chance.chance(100) {
            // Signed in already: the stream begins inside the session.
            let until = start + chance.between(20, 300) * 60_000;
            agent.status = (AVAILABLE, start - chance.seconds(30, 7_200));
            agent.phase = Phase::Working { until };
            agent.quota = shift.session_quota(chance);
            agent.wake = start;
        } else {
            agent.status = (OFFLINE, start - chance.between(10, 90 * 24 * 60) * 60_000 - chance.between(0, 59_999));
            agent.wake = next_login(agent, start - REST, shift);
        }
        agent.introduce(&self.instance);
        agent.due = agent.next_due().0;
    }

    /// The last event that there may be.
    pub(crate) fn cut(&self) -> Place {
        self.cut
    }

    /// An agent has acted out its scene: unless it is on its way home, others may now ask it for help.
    pub(crate) fn rest(&mut self, number: usize) {
        let agent = &self.agents[number];
        if matches!(agent.phase, Phase::Working { .. }) && agent.wake < i64::MAX && self.idle_places[number].is_none() {
            self.idle_places[number] = Some(self.idle.len());
            self.idle.push(number);
        }
    }

    fn wake(&mut self, number: usize) {
        if let Some(place) = self.idle_places[number].take() {
            self.idle.swap_remove(place);
            if let Some(moved) = self.idle.get(place) {
                self.idle_places[*moved] = Some(place);
            }
        }
    }

    /// Decides what happens to an agent after `now`. Returns the other agent for whom something was decided as well.
    pub(crate) fn decide(&mut self, number: usize, now: i64, truth: &mut Option<Truth<'_>>) -> Option<usize> {
        self.wake(number);
        let mut random = self.agents[number].chance.clone();
        let agent = &self.agents[number];
        let mut scene = Scene::new();
        let mut colleague = None;
        match agent.phase {
            Phase::Away => {
                scene.push(now + 1, Change::Login);
                let lag = random.between(0, 1);
                scene.push(now + random.seconds(30, 73), Change::Status { index: AVAILABLE, lag });
                let agent = &mut self.agents[number];
                agent.spent = 0;
                agent.quota = self.shift.session_quota(&mut random);
                agent.phase = Phase::Working { until: now + random.between(5 * 60 + 30, 9 * 60) * 60_000 };
            }
            Phase::Working { .. } if agent.latest < self.start => {
                scene.push(now + random.between(1, 120_000), Change::Beat);
            }
            Phase::Working { until } if now >= until || agent.spent >= agent.quota => {
                self.go_home(&mut scene, &mut random, number, now);
            }
            Phase::Working { .. } => colleague = self.work(&mut scene, &mut random, number, now),
        }
        let agent = &mut self.agents[number];
        agent.wake = match agent.phase {
            Phase::Working { .. } => scene.end().unwrap_or(now) + random.seconds(3, 180),
            Phase::Away => {
                let end = scene.end().unwrap_or(now);
                agent.chance = random.clone();
                let login = next_login(agent, end, self.shift);
                random = agent.chance.clone();
                login
            }
        };
        agent.chance = random;
        self.begin(number, scene, now, truth);
        let (colleague, leg) = colleague?;
        self.wake(colleague);
        let pause = self.agents[colleague].chance.seconds(3, 180);
        self.agents[colleague].wake = leg.end().unwrap_or(now) + pause;
        self.begin(colleague, leg, now, truth);
        Some(colleague)
    }

    /// Something to do for an agent at work.
    fn work(&self, scene: &mut Scene, random: &mut Random, number: usize, now: i64) -> Option<(usize, Scene)> {
        let instance = &self.instance;
        let stage = Stage::new(instance, &self.agents[number].setup);
        let at = now + 100;
        match random.below(1_000) {
            0..60 if !self.idle.is_empty() => {
                let colleague = self.idle[random.below(self.idle.len())];
                let mut leg = Scene::new();
                let second_stage = Stage::new(instance, &self.agents[colleague].setup);
                let consultation = Consultation { first: (scene, stage), second: (&mut leg, second_stage) };
                calls::consult(consultation, random, at);
                return Some((colleague, leg));
            }
            60..180 if stage.profile.slots[1] > 0 => chats::burst(scene, random, &stage, at),
            180..270 => calls::outbound(scene, random, &stage, at),
            270..370 => pause(scene, random, &stage, at),
            370..410 => {
                let mut setup = instance.setup(random);
                if random.chance(500) {
                    setup.profile = self.agents[number].setup.profile;
                }
                scene.push(at, Change::Configure(setup));
            }
            // Chosen again: the same status with a new start.
            410..425 => scene.push(at, Change::Status { index: AVAILABLE, lag: random.between(0, 1) }),
            _ => calls::inbound(scene, random, &stage, at),
        }
        None
    }

    /// The end of a session: offline, then a LOGOUT, or none.
    fn go_home(&mut self, scene: &mut Scene, random: &mut Random, number: usize, now: i64) {
        let mut at = now + random.between(200, 4_000);
        scene.push(at, Change::Status { index: OFFLINE, lag: random.between(0, 1) });
        if random.chance(80) {
            let stage = Stage::new(&self.instance, &self.agents[number].setup);
            at = calls::left_over(scene, random, &stage, at + 1_000) + 200;
        }
        let agent = &mut self.agents[number];
        agent.phase = Phase::Away;
        // Up to an hour of them; at least one before a silence, so that the last status has a length.
        let most = (agent.quota / 4 + 2).min(30) as usize;
        if random.chance(750) {
            scene.push(at + random.seconds(1, 60), Change::Logout);
            let beats = if random.chance(300) { 0 } else { random.below(most) as u32 };
            scene.ending = Ending::Logout { beats };
        } else {
            scene.ending = Ending::Silence { beats: 1 + random.below(most - 1) as u32 };
        }
    }

    /// Settles a scene, drops what lies behind the end of the input, and makes the rest true.
    fn begin(&mut self, number: usize, mut scene: Scene, now: i64, truth: &mut Option<Truth<'_>>) {
        let agent = &mut self.agents[number];
        scene.settle(now.max(agent.latest));
        let decided = scene.steps.len();
        let cut = self.cut;
        scene.steps.retain(|step| (step.at, number) <= cut);
        let is_cut = scene.steps.len() < decided;
        if is_cut {
            scene.ending = Ending::Open;
            agent.wake = i64::MAX;
        }
        if let Some(truth) = truth {
            let last_beat = match (scene.ending, scene.end()) {
                (Ending::Silence { beats }, Some(end)) => Some(end + agent.beat_every * i64::from(beats)),
                _ => None,
            };
            let last_beat = last_beat.filter(|at| (*at, number) <= cut);
            truth.scene(&self.instance, &Acted { agent: number, scene: &scene, is_cut, last_beat });
        }
        agent.adopt(scene);
    }
}

/// A break: a status other than Available for a while, now and then with a call.
fn pause(scene: &mut Scene, random: &mut Random, stage: &Stage<'_>, at: i64) {
    let index = stage.custom_status(random);
    scene.push(at, Change::Status { index, lag: random.between(0, 1) });
    let mut back = at + random.seconds(60, 1_500);
    if random.chance(200) {
        let dialled = at + random.seconds(5, 40);
        let over = calls::private(scene, random, stage, dialled);
        back = back.max(over + 1_000);
    }
    scene.push(back, Change::Status { index: AVAILABLE, lag: random.between(0, 1) });
}

/// When an agent comes next, a rest after `end`.
fn next_login(agent: &mut Agent, end: i64, shift: Shift) -> i64 {
    let earliest = end + REST;
    let mut day = earliest.div_euclid(MILLIS_PER_DAY) * MILLIS_PER_DAY - MILLIS_PER_DAY;
    loop {
        let login = day + agent.usual_login + agent.chance.between(0, 20 * 60_000);
        // Where a number of events is asked for, nobody stays at home.
        if login >= earliest && (shift.quota.is_some() || agent.chance.chance(850)) {
            return login;
        }
        day += MILLIS_PER_DAY;
    }
}

impl Shift {
    fn new(options: &Options, quota: Option<Quota>) -> Self {
        let duration = options.duration.map(|duration| duration.as_millis() as i64);
        let window = duration.filter(|duration| *duration < MILLIS_PER_DAY).map(|duration| duration / 10 * 8);
        Self { quota, window }
    }

    /// How many events the next session should have.
    fn session_quota(self, random: &mut Random) -> u64 {
        match self.quota {
            None => u64::MAX,
            Some(Quota(quota)) => (quota.saturating_mul(random.between(70, 130) as u64) / (100 * 256)).max(2),
        }
    }
}
