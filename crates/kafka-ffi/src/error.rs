//! Why a question has no answer.

use rdkafka_sys::rd_kafka_resp_err_t as Known;
use thiserror::Error as ThisError;

/// What librdkafka says of a question as a whole.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[error("{said} ({code})")]
pub struct Error {
    code: i32,
    said: String,
}

impl Error {
    pub(crate) fn new(code: i32, said: impl Into<String>) -> Self {
        Self { code, said: said.into() }
    }

    /// It was not asked at all.
    pub(crate) fn invalid(said: impl Into<String>) -> Self {
        Self::new(Known::RD_KAFKA_RESP_ERR__INVALID_ARG as i32, said)
    }

    pub(crate) fn timed_out() -> Self {
        Self::new(Known::RD_KAFKA_RESP_ERR__TIMED_OUT as i32, "no answer in time")
    }

    /// The number of `rd_kafka_resp_err_t`; positive ones are Kafka's own.
    pub fn code(&self) -> i32 {
        self.code
    }

    /// Whether the same question may have an answer later.
    pub fn is_transient(&self) -> bool {
        [
            Known::RD_KAFKA_RESP_ERR__TIMED_OUT,
            Known::RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE,
            Known::RD_KAFKA_RESP_ERR__TRANSPORT,
            Known::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
            Known::RD_KAFKA_RESP_ERR__WAIT_COORD,
            Known::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
            Known::RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE,
            Known::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
            Known::RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION,
            Known::RD_KAFKA_RESP_ERR_NOT_CONTROLLER,
        ]
        .iter()
        .any(|known| *known as i32 == self.code)
    }
}
