//! How things of an instance are described.

use serde_json::{Value, json};

use super::Design;

/// Which text of a flow or a module was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edition {
    Published,
    Saved,
    Version(usize),
}

/// The id and the edition of `id`, `id:3`, `id:$SAVED`, or of an ARN that ends so.
pub(super) fn edition(text: &str) -> Option<(&str, Edition)> {
    let last = text.rsplit('/').next()?;
    match last.split_once(':') {
        None => Some((last, Edition::Published)),
        Some((id, "$SAVED")) => Some((id, Edition::Saved)),
        Some((id, number)) => Some((id, Edition::Version(number.parse().ok()?))),
    }
}

pub(super) fn arn(instance: &str, kind: &str, id: &str) -> String {
    format!("arn:aws:connect:eu-central-1:123456789012:instance/{instance}/{kind}/{id}")
}

/// A moment as the service writes it.
pub(super) fn seconds(millis: i64) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "a moment has fewer digits than that")]
    let seconds = millis as f64 / 1e3;
    json!(seconds)
}

/// When it was made, whether it is published and what version it has; `None` if there is no such edition.
fn made(design: &Design, asked: Edition) -> Option<(i64, &'static str, Option<usize>)> {
    match asked {
        Edition::Published => {
            let last = Some(design.versions.len()).filter(|count| *count > 0);
            design.published.map(|moment| (moment, "PUBLISHED", last))
        }
        Edition::Saved => Some((design.saved, "SAVED", None)),
        Edition::Version(number) => {
            let moment = design.versions.get(number.checked_sub(1)?)?;
            Some((*moment, "PUBLISHED", Some(number)))
        }
    }
}

pub(super) fn flow(instance: &str, id: &str, design: &Design, asked: Edition) -> Option<Value> {
    let (moment, status, version) = made(design, asked)?;
    let mut told = json!({
        "Id": id,
        "Arn": arn(instance, "contact-flow", id),
        "Name": design.name,
        "Type": design.kind,
        "State": "ACTIVE",
        "Status": status,
        "Content": design.content,
        "Tags": { "team": "voice" },
        "LastModifiedTime": seconds(moment),
        "LastModifiedRegion": "eu-central-1",
    });
    set_version(&mut told, version);
    Some(told)
}

pub(super) fn module(instance: &str, id: &str, design: &Design, asked: Edition) -> Option<Value> {
    let (_, status, version) = made(design, asked)?;
    let mut told = json!({
        "Id": id,
        "Arn": arn(instance, "flow-module", id),
        "Name": design.name,
        "State": "ACTIVE",
        "Status": status,
        "Content": design.content,
        "Tags": { "team": "voice" },
    });
    set_version(&mut told, version);
    Some(told)
}

fn set_version(told: &mut Value, version: Option<usize>) {
    if let (Some(version), Some(members)) = (version, told.as_object_mut()) {
        members.insert("Version".to_owned(), version.into());
        members.insert("VersionDescription".to_owned(), format!("number {version}").into());
    }
}

pub(super) fn flow_summary(instance: &str, id: &str, design: &Design) -> Value {
    json!({
        "Id": id,
        "Arn": arn(instance, "contact-flow", id),
        "Name": design.name,
        "ContactFlowType": design.kind,
        "ContactFlowState": "ACTIVE",
        "ContactFlowStatus": if design.published.is_some() { "PUBLISHED" } else { "SAVED" },
    })
}

pub(super) fn module_summary(instance: &str, id: &str, design: &Design) -> Value {
    json!({ "Id": id, "Arn": arn(instance, "flow-module", id), "Name": design.name, "State": "ACTIVE" })
}

/// The newest first. The versions of a module have no time.
pub(super) fn versions(instance: &str, kind: &str, id: &str, design: &Design) -> Vec<Value> {
    let numbered = design.versions.iter().enumerate().rev();
    let told = numbered.map(|(place, moment)| {
        let number = place + 1;
        let mut told = json!({
            "Arn": format!("{}:{number}", arn(instance, kind, id)),
            "Version": number,
            "VersionDescription": format!("number {number}"),
        });
        if let (true, Some(members)) = (kind == "contact-flow", told.as_object_mut()) {
            members.insert("LastModifiedTime".to_owned(), seconds(*moment));
            members.insert("LastModifiedRegion".to_owned(), "eu-central-1".into());
        }
        told
    });
    told.collect()
}

/// What a list of test cases has of one.
pub(super) fn test_case_summary(told: &Value) -> Value {
    let kept = ["Id", "Arn", "Name", "Status", "LastModifiedTime", "LastModifiedRegion"];
    let kept = kept.iter().filter_map(|name| Some(((*name).to_owned(), told.get(*name)?.clone())));
    Value::Object(kept.collect())
}
