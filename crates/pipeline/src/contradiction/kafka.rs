//! What contradicts itself about Kafka.

use std::collections::BTreeSet;

use tributary_source_kafka::{Protocol, refuse_setting};

use super::keys::{Keys, finding, range, sources_alone};
use super::sasl::sasl;
use super::{member, table_of};
use crate::problem::Finding;
use crate::tree::{Member, Node, Table, Value};

/// Options of one source that exclude one another, and several sources.
pub(super) fn kafka(root: &Table) -> Vec<Finding> {
    sources_alone(root, ("kafka", "Kafka"), in_one)
}

fn in_one(mut keys: Keys<'_>, is_batch: bool) -> Vec<Finding> {
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
