//! Whoever signs requests, and the credentials that are used for it.
//!
//! Source: AWS Identity and Access Management User Guide, "AWS Signature Version 4 for API requests".

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use tokio::sync::Mutex;
use tributary_aws::{NoCredentials, credentials_failure, in_words};

use crate::Error;
use crate::answer::Answer;

/// The service in the scope of a signature.
const SERVICE: &str = "connect";

/// How long credentials without an end are used before their provider is asked again. Source: the SDK's own cache.
const LIFE: Duration = Duration::from_secs(900);

/// How long before their end credentials are not used any more.
const MARGIN: Duration = Duration::from_secs(60);

/// Whoever signs.
#[derive(Debug)]
pub(crate) struct Signer {
    config: SdkConfig,
    provider: SharedCredentialsProvider,
    region: String,
    held: Mutex<Option<Held>>,
}

/// Credentials, and until when they are used.
#[derive(Clone, Debug)]
struct Held {
    credentials: Credentials,
    until: SystemTime,
}

impl Signer {
    pub(crate) fn new(config: SdkConfig, region: String) -> Result<Self, Error> {
        let provider = config.credentials_provider().ok_or(Error::Credentials { cure: NoCredentials::CURE })?;
        Ok(Self { config, provider, region, held: Mutex::new(None) })
    }

    /// The request for what is at `url`, signed now.
    pub(crate) async fn signed(&self, url: &str) -> Result<HttpRequest, Answer> {
        let now = self.now();
        signed(url, &self.region, self.credentials(now).await?, now)
    }

    /// The credentials were of no use: the next ones are asked for.
    pub(crate) async fn forget(&self) {
        *self.held.lock().await = None;
    }

    /// The clock of the SDK, by which whoever gives credentials goes, too.
    fn now(&self) -> SystemTime {
        self.config.time_source().unwrap_or_default().now()
    }

    /// Those that are held, or new ones. One asks, the others wait for what is answered.
    async fn credentials(&self, now: SystemTime) -> Result<Credentials, Answer> {
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_ref().filter(|held| now < held.until) {
            return Ok(held.credentials.clone());
        }
        let credentials = self.provider.provide_credentials().await.map_err(|error| {
            let is_lasting = credentials_failure(&error).is_some_and(|failure| failure.is_lasting);
            let said = format!("no AWS credentials could be had; {} ({})", NoCredentials::CURE, in_words(&error));
            if is_lasting { Answer::Denied(said) } else { Answer::Failed(said) }
        })?;
        let end = credentials.expiry().and_then(|expiry| expiry.checked_sub(MARGIN));
        let until = end.map_or(now + LIFE, |end| end.min(now + LIFE));
        *held = Some(Held { credentials: credentials.clone(), until });
        Ok(credentials)
    }
}

