//! What is said of Kafka.

use super::{Choice, Default, Entry, Kind, RECORD_LIMIT, Shape, time};

pub(super) static SOURCE: &[Entry] = &[
    Entry::new(
        "brokers",
        Shape::Leaf(Kind::Text),
        Default::Required("brokers = \"broker-1:9092,broker-2:9092\""),
        "`host:port` of some brokers, joined by commas; the others are found through them.",
    ),
    Entry::new(
        "topics",
        Shape::Leaf(Kind::Topics),
        Default::Required("topics = [\"agent-events\"]"),
        "Topics; a text that begins with `^` is a regular expression, and topics that appear later are read too.",
    ),
    Entry::new(
        "group",
        Shape::Leaf(Kind::Choice(PROTOCOLS)),
        Default::Value("\"classic\""),
        "How the processes of this pipeline share the partitions: start as many as you like.",
    ),
    Entry::new(
        "group_id",
        Shape::Leaf(Kind::Text),
        Default::Words("`tributary-` and the name of the pipeline"),
        "The consumer group. Positions are the commit log's; the group's offsets are written as a courtesy, for tools that show lag.",
    ),
    Entry::new(
        "instance_id",
        Shape::Leaf(Kind::Text),
        Default::Words("none"),
        "The name of this process in the group, for static membership: it keeps its partitions over a restart that is shorter than the session.",
    ),
    Entry::new(
        "start",
        Shape::Leaf(Kind::Start),
        Default::Value("\"earliest\""),
        "Where a topic begins that was never read: `\"earliest\"`, `\"latest\"`, a day or moment, `\"2026-11-01\"`, by the records' timestamps, or offsets by topic and partition, `{ \"agent-events\" = { 0 = 1200, 1 = 900 } }` (other partitions at their oldest record). It is looked up once and committed; partitions that are added later are read from their beginning.",
    ),
    Entry::new(
        "until",
        Shape::Leaf(Kind::Moment),
        Default::Words("what is there when the run starts"),
        "With `mode = \"batch\"`: a day or moment. Each partition ends before its first record of then or later, by the records' timestamps.",
    ),
    Entry::new(
        "topic_ids",
        Shape::Leaf(Kind::Boolean),
        Default::Value("true"),
        "Whether brokers are asked for the ids of topics, so that one that was made again is known for another. `false` is for brokers that do not answer that question: then only an end before what was read shows it. Set it before the first run.",
    ),
    Entry::new(
        "read_uncommitted",
        Shape::Leaf(Kind::Boolean),
        Default::Value("false"),
        "Whether records of transactions that were aborted, or are not over, are read as well.",
    ),
    Entry::new(
        "rebalance_deadline",
        time(1, 120),
        Default::Value("\"10s\""),
        "When partitions go to another process: how long this one may take to commit what it has read of them. What is not committed then is read again there.",
    ),
    Entry::new(
        "session_timeout",
        time(1, 600),
        Default::Value("\"45s\""),
        "With `group = \"classic\"`: without a sign of life for so long a process is taken for dead. With `\"consumer\"` the brokers say it.",
    ),
    RECORD_LIMIT,
    Entry::new("tls", Shape::Leaf(Kind::Boolean), Default::Value("false"), "Whether brokers are spoken to by TLS."),
    Entry::new(
        "authorities",
        Shape::Leaf(Kind::Folder),
        Default::Words("those of the system"),
        "A file of PEM certificates of the authorities to trust; for `token_url` besides those of the system.",
    ),
    Entry::new(
        "certificate",
        Shape::Leaf(Kind::Folder),
        Default::Words("none"),
        "A file with our own certificate (PEM), for brokers that ask for one.",
    ),
    Entry::new(
        "key",
        Shape::Leaf(Kind::Folder),
        Default::Words("none"),
        "A file with the private key of `certificate` (PEM).",
    ),
    Entry::new(
        "sasl",
        Shape::Leaf(Kind::Choice(MECHANISMS)),
        Default::Words("none"),
        "How this process proves who it is.",
    ),
    Entry::new("username", Shape::Leaf(Kind::Text), Default::Words("none"), "The name that goes with the password."),
    Entry::new(
        "password_env",
        Shape::Leaf(Kind::Text),
        Default::Words("none"),
        "The environment variable that holds the password of `sasl`. Passwords are never written here.",
    ),
    Entry::new(
        "password_file",
        Shape::Leaf(Kind::Folder),
        Default::Words("none"),
        "The file that holds the password of `sasl`.",
    ),
    Entry::new(
        "token_file",
        Shape::Leaf(Kind::Folder),
        Default::Words("none"),
        "With `sasl = \"oauthbearer\"`: a file with a JSON Web Token, which something else renews. It is read anew when it changes, and at three quarters of the token's life. A link to a file is taken, a pipe is not.",
    ),
    Entry::new(
        "token_url",
        Shape::Leaf(Kind::Text),
        Default::Words("none"),
        "With `sasl = \"oauthbearer\"`: the token endpoint of an OpenID provider, which is asked by client credentials (RFC 6749, section 4.4); by `https://`, or by `http://` on this machine, without a query.",
    ),
    Entry::new("token_client", Shape::Leaf(Kind::Text), Default::Words("none"), "The client's id at `token_url`."),
    Entry::new(
        "token_secret_env",
        Shape::Leaf(Kind::Text),
        Default::Words("none"),
        "The environment variable that holds the secret of `token_client`.",
    ),
    Entry::new(
        "token_secret_file",
        Shape::Leaf(Kind::Folder),
        Default::Words("none"),
        "The file that holds the secret of `token_client`.",
    ),
    Entry::new(
        "token_scope",
        Shape::Leaf(Kind::Text),
        Default::Words("the provider's"),
        "What the token of `token_url` is to be good for, as its provider names it.",
    ),
    Entry::new(
        "region",
        Shape::Leaf(Kind::Text),
        Default::Words("that in the brokers' names, else as the AWS SDK finds it"),
        "With `sasl = \"aws-msk-iam\"`: the region of the cluster.",
    ),
    Entry::new(
        "profile",
        Shape::Leaf(Kind::Text),
        Default::Words("as the AWS SDK finds it"),
        "With `sasl = \"aws-msk-iam\"`: a profile of the shared AWS configuration files.",
    ),
    Entry::new(
        "role",
        Shape::Leaf(Kind::Text),
        Default::Words("none"),
        "With `sasl = \"aws-msk-iam\"`: the ARN of a role to assume; the credentials are then its.",
    ),
    Entry::new(
        "external_id",
        Shape::Leaf(Kind::Text),
        Default::Words("none"),
        "The external id that the owner of `role` asks for.",
    ),
    Entry::new(
        "client",
        Shape::Leaf(Kind::Settings),
        Default::Words("none"),
        "Settings of librdkafka by their own names, `\"client.rack\" = \"eu-central-1a\"`. Those that have an option, break a guarantee, load code, are secrets or are for producers are refused.",
    ),
];

static PROTOCOLS: &[Choice] = &[
    Choice::new("classic", "the processes decide, cooperatively; every broker knows it"),
    Choice::new("consumer", "the brokers decide (KIP-848), from Kafka 4.0 on"),
];

static MECHANISMS: &[Choice] = &[
    Choice::new("plain", "name and password as they are: whoever listens has them, unless `tls = true`"),
    Choice::new("scram-sha-256", "a challenge"),
    Choice::new("scram-sha-512", "a challenge"),
    Choice::new("oauthbearer", "a token of `token_file` or `token_url`: whoever listens has it, unless `tls = true`"),
    Choice::new(
        "aws-msk-iam",
        "Amazon MSK's IAM: a token signed with the credentials that the AWS SDK finds; only by TLS",
    ),
];
