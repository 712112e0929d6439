//! What contradicts itself about Kafka.

use std::collections::BTreeSet;

use tributary_source_kafka::{Protocol, refuse_setting};

use super::sasl::sasl;
use super::{member, sources_of, table_of, text_of};
use crate::moment::read_moment;
use crate::problem::{Class, Finding, Origin};
use crate::tree::{Member, Node, Table, Value};

/// Options of one source that exclude one another, and several sources: each partition has state of its own, which files
/// share.
pub(super) fn kafka(root: &Table) -> Vec<Finding> {
    let sources: Vec<(&String, &Member)> = sources_of(root, "kafka").collect();
    let is_batch = text_of(root, "mode").is_some_and(|(mode, _)| mode == "batch");
    let in_one = |(name, source): &(&String, &Member)| Some(in_one(name, table_of(source)?, is_batch));
    let mut findings: Vec<Finding> = sources.iter().filter_map(in_one).flatten().collect();
    let all = member(root, "sources").and_then(table_of).map_or(0, |sources| sources.members.len());
    if let Some((name, source)) = sources.first().filter(|_| all > 1) {
        let message = "a pipeline that reads Kafka reads nothing else".to_owned();
        let help = "write a file with the same name and the other source, and run it beside this one";
        findings.push(finding(&format!("sources.{name}.kafka"), &source.key, message, help));
    }
    findings
}

/// The keys of one source, and what is said of them.
pub(super) struct Keys<'a> {
    path: String,
    keys: &'a Table,
    findings: Vec<Finding>,
}

impl Keys<'_> {
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

fn in_one(name: &str, source: &Table, is_batch: bool) -> Vec<Finding> {
    let mut keys = Keys { path: format!("sources.{name}.kafka"), keys: source, findings: Vec::new() };
    if keys.text("group") == Some("consumer") {
        keys.refuse(
            "session_timeout",
            "with group = \"consumer\" the brokers say it",
            "remove it, or write group = \"classic\"",
        );
    }
    if !keys.is_true("tls") {
        for key in ["authorities", "certificate", "key"] {
            // A provider of tokens is spoken to by TLS whatever the brokers are.
            if key != "authorities" || !keys.has("token_url") {
                keys.refuse(key, "certificates belong to TLS", "add tls = true, or remove it");
            }
        }
    }
    for (key, other) in [("certificate", "key"), ("key", "certificate")] {
        if !keys.has(other) {
            keys.refuse(key, "a certificate and its key belong together", &format!("add {other}"));
        }
    }
    sasl(&mut keys);
    range(&mut keys, is_batch);
    offsets(&mut keys);
    settings(&mut keys);
    keys.findings
}

/// Where reading begins and ends.
fn range(keys: &mut Keys<'_>, is_batch: bool) {
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

/// Offsets of topics that are not read.
fn offsets(keys: &mut Keys<'_>) {
    let Some(offsets) = member(keys.keys, "start").and_then(table_of) else { return };
    let Some(Value::List(topics)) = member(keys.keys, "topics").map(|member| &member.node.value) else { return };
    let may_mean = |item: &Node, topic: &str| match &item.value {
        Value::Text(text) => text == topic || text.starts_with('^'),
        _ => false,
    };
    for (topic, member) in &offsets.members {
        if !topics.iter().any(|item| may_mean(item, topic)) {
            let path = format!("{}.start.{topic}", keys.path);
            let message = format!("{topic:?} is not among the topics");
            keys.findings.push(finding(&path, &member.key, message, "add it to topics, or remove it"));
        }
    }
}

/// Settings of librdkafka that are not to be made, or that it does not take.
fn settings(keys: &mut Keys<'_>) {
    let Some(client) = member(keys.keys, "client").and_then(table_of) else { return };
    let protocol = if keys.text("group") == Some("consumer") { Protocol::Consumer } else { Protocol::Classic };
    let mut found = Vec::new();
    flatten(client, "", &mut found);
    let mut seen = BTreeSet::new();
    for (name, member) in found {
        let path = format!("{}.client.{name}", keys.path);
        let value = match &member.node.value {
            Value::Text(text) => text.clone(),
            Value::Integer(Some(number)) => number.to_string(),
            Value::Boolean(truth) => truth.to_string(),
            // Told of already.
            _ => continue,
        };
        if let Some((message, help)) = refuse_setting(&name, &value, protocol) {
            keys.findings.push(finding(&path, &member.key, message, &help));
        } else if !seen.insert(name.clone()) {
            keys.findings.push(finding(&path, &member.key, format!("{name} is written twice"), "remove one of them"));
        }
    }
}

/// The settings by their names, whether these stand in quotes or not.
fn flatten<'a>(table: &'a Table, name: &str, found: &mut Vec<(String, &'a Member)>) {
    for (key, member) in &table.members {
        let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
        match table_of(member) {
            Some(inner) => flatten(inner, &name, found),
            None => found.push((name, member)),
        }
    }
}

fn finding(path: &str, origin: &Origin, message: String, help: &str) -> Finding {
    Finding {
        class: Class::Meaning,
        origin: origin.clone(),
        key_path: path.to_owned(),
        message,
        help: Some(help.to_owned()),
    }
}
