//! Timestamps and numbers as bytes. The standard formatting machinery would be most of the time of an event.

/// Appends `YYYY-MM-DDThh:mm:ss.SSSZ` of a moment in milliseconds since 1970.
pub(crate) fn push_moment(out: &mut Vec<u8>, millis: i64) {
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let of_day = millis.rem_euclid(MILLIS_PER_DAY);
    write_day(&mut text, millis.div_euclid(MILLIS_PER_DAY));
    write_digits(&mut text[11..13], of_day / 3_600_000);
    write_digits(&mut text[14..16], of_day / 60_000 % 60);
    write_digits(&mut text[17..19], of_day / 1_000 % 60);
    write_digits(&mut text[20..23], of_day % 1_000);
    out.extend_from_slice(&text);
}

/// A moment as text, where it is rarely written.
pub(crate) fn moment(millis: i64) -> String {
    let mut out = Vec::new();
    push_moment(&mut out, millis);
    out.into_iter().map(char::from).collect()
}

/// Appends `YYYY-MM-DD` of the day a moment falls on.
pub(crate) fn push_day(out: &mut Vec<u8>, millis: i64) {
    let mut text = *b"0000-00-00";
    write_day(&mut text, millis.div_euclid(MILLIS_PER_DAY));
    out.extend_from_slice(&text);
}

/// Appends a number in decimal.
pub(crate) fn push_number(out: &mut Vec<u8>, number: i64) {
    let mut text = [0_u8; 20];
    let mut place = text.len();
    let mut rest = number.unsigned_abs();
    loop {
        place -= 1;
        text[place] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&text[place..]);
}

pub(crate) const MILLIS_PER_DAY: i64 = 86_400_000;

/// Writes year, month and day; Howard Hinnant's `civil_from_days` for days from 0000-03-01 to 9999-12-31.
fn write_day(text: &mut [u8], days: i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    write_digits(&mut text[0..4], year);
    write_digits(&mut text[5..7], month);
    write_digits(&mut text[8..10], of_year - (153 * shifted_month + 2) / 5 + 1);
}

fn write_digits(text: &mut [u8], mut number: i64) {
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tributary_core::Timestamp;

    use super::*;

    proptest! {
        /// Guards the hand-written calendar against the one that the rest of the house uses.
        #[test]
        fn moments_read_as_those_of_core(millis in -30_000_000_000_000_i64..250_000_000_000_000) {
            let mut text = Vec::new();
            push_moment(&mut text, millis);
            let expected = Timestamp::from_micros(millis * 1_000).to_string().replacen("000Z", "Z", 1);
            prop_assert_eq!(String::from_utf8(text).unwrap(), expected);
            let mut day = Vec::new();
            push_day(&mut day, millis);
            prop_assert_eq!(String::from_utf8(day).unwrap(), Timestamp::from_micros(millis * 1_000).day().to_string());
        }

        #[test]
        fn numbers_read_as_those_of_std(number: i64) {
            let mut text = Vec::new();
            push_number(&mut text, number);
            prop_assert_eq!(String::from_utf8(text).unwrap(), number.to_string());
        }
    }
}
