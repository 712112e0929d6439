//! The history of a case, as far as it lies in a slice of time.

use std::collections::HashSet;
use std::ops::Range;

use aws_sdk_connectcases::operation::get_case_audit_events::GetCaseAuditEventsOutput;
use bytes::Bytes;
use serde_json::{Value, json};
use tributary_core::Timestamp;

use crate::answer::Answer;
use crate::client::Domain;
use crate::raw::{Sent, moment};

/// What there is of a case in the slice: a record a page.
pub(crate) async fn read(domain: &mut Domain, case: &str, slice: &Range<Timestamp>) -> Result<Vec<Bytes>, Answer> {
    let mut records = Vec::new();
    // Where the newest come first, each that comes while they are read moves one of them over to the next page.
    let mut seen = HashSet::new();
    let mut token = None::<String>;
    loop {
        let (page, sent) = domain.history(case, token.as_deref()).await?;
        let mut events = of_slice(&page, &sent, slice)?;
        events.retain(|(id, _)| seen.insert(id.clone()));
        if !events.is_empty() {
            let events: Vec<Value> = events.into_iter().map(|(_, event)| event).collect();
            let record = json!({ "domainId": domain.options.domain, "caseId": case, "auditEvents": events });
            records.push(Bytes::from(record.to_string()));
        }
        match page.next_token {
            None => return Ok(records),
            Some(next) if token.as_ref() == Some(&next) => {
                let said = "it does not say how the history goes on (the same token twice)".to_owned();
                return Err(Answer::Strange(said));
            }
            next => token = next,
        }
    }
}

/// The events of a page that were performed in the slice, by their ids, as they were sent.
fn of_slice(
    page: &GetCaseAuditEventsOutput,
    sent: &Sent,
    slice: &Range<Timestamp>,
) -> Result<Vec<(String, Value)>, Answer> {
    let strange = || Answer::Strange("its answer is not what the client reads in it".to_owned());
    let mut body: Value = serde_json::from_slice(&sent.body).map_err(|_| strange())?;
    let events = body.get_mut("auditEvents").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
    if events.len() != page.audit_events.len() {
        return Err(strange());
    }
    let told = page.audit_events.iter().zip(events).filter_map(|(known, event)| Some((known.as_ref()?, event)));
    let in_slice = told.filter(|(known, _)| moment(&known.performed_time).is_some_and(|time| slice.contains(&time)));
    Ok(in_slice.map(|(known, event)| (known.event_id.clone(), event)).collect())
}
