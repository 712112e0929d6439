//! What a client is told.

use std::num::NonZeroU32;
use std::time::Duration;

use tributary_aws::Connection;

/// The options of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How Amazon Connect is reached.
    pub connection: Connection,
    /// Calls in a second, at most.
    pub rate: NonZeroU32,
    /// How long a call is made again before it has failed.
    pub patience: Duration,
}

impl Options {
    /// Two calls a second: what the account has of each of these calls in a region, if nobody else calls.
    ///
    /// Source: Amazon Connect Administrator Guide, "Amazon Connect API throttling quotas".
    pub const RATE: NonZeroU32 = NonZeroU32::MIN.saturating_add(1);

    /// Five minutes: the service asks those whom it throttles for a few.
    pub const PATIENCE: Duration = Duration::from_secs(300);

    /// The defaults.
    pub fn new(connection: Connection) -> Self {
        Self { connection, rate: Self::RATE, patience: Self::PATIENCE }
    }
}
