//! What is said of Amazon Connect Cases.

use super::test_cases::{self, REGION};
use super::{Default, Entry, Kind, Shape, s3, time};

pub(super) static SOURCE: &[Entry] = &[
    Entry::new(
        "domain",
        Shape::Leaf(Kind::Domain),
        Default::Required("domain = \"11111111-2222-3333-4444-555555555555\""),
        "The id of the domain, as `aws connectcases list-domains` shows it.",
    ),
    Entry::new(
        "cases",
        Shape::Leaf(Kind::CaseIds),
        Default::Words("those that SearchCases finds changed"),
        "The ids of the cases to read. A list that is changed is read from its beginning; what is in the lake already is left out.",
    ),
    Entry::new(
        "cases_file",
        Shape::Leaf(Kind::Folder),
        Default::Words("none"),
        "The same from a file, one id a line; empty lines and lines that begin with `#` are left out. It is read when the run begins.",
    ),
    Entry::new(
        "since",
        Shape::Leaf(Kind::Moment),
        Default::Words("all"),
        "Of a domain that was never read: only events that were performed at this day or moment or later.",
    ),
    Entry::new(
        "settle",
        time(0, 3_600),
        Default::Value("\"2m\""),
        "How long an event is left alone after it was performed. The service may take a while to show an event and to find its case; what it shows later than this is not read.",
    ),
    rate("Calls in a second, at most. A case costs one, and one more for every 25 events."),
    Entry::new(
        "poll",
        time(1, 86_400),
        Default::Value("\"60s\""),
        "In a stream: how long after all was read changed cases are looked for again, at two calls.",
    ),
    REGION,
    ENDPOINT,
    s3::PROFILE,
    s3::ROLE,
    s3::EXTERNAL_ID,
    s3::AUTHORITIES,
];

pub(super) static API: &[Entry] = &[
    Entry::new(
        "domain",
        Shape::Leaf(Kind::Domain),
        Default::Words("all of the account and region"),
        "The id of the domain whose names are asked for.",
    ),
    Entry::new(
        "cache",
        Shape::Leaf(Kind::Folder),
        Default::Required("cache = \"lookups.json\""),
        "The file that names are kept in. A run that is younger than `refresh` asks nobody, and names outlive a service that does not answer.",
    ),
    Entry::new(
        "refresh",
        time(10, 604_800),
        Default::Value("\"1h\""),
        "How old names may be. A batch asks when it begins and they are older; a stream asks again and again.",
    ),
    rate("Calls in a second, at most. A domain costs two, and more for every hundred templates and fields."),
    REGION,
    ENDPOINT,
    s3::PROFILE,
    s3::ROLE,
    s3::EXTERNAL_ID,
    s3::AUTHORITIES,
];

pub(super) static FLOW_API: &[Entry] = &[
    Entry::new(
        "instance",
        Shape::Leaf(Kind::Instance),
        Default::Required("instance = \"11111111-2222-3333-4444-555555555555\""),
        "The id of the instance whose flows and modules are asked for.",
    ),
    Entry::new(
        "cache",
        Shape::Leaf(Kind::Folder),
        Default::Required("cache = \"flows.json\""),
        "The file that answers are kept in. A run that finds answers younger than `refresh` asks nobody, and answers outlive a service that gives none.",
    ),
    Entry::new(
        "refresh",
        time(10, 30 * 86_400),
        Default::Value("\"24h\""),
        "How old answers may be. A batch asks when it begins and they are older; a stream asks again and again.",
    ),
    Entry::new(
        "rate",
        Shape::Leaf(Kind::Count { least: 1, most: 1_000 }),
        Default::Value("2"),
        "Calls in a second, at most. Each flow and each module costs one, and a hundred of them one more.",
    ),
    REGION,
    test_cases::ENDPOINT,
    s3::PROFILE,
    s3::ROLE,
    s3::EXTERNAL_ID,
    s3::AUTHORITIES,
];

const fn rate(meaning: &'static str) -> Entry {
    Entry::new("rate", Shape::Leaf(Kind::Count { least: 1, most: 1_000 }), Default::Value("5"), meaning)
}

const ENDPOINT: Entry = Entry::new(
    "endpoint",
    Shape::Leaf(Kind::Text),
    Default::Words("AWS"),
    "The URL of a server that speaks the interface of Amazon Connect Cases, or of an interface endpoint.",
);
