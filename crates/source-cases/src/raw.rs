//! What the service sent, beside what the client makes of it: the client leaves out what it does not know.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_connectcases::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_connectcases::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_connectcases::error::BoxError;
use aws_sdk_connectcases::primitives::{DateTime, DateTimeFormat};
use bytes::Bytes;
use tributary_core::Timestamp;

/// Keeps the last answer of one call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Raw(Arc<Mutex<Sent>>);

/// An answer as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) body: Bytes,
    /// The field `Date`.
    date: Option<String>,
}

impl Raw {
    /// The answer. The client has it before whoever called.
    pub(crate) fn sent(&self) -> Sent {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Sent {
    /// The service's clock when it answered, to a second. Source: RFC 9110, section 6.6.1.
    pub(crate) fn date(&self) -> Option<Timestamp> {
        moment(&DateTime::from_str(self.date.as_deref()?, DateTimeFormat::HttpDate).ok()?)
    }
}

impl Intercept for Raw {
    fn name(&self) -> &'static str {
        "Raw"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answer = context.response();
        let body = answer.body().bytes().map(Bytes::copy_from_slice).unwrap_or_default();
        let date = answer.headers().get("date").map(str::to_owned);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Sent { body, date };
        Ok(())
    }
}

/// `None` outside of what microseconds can say.
pub(crate) fn moment(time: &DateTime) -> Option<Timestamp> {
    let micros = time.secs().checked_mul(1_000_000)?.checked_add(i64::from(time.subsec_nanos() / 1_000))?;
    Some(Timestamp::from_micros(micros))
}
