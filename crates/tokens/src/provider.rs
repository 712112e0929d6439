//! Tokens of an OpenID provider, for client credentials.
//!
//! Source: RFC 6749, sections 2.3.1 (who we are), 4.4 (the request), 5.1 (the answer) and 5.2 (a refusal).

use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;
use tributary_aws::in_words;
use tributary_core::{Secret, Timestamp};

use crate::url::{refuse_url, shown};
use crate::{Error, Provider, Token, jwt};

/// What a form keeps as it is, but for the blank, which may be written either way.
///
/// Source: WHATWG URL, "application/x-www-form-urlencoded percent-encode set".
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');

/// The longest answer that is read. Tokens have some kilobytes.
const LONGEST: usize = 1 << 20;

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    /// Seconds: a number by the standard; some write it as a text.
    expires_in: Option<Value>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

/// Whoever asks a provider.
#[derive(Debug)]
pub(crate) struct Asker {
    provider: Provider,
    connector: SharedHttpConnector,
}

impl Asker {
    pub(crate) fn new(provider: Provider) -> Result<Self, Error> {
        if let Some((why, cure)) = refuse_url(&provider.url) {
            return Err(Error::Url { why, cure });
        }
        let connector = tributary_aws::connector(provider.authorities.as_deref())?;
        Ok(Self { provider, connector })
    }

    /// Asks for a token. `now` gives its end where the token itself, which need not be a JSON Web Token, does not say it.
    pub(crate) async fn ask(&self, now: Timestamp) -> Result<Token, Error> {
        let Provider { url, client_id, .. } = &self.provider;
        let url = shown(url);
        let unusable = |reason| Error::Unusable { place: url.clone(), reason };
        let unreachable = |said: String| Error::Unreachable { url: url.clone(), said };
        let answer = self.connector.call(self.request()?).await;
        let mut answer = answer.map_err(|error| unreachable(in_words(&error)))?;
        let body = body(answer.take_body()).await.map_err(unreachable)?;
        if !answer.status().is_success() {
            return Err(Error::Refused { url, status: answer.status().as_u16(), said: reason(&body) });
        }
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| unusable("there is no access_token in it"))?;
        // Source: RFC 6749, appendix A.12.
        if !answer.access_token.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
            return Err(unusable("the access_token has characters that no token has"));
        }
        let expires = answer.expires_in.as_ref().and_then(seconds).map(|life| now.plus_micros(life * 1_000_000));
        let token = match (jwt::read(&answer.access_token), expires) {
            (Ok(token), _) => token,
            (Err(_), Some(expires)) => {
                Token { value: Secret::new(answer.access_token), principal: String::new(), expires }
            }
            (Err(reason), None) => return Err(unusable(reason)),
        };
        let principal = if token.principal.is_empty() { client_id.clone() } else { token.principal };
        Ok(Token { principal, ..token })
    }

    fn request(&self) -> Result<HttpRequest, Error> {
        let Provider { url, client_id, client_secret, scope, .. } = &self.provider;
        let form = |text: &str| utf8_percent_encode(text, FORM).to_string();
        let us = STANDARD.encode(format!("{}:{}", form(client_id), form(client_secret.expose())));
        let scope = scope.as_deref().map(|scope| format!("&scope={}", form(scope))).unwrap_or_default();
        let body = format!("grant_type=client_credentials{scope}");
        let length = body.len().to_string();
        let mut request = HttpRequest::new(SdkBody::from(body));
        let broken = |error: &dyn std::error::Error| Error::Broken(format!("{} cannot be asked: {error}", shown(url)));
        request.set_method("POST").map_err(|error| broken(&error))?;
        request.set_uri(url.as_str()).map_err(|error| broken(&error))?;
        let fields = request.headers_mut();
        fields.insert("authorization", format!("Basic {us}"));
        fields.insert("content-type", "application/x-www-form-urlencoded");
        fields.insert("content-length", length);
        fields.insert("accept", "application/json");
        Ok(request)
    }
}

/// Whole seconds, rounded down; `None` where it is no number of them. More than a century is one.
fn seconds(value: &Value) -> Option<i64> {
    const CENTURY: f64 = 3_155_760_000.0;
    let seconds = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "it lies within the range before")]
    (seconds >= 0.0).then(|| seconds.min(CENTURY).floor() as i64)
}

/// The code of a refusal, as far as its characters are those of one (RFC 6749, section 5.2): no line of the log is made by it.
fn reason(body: &[u8]) -> String {
    let is_code = |found: &char| matches!(found, '\x20'..='\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e');
    match serde_json::from_slice(body) {
        Ok(Refusal { error }) => error.chars().filter(is_code).take(80).collect(),
        Err(_) => "without a reason".to_owned(),
    }
}

