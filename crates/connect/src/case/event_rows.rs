//! The rows of `case_events` and `case_events_flattened`.

use std::borrow::Cow;

use tributary_core::Timestamp;
use uuid::Uuid;

use super::content::{self, Content};
use super::event::{Event, case_fields};
use super::lookups::Lookups;
use super::rows::{Masks, count_missing};
use crate::cells::{Cell, Columns, Field};
use crate::object::{Object, Unknown, count};

/// The system fields with a column of text, in the order of the columns.
const TEXTS: [&str; 9] = [
    "last_updated_user",
    "reference_number",
    "status",
    "assigned_user",
    "assigned_queue",
    "case_reason",
    "title",
    "summary",
    "customer_id",
];
const STATUS: usize = 2;
const CUSTOMER: usize = 8;

/// Those with a column of moments, in the order of the columns.
const MOMENTS: [&str; 5] = [
    "created_datetime",
    "last_updated_datetime",
    "next_sla_breach_datetime",
    "last_closed_datetime",
    "last_reopened_datetime",
];
const CREATED: usize = 0;

/// A case after an event.
#[derive(Debug)]
pub(crate) struct State<'v> {
    template_id: Option<&'v str>,
    template_name: Option<&'v str>,
    texts: [Option<Cow<'v, str>>; TEXTS.len()],
    moments: [Option<Timestamp>; MOMENTS.len()],
    custom: Option<Vec<Field<'v>>>,
}

impl<'v> State<'v> {
    /// Reads what the event says of the case. What has no column is counted: system fields are words, those of a template
    /// are called by a UUID.
    pub(crate) fn read(
        case: Object<'v>,
        fields: Option<&[(&'v str, Content<'v>)]>,
        lookups: &'v Lookups,
        masks: &Masks,
        unknown: &mut Unknown,
    ) -> Self {
        let template_id = case.text("templateId");
        let template_name = template_id.and_then(|id| lookups.templates.get(id)).map(String::as_str);
        if template_id.is_some() && template_name.is_none() {
            count_missing(unknown, "template");
        }
        let mut state = Self {
            template_id,
            template_name,
            texts: Default::default(),
            moments: Default::default(),
            custom: fields.map(|_| Vec::new()),
        };
        for (id, content) in fields.unwrap_or_default() {
            state.take(id, *content, lookups, unknown);
        }
        state.moments[CREATED] = case.moment("createdDateTime").or(state.moments[CREATED]);
        let customer = state.texts[CUSTOMER].take();
        state.texts[CUSTOMER] =
            customer.and_then(|arn| masks.profiles.apply(&arn).map(|arn| Cow::Owned(arn.into_owned())));
        state
    }

    fn take(&mut self, id: &'v str, content: Content<'v>, lookups: &'v Lookups, unknown: &mut Unknown) {
        if let Some(place) = TEXTS.iter().position(|name| *name == id) {
            self.texts[place] = match content.text() {
                Some(text) => Some(Cow::Borrowed(text)),
                None => content.written().map(Cow::Owned),
            };
        } else if let Some(place) = MOMENTS.iter().position(|name| *name == id) {
            self.moments[place] = content.text().and_then(content::moment_in);
            if self.moments[place].is_none() && content != Content::Empty {
                count(unknown, case_fields(), id);
            }
        } else if is_custom(id) {
            let field = custom(id, content, lookups, unknown);
            self.custom.get_or_insert_default().push(field);
        } else if id != "case_id" {
            count(unknown, case_fields(), id);
        }
    }
}

/// Whether a field belongs to a template: then it is called by a UUID.
fn is_custom(id: &str) -> bool {
    id.len() == 36 && Uuid::try_parse(id).is_ok()
}

/// A field of a template with its value. Moments come as text, and only the look-up tells them from others.
pub(crate) fn custom<'v>(id: &'v str, content: Content<'v>, lookups: &'v Lookups, unknown: &mut Unknown) -> Field<'v> {
    let name = lookups.field_name(id);
    if name.is_none() {
        count_missing(unknown, "field");
    }
    let mut field = Field { id, name, ..Field::default() };
    match content {
        Content::Text(text) if lookups.is_moment(id) => match content::moment_in(text) {
            Some(moment) => field.millis = Some(moment.micros().div_euclid(1_000)),
            None => field.text = Some(text),
        },
        Content::Text(text) | Content::UserArn(text) => field.text = Some(text),
        Content::Number(number) => field.number = Some(number),
        Content::Boolean(value) => field.boolean = Some(value),
        Content::Empty | Content::Other(_) => {}
    }
    field
}

/// Appends a row of `case_events`.
pub(crate) fn push(
    columns: &mut Columns,
    owner: u32,
    event: &Event<'_>,
    state: &State<'_>,
    changed: Option<&[String]>,
    (at, read_at): (Timestamp, Timestamp),
) {
    let mut cells = vec![
        Cell::Text(Some(event.instance_id)),
        Cell::Text(event.account_id),
        Cell::Text(Some(event.id)),
        Cell::Text(event.case_id),
        Cell::Moment(Some(at)),
        Cell::Texts(changed),
        Cell::Text(event.kind.as_deref()),
        Cell::Text(event.performed_by.principal),
        Cell::Text(event.performed_by.user_arn),
        Cell::Text(event.performed_by.custom_entity),
        Cell::Text(event.domain_arn),
        Cell::Text(state.template_id),
        Cell::Text(state.template_name),
    ];
    cells.extend(state.texts.iter().map(|text| Cell::Text(text.as_deref())));
    cells.extend(state.moments.iter().map(|moment| Cell::Moment(*moment)));
    cells.push(Cell::Fields(state.custom.as_deref()));
    cells.push(Cell::Moment(Some(read_at)));
    columns.push(owner, &cells);
}

/// Appends a row of `case_events_flattened` for each field of the template.
pub(crate) fn push_flattened(columns: &mut Columns, owner: u32, event: &Event<'_>, state: &State<'_>, at: Timestamp) {
    for field in state.custom.iter().flatten() {
        let kind = match field {
            Field { text: Some(_), .. } => "string",
            Field { number: Some(_), .. } => "double",
            Field { millis: Some(_), .. } => "timestamp",
            Field { boolean: Some(_), .. } => "boolean",
            _ => "unknown",
        };
        columns.push(
            owner,
            &[
                Cell::Text(Some(event.id)),
                Cell::Text(event.case_id),
                Cell::Moment(Some(at)),
                Cell::Text(event.kind.as_deref()),
                Cell::Text(Some(event.instance_id)),
                Cell::Text(event.account_id),
                Cell::Text(event.domain_arn),
                Cell::Text(state.template_id),
                Cell::Text(state.template_name),
                Cell::Text(state.texts[STATUS].as_deref()),
                Cell::Text(Some(field.id)),
                Cell::Text(field.name),
                Cell::Text(Some(kind)),
                Cell::Text(field.text),
                Cell::Double(field.number),
                Cell::Moment(field.millis.map(|millis| Timestamp::from_micros(millis.saturating_mul(1_000)))),
                Cell::Boolean(field.boolean),
            ],
        );
    }
}
