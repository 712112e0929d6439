//! The keys of a source that is a topic or a stream, and what is said of them whatever it is.

use super::{member, sources_of, table_of, text_of};
use crate::moment::read_moment;
use crate::problem::{Class, Finding, Origin};
use crate::tree::{Member, Table, Value};

/// What `in_one` says of each source of this kind, told whether it is a batch; and that there is another source beside one of
/// them: each of their partitions has state of its own, which files share.
pub(super) fn sources_alone(
    root: &Table,
    (kind, service): (&'static str, &str),
    in_one: impl Fn(Keys<'_>, bool) -> Vec<Finding>,
) -> Vec<Finding> {
    let sources: Vec<(&String, &Member)> = sources_of(root, kind).collect();
    let is_batch = text_of(root, "mode").is_some_and(|(mode, _)| mode == "batch");
    let of_one = |(name, source): &(&String, &Member)| Some(in_one(Keys::of(name, kind, table_of(source)?), is_batch));
    let mut findings: Vec<Finding> = sources.iter().filter_map(of_one).flatten().collect();
    let all = member(root, "sources").and_then(table_of).map_or(0, |sources| sources.members.len());
    if let Some((name, source)) = sources.first().filter(|_| all > 1) {
        let message = format!("a pipeline that reads {service} reads nothing else");
        let help = "write a file with the same name and the other source, and run it beside this one";
        findings.push(finding(&format!("sources.{name}.{kind}"), &source.key, message, help));
    }
    findings
}

/// The keys of one source, and what is said of them.
pub(super) struct Keys<'a> {
    pub(super) path: String,
    pub(super) keys: &'a Table,
    pub(super) findings: Vec<Finding>,
}

impl<'a> Keys<'a> {
    /// Those of `[sources.NAME.KIND]`, of which nothing is said yet.
    pub(super) fn of(name: &str, kind: &str, keys: &'a Table) -> Self {
        Self { path: format!("sources.{name}.{kind}"), keys, findings: Vec::new() }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        member(self.keys, key).is_some()
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        text_of(self.keys, key).map(|(text, _)| text)
    }

    pub(super) fn is_true(&self, key: &str) -> bool {
        member(self.keys, key).is_some_and(|member| matches!(member.node.value, Value::Boolean(true)))
    }

    /// Says it where the key is written, if it is.
    pub(super) fn refuse(&mut self, key: &str, message: &str, help: &str) {
        if let Some(member) = member(self.keys, key) {
            let path = format!("{}.{key}", self.path);
            self.findings.push(finding(&path, &member.key, message.to_owned(), help));
        }
    }
}

/// Where reading begins and ends.
pub(super) fn range(keys: &mut Keys<'_>, is_batch: bool) {
    if !is_batch {
        keys.refuse("until", "a stream has no end", "write mode = \"batch\" at the top of the file, or remove it");
    }
    let moment = |key: &str| keys.text(key).and_then(read_moment);
    if let (Some(start), Some(until)) = (moment("start"), moment("until"))
        && start >= until
    {
        keys.refuse("until", "no moment is at start or later and before until", "exchange them, or correct one");
    }
}

/// What is wrong with the meaning of what stands there.
pub(super) fn finding(path: &str, origin: &Origin, message: String, help: &str) -> Finding {
    Finding {
        class: Class::Meaning,
        origin: origin.clone(),
        key_path: path.to_owned(),
        message,
        help: Some(help.to_owned()),
    }
}
