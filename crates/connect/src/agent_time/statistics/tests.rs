//! Sessions made by hand, spread over intervals; `docs/agent-statistics.md` is checked by SQL elsewhere.

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use proptest::prelude::*;

use super::super::*;
use super::*;

const MINUTE: i64 = 60_000_000;
const QUARTER: i64 = 15 * MINUTE;

fn counting(range: Range<i64>) -> Counting {
    Counting { interval: QUARTER, custom_states: vec!["lunch".into()], range }
}

fn stretch(start: i64, end: Option<i64>, reason: EndReason) -> Stretch {
    let (start, end) = (Timestamp::from_micros(start), end.map(Timestamp::from_micros));
    Stretch { start, end, reason, start_event: "s".into(), told: start, end_event: end.map(|_| "e".into()) }
}

fn session(start: i64, end: i64) -> Ended {
    Ended::Session(Session { stretch: stretch(start, Some(end), EndReason::Logout), login: None })
}

fn status(arn: &str, kind: &str, start: i64, end: i64) -> Ended {
    let (arn, kind) = (Some(arn.into()), Some(kind.into()));
    let stretch = stretch(start, Some(end), EndReason::NextState);
    Ended::Status(StatusInterval { stretch, arn, name: None, kind, since: None })
}

fn segment(state: &str, method: &str, start: i64, end: Option<i64>) -> Ended {
    let reason = if end.is_some() { EndReason::NextState } else { EndReason::Logout };
    let contact = ContactOf {
        id: "c".into(),
        initial: None,
        channel: Some("VOICE".into()),
        method: Some(method.into()),
        connected: None,
        queued: None,
        queue_arn: Some("arn:aws:connect:eu-central-1:1:instance/i/queue/q".into()),
        queue_name: None,
    };
    let (stretch, state) = (stretch(start, end, reason), state.into());
    Ended::Segment(Segment { since: stretch.start, stretch, state, follows_incoming: false, contact })
}

fn assignment(profile: &str, start: i64, end: i64) -> Ended {
    let assigned = Arc::new(Assigned { profile: Some(profile.into()), ..Assigned::default() });
    Ended::Assignment(Assignment { stretch: stretch(start, Some(end), EndReason::NextState), assigned })
}

fn intervals(ended: &[Ended], counting: &Counting) -> Vec<IntervalOfAgent> {
    let mut statistics = Statistics::default();
    let mut queues = Queues::default();
    ended.iter().for_each(|ended| statistics.take(ended, counting, &mut queues));
    statistics.drain(i64::MAX, counting)
}

fn profile(interval: &IntervalOfAgent) -> Option<&str> {
    interval.assigned.as_ref()?.profile.as_deref()
}

/// An hour from 11:50: Available, an inbound call that rings over a border, lunch with a call that goes on, another session.
#[test]
fn an_hour() {
    let at = |minute: i64| minute * MINUTE;
    let counting = counting(0..at(1_440));
    let ended = [
        segment("CONNECTING", "INBOUND", at(714), Some(at(716))),
        segment("CONNECTED", "INBOUND", at(716), Some(at(728))),
        segment("ENDED", "INBOUND", at(728), Some(at(732))),
        segment("MISSED", "INBOUND", at(740), None),
        status("available", "ROUTABLE", at(710), at(725)),
        status("lunch", "CUSTOM", at(725), at(742)),
        assignment("first", at(710), at(720)),
        assignment("second", at(720), at(742)),
        session(at(710), at(742)),
        status("off", "OFFLINE", at(743), at(744)),
        assignment("third", at(743), at(744)),
        session(at(743), at(744)),
    ];
    let intervals = intervals(&ended, &counting);
    let starts: Vec<i64> = intervals.iter().map(|interval| interval.start.micros() / MINUTE).collect();
    assert_eq!(starts, [705, 720, 735]);
    // Where the agent belonged at the border; the change at 720 is at the border of the second.
    assert_eq!(intervals.iter().map(profile).collect::<Vec<_>>(), [Some("first"), Some("second"), Some("second")]);
    let spent: Vec<Spent> = intervals.iter().map(|interval| interval.spent.clone().unwrap()).collect();
    let none = Spent { custom: vec![0], ..Spent::default() };
    let first = Spent { online: at(10), idle: at(4), on_contact: at(4), ..none.clone() };
    let second =
        Spent { online: at(15), non_productive: at(10), on_contact: at(5), custom: vec![at(10)], ..Spent::default() };
    let third = Spent { online: at(7), non_productive: at(7), error: at(2), custom: vec![at(7)], ..none };
    assert_eq!(spent, [first, second, third]);
    let done: Vec<&Handled> = intervals.iter().map(|interval| &interval.contacts[0].1).collect();
    let (mut connecting_time, mut attempts) = ([0; 4], [0; 4]);
    (connecting_time[0], attempts[0]) = (at(2), 1);
    let handled = |time| Handled { handle_time: time, ..Handled::default() };
    let rang = Handled { offered: 1, connecting_time, attempts, contact_time: at(4), ..handled(at(4)) };
    assert_eq!(*done[0], rang);
    assert_eq!(*done[1], Handled { contact_time: at(5), ..handled(at(12)) });
    assert_eq!(*done[2], Handled { non_response: 1, non_response_of_agent: 1, ..Handled::default() });
}

