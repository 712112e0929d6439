//! What Amazon Connect answers.
//!
//! Source: Amazon Connect API Reference, the errors of each call, and "Common Errors"; where a code stands: the Smithy
//! specification, "AWS restJson1 protocol", "Operation error serialization".

use serde_json::Value;

/// What is repeated of a message.
const LONGEST: usize = 500;

/// Why a call was in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// There is no such thing.
    NotFound(String),
    /// The flow is there, and was never published.
    NotPublished(String),
    /// Too many calls in a second.
    Throttled(String),
    /// It is not allowed, the credentials are not good, or it makes no sense to the service; with the cure.
    Denied(String),
    /// It may succeed later.
    Failed(String),
    /// An answer that the service's documentation does not know.
    Strange(String),
}

impl Answer {
    /// Whether the same call may succeed later with nothing changed.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Throttled(_) | Self::Failed(_))
    }
}

/// A reply to a call.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The field `x-amzn-errortype`.
    pub(crate) kind: Option<String>,
    /// The field `Date`.
    pub(crate) date: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// What was asked for, or what this says of a call for which `grant` is needed.
    pub(crate) fn read(self, grant: &str) -> Result<Value, Answer> {
        let body = serde_json::from_slice::<Value>(&self.body);
        if self.status != 200 {
            let body = body.unwrap_or(Value::Null);
            return Err(refusal(self.status, &code(self.kind.as_deref(), &body), &message(&body), grant));
        }
        let body = body.map_err(|error| Answer::Strange(format!("its answer is no JSON: {error}")))?;
        if body.is_object() { Ok(body) } else { Err(Answer::Strange("its answer is no object of JSON".to_owned())) }
    }
}

/// The name of an error, without what stands before and after it: `com.amazonaws.connect#Name:http://...`.
fn code(kind: Option<&str>, body: &Value) -> String {
    let said = ["__type", "code"].iter().find_map(|member| body.get(member)?.as_str());
    let said = kind.or(said).unwrap_or_default();
    let said = said.split(':').next().unwrap_or_default();
    let said = said.rsplit('#').next().unwrap_or_default();
    said.chars().filter(char::is_ascii_alphanumeric).take(LONGEST).collect()
}

/// No line of a log is made by it.
fn message(body: &Value) -> String {
    let said = ["message", "Message"].iter().find_map(|member| body.get(member)?.as_str());
    let said = said.filter(|said| !said.is_empty()).unwrap_or("it says no more");
    said.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(LONGEST).collect()
}

fn refusal(status: u16, code: &str, said: &str, grant: &str) -> Answer {
    // Source: Signature Version 4, "Troubleshoot requests": both say how far the clocks are apart.
    let is_skewed = said.contains("Signature expired") || said.contains("Signature not yet current");
    match (status, code) {
        (_, "ResourceNotFoundException") => Answer::NotFound(said.to_owned()),
        (_, "ContactFlowNotPublishedException") => Answer::NotPublished(said.to_owned()),
        (_, "ThrottlingException" | "TooManyRequestsException" | "LimitExceededException") | (429, _) => {
            Answer::Throttled(said.to_owned())
        }
        (_, "AccessDeniedException") => Answer::Denied(format!("grant {grant} ({said})")),
        (_, "ExpiredTokenException" | "ExpiredToken") => {
            Answer::Denied(format!("the credentials have expired; renew them ({said})"))
        }
        (_, "RequestExpired" | "RequestTimeTooSkewed") => Answer::Denied(skewed(said)),
        (_, "InvalidSignatureException") if is_skewed => Answer::Denied(skewed(said)),
        (
            _,
            "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "IncompleteSignature"
            | "IncompleteSignatureException"
            | "InvalidClientTokenId",
        ) => Answer::Denied(format!("the credentials are not those of this account; correct them ({code}: {said})")),
        (_, "InvalidParameterException" | "InvalidRequestException" | "ValidationException") => {
            Answer::Denied(format!("the service takes it for wrong: {said}; correct the instance or the id"))
        }
        (408 | 500.., _) => Answer::Failed(answered(status, code, said)),
        (401 | 403, "") => Answer::Denied(format!("no reason is given; perhaps grant {grant}")),
        _ => Answer::Strange(answered(status, code, said)),
    }
}

