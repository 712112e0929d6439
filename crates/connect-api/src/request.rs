//! What a call asks for, as a URL.
//!
//! Source: the Smithy specification, "HTTP bindings" (labels of the path, the query), of which `rest-json` is made.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::answer::Answer;

/// What stands in a URL as it is. Source: RFC 3986, section 2.3.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A call.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Its name, which is that of the right to make it, too.
    pub(crate) operation: &'static str,
    /// What the right has to be granted for.
    pub(crate) resource: &'static str,
    /// What is asked about, for a person.
    pub(crate) place: String,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
}

impl Request {
    pub(crate) fn new(operation: &'static str, resource: &'static str, path: &[&str]) -> Self {
        let path = path.iter().map(|segment| (*segment).to_owned()).collect();
        Self { operation, resource, place: String::new(), path, query: Vec::new() }
    }

    /// It is about `place`.
    pub(crate) fn about(self, place: String) -> Self {
        Self { place, ..self }
    }

    /// With a parameter, if it has a value.
    pub(crate) fn with(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|value| (name, value.to_string())));
        self
    }

    /// What has to be granted.
    pub(crate) fn grant(&self) -> String {
        format!("connect:{} on {}", self.operation, self.resource)
    }

    /// Path and query, of the page that `token` leads to.
    pub(crate) fn target(&self, token: Option<&str>) -> Result<String, Answer> {
        let mut target = String::new();
        for segment in &self.path {
            // Whoever takes apart the path, here or there, would leave these out.
            if matches!(segment.as_str(), "" | "." | "..") {
                return Err(Answer::NotFound(format!("{segment:?} is no id")));
            }
            target.push('/');
            target.extend(utf8_percent_encode(segment, UNRESERVED));
        }
        let query = self.query.iter().map(|(name, value)| (*name, value.as_str()));
        for (number, (name, value)) in query.chain(token.map(|token| ("nextToken", token))).enumerate() {
            target.push(if number == 0 { '?' } else { '&' });
            target.push_str(name);
            target.push('=');
            target.extend(utf8_percent_encode(value, UNRESERVED));
        }
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_one_segment() {
        let target = |id: &str| Request::new("DescribeContactFlow", "it", &["contact-flows", "i-1", id]).target(None);
        for (id, expected) in [
            ("f-1", "/contact-flows/i-1/f-1"),
            ("f-1:$SAVED", "/contact-flows/i-1/f-1%3A%24SAVED"),
            (
                "arn:aws:connect:x:1:instance/i-1/contact-flow/f-1:3",
                "/contact-flows/i-1/arn%3Aaws%3Aconnect%3Ax%3A1%3Ainstance%2Fi-1%2Fcontact-flow%2Ff-1%3A3",
            ),
            ("../../users/x?y#z", "/contact-flows/i-1/..%2F..%2Fusers%2Fx%3Fy%23z"),
            ("\u{fc} \r\n%2F", "/contact-flows/i-1/%C3%BC%20%0D%0A%252F"),
        ] {
            assert_eq!(target(id).unwrap(), expected);
        }
        for id in ["", ".", ".."] {
            assert!(matches!(target(id), Err(Answer::NotFound(_))), "{id:?}");
        }
    }

    #[test]
    fn what_has_no_value_is_not_asked() {
        let request = Request::new("ListTestCaseExecutions", "it", &["test-case-executions", "i-1"]);
        let request = request.with("maxResults", Some(100)).with("status", None::<String>);
        assert_eq!(request.target(None).unwrap(), "/test-case-executions/i-1?maxResults=100");
        assert_eq!(
            request.target(Some("a+b/=")).unwrap(),
            "/test-case-executions/i-1?maxResults=100&nextToken=a%2Bb%2F%3D"
        );
    }
}
