//! The URL of a provider.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;

/// A URL as it should be.
const CURE: &str = "write for example token_url = \"https://login.example.org/oauth2/token\"";

/// Why a provider of this URL cannot be asked, or should not be, and what to write instead; `None` where it can. Nothing of
/// the URL is repeated, and nothing is sent.
pub fn refuse_url(url: &str) -> Option<(&'static str, &'static str)> {
    if url.contains('@') {
        return Some((
            "who we are does not belong into the URL",
            "remove what stands before @; write token_client, and token_secret_env or token_secret_file",
        ));
    }
    if url.contains(['?', '#']) {
        return Some(("a query or a fragment is not sent", "remove what begins with ? or #"));
    }
    let (is_encrypted, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return Some(("a secret is sent there, so it begins with https://", CURE)),
    };
    let Some(host) = host(rest).filter(|_| is_url(url)) else { return Some(("it is no URL", CURE)) };
    // What does not leave the machine nobody listens to.
    let is_here = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
    (!is_encrypted && !is_here).then_some(("a secret is sent there, so it begins with https://", CURE))
}

/// The host of what follows the scheme, if there is one and its port is a number.
fn host(rest: &str) -> Option<&str> {
    let authority = rest.split('/').next()?;
    // The colons of an address of IPv6 stand in brackets.
    let (host, port) = match authority.rfind(']') {
        Some(end) => authority.split_at(end + 1),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    (!host.is_empty() && is_port).then_some(host)
}

/// Whether the client takes it.
fn is_url(url: &str) -> bool {
    let mut request = HttpRequest::new(SdkBody::empty());
    url.bytes().all(|byte| byte.is_ascii_graphic()) && request.set_uri(url).is_ok()
}

/// Scheme, host and path: what else a URL may hold could be a secret.
pub(crate) fn shown(url: &str) -> String {
    let plain = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = plain.split_once("://") else { return "a URL without a scheme".to_owned() };
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    format!("{scheme}://{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_where_nobody_listens() {
        for (url, expected) in [
            ("https://login.example.org/token", ""),
            ("https://login.example.org:8443", ""),
            ("https://[2001:db8::1]:443/token", ""),
            ("http://localhost:8080/token", ""),
            ("http://127.0.0.1/token", ""),
            ("http://[::1]:80/token", ""),
            ("http://127.0.0.1.example.org/token", "https://"),
            ("http://login.example.org/token", "https://"),
            ("login.example.org", "https://"),
            ("http://localhost@example.org/token", "before @"),
            ("https://us:secret@login.example.org/token", "before @"),
            ("https://login.example.org/token?secret=s", "? or #"),
            ("https://login.example.org/token#s", "? or #"),
            ("https://", "no URL"),
            ("https:///token", "no URL"),
            ("https://:443/token", "no URL"),
            ("https://login.example.org:https/token", "no URL"),
            ("https://login.example.org:99999/token", "no URL"),
            ("https://login example.org/token", "no URL"),
            ("https://login.example.org/to\u{1}ken", "no URL"),
            ("https://login.example.org/t\u{f6}ken", "no URL"),
            ("https://a]b/token", "no URL"),
        ] {
            let said = refuse_url(url).map(|(why, cure)| format!("{why}; {cure}"));
            assert_eq!(said.is_some(), !expected.is_empty(), "{url}: {said:?}");
            assert!(said.is_none_or(|said| said.contains(expected) && !said.contains("secret@")), "{url}");
        }
    }

    #[test]
    fn nothing_is_shown_that_may_be_a_secret() {
        for url in ["https://us:secret@a.org/t", "https://a.org/t?key=secret", "https://a.org/t#secret"] {
            assert_eq!(shown(url), "https://a.org/t");
        }
        assert!(!shown("us:secret").contains("secret"));
    }
}
