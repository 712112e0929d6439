//! The Cases domain: its templates, fields, and the words that cases are made of.
//!
//! Field types are those of the Cases API (ListFields). Names and texts are JSON string literals without their quotes,
//! some with escapes and letters beyond ASCII.

use std::fmt::Write as _;

use crate::instance::Instance;
use crate::options::Options;
use crate::random::{Random, Rate, Uuid};

/// The type of a custom field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    Boolean,
    DateTime,
    SingleSelect,
    Url,
    User,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Text => "Text",
            Self::Number => "Number",
            Self::Boolean => "Boolean",
            Self::DateTime => "DateTime",
            Self::SingleSelect => "SingleSelect",
            Self::Url => "Url",
            Self::User => "User",
        }
    }
}

/// The custom fields of the domain.
pub(crate) const CUSTOM: [(&str, Kind); 12] = [
    ("Order number", Kind::Text),
    ("Remark", Kind::Text),
    ("Refund", Kind::Number),
    ("Items", Kind::Number),
    ("Gold customer", Kind::Boolean),
    ("Call back at", Kind::DateTime),
    ("Delivered on", Kind::DateTime),
    ("Product", Kind::SingleSelect),
    ("L\\u00e4nder \\\"EU\\\"", Kind::SingleSelect),
    ("Tracking page", Kind::Url),
    ("Expert", Kind::User),
    ("Warranty until", Kind::DateTime),
];

/// Templates and the places of their fields in [`CUSTOM`]; the last one has none.
const TEMPLATES: [(&str, &[usize]); 4] = [
    ("General inquiry", &[0, 1, 4, 5, 7]),
    ("Lost parcel", &[0, 1, 2, 3, 6, 8, 9]),
    ("R\\u00e9clamation \\\"Produit\\\"", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    ("Call back only", &[]),
];

pub(crate) const TITLES: [&str; 6] = [
    "Lost parcel",
    "Wrong invoice",
    "Device does not start",
    "Kündigung",
    "Refund for \\\"Model X\\\"",
    "Question about a warranty",
];

/// Texts of comments, summaries and remarks.
pub(crate) const TEXTS: [&str; 6] = [
    "Customer did not receive the product",
    "Refunded as a courtesy",
    "Line one\\nline two\\twith a tab",
    "Caf\\u00e9 \\\"Zur Post\\\" \\\\ back entrance",
    "Rückruf erbeten – Grüße ✓",
    "x",
];

pub(crate) const REASONS: [&str; 4] = ["Shipment lost", "Billing", "Defect", "Other"];

pub(crate) const CHOICES: [&str; 5] = ["router", "solar", "phone", "DE", "PT"];

/// Names under which other systems act.
pub(crate) const ENTITIES: [&str; 3] = ["my-crm-sync", "nightly import", "partner:42"];

/// A field that somebody defined.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) id: String,
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

/// A template.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) id: String,
    name: &'static str,
    /// Places of its fields in [`Domain::fields`].
    pub(crate) fields: &'static [usize],
}

/// The domain of an instance. Its id says nothing about the instance: that is what the look-ups are for.
#[derive(Debug)]
pub(crate) struct Domain {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) account: String,
    pub(crate) instance_id: String,
    pub(crate) instance_arn: String,
    pub(crate) principal: String,
    pub(crate) fields: Vec<Field>,
    pub(crate) templates: Vec<Template>,
    /// ARNs of users.
    pub(crate) staff: Vec<String>,
    /// ARNs of queues.
    pub(crate) queues: Vec<String>,
    /// The share of events with the detail-type of 2022.
    pub(crate) old_spelling: Rate,
}

pub(crate) const REGION: &str = "us-west-2";

/// Users who work on cases at most.
const STAFF: usize = 40;

impl Domain {
    /// The domain of `instance`. Those who work on its cases are `agents`, or people of its own if there are none.
    pub(crate) fn new(options: &Options, instance: &Instance, agents: &[Uuid]) -> Self {
        let mut random = Random::new(options.seed, 3);
        let account = &instance.account;
        let id = text(&random.uuid()).to_owned();
        let fields = CUSTOM
            .iter()
            .map(|(name, kind)| Field { id: text(&random.uuid()).to_owned(), name, kind: *kind })
            .collect();
        let templates = TEMPLATES
            .iter()
            .map(|(name, fields)| Template { id: text(&random.uuid()).to_owned(), name, fields })
            .collect();
        let mut users: Vec<Uuid> = agents.iter().take(STAFF).copied().collect();
        while users.len() < 3 {
            users.push(random.uuid());
        }
        Self {
            arn: format!("arn:aws:cases:{REGION}:{account}:domain/{id}"),
            id,
            account: account.clone(),
            instance_id: instance.id.clone(),
            instance_arn: instance.arn.clone(),
            principal: format!("arn:aws:sts::{account}:assumed-role/AWSServiceRoleForAmazonConnect/simulated"),
            fields,
            templates,
            staff: users.iter().map(|user| format!("{}/agent/{}", instance.arn, text(user))).collect(),
            queues: instance.queues.iter().map(|queue| queue.arn.clone()).collect(),
            old_spelling: Rate::new(options.old_detail_type_rate),
        }
    }

    /// What the events do not say, as TOML: the instance of the domain, the names of templates, the names and types of
    /// custom fields.
    pub(crate) fn lookups(&self) -> String {
        // JSON's escapes are those of TOML's basic strings.
        let mut out = format!("[instances]\n\"{}\" = \"{}\"\n\n[templates]\n", self.id, self.instance_id);
        for Template { id, name, .. } in &self.templates {
            writeln!(out, "\"{id}\" = \"{name}\"").unwrap_or_default();
        }
        out.push_str("\n[fields]\n");
        for Field { id, name, kind } in &self.fields {
            writeln!(out, "\"{id}\" = {{ name = \"{name}\", type = \"{}\" }}", kind.name()).unwrap_or_default();
        }
        out
    }
}

/// A UUID, which is ASCII.
pub(crate) fn text(uuid: &Uuid) -> &str {
    std::str::from_utf8(uuid).unwrap_or_default()
}
