//! What a JSON Web Token says of itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use tributary_core::{Secret, Timestamp};

use crate::Token;

/// The claims that are looked at.
///
/// Source: RFC 7519, sections 4.1.2 and 4.1.4; a `NumericDate` may have a fraction (section 2).
#[derive(Deserialize)]
struct Claims {
    exp: Option<f64>,
    sub: Option<String>,
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
        principal: claims.sub.unwrap_or_default(),
        expires: moment(expires).ok_or("the moment of its end (exp) is none")?,
    })
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
}