fn skewed(said: &str) -> String {
    format!("set the clock of this machine ({said})")
}

fn answered(status: u16, code: &str, said: &str) -> String {
    let code = if code.is_empty() { "without a code" } else { code };
    format!("it answers {status} {code}: {said}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, kind: Option<&str>, body: &str) -> Result<Value, Answer> {
        let reply = Reply { status, kind: kind.map(str::to_owned), date: None, body: body.as_bytes().to_vec() };
        reply.read("connect:ListContactFlows on the instance")
    }

    fn refused(status: u16, code: &str) -> Answer {
        read(status, Some(code), "{\"message\":\"why\"}").unwrap_err()
    }

    #[test]
    fn codes_are_told_apart() {
        assert_eq!(refused(404, "ResourceNotFoundException"), Answer::NotFound("why".to_owned()));
        assert_eq!(refused(404, "ContactFlowNotPublishedException"), Answer::NotPublished("why".to_owned()));
        assert_eq!(
            refused(403, "AccessDeniedException"),
            Answer::Denied("grant connect:ListContactFlows on the instance (why)".to_owned())
        );
        assert!(refused(429, "ThrottlingException").is_passing() && refused(429, "").is_passing());
        assert!(refused(500, "InternalServiceException").is_passing() && refused(503, "").is_passing());
        for (status, code, expected) in [
            (400, "InvalidParameterException", "correct the instance"),
            (403, "ExpiredTokenException", "renew"),
            (403, "InvalidSignatureException", "correct them"),
            (403, "RequestExpired", "set the clock"),
            (403, "", "perhaps grant connect:ListContactFlows"),
        ] {
            let Answer::Denied(said) = refused(status, code) else { panic!("{code}") };
            assert!(said.contains(expected), "{said}");
        }
        for (status, code) in
            [(404, "UnknownOperationException"), (302, ""), (403, "MissingAuthenticationTokenException")]
        {
            assert!(matches!(refused(status, code), Answer::Strange(_)), "{code}");
        }
        let early =
            read(403, Some("InvalidSignatureException"), "{\"message\":\"Signature expired: 20261127T063000Z\"}");
        assert!(matches!(early, Err(Answer::Denied(said)) if said.contains("set the clock")));
    }

    #[test]
    fn a_code_stands_in_several_places() {
        let not_found = Err(Answer::NotFound("gone".to_owned()));
        for (kind, body) in [
            (Some("ResourceNotFoundException:http://internal.amazon.com/coral/"), "{\"Message\":\"gone\"}"),
            (None, "{\"__type\":\"com.amazonaws.connect#ResourceNotFoundException\",\"message\":\"gone\"}"),
            (None, "{\"code\":\"ResourceNotFoundException\",\"message\":\"gone\"}"),
        ] {
            assert_eq!(read(404, kind, body), not_found, "{kind:?} {body}");
        }
    }

    #[test]
    fn what_is_no_answer_is_said() {
        for body in ["", "<html>", "[]", "null", "{\"a\":", "\u{0}"] {
            assert!(matches!(read(200, None, body), Err(Answer::Strange(_))), "{body}");
        }
        for body in ["<html>", "[]", "{\"message\":{}}", "{\"__type\":3}"] {
            assert_eq!(
                read(500, None, body),
                Err(Answer::Failed("it answers 500 without a code: it says no more".to_owned()))
            );
        }
        let noisy = read(500, Some("A\u{1b}[2J"), "{\"message\":\"a\\nb\\u001b\"}");
        assert_eq!(noisy, Err(Answer::Failed("it answers 500 A2J: a b ".to_owned())));
    }
}
