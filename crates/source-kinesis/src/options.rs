//! What a source for Kinesis is told.

use std::time::Duration;

use tributary_aws::Connection;
use tributary_core::{RecordLimit, Timestamp};

/// Where reading of a stream begins that was never read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartAt {
    /// At the oldest record that the stream still has (TRIM_HORIZON).
    #[default]
    Oldest,
    /// At what arrives after the first start.
    Latest,
    /// At what arrived at this moment or later.
    Since(Timestamp),
}

/// How records come from a shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// They are asked for (GetRecords); what a shard gives is shared by all who ask.
    #[default]
    Polling,
    /// They are pushed (SubscribeToShard) to a consumer of this name, which has 2 MB a second of each shard for itself.
    FanOut {
        /// The name under which it is registered.
        consumer: String,
    },
}

/// The options of a source for Kinesis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The name of the source in the pipeline; every split begins with it.
    pub name: String,
    /// The name of a stream, or its ARN.
    pub stream: String,
    /// How AWS is reached.
    pub connection: Connection,
    /// Where reading begins.
    pub start: StartAt,
    /// How records come.
    pub delivery: Delivery,
    /// Ends with what had arrived when it started.
    pub batch: bool,
    /// In a batch: where it ends, unless what is there ends before: at the first record that arrived at this moment or later.
    pub until: Option<Timestamp>,
    /// How long a shard that gave nothing is left alone.
    pub idle: Duration,
    /// How often the shards are listed.
    pub discover: Duration,
    /// Without a sign of life for so long a worker is taken for dead.
    pub lease_duration: Duration,
    /// Records beyond this are cut to their beginning.
    pub record_limit: RecordLimit,
    /// About how many bytes of records may wait between the service and the line.
    pub queue_bytes: usize,
}

impl Options {
    /// 16 MiB.
    pub const QUEUE_BYTES: usize = 16 << 20;

    /// The defaults, for a source of this name.
    pub fn new(name: impl Into<String>, stream: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            stream: stream.into(),
            connection: Connection::default(),
            start: StartAt::Oldest,
            delivery: Delivery::Polling,
            batch: false,
            until: None,
            idle: Duration::from_secs(1),
            discover: Duration::from_secs(30),
            lease_duration: Duration::from_secs(30),
            record_limit: RecordLimit::DEFAULT,
            queue_bytes: Self::QUEUE_BYTES,
        }
    }

    /// The name of the stream, without the rest of its ARN.
    pub fn stream_name(&self) -> &str {
        self.stream.rsplit_once(":stream/").map_or(self.stream.as_str(), |(_, name)| name)
    }

    pub(crate) fn is_arn(&self) -> bool {
        self.stream.starts_with("arn:")
    }
}
