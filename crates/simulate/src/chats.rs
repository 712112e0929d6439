//! Scenes of chats, tasks and e-mails: several at once, never more than the profile has slots.

use crate::calls::{Offer, offer};
use crate::contact::{Channel, Contact, State};
use crate::instance::AVAILABLE;
use crate::random::Random;
use crate::scene::{Change, Scene, Stage};

/// A burst of digital contacts. Each slot of a channel is a lane in which one contact follows another, so that the
/// slots are never overdrawn. Nothing happens when the profile has no digital channel.
pub(crate) fn burst(scene: &mut Scene, random: &mut Random, stage: &Stage<'_>, at: i64) {
    for (channel, slots) in Channel::ALL.into_iter().zip(stage.profile.slots) {
        if channel == Channel::Voice {
            continue;
        }
        for lane in 0..slots {
            // The first chat always comes; the further lanes and channels fill up less and less.
            if lane == 0 && channel == Channel::Chat || random.chance(250) {
                let mut free = at + random.seconds(0, 60);
                for _ in 0..1 + random.below(2) {
                    free = contact(scene, random, stage, (channel, free)) + random.seconds(1, 40);
                }
            }
        }
    }
    if random.chance(80) {
        queue_status(scene, random, stage);
    }
}

/// One digital contact; returns when its slot is free again.
fn contact(scene: &mut Scene, random: &mut Random, stage: &Stage<'_>, what: (Channel, i64)) -> i64 {
    let (channel, at) = what;
    let id = random.uuid();
    let method = match channel {
        Channel::Chat | Channel::Task => "API",
        Channel::Voice | Channel::Email => "INBOUND",
    };
    let queue = stage.queue(random);
    let queued = Some(at - random.seconds(1, 300));
    let slot = scene.cast(Contact { id, initial: id, channel, method, queue, queued });
    let Offer::Answered(answered) = offer(scene, random, slot, at) else {
        return scene.end().unwrap_or(at);
    };
    let connected = Some(scene.answer(random, slot, answered));
    let mut until = answered + random.seconds(20, 400);
    if channel == Channel::Task && random.chance(400) {
        scene.state(random, slot, (State::Paused, until), connected);
        until += random.seconds(10, 300);
        scene.state(random, slot, (State::Connected, until), connected);
        until += random.seconds(10, 120);
    }
    scene.state(random, slot, (State::Ended, until), connected);
    scene.gone(slot, until + random.seconds(1, 60) + 100)
}

/// The agent chooses a status while contacts are open: it is queued, and begins when the last one is cleared.
fn queue_status(scene: &mut Scene, random: &mut Random, stage: &Stage<'_>) {
    let offered = |step: &crate::scene::Step| matches!(step.change, Change::Contact { state: State::Connecting, .. });
    let Some(last_offer) = scene.steps.iter().filter(|step| offered(step)).map(|step| step.at).max() else {
        return;
    };
    let Some(last) = scene.steps.iter_mut().max_by_key(|step| step.at) else {
        return;
    };
    let Change::Gone { slot } = last.change else {
        return;
    };
    // Only where nothing is offered any more and the choice falls well before the last contact leaves.
    if last.at - last_offer < 5_000 {
        return;
    }
    let index = stage.custom_status(random);
    last.change = Change::GoneInto { slot, index, lag: random.between(0, 1) };
    let (chosen, back) = (last_offer + random.between(1_000, 4_000), last.at + random.seconds(20, 900));
    scene.push(chosen, Change::Next { index });
    scene.push(back, Change::Status { index: AVAILABLE, lag: random.between(0, 1) });
}
