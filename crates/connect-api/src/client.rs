//! The calls: paced, and made again while they fail for no lasting reason.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::DateTime;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::date_time::Format;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};
use tributary_aws::{answer_time, connector, in_words};
use tributary_core::Timestamp;

use crate::answer::{Answer, Reply};
use crate::endpoint::{endpoint, is_region};
use crate::pace::Pace;
use crate::request::Request;
use crate::signer::Signer;
use crate::{Error, Options};

/// The pause after a call that failed doubles from the first to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// The longest answer that is read. A page of a thousand things has some hundred kilobytes.
const LONGEST: usize = 64 << 20;

/// Pages of one list. A hundred executions on each are a million.
const PAGES: usize = 10_000;

/// Asks Amazon Connect in one region of one account. Several may ask by it at a time, and share its pace.
#[derive(Debug)]
pub struct Client {
    endpoint: String,
    signer: Signer,
    connector: SharedHttpConnector,
    pace: Pace,
    patience: Duration,
}

impl Client {
    /// Configures the connection; nothing is sent yet but what finds the region.
    ///
    /// # Errors
    /// Those with the code `connect-api/connection`.
    pub async fn open(options: &Options) -> Result<Self, Error> {
        let config = tributary_aws::connect(&options.connection).await.map_err(Error::Connection)?;
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        if !is_region(&region) {
            return Err(Error::Region { region });
        }
        let endpoint = endpoint(options.connection.endpoint.as_deref(), &config, &region)?;
        // Each try is a call that counts against the account's quota: a client of the SDK would make some by itself.
        let connector = connector(options.connection.authorities.as_deref()).map_err(Error::Connection)?;
        let (pace, patience) = (Pace::new(options.rate), options.patience);
        Ok(Self { endpoint, signer: Signer::new(config, region)?, connector, pace, patience })
    }

    /// The answer to a call.
    pub(crate) async fn one<T>(
        &self,
        request: &Request,
        read: impl Fn(Value) -> Result<T, Answer>,
    ) -> Result<T, Error> {
        let answered = self.patiently(request, None).await.and_then(|(answer, _)| read(answer));
        answered.map_err(|answer| Error::of(request, answer))
    }

    /// The service's clock when it answered, to a second. Source: RFC 9110, section 6.6.1.
    pub(crate) async fn clock_of(&self, request: &Request) -> Result<Timestamp, Error> {
        let clock = self.patiently(request, None).await.and_then(|(_, date)| {
            let date = date.as_deref().and_then(|date| DateTime::from_str(date, Format::HttpDate).ok());
            let said = "it does not say what time it is (the field Date)";
            let micros = date.and_then(|date| date.secs().checked_mul(1_000_000));
            micros.map(Timestamp::from_micros).ok_or_else(|| Answer::Strange(said.to_owned()))
        });
        clock.map_err(|answer| Error::of(request, answer))
    }

    /// What is in `list`, on all pages.
    pub(crate) async fn all<T>(
        &self,
        request: &Request,
        list: &str,
        read: impl Fn(Value) -> Result<T, Answer>,
    ) -> Result<Vec<T>, Error> {
        self.pages(request, list, read).await.map_err(|answer| Error::of(request, answer))
    }

    async fn pages<T>(
        &self,
        request: &Request,
        list: &str,
        read: impl Fn(Value) -> Result<T, Answer>,
    ) -> Result<Vec<T>, Answer> {
        let (mut items, mut token): (Vec<T>, Option<String>) = (Vec::new(), None);
        for _ in 0..PAGES {
            let (mut page, _) = self.patiently(request, token.as_deref()).await?;
            let next = next_token(&page)?;
            for item in items_of(&mut page, list)? {
                items.push(read(item)?);
            }
            match next {
                None => return Ok(items),
                next if next == token => {
                    return Err(Answer::Strange("a page of its list leads to itself (NextToken)".to_owned()));
                }
                next => token = next,
            }
        }
        Err(Answer::Strange(format!("its list has no end after {PAGES} pages")))
    }

