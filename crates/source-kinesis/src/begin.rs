//! What has to be committed before anything is read: where a stream begins that was never read, and what is gone of one that
//! was.

use tributary_core::{Conflict, Delta, Position, Span, Timestamp};

use crate::client::Described;
use crate::options::StartAt;
use crate::place::{earlier, quiet_until};
use crate::shard::{Positions, Shard};

/// What a line commits before it reads. Empty when it may read.
pub(crate) fn begin(
    described: &Described,
    positions: &Positions,
    start: StartAt,
    now: Timestamp,
) -> Result<Delta, Conflict> {
    let mut delta = Delta::default();
    let shards = &described.shards;
    let since = match start {
        StartAt::Since(moment) if is_kept(moment, now, described) => Some(moment),
        // All of it arrived after the first start, which was that of the stream before it.
        StartAt::Latest if shards.is_made_again(positions) => None,
        StartAt::Latest => Some(now),
        StartAt::Oldest | StartAt::Since(_) => None,
    };
    if let Some(since) = since.filter(|_| shards.is_new(positions)) {
        for shard in shards.iter() {
            let span = Span::new(Position::Start, first(shard, start, since))?;
            delta.append(Delta::of(shards.split(&shard.id), span))?;
        }
    }
    // While hash keys are missing the list is not whole.
    if shards.hole().is_none() {
        for (split, position) in shards.lost(positions) {
            tracing::error!(%split, %position, "the stream no longer keeps the shard, which was not read to its end");
            let span = Span::new(quiet_until(position, now), Position::End)?;
            delta.append(Delta::of(split.clone(), span))?;
        }
    }
    Ok(delta)
}

/// Where a shard begins. What arrived is in the shards that were open; those that follow them are read whole.
fn first(shard: &Shard, start: StartAt, since: Timestamp) -> Position {
    match start {
        StartAt::Latest if shard.is_closed => Position::End,
        StartAt::Oldest | StartAt::Latest | StartAt::Since(_) => Position::Since(since),
    }
}

/// Whether the stream goes back as far; if not, reading begins at its oldest record, as of which nothing is lost yet.
fn is_kept(moment: Timestamp, now: Timestamp, described: &Described) -> bool {
    let oldest = earlier(now, described.retention);
    if moment < oldest {
        tracing::warn!(start = %moment, %oldest, "the stream does not go back as far: reading starts at its oldest record");
    }
    moment >= oldest
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::shard::Shards;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000_000_000);

    fn described() -> Described {
        let shard = |id: &str, parents: &[&str], range, is_closed| Shard {
            id: id.to_owned(),
            parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
            range,
            is_closed,
        };
        let half = 1_u128 << 127;
        let listed = vec![
            shard("0", &[], (0, u128::MAX), true),
            shard("1", &["0"], (0, half - 1), false),
            shard("2", &["0"], (half, u128::MAX), false),
        ];
        Described {
            arn: String::new(),
            shards: Shards::new("calls", "events", 7, listed),
            retention: Duration::from_secs(86_400),
            key: None,
            consumers: None,
            open_shards: 2,
        }
    }

    fn spans(positions: &Positions, start: StartAt) -> Vec<String> {
        let delta = begin(&described(), positions, start, NOW).unwrap();
        delta.spans().map(|(split, span)| format!("{split} {span}")).collect()
    }

    #[test]
    fn a_stream_begins_where_it_is_told_once() {
        assert!(spans(&Positions::new(), StartAt::Oldest).is_empty());
        let latest = spans(&Positions::new(), StartAt::Latest);
        assert_eq!(latest[0], "calls/events@7/0 (start..end)");
        assert_eq!(latest[1], format!("calls/events@7/1 (start..since {NOW})"));
        assert!(
            spans(&Positions::new(), StartAt::Since(Timestamp::from_micros(5))).is_empty(),
            "longer ago than is kept"
        );
        let lately = Timestamp::from_micros(1_000_000_000_000 - 3_600_000_000);
        let since = spans(&Positions::new(), StartAt::Since(lately));
        assert_eq!(since[0], format!("calls/events@7/0 (start..since {lately})"));
        let known = Positions::from([(described().shards.split("0"), Position::End)]);
        assert!(spans(&known, StartAt::Latest).is_empty());
    }

    #[test]
    fn a_shard_that_is_gone_is_a_gap() {
        let gone = described().shards.split("9");
        let known = Positions::from([(gone, Position::Since(Timestamp::from_micros(5)))]);
        let spans = spans(&known, StartAt::Latest);
        assert_eq!(spans.len(), 1);
        assert!(
            spans[0].starts_with("calls/events@7/9 (since 1970-01-12") && spans[0].ends_with("..end)"),
            "{spans:?}"
        );
    }
}
