//! Tokens for Amazon MSK: a request of ours to connect, signed with our credentials, as a URL.
//!
//! Source: the format that the libraries `aws-msk-iam-sasl-signer-*` of AWS share: base64url, without padding, of
//! `https://kafka.<region>.amazonaws.com/?Action=kafka-cluster:Connect`, presigned by Signature Version 4 for the service
//! `kafka-cluster`, with a parameter `User-Agent` that is not signed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tributary_aws::{Connection, NoCredentials, credentials_failure, in_words};
use tributary_core::{Secret, Timestamp};

use crate::{Error, Token};

/// How long a token lives.
const LIFE: Duration = Duration::from_secs(900);

/// What stands in a query as it is. Source: RFC 3986, section 2.3.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The region in the names of MSK's brokers, `b-1.name.id.c2.kafka.eu-central-1.amazonaws.com:9098`.
///
/// Source: Amazon MSK Developer Guide, "Get the bootstrap brokers"; those of a serverless cluster have
/// `kafka-serverless` in the place of `kafka`.
pub fn region_of(brokers: &str) -> Option<String> {
    brokers.split(',').find_map(|broker| {
        let host = broker.trim().split(':').next()?;
        let name = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
        let (rest, region) = name.rsplit_once('.')?;
        let is_kafka = rest.ends_with(".kafka") || rest.ends_with(".kafka-serverless");
        (is_kafka && is_region(region)).then(|| region.to_owned())
    })
}

