//! How AWS is reached: region, endpoint, credentials, TLS, proxy, retries and timeouts, for every room that calls it.
//!
//! # Invariants
//! - Credentials come from the SDK's own chain (environment, profile, SSO, process, web identity, container, instance)
//!   and, on top of it, from one assumed role. No secret passes through this room's options, errors or logs.
//! - Retries are the SDK's: whoever calls through a connection repeats nothing by itself.
//!
//! # Deliberately absent
//! Any call of a service: S3 is called by `store-s3` and `source-s3`. What its answers mean is the same for both and
//! stands here.

mod answer;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector};
use aws_types::service_config::ServiceConfigKey;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use thiserror::Error;

pub use answer::{Answer, Call, Trouble};

/// Tries of one call. With the SDK's backoff (doubling, at most 20 s) they bridge about a minute of SlowDown.
const ATTEMPTS: u32 = 8;

/// A server that does not accept a connection in this time is not going to.
const CONNECT: Duration = Duration::from_secs(5);

/// Until the first byte of an answer, the time that it takes to send the request included: who sends large bodies adds
/// to it ([`answer_time`]). S3 may take long to complete a large upload and sends blanks meanwhile.
const FIRST_BYTE: Duration = Duration::from_secs(60);

/// Bytes in a second on the slowest line that is waited for; the SDK ends what stands still much earlier.
const SLOWEST: u64 = 32 << 10;

/// The region in which a server that is not AWS signs unless it is told another.
const ELSEWHERE: &str = "us-east-1";

/// The session of an assumed role, as CloudTrail shows it.
const SESSION: &str = "tributary";

/// How long an answer may take to a request whose body is of this size.
pub fn answer_time(body: usize) -> Duration {
    FIRST_BYTE + Duration::from_secs(body as u64 / SLOWEST)
}

/// Where and as whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// The region; without it the SDK's chain decides (`AWS_REGION`, profile, instance).
    pub region: Option<String>,
    /// The address of a server that is not AWS, or of an interface endpoint.
    pub endpoint: Option<String>,
    /// A profile of the shared configuration files.
    pub profile: Option<String>,
    /// A role to assume on top of what the chain gives.
    pub role: Option<Role>,
    /// PEM certificates of authorities to trust besides those of the system.
    pub authorities: Option<PathBuf>,
}

/// A role to assume by AWS STS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// The external id that its owner asks for.
    pub external_id: Option<String>,
}

/// Why there is no connection: a mistake of whoever configured it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The file of authorities cannot be used.
    #[error("the certificates in {file} cannot be read; name a file in PEM format")]
    Authorities {
        /// The file.
        file: PathBuf,
        /// What went wrong.
        #[source]
        cause: io::Error,
    },
    /// The proxy of the environment is none. It may hold a password, so it is not repeated.
    #[error("HTTPS_PROXY is not the URL of a proxy; write it as in http://proxy.example.org:3128")]
    Proxy,
    /// Nobody says which region is meant.
    #[error("no AWS region is known; set region = \"eu-central-1\", or the variable AWS_REGION")]
    Region,
}

/// What a call failed for when no credentials could be had; `None` when it failed for something else.
pub fn credentials_failure(error: &(dyn std::error::Error + 'static)) -> Option<NoCredentials> {
    let mut found = causes(error).filter_map(|cause| cause.downcast_ref::<CredentialsError>()).peekable();
    found.peek()?;
    // A role cannot be assumed for want of those that are to assume it.
    let is_lasting = found.any(|cause| {
        matches!(cause, CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_))
    });
    Some(NoCredentials { is_lasting })
}

/// The causes of an error in words, the outermost first. Only what they display: what they print for debugging holds
/// whole answers.
pub fn in_words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut words: Vec<String> = Vec::new();
    for cause in causes(error) {
        let said = cause.to_string();
        if !words.iter().any(|earlier| earlier.contains(&said)) {
            words.push(said);
        }
    }
    words.join(": ")
}

fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// No credentials could be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoCredentials {
    /// There are none, or they are configured wrongly; otherwise whoever gives them failed, and may do better later.
    pub is_lasting: bool,
}

impl NoCredentials {
    /// The cure.
    pub const CURE: &'static str =
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile, or run where a role gives them";
}

/// Loads the SDK's configuration. It does not hold the endpoint, which is the called service's alone: STS has its own.
/// Nothing is sent before the first call, unless the region is to be had only from the instance's metadata.
///
/// # Errors
/// [`ConnectError`]: an unreadable file of authorities, or no region.
pub async fn connect(connection: &Connection) -> Result<SdkConfig, ConnectError> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client(connection)?)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(FIRST_BYTE).build());
    if let Some(region) = &connection.region {
        loader = loader.region(Region::new(region.clone()));
    } else if connection.endpoint.is_some() {
        // The instance is not asked: what it says would be AWS's.
        let said = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new());
        let mut profile = ProfileFileRegionProvider::builder();
        if let Some(name) = &connection.profile {
            profile = profile.profile_name(name);
        }
        loader = loader.region(said.or_else(profile.build()).or_else(Region::new(ELSEWHERE)));
    }
    if let Some(profile) = &connection.profile {
        loader = loader.profile_name(profile);
    }
    let config = loader.load().await;
    if config.region().is_none() {
        return Err(ConnectError::Region);
    }
    let Some(role) = &connection.role else { return Ok(config) };
    let mut provider = AssumeRoleProvider::builder(&role.arn).session_name(SESSION).configure(&config);
    if let Some(external) = &role.external_id {
        provider = provider.external_id(external);
    }
    let provider = match config.credentials_provider() {
        Some(chain) => provider.build_from_provider(chain).await,
        None => provider.build().await,
    };
    let provider = aws_credential_types::provider::SharedCredentialsProvider::new(provider);
    Ok(config.into_builder().credentials_provider(provider).build())
}

