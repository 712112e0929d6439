//! What is said of files.

use super::{Choice, Default, Entry, Kind, RECORD_LIMIT, Shape, time};

pub(super) static SOURCE: &[Entry] = &[
    Entry::new(
        "paths",
        Shape::Leaf(Kind::Paths),
        Default::Required("paths = [\"in/*.jsonl.gz\"]"),
        "Files and globs, relative to the working directory; `\"-\"` is standard input.",
    ),
    RECORD_LIMIT,
    Entry::new(
        "on_changed",
        Shape::Leaf(Kind::Choice(ON_CHANGED)),
        Default::Value("\"read\""),
        "What to do with a file whose beginning is no longer what was read before.",
    ),
    Entry::new(
        "optional",
        Shape::Leaf(Kind::Boolean),
        Default::Value("false"),
        "Whether a path or glob that matches no file is fine. In a stream it always is: the file may come.",
    ),
    Entry::new(
        "poll",
        time(1, 3_600),
        Default::Value("\"10s\""),
        "In a stream: how often new files are looked for. A file that has changed since the last look is read up to its last complete record, a compressed one not at all yet; one that holds no whole record is not begun.",
    ),
];

static ON_CHANGED: &[Choice] = &[
    Choice::new("read", "it is a new file and is read from its start; rows that are already in the lake are left out"),
    Choice::new("fail", "the run ends with an error"),
];
