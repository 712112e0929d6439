//! Small days, made by hand from the documentation and from what captured streams showed.

use proptest::prelude::*;
use tributary_core::Timestamp;

use super::*;

const SILENCE: i64 = 900_000_000;

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_micros((seconds * 1_000.0).round() as i64 * 1_000)
}

fn status(name: &'static str, since: f64) -> StatusSeen<'static> {
    StatusSeen { arn: Some(name), name: Some(name), kind: Some("ROUTABLE"), since: Some(at(since)) }
}

fn contact(id: &'static str, state: &'static str, since: f64) -> ContactSeen<'static> {
    ContactSeen {
        id,
        initial: None,
        channel: Some("VOICE"),
        method: Some("INBOUND"),
        state: Some(state),
        since: Some(at(since)),
        connected: None,
        queued: None,
        queue_arn: None,
        queue_name: None,
    }
}

fn event(
    id: &'static str,
    kind: EventKind,
    seconds: f64,
    status: StatusSeen<'static>,
    contacts: &[ContactSeen<'static>],
) -> Sighting<'static> {
    let (status, contacts) = (Some(status), Some(contacts.to_vec()));
    Sighting { at: at(seconds), event_id: id, kind, status, contacts, assignment: None }
}

/// What ends, each as `what from..to why (events)`, in seconds; and what is open at the end.
fn told(events: &[Sighting<'_>]) -> Vec<String> {
    let (mut agent, mut ended) = (AgentTime::default(), Vec::new());
    events.iter().for_each(|event| agent.observe(event, SILENCE, &mut ended));
    agent.finish(&mut ended);
    ended.iter().map(tell).collect()
}

fn tell(ended: &Ended) -> String {
    let what = match ended {
        Ended::Session(session) => format!("session{}", if session.login.is_some() { " with login" } else { "" }),
        Ended::Status(status) => status.name.as_deref().unwrap_or("?").to_owned(),
        Ended::Segment(segment) => format!("{} {}", segment.contact.id, segment.state),
        Ended::Assignment(assignment) => format!("in {}", assignment.assigned.profile.as_deref().unwrap_or("?")),
    };
    let stretch = ended.stretch();
    let seconds = |moment: Timestamp| moment.micros() as f64 / 1e6;
    let end = stretch.end.map_or_else(|| "?".to_owned(), |end| seconds(end).to_string());
    let end_event = stretch.end_event.as_deref().unwrap_or("-");
    let reason = stretch.reason.as_str();
    format!("{what} {}..{end} {reason} ({} {end_event})", seconds(stretch.start), stretch.start_event)
}

use EventKind::{Change, HeartBeat, Login, Logout};

/// Amazon's own example of after-contact work: ENDED at 16:58:45.003, gone at 16:58:50.008.
#[test]
fn the_documented_after_contact_work_takes_5_005_seconds() {
    let available = status("Available", 0.0);
    let ended = told(&[
        event("a", Change, 100.0, available, &[contact("c", "CONNECTED", 99.9)]),
        event("b", Change, 525.003, available, &[contact("c", "ENDED", 525.003)]),
        event("c", Change, 530.008, available, &[]),
    ]);
    assert_eq!(
        ended[..2],
        ["c CONNECTED 99.9..525.003 next_state (a b)", "c ENDED 525.003..530.008 contact_gone (b c)"]
    );
    let mut agent = AgentTime::default();
    let mut rows = Vec::new();
    agent.observe(&event("b", Change, 525.003, available, &[contact("c", "ENDED", 525.003)]), SILENCE, &mut rows);
    agent.observe(&event("c", Change, 530.008, available, &[]), SILENCE, &mut rows);
    assert_eq!(rows[0].stretch().millis(), Some(5_005));
}

#[test]
fn a_call_missed_offered_again_and_answered_in_two_events() {
    let available = status("Available", 0.0);
    let connected = ContactSeen { connected: Some(at(80.03)), ..contact("c", "CONNECTED", 80.0) };
    let events = [
        event("1", Login, 0.0, available, &[]),
        event("2", Change, 10.0, available, &[contact("c", "CONNECTING", 10.0)]),
        event("3", Change, 30.0, available, &[contact("c", "MISSED", 30.0)]),
        event("4", Change, 49.0, available, &[]),
        event("5", Change, 60.0, available, &[contact("c", "CONNECTING", 60.0)]),
        event("6", Change, 80.01, available, &[contact("c", "CONNECTED", 80.0)]),
        event("7", Change, 80.05, available, &[connected]),
        event("8", Change, 90.0, available, &[contact("c", "CONNECTED_ONHOLD", 90.0)]),
        event("9", Change, 95.0, available, &[contact("c", "ENDED", 95.0)]),
        event("10", Logout, 99.0, available, &[]),
    ];
    assert_eq!(
        told(&events),
        [
            "c CONNECTING 10..30 next_state (2 3)",
            "c MISSED 30..49 contact_gone (3 4)",
            "c CONNECTING 60..80 next_state (5 6)",
            "c CONNECTED 80..90 next_state (6 8)",
            "c CONNECTED_ONHOLD 90..95 next_state (8 9)",
            "c ENDED 95..99 contact_gone (9 10)",
            "Available 0..99 logout (1 10)",
            "session with login 0..99 logout (1 10)",
        ]
    );
    let (mut agent, mut ended) = (AgentTime::default(), Vec::new());
    events.iter().for_each(|event| agent.observe(event, SILENCE, &mut ended));
    let talk = ended.iter().find_map(|ended| match ended {
        Ended::Segment(segment) if &*segment.state == "CONNECTED" => Some(segment.contact.connected),
        _ => None,
    });
    assert_eq!(talk, Some(Some(at(80.03))), "the moment of connection comes with the second event");
}

#[test]
fn several_chats_each_have_their_own_after_contact_work() {
    let (one, two) = (|state, since| contact("1", state, since), |state, since| contact("2", state, since));
    let available = status("Available", 0.0);
    let ended = told(&[
        event("a", Change, 1.0, available, &[one("CONNECTED", 1.0)]),
        event("b", Change, 2.0, available, &[one("CONNECTED", 1.0), two("CONNECTED", 2.0)]),
        event("c", Change, 3.0, available, &[one("ENDED", 3.0), two("CONNECTED", 2.0)]),
        event("d", Change, 4.0, available, &[one("ENDED", 3.0), two("ENDED", 4.0)]),
        event("e", Change, 6.0, available, &[two("ENDED", 4.0)]),
        event("f", Change, 9.0, available, &[]),
    ]);
    let work: Vec<&String> = ended.iter().filter(|ended| ended.contains("ENDED")).collect();
    assert_eq!(work, ["1 ENDED 3..6 contact_gone (c e)", "2 ENDED 4..9 contact_gone (d f)"]);
}

#[test]
fn statuses_are_told_apart_by_name_and_start() {
    let ended = told(&[
        event("1", Login, 10.0, status("Offline", 3.0), &[]),
        // A change of the configuration repeats the status.
        event("2", Change, 12.0, status("Offline", 3.0), &[]),
        // Chosen again.
        event("3", Change, 20.001, status("Offline", 20.0), &[]),
        event("4", Change, 30.0, status("Available", 30.0), &[]),
        // A heart beat's snapshots may be older.
        event("5", HeartBeat, 150.0, status("Offline", 20.0), &[]),
        event("6", Logout, 200.0, status("Available", 30.0), &[]),
    ]);
    assert_eq!(
        ended,
        [
            "Offline 10..20 next_state (1 3)",
            "Offline 20..30 next_state (3 4)",
            "Available 30..200 logout (4 6)",
            "session with login 10..200 logout (1 6)",
        ]
    );
}

#[test]
fn a_session_without_logout_ends_at_its_last_sign_of_life() {
    let beat = |id, seconds| event(id, HeartBeat, seconds, status("Available", -5.0), &[contact("c", "ENDED", -1.0)]);
    let events = [
        beat("1", 0.0),
        beat("2", 120.0),
        beat("3", 240.0),
        event("4", Change, 5_000.0, status("Available", -5.0), &[contact("c", "ENDED", -1.0)]),
        event("5", Change, 5_010.0, status("Available", -5.0), &[]),
        event("6", Login, 5_020.0, status("Offline", 5_019.0), &[]),
    ];
    assert_eq!(
        told(&events),
        [
            "c ENDED -1..? silence (1 -)",
            "Available 0..240 silence (1 3)",
            "session 0..240 silence (1 3)",
            // The contact that was never cleared goes on with the next session.
            "c ENDED 5000..5010 contact_gone (4 5)",
            "Available 5000..5010 silence (4 5)",
            "session 5000..5010 silence (4 5)",
            "Offline 5020..? still_open_at_end_of_input (6 -)",
            "session with login 5020..? still_open_at_end_of_input (6 -)",
        ]
    );
}

#[test]
fn heart_beats_after_a_logout_are_no_session() {
    let offline = status("Offline", 0.0);
    let ended = told(&[
        event("1", Login, 0.0, offline, &[]),
        event("2", Logout, 100.0, offline, &[contact("c", "ENDED", 90.0)]),
        event("3", HeartBeat, 220.0, offline, &[]),
        event("4", HeartBeat, 3_600.0, offline, &[]),
        event("5", HeartBeat, 9_000.0, offline, &[]),
    ]);
    assert_eq!(
        ended,
        [
            "c ENDED 90..? logout (2 -)",
            "Offline 0..100 logout (1 2)",
            "session with login 0..100 logout (1 2)",
            "Offline 9000..? still_open_at_end_of_input (5 -)",
            "session 9000..? still_open_at_end_of_input (5 -)",
        ]
    );
}

#[test]
fn what_was_before_the_session_begins_with_it() {
    let available = status("Available", 0.0);
    let ended = told(&[
        // Without a LOGIN the agent may have been there: what its first event tells is older.
        event("1", Change, 1.0, available, &[contact("c", "ENDED", 0.5)]),
        // A contact that was never cleared.
        event("2", Login, 5_000.0, available, &[]),
        event("3", Change, 5_001.0, available, &[contact("c", "ENDED", 0.5)]),
        event("4", Change, 5_002.0, available, &[]),
        // One that began after the last session, another that may have been in it; and later events tell nothing older.
        event(
            "5",
            Change,
            9_000.0,
            available,
            &[contact("d", "CONNECTING", 5_002.5), contact("e", "CONNECTED", 5_002.0)],
        ),
        event("6", Change, 9_001.0, available, &[contact("f", "CONNECTED", 8_000.0)]),
        // Nor does the first, if it is older than the day before.
        event(
            "7",
            Change,
            1_000_000.0,
            available,
            &[contact("g", "ENDED", 86_400.0 * 10.0 - 0.001), contact("h", "ENDED", 864_000.0)],
        ),
    ]);
    let rows: Vec<&String> = ended.iter().filter(|row| row.contains(" CONN") || row.contains(" ENDED")).collect();
    assert_eq!(
        rows,
        [
            "c ENDED 0.5..? silence (1 -)",
            "c ENDED 5000..5002 contact_gone (3 4)",
            "d CONNECTING 5002.5..9001 contact_gone (5 6)",
            "e CONNECTED 9000..9001 contact_gone (5 6)",
            "f CONNECTED 9000..? silence (6 -)",
            "g ENDED 1000000..? still_open_at_end_of_input (7 -)",
            "h ENDED 864000..? still_open_at_end_of_input (7 -)",
        ]
    );
}

#[test]
fn a_logout_alone_is_no_session_and_a_login_ends_its_time() {
    let (offline, available) = (status("Offline", 0.0), status("Available", 4_005.0));
    let ended = told(&[
        event("1", Logout, 100.0, offline, &[]),
        event("2", Logout, 200.0, offline, &[]),
        event("3", HeartBeat, 300.0, offline, &[]),
        event("4", Login, 400.0, offline, &[]),
        // Silent for long, then there again: within an hour of the old LOGOUT, which means nothing any more.
        event("5", HeartBeat, 2_000.0, offline, &[]),
        event("6", Change, 2_100.0, available, &[]),
    ]);
    assert_eq!(
        ended,
        [
            "Offline 400..400 silence (4 4)",
            "session with login 400..400 silence (4 4)",
            // Nothing begins after it was told.
            "Offline 2000..2100 next_state (5 6)",
            "Available 2100..? still_open_at_end_of_input (6 -)",
            "session 2000..? still_open_at_end_of_input (5 -)",
        ]
    );
}

#[test]
fn statuses_do_not_overlap_whatever_their_starts() {
    let ended = told(&[
        event("1", Change, 10.0, status("A", 3.0), &[]),
        event("2", Change, 11.0, status("A", 9.5), &[]),
        event("3", Change, 20.0, status("B", 15.0), &[]),
        event("4", Change, 21.0, status("C", 12.0), &[]),
    ]);
    assert_eq!(
        ended[..3],
        ["A 10..15 next_state (2 3)", "B 15..15 next_state (3 4)", "C 15..? still_open_at_end_of_input (4 -)"]
    );
}

#[test]
fn a_snapshot_that_is_missing_says_nothing() {
    let mut blank = event("2", Change, 20.0, status("Available", 1.0), &[]);
    (blank.status, blank.contacts) = (None, None);
    let ended = told(&[
        event("1", Change, 10.0, status("Available", 1.0), &[contact("c", "CONNECTED", 9.0)]),
        blank,
        event("3", Change, 30.0, status("Available", 1.0), &[]),
    ]);
    assert_eq!(ended[0], "c CONNECTED 9..30 contact_gone (1 3)");
}

fn any_event() -> impl Strategy<Value = (i64, u8, u8, Vec<(u8, u8)>)> {
    (1_i64..1_200, 0_u8..6, 0_u8..3, proptest::collection::vec((0_u8..3, 0_u8..4), 0..3))
}

proptest! {
    /// Whatever comes: sessions and statuses follow one another without overlap, a contact is in one state at a time,
    /// no length is negative, and every row names the event that began it.
    #[test]
    fn time_is_told_once(days in proptest::collection::vec(any_event(), 1..60)) {
        const NAMES: [&str; 4] = ["CONNECTING", "CONNECTED", "ENDED", "MISSED"];
        const IDS: [&str; 3] = ["c1", "c2", "c3"];
        let (mut agent, mut ended, mut now) = (AgentTime::default(), Vec::new(), 0.0);
        let (mut since, mut current) = (0.0, 0);
        for (step, kind, chosen, contacts) in days {
            now += step as f64;
            if chosen != current {
                (since, current) = (now, chosen);
            }
            let kind = [Login, Logout, HeartBeat, Change, Change, Change][usize::from(kind)];
            let contacts: Vec<_> =
                contacts.iter().map(|(id, state)| contact(IDS[usize::from(*id)], NAMES[usize::from(*state)], now)).collect();
            let seen = event("e", kind, now, status(IDS[usize::from(current)], since), &contacts);
            // Of a heart beat in a session nothing needs to be looked at but that it came.
            if kind == HeartBeat && agent.goes_on(seen.at, SILENCE) {
                let (mut other, mut others) = (agent.clone(), ended.clone());
                other.observe(&Sighting { status: None, contacts: None, assignment: None, ..seen.clone() }, SILENCE, &mut others);
                agent.observe(&seen, SILENCE, &mut ended);
                prop_assert_eq!((&agent, &ended), (&other, &others));
                continue;
            }
            agent.observe(&seen, SILENCE, &mut ended);
        }
        agent.finish(&mut ended);
        prop_assert!(!agent.is_open());
        let mut lines: std::collections::BTreeMap<String, Vec<(Timestamp, Timestamp)>> = Default::default();
        for ended in &ended {
            let line = match ended {
                Ended::Session(_) => "session".to_owned(),
                Ended::Status(_) => "status".to_owned(),
                Ended::Segment(segment) => segment.contact.id.to_string(),
                Ended::Assignment(_) => "assignment".to_owned(),
            };
            let stretch = ended.stretch();
            prop_assert!(stretch.millis().is_none_or(|millis| millis >= 0));
            prop_assert!(!stretch.start_event.is_empty());
            prop_assert_eq!(stretch.end.is_some(), stretch.end_event.is_some());
            lines.entry(line).or_default().extend(stretch.end.map(|end| (stretch.start, end)));
        }
        for (line, mut stretches) in lines {
            stretches.sort();
            prop_assert!(stretches.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{line}: {stretches:?}");
        }
    }
}
