//! What stands in ARNs of Amazon Connect.
//!
//! Source: Service Authorization Reference, "Resource types defined by Amazon Connect".

/// The instance in an ARN, `.../instance/<id>/...`.
pub(crate) fn instance_of(arn: &str) -> Option<&str> {
    let (_, rest) = arn.split_once(":instance/").or_else(|| arn.split_once("/instance/"))?;
    rest.split('/').next().filter(|id| !id.is_empty())
}

/// The ARN of the instance that an ARN lies in.
pub(crate) fn instance_arn_of(arn: &str) -> Option<&str> {
    let id = instance_of(arn)?;
    let begin = arn.find("instance/")? + "instance/".len();
    arn.get(..begin + id.len())
}

/// The account in an ARN, `arn:<partition>:<service>:<region>:<account>:...`.
pub(crate) fn account_of(arn: &str) -> Option<&str> {
    let mut parts = arn.split(':');
    (parts.next() == Some("arn")).then(|| parts.nth(3)).flatten().filter(|account| !account.is_empty())
}

/// What follows `name/` in an ARN.
pub(crate) fn part<'v>(arn: &'v str, name: &str) -> Option<&'v str> {
    let mut parts = arn.split(['/', ':']);
    parts.find(|part| *part == name)?;
    parts.next().filter(|part| !part.is_empty())
}

/// The last part of an ARN.
pub(crate) fn last_of(arn: &str) -> Option<&str> {
    arn.rsplit('/').next().filter(|part| !part.is_empty() && *part != arn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_arns() {
        let arn = "arn:aws:connect:eu-west-2:111122223333:instance/i-1/contact-flow/f-1:$SAVED";
        assert_eq!((instance_of(arn), account_of(arn)), (Some("i-1"), Some("111122223333")));
        assert_eq!(instance_arn_of(arn), Some("arn:aws:connect:eu-west-2:111122223333:instance/i-1"));
        assert_eq!((part(arn, "contact-flow"), part(arn, "flow-module")), (Some("f-1"), None));
        for none in ["", "xx", "arn:aws:connect", "arn:aws:connect:::instance/"] {
            assert_eq!((instance_of(none), instance_arn_of(none), last_of(none)), (None, None, None), "{none}");
        }
        assert_eq!((account_of("arn:aws:s3:::bucket"), last_of("a/b")), (None, Some("b")));
    }
}
