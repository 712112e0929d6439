//! What is said of `[sources.NAME.s3]`.

use std::time::Duration;

use super::{assert_problems, plan};
use crate::source_plan::SourceKind;

#[test]
fn a_source_in_s3_is_read_as_it_is_written() {
    let text = "version = 1\nname = \"agents\"\nmode = \"streaming\"\n[lake]\nlocation = \"s3://both/lake\"\n[sources.archive.s3]\n\
                location = \"s3://both/in/\"\nkeys = [\"**/*.gz\"]\nmodified_since = \"2026-11-01\"\nconcurrency = 3\npoll = \"5s\"\n";
    let plan = plan(text, &[]);
    let SourceKind::S3(s3) = &plan.sources[0].kind else { panic!("{:?}", plan.sources) };
    assert_eq!((s3.options.bucket.as_str(), s3.options.prefix.as_str()), ("both", "in"));
    assert_eq!((s3.options.concurrency, s3.poll), (3, Duration::from_secs(5)));
    assert_eq!(s3.options.modified_since.unwrap().micros(), 1_793_491_200_000_000);
    assert_eq!(s3.options.lake.as_deref(), Some("lake"));
    // The bucket of another server is another bucket.
    let elsewhere = format!("{text}endpoint = \"http://127.0.0.1:9000\"\n");
    let plan = self::plan(&elsewhere, &[]);
    let SourceKind::S3(s3) = &plan.sources[0].kind else { panic!("{:?}", plan.sources) };
    assert_eq!(s3.options.lake, None);
}

#[test]
fn mistakes_about_objects_in_s3() {
    let text = "version = 1\nname = \"agents\"\n[lake]\nlocation = \"s3://both/lake\"\n[sources.archive.s3]\n\
                location = \"s3://both/lake/agent_event\"\nkeys = [\"/a\", \"a**\"]\nstart_after = \"b\"\nend_before = \"a\"\n\
                modified_since = \"2026-11-02\"\nmodified_before = \"2026-11-01T06:00:00Z\"\nconcurrency = 0\n\
                external_id = \"x\"\nendpoint = \"s3\"\n[sources.other.s3]\nlocation = \"in\"\nmodified_since = 2026-11-02\n\
                [sources.both.file]\npaths = [\"a\"]\n[sources.both.s3]\nlocation = \"s3://abc\"\n";
    assert_problems(
        text,
        &[],
        &[
            "7:9 sources.archive.s3.keys[0]: \"/a\" matches no key (a pattern goes on where the location ends, as in \"2026/**/*.gz\")",
            "7:15 sources.archive.s3.keys[1]: \"a**\" is not a pattern: recursive wildcards must form a single path component (* and ? stand for letters, ** for folders, [ab] for a or b; a plain [ is written [[])",
            "8:15 sources.archive.s3.start_after: \"b\" is not below the location: a border is a whole key, or its beginning (write \"lake/agent_event/b\", or remove it)",
            "9:14 sources.archive.s3.end_before: no key is after \"b\" and before \"a\" (exchange them, or correct one)",
            "9:14 sources.archive.s3.end_before: \"a\" is not below the location: a border is a whole key, or its beginning (write \"lake/agent_event/a\", or remove it)",
            "11:19 sources.archive.s3.modified_before: no moment is 2026-11-02 or later and before 2026-11-01T06:00:00Z (exchange them, or correct one)",
            "12:15 sources.archive.s3.concurrency: \"0\" is too small (from 1 to 256)",
            "13:15 sources.archive.s3.external_id: an external id belongs to a role (add role, or remove it)",
            "14:12 sources.archive.s3.endpoint: \"s3\" is not a URL (write for example endpoint = \"https://s3.example.org\")",
            "16:12 sources.other.s3.location: \"in\" is no place in S3 (write \"s3://bucket/prefix\"; files of this machine are read by [sources.NAME.file])",
            "17:18 sources.other.s3.modified_since: \"modified_since\" must be a text, not a date (write it in quotes, for example modified_since = \"2026-11-01T06:00:00Z\")",
            "18:15 sources.both.file: whether [sources.both.file] is read once or for ever is not said (add mode = \"batch\" at the top of the file to read what is there, or mode = \"streaming\" to wait for more)",
            "20:15 sources.both: [sources.both] is of several kinds: \"file\", \"s3\" (give each a source of its own name)",
        ],
    );
    let text = "version = 1\nname = \"agents\"\n[lake]\nlocation = \"s3://both/lake\"\n[sources.archive.s3]\n\
                location = \"s3://both/lake/agent_event\"\n";
    assert_problems(
        text,
        &[],
        &[
            "5:18 sources.archive.s3: whether [sources.archive.s3] is read once or for ever is not said (add mode = \"batch\" at the top of the file to read what is there, or mode = \"streaming\" to wait for more)",
            "6:12 sources.archive.s3.location: it lies within the lake, of which nothing is read (put the lake and what it is made from side by side)",
        ],
    );
}
