//! What has ended: a row each.

use std::sync::Arc;

use tributary_core::Timestamp;

use super::sighting::{AssignmentSeen, ContactSeen, LEVELS, StatusSeen};

/// Why something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndReason {
    /// The next status, or the contact's next state, began.
    NextState,
    /// The contact is no longer the agent's.
    ContactGone,
    /// The agent signed out.
    Logout,
    /// No sign of life followed, or the agent signed in anew.
    Silence,
    /// It has not ended where the input ends.
    StillOpen,
}

impl EndReason {
    /// The value of the column `end_reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NextState => "next_state",
            Self::ContactGone => "contact_gone",
            Self::Logout => "logout",
            Self::Silence => "silence",
            Self::StillOpen => "still_open_at_end_of_input",
        }
    }
}

/// A stretch of time, and the events that bound it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// When it began; its day is the row's.
    pub start: Timestamp,
    /// When it ended; none where nothing ended it.
    pub end: Option<Timestamp>,
    /// Why.
    pub reason: EndReason,
    /// The event that first told of it.
    pub start_event: Box<str>,
    /// When that event happened.
    pub told: Timestamp,
    /// The event that told of its end.
    pub end_event: Option<Box<str>>,
}

impl Stretch {
    /// Its length in whole milliseconds.
    pub fn millis(&self) -> Option<i64> {
        self.end.map(|end| (end.micros() - self.start.micros()) / 1_000)
    }
}

/// A row of `agent_sessions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// From login or the first sign of life to logout or the last one.
    pub stretch: Stretch,
    /// The login, if the input has it.
    pub login: Option<Timestamp>,
}

/// A row of `agent_status_intervals`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusInterval {
    /// Inside the session.
    pub stretch: Stretch,
    /// The status.
    pub arn: Option<Box<str>>,
    /// Its name.
    pub name: Option<Box<str>>,
    /// Its type.
    pub kind: Option<Box<str>>,
    /// When the agent chose it, be it before the session.
    pub since: Option<Timestamp>,
}

impl StatusInterval {
    /// The same status is told again, perhaps under another name: what is told last holds.
    pub(crate) fn tell_again(&mut self, seen: &StatusSeen<'_>) {
        tell_again(&mut self.name, seen.name);
        tell_again(&mut self.kind, seen.kind);
    }
}

/// The contact of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactOf {
    /// Its id.
    pub id: Box<str>,
    /// The first contact of a chain of transfers.
    pub initial: Option<Box<str>>,
    /// How it talks.
    pub channel: Option<Box<str>>,
    /// How it began.
    pub method: Option<Box<str>>,
    /// When it was connected to the agent.
    pub connected: Option<Timestamp>,
    /// When it was queued.
    pub queued: Option<Timestamp>,
    /// The ARN of its queue.
    pub queue_arn: Option<Box<str>>,
    /// The name of its queue.
    pub queue_name: Option<Box<str>>,
}

impl ContactOf {
    /// What was seen.
    pub(crate) fn new(seen: &ContactSeen<'_>) -> Self {
        Self {
            id: seen.id.into(),
            initial: seen.initial.map(Into::into),
            channel: seen.channel.map(Into::into),
            method: seen.method.map(Into::into),
            connected: seen.connected,
            queued: seen.queued,
            queue_arn: seen.queue_arn.map(Into::into),
            queue_name: seen.queue_name.map(Into::into),
        }
    }

    /// The same state is told again: what is told last holds, so that where one begins to read makes no difference.
    pub(crate) fn tell_again(&mut self, seen: &ContactSeen<'_>) {
        // Answered in two events: the moment of connection comes with the second.
        self.connected = self.connected.or(seen.connected);
        self.queued = self.queued.or(seen.queued);
        tell_again(&mut self.initial, seen.initial);
        tell_again(&mut self.channel, seen.channel);
        tell_again(&mut self.method, seen.method);
        tell_again(&mut self.queue_arn, seen.queue_arn);
        tell_again(&mut self.queue_name, seen.queue_name);
    }
}

/// What is left out says nothing.
fn tell_again(known: &mut Option<Box<str>>, seen: Option<&str>) {
    if let Some(seen) = seen.filter(|seen| known.as_deref() != Some(seen)) {
        *known = Some(seen.into());
    }
}

/// A row of `agent_contact_segments`; one of the state `ENDED` is a row of `agent_acw` as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The time in the state.
    pub stretch: Stretch,
    /// The state.
    pub state: Box<str>,
    /// When the contact took it, be it before the session.
    pub since: Timestamp,
    /// Whether the contact was INCOMING just before: a queued callback that the agent has accepted.
    pub follows_incoming: bool,
    /// The contact.
    pub contact: ContactOf,
}

impl Segment {
    /// Whether it begins where the contact took its state, and not with the session only.
    pub fn is_from_its_beginning(&self) -> bool {
        self.stretch.start <= self.since
    }

    /// Whether it is after-contact work.
    pub fn is_after_contact_work(&self) -> bool {
        &*self.state == "ENDED"
    }
}

/// Where an agent belongs: ARNs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assigned {
    /// The routing profile.
    pub profile: Option<Box<str>>,
    /// The groups of the hierarchy, from level 1 down.
    pub groups: [Option<Box<str>>; LEVELS],
}

impl Assigned {
    /// What was seen.
    pub(crate) fn new(seen: &AssignmentSeen<'_>) -> Self {
        Self { profile: seen.profile.map(Into::into), groups: seen.groups.map(|group| group.map(Into::into)) }
    }

    /// Whether it is what was seen.
    pub(crate) fn is(&self, seen: &AssignmentSeen<'_>) -> bool {
        let groups = self.groups.iter().zip(seen.groups);
        self.profile.as_deref() == seen.profile && groups.into_iter().all(|(ours, theirs)| ours.as_deref() == theirs)
    }
}

/// Time in which an agent belonged to a routing profile and to groups of the hierarchy; no row, but rows are told by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Inside the session.
    pub stretch: Stretch,
    /// Where.
    pub assigned: Arc<Assigned>,
}

/// What ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// A session.
    Session(Session),
    /// Time in a status.
    Status(StatusInterval),
    /// Time of a contact in a state.
    Segment(Segment),
    /// Time in a routing profile and hierarchy.
    Assignment(Assignment),
}

impl Ended {
    /// Its time.
    pub fn stretch(&self) -> &Stretch {
        match self {
            Self::Session(session) => &session.stretch,
            Self::Status(status) => &status.stretch,
            Self::Segment(segment) => &segment.stretch,
            Self::Assignment(assignment) => &assignment.stretch,
        }
    }
}
