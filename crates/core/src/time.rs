//! Moments and days, both UTC and both free of any clock.

use std::fmt;

use chrono::{DateTime, NaiveDate};
use serde::{Deserialize, Serialize};

/// A moment in microseconds since 1970-01-01T00:00:00Z. The unit of every timestamp column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// Microseconds of one UTC day; UTC days have no leap seconds here, as in every engine that reads the lake.
const MICROS_PER_DAY: i64 = 86_400_000_000;

impl Timestamp {
    /// The moment `micros` microseconds after the epoch (before it when negative).
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since the epoch, rounded down.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Whole minutes since the epoch, rounded down: the grain of the duplicate horizon.
    pub const fn minute(self) -> i64 {
        self.0.div_euclid(60_000_000)
    }

    /// The UTC day this moment falls on.
    pub const fn day(self) -> Day {
        // An i64 of microseconds spans +-107 million days, which fits an i32.
        Day(self.0.div_euclid(MICROS_PER_DAY) as i32)
    }

    /// This moment plus `micros`, held inside the range of the type.
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 with microseconds and `Z`; the bare number of microseconds where chrono's calendar ends.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_timestamp_micros(self.0) {
            Some(moment) => write!(f, "{}", moment.format("%Y-%m-%dT%H:%M:%S%.6fZ")),
            None => write!(f, "{}us", self.0),
        }
    }
}

/// A UTC day, as days since 1970-01-01: the partition of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(i32);

impl Day {
    /// 2015-01-01: nothing of Amazon Connect is older; an earlier day is a mistake of the payload.
    pub const EARLIEST: Self = Self(16_436);

    /// The day `days` days after 1970-01-01.
    pub const fn from_days(days: i32) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01.
    pub const fn days(self) -> i32 {
        self.0
    }

    /// The first moment of the day.
    pub const fn start(self) -> Timestamp {
        Timestamp(self.0 as i64 * MICROS_PER_DAY)
    }

    /// The day after.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Reads `YYYY-MM-DD`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 10 {
            return None;
        }
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        let days = date.signed_duration_since(NaiveDate::default()).num_days();
        i32::try_from(days).ok().map(Self)
    }

    /// Whether a row of this day may be written: from 2015-01-01 up to the day after `arrival`.
    pub fn is_usable(self, arrival: Self) -> bool {
        self >= Self::EARLIEST && self <= arrival.next()
    }
}

impl fmt::Display for Day {
    /// `YYYY-MM-DD`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NaiveDate::default().checked_add_signed(chrono::Duration::days(i64::from(self.0))) {
            Some(date) => write!(f, "{}", date.format("%Y-%m-%d")),
            None => write!(f, "day{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_the_floor_of_its_moments() {
        assert_eq!(Timestamp::from_micros(-1).day(), Day(-1));
        assert_eq!(Timestamp::from_micros(0).day(), Day(0));
        assert_eq!(Timestamp::from_micros(MICROS_PER_DAY - 1).day(), Day(0));
        assert_eq!(Timestamp::from_micros(MICROS_PER_DAY).day(), Day(1));
    }

    #[test]
    fn the_earliest_day_is_2015() {
        assert_eq!(Day::EARLIEST.to_string(), "2015-01-01");
        assert_eq!(Day::parse("2015-01-01"), Some(Day::EARLIEST));
        assert_eq!(Day::parse("2015-1-1"), None);
    }

    #[test]
    fn usable_days_end_one_day_after_arrival() {
        let arrival = Day::parse("2025-07-01").unwrap();
        assert!(arrival.next().is_usable(arrival));
        assert!(!arrival.next().next().is_usable(arrival));
        assert!(!Day(Day::EARLIEST.days() - 1).is_usable(arrival));
    }
}
