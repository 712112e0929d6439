//! Whether audit events could be read: what `tributary check` asks.

use crate::answer::Answer;
use crate::client::Domain;
use crate::{Cases, Error, Options};

pub(crate) async fn probe(options: Options) -> Result<String, Error> {
    let mut domain = Domain::connect(options).await?;
    domain.now().await?;
    let case = match &domain.options.cases {
        Cases::Listed(listed) => listed.first().cloned(),
        Cases::Changed => {
            let page = domain.search(domain.options.since, None).await?;
            page.cases.into_iter().flatten().next().map(|case| case.case_id)
        }
    };
    let Some(case) = case else { return Ok("the domain is there; no case was found to read".to_owned()) };
    match domain.history(&case, None).await {
        Ok((page, _)) => Ok(format!("the domain is there; read {} events of the case {case}", page.audit_events.len())),
        Err(Answer::NotFound(said)) if domain.options.cases != Cases::Changed => Err(Error::Denied {
            name: domain.options.name.clone(),
            verb: "reading the case",
            place: case,
            said: format!("there is no such case; correct cases ({said})"),
        }),
        Err(Answer::NotFound(_)) => Ok("the domain is there; the first case was deleted meanwhile".to_owned()),
        Err(answer) => Err(Error::refused(&domain.options.name, "reading the case", &case, answer)),
    }
}
