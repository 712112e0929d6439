//! The values of fields: a union of which one member is set.

use serde_json::Value;
use tributary_core::Timestamp;

use crate::timestamp;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Content<'v> {
    /// `stringValue`.
    Text(&'v str),
    /// `doubleValue`.
    Number(f64),
    /// `booleanValue`.
    Boolean(bool),
    /// `userArnValue`.
    UserArn(&'v str),
    /// `emptyValue`: the field was cleared.
    Empty,
    /// A member that was added to the union later, or a value that does not fit its member.
    Other(&'v str),
}

impl<'v> Content<'v> {
    /// Reads a union; one that stands in an object under `value` too. `None` where nothing is set.
    pub(crate) fn of(value: &'v Value) -> Option<Self> {
        let union = match value.get("value") {
            Some(inner) if inner.is_object() => inner,
            _ => value,
        };
        let (name, value) = union.as_object()?.iter().find(|(_, value)| !value.is_null())?;
        let content = match name.as_str() {
            "stringValue" => value.as_str().map(Self::Text),
            "doubleValue" => value.as_f64().map(Self::Number),
            "booleanValue" => value.as_bool().map(Self::Boolean),
            "userArnValue" => value.as_str().map(Self::UserArn),
            "emptyValue" => Some(Self::Empty),
            _ => None,
        };
        Some(content.unwrap_or(Self::Other(name)))
    }

    /// Its text, of those that are one.
    pub(crate) fn text(self) -> Option<&'v str> {
        match self {
            Self::Text(text) | Self::UserArn(text) => Some(text),
            Self::Number(_) | Self::Boolean(_) | Self::Empty | Self::Other(_) => None,
        }
    }

    /// As a person would write it, of what has a value.
    pub(crate) fn written(self) -> Option<String> {
        match self {
            Self::Text(text) | Self::UserArn(text) => Some(text.to_owned()),
            Self::Number(number) => Some(number.to_string()),
            Self::Boolean(value) => Some(value.to_string()),
            Self::Empty | Self::Other(_) => None,
        }
    }
}

/// A moment in any of the forms in which the service and its clients write one: `2024-05-01T10:00:00.123Z` (HTTP and events),
/// `2024-05-01T10:00:00.123000+02:00` (the AWS CLI), `2024-05-01 10:00:00.123000+00:00` and
/// `datetime.datetime(2024, 5, 1, 10, 0, 0, 123000, tzinfo=tzlocal())` (boto3 printed; with a zone that is local to someone it
/// is taken for UTC only if that is what it says), or seconds since 1970.
pub(crate) fn moment(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => from_seconds(number.as_f64()?),
        Value::String(text) => moment_in(text),
        _ => None,
    }
}

fn from_seconds(seconds: f64) -> Option<Timestamp> {
    // Of more than that nobody can have meant seconds.
    (seconds.abs() < 1e11).then(|| Timestamp::from_micros((seconds * 1e6).round() as i64))
}

/// The same of a text.
pub(crate) fn moment_in(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Some(moment) = timestamp::parse(text) {
        return Some(moment);
    }
    if let Ok(seconds) = text.parse::<f64>() {
        return from_seconds(seconds);
    }
    let iso = text.replacen(' ', "T", 1);
    if let Ok(moment) = chrono::DateTime::parse_from_rfc3339(&iso) {
        return Some(Timestamp::from_micros(moment.timestamp_micros()));
    }
    printed(text)
}

/// `datetime.datetime(2024, 5, 1, 10, 0, 0, 123000, tzinfo=tzutc())`: what Python prints of an answer.
fn printed(text: &str) -> Option<Timestamp> {
    let inner = text.strip_prefix("datetime.datetime(")?.strip_suffix(')')?;
    let (numbers, zone) = inner.split_once(", tzinfo=")?;
    if !matches!(zone, "tzutc()" | "datetime.timezone.utc" | "timezone.utc") {
        return None;
    }
    let numbers: Option<Vec<u32>> = numbers.split(',').map(|number| number.trim().parse().ok()).collect();
    let numbers = numbers.filter(|numbers| (5..=7).contains(&numbers.len()))?;
    let at = |place: usize| numbers.get(place).copied().unwrap_or(0);
    let day = chrono::NaiveDate::from_ymd_opt(i32::try_from(at(0)).ok()?, at(1), at(2))?;
    let moment = day.and_hms_micro_opt(at(3), at(4), at(5), at(6))?;
    Some(Timestamp::from_micros(moment.and_utc().timestamp_micros()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn moments_of_all_clients() {
        for (value, expected) in [
            (json!("2024-05-01T10:00:00.123Z"), Some("2024-05-01T10:00:00.123000Z")),
            (json!("2024-05-01T12:00:00.123000+02:00"), Some("2024-05-01T10:00:00.123000Z")),
            (json!("2024-05-01 10:00:00.123000+00:00"), Some("2024-05-01T10:00:00.123000Z")),
            (json!(1_714_557_600.123), Some("2024-05-01T10:00:00.123000Z")),
            (json!("1714557600"), Some("2024-05-01T10:00:00.000000Z")),
            (json!("datetime.datetime(2024, 5, 1, 10, 0, tzinfo=tzutc())"), Some("2024-05-01T10:00:00.000000Z")),
            (json!("datetime.datetime(2024, 5, 1, 10, 0, 0, 5, tzinfo=tzutc())"), Some("2024-05-01T10:00:00.000005Z")),
            (json!("datetime.datetime(2024, 5, 1, 10, 0, tzinfo=tzlocal())"), None),
            (json!("2024-05-01T10:00:00"), None),
            (json!("yesterday"), None),
            (json!(1e18), None),
            (json!(true), None),
        ] {
            assert_eq!(moment(&value).map(|at| at.to_string()).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn values_are_read_whatever_they_stand_in() {
        assert_eq!(Content::of(&json!({"value": {"stringValue": "a"}})), Some(Content::Text("a")));
        assert_eq!(Content::of(&json!({"doubleValue": 1})), Some(Content::Number(1.0)));
        assert_eq!(Content::of(&json!({"emptyValue": {}})), Some(Content::Empty));
        assert_eq!(Content::of(&json!({"dateValue": "x"})), Some(Content::Other("dateValue")));
        assert_eq!(Content::of(&json!({"booleanValue": "x"})), Some(Content::Other("booleanValue")));
        assert_eq!(Content::of(&json!({"stringValue": null})), None);
    }
}
