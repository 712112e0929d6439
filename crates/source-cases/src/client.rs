//! The calls: paced, and made again while they fail for no lasting reason.

use std::future::Future;
use std::time::Duration;

use aws_sdk_connectcases::Client;
use aws_sdk_connectcases::config::retry::RetryConfig;
use aws_sdk_connectcases::operation::get_case_audit_events::GetCaseAuditEventsOutput;
use aws_sdk_connectcases::operation::search_cases::SearchCasesOutput;
use aws_sdk_connectcases::primitives::DateTime;
use aws_sdk_connectcases::types::{
    CaseFilter, DomainStatus, FieldFilter, FieldIdentifier, FieldValue, FieldValueUnion, Order, Sort,
};
use tokio::time::{Instant, sleep};
use tributary_core::Timestamp;

use crate::Options;
use crate::answer::Answer;
use crate::error::Error;
use crate::pace::Pace;
use crate::raw::{Raw, Sent};

/// How long a call is made again before it has failed: the service asks those whom it throttles for a few minutes.
const PATIENCE: Duration = Duration::from_secs(300);

/// The pause after a call that failed doubles from the first to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// Source: Amazon Connect Cases API, `SearchCases` and `GetCaseAuditEvents`, the largest `maxResults`.
const CASES: i32 = 100;
const EVENTS: i32 = 25;

/// The field that says when a case was changed last.
pub(crate) const LAST_UPDATED: &str = "last_updated_datetime";

/// A domain that can be asked.
#[derive(Debug)]
pub(crate) struct Domain {
    client: Client,
    pub(crate) options: Options,
    pace: Pace,
}

impl Domain {
    /// Configures the connection; nothing is sent yet but what finds credentials and region.
    pub(crate) async fn connect(options: Options) -> Result<Self, Error> {
        let shared = tributary_aws::connect(&options.connection).await;
        let shared = shared.map_err(|cause| Error::Connection { name: options.name.clone(), cause })?;
        let endpoint = options.connection.endpoint.clone();
        let endpoint = endpoint.or_else(|| tributary_aws::configured_endpoint(&shared, "ConnectCases"));
        // Each try is a call that counts against the account's quota, so that all of them are paced here.
        let retries = RetryConfig::standard().with_max_attempts(1);
        let mut config = aws_sdk_connectcases::config::Builder::from(&shared).retry_config(retries);
        if let Some(endpoint) = endpoint {
            config = config.endpoint_url(endpoint);
        }
        let pace = Pace::new(options.rate);
        Ok(Self { client: Client::from_conf(config.build()), options, pace })
    }

    /// Looks whether the domain is there; the service's clock.
    pub(crate) async fn now(&mut self) -> Result<Timestamp, Error> {
        let id = self.options.domain.clone();
        let answered = self.patiently(|client, raw| {
            let call = client.get_domain().domain_id(&id).customize().interceptor(raw);
            async move { call.send().await.map_err(|error| Answer::of(&error, "cases:GetDomain on the domain")) }
        });
        let read = answered.await.and_then(|(domain, sent)| {
            if domain.domain_status != DomainStatus::Active {
                return Err(Answer::Failed(format!("it is {}", domain.domain_status.as_str())));
            }
            sent.date().ok_or_else(|| Answer::Strange("it does not say what time it is (the field Date)".to_owned()))
        });
        read.map_err(|answer| Error::of_domain(&self.options.name, "asking for the domain", &id, answer))
    }

    /// A page of the cases that were changed at `since` or later, the one first that was left alone for longest.
    pub(crate) async fn search(
        &mut self,
        since: Option<Timestamp>,
        token: Option<&str>,
    ) -> Result<SearchCasesOutput, Error> {
        let id = self.options.domain.clone();
        let built = changed_since(since).and_then(|filter| Ok((filter, oldest_first()?, last_updated()?)));
        let (filter, sort, field) = built.map_err(|answer| self.refused("searching", answer))?;
        let answered = self.patiently(|client, _| {
            let call = client.search_cases().domain_id(&id).max_results(CASES).set_filter(filter.clone());
            let call = call.sorts(sort.clone()).fields(field.clone()).set_next_token(token.map(str::to_owned));
            async move { call.send().await.map_err(|error| Answer::of(&error, "cases:SearchCases on the domain")) }
        });
        let (page, _) = answered.await.map_err(|answer| self.refused("searching", answer))?;
        Ok(page)
    }

