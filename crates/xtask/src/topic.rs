//! A topic of agent events: made, and filled line by line.

use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

/// Partitions of every topic that is made here.
pub(crate) const PARTITIONS: i32 = 6;

/// Longer than any answer of a broker that works.
pub(crate) const WAIT: Duration = Duration::from_secs(60);

/// A topic, and a producer for it.
pub(crate) struct Topic {
    name: String,
    producer: BaseProducer,
}

impl Topic {
    /// Makes the topic, which is not there yet. The producer gathers records for `linger` and compresses them by `codec`.
    pub(crate) fn create(brokers: &str, name: &str, codec: &str, linger: Duration) -> Result<Self> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", brokers).set("compression.type", codec);
        config.set("linger.ms", linger.as_millis().to_string());
        let admin: AdminClient<DefaultClientContext> = config.create()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let wanted = NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(1));
        for made in runtime.block_on(admin.create_topics([&wanted], &AdminOptions::new()))? {
            made.map_err(|(topic, code)| anyhow!("{topic}: {code}"))?;
        }
        Ok(Self { name: name.to_owned(), producer: config.create()? })
    }

    /// Produces an event, keyed by its agent; waits where too many are on their way.
    pub(crate) fn produce(&self, line: &str) -> Result<()> {
        let mut record = BaseRecord::to(&self.name).key(text_of(line, "AgentARN")).payload(line);
        while let Err((error, back)) = self.producer.send(record) {
            ensure!(error.rdkafka_error_code() == Some(rdkafka::types::RDKafkaErrorCode::QueueFull), "{error}");
            record = back;
            self.producer.poll(Duration::from_millis(20));
        }
        self.producer.poll(Duration::ZERO);
        Ok(())
    }

    /// Waits until the broker has everything.
    pub(crate) fn flush(&self) -> Result<()> {
        Ok(self.producer.flush(WAIT)?)
    }
}

/// The first text of this name in a line of JSON as the simulator writes it; empty when there is none.
pub(crate) fn text_of<'a>(line: &'a str, name: &str) -> &'a str {
    let begin = format!("\"{name}\":\"");
    line.split_once(&begin).and_then(|(_, rest)| rest.split('"').next()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_by_its_name() {
        let line = r#"{"AgentARN":"arn:a","EventId":"e-1"}"#;
        assert_eq!([text_of(line, "AgentARN"), text_of(line, "EventId"), text_of(line, "Id")], ["arn:a", "e-1", ""]);
    }
}
