//! The values of options that speak of S3.

use tributary_source_s3::Keys;

use super::Refused;
use crate::location::Location;
use crate::moment::read_moment;
use crate::problem::Class;

/// `s3://bucket/prefix`.
pub(super) fn bucket(text: &str) -> Result<(), Refused> {
    match Location::read(text) {
        Ok(Location::S3 { .. }) => Ok(()),
        Ok(Location::Folder(_)) => {
            let help = "write \"s3://bucket/prefix\"; files of this machine are read by [sources.NAME.file]";
            Err(Refused::new(Class::Meaning, format!("{text:?} is no place in S3"), help.to_owned()))
        }
        Err((message, help)) => Err(Refused::new(Class::Meaning, message, help.to_owned())),
    }
}

/// A pattern of keys.
pub(super) fn pattern(text: &str) -> Result<(), Refused> {
    let refuse = |message: String, help: &str| Err(Refused::new(Class::Meaning, message, help.to_owned()));
    if text.is_empty() || text.starts_with('/') || text.contains("://") {
        let help = "a pattern goes on where the location ends, as in \"2026/**/*.gz\"";
        return refuse(format!("{text:?} matches no key"), help);
    }
    match Keys::matching(&[text.to_owned()]) {
        Ok(_) => Ok(()),
        Err(error) => {
            let help = "* and ? stand for letters, ** for folders, [ab] for a or b; a plain [ is written [[]";
            refuse(format!("{text:?} is not a pattern: {}", error.msg), help)
        }
    }
}

pub(super) fn moment(text: &str) -> Result<(), Refused> {
    if read_moment(text).is_some() {
        return Ok(());
    }
    let help = "write a day, \"2026-11-01\", or a moment, \"2026-11-01T06:00:00Z\"".to_owned();
    Err(Refused::new(Class::Shape, format!("{text:?} is no moment"), help))
}

/// Source: Amazon S3 User Guide, "Categorizing your objects using tags".
pub(super) fn tag(text: &str) -> Result<(), Refused> {
    let refuse = |message: String| {
        Err(Refused::new(Class::Meaning, message, "write for example tags = [\"team=wfm\"]".to_owned()))
    };
    let Some((name, value)) = text.split_once('=') else { return refuse(format!("{text:?} is not name=value")) };
    let allowed = |letter: char| letter.is_alphanumeric() || " +-=._:/@".contains(letter);
    if name.is_empty() || name.starts_with("aws:") || !text.chars().all(allowed) {
        return refuse(format!("{text:?} is not a tag that S3 takes"));
    }
    if name.chars().count() > 128 || value.chars().count() > 256 {
        return refuse("the name of a tag has at most 128 letters, its value 256".to_owned());
    }
    Ok(())
}
