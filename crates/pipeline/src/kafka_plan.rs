//! What is read of Kafka, checked; and what only a run finds out: passwords.

use std::path::PathBuf;
use std::time::Duration;

use tributary_core::{Failure, PipelineId, RecordLimit, Secret};
use tributary_source_kafka::{Options, Protocol, StartAt};

use crate::error::Error;
use crate::file::{GroupProtocol, KafkaSection, SourceName, Start, Time};
use crate::source_plan::record_limit;

/// A source for Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaPlan {
    /// What the source is told, but for its password.
    pub options: Options,
    /// Where the password is, if there is one.
    pub password: Option<Password>,
}

/// Where a password is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Password {
    /// In a variable of the environment.
    Variable(String),
    /// In a file; white space at its ends is no part of it.
    File(PathBuf),
}

impl KafkaPlan {
    pub(crate) fn new(name: &SourceName, section: KafkaSection, pipeline: &PipelineId) -> Self {
        let password = section.password_env.map(Password::Variable);
        let password = password.or_else(|| section.password_file.map(|file| Password::File(file.into())));
        let tls = section.tls.unwrap_or(false);
        let protocol = match (tls, section.sasl.is_some()) {
            (false, false) => "plaintext",
            (true, false) => "ssl",
            (false, true) => "sasl_plaintext",
            (true, true) => "sasl_ssl",
        };
        let settings = [
            ("security.protocol", Some(protocol.to_owned())),
            ("sasl.mechanism", section.sasl.map(|mechanism| mechanism.as_str().to_owned())),
            ("sasl.username", section.username),
            ("ssl.ca.location", section.authorities),
            ("ssl.certificate.location", section.certificate),
            ("ssl.key.location", section.key),
        ];
        let settings = settings.into_iter().filter_map(|(key, value)| Some((key.to_owned(), Secret::new(value?))));
        let time = |time: Option<Time>, default: Duration| time.map_or(default, Time::duration);
        let defaults = Options::new(name.as_str(), section.brokers, section.topics);
        let options = Options {
            group_id: section.group_id.unwrap_or_else(|| format!("tributary-{pipeline}")),
            protocol: match section.group {
                None | Some(GroupProtocol::Classic) => Protocol::Classic,
                Some(GroupProtocol::Consumer) => Protocol::Consumer,
            },
            instance_id: section.instance_id,
            start: match section.start {
                None | Some(Start::Earliest) => StartAt::Earliest,
                Some(Start::Latest) => StartAt::Latest,
                Some(Start::Since(moment)) => StartAt::Since(moment),
            },
            read_uncommitted: section.read_uncommitted.unwrap_or(false),
            rebalance_deadline: time(section.rebalance_deadline, defaults.rebalance_deadline),
            session_timeout: time(section.session_timeout, defaults.session_timeout),
            record_limit: record_limit(section.record_limit),
            client: settings.collect(),
            ..defaults
        };
        Self { options, password }
    }

    /// The largest record that is kept whole.
    pub fn record_limit(&self) -> RecordLimit {
        self.options.record_limit
    }

    /// The options with the password.
    ///
    /// # Errors
    /// When it is not where the plan says.
    pub(crate) fn with_password(&self) -> Result<Options, Failure> {
        let mut options = self.options.clone();
        let missing = |place: String, reason: String| Error::Password { name: options.name.clone(), place, reason };
        let secret = match &self.password {
            None => return Ok(options),
            Some(Password::Variable(name)) => {
                let value = std::env::var_os(name).and_then(|value| value.into_string().ok());
                let value = value.filter(|value| !value.is_empty());
                value.ok_or_else(|| missing(format!("the variable {name}"), "it is not set, or no text".to_owned()))?
            }
            Some(Password::File(file)) => {
                let text = std::fs::read_to_string(file);
                let text = text.map_err(|error| missing(file.display().to_string(), error.to_string()))?;
                text.trim().to_owned()
            }
        };
        options.client.insert("sasl.password".to_owned(), Secret::new(secret));
        Ok(options)
    }
}