    /// A page of the history of a case, and the same as it was sent.
    pub(crate) async fn history(
        &mut self,
        case: &str,
        token: Option<&str>,
    ) -> Result<(GetCaseAuditEventsOutput, Sent), Answer> {
        let id = self.options.domain.clone();
        let grant = "cases:GetCaseAuditEvents on the domain and its cases";
        let answered = self.patiently(|client, raw| {
            let call = client.get_case_audit_events().domain_id(&id).case_id(case).max_results(EVENTS);
            let call = call.set_next_token(token.map(str::to_owned)).customize().interceptor(raw);
            async move { call.send().await.map_err(|error| Answer::of(&error, grant)) }
        });
        answered.await
    }

    /// All pages of a list, each asked for by the token of the one before.
    pub(crate) async fn pages<T, F>(&mut self, ask: impl Fn(&Client, Option<String>) -> F) -> Result<Vec<T>, Answer>
    where
        F: Future<Output = Result<(Vec<T>, Option<String>), Answer>>,
    {
        let (mut all, mut token) = (Vec::new(), None);
        loop {
            let ((page, next), _) = self.patiently(|client, _| ask(client, token.clone())).await?;
            all.extend(page);
            match next {
                None => return Ok(all),
                next if next == token => {
                    return Err(Answer::Strange(
                        "it does not say how its list goes on (the same token twice)".to_owned(),
                    ));
                }
                next => token = next,
            }
        }
    }

    pub(crate) fn refused(&self, verb: &'static str, answer: Answer) -> Error {
        Error::of_domain(&self.options.name, verb, &self.options.domain, answer)
    }

    /// Asks again, twice as late each time, while the answer may be another one later.
    async fn patiently<T, F>(&mut self, ask: impl Fn(&Client, Raw) -> F) -> Result<(T, Sent), Answer>
    where
        F: Future<Output = Result<T, Answer>>,
    {
        let until = Instant::now() + PATIENCE;
        let mut pause = FIRST_PAUSE;
        loop {
            self.pace.turn().await;
            let raw = Raw::default();
            match ask(&self.client, raw.clone()).await {
                Ok(answered) => return Ok((answered, raw.sent())),
                Err(answer) if answer.is_passing() && Instant::now() + pause < until => {
                    tracing::debug!(?answer, ?pause, "a call is made again");
                }
                Err(answer) => return Err(answer),
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// The service compares what its fields hold: texts, as ISO 8601 has them.
fn changed_since(since: Option<Timestamp>) -> Result<Option<CaseFilter>, Answer> {
    let Some(since) = since else { return Ok(None) };
    let since = DateTime::from_millis(since.millis());
    let text =
        since.fmt(aws_sdk_connectcases::primitives::DateTimeFormat::DateTime).map_err(|error| unbuilt(&error))?;
    let value = FieldValue::builder().id(LAST_UPDATED).value(FieldValueUnion::StringValue(text)).build();
    Ok(Some(CaseFilter::Field(FieldFilter::GreaterThanOrEqualTo(value.map_err(|error| unbuilt(&error))?))))
}

fn oldest_first() -> Result<Sort, Answer> {
    Sort::builder().field_id(LAST_UPDATED).sort_order(Order::Ascending).build().map_err(|error| unbuilt(&error))
}

fn last_updated() -> Result<FieldIdentifier, Answer> {
    FieldIdentifier::builder().id(LAST_UPDATED).build().map_err(|error| unbuilt(&error))
}

/// What is asked lacks nothing.
fn unbuilt(error: &dyn std::error::Error) -> Answer {
    Answer::Strange(error.to_string())
}