async fn body(body: SdkBody) -> Result<Vec<u8>, String> {
    let mut stream = ByteStream::new(body);
    let mut bytes = Vec::new();
    while let Some(part) = stream.next().await {
        bytes.extend_from_slice(&part.map_err(|error| in_words(&error))?);
        if bytes.len() > LONGEST {
            return Err("its answer does not end".to_owned());
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use tributary_testkit::{Reply, ScriptedServer};

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000_000_000_000);

    fn ask(replies: &[Reply]) -> (Result<Token, Error>, ScriptedServer) {
        let server = ScriptedServer::start(replies).unwrap();
        let provider = Provider {
            url: format!("{}/realms/a/token", server.endpoint()),
            client_id: "our client".to_owned(),
            client_secret: Secret::new("s:e+c".to_owned()),
            scope: Some("kafka read".to_owned()),
            authorities: None,
        };
        let asker = Asker::new(provider).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        (runtime.block_on(asker.ask(NOW)), server)
    }

    #[test]
    fn a_provider_is_asked_as_the_standard_says() {
        let reply = Reply(200, &[], "{\"access_token\":\"opaque\",\"token_type\":\"bearer\",\"expires_in\":300}");
        let (token, server) = ask(&[reply]);
        let token = token.unwrap();
        assert_eq!((token.value.expose(), token.principal.as_str()), ("opaque", "our client"));
        assert_eq!(token.expires.micros() - NOW.micros(), 300_000_000);
        let [request] = &server.requests()[..] else { panic!("{:?}", server.requests()) };
        assert_eq!(request.line, "POST /realms/a/token HTTP/1.1");
        assert_eq!(request.body, "grant_type=client_credentials&scope=kafka%20read");
        assert_eq!(request.field("content-type"), Some("application/x-www-form-urlencoded"));
        // base64 of our%20client:s%3Ae%2Bc
        assert_eq!(request.field("authorization"), Some("Basic b3VyJTIwY2xpZW50OnMlM0FlJTJCYw=="));
    }

    #[test]
    fn what_a_token_says_itself_counts() {
        // {"sub":"lake","exp":1000000060}
        let (token, _) = ask(&[Reply(
            200,
            &[],
            "{\"access_token\":\"e30.eyJzdWIiOiJsYWtlIiwiZXhwIjoxMDAwMDAwMDYwfQ.x\",\"expires_in\":300}",
        )]);
        let token = token.unwrap();
        assert_eq!((token.principal.as_str(), token.expires.micros() - NOW.micros()), ("lake", 60_000_000));
    }

    #[test]
    fn the_life_of_a_token_is_read_as_it_is_written() {
        for (body, expected) in [
            ("{\"access_token\":\"o\",\"expires_in\":\"300\"}", Some(300)),
            ("{\"access_token\":\"o\",\"expires_in\":300.7}", Some(300)),
            ("{\"access_token\":\"o\",\"expires_in\":99999999999}", Some(3_155_760_000)),
            ("{\"access_token\":\"o\",\"expires_in\":\"soon\"}", None),
            ("{\"access_token\":\"o\",\"expires_in\":-1}", None),
            ("{\"access_token\":\"o\\u0000\",\"expires_in\":300}", None),
        ] {
            let (token, _) = ask(&[Reply(200, &[], body)]);
            let life = token.as_ref().ok().map(|token| (token.expires.micros() - NOW.micros()) / 1_000_000);
            assert_eq!(life, expected, "{body}: {token:?}");
        }
    }

    #[test]
    fn nobody_is_asked_at_a_url_that_is_none() {
        let provider = Provider {
            url: "https://us:secret@a.org/t?key=secret".to_owned(),
            client_id: "c".to_owned(),
            client_secret: Secret::new("secret".to_owned()),
            scope: None,
            authorities: None,
        };
        assert!(!format!("{provider:?}").contains("secret"), "{provider:?}");
        let refused = Asker::new(provider).unwrap_err();
        assert_eq!(refused.fault(), tributary_core::Fault::Config);
        assert!(!refused.to_string().contains("secret@"), "{refused}");
    }

    #[test]
    fn a_refusal_says_why_and_no_secret() {
        for (reply, expected) in [
            (Reply(401, &[], "{\"error\":\"invalid_client\",\"error_description\":\"s:e+c\"}"), "401 (invalid_client)"),
            (Reply(503, &[], "<html>"), "503 (without a reason)"),
            (Reply(200, &[], "{}"), "no access_token"),
            (Reply(200, &[], "{\"access_token\":\"opaque\"}"), "three parts"),
        ] {
            let said = format!("{0} {0:?}", ask(&[reply]).0.unwrap_err());
            assert!(said.contains(expected), "{said}");
            assert!(!said.contains("s:e+c") && !said.contains("opaque"), "{said}");
        }
        let (refused, _) = ask(&[Reply(400, &[], "{\"error\":\"a\\u001b[2J\\n\\\"b\\\\\u{f6}c\"}")]);
        assert!(matches!(&refused, Err(Error::Refused { said, .. }) if said == "a[2Jbc"), "{refused:?}");
        let (refused, _) = ask(&[]);
        assert!(matches!(refused, Err(Error::Unreachable { .. })), "{refused:?}");
    }
}
