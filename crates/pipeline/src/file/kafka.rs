//! What was typed about Kafka.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use tributary_core::Timestamp;

use super::{Moment, Size, Time, word};
use crate::moment::read_moment;
use crate::walk::partition;

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
    /// Where a batch ends.
    pub until: Option<Moment>,
    /// Whether topics are known by their ids.
    pub topic_ids: Option<bool>,
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
    /// The file with a token.
    pub token_file: Option<String>,
    /// The URL that gives tokens.
    pub token_url: Option<String>,
    /// Who asks there.
    pub token_client: Option<String>,
    /// The variable with its secret.
    pub token_secret_env: Option<String>,
    /// The file with its secret.
    pub token_secret_file: Option<String>,
    /// What the token is to be good for.
    pub token_scope: Option<String>,
    /// The region of the cluster.
    pub region: Option<String>,
    /// A profile of the shared configuration files.
    pub profile: Option<String>,
    /// A role to assume.
    pub role: Option<String>,
    /// The external id of the role.
    pub external_id: Option<String>,
    /// Settings of librdkafka.
    pub client: Option<ClientSettings>,
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
    /// RFC 7628.
    #[serde(rename = "oauthbearer")]
    OauthBearer,
    /// The same, with a token that our credentials of AWS sign.
    #[serde(rename = "aws-msk-iam")]
    AwsMskIam,
}

impl Mechanism {
    /// As Kafka spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::OauthBearer | Self::AwsMskIam => "OAUTHBEARER",
        }
    }
}

/// `sources.NAME.kafka.start`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the oldest record.
    Earliest,
    /// After the newest one.
    Latest,
    /// At a moment.
    Since(Timestamp),
    /// At offsets, by topic and partition.
    Offsets(BTreeMap<(String, i32), u64>),
}

impl<'de> Deserialize<'de> for Start {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Start;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a place to start")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Start, E> {
                match text {
                    "earliest" => Ok(Start::Earliest),
                    "latest" => Ok(Start::Latest),
                    other => read_moment(other).map(Start::Since).ok_or_else(|| E::custom("no place to start")),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, topics: A) -> Result<Start, A::Error> {
                type Topics = BTreeMap<String, BTreeMap<String, u64>>;
                let mut offsets = BTreeMap::new();
                for (topic, partitions) in Topics::deserialize(MapAccessDeserializer::new(topics))? {
                    for (number, offset) in partitions {
                        let number =
                            partition(&number).ok_or_else(|| A::Error::custom("the number of no partition"))?;
                        offsets.insert((topic.clone(), number), offset);
                    }
                }
                Ok(Start::Offsets(offsets))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// `[sources.NAME.kafka.client]`: settings of librdkafka by their names, whose dots TOML may have taken for tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientSettings(BTreeMap<String, String>);

impl ClientSettings {
    /// The settings, each as librdkafka takes it.
    pub(crate) fn into_settings(self) -> BTreeMap<String, String> {
        self.0
    }
}

/// A setting, or a table of such.
enum Setting {
    Value(String),
    Table(BTreeMap<String, Self>),
}

impl Setting {
    fn flatten(self, name: String, into: &mut BTreeMap<String, String>) {
        match self {
            Self::Value(value) => drop(into.insert(name, value)),
            Self::Table(settings) => {
                for (key, setting) in settings {
                    setting.flatten(if name.is_empty() { key } else { format!("{name}.{key}") }, into);
                }
            }
        }
    }
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Setting;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a whole number, true or false")
            }

            fn visit_bool<E: Error>(self, truth: bool) -> Result<Setting, E> {
                Ok(Setting::Value(truth.to_string()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Setting, E> {
                Ok(Setting::Value(number.to_string()))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Setting, E> {
                Ok(Setting::Value(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, settings: A) -> Result<Setting, A::Error> {
                BTreeMap::deserialize(MapAccessDeserializer::new(settings)).map(Setting::Table)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl<'de> Deserialize<'de> for ClientSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let settings @ Setting::Table(_) = Setting::deserialize(deserializer)? else {
            return Err(D::Error::custom("no table of settings"));
        };
        let mut flat = BTreeMap::new();
        settings.flatten(String::new(), &mut flat);
        Ok(Self(flat))
    }
}
