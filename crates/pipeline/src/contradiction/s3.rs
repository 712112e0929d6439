//! What contradicts itself about S3.

use super::{member, table_of, text_of};
use crate::location::Location;
use crate::moment::read_moment;
use crate::problem::{Class, Finding, Origin};
use crate::tree::{Member, Table};

/// `[lake.s3]`: a section for a folder, an address that is none, keys that need another one.
pub(super) fn lake_in_s3(root: &Table) -> Vec<Finding> {
    let lake = member(root, "lake").and_then(table_of);
    let Some(section) = lake.and_then(|lake| member(lake, "s3")) else { return Vec::new() };
    let location = lake.and_then(|lake| text_of(lake, "location"));
    if location.is_some_and(|(location, _)| !location.contains("://")) {
        let help = "write location = \"s3://bucket/prefix\", or remove the section";
        let message = "[lake.s3] is about S3, and the lake is a folder".to_owned();
        return vec![finding("lake.s3", "", &section.key, message, help)];
    }
    let Some(keys) = table_of(section) else { return Vec::new() };
    let mut findings = connection(keys, "lake.s3");
    let is_kms = text_of(keys, "encryption").is_some_and(|(encryption, _)| encryption == "kms");
    for key in ["kms_key", "bucket_key"] {
        if let Some(member) = member(keys, key).filter(|_| !is_kms) {
            let message = "it is used with encryption = \"kms\" alone".to_owned();
            let help = "write encryption = \"kms\", or remove it";
            findings.push(finding("lake.s3", key, &member.node.origin, message, help));
        }
    }
    findings
}

/// `[sources.NAME.s3]`: the same, borders that leave nothing between them, and a location within the lake's.
pub(super) fn source_in_s3(root: &Table, name: &str, source: &Member) -> Vec<Finding> {
    let Some(keys) = table_of(source) else { return Vec::new() };
    let path = format!("sources.{name}.s3");
    let mut findings = connection(keys, &path);
    let text = |key: &str| text_of(keys, key);
    if let (Some((after, _)), Some((before, origin))) = (text("start_after"), text("end_before"))
        && after >= before
    {
        let message = format!("no key is after {after:?} and before {before:?}");
        findings.push(finding(&path, "end_before", origin, message, "exchange them, or correct one"));
    }
    if let (Some((since, _)), Some((before, origin))) = (text("modified_since"), text("modified_before"))
        && let (Some(begin), Some(end)) = (read_moment(since), read_moment(before))
        && begin >= end
    {
        let message = format!("no moment is {since} or later and before {before}");
        findings.push(finding(&path, "modified_before", origin, message, "exchange them, or correct one"));
    }
    findings.extend(borders_elsewhere(keys, &path));
    findings.extend(within_the_lake(root, keys, &path));
    findings
}

/// Borders are whole keys, as S3 has them, not what follows the location.
fn borders_elsewhere(keys: &Table, path: &str) -> Vec<Finding> {
    let Some(Ok(Location::S3 { prefix, .. })) = text_of(keys, "location").map(|(text, _)| Location::read(text)) else {
        return Vec::new();
    };
    if prefix.is_empty() {
        return Vec::new();
    }
    let elsewhere = |key: &'static str| {
        let (border, origin) = text_of(keys, key)?;
        let is_within = border.starts_with(&format!("{prefix}/"));
        let message = format!("{border:?} is not below the location: a border is a whole key, or its beginning");
        (!is_within).then(|| finding(path, key, origin, message, &format!("write \"{prefix}/{border}\", or remove it")))
    };
    ["start_after", "end_before"].into_iter().filter_map(elsewhere).collect()
}

fn within_the_lake(root: &Table, keys: &Table, path: &str) -> Option<Finding> {
    let lake = member(root, "lake").and_then(table_of)?;
    let endpoint = |keys| text_of(keys, "endpoint").map(|(endpoint, _)| endpoint);
    if member(lake, "s3").and_then(table_of).and_then(endpoint) != endpoint(keys) {
        return None;
    }
    let place = |table| text_of(table, "location").and_then(|(text, _)| Location::read(text).ok());
    let (Location::S3 { bucket, prefix }, Location::S3 { bucket: lake_bucket, prefix: lake_prefix }) =
        (place(keys)?, place(lake)?)
    else {
        return None;
    };
    let is_below = lake_prefix.is_empty()
        || prefix.strip_prefix(lake_prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if bucket != lake_bucket || !is_below {
        return None;
    }
    let (_, origin) = text_of(keys, "location")?;
    let message = "it lies within the lake, of which nothing is read".to_owned();
    Some(finding(path, "location", origin, message, "put the lake and what it is made from side by side"))
}

/// How S3 is reached: an address that is none, an external id without a role.
pub(super) fn connection(keys: &Table, path: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some((endpoint, origin)) = text_of(keys, "endpoint")
        && !["http://", "https://"].iter().any(|scheme| endpoint.len() > scheme.len() && endpoint.starts_with(scheme))
    {
        let help = "write for example endpoint = \"https://s3.example.org\"";
        findings.push(finding(path, "endpoint", origin, format!("{endpoint:?} is not a URL"), help));
    }
    if let Some(external) = member(keys, "external_id").filter(|_| member(keys, "role").is_none()) {
        let message = "an external id belongs to a role".to_owned();
        findings.push(finding(path, "external_id", &external.node.origin, message, "add role, or remove it"));
    }
    findings
}

fn finding(path: &str, key: &str, origin: &Origin, message: String, help: &str) -> Finding {
    let dot = if key.is_empty() { "" } else { "." };
    Finding {
        class: Class::Meaning,
        origin: origin.clone(),
        key_path: format!("{path}{dot}{key}"),
        message,
        help: Some(help.to_owned()),
    }
}
