//! What is read, checked.

use std::time::Duration;

use tributary_aws::Connection;
use tributary_core::{PipelineId, RecordLimit};
use tributary_source_s3::{Keys, Options};

use crate::cases_plan::CasesPlan;
use crate::file::{FileSection, Moment, OnChanged, S3Section, Size, SourceName, SourceSection, Time};
use crate::kafka_plan::KafkaPlan;
use crate::kinesis_plan::KinesisPlan;
use crate::lake_plan::LakePlan;
use crate::location::Location;
use crate::test_cases_plan::TestCasesPlan;

/// One source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcePlan {
    /// Its name.
    pub name: SourceName,
    /// Its kind with the options of the kind.
    pub kind: SourceKind,
}

/// The kinds of sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// Files of this machine, or standard input.
    File(FilePlan),
    /// Topics of Kafka. What a run adds is filled in when it is built.
    Kafka(Box<KafkaPlan>),
    /// Audit events of Amazon Connect Cases. What a run adds is filled in when it is built.
    Cases(Box<CasesPlan>),
    /// Executions of test cases. What a run adds is filled in when it is built.
    TestCases(Box<TestCasesPlan>),
    /// A stream of Kinesis. What a run adds is filled in when it is built.
    Kinesis(Box<KinesisPlan>),
    /// Objects in S3. What a run adds (its mode, its share, the size of batches) is filled in when it is built.
    S3(Box<S3Plan>),
}

/// A file source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePlan {
    /// Files, globs or `-`; at least one, no two the same.
    pub paths: Vec<String>,
    /// The largest record that is kept whole.
    pub record_limit: RecordLimit,
    /// What to do with a file whose beginning changed.
    pub on_changed: OnChanged,
    /// Whether a path without a file is fine.
    pub optional: bool,
    /// How often a stream looks for files.
    pub poll: Duration,
}

/// A source in S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Plan {
    /// What the source is told, as in a batch.
    pub options: Options,
    /// How often a stream lists the objects.
    pub poll: Duration,
}

impl SourcePlan {
    /// What the section means, beside this lake; its values were walked before.
    pub(crate) fn new(name: SourceName, section: SourceSection, lake: &LakePlan, pipeline: &PipelineId) -> Self {
        let kind = match section {
            SourceSection::File(file) => SourceKind::File(FilePlan::new(file)),
            SourceSection::Kafka(kafka) => SourceKind::Kafka(Box::new(KafkaPlan::new(&name, *kafka, pipeline))),
            SourceSection::Kinesis(kinesis) => {
                SourceKind::Kinesis(Box::new(KinesisPlan::new(&name, *kinesis, pipeline)))
            }
            SourceSection::Cases(cases) => SourceKind::Cases(Box::new(CasesPlan::new(*cases))),
            SourceSection::TestCases(tests) => SourceKind::TestCases(Box::new(TestCasesPlan::new(&name, *tests))),
            SourceSection::S3(s3) => SourceKind::S3(Box::new(S3Plan::new(&name, *s3, lake))),
        };
        Self { name, kind }
    }

    /// The largest record that is kept whole.
    pub fn record_limit(&self) -> RecordLimit {
        match &self.kind {
            SourceKind::File(file) => file.record_limit,
            // A page of a history is never as large, nor is what is said of a test case.
            SourceKind::Cases(_) | SourceKind::TestCases(_) => RecordLimit::DEFAULT,
            SourceKind::S3(s3) => s3.options.record_limit,
            SourceKind::Kafka(kafka) => kafka.record_limit(),
            SourceKind::Kinesis(kinesis) => kinesis.options.record_limit,
        }
    }
}

impl FilePlan {
    fn new(section: FileSection) -> Self {
        Self {
            paths: section.paths,
            record_limit: record_limit(section.record_limit),
            on_changed: section.on_changed.unwrap_or(OnChanged::Read),
            optional: section.optional.unwrap_or(false),
            poll: section.poll.map_or(Duration::from_secs(10), Time::duration),
        }
    }
}

impl S3Plan {
    fn new(name: &SourceName, section: S3Section, lake: &LakePlan) -> Self {
        let (bucket, prefix) = match Location::read(&section.location) {
            Ok(Location::S3 { bucket, prefix }) => (bucket, prefix),
            Ok(Location::Folder(_)) | Err(_) => (section.location, String::new()),
        };
        let connection = section.reach.connection();
        let lake = match lake {
            LakePlan::S3(lake) if lake.bucket == bucket && is_one_server(&lake.connection, &connection) => {
                Some(lake.prefix.clone())
            }
            LakePlan::S3(_) | LakePlan::Folder(_) => None,
        };
        let mut options = Options {
            keys: Keys::matching(&section.keys.unwrap_or_default()).unwrap_or_default(),
            start_after: section.start_after,
            end_before: section.end_before,
            modified_since: section.modified_since.map(Moment::timestamp),
            modified_before: section.modified_before.map(Moment::timestamp),
            requester_pays: section.requester_pays.unwrap_or(false),
            connection,
            path_style: section.path_style.unwrap_or(false),
            record_limit: record_limit(section.record_limit),
            optional: section.optional.unwrap_or(false),
            lake,
            ..Options::new(name.as_str(), bucket, prefix)
        };
        options.concurrency = section.concurrency.unwrap_or(options.concurrency);
        Self { options, poll: section.poll.map_or(Duration::from_secs(60), Time::duration) }
    }
}

pub(crate) fn record_limit(written: Option<Size>) -> RecordLimit {
    let limit = written.map(|limit| usize::try_from(limit.bytes()).unwrap_or(usize::MAX));
    limit.map_or(RecordLimit::DEFAULT, RecordLimit::new)
}

/// Whether a bucket of one name is one bucket: within AWS it is, whatever the interface it is reached by.
pub(crate) fn is_one_server(left: &Connection, right: &Connection) -> bool {
    let server = |connection: &Connection| {
        let endpoint = connection.endpoint.as_deref()?.trim_end_matches('/').to_ascii_lowercase();
        let host = endpoint.split_once("://").map_or(endpoint.as_str(), |(_, host)| host);
        let name = host.split(['/', ':']).next().unwrap_or(host);
        let is_aws = [".amazonaws.com", ".amazonaws.com.cn"].iter().any(|domain| name.ends_with(domain));
        (!is_aws).then_some(endpoint)
    };
    server(left) == server(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_is_one_server_and_others_are_as_they_are_called() {
        let at = |endpoint: Option<&str>| Connection { endpoint: endpoint.map(str::to_owned), ..Connection::default() };
        let vpc = at(Some("https://bucket.vpce-1.s3.eu-central-1.vpce.amazonaws.com"));
        assert!(is_one_server(&at(None), &vpc));
        assert!(is_one_server(&at(Some("http://127.0.0.1:9000/")), &at(Some("http://127.0.0.1:9000"))));
        assert!(!is_one_server(&at(Some("http://127.0.0.1:9000")), &at(Some("http://127.0.0.1:9001"))));
        assert!(!is_one_server(&at(None), &at(Some("https://s3.example.org"))));
    }
}
