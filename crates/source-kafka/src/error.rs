//! What can go wrong with a source for Kafka.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use thiserror::Error as ThisError;
use tributary_core::{Conflict, Failure, Fault};

/// Why a source for Kafka cannot be opened, or cannot go on.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// librdkafka refuses a setting.
    #[error("source {name}: Kafka's client refuses its settings: {said}")]
    Settings {
        /// The source.
        name: String,
        /// Why, without the value, which may be a secret.
        said: String,
    },
    /// No broker answers.
    #[error("source {name}: {brokers} cannot be reached: {said}; check brokers, the security settings and the network")]
    Unreachable {
        /// The source.
        name: String,
        /// The brokers.
        brokers: String,
        /// What the client said last.
        said: String,
    },
    /// There is no token to sign in with.
    #[error("source {name}: there is no token to sign in with")]
    Token {
        /// The source.
        name: String,
        /// Why.
        #[source]
        cause: tributary_tokens::Error,
    },
    /// The options say where a partition begins that is not there.
    #[error("source {name}: start names partition {partition} of {topic}, which has {partitions}, counted from 0")]
    Start {
        /// The source.
        name: String,
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// How many there are.
        partitions: usize,
    },
    /// There is no such topic, or it may not be read.
    #[error("source {name}: topic {topic}: {cause}; correct topics, create it, or grant Describe and Read on it")]
    Topic {
        /// The source.
        name: String,
        /// The topic.
        topic: String,
        /// What the broker says.
        cause: Box<KafkaError>,
    },
    /// The position lies behind the end: the topic lost what it had, or was made again where no id tells.
    #[error(
        "source {name}: {topic}/{partition} was read up to offset {position}, and ends at {end}: the topic was deleted and \
         made again, or its brokers lost records. Give the source another name to read it from its beginning"
    )]
    Beyond {
        /// The source.
        name: String,
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Where reading was to go on.
        position: u64,
        /// Where the partition ends.
        end: u64,
    },
    /// The topic was read under several ids, and now the brokers tell none.
    #[error(
        "source {name}: {topic} was made again and read under the ids {ids}, and now the brokers tell no id: which of them it is \
         cannot be known. Let the brokers tell ids (Kafka 2.8 and later), or give the source another name to read it anew"
    )]
    WhichTopic {
        /// The source.
        name: String,
        /// The topic.
        topic: String,
        /// The ids.
        ids: String,
    },
    /// A call to the brokers failed.
    #[error("source {name}: {verb}: {cause}")]
    Call {
        /// The source.
        name: String,
        /// What was tried.
        verb: &'static str,
        /// What the client says.
        cause: Box<KafkaError>,
    },
    /// A question about a topic was refused.
    #[error(
        "source {name}: {verb} {topic}: {cause}; tried again. Where it stays, create the topic, or grant Describe and Read on it"
    )]
    Asked {
        /// The source.
        name: String,
        /// What was asked.
        verb: &'static str,
        /// The topic.
        topic: String,
        /// What the broker says.
        cause: Box<KafkaError>,
    },
    /// The name of this member is another's still.
    #[error(
        "source {name}: instance_id {instance} is still held in the group, by a process that runs, or by one that died less \
         than its session ago: waiting for it. Each process needs an instance_id of its own, or none"
    )]
    Held {
        /// The source.
        name: String,
        /// The name of the member.
        instance: String,
    },
    /// The client gave up.
    #[error("source {name}: Kafka's client gave up: {cause}")]
    Fatal {
        /// The source.
        name: String,
        /// Why.
        cause: Box<KafkaError>,
    },
    /// The spans of a batch do not fit together.
    #[error("the positions of a partition do not fit together")]
    Positions(#[source] Conflict),
    /// The thread that polls is gone.
    #[error("source {name}: the thread that polls stopped unexpectedly")]
    Thread {
        /// The source.
        name: String,
    },
}

impl Error {
    pub(crate) fn settings(name: &str, cause: &KafkaError) -> Self {
        let said = match cause {
            KafkaError::ClientConfig(_, why, key, _) => format!("{key}: {why}"),
            other => other.to_string(),
        };
        Self::Settings { name: name.to_owned(), said }
    }

    /// What a member says that can do nothing more.
    pub(crate) fn fatal(name: &str, instance: Option<&str>, cause: KafkaError) -> Self {
        let name = name.to_owned();
        match (cause.rdkafka_error_code(), instance) {
            // In groups of KIP-848 who comes waits for who is there; in classic ones who is there is thrown out.
            (Some(RDKafkaErrorCode::UnreleasedInstanceId), Some(instance)) => {
                Self::Held { name, instance: instance.to_owned() }
            }
            _ => Self::Fatal { name, cause: Box::new(cause) },
        }
    }

    /// What it asks of the caller.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Settings { .. } | Self::Topic { .. } | Self::Start { .. } => Fault::Config,
            Self::Token { cause, .. } => cause.fault(),
            Self::Beyond { .. } | Self::WhichTopic { .. } => Fault::Data,
            // Somebody else runs under our name.
            Self::Fatal { cause, .. } if is_fenced(cause) => Fault::Fenced,
            Self::Held { .. }
            | Self::Asked { .. }
            | Self::Unreachable { .. }
            | Self::Call { .. }
            | Self::Fatal { .. } => Fault::Transient,
            Self::Positions(_) | Self::Thread { .. } => Fault::Bug,
        }
    }

    /// Its paragraph in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Settings { .. } => "source-kafka/settings",
            Self::Unreachable { .. } => "source-kafka/unreachable",
            Self::Token { .. } => "source-kafka/token",
            Self::Start { .. } => "source-kafka/start",
            Self::Topic { .. } => "source-kafka/topic",
            Self::Beyond { .. } => "source-kafka/beyond",
            Self::WhichTopic { .. } => "source-kafka/which-topic",
            Self::Call { .. } | Self::Asked { .. } => "source-kafka/call",
            Self::Held { .. } => "source-kafka/held",
            Self::Fatal { .. } => "source-kafka/fatal",
            Self::Positions(_) => "source-kafka/positions",
            Self::Thread { .. } => "source-kafka/thread",
        }
    }
}

fn is_fenced(cause: &KafkaError) -> bool {
    cause.rdkafka_error_code() == Some(RDKafkaErrorCode::FencedInstanceId)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.fault(), error.code(), error)
    }
}
