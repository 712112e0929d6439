//! What librdkafka is told.
//!
//! Source: librdkafka, CONFIGURATION.md.

use rdkafka::ClientConfig;

use crate::options::{Options, Protocol};

/// The longest time between two polls: the rebalance callback may take its deadline and the reading of the log.
const MAX_POLL_INTERVAL_MS: u32 = 300_000;

/// How often librdkafka tells how far it is; in a batch these numbers say where it ends.
const STATISTICS_MS: u32 = 2_000;
const STATISTICS_OF_BATCH_MS: u32 = 250;

/// A partition is fetched again so soon after its queue was full, instead of after a second.
const FULL_MS: u32 = 20;

/// The most of an answer, and of a partition in it, unless one batch of the topic is larger: they are compressed, and what
/// they become is not counted before it is there. Agent events with zstd are 50 times smaller than in memory: an answer of six
/// partitions becomes 20 MiB.
const FETCH: usize = 1 << 20;
const FETCH_OF_PARTITION: usize = 64 << 10;

/// The most that librdkafka's queue may take, in KiB.
const QUEUE_KIB: usize = 2_097_151;

/// The settings of a member.
pub(crate) fn member(options: &Options) -> ClientConfig {
    let mut config = client(options);
    let kilobytes = (options.queue_bytes / 1_024).clamp(1, QUEUE_KIB).to_string();
    let statistics = if options.batch { STATISTICS_OF_BATCH_MS } else { STATISTICS_MS };
    config
        .set("group.id", &options.group_id)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // The proof that nothing lies before the end that its statistics tell of.
        .set("enable.partition.eof", "true")
        // A position outside of what the broker has is ours to judge.
        .set("auto.offset.reset", "error")
        .set("isolation.level", if options.read_uncommitted { "read_uncommitted" } else { "read_committed" })
        .set("max.poll.interval.ms", MAX_POLL_INTERVAL_MS.to_string())
        .set("statistics.interval.ms", statistics.to_string())
        .set("fetch.queue.backoff.ms", FULL_MS.to_string())
        // The one queue of a member, whatever the number of its partitions; its bytes bound it, not its messages.
        .set("queued.max.messages.kbytes", kilobytes)
        .set("queued.min.messages", "100000")
        .set("fetch.message.max.bytes", FETCH_OF_PARTITION.to_string())
        .set("fetch.max.bytes", FETCH.to_string());
    match options.protocol {
        Protocol::Classic => {
            let timeout = options.session_timeout.as_millis();
            config
                .set("partition.assignment.strategy", "cooperative-sticky")
                .set("session.timeout.ms", timeout.to_string())
                .set("heartbeat.interval.ms", (timeout / 10).max(200).to_string());
        }
        Protocol::Consumer => {
            config.set("group.protocol", "consumer");
        }
    }
    if let Some(instance) = &options.instance_id {
        config.set("group.instance.id", instance);
    }
    config
}

/// The settings of anything that talks to the brokers.
pub(crate) fn client(options: &Options) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &options.brokers)
        .set("client.id", "tributary")
        .set("allow.auto.create.topics", "false")
        // By default a connection that was refused is tried again after up to 10 s.
        .set("reconnect.backoff.max.ms", "2000");
    for (name, value) in &options.client {
        config.set(name, value.expose());
    }
    config
}

#[cfg(test)]
mod tests {
    use tributary_core::Secret;

    use super::*;

    #[test]
    fn each_protocol_is_told_what_it_knows() {
        let mut options = Options::new("calls", "localhost:9092", vec!["events".to_owned()]);
        let classic = member(&options);
        assert_eq!(classic.get("partition.assignment.strategy"), Some("cooperative-sticky"));
        assert_eq!(classic.get("auto.offset.reset"), Some("error"));
        options.protocol = Protocol::Consumer;
        let consumer = member(&options);
        assert_eq!(consumer.get("session.timeout.ms"), None, "librdkafka refuses it");
        for options in [classic, consumer] {
            options.create_native_config().unwrap();
        }
    }

    #[test]
    fn no_value_of_the_client_is_shown() {
        let mut options = Options::new("calls", "localhost:9092", Vec::new());
        options.client.insert("sasl.password".to_owned(), Secret::new("secret".to_owned()));
        assert!(!format!("{options:?}").contains("secret"));
        assert_eq!(client(&options).get("sasl.password"), Some("secret"));
    }
}
