//! One agent through time: a state machine without clock or I/O.
//!
//! ```text
//!            LOGIN, or any first sign of life                 LOGOUT, or no sign of life for `silence`
//!  away ───────────────────────────────────────▶ in session ───────────────────────────────────────▶ away
//!                                                  │  status A ─▶ status B ─▶ ...        one at a time
//!                                                  │  contact 1: CONNECTING ─▶ CONNECTED ─▶ ENDED ─▶ gone
//!                                                  └  contact 2: ...                     several at a time
//! ```

use std::sync::Arc;

use tributary_core::{Day, Timestamp};

use super::ended::{Assigned, Assignment, ContactOf, EndReason, Ended, Segment, Session, StatusInterval, Stretch};
use super::sighting::{AssignmentSeen, ContactSeen, EventKind, Sighting, StatusSeen};

/// For so long after a LOGOUT heart beats go on without meaning that the agent is there: an hour, and two beats.
const BEATS_AFTER_LOGOUT: i64 = 3_600_000_000 + 2 * 120_000_000;

/// What is known of one agent. Events must come in order of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentTime {
    open: Option<OpenSession>,
    logged_out: Option<Timestamp>,
    /// When the last session ended.
    last_end: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct OpenSession {
    session: Session,
    status: Option<StatusInterval>,
    segments: Vec<Segment>,
    assignment: Option<Assignment>,
    last_sign: Timestamp,
    last_event: String,
}

impl AgentTime {
    /// Whether something is open.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether the session that is open goes on at `now`: of a heart beat nothing is looked at then but that it came.
    pub fn goes_on(&self, now: Timestamp, silence: i64) -> bool {
        self.open.as_ref().is_some_and(|open| !open.is_silent(now, silence))
    }

    /// When the session that is open began.
    pub fn open_since(&self) -> Option<Timestamp> {
        self.open.as_ref().map(|open| open.session.stretch.start)
    }

    /// When the first of what is open began: the session, or a contact's state that is older.
    pub fn earliest_open(&self) -> Option<Timestamp> {
        let open = self.open.as_ref()?;
        let segments = open.segments.iter().map(|segment| segment.stretch.start);
        segments.chain([open.session.stretch.start]).min()
    }

    /// The last event of the open session.
    pub fn last_sign(&self) -> Option<Timestamp> {
        self.open.as_ref().map(|open| open.last_sign)
    }

    /// Takes the next event. What it ends is appended to `ended`. `silence`, in microseconds, is how long no event may
    /// come in a session.
    pub fn observe(&mut self, seen: &Sighting<'_>, silence: i64, ended: &mut Vec<Ended>) {
        self.fall_silent(seen.at, silence, ended);
        if seen.kind == EventKind::Login && self.open_since() != Some(seen.at) {
            // The LOGOUT before it is missing.
            self.close(None, EndReason::Silence, ended);
        }
        if seen.kind == EventKind::Logout && self.open.is_none() {
            // A session that is not known, or has fallen silent before: there is nothing to be said of it.
            self.logged_out = Some(seen.at);
            self.last_end = Some(seen.at);
            return;
        }
        let is_new = self.open.is_none();
        if is_new && !self.begin(seen) {
            return;
        }
        if let Some(open) = &mut self.open {
            // What a heart beat repeats may be older than what is known already.
            if seen.kind != EventKind::HeartBeat || is_new {
                let beginning = is_new.then_some(self.last_end);
                open.change(seen, beginning, ended);
            }
            open.last_sign = seen.at;
            open.last_event.clear();
            open.last_event.push_str(seen.event_id);
        }
        if seen.kind == EventKind::Logout {
            self.close(Some(seen.at), EndReason::Logout, ended);
            self.logged_out = Some(seen.at);
        }
    }

    /// Ends the session if `now`, in event time, is more than `silence` after its last sign of life.
    pub fn fall_silent(&mut self, now: Timestamp, silence: i64, ended: &mut Vec<Ended>) {
        if self.open.as_ref().is_some_and(|open| open.is_silent(now, silence)) {
            self.close(None, EndReason::Silence, ended);
        }
    }

