//! An agent: where it stands, and how an event says so.

use crate::contact::{Contact, Listed};
use crate::instance::{
    AVAILABLE, Configuration, Instance, OFFLINE, Person, Setup, Status, VARIED_DIGITS, push_concurrency,
};
use crate::random::{Random, Uuid};
use crate::scene::{Change, Ending, Scene, Step};
use crate::text::push_moment;

/// A rendered snapshot.
#[derive(Debug, Default)]
struct Snapshot {
    bytes: Vec<u8>,
    /// Where identifiers end that may be varied.
    varied: Vec<u32>,
    /// The contacts listed.
    contacts: Vec<Uuid>,
}

/// Where an agent is in its working day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not signed in. It comes at its `wake`.
    Away,
    /// Signed in (or about to show that it already was) until then.
    Working { until: i64 },
}

/// One agent.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) user: Uuid,
    pub(crate) arn: String,
    number: usize,
    person: Person,
    pub(crate) setup: Setup,
    configuration: Configuration,
    pub(crate) status: (u8, i64),
    next: Option<(u8, i64)>,
    listed: Vec<(usize, Listed)>,
    steps: Vec<Step>,
    played: usize,
    cast: Vec<Contact>,
    ending: Ending,
    current: Snapshot,
    previous: Snapshot,
    /// The time of the last event.
    pub(crate) latest: i64,
    /// How many heart beats may still come.
    beats: u32,
    /// Milliseconds of silence before a heart beat.
    pub(crate) beat_every: i64,
    /// Decides what happens.
    pub(crate) chance: Random,
    /// Gives events their ids.
    ids: Random,
    pub(crate) phase: Phase,
    /// When somebody has to decide what happens next; never when `i64::MAX`.
    pub(crate) wake: i64,
    /// When to look at this agent again.
    pub(crate) due: i64,
    /// Events of this session, and how many there should be.
    pub(crate) spent: u64,
    pub(crate) quota: u64,
    /// Milliseconds of the day at which it usually begins.
    pub(crate) usual_login: i64,
    opening: Vec<u8>,
}

/// What an agent does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Step,
    Beat,
    Decision,
}

/// Where the parts of a rendered event begin that a test of robustness wants to break.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks {
    pub(crate) id: usize,
    pub(crate) timestamp: usize,
}

/// 120 s of silence [Amazon Connect admin guide, "Agent event streams": HEART_BEAT].
const BEAT: i64 = 120_000;

impl Agent {
    pub(crate) fn new(instance: &Instance, seed: u64, number: usize) -> Self {
        let mut chance = Random::new(seed, 2 * number as u64 + 100);
        let user = chance.uuid();
        let setup = instance.setup(&mut chance);
        let person = Instance::person(&mut chance);
        let user_text = String::from_utf8_lossy(&user);
        let arn = format!("{}/agent/{user_text}", instance.arn);
        let account = &instance.account;
        let opening = format!(r#"{{"AWSAccountId":"{account}","AgentARN":"{arn}","CurrentAgentSnapshot":"#);
        Self {
            user,
            number,
            person,
            setup,
            configuration: instance.configuration(&setup, person, &user_text, number),
            arn,
            status: (OFFLINE, 0),
            next: None,
            listed: Vec::new(),
            steps: Vec::new(),
            played: 0,
            cast: Vec::new(),
            ending: Ending::Open,
            current: Snapshot::default(),
            previous: Snapshot::default(),
            latest: i64::MIN / 2,
            beats: 0,
            beat_every: BEAT + chance.between(0, 400),
            chance,
            ids: Random::new(seed, 2 * number as u64 + 101),
            phase: Phase::Away,
            wake: i64::MAX,
            due: i64::MAX,
            spent: 0,
            quota: u64::MAX,
            usual_login: 0,
            opening: opening.into_bytes(),
        }
    }

    /// Takes over what was decided.
    pub(crate) fn adopt(&mut self, scene: Scene) {
        self.steps = scene.steps;
        self.cast = scene.cast;
        self.ending = scene.ending;
        self.played = 0;
    }

    /// Whether everything decided has happened.
    pub(crate) fn is_played_out(&self) -> bool {
        self.played == self.steps.len()
    }

    /// What happens next, and when.
    pub(crate) fn next_due(&self) -> (i64, Due) {
        let (at, due) = match self.steps.get(self.played) {
            Some(step) => (step.at, Due::Step),
            None => (self.wake, Due::Decision),
        };
        let beat = if self.beats > 0 { self.latest + self.beat_every } else { i64::MAX };
        if beat < at { (beat, Due::Beat) } else { (at, due) }
    }

    /// A heart beat: nothing changes but the time. Returns the event's type.
    pub(crate) fn beat(&mut self, at: i64) -> &'static str {
        self.latest = at;
        self.beats -= 1;
        self.spent += 1;
        "HEART_BEAT"
    }

