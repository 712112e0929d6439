//! Where reading of a shard goes on, and how far a page brings it.

use std::time::Duration;

use tributary_core::{After, Position, SequenceNumber, Timestamp};

/// What an iterator begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// The oldest record that is there (TRIM_HORIZON).
    Oldest,
    /// What arrived at this moment or later.
    Moment(Timestamp),
    /// This record: some of the user records in it are still to be read.
    At(SequenceNumber),
    /// What follows this record. Where retention has deleted it, what is there.
    After(SequenceNumber),
}

/// A shard that gave nothing is said to be read up to a moment this much earlier, where it is asked by time again: clocks
/// differ.
const CLOCKS: Duration = Duration::from_secs(3_600);

/// Where reading goes on; `None` when nothing follows.
pub(crate) fn resume(position: &Position) -> Option<From> {
    match position {
        Position::Since(moment) => Some(From::Moment(*moment)),
        Position::After(after) => Some(match after.index {
            Some(_) => From::At(after.sequence.clone()),
            None => From::After(after.sequence.clone()),
        }),
        // No shard has offsets, or is polled for what happened when.
        Position::Start | Position::Offset(_) | Position::Polled(_) => Some(From::Oldest),
        Position::End => None,
    }
}

/// How many user records at the beginning of `sequence` are accounted for.
pub(crate) fn done_of(position: &Position, sequence: &SequenceNumber) -> u32 {
    match position {
        Position::After(after) if after.sequence == *sequence => after.index.map_or(0, |index| index.saturating_add(1)),
        _ => 0,
    }
}

/// Until when everything that arrived was seen; `None` where nothing says so.
pub(crate) fn seen_until(position: &Position) -> Option<Timestamp> {
    match position {
        Position::Since(moment) => Some(*moment),
        Position::After(after) => after.seen_until,
        Position::Start | Position::Offset(_) | Position::Polled(_) | Position::End => None,
    }
}

/// Nothing followed until `moment`.
pub(crate) fn quiet_until(position: &Position, moment: Timestamp) -> Position {
    match position {
        Position::After(after) => {
            let seen_until = after.seen_until.max(Some(moment));
            Position::from(After { seen_until, ..After::clone(after) })
        }
        Position::Start => Position::Since(earlier(moment, CLOCKS)),
        Position::Since(since) => Position::Since(earlier(moment, CLOCKS).max(*since)),
        Position::Offset(_) | Position::Polled(_) | Position::End => position.clone(),
    }
}

/// Where reading begins again when what arrived after `position` may have been deleted: the same place, but as of the oldest
/// moment that is kept. `None` where nothing was lost.
pub(crate) fn overrun(position: &Position, now: Timestamp, retention: Duration) -> Option<Position> {
    let oldest = earlier(now, retention);
    let is_kept = match position {
        Position::After(after) => after.seen_until.is_none_or(|seen| seen >= oldest),
        Position::Since(moment) => *moment >= earlier(oldest, CLOCKS),
        // What was never read begins where the shard does.
        Position::Start | Position::Offset(_) | Position::Polled(_) | Position::End => true,
    };
    (!is_kept).then(|| quiet_until(position, oldest))
}

/// `moment` less `span`.
pub(crate) fn earlier(moment: Timestamp, span: Duration) -> Timestamp {
    let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(moment.micros().saturating_sub(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;
    const DAY: Duration = Duration::from_secs(86_400);

    fn moment(hours: i64) -> Timestamp {
        Timestamp::from_micros(hours * HOUR)
    }

    fn after(index: Option<u32>, hours: Option<i64>) -> Position {
        let sequence = SequenceNumber::try_from("7".to_owned()).unwrap();
        Position::from(After { sequence, index, seen_until: hours.map(moment) })
    }

    #[test]
    fn reading_goes_on_behind_what_was_read() {
        let seven = SequenceNumber::try_from("7".to_owned()).unwrap();
        assert_eq!(resume(&Position::Start), Some(From::Oldest));
        assert_eq!(resume(&Position::Since(moment(3))), Some(From::Moment(moment(3))));
        assert_eq!(resume(&after(None, None)), Some(From::After(seven.clone())));
        assert_eq!(resume(&after(Some(2), None)), Some(From::At(seven.clone())));
        assert_eq!(resume(&Position::End), None);
        assert_eq!((done_of(&after(Some(2), None), &seven), done_of(&after(None, None), &seven)), (3, 0));
        let eight = SequenceNumber::try_from("8".to_owned()).unwrap();
        assert_eq!(done_of(&after(Some(2), None), &eight), 0);
    }

    #[test]
    fn what_retention_deletes_is_noticed() {
        // A day is kept; it is hour 100.
        assert_eq!(overrun(&after(None, Some(76)), moment(100), DAY), None);
        assert_eq!(overrun(&after(None, Some(75)), moment(100), DAY), Some(after(None, Some(76))));
        assert_eq!(overrun(&after(None, None), moment(100), DAY), None, "nothing is known");
        for position in [Position::Start, Position::Since(moment(75)), Position::End] {
            assert_eq!(overrun(&position, moment(100), DAY), None, "{position}");
        }
        assert_eq!(overrun(&Position::Since(moment(74)), moment(100), DAY), Some(Position::Since(moment(75))));
    }

    #[test]
    fn a_quiet_shard_is_read_up_to_now() {
        assert_eq!(quiet_until(&after(None, Some(5)), moment(9)), after(None, Some(9)));
        assert_eq!(quiet_until(&after(None, Some(5)), moment(3)), after(None, Some(5)), "never back");
        assert_eq!(quiet_until(&Position::Start, moment(9)), Position::Since(moment(8)));
        assert_eq!(quiet_until(&Position::Since(moment(9)), moment(9)), Position::Since(moment(9)), "never back");
    }
}
