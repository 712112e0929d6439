//! What is read of Kafka, checked; and what only a run finds out: passwords.

use std::path::PathBuf;
use std::time::Duration;

use tributary_aws::{Connection, Role};
use tributary_core::{Failure, PipelineId, RecordLimit, Secret};
use tributary_source_kafka::{Options, Protocol, StartAt};
use tributary_tokens::{Provider, TokenSource, region_of};

use crate::file::{GroupProtocol, KafkaSection, Mechanism, Moment, SourceName, Start, Time};
use crate::password::Password;
use crate::source_plan::record_limit;

/// A source for Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaPlan {
    /// What the source is told, but for its secrets.
    pub options: Options,
    /// Where the password is, if there is one.
    pub password: Option<Password>,
    /// Where the secret is that a provider of tokens asks for, if there is one.
    pub token_secret: Option<Password>,
}

impl KafkaPlan {
    pub(crate) fn new(name: &SourceName, section: KafkaSection, pipeline: &PipelineId) -> Self {
        let tokens = tokens(&section);
        let password = Password::new(section.password_env, section.password_file);
        let token_secret = Password::new(section.token_secret_env, section.token_secret_file);
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
        let settings = settings.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        let settings = settings.chain(section.client.unwrap_or_default().into_settings());
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
                Some(Start::Offsets(offsets)) => StartAt::Offsets(offsets),
            },
            until: section.until.map(Moment::timestamp),
            topic_ids: section.topic_ids.unwrap_or(true),
            read_uncommitted: section.read_uncommitted.unwrap_or(false),
            rebalance_deadline: time(section.rebalance_deadline, defaults.rebalance_deadline),
            session_timeout: time(section.session_timeout, defaults.session_timeout),
            record_limit: record_limit(section.record_limit),
            tokens,
            client: settings.map(|(key, value)| (key, Secret::new(value))).collect(),
            ..defaults
        };
        Self { options, password, token_secret }
    }

    /// The largest record that is kept whole.
    pub fn record_limit(&self) -> RecordLimit {
        self.options.record_limit
    }

    /// The options with the secrets.
    ///
    /// # Errors
    /// When one is not where the plan says.
    pub(crate) fn with_secrets(&self) -> Result<Options, Failure> {
        let mut options = self.options.clone();
        let read = |place: &Option<Password>| {
            place.as_ref().map(|place| place.read(&format!("source {}", self.options.name), "password")).transpose()
        };
        let (password, token_secret) = (read(&self.password)?, read(&self.token_secret)?);
        if let Some(password) = password {
            options.client.insert("sasl.password".to_owned(), password);
        }
        if let (Some(TokenSource::Provider(provider)), Some(secret)) = (&mut options.tokens, token_secret) {
            provider.client_secret = secret;
        }
        Ok(options)
    }
}

/// Where the tokens come from of a source that signs in with such. The secret of a provider is filled in by a run.
fn tokens(section: &KafkaSection) -> Option<TokenSource> {
    match section.sasl? {
        Mechanism::Plain | Mechanism::ScramSha256 | Mechanism::ScramSha512 => None,
        Mechanism::OauthBearer => match (&section.token_file, &section.token_url) {
            (Some(file), _) => Some(TokenSource::File(file.into())),
            (None, url) => Some(TokenSource::Provider(Provider {
                url: url.clone().unwrap_or_default(),
                client_id: section.token_client.clone().unwrap_or_default(),
                client_secret: Secret::new(String::new()),
                scope: section.token_scope.clone(),
                authorities: section.authorities.as_ref().map(PathBuf::from),
            })),
        },
        Mechanism::AwsMskIam => Some(TokenSource::Msk(Connection {
            region: section.region.clone().or_else(|| region_of(&section.brokers)),
            profile: section.profile.clone(),
            role: section.role.clone().map(|arn| Role { arn, external_id: section.external_id.clone() }),
            ..Connection::default()
        })),
    }
}