/// Each day has its part of a night, whichever of them is asked for.
#[test]
fn a_night_is_cut_at_midnight() {
    let day = 1_440 * MINUTE;
    let ended = [
        segment("CONNECTED", "OUTBOUND", day - 3 * MINUTE, Some(day + MINUTE)),
        status("available", "ROUTABLE", day - 20 * MINUTE, day + 20 * MINUTE),
        session(day - 20 * MINUTE, day + 20 * MINUTE),
    ];
    let both = intervals(&ended, &counting(0..2 * day));
    let mut each = intervals(&ended, &counting(0..day));
    assert_eq!(each.last().unwrap().contacts[0].1.handle_time, 3 * MINUTE);
    each.extend(intervals(&ended, &counting(day..2 * day)));
    assert_eq!(both, each);
    assert_eq!(both.len(), 4);
}

/// Of a session that lies outside of what is counted nothing is left for the next.
#[test]
fn what_is_not_counted_is_forgotten() {
    let day = 1_440 * MINUTE;
    let counting = counting(day..2 * day);
    let ended = [
        status("available", "ROUTABLE", day - 20, day),
        session(day - 20, day),
        status("off", "OFFLINE", day + MINUTE, day + 2 * MINUTE),
        session(day + MINUTE, day + 2 * MINUTE),
    ];
    let intervals = intervals(&ended, &counting);
    assert_eq!(intervals.len(), 1);
    assert_eq!(intervals[0].spent, Some(Spent { custom: vec![0], ..Spent::default() }));
}

/// The id, and the columns of a row. The ids were computed by another implementation of UUIDv5.
#[test]
fn rows_have_ids_that_anybody_can_compute() {
    let counting = counting(0..1_440 * MINUTE);
    let ended = [
        segment("CONNECTING", "INBOUND", 714 * MINUTE, Some(716 * MINUTE)),
        assignment("arn:aws:connect:eu-central-1:1:instance/i/routing-profile/p", 710 * MINUTE, 718 * MINUTE),
        session(710 * MINUTE, 718 * MINUTE),
    ];
    let agent = Arc::new(AgentId {
        instance_id: "i".into(),
        account_id: None,
        arn: "arn:aws:connect:eu-central-1:1:instance/i/agent/u".into(),
    });
    let mut rows = TimeRows::default();
    for interval in intervals(&ended, &counting) {
        rows.push_interval(&agent, &interval, Timestamp::from_micros(0));
    }
    assert_eq!(rows.len(), 2);
    let batches = rows.finish().unwrap();
    let text = |batch: usize, column: &str| {
        let column = arrow_select::take::take(
            batches[batch].rows.column_by_name(column).unwrap().as_any_dictionary().values(),
            batches[batch].rows.column_by_name(column).unwrap().as_any_dictionary().keys(),
            None,
        );
        column.unwrap().as_string::<i32>().value(0).to_owned()
    };
    let id = |batch: usize| batches[batch].rows.column(0).as_string::<i32>().value(0).to_owned();
    assert_eq!((batches[0].table.as_str(), id(0).as_str()), ("agent_statistic_record", AGENT_ROW));
    assert_eq!((batches[1].table.as_str(), id(1).as_str()), ("agent_queue_statistic_record", QUEUE_ROW));
    assert_eq!(
        (text(0, "instance_arn").as_str(), text(0, "routing_profile_id").as_str()),
        ("arn:aws:connect:eu-central-1:1:instance/i", "p")
    );
    assert_eq!(
        (text(1, "queue_id").as_str(), text(1, "queue_type").as_str(), text(1, "user_id").as_str()),
        ("q", "STANDARD", "u")
    );
    let time = batches[1].rows.column_by_name("agent_incoming_connecting_time").unwrap();
    assert_eq!(time.as_primitive::<Int64Type>().value(0), 120_000);
}

