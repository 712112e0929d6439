//! A first look at the brokers.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use crate::config;
use crate::error::Error;
use crate::options::Options;

/// How long the first answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether the topics are there, as far as they are named.
pub(crate) fn look<C: ConsumerContext>(
    member: &BaseConsumer<C>,
    options: &Options,
    said: &dyn Fn() -> String,
) -> Result<(), Error> {
    for topic in &options.topics {
        let wanted = (!topic.starts_with('^')).then_some(topic.as_str());
        let metadata = member.fetch_metadata(wanted, PATIENCE).map_err(|cause| Error::Unreachable {
            name: options.name.clone(),
            brokers: options.brokers.clone(),
            said: Some(said()).filter(|said| !said.is_empty()).unwrap_or_else(|| cause.to_string()),
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

/// Looks for the topics, as [`Group::join`](crate::Group::join) would, without joining; says in a few words what it found.
/// Blocks until a broker has answered.
///
/// # Errors
/// As `join`.
pub fn probe(options: &Options) -> Result<String, Error> {
    let settings = |cause| Error::settings(&options.name, &cause);
    let member: BaseConsumer = config::member(options).create().map_err(settings)?;
    look(&member, options, &String::new)?;
    Ok(format!("found {}", options.topics.join(", ")))
}
