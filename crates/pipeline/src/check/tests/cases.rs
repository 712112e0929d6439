//! What is said of `[sources.NAME.cases]`.

use std::time::Duration;

use super::{plan, problems};
use crate::{CasesChoice, SourceKind};

const HEAD: &str = "version = 1\nname = \"audits\"\n[lake]\nlocation = \"lake\"\n[sources.a.cases]\n";

#[test]
fn what_is_wrong_about_cases() {
    for (lines, expected) in [
        (
            "",
            "5:1 sources.a.cases.domain: missing key \"domain\" in [sources.a.cases] (add domain = \"11111111-2222-3333-4444-555555555555\")",
        ),
        (
            "domain = \"arn:aws:cases:eu-central-1:123456789012:domain/d-1\"",
            "6:10 sources.a.cases.domain: \"arn:aws:cases:eu-central-1:123456789012:domain/d-1\" is the id of no domain (write the id alone, what follows domain/ in its ARN: \"11111111-2222-3333-4444-555555555555\")",
        ),
        (
            "domain = \"d\"\ncases = [\"a b\"]",
            "7:10 sources.a.cases.cases[0]: \"a b\" is the id of no case (an id is 1 to 500 letters, digits and signs of -._/:#=+, as in a case's `case_id`)",
        ),
        (
            "domain = \"d\"\ncases = [\"a\"]\ncases_file = \"cases.txt\"",
            "8:1 sources.a.cases.cases_file: the cases are listed twice (remove one of cases and cases_file)",
        ),
        ("domain = \"d\"\nrate = 0", "7:8 sources.a.cases.rate: \"0\" is too small (from 1 to 1000)"),
        (
            "domain = \"d\"\nexternal_id = \"e\"",
            "7:15 sources.a.cases.external_id: an external id belongs to a role (add role, or remove it)",
        ),
        (
            "domain = \"d\"\n[sources.b.kinesis]\nstream = \"t\"",
            "7:12 sources.b.kinesis: a pipeline that reads Kinesis reads nothing else (write a file with the same name and the other source, and run it beside this one)",
        ),
    ] {
        let found = problems(&format!("{HEAD}{lines}"), &[]);
        assert!(found.iter().any(|found| found == expected), "{lines}: {found:#?}\n{expected}");
    }
}

#[test]
fn what_a_source_of_cases_is_told() {
    let of = |lines: &str| {
        let plan = plan(&format!("{HEAD}domain = \"d-1\"\n{lines}"), &[]);
        let SourceKind::Cases(cases) = plan.sources[0].kind.clone() else { panic!("{:?}", plan.sources) };
        *cases
    };
    let plain = of("");
    assert_eq!((plain.domain.as_str(), &plain.cases, plain.since), ("d-1", &CasesChoice::Changed, None));
    assert_eq!((plain.settle, plain.rate.get(), plain.poll), (Duration::from_secs(120), 5, Duration::from_secs(60)));
    assert_eq!(of("cases = [\"b\", \"a\"]").cases, CasesChoice::Listed(["a".to_owned(), "b".to_owned()].into()));
    assert_eq!(of("cases_file = \"cases.txt\"").cases, CasesChoice::File("cases.txt".into()));
    assert_eq!(of("settle = \"0s\"\nrate = 20").settle, Duration::ZERO);
}
