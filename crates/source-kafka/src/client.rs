//! A first look at the brokers.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tributary_core::Clock;

use crate::config;
use crate::error::Error;
use crate::options::{Options, StartAt};
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
    let mut seen = None;
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
        if wanted.is_none() {
            seen = Some(metadata.topics().iter().map(|found| found.name().to_owned()).collect());
        }
    }
    // Of named topics that is known without the brokers.
    for topic in seen.map(|seen| unseen(options, &seen)).unwrap_or_default() {
        tracing::warn!(topic, "start names a topic that is not there, or that may not be seen");
    }
    Ok(())
}

/// Topics that `start` names and that are neither named otherwise nor among those of the brokers.
fn unseen<'a>(options: &'a Options, seen: &BTreeSet<String>) -> BTreeSet<&'a str> {
    let StartAt::Offsets(offsets) = &options.start else { return BTreeSet::new() };
    let topics = offsets.keys().map(|(topic, _)| topic);
    topics.filter(|topic| !seen.contains(*topic) && !options.topics.contains(*topic)).map(String::as_str).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_of_no_topic_is_noticed() {
        let mut options = Options::new("calls", "b:1", vec!["^events-.*".to_owned(), "other".to_owned()]);
        let topics = ["events-1", "evnts-2", "other"];
        options.start = StartAt::Offsets(topics.map(|topic| ((topic.to_owned(), 0), 5)).into());
        let seen = BTreeSet::from(["events-1".to_owned(), "events-2".to_owned()]);
        assert_eq!(unseen(&options, &seen), BTreeSet::from(["evnts-2"]));
    }
}
