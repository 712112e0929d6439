//! What is said of Kinesis.

use super::{Choice, Default, Entry, Kind, RECORD_LIMIT, Shape, s3, time};

pub(super) static SOURCE: &[Entry] = &[
    Entry::new(
        "stream",
        Shape::Leaf(Kind::Stream),
        Default::Required("stream = \"agent-events\""),
        "The name of the stream, or its ARN, by which a stream of another account is reached.",
    ),
    Entry::new(
        "start",
        Shape::Leaf(Kind::Begin),
        Default::Value("\"oldest\""),
        "Where a stream begins that was never read: `\"oldest\"`, `\"latest\"`, or a day or moment, `\"2026-11-01\"`, by the time of arrival. It is committed once; shards that follow from splits and merges are read whole.",
    ),
    Entry::new(
        "until",
        Shape::Leaf(Kind::Moment),
        Default::Words("what has arrived when the run starts"),
        "With `mode = \"batch\"`: a day or moment. Each shard ends before its first record that arrived then or later.",
    ),
    Entry::new(
        "delivery",
        Shape::Leaf(Kind::Choice(DELIVERIES)),
        Default::Value("\"polling\""),
        "How records come from the service.",
    ),
    Entry::new(
        "consumer",
        Shape::Leaf(Kind::AwsName),
        Default::Words("`tributary-` and the name of the pipeline"),
        "With `delivery = \"fan_out\"`: the name under which this pipeline is registered at the stream. It is registered if it is not, and never removed.",
    ),
    Entry::new(
        "idle",
        time(1, 60),
        Default::Value("\"1s\""),
        "With `delivery = \"polling\"`: how long a shard is left alone that had nothing more. All consumers of a shard share five calls a second.",
    ),
    Entry::new("discover", time(5, 3_600), Default::Value("\"30s\""), "How often the shards are listed."),
    Entry::new(
        "lease_table",
        Shape::Leaf(Kind::AwsName),
        Default::Words("the lake's own store"),
        "In a stream: the DynamoDB table by which the processes of this pipeline share the shards, laid out as users of the Kinesis Client Library know it, and made if it is not there. It belongs to one pipeline alone, and is reached in the region of the stream without `role`.",
    ),
    Entry::new(
        "lease_duration",
        time(3, 600),
        Default::Value("\"30s\""),
        "In a stream: without a sign of life for so long a process is taken for dead, and the others read its shards.",
    ),
    RECORD_LIMIT,
    Entry::new(
        "region",
        Shape::Leaf(Kind::Text),
        Default::Words("`AWS_REGION`, the profile or the instance"),
        "The region of the stream.",
    ),
    Entry::new(
        "endpoint",
        Shape::Leaf(Kind::Text),
        Default::Words("AWS"),
        "The URL of a server that speaks the interface of Kinesis, or of an interface endpoint.",
    ),
    s3::PROFILE,
    s3::ROLE,
    s3::EXTERNAL_ID,
    s3::AUTHORITIES,
];

static DELIVERIES: &[Choice] = &[
    Choice::new("polling", "they are asked for (GetRecords), from 2 MB a second and shard that all consumers share"),
    Choice::new(
        "fan_out",
        "they are pushed (SubscribeToShard) to a registered consumer, which has 2 MB a second and shard for itself and costs extra; where that is not allowed, `polling`, with a warning",
    ),
];
