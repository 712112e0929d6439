//! What a source for Kafka is told.

use std::collections::BTreeMap;
use std::time::Duration;

use tributary_core::{RecordLimit, Secret, Timestamp};
use tributary_tokens::TokenSource;

/// How the members of a group share the partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// The members decide, by `cooperative-sticky`; every broker knows it.
    #[default]
    Classic,
    /// The broker decides (KIP-848); brokers from 4.0 on.
    Consumer,
}

/// Where reading of a topic begins that was never read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StartAt {
    /// At the oldest record.
    #[default]
    Earliest,
    /// At what comes after the first start.
    Latest,
    /// At the first record of this moment or later, by the records' own timestamps.
    Since(Timestamp),
    /// At these offsets, by topic and partition; others at the oldest record.
    Offsets(BTreeMap<(String, i32), u64>),
}

/// The options of a source for Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The name of the source in the pipeline; every split begins with it.
    pub name: String,
    /// `host:port` of some brokers, joined by commas.
    pub brokers: String,
    /// Topics; one that begins with `^` is a regular expression of librdkafka.
    pub topics: Vec<String>,
    /// The group.
    pub group_id: String,
    /// How its members share the partitions.
    pub protocol: Protocol,
    /// The name of this member, for static membership.
    pub instance_id: Option<String>,
    /// Where reading begins.
    pub start: StartAt,
    /// Ends with what was there when it started.
    pub batch: bool,
    /// In a batch: where it ends, unless what is there ends before: at the first record of this moment or later, by the
    /// records' own timestamps.
    pub until: Option<Timestamp>,
    /// Whether brokers are asked for the ids of topics, by which splits are named. Some never answer.
    pub topic_ids: bool,
    /// Also records of transactions that were aborted, or are not over.
    pub read_uncommitted: bool,
    /// How long a line may take to commit what is in hand before its partitions go to others.
    pub rebalance_deadline: Duration,
    /// Without a sign of life for so long this member is taken for dead; the broker's own with [`Protocol::Consumer`].
    pub session_timeout: Duration,
    /// Records beyond this are cut to their beginning.
    pub record_limit: RecordLimit,
    /// About how many bytes of records a batch holds.
    pub batch_bytes: usize,
    /// About how many bytes of records wait in the client.
    pub queue_bytes: usize,
    /// Where the tokens of SASL OAUTHBEARER come from.
    pub tokens: Option<TokenSource>,
    /// Settings of librdkafka that have no option of ours, and secrets.
    pub client: BTreeMap<String, Secret>,
}

impl Options {
    /// 4 MiB a partition: many partitions fill theirs side by side.
    pub const BATCH_BYTES: usize = 4 << 20;

    /// 16 MiB.
    pub const QUEUE_BYTES: usize = 16 << 20;

    /// The defaults, for a source of this name.
    pub fn new(name: impl Into<String>, brokers: impl Into<String>, topics: Vec<String>) -> Self {
        let name = name.into();
        Self {
            group_id: name.clone(),
            name,
            brokers: brokers.into(),
            topics,
            protocol: Protocol::Classic,
            instance_id: None,
            start: StartAt::Earliest,
            batch: false,
            until: None,
            topic_ids: true,
            read_uncommitted: false,
            rebalance_deadline: Duration::from_secs(10),
            session_timeout: Duration::from_secs(45),
            record_limit: RecordLimit::DEFAULT,
            batch_bytes: Self::BATCH_BYTES,
            queue_bytes: Self::QUEUE_BYTES,
            tokens: None,
            client: BTreeMap::new(),
        }
    }
}
