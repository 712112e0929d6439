//! The names of templates and fields, which events of cases do not say.
//!
//! Source: Amazon Connect Cases API, `ListDomains`, `ListTemplates`, `ListFields`.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use aws_sdk_connectcases::Client;
use tributary_aws::Connection;

use crate::Options;
use crate::answer::Answer;
use crate::client::Domain;
use crate::error::Error;

/// The largest `maxResults` of each call.
const DOMAINS: i32 = 10;
const NAMES: i32 = 100;

/// Which names are asked for, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameOptions {
    /// Who asks; errors begin with it.
    pub name: String,
    /// The id of the domain; without one all of the account and region.
    pub domain: Option<String>,
    /// Calls in a second, at most.
    pub rate: NonZeroU32,
    /// How Amazon Connect Cases is reached.
    pub connection: Connection,
}

/// What templates and fields are called. Ids are unique over domains, but for the fields that every domain has, which have the
/// same names everywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The name of each template, active or not, by its id.
    pub templates: BTreeMap<String, String>,
    /// Each field by its id.
    pub fields: BTreeMap<String, FieldName>,
}

/// What a field is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldName {
    /// Its name.
    pub name: String,
    /// Its type as the service has it: Text, Number, Boolean, DateTime, SingleSelect, Url, User, or one that came later.
    pub kind: String,
}

impl Names {
    /// Asks for all of them.
    ///
    /// # Errors
    /// What the service says, with the cure.
    pub async fn ask(options: NameOptions) -> Result<Self, Error> {
        let NameOptions { name, domain, rate, connection } = options;
        let of = |domain: String| Options { rate, connection: connection.clone(), ..Options::new(&name, domain) };
        let ids = match domain {
            Some(domain) => vec![domain],
            None => domains(&mut Domain::connect(of(String::new())).await?).await?,
        };
        let mut names = Self::default();
        for id in ids {
            let mut domain = Domain::connect(of(id)).await?;
            names.templates.extend(templates(&mut domain).await?);
            names.fields.extend(fields(&mut domain).await?);
        }
        Ok(names)
    }
}

/// The ids of all domains.
async fn domains(account: &mut Domain) -> Result<Vec<String>, Error> {
    let ask = |client: &Client, token| {
        let call = client.list_domains().max_results(DOMAINS).set_next_token(token);
        async move {
            let page = call.send().await.map_err(|error| Answer::of(&error, "cases:ListDomains on *"))?;
            Ok((page.domains.into_iter().map(|domain| domain.domain_id).collect(), page.next_token))
        }
    };
    account.pages(ask).await.map_err(|answer| Error::refused(&account.options.name, "listing", "the domains", answer))
}

async fn templates(domain: &mut Domain) -> Result<Vec<(String, String)>, Error> {
    let id = domain.options.domain.clone();
    let ask = |client: &Client, token| {
        let call = client.list_templates().domain_id(&id).max_results(NAMES).set_next_token(token);
        async move {
            let page = call.send().await.map_err(|error| Answer::of(&error, "cases:ListTemplates on the domain"))?;
            Ok((page.templates.into_iter().map(|it| (it.template_id, it.name)).collect(), page.next_token))
        }
    };
    domain.pages(ask).await.map_err(|answer| domain.refused("listing the templates of", answer))
}

async fn fields(domain: &mut Domain) -> Result<Vec<(String, FieldName)>, Error> {
    let id = domain.options.domain.clone();
    let ask = |client: &Client, token| {
        let call = client.list_fields().domain_id(&id).max_results(NAMES).set_next_token(token);
        async move {
            let page = call.send().await.map_err(|error| Answer::of(&error, "cases:ListFields on the domain"))?;
            let named = |it: aws_sdk_connectcases::types::FieldSummary| {
                (it.field_id, FieldName { name: it.name, kind: it.r#type.as_str().to_owned() })
            };
            Ok((page.fields.into_iter().map(named).collect(), page.next_token))
        }
    };
    domain.pages(ask).await.map_err(|answer| domain.refused("listing the fields of", answer))
}
