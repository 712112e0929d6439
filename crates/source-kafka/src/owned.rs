//! Settings of librdkafka that are not the reader's to make: what would break a guarantee, has an option of its own, or is
//! a secret.

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;

use crate::options::Protocol;

/// Settings whose values this source depends on, or makes itself.
const OURS: &[&str] = &[
    "allow.auto.create.topics",
    "auto.commit.enable",
    "auto.commit.interval.ms",
    "auto.offset.reset",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.partition.eof",
    "enabled_events",
    "group.protocol.type",
    "heartbeat.interval.ms",
    "log.queue",
    "max.poll.interval.ms",
    "offset.store.method",
    "offset.store.path",
    "offset.store.sync.interval.ms",
    "partition.assignment.strategy",
    "statistics.interval.ms",
];

/// Settings that bound what is held of answers, which is counted in the memory budget.
const MEMORY: &[&str] = &[
    "fetch.max.bytes",
    "fetch.message.max.bytes",
    "fetch.queue.backoff.ms",
    "max.partition.fetch.bytes",
    "queued.max.messages.kbytes",
    "queued.min.messages",
];

/// Settings of producers alone: librdkafka takes them from a consumer, and does nothing with them.
///
/// Source: librdkafka, CONFIGURATION.md, the rows marked P.
const WRITING: &[&str] = &[
    "acks",
    "batch.num.messages",
    "batch.size",
    "compression.codec",
    "compression.level",
    "compression.type",
    "delivery.report.only.error",
    "delivery.timeout.ms",
    "dr_cb",
    "dr_msg_cb",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "linger.ms",
    "message.send.max.retries",
    "message.timeout.ms",
    "msg_order_cmp",
    "partitioner",
    "partitioner_cb",
    "produce.offset.report",
    "queue.buffering.backpressure.threshold",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "queue.buffering.max.ms",
    "queuing.strategy",
    "request.required.acks",
    "request.timeout.ms",
    "retries",
    "sticky.partitioning.linger.ms",
    "transaction.timeout.ms",
    "transactional.id",
];

/// Settings that are options, by the option.
const OPTIONS: &[(&str, &str)] = &[
    ("bootstrap.servers", "brokers"),
    ("metadata.broker.list", "brokers"),
    ("group.id", "group_id"),
    ("group.instance.id", "instance_id"),
    ("group.protocol", "group"),
    ("isolation.level", "read_uncommitted"),
    ("security.protocol", "tls and sasl"),
    ("session.timeout.ms", "session_timeout"),
    ("ssl.ca.location", "authorities"),
    ("ssl.ca.pem", "authorities"),
    ("ssl.certificate.location", "certificate"),
    ("ssl.certificate.pem", "certificate"),
    ("ssl.key.location", "key"),
    ("ssl.key.pem", "key"),
];

/// Settings that load code into the process.
const CODE: &[&str] = &["plugin.library.paths", "ssl.engine.id", "ssl.engine.location", "ssl.providers"];

/// Settings that are secrets, or of no use without one.
const SECRETS: &[&str] = &["ssl.key.password", "ssl.keystore.location", "ssl.keystore.password"];

