//! What was typed about Kinesis.

use serde::Deserialize;
use tributary_core::Timestamp;

use super::{Moment, ReachSection, Size, Time, word};
use crate::moment::read_moment;

/// `[sources.NAME.kinesis]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KinesisSection {
    /// The name of a stream, or its ARN.
    pub stream: String,
    /// Where reading begins.
    pub start: Option<Begin>,
    /// Where a batch ends.
    pub until: Option<Moment>,
    /// How records come.
    #[serde(default, deserialize_with = "word")]
    pub delivery: Option<DeliveryWord>,
    /// The name of the registered consumer.
    pub consumer: Option<String>,
    /// How long a shard that gave nothing is left alone.
    pub idle: Option<Time>,
    /// How often the shards are listed.
    pub discover: Option<Time>,
    /// The DynamoDB table of the leases.
    pub lease_table: Option<String>,
    /// How long a worker may be silent.
    pub lease_duration: Option<Time>,
    /// The largest record that is kept whole.
    pub record_limit: Option<Size>,
    /// How the service is reached.
    #[serde(flatten)]
    pub reach: ReachSection,
}

/// `sources.NAME.kinesis.delivery`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryWord {
    /// Records are asked for.
    Polling,
    /// Records are pushed.
    FanOut,
}

/// `sources.NAME.kinesis.start`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Begin {
    /// At the oldest record.
    Oldest,
    /// After the newest one.
    Latest,
    /// At a moment.
    Since(Timestamp),
}

impl TryFrom<String> for Begin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "oldest" => Ok(Self::Oldest),
            "latest" => Ok(Self::Latest),
            other => read_moment(other).map(Self::Since).ok_or_else(|| format!("{text:?} is no place to start")),
        }
    }
}