    /// Asks again, twice as late each time, while the answer may be another one later: the answer and its date.
    async fn patiently(&self, request: &Request, token: Option<&str>) -> Result<(Value, Option<String>), Answer> {
        let url = format!("{}{}", self.endpoint, request.target(token)?);
        let until = Instant::now() + self.patience;
        let mut pause = FIRST_PAUSE;
        loop {
            self.pace.turn().await;
            match self.ask(request, &url).await {
                Err(answer) if answer.is_passing() && Instant::now() + pause < until => {
                    tracing::debug!(operation = request.operation, ?answer, ?pause, "a call is made again");
                }
                Err(answer @ Answer::Denied(_)) => {
                    self.signer.forget().await;
                    return Err(answer);
                }
                answered => return answered,
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One try.
    async fn ask(&self, request: &Request, url: &str) -> Result<(Value, Option<String>), Answer> {
        let tried = timeout(answer_time(0), async { self.send(self.signer.signed(url).await?).await });
        let mut reply = tried.await.unwrap_or_else(|_| Err(Answer::Failed("it does not answer".to_owned())))?;
        let date = reply.date.take();
        Ok((reply.read(&request.grant())?, date))
    }

    async fn send(&self, request: HttpRequest) -> Result<Reply, Answer> {
        let unreachable = |said: String| Answer::Failed(format!("it cannot be reached: {said}"));
        let mut answer = self.connector.call(request).await.map_err(|error| unreachable(in_words(&error)))?;
        let (status, body) = (answer.status().as_u16(), answer.take_body());
        // Bytes that are no text are no name.
        let field = |name| answer.headers().try_get(name).and_then(Result::ok).map(str::to_owned);
        let (kind, date) = (field("x-amzn-errortype"), field("date"));
        Ok(Reply { status, kind, date, body: bytes(body).await? })
    }
}

async fn bytes(body: SdkBody) -> Result<Vec<u8>, Answer> {
    let mut stream = ByteStream::new(body);
    let mut bytes = Vec::new();
    while let Some(part) = stream.next().await {
        let part = part.map_err(|error| Answer::Failed(format!("its answer breaks off: {}", in_words(&error))))?;
        bytes.extend_from_slice(&part);
        if bytes.len() > LONGEST {
            return Err(Answer::Strange("its answer does not end".to_owned()));
        }
    }
    Ok(bytes)
}

/// The token of the page that follows. Source: the service's model, where each list that has pages has it as `NextToken`.
fn next_token(page: &Value) -> Result<Option<String>, Answer> {
    match page.get("NextToken") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(token)) => Ok(Some(token.clone()).filter(|token| !token.is_empty())),
        Some(_) => Err(Answer::Strange("the NextToken of its list is no text".to_owned())),
    }
}

/// The items of a page. The model lets a service leave out an empty list; an answer that holds something else is none.
fn items_of(page: &mut Value, list: &str) -> Result<Vec<Value>, Answer> {
    match page.get_mut(list).map(Value::take) {
        Some(Value::Array(items)) => Ok(items),
        None | Some(Value::Null)
            if page.as_object().is_none_or(|members| members.keys().all(|it| is_of_a_page(it, list))) =>
        {
            Ok(Vec::new())
        }
        _ => Err(Answer::Strange(format!("there is no list {list} in its answer"))),
    }
}

fn is_of_a_page(member: &str, list: &str) -> bool {
    member == list || member == "NextToken"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_empty_list_may_be_left_out_and_no_other() {
        for (mut page, expected) in [
            (json!({ "Flows": [1, 2] }), Some(2)),
            (json!({ "Flows": [], "Added": 1 }), Some(0)),
            (json!({}), Some(0)),
            (json!({ "Flows": null, "NextToken": "1" }), Some(0)),
            (json!({ "NextToken": "1" }), Some(0)),
            (json!({ "message": "hello" }), None),
            (json!({ "Flows": {} }), None),
        ] {
            let items = items_of(&mut page, "Flows");
            assert_eq!(items.as_ref().ok().map(Vec::len), expected, "{page} {items:?}");
        }
    }

    #[test]
    fn a_list_ends_without_a_token() {
        assert_eq!(next_token(&json!({ "NextToken": "" })), Ok(None));
        assert_eq!(next_token(&json!({ "NextToken": "a" })), Ok(Some("a".to_owned())));
        assert!(next_token(&json!({ "NextToken": 1 })).is_err());
    }
}
