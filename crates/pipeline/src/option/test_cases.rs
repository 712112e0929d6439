//! What is said of executions of test cases.

use super::{Default, Entry, Kind, Shape, s3, time};

pub(super) static SOURCE: &[Entry] = &[
    Entry::new(
        "instance",
        Shape::Leaf(Kind::Instance),
        Default::Required("instance = \"11111111-2222-3333-4444-555555555555\""),
        "The id of the instance, as `aws connect list-instances` shows it.",
    ),
    Entry::new(
        "since",
        Shape::Leaf(Kind::Moment),
        Default::Words("all"),
        "Of an instance that was never read: only executions that began at this day or moment or later.",
    ),
    Entry::new(
        "settle",
        time(0, 3_600),
        Default::Value("\"2m\""),
        "How long an execution is left alone after it began. The service may take a while to list it; what it lists later than this is not read.",
    ),
    Entry::new(
        "open_for",
        time(60, 7 * 86_400),
        Default::Value("\"1h\""),
        "How long an execution that is not over is waited for, from its beginning on, and with it those that began later. Then it is written as it is (`InProgress`).",
    ),
    Entry::new(
        "rate",
        Shape::Leaf(Kind::Count { least: 1, most: 1_000 }),
        Default::Value("2"),
        "Calls in a second, at most. A sweep costs two, one more for every hundred executions and for every month, and in each month one for each test case that was run.",
    ),
    Entry::new(
        "poll",
        time(1, 86_400),
        Default::Value("\"60s\""),
        "In a stream: how long after all was read executions are looked for again, at two calls.",
    ),
    REGION,
    ENDPOINT,
    s3::PROFILE,
    s3::ROLE,
    s3::EXTERNAL_ID,
    s3::AUTHORITIES,
];

/// Of everything that asks an instance of Amazon Connect, or its domain of cases.
pub(super) const REGION: Entry = Entry::new(
    "region",
    Shape::Leaf(Kind::Text),
    Default::Words("`AWS_REGION`, the profile or the instance"),
    "The region.",
);

pub(super) const ENDPOINT: Entry = Entry::new(
    "endpoint",
    Shape::Leaf(Kind::Text),
    Default::Words("AWS"),
    "The URL of a server that speaks the interface of Amazon Connect, or of an interface endpoint.",
);
