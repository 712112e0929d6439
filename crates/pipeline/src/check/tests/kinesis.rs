//! What is said of `[sources.NAME.kinesis]`.

use tributary_source_kinesis::{Delivery, StartAt};

use super::{plan, problems};
use crate::SourceKind;

const HEAD: &str = "version = 1\nname = \"agents\"\n[lake]\nlocation = \"lake\"\n[sources.a.kinesis]\n";

#[test]
fn what_is_wrong_about_kinesis() {
    for (lines, expected) in [
        (
            "",
            "5:1 sources.a.kinesis.stream: missing key \"stream\" in [sources.a.kinesis] (add stream = \"agent-events\")",
        ),
        (
            "stream = \"arn:aws:s3:::bucket\"",
            "6:10 sources.a.kinesis.stream: \"arn:aws:s3:::bucket\" is the name of no stream (write a name, \"agent-events\", or an ARN, \"arn:aws:kinesis:eu-central-1:123456789012:stream/agent-events\")",
        ),
        (
            "stream = \"s\"\nstart = \"earliest\"",
            "7:9 sources.a.kinesis.start: \"earliest\" is no place to start (write \"oldest\", \"latest\", a day, \"2026-11-01\", or a moment, \"2026-11-01T06:00:00Z\")",
        ),
        (
            "stream = \"s\"\nuntil = \"2026-11-27\"",
            "7:1 sources.a.kinesis.until: a stream has no end (write mode = \"batch\" at the top of the file, or remove it)",
        ),
        (
            "stream = \"s\"\nconsumer = \"c\"",
            "7:1 sources.a.kinesis.consumer: records are asked for, without a consumer (write delivery = \"fan_out\", or remove it)",
        ),
        (
            "stream = \"s\"\ndelivery = \"fan_out\"\nidle = \"2s\"",
            "8:1 sources.a.kinesis.idle: records are pushed (remove it, or write delivery = \"polling\")",
        ),
        (
            "stream = \"s\"\nlease_table = \"a b\"",
            "7:15 sources.a.kinesis.lease_table: \"a b\" cannot be its name (letters, digits, '.', '_' and '-', at most 128)",
        ),
        (
            "stream = \"s\"\nexternal_id = \"e\"",
            "7:15 sources.a.kinesis.external_id: an external id belongs to a role (add role, or remove it)",
        ),
        (
            "stream = \"s\"\n[sources.b.kinesis]\nstream = \"t\"",
            "5:12 sources.a.kinesis: a pipeline that reads Kinesis reads nothing else (write a file with the same name and the other source, and run it beside this one)",
        ),
    ] {
        let found = problems(&format!("{HEAD}{lines}"), &[]);
        assert!(found.iter().any(|found| found == expected), "{lines}: {found:#?}\n{expected}");
    }
    let batch = format!("{}stream = \"s\"\nlease_table = \"t\"\n", HEAD.replace("name", "mode = \"batch\"\nname"));
    let expected = "8:1 sources.a.kinesis.lease_table: a batch reads all shards by itself (remove it, or write mode = \"streaming\")";
    assert_eq!(problems(&batch, &[]), [expected]);
}

#[test]
fn what_a_source_for_kinesis_is_told() {
    let arn = "arn:aws:kinesis:eu-central-1:123456789012:stream/agent-events";
    let text = format!(
        "{HEAD}stream = {arn:?}\nstart = \"latest\"\ndelivery = \"fan_out\"\nrole = \"arn:aws:iam::1:role/r\"\n"
    );
    let plan = plan(&text, &[]);
    let SourceKind::Kinesis(kinesis) = &plan.sources[0].kind else { panic!("{:?}", plan.sources) };
    let options = &kinesis.options;
    assert_eq!((options.stream_name(), options.start), ("agent-events", StartAt::Latest));
    assert_eq!(options.delivery, Delivery::FanOut { consumer: "tributary-agents".to_owned() });
    assert_eq!(options.connection.role.as_ref().map(|role| role.arn.as_str()), Some("arn:aws:iam::1:role/r"));
    assert_eq!(kinesis.lease_table, None);
}
