//! Where the service is.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;

use crate::Error;

/// How an endpoint is written.
const CURE: &str = "write it as in https://connect.eu-central-1.amazonaws.com";

/// The address without a slash at its end: `said`, or what the environment or the profile says, or the service's own.
pub(crate) fn endpoint(said: Option<&str>, config: &SdkConfig, region: &str) -> Result<String, Error> {
    let said = said.map(str::to_owned).or_else(|| tributary_aws::configured_endpoint(config, "Connect"));
    let Some(said) = said else { return Ok(format!("https://connect.{region}.{}", suffix(region))) };
    match refuse(&said) {
        Some(why) => Err(Error::Endpoint { why, cure: CURE }),
        None => Ok(said.trim_end_matches('/').to_owned()),
    }
}

/// Source: the rules for endpoints of the service's model, and the partitions of AWS.
fn suffix(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "amazonaws.com.cn",
        Some("eusc") => "amazonaws.eu",
        _ => "amazonaws.com",
    }
}

/// Why it is no address of a server. It is not repeated: it may hold a password.
fn refuse(url: &str) -> Option<&'static str> {
    let Some((_, rest)) = url.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https")) else {
        return Some("it begins neither with https:// nor with http://");
    };
    if url.contains(['@', '?', '#']) {
        return Some("it has a user, a query or a fragment");
    }
    let mut request = HttpRequest::new(SdkBody::empty());
    let is_url = url.bytes().all(|byte| byte.is_ascii_graphic()) && request.set_uri(url).is_ok();
    (!is_url || rest.is_empty() || rest.starts_with('/')).then_some("it is no URL")
}

/// Whether it may be the name of a region, which becomes part of a host's name.
pub(crate) fn is_region(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_where_its_region_is() {
        let config = SdkConfig::builder().build();
        for (said, region, expected) in [
            (None, "eu-central-1", "https://connect.eu-central-1.amazonaws.com"),
            (None, "us-gov-west-1", "https://connect.us-gov-west-1.amazonaws.com"),
            (None, "cn-north-1", "https://connect.cn-north-1.amazonaws.com.cn"),
            (Some("http://127.0.0.1:4566/"), "us-east-1", "http://127.0.0.1:4566"),
            (Some("https://vpce-1.example.org/connect/"), "us-east-1", "https://vpce-1.example.org/connect"),
        ] {
            assert_eq!(endpoint(said, &config, region).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused_and_not_repeated() {
        let config = SdkConfig::builder().build();
        for said in [
            "",
            "connect.eu-central-1.amazonaws.com",
            "ftp://x",
            "https://",
            "https:///x",
            "https://user:secret@x",
            "https://x?secret",
            "https://secret here",
        ] {
            let refused = endpoint(Some(said), &config, "eu-central-1").unwrap_err();
            assert!(
                matches!(refused, Error::Endpoint { .. }) && !format!("{refused} {refused:?}").contains("secret"),
                "{said}"
            );
        }
    }
}
