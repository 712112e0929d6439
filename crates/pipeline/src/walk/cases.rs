//! The values of options that speak of Amazon Connect and its Cases.

use super::Refused;
use crate::problem::Class;

/// The id of a domain.
pub(super) fn domain(text: &str) -> Result<(), Refused> {
    let is_id = (1..=500).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if is_id {
        return Ok(());
    }
    let help = "write the id alone, what follows domain/ in its ARN: \"11111111-2222-3333-4444-555555555555\"";
    Err(Refused::new(Class::Meaning, format!("{text:?} is the id of no domain"), help.to_owned()))
}

/// The id of an instance.
///
/// Source: Amazon Connect API Reference, `InstanceId`: an id, or an ARN, which is no part of a place in the lake.
pub(super) fn instance(text: &str) -> Result<(), Refused> {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if (1..=100).contains(&text.len()) && text.bytes().all(is_sign) {
        return Ok(());
    }
    let help = "write the id alone, what follows instance/ in its ARN: \"11111111-2222-3333-4444-555555555555\"";
    Err(Refused::new(Class::Meaning, format!("{text:?} is the id of no instance"), help.to_owned()))
}

/// The id of a case.
///
/// Source: Amazon Connect Cases API, `CaseId`.
pub(super) fn case(text: &str) -> Result<(), Refused> {
    if is_case(text) {
        return Ok(());
    }
    let help = "an id is 1 to 500 letters, digits and signs of -._/:#=+, as in a case's `case_id`".to_owned();
    Err(Refused::new(Class::Meaning, format!("{text:?} is the id of no case"), help))
}

/// Whether a case may have this id.
pub(crate) fn is_case(text: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/:#=+".contains(&byte);
    (1..=500).contains(&text.len()) && text.bytes().all(is_sign)
}
