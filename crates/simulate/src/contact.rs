//! A contact as an agent's snapshot lists it.

use crate::instance::Instance;
use crate::random::Uuid;
use crate::text::push_moment;

/// By what a customer is spoken to. The order is that of `Concurrency` in a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    Voice,
    Chat,
    Task,
    Email,
}

impl Channel {
    pub(crate) const ALL: [Self; 4] = [Self::Voice, Self::Chat, Self::Task, Self::Email];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Voice => "VOICE",
            Self::Chat => "CHAT",
            Self::Task => "TASK",
            Self::Email => "EMAIL",
        }
    }
}

/// Where a contact stands with an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Incoming,
    Connecting,
    Connected,
    OnHold,
    Paused,
    Missed,
    Rejected,
    Error,
    Ended,
}

impl State {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Incoming => "INCOMING",
            Self::Connecting => "CONNECTING",
            Self::Connected => "CONNECTED",
            Self::OnHold => "CONNECTED_ONHOLD",
            Self::Paused => "PAUSED",
            Self::Missed => "MISSED",
            Self::Rejected => "REJECTED",
            Self::Error => "ERROR",
            Self::Ended => "ENDED",
        }
    }
}

/// What of a contact never changes. Times are milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contact {
    pub(crate) id: Uuid,
    /// The first contact of a chain of transfers; the contact's own id when it is the first.
    pub(crate) initial: Uuid,
    pub(crate) channel: Channel,
    pub(crate) method: &'static str,
    /// Index of its queue in the instance.
    pub(crate) queue: usize,
    pub(crate) queued: Option<i64>,
}

/// A contact as it is listed now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listed {
    pub(crate) contact: Contact,
    pub(crate) state: State,
    pub(crate) start: i64,
    pub(crate) connected: Option<i64>,
}

impl Listed {
    /// Appends its JSON object; keys in the order of real payloads.
    pub(crate) fn push_json(&self, out: &mut Vec<u8>, instance: &Instance) {
        let contact = &self.contact;
        out.extend_from_slice(b"{\"Channel\":\"");
        out.extend_from_slice(contact.channel.name().as_bytes());
        out.extend_from_slice(b"\",\"ConnectedToAgentTimestamp\":");
        push_optional_moment(out, self.connected);
        out.extend_from_slice(b",\"ContactId\":\"");
        out.extend_from_slice(&contact.id);
        out.extend_from_slice(b"\",\"InitialContactId\":\"");
        out.extend_from_slice(&contact.initial);
        out.extend_from_slice(b"\",\"InitiationMethod\":\"");
        out.extend_from_slice(contact.method.as_bytes());
        out.extend_from_slice(b"\",\"Queue\":");
        out.extend_from_slice(instance.queues[contact.queue].brief.as_bytes());
        out.extend_from_slice(b",\"QueueTimestamp\":");
        push_optional_moment(out, contact.queued);
        out.extend_from_slice(b",\"State\":\"");
        out.extend_from_slice(self.state.name().as_bytes());
        out.extend_from_slice(b"\",\"StateStartTimestamp\":\"");
        push_moment(out, self.start);
        out.extend_from_slice(b"\"}");
    }
}

fn push_optional_moment(out: &mut Vec<u8>, moment: Option<i64>) {
    match moment {
        Some(moment) => {
            out.push(b'"');
            push_moment(out, moment);
            out.push(b'"');
        }
        None => out.extend_from_slice(b"null"),
    }
}
