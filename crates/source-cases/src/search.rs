//! Which cases have to be asked for their history.

use std::collections::BTreeSet;

use aws_sdk_connectcases::primitives::{DateTime, DateTimeFormat};
use aws_sdk_connectcases::types::{FieldValueUnion, SearchCasesResponseItem};
use tributary_core::Timestamp;

use crate::answer::Answer;
use crate::client::{Domain, LAST_UPDATED};
use crate::error::Error;
use crate::raw::moment;

/// All cases that were changed at `since` or later.
///
/// A token counts from the beginning of a list which gets shorter there whenever a case moves to its end, and would pass over
/// as many. So each page is asked for by the moment that the page before ended with. Tokens lead only through cases of one
/// moment that are more than a page; those are gone through again until no other one turns up.
pub(crate) async fn changed(domain: &mut Domain, since: Option<Timestamp>) -> Result<BTreeSet<String>, Error> {
    let mut found = BTreeSet::new();
    let (mut from, mut token) = (since, None::<String>);
    // How many were found when the pages of this moment were begun.
    let mut before = 0;
    loop {
        let page = domain.search(from, token.as_deref()).await?;
        let cases: Vec<SearchCasesResponseItem> = page.cases.into_iter().flatten().collect();
        let last = cases.iter().rev().find_map(last_updated);
        found.extend(cases.into_iter().map(|case| case.case_id));
        let is_past = page.next_token.is_none() || last > from;
        if is_past && token.is_some() && found.len() > before {
            (token, before) = (None, found.len());
            continue;
        }
        match page.next_token {
            None => return Ok(found),
            Some(_) if is_past => (from, token, before) = (last, None, found.len()),
            next if next == token => {
                let said = "it does not say how its search goes on (the same token twice)".to_owned();
                return Err(domain.refused("searching", Answer::Strange(said)));
            }
            next => token = next,
        }
    }
}

fn last_updated(case: &SearchCasesResponseItem) -> Option<Timestamp> {
    let field = case.fields.iter().find(|field| field.id == LAST_UPDATED)?;
    let Some(FieldValueUnion::StringValue(text)) = &field.value else { return None };
    moment(&DateTime::from_str(text, DateTimeFormat::DateTimeWithOffset).ok()?)
}
