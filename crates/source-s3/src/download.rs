//! The bytes of one object: what is cut is asked for again from where it was cut.
//!
//! Source: Amazon S3 API Reference, `GetObject`; RFC 9110 section 14 (ranges) and 13.1.1 (`If-Match`).

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};
use tributary_aws::{Answer, Call, Trouble, in_words};

use crate::client::Bucket;
use crate::list::Object;

/// GetObject.
const READ: Call = Call::new("reading", "s3:GetObject on the objects, and kms:Decrypt on the key of encrypted ones");

/// How often the rest of a body is asked for without a byte that comes, and the pause before the first time, which
/// doubles.
const CUTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// How often a body is asked for whose checksum is wrong.
const DAMAGES: u32 = 3;

/// Why an object is not read.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It alone cannot be read; the others can. Why.
    Left(String),
    /// What was handed out of it is not what was written.
    Damaged,
    /// Nothing can be read.
    Broken(Trouble),
}

/// An object whose bytes come one after the other.
#[derive(Debug)]
pub(crate) struct Download {
    bucket: Arc<Bucket>,
    object: Object,
    /// The first byte that was not handed out.
    at: u64,
    body: Option<ByteStream>,
    cuts: u32,
    /// It came from byte 0 in one piece: the client looks at the checksum of such a body alone.
    is_whole: bool,
}

impl Download {
    /// The object from this byte on; nothing is asked for yet.
    pub(crate) fn new(bucket: Arc<Bucket>, object: Object, at: u64) -> Self {
        Self { bucket, object, at, body: None, cuts: 0, is_whole: at == 0 }
    }

    /// The next bytes: at least so many but at the end, none only at the end. The last ones are handed out when the
    /// checksum of the whole was found right.
    pub(crate) async fn gather(&mut self, least: usize) -> Result<Bytes, Refusal> {
        let begin = self.at;
        for _ in 0..DAMAGES {
            let bytes = self.collect(least).await?;
            let Some(damage) = self.damage().await else { return Ok(bytes) };
            tracing::debug!(key = self.object.key, reason = damage, "a body was damaged");
            if begin > 0 {
                return Err(Refusal::Damaged);
            }
            // Nothing of it was handed out: it may come right the next time.
            self.at = 0;
            self.is_whole = true;
        }
        Err(Refusal::Left("its bytes are not those that were written: their checksum is another one".to_owned()))
    }

    /// Reads on to the end and says whether all of it, handed out or not, is what was written, as far as anybody can tell.
    pub(crate) async fn is_sound(&mut self) -> Result<bool, Refusal> {
        while self.at < self.object.size {
            self.collect(1).await?;
        }
        Ok(self.damage().await.is_none() && self.is_whole)
    }

    async fn collect(&mut self, least: usize) -> Result<Bytes, Refusal> {
        let mut got = BytesMut::new();
        while self.at < self.object.size && got.len() < least {
            let body = match &mut self.body {
                Some(body) => body,
                None => {
                    let body = self.ask().await?;
                    self.body.insert(body)
                }
            };
            let cut = match body.next().await {
                Some(Ok(bytes)) => {
                    self.at += bytes.len() as u64;
                    self.cuts = 0;
                    if got.is_empty() && (bytes.len() >= least || self.at == self.object.size) {
                        return Ok(bytes);
                    }
                    got.extend_from_slice(&bytes);
                    continue;
                }
                Some(Err(cut)) => in_words(&cut),
                None => "it ended early".to_owned(),
            };
            self.body = None;
            self.is_whole &= self.at == 0;
            self.pause(&cut).await?;
        }
        Ok(got.freeze())
    }

    /// What is wrong with a body that has come to its end. The client looks at the checksum of a whole one there.
    async fn damage(&mut self) -> Option<String> {
        if self.at < self.object.size {
            return None;
        }
        let after = self.body.take()?.next().await?;
        after.err().map(|damage| in_words(&damage))
    }

    async fn pause(&mut self, cut: &str) -> Result<(), Refusal> {
        tracing::debug!(key = self.object.key, reason = cut, "a body was cut");
        self.cuts += 1;
        if self.cuts >= CUTS {
            return Err(Refusal::Broken(Trouble::Failed(format!("{} is cut again and again: {cut}", self.object.key))));
        }
        tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(self.cuts - 1)).await;
        Ok(())
    }

    /// Asks for everything that was not handed out.
    async fn ask(&self) -> Result<ByteStream, Refusal> {
        let at = self.at;
        let sent = self
            .bucket
            .client
            .get_object()
            .bucket(&self.bucket.options.bucket)
            .key(&self.object.key)
            .set_range((at > 0).then(|| format!("bytes={at}-")))
            .set_if_match(self.object.is_etag.then(|| format!("\"{}\"", self.object.tag)))
            .set_request_payer(self.bucket.payer())
            .send()
            .await;
        let found = sent.map_err(|error| refusal(Answer::of(&error)))?;
        let other = found.e_tag.as_deref().is_some_and(|tag| tag.trim_matches('"') != self.object.tag);
        if other && self.object.is_etag {
            return Err(Refusal::Left(REPLACED.to_owned()));
        }
        let begins = found.content_range.as_deref().is_some_and(|range| range.starts_with(&format!("bytes {at}-")));
        if at > 0 && !begins {
            return Err(Refusal::Left(format!("the server does not send a part of it (from byte {at} on)")));
        }
        let rest = self.object.size - at;
        if found.content_length.is_some_and(|length| u64::try_from(length).ok() != Some(rest)) {
            return Err(Refusal::Left("it has another size than the listing says".to_owned()));
        }
        Ok(found.body)
    }
}

const REPLACED: &str = "it was replaced after it was listed; the next run reads the new one";

/// What an answer means that brings no bytes. What S3 says of one object is said of it alone, so that one that is locked
/// does not stop the others; of credentials, buckets and servers it is said of all.
fn refusal(answer: Answer) -> Refusal {
    if answer.status() == Some(412) {
        return Refusal::Left(REPLACED.to_owned());
    }
    if answer.is("NoSuchKey") {
        return Refusal::Left("it was deleted after it was listed".to_owned());
    }
    if answer.is("InvalidObjectState") {
        return Refusal::Left("it is archived; restore it, and it is read by the next run".to_owned());
    }
    let is_of_one = answer.concerns_the_object();
    match answer.trouble(READ) {
        Trouble::Denied(reason) | Trouble::Failed(reason) if is_of_one => Refusal::Left(reason),
        trouble => Refusal::Broken(trouble),
    }
}
