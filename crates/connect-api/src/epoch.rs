//! Moments as the service writes them: seconds since 1970, a number that may have decimals.
//!
//! Source: the Smithy specification, "timestampFormat", `epoch-seconds`, which is that of bodies in `rest-json`.

use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer};
use tributary_core::Timestamp;

/// The year 10000.
const END: f64 = 253_402_300_800.0;

/// A moment that may be missing.
pub(crate) fn moment<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    let Some(seconds) = Option::<f64>::deserialize(from)? else { return Ok(None) };
    if !(-END..END).contains(&seconds) {
        return Err(D::Error::custom(format!("{seconds} is no moment in seconds since 1970")));
    }
    #[expect(clippy::cast_possible_truncation, reason = "it lies within the range before")]
    let micros = (seconds * 1e6).round() as i64;
    Ok(Some(Timestamp::from_micros(micros)))
}

/// Milliseconds since 1970 that are not after `moment`; the service knows none before.
pub(crate) fn millis_down(moment: Timestamp) -> i64 {
    moment.micros().div_euclid(1_000).max(0)
}

/// Milliseconds since 1970 that are not before `moment`.
pub(crate) fn millis_up(moment: Timestamp) -> i64 {
    moment.micros().saturating_add(999).div_euclid(1_000).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> Result<Option<i64>, serde_json::Error> {
        let mut from = serde_json::Deserializer::from_str(text);
        moment(&mut from).map(|moment| moment.map(Timestamp::micros))
    }

    #[test]
    fn seconds_have_decimals() {
        for (text, expected) in [
            ("1793491200", Some(1_793_491_200_000_000)),
            ("1793491200.123", Some(1_793_491_200_123_000)),
            ("1.793491200123E9", Some(1_793_491_200_123_000)),
            ("1793491200.999999", Some(1_793_491_200_999_999)),
            ("-0.5", Some(-500_000)),
            ("null", None),
        ] {
            assert_eq!(micros(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        // The last one is in milliseconds.
        for text in ["\"2026-11-01T00:00:00Z\"", "true", "1e300", "[]", "1793491200000"] {
            assert!(micros(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_filter_in_milliseconds_leaves_nothing_out() {
        let at = |micros| (millis_down(Timestamp::from_micros(micros)), millis_up(Timestamp::from_micros(micros)));
        assert_eq!((at(1_999), at(2_000), at(-1)), ((1, 2), (2, 2), (0, 0)));
    }
}
