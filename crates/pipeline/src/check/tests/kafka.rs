//! What is said of `[sources.NAME.kafka]`.

use std::collections::BTreeMap;

use tributary_core::Secret;
use tributary_source_kafka::StartAt;
use tributary_tokens::TokenSource;

use super::problems;
use crate::SourceKind;

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
            "topics = [\"t\"]\nstart = { t = { 0 = 5, x = 6 } }",
            "8:24 sources.a.kafka.start.t.x: \"x\" is the number of no partition (write for example { \"agent-events\" = { 0 = 1200, 1 = 900 } }; the name of a topic with dots stands in quotes)",
        ),
        (
            "topics = [\"t\"]\nstart = { t = { 1 = -1 } }",
            "8:21 sources.a.kafka.start.t.1: an offset is a whole number from 0 (write for example { \"agent-events\" = { 0 = 1200, 1 = 900 } })",
        ),
        (
            "topics = [\"t\"]\nstart = { u = { 0 = 1 } }",
            "8:11 sources.a.kafka.start.u: \"u\" is not among the topics (add it to topics, or remove it)",
        ),
        (
            "topics = [\"t\"]\nuntil = \"2026-11-27\"",
            "8:1 sources.a.kafka.until: a stream has no end (write mode = \"batch\" at the top of the file, or remove it)",
        ),
        (
            "topics = [\"t\"]\nstart = \"2026-11-28\"\nuntil = \"2026-11-27\"",
            "9:1 sources.a.kafka.until: no moment is at start or later and before until (exchange them, or correct one)",
        ),
        (
            "topics = [\"t\"]\nsasl = \"oauthbearer\"\nusername = \"u\"",
            "8:1 sources.a.kafka.sasl: the token comes from one place (add token_file = \"/run/secrets/token\", or token_url)",
        ),
        (
            "topics = [\"t\"]\nsasl = \"oauthbearer\"\nusername = \"u\"",
            "9:1 sources.a.kafka.username: this sasl takes no password (remove it, or write sasl = \"scram-sha-512\")",
        ),
        (
            "topics = [\"t\"]\nsasl = \"oauthbearer\"\ntoken_file = \"f\"\ntoken_scope = \"s\"",
            "10:1 sources.a.kafka.token_scope: it belongs to token_url (add token_url, or remove it)",
        ),
        (
            "topics = [\"t\"]\nsasl = \"oauthbearer\"\ntoken_url = \"http://a.org/\"\ntoken_client = \"c\"",
            "9:1 sources.a.kafka.token_url: a secret is sent there, so it begins with https:// (write for example token_url = \"https://login.example.org/oauth2/token\")",
        ),
        (
            "topics = [\"t\"]\nsasl = \"oauthbearer\"\ntoken_url = \"https://a.org/\"",
            "9:1 sources.a.kafka.token_url: nothing says who asks for a token (add token_client)",
        ),
        (
            "topics = [\"t\"]\nsasl = \"oauthbearer\"\ntoken_url = \"https://a.org/\"",
            "9:1 sources.a.kafka.token_url: the client's secret comes from one place (add token_secret_env = \"KAFKA_TOKEN_SECRET\", or token_secret_file)",
        ),
        (
            "topics = [\"t\"]\nsasl = \"oauthbearer\"\ntoken_url = \"https://c:s@a.org/\"",
            "9:1 sources.a.kafka.token_url: who we are does not belong into the URL (remove what stands before @; write token_client, and token_secret_env or token_secret_file)",
        ),
        (
            "topics = [\"t\"]\nsasl = \"oauthbearer\"\ntoken_url = \"https://a.org/?key=s\"",
            "9:1 sources.a.kafka.token_url: a query or a fragment is not sent (remove what begins with ? or #)",
        ),
        (
            "topics = [\"t\"]\nsasl = \"oauthbearer\"\ntoken_url = \"https://a org/\"",
            "9:1 sources.a.kafka.token_url: it is no URL (write for example token_url = \"https://login.example.org/oauth2/token\")",
        ),
        (
            "topics = [\"t\"]\nsasl = \"aws-msk-iam\"\nregion = \"EU (Frankfurt)\"",
            "9:1 sources.a.kafka.region: a region has small letters, digits and '-' (write for example region = \"eu-central-1\")",
        ),
        (
            "topics = [\"t\"]\n[sources.a.kafka.client]\nlinger.ms = 5",
            "9:8 sources.a.kafka.client.linger.ms: linger.ms is for producers, and nothing is written to Kafka (remove it)",
        ),
        (
            "topics = [\"t\"]\nsasl = \"aws-msk-iam\"\nexternal_id = \"x\"",
            "8:1 sources.a.kafka.sasl: Amazon MSK takes IAM by TLS alone (add tls = true)",
        ),
        (
            "topics = [\"t\"]\nsasl = \"aws-msk-iam\"\nexternal_id = \"x\"",
            "9:1 sources.a.kafka.external_id: an external id belongs to a role (add role, or remove it)",
        ),
        (
            "topics = [\"t\"]\nsasl = \"scram-sha-512\"\nregion = \"r\"",
            "9:1 sources.a.kafka.region: this sasl has nothing to do with AWS (remove it, or write sasl = \"aws-msk-iam\")",
        ),
        (
            "topics = [\"t\"]\n[sources.a.kafka.client]\nenable.auto.commit = true",
            "9:13 sources.a.kafka.client.enable.auto.commit: enable.auto.commit is set by Tributary, whose guarantees hang on it (remove it)",
        ),
        (
            "topics = [\"t\"]\n[sources.a.kafka.client]\n\"group.id\" = \"g\"",
            "9:1 sources.a.kafka.client.group.id: group.id has an option of its own (write group_id in the table above)",
        ),
        (
            "topics = [\"t\"]\n[sources.a.kafka.client]\n\"client.racks\" = \"g\"",
            "9:1 sources.a.kafka.client.client.racks: client.racks is no setting of librdkafka (CONFIGURATION.md of librdkafka names them)",
        ),
        (
            "topics = [\"t\"]\n[sources.a.kafka.client]\n\"fetch.min.bytes\" = \"few\"",
            "9:1 sources.a.kafka.client.fetch.min.bytes: fetch.min.bytes does not take this value (CONFIGURATION.md of librdkafka says which it takes)",
        ),
        (
            "topics = [\"t\"]\n[sources.a.kafka.client]\n\"client.rack\" = \"g\"\nclient.rack = \"h\"",
            "9:1 sources.a.kafka.client.client.rack: client.rack is written twice (remove one of them)",
        ),
        (
            "topics = [\"t\"]\n[sources.a.kafka.client]\n\"client.rack\" = 1.5",
            "9:17 sources.a.kafka.client.client.rack: \"client.rack\" must be a text, a whole number, true or false, not a decimal number (write it in quotes)",
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

#[test]
fn what_is_right_about_kafka_is_meant() {
    let text = "version = 1\nname = \"agents\"\nmode = \"batch\"\n[lake]\nlocation = \"lake\"\n[sources.a.kafka]\n\
                brokers = \"b-1.x.abc.c2.kafka.eu-central-1.amazonaws.com:9098\"\ntopics = [\"a.b\"]\ntls = true\n\
                start = { \"a.b\" = { 0 = 1200, 12 = 900 } }\nuntil = \"2026-11-27\"\nsasl = \"aws-msk-iam\"\n\
                role = \"arn:aws:iam::1:role/r\"\nexternal_id = \"x\"\n\
                [sources.a.kafka.client]\n\"client.rack\" = \"euc1-az1\"\nsocket.keepalive.enable = true\nfetch.min.bytes = 7\n";
    let plan = super::plan(text, &[("TRIBUTARY__SOURCES__A__KAFKA__CLIENT__LOG__CONNECTION__CLOSE", "false")]);
    let SourceKind::Kafka(kafka) = &plan.sources[0].kind else { panic!("{:?}", plan.sources) };
    let options = &kafka.options;
    let offsets = BTreeMap::from([(("a.b".to_owned(), 0), 1_200), (("a.b".to_owned(), 12), 900)]);
    assert_eq!(options.start, StartAt::Offsets(offsets));
    assert_eq!(options.until.unwrap().to_string(), "2026-11-27T00:00:00.000000Z");
    let Some(TokenSource::Msk(connection)) = &options.tokens else { panic!("{:?}", options.tokens) };
    assert_eq!(connection.region.as_deref(), Some("eu-central-1"));
    assert_eq!(connection.role.as_ref().unwrap().external_id.as_deref(), Some("x"));
    let setting = |key: &str| options.client.get(key).map(Secret::expose);
    assert_eq!(setting("sasl.mechanism"), Some("OAUTHBEARER"));
    assert_eq!(setting("security.protocol"), Some("sasl_ssl"));
    let settings = ["client.rack", "socket.keepalive.enable", "fetch.min.bytes", "log.connection.close"].map(setting);
    assert_eq!(settings, [Some("euc1-az1"), Some("true"), Some("7"), Some("false")]);
}
