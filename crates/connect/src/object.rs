//! Objects of payloads that are read member by member, and the names that nobody asked for.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tributary_core::{RejectReason, Timestamp};

use crate::case::moment;

/// Why an event makes no row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) reason: RejectReason,
    pub(crate) field: String,
    pub(crate) message: String,
}

impl Refused {
    pub(crate) fn missing(field: &str) -> Self {
        let message = "the field is missing, null or empty".to_owned();
        Self { reason: RejectReason::MissingField, field: field.to_owned(), message }
    }
}

/// Counts of names that no column takes, by path.
pub(crate) type Unknown = BTreeMap<Box<str>, u64>;

/// An object and where it stands; of what is missing or no object all members are missing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Object<'v> {
    members: Option<&'v Map<String, Value>>,
    path: &'static str,
}

impl<'v> Object<'v> {
    /// The object `value`, which stands at `path`.
    pub(crate) fn of(value: Option<&'v Value>, path: &'static str) -> Self {
        Self { members: value.and_then(Value::as_object), path }
    }

    pub(crate) fn is_there(self) -> bool {
        self.members.is_some()
    }

    /// A member, unless it is missing or null.
    pub(crate) fn get(self, name: &str) -> Option<&'v Value> {
        self.members?.get(name).filter(|value| !value.is_null())
    }

    /// The first of these members that is there: services and their clients spell names in two ways.
    pub(crate) fn any(self, names: &[&str]) -> Option<&'v Value> {
        names.iter().find_map(|name| self.get(name))
    }

    /// A text that is not empty.
    pub(crate) fn text(self, name: &str) -> Option<&'v str> {
        self.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// A moment; `None` where it is missing or cannot be read.
    pub(crate) fn moment(self, name: &str) -> Option<Timestamp> {
        moment(self.get(name)?)
    }

    /// The object of this name, which stands at `path`.
    pub(crate) fn object(self, name: &str, path: &'static str) -> Self {
        Self::of(self.get(name), path)
    }

    /// Where a member of this name stands.
    pub(crate) fn path_of(self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// All members.
    pub(crate) fn members(self) -> impl Iterator<Item = (&'v str, &'v Value)> {
        self.members.into_iter().flatten().map(|(name, value)| (name.as_str(), value))
    }

    /// Counts the members that are none of these.
    pub(crate) fn count_unknown(self, known: &[&str], unknown: &mut Unknown) {
        for (name, _) in self.members().filter(|(name, _)| !known.contains(name)) {
            count(unknown, self.path, name);
        }
    }
}

/// Counts a name that no column takes.
pub(crate) fn count(unknown: &mut Unknown, path: &str, name: &str) {
    // Names of payloads may be long; the count is for a person.
    let name: String = name.chars().take(100).collect();
    let path = if path.is_empty() { name } else { format!("{path}.{name}") };
    *unknown.entry(path.into_boxed_str()).or_default() += 1;
}
