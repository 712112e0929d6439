//! Reading: a body that is cut is asked for again from where it was cut.

use std::ops::Range;
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};
use tributary_aws::Answer;
use tributary_core::Key;
use tributary_store::StoreError;

use crate::answer::READ;
use crate::store::Inner;

/// How often the rest of one body is asked for, and the pause before the first time, which doubles.
const CUTS: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What of an object is read.
struct Reading<'a> {
    key: &'a Key,
    range: Option<Range<u64>>,
    got: BytesMut,
    /// The object's tag: what was begun is not continued with another one's bytes.
    tag: Option<String>,
}

impl Reading<'_> {
    /// The field `Range` for what is missing. Both of its ends belong to it.
    fn rest(&self) -> Option<String> {
        let got = self.got.len() as u64;
        match &self.range {
            Some(range) => Some(format!("bytes={}-{}", range.start + got, range.end.saturating_sub(1))),
            None if got == 0 => None,
            None => Some(format!("bytes={got}-")),
        }
    }

    /// Takes what comes of a body of `length` bytes; why it ended before.
    async fn take(&mut self, mut body: ByteStream, length: Option<i64>) -> Option<String> {
        let before = self.got.len();
        loop {
            match body.next().await {
                Some(Ok(bytes)) => self.got.extend_from_slice(&bytes),
                Some(Err(cut)) => {
                    // All of it came, so that its checksum was wrong: nothing of it is good.
                    if length.and_then(|length| usize::try_from(length).ok()) == Some(self.got.len() - before) {
                        self.got.clear();
                    }
                    return Some(tributary_aws::in_words(&cut));
                }
                None => return None,
            }
        }
    }
}

impl Inner {
    /// Some bytes that are not none, or all; what lies beyond the end is left out.
    pub(crate) async fn get(&self, key: &Key, range: Option<Range<u64>>) -> Result<Option<Bytes>, StoreError> {
        let mut reading = Reading { key, range, got: BytesMut::new(), tag: None };
        let mut pause = FIRST_PAUSE;
        let mut cut = String::new();
        for _ in 0..CUTS {
            let Some((body, length)) = self.ask_for(&mut reading).await? else { return Ok(None) };
            let Some(reason) = reading.take(body, length).await else { return Ok(Some(reading.got.freeze())) };
            tracing::debug!(key = %key, reason, "a body was cut");
            cut = reason;
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Err(StoreError::Io { verb: "reading", key: key.clone(), cause: std::io::Error::other(cut) })
    }

    async fn ask_for(&self, reading: &mut Reading<'_>) -> Result<Option<(ByteStream, Option<i64>)>, StoreError> {
        let sent = self
            .client
            .get_object()
            .bucket(&self.options.bucket)
            .key(self.name(reading.key))
            .set_range(reading.rest())
            .set_if_match(reading.tag.clone().filter(|_| !reading.got.is_empty()))
            .send()
            .await;
        match sent {
            Ok(object) => {
                reading.tag = object.e_tag;
                Ok(Some((object.body, object.content_length)))
            }
            Err(error) => {
                let answer = Answer::of(&error);
                // The body was cut behind its last byte, and nobody had said its length.
                if answer.status() == Some(416) && reading.range.is_none() && !reading.got.is_empty() {
                    return Ok(Some((ByteStream::default(), Some(0))));
                }
                if answer.is_absent() { Ok(None) } else { Err(self.error(answer, READ, reading.key)) }
            }
        }
    }
}
