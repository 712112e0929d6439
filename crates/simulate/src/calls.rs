//! Scenes of voice: calls answered, missed, refused and given up; holds, consultations, after-contact work.

use crate::contact::{Channel, Contact, State};
use crate::instance::AVAILABLE;
use crate::random::Random;
use crate::scene::{Change, Scene, Stage};

/// How long a ringing contact waits before it counts as missed (Amazon Connect's own 20 s).
const RING: i64 = 20_000;

/// How an offer ended.
pub(crate) enum Offer {
    /// Answered at this time.
    Answered(i64),
    /// Not answered; the contact left.
    Lost,
}

/// A contact rings from `at` on, once or again after it was missed, until somebody decides.
pub(crate) fn offer(scene: &mut Scene, random: &mut Random, slot: usize, mut at: i64) -> Offer {
    loop {
        scene.state(random, slot, (State::Connecting, at), None);
        match random.below(1_000) {
            0..50 => {
                scene.state(random, slot, (State::Missed, at + RING), None);
                let cleared = scene.gone(slot, at + RING + random.seconds(2, 60));
                if random.chance(300) {
                    return Offer::Lost;
                }
                // The same contact again: same id, same queue time.
                at = cleared + random.seconds(1, 6);
            }
            50..80 => {
                let refused = at + random.seconds(2, 9);
                scene.state(random, slot, (State::Rejected, refused), None);
                scene.gone(slot, refused + random.between(70, 2_500));
                return Offer::Lost;
            }
            80..120 => {
                let left = at + random.seconds(1, 18);
                scene.state(random, slot, (State::Error, left), None);
                scene.gone(slot, left + random.between(70, 130));
                return Offer::Lost;
            }
            _ => return Offer::Answered(at + random.seconds(2, 15)),
        }
    }
}

/// An inbound call; a few are queued callbacks.
pub(crate) fn inbound(scene: &mut Scene, random: &mut Random, stage: &Stage<'_>, at: i64) {
    let is_callback = random.chance(40);
    let id = random.uuid();
    let slot = scene.cast(Contact {
        id,
        initial: id,
        channel: Channel::Voice,
        method: if is_callback { "CALLBACK" } else { "INBOUND" },
        queue: stage.queue(random),
        queued: Some(at - random.seconds(1, 240)),
    });
    let mut ringing = at;
    if is_callback {
        scene.state(random, slot, (State::Incoming, at), None);
        ringing += random.seconds(2, 8);
    }
    if let Offer::Answered(answered) = offer(scene, random, slot, ringing) {
        let connected = scene.answer(random, slot, answered);
        finish(scene, random, stage, Talk { slot, since: answered, connected });
    }
}

/// An outbound call from the profile's outbound queue.
pub(crate) fn outbound(scene: &mut Scene, random: &mut Random, stage: &Stage<'_>, at: i64) {
    let (slot, talk) = dial(scene, random, stage, at);
    match talk {
        Some(talk) => finish(scene, random, stage, talk),
        None => {
            let given_up = at + random.seconds(3, 25);
            scene.state(random, slot, (State::Ended, given_up), None);
            scene.gone(slot, given_up + random.seconds(2, 30));
        }
    }
}

/// The beginning of an outbound call; no talk when nobody answers.
fn dial(scene: &mut Scene, random: &mut Random, stage: &Stage<'_>, at: i64) -> (usize, Option<Talk>) {
    let id = random.uuid();
    let queue = stage.profile.queues[0];
    let slot =
        scene.cast(Contact { id, initial: id, channel: Channel::Voice, method: "OUTBOUND", queue, queued: None });
    scene.state(random, slot, (State::Connecting, at), None);
    if random.chance(200) {
        return (slot, None);
    }
    let answered = at + random.seconds(3, 25);
    let connected = scene.answer(random, slot, answered);
    (slot, Some(Talk { slot, since: answered, connected }))
}

/// A call that is in after-contact work when its agent stops working: nobody ever clears it.
pub(crate) fn left_over(scene: &mut Scene, random: &mut Random, stage: &Stage<'_>, at: i64) -> i64 {
    let (slot, talk) = dial(scene, random, stage, at);
    let connected = talk.as_ref().map(|talk| talk.connected);
    let ended = talk.map_or(at, |talk| talk.since) + random.seconds(26, 90);
    scene.state(random, slot, (State::Ended, ended), connected);
    ended
}

/// A call during a break: the status is custom, the agent is busy all the same.
pub(crate) fn private(scene: &mut Scene, random: &mut Random, stage: &Stage<'_>, at: i64) -> i64 {
    let (slot, talk) = dial(scene, random, stage, at);
    let connected = talk.as_ref().map(|talk| talk.connected);
    let ended = talk.map_or(at, |talk| talk.since) + random.seconds(26, 120);
    scene.state(random, slot, (State::Ended, ended), connected);
    scene.gone(slot, ended + random.seconds(2, 20))
}

/// A call that two people talk in.
struct Talk {
    slot: usize,
    since: i64,
    connected: i64,
}

