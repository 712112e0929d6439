//! How far a checkpoint is behind the shards, asked from outside of the group.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tributary_core::{Checkpoint, Clock, Position, SplitId, Timestamp};

use crate::answer::Answer;
use crate::client::{Stream, from_date_time, patiently};
use crate::error::Error;
use crate::options::Options;
use crate::place::{earlier, resume};
use crate::shard::positions_of;

/// A shard may have many pages without a record: so many are looked at.
const PAGES: usize = 10;

/// For every shard that can be read now: when what is read next of it arrived; `None` where all of it is read. Asks each
/// shard for a record, which counts among the calls that all its consumers share.
///
/// # Errors
/// [`Error::Connection`], [`Error::NoStream`], [`Error::Denied`], [`Error::Call`].
pub async fn lag(
    options: &Options,
    checkpoint: &Checkpoint,
    clock: &Arc<dyn Clock>,
) -> Result<BTreeMap<SplitId, Option<Timestamp>>, Error> {
    let stream = Stream::connect(options).await?;
    let shards = stream.describe(&options.name).await?.shards;
    let positions = positions_of(&options.name, checkpoint);
    let mut lags = BTreeMap::new();
    for shard in shards.readable(&positions) {
        let split = shards.split(&shard);
        let position = positions.get(&split).unwrap_or(&Position::Start);
        let oldest = oldest(&stream, &shard, position, clock).await;
        let oldest = oldest.map_err(|answer| stream.refused("looking how far reading is behind in", answer))?;
        lags.insert(split, oldest);
    }
    Ok(lags)
}

async fn oldest(
    stream: &Stream,
    shard: &str,
    position: &Position,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Timestamp>, Answer> {
    let Some(from) = resume(position) else { return Ok(None) };
    let mut iterator = patiently(|| stream.iterator(shard, &from)).await?;
    let mut behind = 0;
    for _ in 0..PAGES {
        let page = patiently(|| stream.records(&iterator, 1)).await?;
        if let Some(record) = page.records.first() {
            return Ok(record.approximate_arrival_timestamp.as_ref().and_then(from_date_time));
        }
        behind = page.millis_behind_latest.and_then(|millis| u64::try_from(millis).ok()).unwrap_or(0);
        match page.next_shard_iterator {
            Some(next) if behind > 0 => iterator = next,
            _ => break,
        }
    }
    Ok((behind > 0).then(|| earlier(clock.now(), Duration::from_millis(behind))))
}