    /// Acts out the next step. Returns the event's type.
    pub(crate) fn act(&mut self, instance: &Instance) -> &'static str {
        let step = self.steps[self.played];
        self.played += 1;
        self.latest = step.at;
        self.spent += 1;
        self.beats = u32::MAX;
        if self.is_played_out() {
            self.beats = match self.ending {
                Ending::Open => u32::MAX,
                Ending::Logout { beats } | Ending::Silence { beats } => beats,
            };
        }
        match step.change {
            Change::Login => {
                self.listed.clear();
                return "LOGIN";
            }
            Change::Logout => return "LOGOUT",
            Change::Beat => return "HEART_BEAT",
            Change::Status { index, lag } => self.begin_status(index, step.at - lag),
            Change::Next { index } => self.next = Some((index, step.at)),
            Change::Contact { slot, state, start, connected } => {
                match self.listed.iter_mut().find(|(listed, _)| *listed == slot) {
                    Some((_, listed)) => (listed.state, listed.start, listed.connected) = (state, start, connected),
                    None => self.listed.push((slot, Listed { contact: self.cast[slot], state, start, connected })),
                }
            }
            Change::Gone { slot } => self.listed.retain(|(listed, _)| *listed != slot),
            Change::GoneInto { slot, index, lag } => {
                self.listed.retain(|(listed, _)| *listed != slot);
                self.begin_status(index, step.at - lag);
            }
            Change::Configure(setup) => {
                self.setup = setup;
                let user = String::from_utf8_lossy(&self.user);
                self.configuration = instance.configuration(&setup, self.person, &user, self.number);
            }
        }
        "STATE_CHANGE"
    }

    fn begin_status(&mut self, index: u8, start: i64) {
        self.status = (index, start);
        self.next = None;
    }

    /// Renders where the agent stands now; what was current becomes previous.
    pub(crate) fn refresh(&mut self, instance: &Instance) {
        std::mem::swap(&mut self.current, &mut self.previous);
        self.render(instance);
    }

    /// Renders where the agent stands before its first event.
    pub(crate) fn introduce(&mut self, instance: &Instance) {
        self.render(instance);
        self.previous.bytes.clone_from(&self.current.bytes);
        self.previous.varied.clone_from(&self.current.varied);
    }

    fn render(&mut self, instance: &Instance) {
        let Snapshot { bytes: out, varied, contacts } = &mut self.current;
        out.clear();
        varied.clear();
        contacts.clear();
        let status = &instance.statuses[usize::from(self.status.0)];
        out.extend_from_slice(b"{\"AgentStatus\":{\"ARN\":\"");
        out.extend_from_slice(status.arn.as_bytes());
        out.extend_from_slice(b"\",\"Name\":");
        out.extend_from_slice(status.name.as_bytes());
        out.extend_from_slice(b",\"StartTimestamp\":\"");
        push_moment(out, self.status.1);
        out.extend_from_slice(b"\",\"Type\":\"");
        out.extend_from_slice(status.kind.as_bytes());
        out.extend_from_slice(b"\"},\"Configuration\":");

        let mut busy = [0_u8; 4];
        for (_, listed) in &self.listed {
            busy[listed.contact.channel as usize] += 1;
        }
        let slots = &instance.profiles[usize::from(self.setup.profile)].slots;
        let place = |base: usize| move |place: &u32| base as u32 + place;
        varied.extend(self.configuration.varied_before.iter().map(place(out.len())));
        out.extend_from_slice(&self.configuration.before_concurrency);
        push_concurrency(out, slots, &busy, self.status.0 == AVAILABLE && self.next.is_none());
        varied.extend(self.configuration.varied_after.iter().map(place(out.len())));
        out.extend_from_slice(&self.configuration.after_concurrency);

        out.extend_from_slice(b",\"Contacts\":[");
        for (index, (_, listed)) in self.listed.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            listed.push_json(out, instance);
            contacts.push(listed.contact.id);
        }
        out.extend_from_slice(b"],\"NextAgentStatus\":");
        match self.next {
            None => out.extend_from_slice(b"null}"),
            Some((index, enqueued)) => push_next(out, &instance.statuses[usize::from(index)], enqueued),
        }
    }

    /// The id of the next event.
    pub(crate) fn event_id(&mut self) -> Uuid {
        self.ids.uuid()
    }

    /// How many contacts the current snapshot lists, and how many of the previous one it lacks.
    pub(crate) fn contact_counts(&self) -> (usize, usize) {
        let current = &self.current.contacts;
        (current.len(), self.previous.contacts.iter().filter(|id| !current.contains(id)).count())
    }

    /// Appends the event as a line. With a `shuffle`, both snapshots get identifiers of their own.
    pub(crate) fn tell(
        &self,
        out: &mut Vec<u8>,
        instance: &Instance,
        event: (&'static str, &Uuid),
        mut shuffle: Option<&mut Random>,
    ) -> Marks {
        out.extend_from_slice(&self.opening);
        self.current.push(out, shuffle.as_deref_mut());
        out.extend_from_slice(b",\"EventId\":\"");
        let id = out.len();
        out.extend_from_slice(event.1);
        out.extend_from_slice(b"\",\"EventTimestamp\":\"");
        let timestamp = out.len();
        push_moment(out, self.latest);
        out.extend_from_slice(b"\",\"EventType\":\"");
        out.extend_from_slice(event.0.as_bytes());
        out.extend_from_slice(b"\",\"InstanceARN\":\"");
        out.extend_from_slice(instance.arn.as_bytes());
        out.extend_from_slice(b"\",\"PreviousAgentSnapshot\":");
        self.previous.push(out, shuffle);
        out.extend_from_slice(b",\"Version\":\"2017-10-01\"}\n");
        Marks { id, timestamp }
    }
}

/// Appends a status that waits, and the end of the snapshot.
fn push_next(out: &mut Vec<u8>, status: &Status, enqueued: i64) {
    out.extend_from_slice(b"{\"ARN\":\"");
    out.extend_from_slice(status.arn.as_bytes());
    out.extend_from_slice(b"\",\"EnqueuedTimestamp\":\"");
    push_moment(out, enqueued);
    out.extend_from_slice(b"\",\"Name\":");
    out.extend_from_slice(status.name.as_bytes());
    out.extend_from_slice(b",\"Type\":\"");
    out.extend_from_slice(status.kind.as_bytes());
    out.extend_from_slice(b"\"}}");
}

impl Snapshot {
    fn push(&self, out: &mut Vec<u8>, shuffle: Option<&mut Random>) {
        let base = out.len();
        out.extend_from_slice(&self.bytes);
        if let Some(random) = shuffle {
            for place in &self.varied {
                let end = base + *place as usize;
                random.overwrite_hex(&mut out[end - VARIED_DIGITS..end]);
            }
        }
    }
}
