//! The fields of a case or an item as an event shows them: those that have a value.

use crate::cases::case::{Actor, Case, Value};
use crate::cases::domain::{CHOICES, Domain, ENTITIES, REASONS, REGION, TEXTS, TITLES, text};
use crate::cases::item::{Content, Item};
use crate::text::moment;

/// A value, as a member of the union of the Cases API. Texts are JSON string literals without their quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Union {
    Text(String),
    /// Hundredths.
    Number(i64),
    Flag(bool),
    /// The ARN of a user.
    User(String),
    Empty,
}

impl Union {
    /// As the service writes it: `{"stringValue":"open"}`.
    pub(crate) fn json(&self) -> String {
        let member = match self {
            Self::Text(_) => "stringValue",
            Self::Number(_) => "doubleValue",
            Self::Flag(_) => "booleanValue",
            Self::User(_) => "userArnValue",
            Self::Empty => "emptyValue",
        };
        format!(r#"{{"{member}":{}}}"#, self.literal().unwrap_or_else(|| "{}".to_owned()))
    }

    /// Which member it is, as the lake writes it.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "string",
            Self::Number(_) => "double",
            Self::Flag(_) => "boolean",
            Self::User(_) => "user_arn",
            Self::Empty => "empty",
        }
    }

    /// The value alone, in JSON; nothing of an empty one.
    pub(crate) fn literal(&self) -> Option<String> {
        match self {
            Self::Text(text) | Self::User(text) => Some(format!("\"{text}\"")),
            Self::Number(number) => Some(hundredths(*number)),
            Self::Flag(flag) => Some(flag.to_string()),
            Self::Empty => None,
        }
    }
}

/// Field ids and values. Dates are strings.
pub(crate) fn fields<'a>(domain: &'a Domain, case: &Case) -> Vec<(&'a str, Union)> {
    let moments = [
        ("created_datetime", Some(case.created)),
        ("last_updated_datetime", Some(case.last_updated)),
        ("last_closed_datetime", case.last_closed),
        ("last_reopened_datetime", case.last_reopened),
        ("next_sla_breach_datetime", case.next_breach),
    ];
    let account = &domain.account;
    let customer = case
        .customer
        .map(|id| string(&format!("arn:aws:profile:{REGION}:{account}:domains/simulated/profiles/{}", text(&id))));
    // The model says text, the guide a user: both are seen.
    let assign = if case.reference % 2 == 0 { user } else { string };
    let texts = [
        ("case_id", Some(string(text(&case.id)))),
        ("reference_number", Some(string(&format!("{:08}", case.reference)))),
        ("status", Some(string(case.status.name()))),
        ("title", Some(string(TITLES[case.title]))),
        ("summary", case.summary.map(|place| string(TEXTS[place]))),
        ("case_reason", case.reason.map(|place| string(REASONS[place]))),
        ("customer_id", customer),
        ("assigned_user", case.assigned_user.map(|place| assign(&domain.staff[place]))),
        ("assigned_queue", case.assigned_queue.map(|place| string(&domain.queues[place]))),
        ("created_by", actor(domain, case.created_by)),
        ("last_updated_user", actor(domain, case.last_updated_user)),
    ];
    let texts = texts.into_iter().filter_map(|(id, value)| Some((id, value?)));
    let moments = moments.into_iter().filter_map(|(id, at)| Some((id, string(&moment(at?)))));
    let own = domain.fields.iter().zip(&case.custom);
    let own = own.filter_map(|(field, value)| Some((field.id.as_str(), custom(domain, (*value)?))));
    texts.chain(moments).chain(own).collect()
}

/// The values of an item that has fields: those of a custom one have the ids of fields of cases.
pub(crate) fn item_fields<'a>(domain: &'a Domain, item: &Item) -> Vec<(&'a str, Union)> {
    let Content::Custom { text, number, flag } = &item.content else {
        return Vec::new();
    };
    let [remark, number_field, flag_field] = [1, 2, 4].map(|place: usize| domain.fields[place].id.as_str());
    let mut values = vec![(number_field, Union::Number(*number)), (flag_field, Union::Flag(*flag))];
    values.extend(text.map(|place| (remark, string(TEXTS[place]))));
    values
}

fn custom(domain: &Domain, value: Value) -> Union {
    match value {
        Value::Text(place) => string(TEXTS[place]),
        Value::Number(number) => Union::Number(number),
        Value::Flag(flag) => Union::Flag(flag),
        Value::Moment(at) => string(&moment(at)),
        Value::Choice(place) => string(CHOICES[place]),
        Value::Link(number) => string(&format!("https://tracking.example/parcels/{number}?lang=de&full=1")),
        Value::User(place) => user(&domain.staff[place]),
        Value::Empty => Union::Empty,
    }
}

fn actor(domain: &Domain, actor: Actor) -> Option<Union> {
    match actor {
        Actor::User(place) => Some(user(&domain.staff[place])),
        Actor::Entity(place) => Some(string(ENTITIES[place])),
        Actor::Principal | Actor::Unknown => None,
    }
}

fn string(value: &str) -> Union {
    Union::Text(value.to_owned())
}

fn user(arn: &str) -> Union {
    Union::User(arn.to_owned())
}

/// A number of hundredths as a decimal number.
fn hundredths(number: i64) -> String {
    let sign = if number < 0 { "-" } else { "" };
    let (whole, rest) = (number.abs() / 100, number.abs() % 100);
    format!("{sign}{whole}.{rest:02}")
}
