//! Bearer tokens by which a client shows who it is: from a file, from an OpenID provider, or signed for Amazon MSK; kept
//! fresh ahead of time.
//!
//! ```text
//! file | provider | MSK ──fetch, at 3/4 of a token's life──▶ Keeper ──newest──▶ whoever signs in
//! ```
//!
//! # Invariants
//! - [`Keeper::newest`] never waits and never hands out a token that is over: whoever signs in is held up by nobody.
//! - A token that cannot be renewed is handed out for as long as it lives; why it cannot is said at once.
//! - No token and no secret stands in an error, a log line or a `Debug`.
//!
//! # Deliberately absent
//! Verifying signatures: a token is for the server, which does; only its end is read here. Kafka.

mod error;
mod file;
mod jwt;
mod keeper;
mod msk;
mod provider;
mod url;

use std::fmt;
use std::path::PathBuf;

use tributary_aws::Connection;
use tributary_core::{Secret, Timestamp};

pub use error::Error;
pub use keeper::Keeper;
pub use msk::{is_region, region_of};
pub use url::refuse_url;

/// Where tokens come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// A file with a JSON Web Token, which something else renews; read anew for each token, and when it has changed.
    File(PathBuf),
    /// An OpenID provider.
    Provider(Provider),
    /// Our own credentials of AWS, for Amazon MSK.
    Msk(Connection),
}

/// An OpenID provider that gives tokens for client credentials (RFC 6749, section 4.4).
#[derive(Clone, PartialEq, Eq)]
pub struct Provider {
    /// The URL of its token endpoint; see [`refuse_url`].
    pub url: String,
    /// Who we are.
    pub client_id: String,
    /// The secret that proves it.
    pub client_secret: Secret,
    /// What the token is to be good for; the provider's default without it.
    pub scope: Option<String>,
    /// PEM certificates of authorities to trust besides those of the system.
    pub authorities: Option<PathBuf>,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, client_id, scope, authorities, .. } = self;
        let mut shown = f.debug_struct("Provider");
        shown.field("url", &url::shown(url)).field("client_id", client_id).field("scope", scope);
        shown.field("authorities", authorities).finish_non_exhaustive()
    }
}

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What is sent.
    pub value: Secret,
    /// Whom it names, for logs.
    pub principal: String,
    /// From then on it is worth nothing.
    pub expires: Timestamp,
}