/// Talk, holds, the end and what comes after it.
fn finish(scene: &mut Scene, random: &mut Random, stage: &Stage<'_>, talk: Talk) {
    let Talk { slot, since, connected } = talk;
    let connected = Some(connected);
    let mut at = since + random.seconds(5, 150);
    let next = random.chance(60).then(|| stage.custom_status(random));
    if let Some(index) = next {
        scene.push(at - random.between(500, 4_000), Change::Next { index });
    }
    for _ in 0..[0, 0, 0, 1, 1, 2][random.below(6)] {
        scene.state(random, slot, (State::OnHold, at), connected);
        at += random.seconds(3, 120);
        if random.chance(80) {
            break; // The customer hangs up, or is handed on, while on hold.
        }
        scene.state(random, slot, (State::Connected, at), connected);
        at += random.seconds(5, 100);
    }
    scene.state(random, slot, (State::Ended, at), connected);
    after_work(scene, random, stage, Aftermath { slot, ended: at, next });
}

/// What is left to do when a call has ended.
struct Aftermath {
    slot: usize,
    ended: i64,
    /// The status that was chosen during the call.
    next: Option<u8>,
}

/// After-contact work: cleared by the agent, or by the status that begins.
fn after_work(scene: &mut Scene, random: &mut Random, stage: &Stage<'_>, after: Aftermath) {
    let Aftermath { slot, ended, next } = after;
    let cleared = ended + random.seconds(2, 75) + 100;
    let chosen = next.or_else(|| random.chance(60).then(|| stage.custom_status(random)));
    match chosen {
        None => {
            scene.gone(slot, cleared);
        }
        Some(index) => {
            scene.push(cleared, Change::GoneInto { slot, index, lag: random.between(0, 1) });
            let back = cleared + random.seconds(20, 900);
            scene.push(back, Change::Status { index: AVAILABLE, lag: random.between(0, 1) });
        }
    }
}

/// Two agents and the two legs of a consultation.
pub(crate) struct Consultation<'a> {
    /// The one who has the customer.
    pub(crate) first: (&'a mut Scene, Stage<'a>),
    /// The one who is asked.
    pub(crate) second: (&'a mut Scene, Stage<'a>),
}

/// A call in which the agent asks a second one, who joins, takes over, or does not answer.
pub(crate) fn consult(consultation: Consultation<'_>, random: &mut Random, at: i64) {
    let (first, stage) = consultation.first;
    let (second, second_stage) = consultation.second;
    let id = random.uuid();
    let queue = stage.queue(random);
    let queued = Some(at - random.seconds(1, 120));
    let slot = first.cast(Contact { id, initial: id, channel: Channel::Voice, method: "INBOUND", queue, queued });
    first.state(random, slot, (State::Connecting, at), None);
    let answered = at + random.seconds(2, 10);
    let answer = first.answer(random, slot, answered);
    let connected = Some(answer);
    let held = answered + random.seconds(10, 90);
    first.state(random, slot, (State::OnHold, held), connected);

    let offered = held + random.seconds(2, 6);
    let leg = second.cast(Contact {
        id: random.uuid(),
        initial: id,
        channel: Channel::Voice,
        method: "TRANSFER",
        queue: second_stage.queue(random),
        queued: Some(offered - random.between(150, 300)),
    });
    second.state(random, leg, (State::Connecting, offered), None);
    if random.chance(150) {
        let missed = offered + RING;
        second.state(random, leg, (State::Missed, missed), None);
        second.gone(leg, missed + random.seconds(2, 40));
        return resume(first, random, &stage, Talk { slot, since: missed, connected: answer });
    }
    let taken = offered + random.seconds(3, 12);
    let leg_connected = Some(taken - random.between(17, 39));
    second.state(random, leg, (State::Connected, taken), leg_connected);
    let held = taken + random.between(41, 74);
    second.state(random, leg, (State::OnHold, held), leg_connected);
    let joined = taken + random.seconds(5, 60) + 200;
    let first_ends = if random.chance(500) {
        // A conference: both are connected at the same millisecond, then the first one leaves.
        first.state(random, slot, (State::Connected, joined), connected);
        joined + random.seconds(3, 60)
    } else {
        joined
    };
    first.state(random, slot, (State::Ended, first_ends), connected);
    second.state(random, leg, (State::Connected, joined), leg_connected);
    let second_ends = first_ends + random.seconds(5, 180);
    second.state(random, leg, (State::Ended, second_ends), leg_connected);
    after_work(first, random, &stage, Aftermath { slot, ended: first_ends, next: None });
    after_work(second, random, &second_stage, Aftermath { slot: leg, ended: second_ends, next: None });
}

/// Nobody answered the consultation: the agent goes back to the customer.
fn resume(scene: &mut Scene, random: &mut Random, stage: &Stage<'_>, talk: Talk) {
    let Talk { slot, since, connected } = talk;
    let back = since + random.seconds(1, 5);
    scene.state(random, slot, (State::Connected, back), Some(connected));
    let ended = back + random.seconds(5, 60);
    scene.state(random, slot, (State::Ended, ended), Some(connected));
    after_work(scene, random, stage, Aftermath { slot, ended, next: None });
}