fn signed(url: &str, region: &str, credentials: Credentials, now: SystemTime) -> Result<HttpRequest, Answer> {
    // What failed is said without what was signed.
    let failed = || Answer::Strange("the request cannot be signed".to_owned());
    let identity = Identity::from(credentials);
    let params = v4::SigningParams::builder().identity(&identity).region(region).name(SERVICE).time(now);
    let params = params.settings(SigningSettings::default()).build().map_err(|_| failed())?.into();
    let unsigned = SignableRequest::new("GET", url, std::iter::empty(), SignableBody::empty()).map_err(|_| failed())?;
    let (instructions, _) = sign(unsigned, &params).map_err(|_| failed())?.into_parts();
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_method("GET").map_err(|_| failed())?;
    request.set_uri(url).map_err(|_| failed())?;
    let fields = request.headers_mut();
    for field in instructions.into_parts().0 {
        fields.try_insert(field.name(), field.value().to_owned()).map_err(|_| failed())?;
    }
    fields.insert("accept", "application/json");
    fields.insert("user-agent", concat!("tributary/", env!("CARGO_PKG_VERSION")));
    Ok(request)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::UNIX_EPOCH;

    use aws_credential_types::provider::future::ProvideCredentials;

    use super::*;

    /// 2026-11-27T06:30:00Z
    const NOW: Duration = Duration::from_secs(1_795_761_000);

    const KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    /// What is expected is what botocore 1.44.5 (`SigV4Auth`) gave for these URLs and credentials with the clock stopped at
    /// this moment.
    #[test]
    fn a_signature_is_the_one_that_the_library_of_aws_makes() {
        let session = "IQoJ/b3JpZ2lu+X2VjE==";
        for (target, id, session, expected) in [
            (
                "contact-flows-summary/i-1?maxResults=1000&nextToken=a%2Bb%2F%3D",
                "AKIDEXAMPLE",
                None,
                "host;x-amz-date, Signature=2ddf4165250ffd69641142c6b949c1dd445e134bc340f02a91982c0198968fdc",
            ),
            (
                "contact-flows/i-1/arn%3Aaws%3Aconnect%3Aeu-central-1%3A123456789012%3Ainstance%2Fi-1%2Fcontact-flow%2Ff-1%3A%24SAVED",
                "ASIAEXAMPLE",
                Some(session.to_owned()),
                "host;x-amz-date;x-amz-security-token, \
                 Signature=6769c9f12a2cd5a86fa6b2f0f8889a5f5e5e06ae9c27912ce9acaff188c9a462",
            ),
        ] {
            let credentials = Credentials::new(id, KEY, session.clone(), None, "test");
            let url = format!("https://connect.eu-central-1.amazonaws.com/{target}");
            let request = signed(&url, "eu-central-1", credentials, UNIX_EPOCH + NOW).unwrap();
            let scope = format!("{id}/20261127/eu-central-1/connect/aws4_request");
            assert_eq!(
                request.headers().get("authorization").unwrap(),
                format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={expected}")
            );
            assert_eq!(request.headers().get("x-amz-date"), Some("20261127T063000Z"));
            assert_eq!(request.headers().get("x-amz-security-token"), session.as_deref());
            assert_eq!((request.method(), request.uri()), ("GET", url.as_str()));
        }
    }

    /// Gives other credentials each time, which end after so many seconds.
    #[derive(Clone, Debug)]
    struct Counting(Arc<AtomicU64>, u64);

    impl aws_credential_types::provider::ProvideCredentials for Counting {
        fn provide_credentials<'a>(&'a self) -> ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let number = self.0.fetch_add(1, Ordering::Relaxed);
            let expiry = Some(UNIX_EPOCH + NOW + Duration::from_secs(self.1));
            ProvideCredentials::ready(Ok(Credentials::new(format!("AKIA{number}"), KEY, None, expiry, "test")))
        }
    }

    fn signer(life: u64) -> Signer {
        let provider = SharedCredentialsProvider::new(Counting(Arc::default(), life));
        let config = SdkConfig::builder().credentials_provider(provider).build();
        Signer::new(config, "eu-central-1".to_owned()).unwrap()
    }

    async fn ids(signer: &Signer, after: &[u64]) -> Vec<String> {
        let mut ids = Vec::new();
        for seconds in after {
            let credentials = signer.credentials(UNIX_EPOCH + NOW + Duration::from_secs(*seconds)).await.unwrap();
            ids.push(credentials.access_key_id().to_owned());
        }
        ids
    }

    #[test]
    fn credentials_are_asked_for_when_they_end() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            assert_eq!(ids(&signer(300), &[0, 100, 239, 240]).await, ["AKIA0", "AKIA0", "AKIA0", "AKIA1"]);
            assert_eq!(ids(&signer(86_400), &[0, 899, 900]).await, ["AKIA0", "AKIA0", "AKIA1"]);
            let signer = signer(300);
            ids(&signer, &[0]).await;
            signer.forget().await;
            assert_eq!(ids(&signer, &[1]).await, ["AKIA1"]);
        });
    }

    #[test]
    fn nothing_that_is_secret_is_shown() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let signer = signer(300);
        runtime.block_on(ids(&signer, &[0]));
        assert!(!format!("{signer:?}").contains(KEY));
    }
}
