//! The script that agents act out: what happens to one agent, and when, decided before anything is rendered.

use crate::contact::{Contact, State};
use crate::instance::{Instance, Profile, Setup};
use crate::random::Random;

/// One thing that happens, and the event that tells of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// The event's time. Strictly rising within an agent.
    pub(crate) at: i64,
    pub(crate) change: Change,
}

/// What happens. A `slot` is a contact's index in the scene's cast.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    /// The agent signs in; what was still listed is gone.
    Login,
    /// The agent signs out; what is listed stays listed.
    Logout,
    /// A heart beat that the schedule itself asks for.
    Beat,
    /// A status is chosen; it starts `lag` ms before the event.
    Status { index: u8, lag: i64 },
    /// A status is chosen for later.
    Next { index: u8 },
    /// A contact appears or moves on.
    Contact { slot: usize, state: State, start: i64, connected: Option<i64> },
    /// A contact leaves.
    Gone { slot: usize },
    /// A contact leaves and a status begins, in one event: the queued one, or one chosen during after-contact work.
    GoneInto { slot: usize, index: u8, lag: i64 },
    /// An administrator changes the agent's configuration.
    Configure(Setup),
}

/// How an agent's session ends in a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It does not.
    Open,
    /// With a LOGOUT, and so many heart beats after it.
    Logout { beats: u32 },
    /// Without one: so many heart beats, then silence.
    Silence { beats: u32 },
}

/// What happens to one agent until somebody has to decide again.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) steps: Vec<Step>,
    pub(crate) cast: Vec<Contact>,
    pub(crate) ending: Ending,
    /// The time of each contact's last event.
    latest: Vec<i64>,
}

/// The longest time between a contact's change and its event; real ones were 0 to 67 ms late, and events of one agent
/// that would fall together are moved apart by a few more.
const LATENESS: i64 = 60;

impl Scene {
    pub(crate) fn new() -> Self {
        Self { steps: Vec::new(), cast: Vec::new(), ending: Ending::Open, latest: Vec::new() }
    }

    /// Adds a contact to the cast.
    pub(crate) fn cast(&mut self, contact: Contact) -> usize {
        self.cast.push(contact);
        self.latest.push(i64::MIN);
        self.cast.len() - 1
    }

    pub(crate) fn push(&mut self, at: i64, change: Change) {
        self.steps.push(Step { at, change });
    }

    /// A contact's state begins at `start`; its event follows a little later, but never before the one before it.
    pub(crate) fn state(&mut self, random: &mut Random, slot: usize, change: (State, i64), connected: Option<i64>) {
        let (state, start) = change;
        let at = (start + random.between(0, LATENESS)).max(self.latest[slot].saturating_add(1));
        self.latest[slot] = at;
        self.push(at, Change::Contact { slot, state, start, connected });
    }

    /// A contact is answered at `start`, told in one event or in two. Returns when the agent was connected.
    pub(crate) fn answer(&mut self, random: &mut Random, slot: usize, start: i64) -> i64 {
        let connected = start - random.between(17, 39);
        if random.chance(500) {
            let at = (start + random.between(0, 10)).max(self.latest[slot].saturating_add(1));
            self.push(at, Change::Contact { slot, state: State::Connected, start, connected: None });
            self.latest[slot] = at + random.between(19, 50);
            let change = Change::Contact { slot, state: State::Connected, start, connected: Some(connected) };
            self.push(self.latest[slot], change);
        } else {
            self.state(random, slot, (State::Connected, start), Some(connected));
        }
        connected
    }

    /// A contact leaves at `at`.
    pub(crate) fn gone(&mut self, slot: usize, at: i64) -> i64 {
        let at = at.max(self.latest[slot].saturating_add(1));
        self.latest[slot] = at;
        self.push(at, Change::Gone { slot });
        at
    }

    /// Orders the steps by time and gives each event a time of its own, after `now`.
    pub(crate) fn settle(&mut self, now: i64) {
        self.steps.sort_by_key(|step| step.at);
        let mut latest = now;
        for step in &mut self.steps {
            latest = step.at.max(latest + 1);
            step.at = latest;
        }
    }

    /// When the last step happens.
    pub(crate) fn end(&self) -> Option<i64> {
        self.steps.iter().map(|step| step.at).max()
    }
}

/// Where a scene is set: what its author may look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stage<'a> {
    pub(crate) instance: &'a Instance,
    pub(crate) profile: &'a Profile,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(instance: &'a Instance, setup: &Setup) -> Self {
        Self { instance, profile: &instance.profiles[usize::from(setup.profile)] }
    }

    /// A status other than Available and Offline.
    pub(crate) fn custom_status(&self, random: &mut Random) -> u8 {
        let first = crate::instance::FIRST_CUSTOM;
        first + random.below(self.instance.statuses.len() - usize::from(first)) as u8
    }

    /// One of the profile's inbound queues.
    pub(crate) fn queue(&self, random: &mut Random) -> usize {
        self.profile.queues[random.below(self.profile.queues.len())]
    }
}