    /// The end of the input: what is open becomes rows without end.
    pub fn finish(&mut self, ended: &mut Vec<Ended>) {
        self.close(None, EndReason::StillOpen, ended);
    }

    /// What is open, cut at the last sign of life; the session comes last.
    pub fn so_far(&self) -> Vec<Ended> {
        let (mut cut, mut ended) = (self.clone(), Vec::new());
        cut.close(None, EndReason::Silence, &mut ended);
        ended
    }

    /// Begins a session, unless the event says nothing about the agent being there.
    fn begin(&mut self, seen: &Sighting<'_>) -> bool {
        let goes_on = |out: Timestamp| seen.at.micros() - out.micros() <= BEATS_AFTER_LOGOUT;
        if seen.kind == EventKind::HeartBeat && self.logged_out.is_some_and(goes_on) {
            return false;
        }
        let session =
            Session { stretch: opened(seen.at, seen), login: (seen.kind == EventKind::Login).then_some(seen.at) };
        let open = OpenSession {
            session,
            status: None,
            segments: Vec::new(),
            assignment: None,
            last_sign: seen.at,
            last_event: seen.event_id.into(),
        };
        self.open = Some(open);
        self.logged_out = None;
        true
    }

    /// Ends the session, at its last sign of life unless another time is known. The end of its contacts is not known.
    fn close(&mut self, at: Option<Timestamp>, reason: EndReason, ended: &mut Vec<Ended>) {
        let Some(OpenSession { mut session, status, segments, assignment, last_sign, last_event }) = self.open.take()
        else {
            return;
        };
        let end = (reason != EndReason::StillOpen).then(|| at.unwrap_or(last_sign));
        let end_event = end.is_some().then(|| last_event.into_boxed_str());
        self.last_end = end.or(self.last_end);
        for mut segment in segments {
            segment.stretch.reason = reason;
            ended.push(Ended::Segment(segment));
        }
        if let Some(mut status) = status {
            // A status may have been asked for ahead of the last event.
            let end = end.map(|end| end.max(status.stretch.start));
            status.stretch = Stretch { end, reason, end_event: end_event.clone(), ..status.stretch };
            ended.push(Ended::Status(status));
        }
        if let Some(mut assignment) = assignment {
            assignment.stretch = Stretch { end, reason, end_event: end_event.clone(), ..assignment.stretch };
            ended.push(Ended::Assignment(assignment));
        }
        session.stretch = Stretch { end, reason, end_event, ..session.stretch };
        ended.push(Ended::Session(session));
    }
}

impl OpenSession {
    /// Whether `now` is more than `silence` after its last sign of life.
    fn is_silent(&self, now: Timestamp, silence: i64) -> bool {
        now.micros() - self.last_sign.micros() > silence
    }

    /// Takes in what the agent does now. With the first event of the session comes the end of the session before it, if
    /// there was one.
    fn change(&mut self, seen: &Sighting<'_>, beginning: Option<Option<Timestamp>>, ended: &mut Vec<Ended>) {
        if let Some(status) = &seen.status {
            self.change_status(status, seen, ended);
        }
        if let Some(assignment) = &seen.assignment {
            self.change_assignment(assignment, seen, ended);
        }
        let Some(contacts) = &seen.contacts else { return };
        let floor = self.floor(seen, beginning);
        for (at, contact) in contacts.iter().enumerate() {
            // One contact cannot be in two states.
            if !contacts[..at].iter().any(|before| before.id == contact.id) {
                self.change_contact(contact, floor, seen, ended);
            }
        }
        self.remove_contacts(contacts, seen, ended);
    }

    /// From when on states of contacts that an event tells of begin at their own start; older ones begin with the session.
    /// Without a LOGIN the agent may have been there before the first event: what that tells is older, but for what the
    /// last session had already, and not by more than a day, so that what a day holds is known when the next one is.
    fn floor(&self, seen: &Sighting<'_>, beginning: Option<Option<Timestamp>>) -> Timestamp {
        let start = self.session.stretch.start;
        match beginning {
            Some(last_end) if seen.kind != EventKind::Login => {
                let day_before = Day::from_days(start.day().days() - 1).start();
                let after_last = last_end.map(|end| end.plus_micros(1));
                after_last.map_or(day_before, |after| after.max(day_before)).min(start)
            }
            _ => start,
        }
    }

