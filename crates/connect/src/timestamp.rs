//! The timestamps of the payloads.

use chrono::NaiveDate;
use tributary_core::Timestamp;

/// Reads ISO 8601 in UTC: `YYYY-MM-DDThh:mm:ss`, a fraction of 1 to 9 digits or none, `Z` or `+00:00`. Digits beyond
/// the microsecond are cut off. Anything else is `None`; nothing is guessed.
///
/// Source: the agent event stream data model, "timestamps are in ISO 8601 format"; real events have three digits and
/// `Z`, old documentation none.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let (head, rest) = bytes.split_at_checked(19)?;
    let shaped = head[4] == b'-' && head[7] == b'-' && head[10] == b'T' && head[13] == b':' && head[16] == b':';
    if !shaped {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(
        i32::try_from(number(&head[0..4])?).ok()?,
        number(&head[5..7])?,
        number(&head[8..10])?,
    )?;
    let (hour, minute, second) = (number(&head[11..13])?, number(&head[14..16])?, number(&head[17..19])?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (fraction, zone) = match rest.strip_prefix(b".") {
        Some(rest) => {
            let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=9).contains(&length) {
                return None;
            }
            let (digits, zone) = rest.split_at(length);
            let kept = &digits[..length.min(6)];
            // At most 10^6, times a power of ten that fills it up to six digits.
            (number(kept)? * 10_u32.pow(6 - kept.len() as u32), zone)
        }
        None => (0, rest),
    };
    if zone != b"Z" && zone != b"+00:00" {
        return None;
    }
    let days = i64::from(date.to_epoch_days());
    let seconds = days * 86_400 + i64::from(hour * 3_600 + minute * 60 + second);
    Some(Timestamp::from_micros(seconds * 1_000_000 + i64::from(fraction)))
}

/// The number that these digits are; `None` when one is no digit. At most nine digits.
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expect: Option<&str>) {
        assert_eq!(parse(text).map(|at| at.to_string()).as_deref(), expect, "{text}");
    }

    #[test]
    fn forms() {
        check("2025-07-01T12:21:28.833Z", Some("2025-07-01T12:21:28.833000Z"));
        check("2025-07-01T12:21:28Z", Some("2025-07-01T12:21:28.000000Z"));
        check("2025-07-01T12:21:28.1Z", Some("2025-07-01T12:21:28.100000Z"));
        check("2025-07-01T12:21:28.123456789+00:00", Some("2025-07-01T12:21:28.123456Z"));
        check("2024-02-29T00:00:00.000Z", Some("2024-02-29T00:00:00.000000Z"));
        check("1969-12-31T23:59:59.999Z", Some("1969-12-31T23:59:59.999000Z"));
        for bad in [
            "",
            "2017-11-09T12:17.898Z",
            "2025-07-01",
            "2025-07-01 12:21:28Z",
            "2025-07-01T12:21:28",
            "2023-02-29T00:00:00Z",
            "2025-07-01T24:00:00Z",
            "2025-07-01T12:60:00Z",
            "2025-07-01T12:00:60Z",
            "2025-07-01T12:21:28.Z",
            "2025-07-01T12:21:28.1234567890Z",
            "2025-07-01T12:21:28+02:00",
            "2025-07-01T12:21:28.833Zx",
            "2025-07-01t12:21:28z",
            "+025-07-01T12:21:28Z",
            "2025-07-01T12:21:28.833é",
        ] {
            check(bad, None);
        }
    }

    proptest! {
        #[test]
        fn agrees_with_chrono(millis in -2_000_000_000_000_i64..8_000_000_000_000) {
            let moment = DateTime::from_timestamp_millis(millis).unwrap();
            let text = moment.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
            prop_assert_eq!(parse(&text), Some(Timestamp::from_micros(millis * 1_000)));
        }
    }
}
