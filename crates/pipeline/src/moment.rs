//! Moments as they are written in a pipeline file.

use chrono::DateTime;
use tributary_core::{Day, Timestamp};

/// A day (its first moment, UTC), or a moment as RFC 3339 has it.
pub(crate) fn read_moment(text: &str) -> Option<Timestamp> {
    if let Some(day) = Day::parse(text) {
        return Some(day.start());
    }
    let moment = DateTime::parse_from_rfc3339(text).ok()?;
    Some(Timestamp::from_micros(moment.timestamp_micros()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_or_a_moment() {
        let seconds = |text: &str| read_moment(text).map(|moment| moment.micros() / 1_000_000);
        assert_eq!(seconds("1970-01-02"), Some(86_400));
        assert_eq!(seconds("1970-01-01T02:00:00+01:00"), Some(3_600));
        for text in ["", "yesterday", "2026-11-01T06:00:00", "2026-13-01"] {
            assert_eq!(read_moment(text), None, "{text}");
        }
    }
}
