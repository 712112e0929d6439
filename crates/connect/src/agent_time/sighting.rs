//! What an agent event says about time.

use tributary_core::Timestamp;

/// What kind of event it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The agent signed in.
    Login,
    /// The agent signed out.
    Logout,
    /// A sign of life, every two minutes of silence, and for up to an hour after the agent has gone. Its snapshots may
    /// repeat older ones: no transition is made of it.
    HeartBeat,
    /// Something changed; also what kinds are added later.
    Change,
}

impl EventKind {
    /// The kind of an `event_type`.
    pub fn of(event_type: &str) -> Self {
        match event_type {
            "LOGIN" => Self::Login,
            "LOGOUT" => Self::Logout,
            "HEART_BEAT" => Self::HeartBeat,
            _ => Self::Change,
        }
    }
}

/// Levels of an agent hierarchy. Source: Amazon Connect, "Agent event streams data model".
pub const LEVELS: usize = 5;

/// An event, as far as time is concerned. Source: Amazon Connect, "Agent event streams data model".
#[derive(Clone, Debug)]
pub struct Sighting<'a> {
    /// When it happened.
    pub at: Timestamp,
    /// Its id.
    pub event_id: &'a str,
    /// Its kind.
    pub kind: EventKind,
    /// The agent's status afterwards; none where the snapshot is missing.
    pub status: Option<StatusSeen<'a>>,
    /// The agent's contacts afterwards; none where the event does not say, which is not the same as no contacts.
    pub contacts: Option<Vec<ContactSeen<'a>>>,
    /// Where the agent belongs afterwards; none where the event does not say.
    pub assignment: Option<AssignmentSeen<'a>>,
}

/// Where an agent belongs: ARNs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssignmentSeen<'a> {
    /// The routing profile.
    pub profile: Option<&'a str>,
    /// The groups of the hierarchy, from level 1 down.
    pub groups: [Option<&'a str>; LEVELS],
}

/// A status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusSeen<'a> {
    /// Its ARN.
    pub arn: Option<&'a str>,
    /// Its name.
    pub name: Option<&'a str>,
    /// Its type.
    pub kind: Option<&'a str>,
    /// Since when the agent is in it.
    pub since: Option<Timestamp>,
}

/// A contact of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContactSeen<'a> {
    /// Its id.
    pub id: &'a str,
    /// The first contact of a chain of transfers.
    pub initial: Option<&'a str>,
    /// How it talks.
    pub channel: Option<&'a str>,
    /// How it began.
    pub method: Option<&'a str>,
    /// What it does.
    pub state: Option<&'a str>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// When it was connected to the agent.
    pub connected: Option<Timestamp>,
    /// When it was queued.
    pub queued: Option<Timestamp>,
    /// The ARN of its queue.
    pub queue_arn: Option<&'a str>,
    /// The name of its queue.
    pub queue_name: Option<&'a str>,
}
