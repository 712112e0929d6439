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

    /// Whether the same question may have an answer later: of all but what says that it cannot be asked there at all.
    pub fn is_transient(&self) -> bool {
        let never = [
            Known::RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE,
            Known::RD_KAFKA_RESP_ERR__INVALID_ARG,
            Known::RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION,
        ];
        never.iter().all(|known| *known as i32 != self.code)
    }
}
