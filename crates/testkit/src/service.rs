//! What services that pretend have in common: answers, faults on order, pages.

use serde_json::{Value, json};

/// What is to be answered in the place of an answer.
#[derive(Clone, Debug)]
pub struct ServiceFault {
    /// Of which operation; of each without one.
    pub operation: Option<&'static str>,
    /// The code, as in `ThrottlingException`.
    pub code: &'static str,
    /// The status that goes with it.
    pub status: u16,
    /// Every so many calls; 1 is each.
    pub every: u64,
}

impl ServiceFault {
    /// What this call is answered, the `number`th, if one of `faults` concerns it.
    pub(crate) fn answer(faults: &[Self], operation: &str, number: u64) -> Option<Answered> {
        let concerned = |of: Option<&str>| of.is_none_or(|of| of == operation);
        let fault = faults.iter().find(|fault| concerned(fault.operation) && number.is_multiple_of(fault.every))?;
        Some(Answered::refused(fault.status, fault.code, "as it was told"))
    }
}

/// A status, the code of an error, and a body.
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) code: Option<&'static str>,
    pub(crate) body: Value,
}

impl Answered {
    pub(crate) fn with(body: Value) -> Self {
        Self { status: 200, code: None, body }
    }

    /// An error whose body has no more than a message, `message` by its name.
    pub(crate) fn refused(status: u16, code: &'static str, said: &str) -> Self {
        Self { status, code: Some(code), body: json!({ "message": said }) }
    }
}

/// A page of at most so many, and the token of the next one: it counts from the beginning of the list as it is when it
/// comes back.
pub(crate) fn page<'a, T>(items: &'a [T], token: Option<&str>, most: usize) -> (&'a [T], Option<String>) {
    let from = token.and_then(|token| token.parse().ok()).unwrap_or(0_usize).min(items.len());
    let to = (from + most).min(items.len());
    (&items[from..to], (to < items.len()).then(|| to.to_string()))
}

/// The token under the `name` that the service has for it.
pub(crate) fn set_token(body: &mut Value, name: &str, next: Option<String>) {
    if let (Some(next), Some(members)) = (next, body.as_object_mut()) {
        members.insert(name.to_owned(), next.into());
    }
}
