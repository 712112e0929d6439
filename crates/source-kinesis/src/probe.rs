//! Whether a stream could be read: what `tributary check` asks.

use crate::client::{Described, Stream, patiently};
use crate::error::Error;
use crate::options::{Delivery, Options};
use crate::place::From;

/// The key that is AWS's own. Amazon Connect's guide knows streams that are encrypted with a key of the customer's alone.
///
/// Source: Amazon Connect Administrator Guide, "Enable data streaming for your instance".
const OWN_KEY: &str = "alias/aws/kinesis";

/// How many consumers with fan-out a stream may have.
///
/// Source: Amazon Kinesis Data Streams Developer Guide, "Quotas and limits".
const MOST_CONSUMERS: i32 = 20;

/// Describes the stream, lists its shards and reads one record; what was found in a few words.
///
/// # Errors
/// [`Error::Connection`], [`Error::NoStream`], [`Error::Denied`], [`Error::Call`].
pub async fn probe(options: &Options) -> Result<String, Error> {
    let stream = Stream::connect(options).await?;
    let described = stream.describe(&options.name).await?;
    if let Some(shard) = described.shards.iter().find(|shard| !shard.is_closed) {
        let iterator = patiently(|| stream.iterator(&shard.id, &From::Oldest)).await;
        let iterator = iterator.map_err(|answer| stream.refused("reading", answer))?;
        let page = patiently(|| stream.records(&iterator, 1)).await;
        page.map_err(|answer| stream.refused("reading", answer))?;
    }
    Ok(words(&described, &options.delivery))
}

fn words(described: &Described, delivery: &Delivery) -> String {
    let all = described.shards.iter().count();
    let hours = described.retention.as_secs() / 3_600;
    let mut words = format!("described and read: {} open of {all} shards, keeps {hours} h", described.open_shards);
    match &described.key {
        None => {}
        Some(key) if key.ends_with(OWN_KEY) => words.push_str(
            "; WARNING: it is encrypted with alias/aws/kinesis, and Amazon Connect is documented to publish to streams \
             with a key of your own alone: where no events come, encrypt it with one that Amazon Connect may use",
        ),
        Some(key) => {
            words.push_str("; WARNING: it is encrypted with ");
            words.push_str(key);
            words.push_str(
                ": Amazon Connect stops publishing without a word unless it may use that key (kms:GenerateDataKey)",
            );
        }
    }
    if let (Delivery::FanOut { consumer }, Some(count)) = (delivery, described.consumers) {
        words.push_str(&format!("; {count} of {MOST_CONSUMERS} consumers are registered, this one as {consumer}"));
    }
    words
}