/// Whether it may be the name of a region, `eu-central-1`.
pub fn is_region(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// Whoever signs.
#[derive(Debug)]
pub(crate) struct Signer {
    region: String,
    credentials: SharedCredentialsProvider,
}

impl Signer {
    pub(crate) async fn open(connection: &Connection) -> Result<Self, Error> {
        let config = tributary_aws::connect(connection).await?;
        let none = || Error::Credentials { said: NoCredentials::CURE.to_owned(), is_lasting: true };
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        // It becomes part of a host's name.
        if !is_region(&region) {
            return Err(Error::Region { region });
        }
        Ok(Self { region, credentials: config.credentials_provider().ok_or_else(none)? })
    }

    /// Asks for credentials and signs with them.
    pub(crate) async fn token(&self, now: Timestamp) -> Result<Token, Error> {
        let credentials = self.credentials.provide_credentials().await.map_err(|error| {
            let lasts = credentials_failure(&error).is_some_and(|failure| failure.is_lasting);
            let cure = if lasts { format!("; {}", NoCredentials::CURE) } else { String::new() };
            Error::Credentials { said: in_words(&error) + &cure, is_lasting: lasts }
        })?;
        presign(&self.region, credentials, now)
    }
}

/// The token that these credentials give. It lives no longer than they do.
fn presign(region: &str, credentials: Credentials, now: Timestamp) -> Result<Token, Error> {
    // The signature knows whole seconds.
    let seconds = now.micros().div_euclid(1_000_000);
    let now = UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    let life = life(&credentials, now);
    let url = presigned_url(region, credentials, now, life).map_err(Error::Broken)?;
    let end = seconds.saturating_add(i64::try_from(life.as_secs()).unwrap_or(0));
    Ok(Token {
        value: Secret::new(URL_SAFE_NO_PAD.encode(url)),
        principal: "aws-msk-iam".to_owned(),
        expires: Timestamp::from_micros(end.saturating_mul(1_000_000)),
    })
}

fn life(credentials: &Credentials, now: SystemTime) -> Duration {
    let left = credentials.expiry().map(|expiry| expiry.duration_since(now).unwrap_or_default());
    Duration::from_secs(left.map_or(LIFE, |left| left.min(LIFE)).as_secs())
}

fn presigned_url(region: &str, credentials: Credentials, now: SystemTime, life: Duration) -> Result<String, String> {
    let escaped = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
    let mut url = format!("https://kafka.{region}.amazonaws.com/?Action={}", escaped("kafka-cluster:Connect"));
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(life);
    let identity = Identity::from(credentials);
    let params = v4::SigningParams::builder().identity(&identity).region(region).name("kafka-cluster").time(now);
    let params = params.settings(settings).build().map_err(|error| error.to_string())?.into();
    // What failed is said without what was signed.
    let failed = |_| "the request for Amazon MSK cannot be signed".to_owned();
    let request = SignableRequest::new("GET", url.as_str(), std::iter::empty(), SignableBody::empty());
    let (instructions, _) = sign(request.map_err(failed)?, &params).map_err(failed)?.into_parts();
    let user = concat!("tributary/", env!("CARGO_PKG_VERSION"));
    let signed = instructions.params().iter().map(|(name, value)| (*name, value.as_ref()));
    for (name, value) in signed.chain([("User-Agent", user)]) {
        url.push_str(&format!("&{name}={}", escaped(value)));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// 2026-11-27T06:30:00Z
    const NOW: i64 = 1_795_761_000;

    fn token(region: &str, credentials: Credentials) -> (Token, String, BTreeMap<String, String>) {
        let token = presign(region, credentials, Timestamp::from_micros(NOW * 1_000_000 + 999_999)).unwrap();
        let url = String::from_utf8(URL_SAFE_NO_PAD.decode(token.value.expose()).unwrap()).unwrap();
        let (place, query) = url.split_once('?').unwrap();
        let params = query.split('&').map(|param| param.split_once('=').unwrap());
        let params = params.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        (token, place.to_owned(), params)
    }

    /// The expected parameters, but for `User-Agent`, are what aws-msk-iam-sasl-signer-python 1.0.2 (with botocore 1.44.8)
    /// gave for these credentials with the clock stopped at this moment.
    #[test]
    fn a_token_is_the_one_that_the_library_of_aws_makes() {
        let key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let lasting = ("us-west-2", Credentials::new("AKIDEXAMPLE", key, None, None, "test"));
        let session = Some("IQoJ/b3JpZ2lu+X2VjE==".to_owned());
        let session = ("eu-central-1", Credentials::new("ASIAEXAMPLE", key, session, None, "test"));
        for ((region, credentials), expected) in [
            (
                lasting,
                "Action=kafka-cluster%3AConnect&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20261127\
                 %2Fus-west-2%2Fkafka-cluster%2Faws4_request&X-Amz-Date=20261127T063000Z&X-Amz-Expires=900\
                 &X-Amz-SignedHeaders=host\
                 &X-Amz-Signature=8bbb68d858153941b5c0547de82849851818bdb641be0517c4a36a4046f7219f",
            ),
            (
                session,
                "Action=kafka-cluster%3AConnect&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ASIAEXAMPLE%2F20261127\
                 %2Feu-central-1%2Fkafka-cluster%2Faws4_request&X-Amz-Date=20261127T063000Z&X-Amz-Expires=900\
                 &X-Amz-SignedHeaders=host&X-Amz-Security-Token=IQoJ%2Fb3JpZ2lu%2BX2VjE%3D%3D\
                 &X-Amz-Signature=bf7ad8b4095bfde842927da728bb0e7eed85ad73d9ca728f2fd67fc047c65d64",
            ),
        ] {
            let (token, place, mut params) = token(region, credentials);
            assert_eq!(place, format!("https://kafka.{region}.amazonaws.com/"));
            assert!(params.remove("User-Agent").unwrap().starts_with("tributary%2F"), "{params:?}");
            let expected = expected.split('&').map(|param| param.split_once('=').unwrap());
            assert_eq!(params, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).collect());
            assert_eq!(token.expires.micros(), (NOW + 900) * 1_000_000);
            assert!(!format!("{token:?}").contains("EXAMPLE"));
        }
    }

    #[test]
    fn a_token_ends_with_its_credentials() {
        let end = UNIX_EPOCH + Duration::from_millis((NOW as u64 + 299) * 1_000 + 700);
        let (token, _, params) =
            token("eu-west-1", Credentials::new("ASIA", "x", Some("t".to_owned()), Some(end), "t"));
        assert_eq!((params["X-Amz-Expires"].as_str(), token.expires.micros()), ("299", (NOW + 299) * 1_000_000));
    }

    #[test]
    fn what_is_no_region_is_told() {
        for (region, expected) in
            [("eu-central-1", true), ("", false), ("eu central", false), ("EU", false), ("a.b/", false)]
        {
            assert_eq!(is_region(region), expected, "{region}");
        }
        let folder = tempfile::tempdir().unwrap();
        let none = folder.path().join("none").display().to_string();
        let connection =
            Connection { region: Some("eu central 1/".to_owned()), profile: Some(none), ..Connection::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let refused = runtime.block_on(Signer::open(&connection)).unwrap_err();
        assert!(matches!(&refused, Error::Region { region } if region == "eu central 1/"), "{refused}");
    }

    #[test]
    fn the_brokers_say_the_region() {
        for (brokers, expected) in [
            ("b-1.x.abc.c2.kafka.eu-central-1.amazonaws.com:9098,b-2.x:9098", Some("eu-central-1")),
            ("boot-abc.c1.kafka-serverless.us-east-1.amazonaws.com:9098", Some("us-east-1")),
            ("b-1.x.abc.c2.kafka.cn-north-1.amazonaws.com.cn:9098", Some("cn-north-1")),
            ("b-1.x.abc.c2.kafka..amazonaws.com:9098", None),
            ("kafka.example.org:9098", None),
            ("ec2-1.eu-central-1.compute.amazonaws.com:9098", None),
        ] {
            assert_eq!(region_of(brokers).as_deref(), expected, "{brokers}");
        }
    }
}
