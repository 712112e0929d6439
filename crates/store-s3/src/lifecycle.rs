//! What the bucket does by itself to uploads that nobody finishes.

use aws_sdk_s3::types::{ExpirationStatus, LifecycleRule, LifecycleRuleFilter};
use tributary_aws::Answer;
use tributary_core::Key;
use tributary_store::StoreError;

use crate::S3Store;
use crate::answer::LIFECYCLE;

impl S3Store {
    /// After how many days a lifecycle rule throws away unfinished uploads of the lake, by the strictest of the rules
    /// that apply to some of it; `None` when none does. Source: Amazon S3 API Reference,
    /// GetBucketLifecycleConfiguration.
    ///
    /// # Errors
    /// What S3 says.
    pub async fn shortest_upload_life(&self) -> Result<Option<i32>, StoreError> {
        let inner = &self.inner;
        let sent = inner.client.get_bucket_lifecycle_configuration().bucket(&inner.options.bucket).send().await;
        match sent {
            Ok(answer) => {
                let rules = answer.rules().iter().filter(|rule| concerns(rule, &inner.options.prefix));
                Ok(rules.filter_map(life).min())
            }
            Err(error) => {
                let answer = Answer::of(&error);
                if answer.is("NoSuchLifecycleConfiguration") {
                    return Ok(None);
                }
                let whole: Result<Key, _> = "_tributary".parse();
                let whole = whole.map_err(|_| StoreError::Unusable {
                    location: inner.location.clone(),
                    reason: "its name is refused".to_owned(),
                })?;
                Err(inner.error(answer, LIFECYCLE, &whole))
            }
        }
    }
}

fn life(rule: &LifecycleRule) -> Option<i32> {
    rule.abort_incomplete_multipart_upload()?.days_after_initiation()
}

/// Whether the rule is on and its prefix and the lake's have keys in common. Uploads have no tags or sizes yet.
fn concerns(rule: &LifecycleRule, lake: &str) -> bool {
    #[expect(deprecated, reason = "old rules still have their prefix there")]
    let old = rule.prefix();
    let both = |filter: &LifecycleRuleFilter| filter.and().and_then(|and| and.prefix()).map(str::to_owned);
    let new = rule.filter().and_then(|filter| filter.prefix().map(str::to_owned).or_else(|| both(filter)));
    let prefix = new.or_else(|| old.map(str::to_owned)).unwrap_or_default();
    let lake = if lake.is_empty() { String::new() } else { format!("{lake}/") };
    *rule.status() == ExpirationStatus::Enabled && (lake.starts_with(&prefix) || prefix.starts_with(&lake))
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::AbortIncompleteMultipartUpload;

    use super::*;

    #[test]
    fn rules_that_concern_the_lake() {
        let rule = |prefix: &str, status: ExpirationStatus| {
            let abort = AbortIncompleteMultipartUpload::builder().days_after_initiation(3).build();
            LifecycleRule::builder()
                .status(status)
                .filter(LifecycleRuleFilter::builder().prefix(prefix).build())
                .abort_incomplete_multipart_upload(abort)
                .build()
                .unwrap()
        };
        for (prefix, lake, expected) in [
            ("", "connect", true),
            ("connect/", "connect", true),
            ("connect/agent_event/", "connect", true),
            ("connect-old/", "connect", false),
            ("conn", "connect", true),
            ("other/", "", true),
        ] {
            let rule = rule(prefix, ExpirationStatus::Enabled);
            assert_eq!((concerns(&rule, lake), life(&rule)), (expected, Some(3)), "{prefix} {lake}");
        }
        assert!(!concerns(&rule("", ExpirationStatus::Disabled), "connect"));
    }
}
