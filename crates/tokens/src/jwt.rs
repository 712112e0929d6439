//! What a JSON Web Token says of itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;
use tributary_core::{Secret, Timestamp};

use crate::Token;

/// The claims that are looked at.
///
/// Source: RFC 7519, sections 4.1.2 and 4.1.4; a `NumericDate` may have a fraction (section 2).
#[derive(Deserialize)]
struct Claims {
    exp: Option<f64>,
    /// A text by the standard; some write the number of a user.
    sub: Option<Value>,
}

/// Reads a token in its compact form (RFC 7515, section 7.1; RFC 7519, section 6 for one without a signature). The
/// signature is the server's to verify.
pub(crate) fn read(text: &str) -> Result<Token, &'static str> {
    let parts: Vec<&str> = text.split('.').collect();
    let [_, payload, _] = parts.as_slice() else {
        return Err("a JSON Web Token has three parts with dots between");
    };
    let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| "its middle part is not base64url")?;
    let claims: Claims =
        serde_json::from_slice(&payload).map_err(|_| "its claims are not JSON, or exp is no number")?;
    let expires = claims.exp.ok_or("it does not say when it expires (exp)")?;
    Ok(Token {
        value: Secret::new(text.to_owned()),
        principal: principal(claims.sub)?,
        expires: moment(expires).ok_or("the moment of its end (exp) is none")?,
    })
}

fn principal(subject: Option<Value>) -> Result<String, &'static str> {
    let subject = match subject {
        None => String::new(),
        Some(Value::String(text)) => text,
        Some(Value::Number(number)) => number.to_string(),
        Some(_) => return Err("whom it names (sub) is no text"),
    };
    if subject.chars().any(char::is_control) {
        return Err("whom it names (sub) has control characters");
    }
    Ok(subject)
}

/// Seconds since 1970 as a moment, rounded down to milliseconds.
fn moment(seconds: f64) -> Option<Timestamp> {
    // The last second of the year 9999; a larger number is no moment but a mistake.
    let is_moment = (0.0..253_402_300_800.0).contains(&seconds);
    #[expect(clippy::cast_possible_truncation, reason = "it lies within the range above")]
    is_moment.then(|| Timestamp::from_micros((seconds * 1_000.0).floor() as i64 * 1_000))
}

#[cfg(test)]
pub(crate) fn unsigned(claims: &str) -> String {
    format!("{}.{}.", URL_SAFE_NO_PAD.encode("{\"alg\":\"none\"}"), URL_SAFE_NO_PAD.encode(claims))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_and_the_subject_are_read() {
        // The example of RFC 7519, section 3.1.
        let token = read(
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
             cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        );
        let token = token.unwrap();
        assert_eq!((token.expires.micros(), token.principal.as_str()), (1_300_819_380_000_000, ""));
        let token = read(&unsigned("{\"sub\":\"admin\",\"exp\":1300819380.25,\"iat\":1}")).unwrap();
        assert_eq!((token.expires.micros(), token.principal.as_str()), (1_300_819_380_250_000, "admin"));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let odd = ["", "a.b", "a.!.c", "a.b.c.d"].map(str::to_owned);
        let claims = ["[]", "{}", "{\"exp\":\"soon\"}", "{\"exp\":-1}", "{\"exp\":1e300}"].map(unsigned);
        for text in odd.iter().chain(&claims) {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn whom_it_names_may_be_a_number_and_stands_on_one_line() {
        for (subject, expected) in [
            ("7", Ok("7")),
            ("null", Ok("")),
            ("\"a b\"", Ok("a b")),
            ("[1]", Err("no text")),
            ("\"a\\nb\"", Err("control characters")),
            ("\"a\\u0000b\"", Err("control characters")),
        ] {
            let read = read(&unsigned(&format!("{{\"sub\":{subject},\"exp\":1300819380}}")));
            match expected {
                Ok(expected) => assert_eq!(read.unwrap().principal, expected),
                Err(expected) => assert!(read.unwrap_err().contains(expected), "{subject}"),
            }
        }
    }
}
