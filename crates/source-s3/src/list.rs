//! Listing, page by page.
//!
//! Source: Amazon S3 API Reference, `ListObjectsV2`.

use aws_sdk_s3::types::{EncodingType, Object as Listed, OptionalObjectAttributes};
use percent_encoding::percent_decode_str;
use tributary_aws::{Answer, Call, Trouble};
use tributary_core::Timestamp;

use crate::client::Bucket;

/// ListObjectsV2.
const LIST: Call = Call::new("listing", "s3:ListBucket on the bucket");

/// The classes whose objects cannot be read before they are restored.
const ARCHIVES: [&str; 2] = ["GLACIER", "DEEP_ARCHIVE"];

/// An object as the listing has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) key: String,
    /// Tells one content of the key from another: the ETag without its quotes.
    pub(crate) tag: String,
    /// Whether the tag is one that S3 knows.
    pub(crate) is_etag: bool,
    /// In bytes.
    pub(crate) size: u64,
    pub(crate) modified: Option<Timestamp>,
    /// The archive it lies in, unless it is restored.
    pub(crate) archive: Option<&'static str>,
}

impl Object {
    fn of(listed: Listed, is_encoded: bool) -> Result<Self, Unusable> {
        let key = listed.key.unwrap_or_default();
        let unusable = |reason| Unusable { key: key.clone(), reason };
        let decoded = if is_encoded { decoded(&key) } else { Some(key.clone()) };
        let decoded = decoded.filter(|key| !key.is_empty()).ok_or_else(|| unusable("its key is not UTF-8"))?;
        let size = listed.size.and_then(|size| u64::try_from(size).ok());
        let size = size.ok_or_else(|| unusable("the server does not say its size"))?;
        let modified = listed.last_modified.map(|moment| {
            let micros = moment.as_nanos() / 1_000;
            Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
        });
        let named = listed.e_tag.map(|tag| tag.trim_matches('"').to_owned()).filter(|tag| !tag.is_empty());
        // A weak tag cannot be asked for (RFC 9110, section 13.1.1).
        let is_etag = named.as_ref().is_some_and(|tag| !tag.starts_with("W/"));
        let tag = named.unwrap_or_else(|| format!("s{size}-m{}", modified.map_or(0, Timestamp::micros)));
        let class = listed.storage_class.as_ref().map(|class| class.as_str());
        let is_restored = listed.restore_status.is_some_and(|status| status.restore_expiry_date.is_some());
        let archive = ARCHIVES.into_iter().find(|archive| class == Some(archive)).filter(|_| !is_restored);
        Ok(Self { key: decoded, tag, is_etag, size, modified, archive })
    }
}

/// An object of which the listing does not say enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unusable {
    /// Its key as it was listed.
    pub(crate) key: String,
    pub(crate) reason: &'static str,
}

/// A key as it is, of one that was encoded for a URL so that every key may stand in XML.
fn decoded(key: &str) -> Option<String> {
    let key = key.replace('+', " ");
    percent_decode_str(&key).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// Where a listing stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    token: Option<String>,
    is_over: bool,
}

impl Listing {
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// The next page, at most 1,000 objects, and what follows it.
    pub(crate) async fn page(self, bucket: &Bucket) -> Result<(Self, Vec<Result<Object, Unusable>>), Trouble> {
        let options = &bucket.options;
        let sent = bucket
            .client
            .list_objects_v2()
            .bucket(&options.bucket)
            .prefix(format!("{}{}", options.folder(), options.keys.beginning()))
            .set_start_after(options.start_after.clone().filter(|_| options.is_listed_in_order()))
            .set_continuation_token(self.token.clone())
            .encoding_type(EncodingType::Url)
            .optional_object_attributes(OptionalObjectAttributes::RestoreStatus)
            .set_request_payer(bucket.payer())
            .send()
            .await;
        let page = sent.map_err(|error| Answer::of(&error).trouble(LIST))?;
        let is_encoded = page.encoding_type == Some(EncodingType::Url);
        let contents = page.contents.unwrap_or_default();
        let token = page.next_continuation_token;
        if (page.is_truncated == Some(true) && token.is_none()) || (token.is_some() && token == self.token) {
            return Err(Trouble::Unusable("the server does not say how its listing goes on".to_owned()));
        }
        let objects: Vec<_> = contents.into_iter().map(|listed| Object::of(listed, is_encoded)).collect();
        let last = objects.iter().rev().find_map(|object| object.as_ref().ok());
        let is_past = |object: &Object| options.end_before.as_ref().is_some_and(|end| object.key >= *end);
        let is_over = token.is_none() || (options.is_listed_in_order() && last.is_some_and(is_past));
        Ok((Self { token, is_over }, objects))
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::primitives::DateTime;
    use aws_sdk_s3::types::{ObjectStorageClass, RestoreStatus};

    use super::*;

    #[test]
    fn an_archived_object_is_one_until_it_is_restored() {
        let archived =
            Listed::builder().key("a+b%2F%01").size(7).e_tag("\"12-3\"").storage_class(ObjectStorageClass::Glacier);
        let object = Object::of(archived.clone().build(), true).unwrap();
        assert_eq!((object.key.as_str(), object.tag.as_str(), object.archive), ("a b/\u{1}", "12-3", Some("GLACIER")));
        let under_way = RestoreStatus::builder().is_restore_in_progress(true).build();
        assert!(Object::of(archived.clone().restore_status(under_way).build(), true).unwrap().archive.is_some());
        let restored = RestoreStatus::builder().restore_expiry_date(DateTime::from_secs(1_800_000_000)).build();
        assert_eq!(Object::of(archived.restore_status(restored).build(), true).unwrap().archive, None);
    }

    #[test]
    fn an_object_without_a_tag_is_known_by_size_and_time() {
        let listed = Listed::builder().key("a%2Fb").size(7).last_modified(DateTime::from_secs(3)).build();
        let object = Object::of(listed, false).unwrap();
        assert_eq!((object.key.as_str(), object.tag.as_str()), ("a%2Fb", "s7-m3000000"));
        let weak = Object::of(Listed::builder().key("a").size(7).e_tag("W/\"x\"").build(), false).unwrap();
        assert!(!weak.is_etag);
    }

    #[test]
    fn what_is_not_said_is_named() {
        let nameless = Object::of(Listed::builder().key("in/%FFx").size(7).build(), true).unwrap_err();
        assert_eq!((nameless.key.as_str(), nameless.reason), ("in/%FFx", "its key is not UTF-8"));
        assert!(Object::of(Listed::builder().key("a").build(), true).is_err());
    }
}