/// `uuid.uuid5(UUID("6c0e93a1-57d4-4b7f-9a35-d1f270b8ce46"), "i\nu\np\n\n\n\n\n\n42300")` in Python.
const AGENT_ROW: &str = "99a415af-a4b7-5b75-9fde-0a352fb87d82";
/// The same with `"i\nu\np\n\n\n\n\n\nq\nVOICE\n42300"`.
const QUEUE_ROW: &str = "56a7764c-adf4-57f1-a72f-5e3c18622063";

proptest! {
    /// However the day is cut: the intervals add up to the whole, and what an available agent does is one thing at a time.
    #[test]
    fn intervals_add_up(
        turns in proptest::collection::vec((1_i64..40 * MINUTE, 0_u8..3), 1..12),
        calls in proptest::collection::vec((0_i64..300 * MINUTE, 1_i64..60 * MINUTE, 0_u8..4), 0..12),
    ) {
        let (mut now, mut ended) = (3 * MINUTE, Vec::new());
        let kinds = [("available", "ROUTABLE"), ("lunch", "CUSTOM"), ("off", "OFFLINE")];
        for (length, kind) in turns {
            let (arn, kind) = kinds[usize::from(kind)];
            ended.push(status(arn, kind, now, now + length));
            now += length;
        }
        for (start, length, state) in calls {
            let state = ["CONNECTING", "CONNECTED", "ENDED", "ERROR"][usize::from(state)];
            ended.push(segment(state, "INBOUND", start, Some(start + length)));
        }
        ended.push(session(3 * MINUTE, now));
        let day = 1_440 * MINUTE;
        let cut = intervals(&ended, &counting(0..day));
        let whole = intervals(&ended, &Counting { interval: day, ..counting(0..day) });
        prop_assert_eq!(whole.len(), 1);
        let whole_spent = whole[0].spent.clone().unwrap();
        let sum = |of: fn(&Spent) -> i64| cut.iter().filter_map(|interval| interval.spent.as_ref()).map(of).sum::<i64>();
        let measures: [fn(&Spent) -> i64; 6] =
            [|s| s.online, |s| s.error, |s| s.non_productive, |s| s.idle, |s| s.on_contact, |s| s.custom[0]];
        for of in measures {
            prop_assert_eq!(sum(of), of(&whole_spent));
        }
        prop_assert_eq!(whole_spent.custom[0], whole_spent.non_productive);
        prop_assert!(whole_spent.idle + whole_spent.on_contact + whole_spent.non_productive <= whole_spent.online);
        for interval in &cut {
            prop_assert!(interval.spent.as_ref().is_none_or(|spent| spent.online <= QUARTER));
        }
        let contacts = |of: fn(&Handled) -> i64, intervals: &[IntervalOfAgent]| {
            intervals.iter().flat_map(|interval| &interval.contacts).map(|(_, done)| of(done)).sum::<i64>()
        };
        let measures: [fn(&Handled) -> i64; 5] =
            [|d| d.handle_time, |d| d.contact_time, |d| d.offered, |d| d.non_response, |d| d.connecting_time[0]];
        for of in measures {
            prop_assert_eq!(contacts(of, &cut), contacts(of, &whole));
        }
    }
}
