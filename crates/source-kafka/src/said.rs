//! What the client complained of.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// The same complaint is worth a line of the log so often: while brokers are away it comes several times a second.
const AGAIN: Duration = Duration::from_secs(30);

/// The last complaint, and which were told when.
#[derive(Debug, Default)]
pub(crate) struct Said(Mutex<Complaints>);

#[derive(Debug, Default)]
struct Complaints {
    text: String,
    told: Vec<(Option<RDKafkaErrorCode>, Instant)>,
}

impl Said {
    fn complaints(&self) -> MutexGuard<'_, Complaints> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the client complained of last, empty if it never did.
    pub(crate) fn text(&self) -> String {
        self.complaints().text.clone()
    }

    /// Keeps a complaint; that all brokers are down, which follows from each other reason, only where there is no other.
    /// Whether it should be told: one of its kind was not lately.
    pub(crate) fn note(&self, error: &KafkaError, reason: &str, now: Instant) -> bool {
        let code = error.rdkafka_error_code();
        let mut complaints = self.complaints();
        if complaints.text.is_empty() || code != Some(RDKafkaErrorCode::AllBrokersDown) {
            complaints.text = format!("{error}: {reason}");
        }
        complaints.told.retain(|(_, when)| now.duration_since(*when) < AGAIN);
        let is_new = complaints.told.iter().all(|(told, _)| *told != code);
        if is_new {
            complaints.told.push((code, now));
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_complaint_is_told_now_and_then() {
        let said = Said::default();
        let now = Instant::now();
        let down = KafkaError::Global(RDKafkaErrorCode::AllBrokersDown);
        let cut = KafkaError::Global(RDKafkaErrorCode::BrokerTransportFailure);
        assert!(said.note(&down, "1/1 brokers are down", now));
        assert!(said.text().contains("1/1"));
        assert!(said.note(&cut, "connection refused", now));
        for _ in 0..3 {
            assert!(!said.note(&cut, "connection refused", now) && !said.note(&down, "1/1 brokers are down", now));
        }
        assert!(said.text().contains("connection refused"), "the reason is kept, not what follows from it");
        assert!(said.note(&down, "1/1 brokers are down", now + AGAIN));
    }
}
