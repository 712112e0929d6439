//! What the events do not say: names, types, and whose domain it is.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use tributary_core::Timestamp;

/// What is known beside the events at a time: each batch is decoded with what was known when it began.
#[derive(Debug, Default)]
pub struct Known(RwLock<Arc<Lookups>>);

impl Known {
    /// This is known.
    pub fn new(lookups: Lookups) -> Self {
        Self(RwLock::new(Arc::new(lookups)))
    }

    /// What is known now.
    pub fn now(&self) -> Arc<Lookups> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on this is known.
    pub fn learn(&self, lookups: Lookups) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(lookups);
    }
}

/// A snapshot of what is known beside the events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lookups {
    /// The Connect instance of each Cases domain, by the domain's id.
    pub instances: BTreeMap<String, String>,
    /// The name of each template, by its id.
    pub templates: BTreeMap<String, String>,
    /// The fields, by their ids.
    pub fields: BTreeMap<String, FieldLookup>,
    /// Flows and modules, by their ids.
    pub flows: BTreeMap<String, FlowLookup>,
}

/// What is known of a flow or module, as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowLookup {
    /// Its type as `ListContactFlows` has it: CONTACT_FLOW, CUSTOMER_QUEUE and others.
    pub kind: Option<String>,
    /// The version that is published.
    pub version: Option<String>,
    /// The version of the language that it is written in.
    pub language_version: Option<String>,
    /// When it was published.
    pub published: Option<Timestamp>,
}

/// What is known of a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldLookup {
    /// Its name.
    pub name: Option<String>,
    /// Its type as `ListFields` has it: Text, Number, Boolean, DateTime, SingleSelect, Url, User.
    pub kind: Option<String>,
}

impl Lookups {
    pub(crate) fn field_name(&self, id: &str) -> Option<&str> {
        self.fields.get(id)?.name.as_deref()
    }

    /// Whether the texts of a field are moments: events have no other way to carry them.
    pub(crate) fn is_moment(&self, id: &str) -> bool {
        self.fields.get(id).is_some_and(|field| field.kind.as_deref() == Some("DateTime"))
    }
}
