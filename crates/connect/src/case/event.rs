//! An EventBridge event of a case or of something related to one.

use std::borrow::Cow;

use serde_json::Value;
use tributary_core::{RejectReason, Timestamp};

use super::content::{self, Content};
use super::lookups::Lookups;
use crate::arn::{instance_of, part};
use crate::object::{Object, Refused, Unknown, count};

/// An event as it came. Texts are those of the payload.
#[derive(Debug)]
pub(crate) struct Event<'v> {
    pub(crate) id: &'v str,
    pub(crate) instance_id: &'v str,
    pub(crate) account_id: Option<&'v str>,
    pub(crate) domain_arn: Option<&'v str>,
    pub(crate) kind: Option<Cow<'v, str>>,
    pub(crate) at: Option<Timestamp>,
    pub(crate) performed_by: PerformedBy<'v>,
    pub(crate) case_id: Option<&'v str>,
    pub(crate) change: Change<'v>,
}

/// Who made a change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PerformedBy<'v> {
    pub(crate) principal: Option<&'v str>,
    pub(crate) user_arn: Option<&'v str>,
    pub(crate) custom_entity: Option<&'v str>,
}

/// What changed.
#[derive(Debug)]
pub(crate) enum Change<'v> {
    Case { case: Object<'v>, changed: Option<Vec<String>>, fields: Option<Vec<(&'v str, Content<'v>)>> },
    Item { item: Object<'v>, id: Option<&'v str> },
}

/// What an event has beside what is asked for by name below.
const ENVELOPE: &[&str] =
    &["version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"];
const DETAIL: &[&str] = &[
    "version",
    "eventType",
    "approximateChangeTime",
    "changedFieldIds",
    "changedAttributes",
    "performedBy",
    "case",
    "relatedItem",
];

/// What happens to cases and to items, without `CASE.`. Other events have rows too, and are counted.
const KINDS: &[&str] =
    &["CREATED", "UPDATED", "DELETED", "RELATED_ITEM.CREATED", "RELATED_ITEM.UPDATED", "RELATED_ITEM.DELETED"];

impl<'v> Event<'v> {
    /// Reads an event whose envelope was recognised.
    pub(crate) fn read(value: &'v Value, lookups: &'v Lookups, unknown: &mut Unknown) -> Result<Self, Refused> {
        let envelope = Object::of(Some(value), "");
        envelope.count_unknown(ENVELOPE, unknown);
        let detail = envelope.object("detail", "detail");
        detail.count_unknown(DETAIL, unknown);
        let arns: Vec<&str> = envelope.get("resources").map(texts).unwrap_or_default();
        let domain_arn = arns.iter().find_map(|arn| domain_of(arn));
        let performed_by = PerformedBy::read(detail.object("performedBy", "detail.performedBy"), unknown);
        let kind = detail.text("eventType");
        let item = detail.object("relatedItem", "detail.relatedItem");
        let is_item = item.is_there() || kind.is_some_and(|kind| kind.contains("RELATED_ITEM"));
        let case = detail.object("case", "detail.case");
        let case_id = if is_item { item.text("caseId") } else { case.text("caseId") };
        let change = if is_item {
            let id = item.text("relatedItemId").or_else(|| arns.iter().find_map(|arn| part(arn, "related-item")));
            Change::Item { item, id }
        } else {
            case.count_unknown(&["caseId", "templateId", "createdDateTime", "fields"], unknown);
            let changed = detail.get("changedFieldIds").map(owned);
            Change::Case {
                case,
                changed,
                fields: case.get("fields").map(|fields| read_fields(fields, case_fields(), unknown)),
            }
        };
        if let Some(kind) = kind.filter(|kind| !KINDS.contains(&kind.strip_prefix("CASE.").unwrap_or(kind))) {
            count(unknown, "detail.eventType", kind);
        }
        let id = envelope.text("id").ok_or_else(|| Refused::missing("id"))?;
        let instance_id = instance(&change, performed_by, domain_arn, lookups)?;
        Ok(Self {
            id,
            instance_id,
            account_id: envelope.text("account"),
            domain_arn,
            kind: kind.map(spelled),
            at: changed_at(detail)?,
            performed_by,
            case_id: case_id.or_else(|| arns.iter().find_map(|arn| part(arn, "case"))),
            change,
        })
    }
}

/// Where the fields of a case stand.
pub(crate) const fn case_fields() -> &'static str {
    "detail.case.fields"
}