/// The endpoint that the environment (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_S3`) or the profile names for a service.
/// Source: AWS SDKs and Tools Reference Guide, "Service-specific endpoints".
pub fn configured_endpoint(config: &SdkConfig, service: &'static str) -> Option<String> {
    let key =
        ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL").profile("endpoint_url").build().ok()?;
    let of_service = config.service_config().and_then(|services| services.load_config(key));
    of_service.or_else(|| config.endpoint_url().map(str::to_owned))
}

/// Whether there are certificates in it, each of them one: the client takes their word for it and panics.
fn read_certificates(pem: &[u8]) -> Result<(), String> {
    let mut store = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        store.add(certificate).map_err(|error| error.to_string())?;
    }
    if store.is_empty() { Err("there is no certificate in it".to_owned()) } else { Ok(()) }
}

/// The proxy for https alone: what is asked over http (the credentials of containers and instances, servers nearby) is
/// at hand, and its tokens are not for others.
fn proxy() -> Result<ProxyConfig, ConnectError> {
    let said = |names: [&str; 2]| {
        let found = names.iter().find_map(std::env::var_os).and_then(|text| text.into_string().ok());
        found.filter(|text| !text.is_empty())
    };
    let proxy = match said(["HTTPS_PROXY", "https_proxy"]) {
        Some(url) => ProxyConfig::https(url).map_err(|_| ConnectError::Proxy)?,
        None => ProxyConfig::disabled(),
    };
    Ok(match said(["NO_PROXY", "no_proxy"]) {
        Some(rules) => proxy.no_proxy(rules),
        None => proxy,
    })
}

/// A client over rustls that trusts the system's authorities and those of the connection, and goes through the proxy
/// of the environment (`HTTPS_PROXY`, `NO_PROXY`).
fn http_client(connection: &Connection) -> Result<SharedHttpClient, ConnectError> {
    let context = trust(connection.authorities.as_deref())?;
    let proxy = proxy()?;
    Ok(Builder::new().build_with_connector_fn(move |settings, components| {
        let mut builder = Connector::builder().proxy_config(proxy.clone());
        builder.set_connector_settings(settings.cloned());
        builder.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(context.clone()).build()
    }))
}

/// The same for whoever makes his requests himself, to a server that is no service of AWS or without a client of the SDK: it
/// sends what it is given and returns what comes, with neither retries nor timeouts.
///
/// # Errors
/// [`ConnectError::Authorities`], [`ConnectError::Proxy`].
pub fn connector(authorities: Option<&Path>) -> Result<SharedHttpConnector, ConnectError> {
    let builder = Connector::builder().proxy_config(proxy()?).tls_provider(Provider::Rustls(CryptoMode::Ring));
    Ok(SharedHttpConnector::new(builder.tls_context(trust(authorities)?).build()))
}

/// The authorities of the system, and those of a file.
fn trust(authorities: Option<&Path>) -> Result<TlsContext, ConnectError> {
    let mut trusted = TrustStore::default();
    if let Some(file) = authorities {
        let refused = |cause| ConnectError::Authorities { file: file.to_owned(), cause };
        let pem = std::fs::read(file).map_err(refused)?;
        read_certificates(&pem).map_err(|said| refused(io::Error::new(io::ErrorKind::InvalidData, said)))?;
        trusted = trusted.with_pem_certificate(pem);
    }
    let context = TlsContext::builder().with_trust_store(trusted).build();
    context.map_err(|error| ConnectError::Authorities {
        file: authorities.map(Path::to_owned).unwrap_or_default(),
        cause: io::Error::other(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_refused() {
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".as_slice();
        for pem in [b"".as_slice(), b"{}\n", broken] {
            assert!(read_certificates(pem).is_err());
        }
    }

    #[test]
    fn credentials_that_are_missing_stay_missing() {
        let missing = || CredentialsError::not_loaded("nothing in the environment");
        let away = CredentialsError::provider_error("the instance does not answer");
        let role = CredentialsError::provider_error(missing());
        for (error, is_lasting) in [(missing(), true), (away, false), (role, true)] {
            assert_eq!(credentials_failure(&error), Some(NoCredentials { is_lasting }), "{error}");
        }
        assert_eq!(credentials_failure(&io::Error::other("cut off")), None);
    }

    #[test]
    fn large_parts_have_their_time() {
        assert_eq!(answer_time(0), FIRST_BYTE);
        assert!(answer_time(8 << 20) >= Duration::from_secs(300));
    }
}
