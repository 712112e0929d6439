//! The clock as a port; the real one belongs to the runtime.

use crate::Timestamp;

/// Says what time it is. Tests hand in one that stands still.
pub trait Clock: Send + Sync {
    /// The current moment.
    fn now(&self) -> Timestamp;
}
