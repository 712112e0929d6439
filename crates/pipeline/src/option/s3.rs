//! What is said of S3.

use super::{Choice, Default, Entry, GIB, Kind, MIB, RECORD_LIMIT, Shape, size, time};

const REGION: Entry = Entry::new(
    "region",
    Shape::Leaf(Kind::Text),
    Default::Words("`AWS_REGION`, the profile or the instance"),
    "The region of the bucket.",
);
const ENDPOINT: Entry = Entry::new(
    "endpoint",
    Shape::Leaf(Kind::Text),
    Default::Words("AWS"),
    "The URL of a server that speaks S3's interface, or of an interface endpoint.",
);
const PATH_STYLE: Entry = Entry::new(
    "path_style",
    Shape::Leaf(Kind::Boolean),
    Default::Value("false"),
    "Whether the bucket stands in the path of the URL instead of the host's name; most servers that are not AWS need it.",
);
pub(super) const PROFILE: Entry = Entry::new(
    "profile",
    Shape::Leaf(Kind::Text),
    Default::Words("`AWS_PROFILE`, or the default profile"),
    "A profile of the shared configuration files.",
);
pub(super) const ROLE: Entry =
    Entry::new("role", Shape::Leaf(Kind::Text), Default::Words("none"), "The ARN of a role to assume.");
pub(super) const EXTERNAL_ID: Entry = Entry::new(
    "external_id",
    Shape::Leaf(Kind::Text),
    Default::Words("none"),
    "The external id that the owner of the role asks for.",
);
pub(super) const AUTHORITIES: Entry = Entry::new(
    "authorities",
    Shape::Leaf(Kind::Folder),
    Default::Words("those of the system"),
    "A file of PEM certificates of authorities to trust besides the system's.",
);

pub(super) static SOURCE: &[Entry] = &[
    Entry::new(
        "location",
        Shape::Leaf(Kind::Bucket),
        Default::Required("location = \"s3://bucket/prefix\""),
        "The bucket and a folder in it. What lies below the lake's own location is never read.",
    ),
    Entry::new(
        "keys",
        Shape::Leaf(Kind::Patterns),
        Default::Words("all"),
        "Patterns of keys, read from the end of the location on, as in `[\"2026/**/*.gz\"]`: `*` and `?` stay within a folder, `**` does not. Only what all of them begin with is listed.",
    ),
    Entry::new(
        "start_after",
        Shape::Leaf(Kind::Text),
        Default::Words("none"),
        "Only keys after this one, in the order of their bytes; a whole key, or the beginning of one.",
    ),
    Entry::new(
        "end_before",
        Shape::Leaf(Kind::Text),
        Default::Words("none"),
        "Only keys before this one, in the order of their bytes; a whole key, or the beginning of one.",
    ),
    Entry::new(
        "modified_since",
        Shape::Leaf(Kind::Moment),
        Default::Words("none"),
        "Only objects that were written at this moment or later: `\"2026-11-01\"` (UTC), or `\"2026-11-01T06:00:00Z\"`.",
    ),
    Entry::new(
        "modified_before",
        Shape::Leaf(Kind::Moment),
        Default::Words("none"),
        "Only objects that were written before this moment.",
    ),
    Entry::new(
        "requester_pays",
        Shape::Leaf(Kind::Boolean),
        Default::Value("false"),
        "Whether who reads pays for requests and traffic, as the owner of such a bucket asks.",
    ),
    Entry::new(
        "concurrency",
        Shape::Leaf(Kind::Count { least: 1, most: 256 }),
        Default::Value("16"),
        "Objects that are read at once. Each needs memory for what it has in hand, up to its largest record.",
    ),
    RECORD_LIMIT,
    Entry::new(
        "optional",
        Shape::Leaf(Kind::Boolean),
        Default::Value("false"),
        "Whether it is fine that no object is one that is read. In a stream it always is: one may come.",
    ),
    Entry::new(
        "poll",
        time(1, 86_400),
        Default::Value("\"60s\""),
        "In a stream: how long after all was read the objects are listed again, at a request a thousand objects.",
    ),
    REGION,
    ENDPOINT,
    PATH_STYLE,
    PROFILE,
    ROLE,
    EXTERNAL_ID,
    AUTHORITIES,
];

pub(super) static LAKE: &[Entry] = &[
    REGION,
    ENDPOINT,
    PATH_STYLE,
    PROFILE,
    ROLE,
    EXTERNAL_ID,
    AUTHORITIES,
    Entry::new(
        "encryption",
        Shape::Leaf(Kind::Choice(ENCRYPTIONS)),
        Default::Words("the bucket's"),
        "How objects are encrypted at rest.",
    ),
    Entry::new(
        "kms_key",
        Shape::Leaf(Kind::Text),
        Default::Words("AWS's own key of the account"),
        "The id or ARN of the key of `encryption = \"kms\"`.",
    ),
    Entry::new(
        "bucket_key",
        Shape::Leaf(Kind::Boolean),
        Default::Words("`true` with `encryption = \"kms\"`"),
        "Whether a key of the bucket saves most calls of KMS.",
    ),
    Entry::new(
        "storage_class",
        Shape::Leaf(Kind::Choice(STORAGE_CLASSES)),
        Default::Words("`STANDARD`"),
        "The storage class of data files. The commit log is always of the standard class.",
    ),
    Entry::new(
        "tags",
        Shape::Leaf(Kind::Tags),
        Default::Words("none"),
        "Tags of data files, as in `[\"team=wfm\"]`; at most 10. They need `s3:PutObjectTagging`.",
    ),
    Entry::new(
        "part_size",
        size(5 * MIB, GIB),
        Default::Value("\"8 MiB\""),
        "The size of the parts in which files are uploaded. Parts that are not full wait in 32 MiB of memory or on the spool, and 8 parts are under way at most.",
    ),
    Entry::new(
        "exclusive",
        Shape::Leaf(Kind::Boolean),
        Default::Value("false"),
        "For servers without conditional writes: promises that never more than one process writes to this lake, `gc` and `rebuild` included. Two of them would lose commits of each other.",
    ),
];

static ENCRYPTIONS: &[Choice] =
    &[Choice::new("s3", "SSE-S3: keys of S3"), Choice::new("kms", "SSE-KMS: keys of AWS KMS")];

/// Classes that are read at once; the archives among them are not.
static STORAGE_CLASSES: &[Choice] = &[
    Choice::new("STANDARD", "for what is read often"),
    Choice::new("INTELLIGENT_TIERING", "moves by itself to cheaper tiers"),
    Choice::new("STANDARD_IA", "at least 30 days and 128 KiB are paid for"),
    Choice::new("ONEZONE_IA", "as STANDARD_IA, in one zone"),
    Choice::new("GLACIER_IR", "at least 90 days and 128 KiB are paid for"),
];
