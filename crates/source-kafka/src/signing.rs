//! Signing in with tokens.

use std::error::Error as StdError;
use std::sync::Arc;

use rdkafka::client::OAuthToken;
use tributary_core::Clock;
use tributary_tokens::Keeper;

use crate::error::Error;
use crate::options::Options;

/// The tokens of a member, if it signs in with such; fetched ahead, so that the thread that polls never waits for one.
#[derive(Debug, Default)]
pub(crate) struct Signing(Option<Keeper>);

impl Signing {
    /// Blocks until the first token is there.
    pub(crate) fn start(options: &Options, clock: &Arc<dyn Clock>) -> Result<Self, Error> {
        let Some(source) = &options.tokens else { return Ok(Self(None)) };
        let keeper = Keeper::start(source.clone(), Arc::clone(clock));
        let keeper = keeper.map_err(|cause| Error::Token { name: options.name.clone(), cause })?;
        Ok(Self(Some(keeper)))
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
