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

#[test]
fn what_is_wrong_about_test_cases() {
    let head = HEAD.replace("[sources.a.cases]", "[sources.a.test_cases]");
    for (lines, expected) in [
        (
            "",
            "5:1 sources.a.test_cases.instance: missing key \"instance\" in [sources.a.test_cases] (add instance = \"11111111-2222-3333-4444-555555555555\")",
        ),
        (
            "instance = \"arn:aws:connect:eu-central-1:123456789012:instance/i-1\"",
            "6:12 sources.a.test_cases.instance: \"arn:aws:connect:eu-central-1:123456789012:instance/i-1\" is the id of no instance (write the id alone, what follows instance/ in its ARN: \"11111111-2222-3333-4444-555555555555\")",
        ),
        (
            "instance = \"i-1\"\nopen_for = \"5s\"",
            "7:12 sources.a.test_cases.open_for: \"5s\" is too small (from 1m to 7d)",
        ),
        (
            "instance = \"i-1\"\nexternal_id = \"e\"",
            "7:15 sources.a.test_cases.external_id: an external id belongs to a role (add role, or remove it)",
        ),
        (
            "instance = \"i-1\"\n[transform.connect.flow_api]\ncache = \"c\"\ninstance = \"a/b\"",
            "9:12 transform.connect.flow_api.instance: \"a/b\" is the id of no instance (write the id alone, what follows instance/ in its ARN: \"11111111-2222-3333-4444-555555555555\")",
        ),
    ] {
        let found = problems(&format!("{head}{lines}"), &[]);
        assert!(found.iter().any(|found| found == expected), "{lines}: {found:#?}\n{expected}");
    }
}

#[test]
fn what_a_source_of_test_cases_is_told() {
    let head = HEAD.replace("[sources.a.cases]", "[sources.a.test_cases]");
    let of = |lines: &str| {
        let plan = plan(&format!("{head}instance = \"i-1\"\n{lines}"), &[]);
        let SourceKind::TestCases(tests) = plan.sources[0].kind.clone() else { panic!("{:?}", plan.sources) };
        tests.options
    };
    let plain = of("");
    assert_eq!((plain.name.as_str(), plain.instance.as_str(), plain.since), ("a", "i-1", None));
    assert_eq!((plain.settle, plain.open_for), (Duration::from_secs(120), Duration::from_secs(3_600)));
    assert_eq!((plain.rate.get(), plain.poll), (2, Some(Duration::from_secs(60))));
    let told = of(
        "since = \"2026-11-01\"\nrate = 20\npoll = \"5s\"\nregion = \"eu-west-2\"\nrole = \"arn:aws:iam::1:role/r\"",
    );
    assert_eq!(told.since.unwrap().to_string(), "2026-11-01T00:00:00.000000Z");
    assert_eq!((told.rate.get(), told.poll), (20, Some(Duration::from_secs(5))));
    assert_eq!((told.connection.region.as_deref(), told.connection.role.is_some()), (Some("eu-west-2"), true));
}
