//! What the bucket does by itself: to uploads that nobody finishes, and to objects that grow old.

use aws_sdk_s3::types::{ExpirationStatus, LifecycleRule, LifecycleRuleFilter, TransitionStorageClass};
use tributary_aws::Answer;
use tributary_core::Key;
use tributary_store::StoreError;

use crate::S3Store;
use crate::answer::LIFECYCLE;

/// What the lifecycle rules that are on do to the lake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// After how many days unfinished uploads are thrown away, by the strictest of the rules that apply to some of the
    /// lake; `None` when none does.
    pub upload_days: Option<i32>,
    /// What rules do to the commit log: delete it, or archive it. Without it the lake cannot be gone on with.
    pub of_log: Vec<String>,
    /// What rules do to data files alone.
    pub of_data: Vec<String>,
}

impl S3Store {
    /// Reads the lifecycle rules of the bucket. Source: Amazon S3 API Reference, GetBucketLifecycleConfiguration.
    ///
    /// # Errors
    /// What S3 says.
    pub async fn lifecycle(&self) -> Result<Lifecycle, StoreError> {
        let inner = &self.inner;
        let sent = inner.client.get_bucket_lifecycle_configuration().bucket(&inner.options.bucket).send().await;
        match sent {
            Ok(answer) => Ok(effect(answer.rules(), &inner.options.prefix)),
            Err(error) => {
                let answer = Answer::of(&error);
                if answer.is("NoSuchLifecycleConfiguration") {
                    return Ok(Lifecycle::default());
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

fn effect(rules: &[LifecycleRule], lake: &str) -> Lifecycle {
    let log = if lake.is_empty() { "_tributary".to_owned() } else { format!("{lake}/_tributary") };
    let mut effect = Lifecycle::default();
    for rule in rules.iter().filter(|rule| concerns(rule, lake)) {
        effect.upload_days = effect.upload_days.into_iter().chain(life(rule)).min();
        let done = if concerns(rule, &log) { &mut effect.of_log } else { &mut effect.of_data };
        done.extend(deeds(rule));
    }
    effect
}

/// What it does to objects that are there, in words.
fn deeds(rule: &LifecycleRule) -> Vec<String> {
    let name = rule.id().map_or_else(|| "a rule without a name".to_owned(), |id| format!("the rule {id:?}"));
    let when = |days: Option<i32>| days.map_or_else(|| "at a date".to_owned(), |days| format!("after {days} days"));
    let expires = rule.expiration().filter(|expiration| expiration.days().is_some() || expiration.date().is_some());
    let deletes = expires.map(|expiration| format!("{name} deletes objects {}", when(expiration.days())));
    let archives = [TransitionStorageClass::Glacier, TransitionStorageClass::DeepArchive];
    let moves = rule
        .transitions()
        .iter()
        .filter(|transition| transition.storage_class().is_some_and(|class| archives.contains(class)));
    let archives = moves.map(|transition| format!("{name} archives objects {}", when(transition.days())));
    deletes.into_iter().chain(archives).collect()
}

fn life(rule: &LifecycleRule) -> Option<i32> {
    rule.abort_incomplete_multipart_upload()?.days_after_initiation()
}

/// Whether the rule is on and its prefix and the lake's have keys in common. Tags and sizes are not looked at: uploads have
/// none yet, and of an object some may fit.
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
    use aws_sdk_s3::types::{AbortIncompleteMultipartUpload, LifecycleExpiration, Transition};

    use super::*;

    #[test]
    fn what_rules_do_to_the_log_and_to_data() {
        let rule = |id: &str, prefix: &str| {
            let filter = LifecycleRuleFilter::builder().prefix(prefix).build();
            LifecycleRule::builder().status(ExpirationStatus::Enabled).id(id).filter(filter)
        };
        let expire = LifecycleExpiration::builder().days(30).build();
        let archive = Transition::builder().days(90).storage_class(TransitionStorageClass::DeepArchive).build();
        let cheaper = Transition::builder().days(9).storage_class(TransitionStorageClass::StandardIa).build();
        let rules = [
            rule("all", "").expiration(expire.clone()).transitions(cheaper).build().unwrap(),
            rule("old", "connect/agent_event/").transitions(archive).build().unwrap(),
            rule("other", "elsewhere/").expiration(expire).build().unwrap(),
        ];
        let effect = effect(&rules, "connect");
        assert_eq!(effect.of_log, ["the rule \"all\" deletes objects after 30 days"]);
        assert_eq!(effect.of_data, ["the rule \"old\" archives objects after 90 days"]);
        assert_eq!(effect.upload_days, None);
    }

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
