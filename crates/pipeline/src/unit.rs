//! Sizes and times as people write them: `"128 MiB"`, `"60s"`.

use std::time::Duration;

/// The units of sizes with their bytes, largest first. Both families are exact: `MB` is 10^6, `MiB` is 2^20.
const SIZES: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

/// The units of times with their milliseconds, largest first.
const TIMES: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The regular expression (ECMA 262, as JSON Schema asks) of what [`read_size`] takes.
pub(crate) const SIZE_PATTERN: &str = "^[0-9]+ *(B|kB|KB|KiB|MB|MiB|GB|GiB|TB|TiB)$";

/// The regular expression (ECMA 262, as JSON Schema asks) of what [`read_time`] takes.
pub(crate) const TIME_PATTERN: &str = "^[0-9]+ *(ms|s|m|h|d)( *[0-9]+ *(ms|s|m|h|d))*$";

/// What is wrong with a text, and the cure.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadUnit {
    pub(crate) message: String,
    pub(crate) help: String,
}

/// Reads a size: a whole number and a unit.
pub(crate) fn read_size(text: &str) -> Result<u64, BadUnit> {
    let units =
        "a size is a whole number with B, kB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB (powers of 1024)";
    let (number, unit, rest) = next_part(text);
    if number.is_empty() || !rest.is_empty() {
        return Err(bad(text, "is not a size", units.to_owned()));
    }
    if unit.is_empty() {
        return Err(bad(text, "has no unit", with_size_unit(number)));
    }
    let folded = |name: &str| name.eq_ignore_ascii_case(unit);
    let Some((name, factor)) = SIZES.iter().find(|(name, _)| *name == unit || (*name == "kB" && unit == "KB")) else {
        let near = SIZES.iter().find(|(name, _)| folded(name)).map(|(name, _)| *name);
        let help = near.map_or_else(|| units.to_owned(), |name| format!("write \"{number} {name}\""));
        return Err(bad(text, "has an unknown unit", help));
    };
    let bytes = number.parse::<u64>().ok().and_then(|count| count.checked_mul(*factor));
    bytes.ok_or_else(|| {
        bad(text, "is too large", format!("the largest size has 20 digits in bytes; the unit was {name}"))
    })
}

/// Reads a time: whole numbers with units, one after the other.
pub(crate) fn read_time(text: &str) -> Result<Duration, BadUnit> {
    let units = "a time is a whole number with ms, s, m, h or d, such as \"60s\" or \"1h 30m\"";
    let mut millis = 0_u64;
    let mut rest = text;
    loop {
        let (number, unit, after) = next_part(rest);
        if number.is_empty() {
            return Err(bad(text, "is not a time", units.to_owned()));
        }
        if unit.is_empty() {
            return Err(bad(
                text,
                "has no unit",
                format!("write \"{number}s\" for seconds, or \"{number}m\" for minutes"),
            ));
        }
        let Some((_, factor)) = TIMES.iter().find(|(name, _)| *name == unit) else {
            return Err(bad(text, "has an unknown unit", units.to_owned()));
        };
        let part = number.parse::<u64>().ok().and_then(|count| count.checked_mul(*factor));
        let sum = part.and_then(|part| millis.checked_add(part));
        millis = sum.ok_or_else(|| bad(text, "is too long", "a time is at most some 500 million years".to_owned()))?;
        if after.is_empty() {
            return Ok(Duration::from_millis(millis));
        }
        rest = after.trim_start_matches(' ');
    }
}

/// Writes a size in the largest unit that holds it exactly, binary units first.
pub(crate) fn size_text(bytes: u64) -> String {
    let exact = |binary: bool| {
        let matches = move |(name, _): &&(&str, u64)| name.contains('i') == binary;
        SIZES.iter().filter(matches).find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor))
    };
    let found = exact(true).or_else(|| exact(false));
    found.map_or_else(|| format!("{bytes} B"), |(name, factor)| format!("{} {name}", bytes / factor))
}

/// Writes a time in the largest unit that holds it exactly.
pub(crate) fn time_text(time: Duration) -> String {
    let millis = time.as_millis();
    let found =
        TIMES.iter().find(|(_, factor)| millis >= u128::from(*factor) && millis.is_multiple_of(u128::from(*factor)));
    found.map_or_else(|| format!("{millis}ms"), |(name, factor)| format!("{}{name}", millis / u128::from(*factor)))
}

/// The cure for a size without a unit. Who writes a large bare number means bytes.
pub(crate) fn with_size_unit(number: &str) -> String {
    match number.parse::<u64>() {
        Ok(bytes) if bytes >= 1 << 16 => format!("write \"{}\" for {number} bytes", size_text(bytes)),
        _ => format!("write \"{number} MiB\" for mebibytes (\"{number} B\" for bytes)"),
    }
}

/// Cuts `text` into a number, the unit after it and the rest. Spaces separate.
fn next_part(text: &str) -> (&str, &str, &str) {
    let after_number = text.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let number = text.strip_suffix(after_number).unwrap_or(text);
    let unit_and_rest = after_number.trim_start_matches(' ');
    let rest = unit_and_rest.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = unit_and_rest.strip_suffix(rest).unwrap_or(unit_and_rest);
    (number, unit, rest)
}

fn bad(text: &str, what: &str, help: String) -> BadUnit {
    BadUnit { message: format!("{text:?} {what}"), help }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes() {
        let good = [("128 MB", 128_000_000), ("128 MiB", 128 << 20), ("1KiB", 1024), ("7 KB", 7_000), ("0 B", 0)];
        for (text, bytes) in good {
            assert_eq!(read_size(text), Ok(bytes), "{text}");
        }
        let refused = [
            ("128", "\"128\" has no unit", "write \"128 MiB\" for mebibytes (\"128 B\" for bytes)"),
            ("134217728", "\"134217728\" has no unit", "write \"128 MiB\" for 134217728 bytes"),
            ("128 mib", "\"128 mib\" has an unknown unit", "write \"128 MiB\""),
        ];
        for (text, message, help) in refused {
            assert_eq!(read_size(text), Err(BadUnit { message: message.to_owned(), help: help.to_owned() }));
        }
        for text in ["", "MiB", "-1 MiB", "1.5 GiB", "1 MiB 2", "99999999999 TiB", "1 parsec", "1 MiB ", " 1 MiB"] {
            assert!(read_size(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn times() {
        for (text, seconds) in [("60s", 60), ("15m", 900), ("1h 30m", 5_400), ("48h", 172_800), ("2d", 172_800)] {
            assert_eq!(read_time(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(read_time("60").unwrap_err().help, "write \"60s\" for seconds, or \"60m\" for minutes");
        for text in ["", "s", "1 fortnight", "-5s", "1h30", "1M", "1h ", " 1h", "99999999999999999999d"] {
            assert!(read_time(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(bytes: u64, millis in 0_u64..u64::MAX) {
            prop_assert_eq!(read_size(&size_text(bytes)), Ok(bytes));
            let time = Duration::from_millis(millis);
            prop_assert_eq!(read_time(&time_text(time)), Ok(time));
        }

        #[test]
        fn random_text_never_panics(text in ".{0,20}") {
            prop_assert!(read_size(&text).is_ok() || !read_size(&text).unwrap_err().help.is_empty());
            prop_assert!(read_time(&text).is_ok() || !read_time(&text).unwrap_err().help.is_empty());
        }
    }
}
