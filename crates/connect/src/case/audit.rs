//! Answers of `GetCaseAuditEvents`.
//!
//! An answer does not say whose case it is about: those are arguments of the request. They stand beside it.

use serde_json::{Value, json};
use tributary_core::{RejectReason, Timestamp};

use super::content;
use super::event::{PerformedBy, no_instance};
use super::lookups::Lookups;
use crate::arn::instance_of;
use crate::object::{Object, Refused, Unknown};

/// An answer with the arguments of its request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer<'v> {
    domain_id: Option<&'v str>,
    case_id: Option<&'v str>,
    events: &'v [Value],
}

/// One audit event.
#[derive(Debug)]
pub(crate) struct AuditEvent<'v> {
    pub(crate) domain_id: &'v str,
    pub(crate) case_id: &'v str,
    pub(crate) id: &'v str,
    pub(crate) instance_id: &'v str,
    pub(crate) at: Option<Timestamp>,
    pub(crate) performed_by: PerformedBy<'v>,
    pub(crate) event: Object<'v>,
}

const ANSWER: &[&str] = &["auditEvents", "nextToken", "domainId", "caseId", "DomainId", "CaseId", "request"];
const EVENT: &[&str] =
    &["eventId", "type", "relatedItemType", "performedTime", "fields", "performedBy", "mergeMetadata"];

const MERGE: &[&str] = &["mergeEventId", "primaryCaseId", "secondaryCaseId"];

impl<'v> Answer<'v> {
    /// Reads an answer that was recognised.
    pub(crate) fn read(value: &'v Value, unknown: &mut Unknown) -> Self {
        let answer = Object::of(Some(value), "");
        answer.count_unknown(ANSWER, unknown);
        let request = answer.object("request", "request");
        let named = |names: &[&str]| {
            let found = answer.any(names).or_else(|| request.any(names));
            found.and_then(Value::as_str).filter(|text| !text.is_empty())
        };
        Self {
            domain_id: named(&["domainId", "DomainId"]),
            case_id: named(&["caseId", "CaseId"]),
            events: answer.get("auditEvents").and_then(Value::as_array).map_or(&[], Vec::as_slice),
        }
    }

    /// The events, as they came.
    pub(crate) fn events(self) -> &'v [Value] {
        self.events
    }

    /// One of its events.
    pub(crate) fn event(
        self,
        value: &'v Value,
        lookups: &'v Lookups,
        unknown: &mut Unknown,
    ) -> Result<AuditEvent<'v>, Refused> {
        let event = Object::of(Some(value), "auditEvents");
        event.count_unknown(EVENT, unknown);
        let domain_id = self.domain_id.ok_or_else(|| beside("domainId"))?;
        let case_id = self.case_id.ok_or_else(|| beside("caseId"))?;
        let performed_by = PerformedBy::read(event.object("performedBy", "auditEvents.performedBy"), unknown);
        event.object("mergeMetadata", "auditEvents.mergeMetadata").count_unknown(MERGE, unknown);
        let instance = lookups.instances.get(domain_id).map(String::as_str);
        let instance = instance.or_else(|| performed_by.user_arn.and_then(instance_of));
        let id = event.text("eventId").ok_or_else(|| Refused::missing("auditEvents.eventId"))?;
        let at = match event.get("performedTime") {
            None => None,
            Some(value) => Some(content::moment(value).ok_or_else(|| Refused {
                reason: RejectReason::BadTimestamp,
                field: "auditEvents.performedTime".to_owned(),
                message: "it is neither a timestamp with its zone nor seconds since 1970".to_owned(),
            })?),
        };
        let instance_id = instance.ok_or_else(|| no_instance(Some(domain_id), "domainId"))?;
        Ok(AuditEvent { domain_id, case_id, id, instance_id, at, performed_by, event })
    }

    /// An answer with one event alone, which can be read again.
    pub(crate) fn alone(self, event: &Value) -> Vec<u8> {
        let mut answer = json!({ "auditEvents": [event] });
        for (name, id) in [("domainId", self.domain_id), ("caseId", self.case_id)] {
            if let Some(id) = id {
                answer[name] = id.into();
            }
        }
        answer.to_string().into_bytes()
    }
}

fn beside(field: &str) -> Refused {
    let message = "the answer of GetCaseAuditEvents does not say it: write {\"domainId\": ..., \"caseId\": ..., \
                   \"auditEvents\": [...]}";
    Refused { reason: RejectReason::MissingField, field: field.to_owned(), message: message.to_owned() }
}
