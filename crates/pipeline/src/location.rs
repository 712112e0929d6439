//! Where a lake can be: a folder of this machine, or a place in S3.

use std::path::PathBuf;

/// A location that was written in a pipeline file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// A folder.
    Folder(PathBuf),
    /// `s3://bucket/prefix`; the prefix may be empty, and has no `/` at its ends.
    S3 { bucket: String, prefix: String },
}

/// What is wrong with it, and the cure.
pub(crate) type Refusal = (String, &'static str);

impl Location {
    /// Reads it.
    pub(crate) fn read(text: &str) -> Result<Self, Refusal> {
        let refuse = |message: &str, help| Err((message.to_owned(), help));
        match text.split_once("://") {
            Some(("s3", rest)) => Self::in_s3(rest),
            Some(("s3a" | "s3n", rest)) => {
                Err((format!("s3 is the scheme of S3 (write \"s3://{rest}\")"), "write s3://bucket/prefix"))
            }
            Some((scheme, _)) => Err((
                format!("{scheme}:// is not in this version"),
                "name a folder of this machine, or s3://bucket/prefix",
            )),
            None if text.is_empty() => refuse("a folder needs a name", "name a folder; \".\" is the working directory"),
            None if text.contains('\0') => refuse("no folder has a zero byte in its name", "remove it"),
            None => Ok(Self::Folder(PathBuf::from(text))),
        }
    }

    /// Source: Amazon S3 User Guide, "General purpose bucket naming rules" and "Naming Amazon S3 objects".
    fn in_s3(rest: &str) -> Result<Self, Refusal> {
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let ends = |byte: Option<&u8>| byte.is_some_and(|byte| plain(*byte));
        let bytes = bucket.as_bytes();
        let is_bucket = (3..=63).contains(&bytes.len())
            && bytes.iter().all(|byte| plain(*byte) || b".-".contains(byte))
            && ends(bytes.first())
            && ends(bytes.last());
        if !is_bucket {
            return Err((
                format!("{bucket:?} is not the name of a bucket"),
                "3 to 63 lower-case letters, digits, dots and hyphens, as in s3://bucket/prefix",
            ));
        }
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let is_odd =
            |part: &str| matches!(part, "" | "." | "..") || part.bytes().any(|byte| byte < 0x20 || byte == 0x7f);
        if !prefix.is_empty() && prefix.split('/').any(is_odd) {
            return Err((
                format!("{prefix:?} has a part that engines cannot read below"),
                "no empty part, no . or .., no control characters",
            ));
        }
        // Keys of the lake are at most some 200 bytes long, S3's 1,024.
        if prefix.len() > 512 {
            return Err(("the prefix is longer than 512 bytes".to_owned(), "choose a shorter one"));
        }
        Ok(Self::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_buckets() {
        let s3 = |bucket: &str, prefix: &str| Location::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() };
        for (text, expected) in [
            ("lake", Location::Folder("lake".into())),
            ("/var/lake", Location::Folder("/var/lake".into())),
            ("s3://abc", s3("abc", "")),
            ("s3://abc/", s3("abc", "")),
            ("s3://a.b-c/x/y z/", s3("a.b-c", "x/y z")),
        ] {
            assert_eq!(Location::read(text), Ok(expected), "{text}");
        }
        for text in [
            "",
            "a\0b",
            "gs://abc",
            "s3a://abc/x",
            "s3://",
            "s3://ab",
            "s3://Abc",
            "s3://-ab",
            "s3://abc//x",
            "s3://abc/./x",
        ] {
            assert!(Location::read(text).is_err(), "{text}");
        }
    }
}
