//! A contact event of EventBridge, as Amazon Connect sends it.
//!
//! The shape is that of the admin guide ("Contact events") and of captured events.

use crate::agent::Marks;
use crate::cases::domain::text;
use crate::contact::Channel;
use crate::flows::act::{Contact, Event};
use crate::flows::catalogue::{Catalogue, Queue};
use crate::random::Random;
use crate::text::{moment, push_moment};

/// Appends the event as a line.
pub(crate) fn push_event(
    out: &mut Vec<u8>,
    catalogue: &Catalogue,
    (contact, event): (&Contact, &Event),
    random: &mut Random,
) -> Marks {
    let (account, arn, contact_id) = (&catalogue.account, &catalogue.instance_arn, text(&contact.id));
    let kind = if random.chance(100) { "Connect Customer Contact Event" } else { "Amazon Connect Contact Event" };
    let uuid = random.uuid();
    let id = text(&uuid);
    push(out, &format!(r#"{{"version":"0","id":"{id}","detail-type":"{kind}","source":"aws.connect","#));
    push(out, &format!(r#""account":"{account}","time":""#));
    let mut marks = Marks { id: 0, timestamp: out.len() };
    push_moment(out, event.at);
    out.truncate(out.len() - ".000Z".len());
    push(out, &format!(r#"Z","region":"us-west-2","resources":["{arn}","{arn}/contact/{contact_id}"],"#));
    push(out, &format!(r#""detail":{{"eventType":"{}","contactId":""#, event.kind));
    marks.id = out.len();
    push(out, &format!(r#"{contact_id}","#));
    if let Some(previous) = &contact.previous {
        let previous = text(previous);
        push(out, &format!(r#""initialContactId":"{previous}","previousContactId":"{previous}","#));
    }
    let channel = channel(contact.channel, random);
    push(out, &format!(r#""channel":"{channel}","instanceArn":"{arn}","initiationMethod":"{}""#, contact.method));
    if let Some(place) = push_progress(out, catalogue, contact, event) {
        marks.timestamp = place;
    }
    push_rest(out, contact);
    push(out, "}}\n");
    marks
}

fn push(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// The guide prints both `VOICE` and `Voice`.
fn channel(channel: Channel, random: &mut Random) -> &'static str {
    match channel {
        Channel::Voice if random.chance(50) => "Voice",
        Channel::Chat if random.chance(50) => "Chat",
        other => other.name(),
    }
}

/// Appends what happened to the contact so far; where the moment of the event is, if it is among them.
fn push_progress(out: &mut Vec<u8>, catalogue: &Catalogue, contact: &Contact, event: &Event) -> Option<usize> {
    let known = &event.known;
    let mut place = None;
    if let Some((queue, at)) = known.queued {
        let kind = if matches!(queue, Queue::Agent(_)) { "AGENT" } else { "STANDARD" };
        push(out, &format!(r#","queueInfo":{{"queueArn":"{}","enqueueTimestamp":""#, catalogue.queue_arn(queue)));
        note(&mut place, event, "QUEUED", out);
        push(out, &format!(r#"{}","queueType":"{kind}"}}"#, moment(at)));
    }
    if let Some(at) = known.agent {
        let (arn, agent) = (&catalogue.instance_arn, &catalogue.agents[contact.agent]);
        push(out, &format!(r#","agentInfo":{{"agentArn":"{arn}/agent/{agent}","connectedToAgentTimestamp":""#));
        note(&mut place, event, "CONNECTED_TO_AGENT", out);
        push(out, &format!(r#"{}"}}"#, moment(at)));
    }
    let moments = [
        ("initiationTimestamp", "INITIATED", Some(contact.initiated)),
        ("connectedToSystemTimestamp", "CONNECTED_TO_SYSTEM", known.system),
        ("disconnectTimestamp", "DISCONNECTED", known.disconnected),
    ];
    for (key, kind, at) in moments {
        let Some(at) = at else { continue };
        push(out, &format!(r#","{key}":""#));
        note(&mut place, event, kind, out);
        push(out, &format!(r#"{}""#, moment(at)));
    }
    place
}

fn note(place: &mut Option<usize>, event: &Event, kind: &str, out: &[u8]) {
    if event.kind == kind {
        *place = Some(out.len());
    }
}

fn push_rest(out: &mut Vec<u8>, contact: &Contact) {
    push(out, r#","tags":{},"segmentAttributes":{"#);
    if let Some(sub_type) = contact.sub_type {
        push(out, &format!(r#""connect:Subtype":{{"valueString":"{sub_type}"}}"#));
    }
    push(out, r#"},"contactDetails":{}"#);
}