    /// Statuses are told apart by ARN and start: a change of the configuration repeats both, choosing a status again
    /// repeats the ARN.
    fn change_status(&mut self, seen: &StatusSeen<'_>, by: &Sighting<'_>, ended: &mut Vec<Ended>) {
        let is_same = |open: &&mut StatusInterval| open.arn.as_deref() == seen.arn && open.since == seen.since;
        if let Some(open) = self.status.as_mut().filter(is_same) {
            open.tell_again(seen);
            return;
        }
        let session = self.session.stretch.start;
        // Nothing begins after it was told, whatever the clocks of the service say.
        let mut start = seen.since.unwrap_or(by.at).min(by.at).max(session);
        if let Some(mut status) = self.status.take() {
            // Statuses follow one another, whatever the clocks of the service say.
            start = start.max(status.stretch.start);
            end(&mut status.stretch, start, EndReason::NextState, by.event_id);
            // The same status chosen twice before the session began is one row.
            if status.stretch.start < start || status.arn.as_deref() != seen.arn {
                ended.push(Ended::Status(status));
            }
        }
        self.status = Some(StatusInterval {
            stretch: opened(start, by),
            arn: seen.arn.map(Into::into),
            name: seen.name.map(Into::into),
            kind: seen.kind.map(Into::into),
            since: seen.since,
        });
    }

    fn change_assignment(&mut self, seen: &AssignmentSeen<'_>, by: &Sighting<'_>, ended: &mut Vec<Ended>) {
        if self.assignment.as_ref().is_some_and(|open| open.assigned.is(seen)) {
            return;
        }
        let next = Assignment { stretch: opened(by.at, by), assigned: Arc::new(Assigned::new(seen)) };
        if let Some(mut before) = self.assignment.replace(next) {
            end(&mut before.stretch, by.at, EndReason::NextState, by.event_id);
            ended.push(Ended::Assignment(before));
        }
    }

    fn change_contact(&mut self, seen: &ContactSeen<'_>, floor: Timestamp, by: &Sighting<'_>, ended: &mut Vec<Ended>) {
        // Without a state, or its start, nothing can be said of it.
        let (Some(state), Some(since)) = (seen.state, seen.since) else { return };
        let start = if since < floor { self.session.stretch.start } else { since.min(by.at) };
        let fresh = || Segment {
            stretch: opened(start, by),
            state: state.into(),
            since,
            follows_incoming: false,
            contact: ContactOf::new(seen),
        };
        match self.segments.iter_mut().find(|open| &*open.contact.id == seen.id) {
            None => self.segments.push(fresh()),
            // Answered in two events: the moment of connection comes with the second.
            Some(open) if &*open.state == state && open.since == since => open.contact.tell_again(seen),
            Some(open) => {
                let follows_incoming = &*open.state == "INCOMING";
                let mut segment = std::mem::replace(open, Segment { follows_incoming, ..fresh() });
                end(&mut segment.stretch, start, EndReason::NextState, by.event_id);
                ended.push(Ended::Segment(segment));
            }
        }
    }

    /// Ends what is no longer listed.
    fn remove_contacts(&mut self, listed: &[ContactSeen<'_>], by: &Sighting<'_>, ended: &mut Vec<Ended>) {
        let is_gone = |open: &mut Segment| !listed.iter().any(|contact| contact.id == &*open.contact.id);
        for mut segment in self.segments.extract_if(.., is_gone) {
            end(&mut segment.stretch, by.at, EndReason::ContactGone, by.event_id);
            ended.push(Ended::Segment(segment));
        }
    }
}

/// A stretch that has no end yet.
fn opened(start: Timestamp, by: &Sighting<'_>) -> Stretch {
    let (start_event, told) = (by.event_id.into(), by.at);
    Stretch { start, end: None, reason: EndReason::StillOpen, start_event, told, end_event: None }
}

/// Nothing ends before it begins, whatever the clocks of the service say.
fn end(stretch: &mut Stretch, at: Timestamp, reason: EndReason, event: &str) {
    stretch.end = Some(at.max(stretch.start));
    stretch.reason = reason;
    stretch.end_event = Some(event.into());
}
