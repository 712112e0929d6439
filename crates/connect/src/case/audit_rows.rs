//! The rows of `case_field_changes`.

use std::borrow::Cow;

use serde_json::Value;
use tributary_core::Timestamp;

use super::audit::AuditEvent;
use super::content::Content;
use super::item_rows::item_kind;
use super::lookups::Lookups;
use super::rows::Masks;
use crate::cells::{Cell, Columns};
use crate::object::{Object, Unknown, count};
use crate::privacy::Mask;

/// A value before or after an event: what kind it is, and its one member.
#[derive(Debug, Default)]
struct Side<'v> {
    kind: Option<&'v str>,
    text: Option<Cow<'v, str>>,
    number: Option<f64>,
    boolean: Option<bool>,
    user_arn: Option<&'v str>,
}

impl<'v> Side<'v> {
    fn of(value: Option<&'v Value>, mask: &Mask, unknown: &mut Unknown) -> Self {
        match value.and_then(Content::of) {
            None => Self::default(),
            Some(Content::Text(text)) => Self { kind: Some("string"), text: mask.apply(text), ..Self::default() },
            Some(Content::Number(number)) => Self { kind: Some("double"), number: Some(number), ..Self::default() },
            Some(Content::Boolean(value)) => Self { kind: Some("boolean"), boolean: Some(value), ..Self::default() },
            Some(Content::UserArn(arn)) => Self { kind: Some("user_arn"), user_arn: Some(arn), ..Self::default() },
            Some(Content::Empty) => Self { kind: Some("empty"), ..Self::default() },
            // Named, so that it is seen; what it holds has no column.
            Some(Content::Other(member)) => {
                count(unknown, "auditEvents.fields", member);
                Self { kind: Some(member), ..Self::default() }
            }
        }
    }

    fn cells(&self) -> [Cell<'_>; 5] {
        [
            Cell::Text(self.kind),
            Cell::Text(self.text.as_deref()),
            Cell::Double(self.number),
            Cell::Boolean(self.boolean),
            Cell::Text(self.user_arn),
        ]
    }
}

/// Appends a row for each field of the event; one without a field if it has none.
pub(crate) fn push(
    columns: &mut Columns,
    owner: u32,
    audit: &AuditEvent<'_>,
    (lookups, masks): (&Lookups, &Masks),
    (at, read_at): (Timestamp, Timestamp),
    unknown: &mut Unknown,
) {
    let told = Told::of(audit, unknown);
    let fields = audit.event.get("fields").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if fields.is_empty() {
        let none = Field::of(Object::of(None, ""), &told, masks, unknown);
        push_field(columns, owner, (audit, &told), (&none, lookups), (at, read_at));
    }
    for field in fields {
        let field = Object::of(Some(field), "auditEvents.fields");
        field.count_unknown(&["eventFieldId", "oldValue", "newValue"], unknown);
        let field = Field::of(field, &told, masks, unknown);
        push_field(columns, owner, (audit, &told), (&field, lookups), (at, read_at));
    }
}

/// What an event says of all its fields.
struct Told {
    kind: Option<String>,
    item_kind: Option<String>,
}

impl Told {
    fn of(audit: &AuditEvent<'_>, unknown: &mut Unknown) -> Self {
        let written = audit.event.text("type");
        if let Some(kind) = written.filter(|kind| !KINDS.contains(kind)) {
            count(unknown, "auditEvents.type", kind);
        }
        let item = audit.event.text("relatedItemType");
        let item_kind = item.map(|item| item_kind(item, "auditEvents.relatedItemType", unknown));
        Self { kind: written.map(kind), item_kind }
    }
}

/// The types of audit events (Amazon Connect Cases API Reference, `AuditEvent`). Others have rows too, and are counted.
const KINDS: &[&str] = &[
    "Case.Created",
    "Case.Updated",
    "Case.Merged",
    "RelatedItem.Created",
    "RelatedItem.Updated",
    "RelatedItem.Deleted",
];

/// A field of an event.
struct Field<'v> {
    id: Option<&'v str>,
    old: Side<'v>,
    new: Side<'v>,
}

impl<'v> Field<'v> {
    fn of(field: Object<'v>, told: &Told, masks: &Masks, unknown: &mut Unknown) -> Self {
        let id = field.text("eventFieldId");
        let mask = mask_of(id, told.item_kind.as_deref(), masks);
        let mut side = |name| Side::of(field.get(name), mask, unknown);
        let (old, new) = (side("oldValue"), side("newValue"));
        Self { id, old, new }
    }
}

fn push_field(
    columns: &mut Columns,
    owner: u32,
    (audit, told): (&AuditEvent<'_>, &Told),
    (field, lookups): (&Field<'_>, &Lookups),
    (at, read_at): (Timestamp, Timestamp),
) {
    let merge = audit.event.object("mergeMetadata", "auditEvents.mergeMetadata");
    let mut cells = vec![
        Cell::Text(Some(audit.instance_id)),
        Cell::Text(Some(audit.domain_id)),
        Cell::Text(Some(audit.case_id)),
        Cell::Text(Some(audit.id)),
        Cell::Moment(Some(at)),
        Cell::Text(told.kind.as_deref()),
        Cell::Text(told.item_kind.as_deref()),
        Cell::Text(field.id),
        Cell::Text(field.id.and_then(|id| lookups.field_name(id))),
    ];
    cells.extend(field.old.cells());
    cells.extend(field.new.cells());
    cells.extend([
        Cell::Text(audit.performed_by.principal),
        Cell::Text(audit.performed_by.user_arn),
        Cell::Text(audit.performed_by.custom_entity),
        Cell::Text(merge.text("mergeEventId")),
        Cell::Text(merge.text("primaryCaseId")),
        Cell::Text(merge.text("secondaryCaseId")),
        Cell::Moment(Some(read_at)),
    ]);
    columns.push(owner, &cells);
}

/// What is done to the texts of a field.
fn mask_of<'m>(field_id: Option<&str>, item_kind: Option<&str>, masks: &'m Masks) -> &'m Mask {
    match (field_id, item_kind) {
        (Some("customer_id"), _) => &masks.profiles,
        // Which field of a comment its body is, the service does not document.
        (_, Some("comment")) => &masks.comments,
        _ => &Mask::Keep,
    }
}

/// `Case.Created` as `CASE.CREATED`, `RelatedItem.Created` as `CASE.RELATED_ITEM.CREATED`; others in upper case.
fn kind(kind: &str) -> String {
    match kind.split_once('.') {
        Some(("RelatedItem", what)) => format!("CASE.RELATED_ITEM.{}", what.to_uppercase()),
        _ => kind.to_uppercase(),
    }
}
