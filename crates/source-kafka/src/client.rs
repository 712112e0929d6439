//! A first look at the brokers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tributary_core::Clock;

use crate::config;
use crate::error::Error;
use crate::options::Options;
use crate::said::Said;
use crate::signing::Signing;

/// How long the first answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often the client is polled for what it has to ask or say, and how long each time.
const POLLS: u32 = 20;
const POLL: Duration = Duration::from_millis(5);

/// Whether the topics are there, as far as they are named. `said` is what the client complained of last.
pub(crate) fn look<C: ConsumerContext>(
    member: &BaseConsumer<C>,
    options: &Options,
    said: &dyn Fn() -> String,
) -> Result<(), Error> {
    first_token(member, options);
    for topic in &options.topics {
        let wanted = (!topic.starts_with('^')).then_some(topic.as_str());
        let metadata = member.fetch_metadata(wanted, PATIENCE).map_err(|cause| {
            listen(member);
            Error::Unreachable {
                name: options.name.clone(),
                brokers: options.brokers.clone(),
                said: Some(said()).filter(|said| !said.is_empty()).unwrap_or_else(|| cause.to_string()),
            }
        })?;
        let refused =
            metadata.topics().iter().filter(|found| Some(found.name()) == wanted).find_map(|found| found.error());
        if let Some(code) = refused {
            let cause = Box::new(KafkaError::MetadataFetch(RDKafkaErrorCode::from(code)));
            return Err(Error::Topic { name: options.name.clone(), topic: topic.clone(), cause });
        }
    }
    Ok(())
}

/// The client asks for its first token when it is polled, and speaks to no broker before it has one.
pub(crate) fn first_token<C: ConsumerContext>(member: &BaseConsumer<C>, options: &Options) {
    if options.tokens.is_some() {
        listen(member);
    }
}

/// Serves the callbacks of a client that has joined nothing yet.
fn listen<C: ConsumerContext>(member: &BaseConsumer<C>) {
    for _ in 0..POLLS {
        // Nothing is assigned: what comes are errors, which the context is told too.
        drop(member.poll(POLL));
    }
}

/// Looks for the topics, as [`Group::join`](crate::Group::join) would, without joining; says in a few words what it found.
/// Blocks until a broker has answered.
///
/// # Errors
/// As `join`.
pub fn probe(options: &Options, clock: &Arc<dyn Clock>) -> Result<String, Error> {
    let settings = |cause| Error::settings(&options.name, &cause);
    let looking = Looking::start(options, clock)?;
    let member: BaseConsumer<Looking> = config::member(options).create_with_context(looking).map_err(settings)?;
    look(&member, options, &|| member.context().said.text())?;
    Ok(format!("found {}", options.topics.join(", ")))
}

/// Keeps what the client says.
pub(crate) struct Looking {
    signing: Signing,
    said: Said,
}

impl Looking {
    /// With a token, where one is wanted.
    pub(crate) fn start(options: &Options, clock: &Arc<dyn Clock>) -> Result<Self, Error> {
        Ok(Self { signing: Signing::start(options, clock)?, said: Said::default() })
    }
}

impl ClientContext for Looking {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, message, "client");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "brokers");
        self.said.note(&error, reason, Instant::now());
    }

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.signing.token()
    }
}

impl ConsumerContext for Looking {}