/// Why a setting may not be made, and what to do instead; `None` where it may. Nothing is opened or sent, and no value is
/// repeated.
pub fn refuse_setting(key: &str, value: &str, protocol: Protocol) -> Option<(String, String)> {
    let refused = |why: &str, cure: String| Some((format!("{key} {why}"), cure));
    if let Some((_, option)) = OPTIONS.iter().find(|(name, _)| *name == key) {
        return refused("has an option of its own", format!("write {option} in the table above"));
    }
    if key.starts_with("sasl.") || key.contains("oauthbearer") {
        return refused("has an option of its own", "write sasl and what belongs to it in the table above".to_owned());
    }
    if CODE.contains(&key) {
        return refused("loads code into this process", "remove it".to_owned());
    }
    if SECRETS.contains(&key) {
        return refused("is a secret, or needs one, and none is written here", "use certificate and key".to_owned());
    }
    if OURS.contains(&key) {
        return refused("is set by Tributary, whose guarantees hang on it", "remove it".to_owned());
    }
    if MEMORY.contains(&key) {
        return refused("follows from memory.budget", "remove it, or change memory.budget".to_owned());
    }
    if WRITING.contains(&key) {
        return refused("is for producers, and nothing is written to Kafka", "remove it".to_owned());
    }
    if key == "message.max.bytes" {
        let cure = "remove it; a larger record is read whole, or cut by record_limit".to_owned();
        return refused("bounds what is written, and nothing is written to Kafka", cure);
    }
    if key.starts_with("test.") {
        return refused("puts librdkafka's own tests in the place of brokers", "remove it".to_owned());
    }
    if key == "group.remote.assignor" && protocol == Protocol::Classic {
        return refused("is ignored with group = \"classic\"", "write group = \"consumer\", or remove it".to_owned());
    }
    let mut config = ClientConfig::new();
    config.set(key, value);
    match config.create_native_config() {
        Ok(_) => None,
        Err(KafkaError::ClientConfig(_, why, ..)) if why.starts_with("No such configuration property") => {
            refused("is no setting of librdkafka", "CONFIGURATION.md of librdkafka names them".to_owned())
        }
        Err(_) => refused("does not take this value", "CONFIGURATION.md of librdkafka says which it takes".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::options::Options;

    /// What may be made though we make it too: our values are only better defaults.
    const SHARED: &[&str] = &["client.id", "reconnect.backoff.max.ms"];

    #[test]
    fn whatever_we_set_is_refused() {
        for protocol in [Protocol::Classic, Protocol::Consumer] {
            let mut options = Options::new("calls", "localhost:9092", vec!["events".to_owned()]);
            (options.protocol, options.instance_id) = (protocol, Some("a".to_owned()));
            let config = config::member(&options);
            let all = config.config_map();
            let ours: Vec<_> = all.keys().filter(|key| !SHARED.contains(key)).collect();
            assert!(ours.len() > 10, "{ours:?}");
            for key in ours {
                // Our own value is one that librdkafka takes: it is not the value that is refused.
                let value = config.get(key).unwrap();
                assert!(refuse_setting(key, value, protocol).is_some(), "{key} = {value}");
            }
        }
    }

    #[test]
    fn others_are_taken_as_librdkafka_takes_them() {
        for (key, value, expected) in [
            ("client.rack", "eu-central-1a", None),
            ("client.id", "lake", None),
            ("reconnect.backoff.max.ms", "500", None),
            ("fetch.min.bytes", "1000", None),
            ("socket.keepalive.enable", "true", None),
            ("debug", "broker,security", None),
            ("fetch.min.bytes", "many", Some("does not take this value")),
            ("client.racks", "a", Some("is no setting of librdkafka")),
            ("sasl.kerberos.kinit.cmd", "a", Some("option of its own")),
            ("plugin.library.paths", "a", Some("loads code")),
            ("linger.ms", "5", Some("is for producers")),
            ("message.max.bytes", "2000000", Some("record_limit")),
            ("test.mock.num.brokers", "3", Some("own tests")),
            ("ssl.key.password", "hunter2", Some("is a secret")),
            ("group.remote.assignor", "range", Some("ignored with group = \"classic\"")),
        ] {
            let found = refuse_setting(key, value, Protocol::Classic);
            let found = found.map(|(why, cure)| format!("{why}; {cure}"));
            assert_eq!(found.is_some(), expected.is_some(), "{key}: {found:?}");
            assert!(found.is_none_or(|found| found.contains(expected.unwrap()) && !found.contains("hunter2")));
        }
        assert_eq!(refuse_setting("group.remote.assignor", "range", Protocol::Consumer), None);
    }

    /// Every name in the lists is one of librdkafka's: a typing error would let the real one through.
    #[test]
    fn the_lists_name_real_settings() {
        let options = OPTIONS.iter().map(|(name, _)| name);
        for key in OURS.iter().chain(MEMORY).chain(WRITING).chain(options).chain(CODE).chain(SECRETS) {
            let mut config = ClientConfig::new();
            config.set(*key, "\u{1}");
            if let Err(KafkaError::ClientConfig(_, why, ..)) = config.create_native_config() {
                assert!(!why.starts_with("No such configuration property"), "{key}: {why}");
            }
        }
    }
}
