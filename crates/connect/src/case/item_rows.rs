//! The rows of `case_related_item_events`.

use std::borrow::Cow;

use serde_json::Value;
use tributary_core::Timestamp;

use super::content;
use super::event::{Event, read_fields};
use super::event_rows::custom;
use super::lookups::Lookups;
use super::rows::Masks;
use crate::arn::part;
use crate::cells::{Cell, Columns, Field};
use crate::object::{Object, Unknown, count};

/// What is said of an item beside its content.
const ITEM: &[&str] = &["relatedItemType", "relatedItemId", "caseId", "createdDateTime"];

/// The contents that have columns.
const CONTENTS: &[&str] = &["comment", "contact", "file", "sla", "connectCase", "custom"];

const SLA: &[&str] = &["name", "type", "status", "fieldId", "targetFieldValues", "targetTime", "completionTime"];

/// An item after an event. At most one of its contents is there.
#[derive(Debug)]
pub(crate) struct Content<'v> {
    kind: Option<String>,
    created: Option<Timestamp>,
    comment_body: Option<Cow<'v, str>>,
    comment: Object<'v>,
    contact: Object<'v>,
    file: Object<'v>,
    sla: Object<'v>,
    sla_status: Option<String>,
    sla_values: Option<Vec<String>>,
    connect_case: Object<'v>,
    fields: Option<Vec<Field<'v>>>,
}

impl<'v> Content<'v> {
    /// Reads what the event says of the item. What has no column is counted.
    pub(crate) fn read(item: Object<'v>, lookups: &'v Lookups, masks: &Masks, unknown: &mut Unknown) -> Self {
        for (name, _) in item.members().filter(|(name, _)| !ITEM.contains(name) && !CONTENTS.contains(name)) {
            count(unknown, "detail.relatedItem", name);
        }
        let comment = item.object("comment", "detail.relatedItem.comment");
        comment.count_unknown(&["body", "contentType"], unknown);
        let contact = item.object("contact", "detail.relatedItem.contact");
        contact.count_unknown(&["contactArn", "channel", "connectedToSystemTime"], unknown);
        let file = item.object("file", "detail.relatedItem.file");
        file.count_unknown(&["fileArn"], unknown);
        let sla = item.object("sla", "detail.relatedItem.sla");
        let sla = sla.object("slaConfiguration", "detail.relatedItem.sla.slaConfiguration");
        sla.count_unknown(SLA, unknown);
        let custom_item = item.object("custom", "detail.relatedItem.custom");
        custom_item.count_unknown(&["fields"], unknown);
        let path = "detail.relatedItem.custom.fields";
        let fields = custom_item.get("fields").map(|fields| read_fields(fields, path, unknown));
        let connect_case = item.object("connectCase", "detail.relatedItem.connectCase");
        connect_case.count_unknown(&["caseId"], unknown);
        let values = sla.get("targetFieldValues").and_then(|values| values.as_array());
        Self {
            kind: item
                .text("relatedItemType")
                .map(|kind| item_kind(kind, "detail.relatedItem.relatedItemType", unknown)),
            created: item.moment("createdDateTime"),
            comment_body: comment.text("body").and_then(|body| masks.comments.apply(body)),
            comment,
            contact,
            file,
            sla,
            sla_status: sla.text("status").map(str::to_lowercase),
            sla_values: values.map(|values| values.iter().filter_map(|value| written(value, unknown)).collect()),
            connect_case,
            fields: fields
                .map(|fields| fields.into_iter().map(|(id, content)| custom(id, content, lookups, unknown)).collect()),
        }
    }
}

/// A target value of a service level as text.
fn written(value: &Value, unknown: &mut Unknown) -> Option<String> {
    let value = content::Content::of(value)?;
    if let content::Content::Other(member) = value {
        count(unknown, "detail.relatedItem.sla.slaConfiguration.targetFieldValues", member);
    }
    value.written()
}

/// The types of items, as the lake has them.
const KINDS: &[&str] = &["contact", "comment", "file", "sla", "connect", "custom"];

/// The lake writes types in lower case, and `connect` for a connected case. Those of the stream come in either case. Types
/// that came later are counted, at `path`.
pub(crate) fn item_kind(written: &str, path: &str, unknown: &mut Unknown) -> String {
    let kind = written.to_lowercase();
    let kind = if kind == "connectcase" { "connect".to_owned() } else { kind };
    if !KINDS.contains(&kind.as_str()) {
        count(unknown, path, written);
    }
    kind
}

/// Appends a row.
pub(crate) fn push(
    columns: &mut Columns,
    owner: u32,
    event: &Event<'_>,
    item_id: Option<&str>,
    content: &Content<'_>,
    (at, read_at): (Timestamp, Timestamp),
) {
    let contact_id = content.contact.text("contactArn").and_then(|arn| part(arn, "contact"));
    columns.push(
        owner,
        &[
            Cell::Text(Some(event.instance_id)),
            Cell::Text(event.account_id),
            Cell::Text(Some(event.id)),
            Cell::Text(item_id),
            Cell::Moment(Some(at)),
            Cell::Text(event.kind.as_deref()),
            Cell::Text(event.performed_by.principal),
            Cell::Text(event.performed_by.user_arn),
            Cell::Text(event.performed_by.custom_entity),
            Cell::Text(event.domain_arn),
            Cell::Text(event.case_id),
            Cell::Text(content.kind.as_deref()),
            Cell::Moment(content.created),
            Cell::Text(content.comment_body.as_deref()),
            Cell::Text(content.comment.text("contentType")),
            Cell::Text(content.connect_case.text("caseId")),
            Cell::Text(content.contact.text("channel")),
            Cell::Text(contact_id),
            Cell::Text(content.file.text("fileArn")),
            Cell::Text(content.sla.text("name")),
            Cell::Text(content.sla_status.as_deref()),
            Cell::Moment(content.sla.moment("targetTime")),
            Cell::Text(content.sla.text("type")),
            Cell::Moment(content.sla.moment("completionTime")),
            Cell::Text(content.sla.text("fieldId")),
            Cell::Texts(content.sla_values.as_deref()),
            Cell::Fields(content.fields.as_deref()),
            Cell::Moment(Some(read_at)),
        ],
    );
}