impl<'v> PerformedBy<'v> {
    pub(crate) fn read(by: Object<'v>, unknown: &mut Unknown) -> Self {
        by.count_unknown(&["user", "iamPrincipalArn"], unknown);
        let user = by.object("user", "performedBy.user");
        user.count_unknown(&["userArn", "customEntity"], unknown);
        Self {
            principal: by.text("iamPrincipalArn"),
            user_arn: user.text("userArn"),
            custom_entity: user.text("customEntity"),
        }
    }
}

fn changed_at(detail: Object<'_>) -> Result<Option<Timestamp>, Refused> {
    let Some(value) = detail.get("approximateChangeTime") else { return Ok(None) };
    content::moment(value).map(Some).ok_or_else(|| Refused {
        reason: RejectReason::BadTimestamp,
        field: "detail.approximateChangeTime".to_owned(),
        message: "it is not a UTC timestamp like 2025-07-01T12:21:28.833Z".to_owned(),
    })
}

/// The Connect instance, which the event does not say: the domain's, else that of an ARN of Connect in it.
fn instance<'v>(
    change: &Change<'v>,
    performed_by: PerformedBy<'v>,
    domain_arn: Option<&'v str>,
    lookups: &'v Lookups,
) -> Result<&'v str, Refused> {
    let domain = domain_arn.and_then(|arn| part(arn, "domain"));
    if let Some(instance) = domain.and_then(|domain| lookups.instances.get(domain)) {
        return Ok(instance);
    }
    let in_change = || match change {
        Change::Item { item, .. } => {
            item.object("contact", "detail.relatedItem.contact").text("contactArn").and_then(instance_of)
        }
        Change::Case { fields, .. } => {
            let of = |wanted: &str| {
                let field = fields.iter().flatten().find(|(id, _)| *id == wanted);
                field.and_then(|(_, content)| instance_of(content.text()?))
            };
            of("assigned_user").or_else(|| of("assigned_queue"))
        }
    };
    let found = performed_by.user_arn.and_then(instance_of).or_else(in_change);
    found.ok_or_else(|| no_instance(domain, "resources"))
}

/// The refusal of what belongs to no instance that is known.
pub(crate) fn no_instance(domain: Option<&str>, field: &str) -> Refused {
    let message = match domain {
        Some(domain) => format!(
            "nothing says which Connect instance the Cases domain {domain} belongs to: add instances = {{ \"{domain}\" = \
             \"<instance id>\" }} to [transform.connect]"
        ),
        None => {
            "the event names no Cases domain, and nothing else says which Connect instance it belongs to".to_owned()
        }
    };
    Refused { reason: RejectReason::NoInstance, field: field.to_owned(), message }
}

/// The lake writes `CASE.` before what happens to related items, the stream does not.
fn spelled(kind: &str) -> Cow<'_, str> {
    match kind.strip_prefix("RELATED_ITEM.") {
        Some(_) => Cow::Owned(format!("CASE.{kind}")),
        None => Cow::Borrowed(kind),
    }
}

/// The fields of a case or an item: a map by id, or a list of ids and values. Members of the union that are not known are
/// counted.
pub(crate) fn read_fields<'v>(fields: &'v Value, path: &str, unknown: &mut Unknown) -> Vec<(&'v str, Content<'v>)> {
    let pairs: Vec<(&str, &Value)> = match fields {
        Value::Object(map) => map.iter().map(|(id, value)| (id.as_str(), value)).collect(),
        Value::Array(list) => {
            let pair =
                |field: &'v Value| Some((field.get("id")?.as_str()?, field.get("value").unwrap_or(&Value::Null)));
            list.iter().filter_map(pair).collect()
        }
        _ => Vec::new(),
    };
    let mut read: Vec<(&str, Content<'_>)> = Vec::with_capacity(pairs.len());
    for (id, value) in pairs {
        let content = Content::of(value).unwrap_or(Content::Empty);
        if let Content::Other(member) = content {
            count(unknown, path, &format!("{id}.{member}"));
        }
        match read.iter_mut().find(|(before, _)| *before == id) {
            // A list may have an id twice, a row may not: the last one counts, as in a map.
            Some(before) => before.1 = content,
            None => read.push((id, content)),
        }
    }
    read
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn owned(value: &Value) -> Vec<String> {
    texts(value).into_iter().map(str::to_owned).collect()
}

/// The ARN of the domain that `arn` is or lies in: `arn:aws:cases:<region>:<account>:domain/<id>`.
fn domain_of(arn: &str) -> Option<&str> {
    let id = part(arn, "domain")?;
    let begin = arn.find(":domain/")?;
    arn.get(..begin + ":domain/".len() + id.len())
}
