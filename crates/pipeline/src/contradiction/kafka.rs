//! What contradicts itself about Kafka.

use super::{member, sources_of, table_of, text_of};
use crate::problem::{Class, Finding, Origin};
use crate::tree::{Member, Table, Value};

/// Options of one source that exclude one another, and several sources: each partition has state of its own, which files
/// share.
pub(super) fn kafka(root: &Table) -> Vec<Finding> {
    let sources: Vec<(&String, &Member)> = sources_of(root, "kafka").collect();
    let mut findings: Vec<Finding> =
        sources.iter().filter_map(|(name, source)| Some(in_one(name, table_of(source)?))).flatten().collect();
    let all = member(root, "sources").and_then(table_of).map_or(0, |sources| sources.members.len());
    if let Some((name, source)) = sources.first().filter(|_| all > 1) {
        let message = "a pipeline that reads Kafka reads nothing else".to_owned();
        let help = "write a file with the same name and the other source, and run it beside this one";
        findings.push(finding(&format!("sources.{name}.kafka"), &source.key, message, help));
    }
    findings
}

fn in_one(name: &str, keys: &Table) -> Vec<Finding> {
    let path = |key: &str| format!("sources.{name}.kafka.{key}");
    let mut findings = Vec::new();
    let mut refuse = |key: &str, message: &str, help: &str| {
        if let Some(member) = member(keys, key) {
            findings.push(finding(&path(key), &member.key, message.to_owned(), help));
        }
    };
    let has = |key: &str| member(keys, key).is_some();
    let is_text = |key: &str, text: &str| text_of(keys, key).is_some_and(|(found, _)| found == text);
    if is_text("group", "consumer") {
        refuse(
            "session_timeout",
            "with group = \"consumer\" the brokers say it",
            "remove it, or write group = \"classic\"",
        );
    }
    let is_tls = member(keys, "tls").is_some_and(|member| matches!(member.node.value, Value::Boolean(true)));
    if !is_tls {
        for key in ["authorities", "certificate", "key"] {
            refuse(key, "certificates belong to TLS", "add tls = true, or remove it");
        }
    }
    for (key, other) in [("certificate", "key"), ("key", "certificate")] {
        if !has(other) {
            refuse(key, "a certificate and its key belong together", &format!("add {other}"));
        }
    }
    if has("sasl") {
        if !has("username") {
            refuse("sasl", "nothing says who we are", "add username");
        }
        if has("password_env") == has("password_file") {
            refuse(
                "sasl",
                "the password comes from one place",
                "add password_env = \"KAFKA_PASSWORD\", or password_file",
            );
        }
    } else {
        for key in ["username", "password_env", "password_file"] {
            refuse(key, "it belongs to sasl", "add sasl = \"scram-sha-512\", or remove it");
        }
    }
    findings
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
