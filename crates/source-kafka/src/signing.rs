//! Signing in.

use std::error::Error as StdError;
use std::sync::Arc;

use rdkafka::client::OAuthToken;
use tributary_core::{Clock, Secret};
use tributary_tokens::Keeper;

use crate::error::Error;
use crate::options::Options;

/// Mechanisms that send what is enough to sign in as us.
const PLAIN: &[&str] = &["PLAIN", "OAUTHBEARER"];

/// The tokens of a process, if it signs in with such; fetched ahead, so that the thread that polls never waits for one. It
/// outlives members: one that joins anew while no token can be had waits for one as a running one does.
#[derive(Clone, Debug, Default)]
pub struct Signing(Option<Arc<Keeper>>);

impl Signing {
    /// Blocks until the first token is there. Warns where what is sent can be read on its way. `clock` says when tokens are
    /// over.
    ///
    /// # Errors
    /// [`Error::Token`].
    pub fn start(options: &Options, clock: &Arc<dyn Clock>) -> Result<Self, Error> {
        if is_readable(options) {
            tracing::warn!(
                source = options.name,
                brokers = options.brokers,
                "whoever listens on the way to the brokers can sign in as this process: write tls = true"
            );
        }
        let Some(source) = &options.tokens else { return Ok(Self(None)) };
        let keeper = Keeper::start(source.clone(), Arc::clone(clock));
        let keeper = keeper.map_err(|cause| Error::Token { name: options.name.clone(), cause })?;
        Ok(Self(Some(Arc::new(keeper))))
    }

    /// What librdkafka asks for before it signs in, at four fifths of a token's life, and 10 s after it was told that there
    /// is none.
    pub(crate) fn token(&self) -> Result<OAuthToken, Box<dyn StdError>> {
        let keeper = self.0.as_ref().ok_or("no token was asked for")?;
        let token = keeper.newest()?;
        Ok(OAuthToken {
            token: token.value.expose().to_owned(),
            principal_name: token.principal,
            lifetime_ms: token.expires.millis(),
        })
    }
}

/// Whether a password or a token leaves this machine as it is.
fn is_readable(options: &Options) -> bool {
    let setting = |key: &str| options.client.get(key).map(Secret::expose);
    let is_plain = setting("security.protocol") == Some("sasl_plaintext");
    is_plain
        && setting("sasl.mechanism").is_some_and(|mechanism| PLAIN.contains(&mechanism))
        && options.brokers.split(',').any(|broker| !is_here(broker.trim()))
}

fn is_here(broker: &str) -> bool {
    // A broker may be written with its protocol, SASL_PLAINTEXT://host:port.
    let broker = broker.rsplit_once("://").map_or(broker, |(_, broker)| broker);
    let host = broker.rsplit_once(':').map_or(broker, |(host, _)| host);
    host == "localhost" || host == "[::1]" || host.starts_with("127.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_on_its_way_is_told() {
        for (protocol, mechanism, brokers, expected) in [
            ("sasl_plaintext", "PLAIN", "broker-1:9092", true),
            ("sasl_plaintext", "OAUTHBEARER", "localhost:9092, broker-1:9092", true),
            ("sasl_plaintext", "SCRAM-SHA-512", "broker-1:9092", false),
            ("sasl_ssl", "PLAIN", "broker-1:9092", false),
            ("sasl_plaintext", "PLAIN", "localhost:9092,127.0.0.1:9093, SASL_PLAINTEXT://[::1]:9092", false),
            ("sasl_plaintext", "PLAIN", "localhost.example.org:9092", true),
        ] {
            let mut options = Options::new("calls", brokers, Vec::new());
            for (key, value) in [("security.protocol", protocol), ("sasl.mechanism", mechanism)] {
                options.client.insert(key.to_owned(), Secret::new(value.to_owned()));
            }
            assert_eq!(is_readable(&options), expected, "{protocol} {mechanism} {brokers}");
        }
    }
}
