//! Answers of GetCaseAuditEvents, with the arguments of the request beside them, as whoever keeps answers writes them.
//!
//! The shape is that of the Cases API. How moments are written depends on who asked: each answer has one spelling.

use crate::cases::audit::{AuditEvent, Change};
use crate::cases::domain::{Domain, text};
use crate::cases::render::actor_json;
use crate::random::{Random, Uuid};
use crate::text::moment;

/// How an answer writes its moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// The service, over HTTP: `"2024-05-01T10:00:00.123Z"`.
    Service,
    /// Seconds since 1970: `1714557600.123`.
    Seconds,
    /// The AWS CLI, at so many hours from UTC: `"2024-05-01T12:00:00.123000+02:00"`.
    CommandLine(i64),
    /// A moment of boto3 as text: `"2024-05-01 10:00:00.123000+00:00"`.
    Text,
    /// A moment of boto3 as Python shows it: `"datetime.datetime(2024, 5, 1, 10, 0, 0, 123000, tzinfo=tzutc())"`.
    Shown,
}

impl Spelling {
    /// That of the answer `number`: they take turns.
    pub(crate) fn of(number: u64, random: &mut Random) -> Self {
        match number % 5 {
            0 => Self::Service,
            1 => Self::Seconds,
            2 => Self::CommandLine([0, 2, -5][random.below(3)]),
            3 => Self::Text,
            _ => Self::Shown,
        }
    }

    /// A moment in JSON.
    fn json(self, at: i64) -> String {
        match self {
            Self::Service => format!("\"{}\"", moment(at)),
            Self::Seconds => format!("{}.{:03}", at.div_euclid(1_000), at.rem_euclid(1_000)),
            Self::CommandLine(hours) => format!("\"{}\"", with_offset(at, hours, "T")),
            Self::Text => format!("\"{}\"", with_offset(at, 0, " ")),
            Self::Shown => format!("\"{}\"", shown(at)),
        }
    }
}

/// A moment as Python writes it: in microseconds, or without a fraction where it has none.
fn with_offset(at: i64, hours: i64, separator: &str) -> String {
    let fraction = match at.rem_euclid(1_000) {
        0 => String::new(),
        millis => format!(".{millis:03}000"),
    };
    let sign = if hours < 0 { '-' } else { '+' };
    let offset = format!("{fraction}{sign}{:02}:00", hours.abs());
    let second = at + hours * 3_600_000 - at.rem_euclid(1_000);
    moment(second).replacen('T', separator, 1).replacen(".000Z", &offset, 1)
}

/// A moment as Python shows the object: the last numbers are left out where they are zero.
fn shown(at: i64) -> String {
    let second = moment(at - at.rem_euclid(1_000));
    let parts = second.split(['-', 'T', ':', '.']).take(6);
    let mut numbers: Vec<i64> = parts.map(|part| part.parse().unwrap_or_default()).collect();
    numbers.push(at.rem_euclid(1_000) * 1_000);
    while numbers.len() > 5 && numbers.last() == Some(&0) {
        numbers.pop();
    }
    let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
    format!("datetime.datetime({}, tzinfo=tzutc())", numbers.join(", "))
}

/// Appends an answer about a case as a line.
pub(crate) fn push_answer(
    out: &mut Vec<u8>,
    (domain, case): (&Domain, &Uuid),
    events: &[AuditEvent],
    spelling: Spelling,
) {
    let (domain_id, case_id) = (&domain.id, text(case));
    let events: Vec<String> = events.iter().map(|event| event_json(domain, event, spelling)).collect();
    let events = events.join(",");
    let line = format!("{{\"domainId\":\"{domain_id}\",\"caseId\":\"{case_id}\",\"auditEvents\":[{events}]}}\n");
    out.extend_from_slice(line.as_bytes());
}

fn event_json(domain: &Domain, event: &AuditEvent, spelling: Spelling) -> String {
    let (id, kind, at) = (text(&event.id), event.kind.api(), spelling.json(event.at));
    let item = event.item.map_or_else(String::new, |names| format!(r#""relatedItemType":"{}","#, names.api));
    let changes: Vec<String> = event.changes.iter().map(change_json).collect();
    let changes = changes.join(",");
    let actor = actor_json(domain, event.actor);
    let actor = actor.map_or_else(String::new, |actor| format!(r#","performedBy":{actor}"#));
    format!(r#"{{"eventId":"{id}","type":"{kind}",{item}"performedTime":{at},"fields":[{changes}]{actor}}}"#)
}

fn change_json(change: &Change) -> String {
    let (field, new) = (&change.field, change.new.json());
    let old = change.old.as_ref().map_or_else(String::new, |old| format!(r#""oldValue":{},"#, old.json()));
    format!(r#"{{"eventFieldId":"{field}",{old}"newValue":{new}}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guards the spellings that Python has: of a moment with a fraction, and of a whole minute.
    #[test]
    fn moments_are_spelt_as_their_writers_do() {
        let (at, whole) = (1_714_557_600_123, 1_714_557_600_000);
        for (spelling, expected, expected_whole) in [
            (Spelling::Service, r#""2024-05-01T10:00:00.123Z""#, r#""2024-05-01T10:00:00.000Z""#),
            (Spelling::Seconds, "1714557600.123", "1714557600.000"),
            (Spelling::CommandLine(2), r#""2024-05-01T12:00:00.123000+02:00""#, r#""2024-05-01T12:00:00+02:00""#),
            (Spelling::CommandLine(-5), r#""2024-05-01T05:00:00.123000-05:00""#, r#""2024-05-01T05:00:00-05:00""#),
            (Spelling::Text, r#""2024-05-01 10:00:00.123000+00:00""#, r#""2024-05-01 10:00:00+00:00""#),
            (
                Spelling::Shown,
                r#""datetime.datetime(2024, 5, 1, 10, 0, 0, 123000, tzinfo=tzutc())""#,
                r#""datetime.datetime(2024, 5, 1, 10, 0, tzinfo=tzutc())""#,
            ),
        ] {
            assert_eq!((spelling.json(at).as_str(), spelling.json(whole).as_str()), (expected, expected_whole));
        }
    }
}
