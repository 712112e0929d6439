//! What was typed about Kafka.

use serde::Deserialize;
use tributary_core::Timestamp;

use super::{Size, Time, word};
use crate::moment::read_moment;

/// `[sources.NAME.kafka]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaSection {
    /// `host:port`, joined by commas.
    pub brokers: String,
    /// Names and regular expressions.
    pub topics: Vec<String>,
    /// How the partitions are shared.
    #[serde(default, deserialize_with = "word")]
    pub group: Option<GroupProtocol>,
    /// The consumer group.
    pub group_id: Option<String>,
    /// The name of this member.
    pub instance_id: Option<String>,
    /// Where reading begins.
    pub start: Option<Start>,
    /// Also what transactions did not commit.
    pub read_uncommitted: Option<bool>,
    /// How long a rebalance waits for a commit.
    pub rebalance_deadline: Option<Time>,
    /// How long a member may be silent.
    pub session_timeout: Option<Time>,
    /// The largest record that is kept whole.
    pub record_limit: Option<Size>,
    /// Whether TLS is spoken.
    pub tls: Option<bool>,
    /// A file of certificates.
    pub authorities: Option<String>,
    /// A file with our certificate.
    pub certificate: Option<String>,
    /// A file with its key.
    pub key: Option<String>,
    /// How we prove who we are.
    #[serde(default, deserialize_with = "word")]
    pub sasl: Option<Mechanism>,
    /// The name.
    pub username: Option<String>,
    /// The variable with the password.
    pub password_env: Option<String>,
    /// The file with the password.
    pub password_file: Option<String>,
}

/// `sources.NAME.kafka.group`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupProtocol {
    /// The members decide.
    Classic,
    /// The brokers decide.
    Consumer,
}

/// `sources.NAME.kafka.sasl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Mechanism {
    /// RFC 4616.
    #[serde(rename = "plain")]
    Plain,
    /// RFC 7677.
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// RFC 7677, with the longer hash.
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
}

impl Mechanism {
    /// As Kafka spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// `sources.NAME.kafka.start`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Start {
    /// At the oldest record.
    Earliest,
    /// After the newest one.
    Latest,
    /// At a moment.
    Since(Timestamp),
}

impl TryFrom<String> for Start {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "earliest" => Ok(Self::Earliest),
            "latest" => Ok(Self::Latest),
            other => read_moment(other).map(Self::Since).ok_or_else(|| format!("{text:?} is no place to start")),
        }
    }
}
