//! What is said of `[sources.NAME.kafka]`.

use super::problems;

#[test]
fn what_is_wrong_about_kafka() {
    let good = "version = 1\nname = \"agents\"\n[lake]\nlocation = \"lake\"\n[sources.a.kafka]\nbrokers = \"b:1\"\n";
    for (lines, expected) in [
        (
            "",
            "5:1 sources.a.kafka.topics: missing key \"topics\" in [sources.a.kafka] (add topics = [\"agent-events\"])",
        ),
        (
            "topics = [\"a b\"]",
            "7:11 sources.a.kafka.topics[0]: \"a b\" is the name of no topic (a topic has letters, digits, '.', '_' and '-'; a regular expression begins with ^)",
        ),
        (
            "topics = [\"t\"]\nstart = \"now\"",
            "8:9 sources.a.kafka.start: \"now\" is no place to start (write \"earliest\", \"latest\", a day, \"2026-11-01\", or a moment, \"2026-11-01T06:00:00Z\")",
        ),
        (
            "topics = [\"t\"]\ngroup = \"consumer\"\nsession_timeout = \"9s\"",
            "9:1 sources.a.kafka.session_timeout: with group = \"consumer\" the brokers say it (remove it, or write group = \"classic\")",
        ),
        (
            "topics = [\"t\"]\nauthorities = \"ca\"",
            "8:1 sources.a.kafka.authorities: certificates belong to TLS (add tls = true, or remove it)",
        ),
        (
            "topics = [\"t\"]\ntls = true\ncertificate = \"c\"",
            "9:1 sources.a.kafka.certificate: a certificate and its key belong together (add key)",
        ),
        (
            "topics = [\"t\"]\nsasl = \"plain\"\nusername = \"u\"",
            "8:1 sources.a.kafka.sasl: the password comes from one place (add password_env = \"KAFKA_PASSWORD\", or password_file)",
        ),
        (
            "topics = [\"t\"]\npassword_env = \"P\"",
            "8:1 sources.a.kafka.password_env: it belongs to sasl (add sasl = \"scram-sha-512\", or remove it)",
        ),
        (
            "topics = [\"t\"]\n[sources.b.file]\npaths = [\"in/*\"]",
            "5:12 sources.a.kafka: a pipeline that reads Kafka reads nothing else (write a file with the same name and the other source, and run it beside this one)",
        ),
    ] {
        let found = problems(&format!("{good}{lines}\n"), &[]);
        assert!(found.contains(&expected.to_owned()), "{lines}\n{found:#?}");
    }
}
