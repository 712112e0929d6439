//! What contradicts itself about asking Amazon Connect and its Cases.

use super::keys::Keys;
use super::s3::connection;
use super::{member, sources_of, table_of};
use crate::problem::Finding;
use crate::tree::Table;

/// Options of one source that exclude one another.
pub(super) fn cases(root: &Table) -> Vec<Finding> {
    let sources = sources_of(root, "cases");
    let in_sources = sources.filter_map(|(name, source)| Some(in_one(Keys::of(name, "cases", table_of(source)?))));
    let mut findings: Vec<Finding> = in_sources.flatten().collect();
    let tests = sources_of(root, "test_cases");
    let in_tests = tests.filter_map(|(name, source)| Some(Keys::of(name, "test_cases", table_of(source)?)));
    findings.extend(in_tests.flat_map(|keys| connection(keys.keys, &keys.path)));
    for api in ["cases_api", "flow_api"] {
        let path = ["transform", "connect", api];
        let keys = path.iter().try_fold(root, |table, key| member(table, key).and_then(table_of));
        findings.extend(keys.into_iter().flat_map(|keys| connection(keys, &path.join("."))));
    }
    findings
}

fn in_one(mut keys: Keys<'_>) -> Vec<Finding> {
    keys.findings.extend(connection(keys.keys, &keys.path));
    if keys.has("cases") {
        keys.refuse("cases_file", "the cases are listed twice", "remove one of cases and cases_file");
    }
    keys.findings
}
