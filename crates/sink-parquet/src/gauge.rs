//! Bytes in use, counted where they are owned.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many bytes are in use. Cheap to clone; all clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gauge(Arc<AtomicU64>);

impl Gauge {
    /// Bytes in use now.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts `bytes` until the charge is dropped.
    pub(crate) fn charge(&self, bytes: u64) -> Charge {
        self.0.fetch_add(bytes, Ordering::Relaxed);
        Charge { gauge: self.clone(), bytes }
    }
}

/// Bytes that are counted as long as this lives: it is kept beside what it counts.
#[derive(Debug)]
pub(crate) struct Charge {
    gauge: Gauge,
    bytes: u64,
}

impl Charge {
    /// Corrects the count.
    pub(crate) fn set(&mut self, bytes: u64) {
        self.gauge.0.fetch_add(bytes, Ordering::Relaxed);
        self.gauge.0.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }

    /// Bytes counted.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.gauge.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
