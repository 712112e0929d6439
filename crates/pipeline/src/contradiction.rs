//! What is right key by key and wrong together.

mod cases;
mod kafka;
mod keys;
mod kinesis;
mod privacy;
mod s3;
mod sasl;

use std::collections::BTreeMap;

use self::s3::{lake_in_s3, source_in_s3};
use crate::problem::{Class, Finding, Origin};
use crate::tree::{Member, Node, Table, Value};

/// Options that exclude one another.
pub(crate) fn contradictions(root: &Table) -> Vec<Finding> {
    let mut findings = Vec::new();
    let files: Vec<(&String, &Member)> = sources_of(root, "file").collect();
    let objects: Vec<(&String, &Member)> = sources_of(root, "s3").collect();
    findings.extend(inputs_without_mode(root, "file", &files).or_else(|| inputs_without_mode(root, "s3", &objects)));
    findings.extend(objects.iter().flat_map(|(name, source)| source_in_s3(root, name, source)));
    findings.extend(streamed_standard_input(root, &files));
    findings.extend(shared_inputs(&files));
    findings.extend(tables_without_events(root));
    findings.extend(kafka::kafka(root));
    findings.extend(kinesis::kinesis(root));
    findings.extend(cases::cases(root));
    findings.extend(lake_in_s3(root));
    findings.extend(privacy::privacy(root));
    findings
}

fn text_of<'a>(table: &'a Table, key: &str) -> Option<(&'a str, &'a Origin)> {
    match member(table, key)?.node {
        Node { value: Value::Text(ref text), ref origin } => Some((text, origin)),
        _ => None,
    }
}

/// All `[sources.NAME.KIND]` of this kind.
fn sources_of<'a>(root: &'a Table, kind: &'static str) -> impl Iterator<Item = (&'a String, &'a Member)> {
    let sources = member(root, "sources").and_then(table_of).map(|sources| &sources.members);
    let named = sources.into_iter().flatten();
    named.filter_map(move |(name, source)| Some((name, member(table_of(source)?, kind)?)))
}

/// Over files and objects the default would be a surprise for those who want them read once.
fn inputs_without_mode(root: &Table, kind: &str, inputs: &[(&String, &Member)]) -> Option<Finding> {
    let (name, first) = inputs.first()?;
    if member(root, "mode").is_some() {
        return None;
    }
    Some(Finding {
        class: Class::Meaning,
        origin: first.key.clone(),
        key_path: format!("sources.{name}.{kind}"),
        message: format!("whether [sources.{name}.{kind}] is read once or for ever is not said"),
        help: Some(
            "add mode = \"batch\" at the top of the file to read what is there, or mode = \"streaming\" to wait for more"
                .to_owned(),
        ),
    })
}

/// What is read of it cannot be read again, and it ends.
fn streamed_standard_input(root: &Table, files: &[(&String, &Member)]) -> Option<Finding> {
    let is_stream = matches!(member(root, "mode"), Some(Member { node: Node { value: Value::Text(mode), .. }, .. }) if mode == "streaming");
    let paths = files.iter().filter_map(|(name, file)| Some((name, member(table_of(file)?, "paths")?)));
    let (name, place, origin) = paths.filter(|_| is_stream).find_map(|(name, paths)| {
        let Value::List(items) = &paths.node.value else { return None };
        let place = items.iter().position(|item| matches!(&item.value, Value::Text(path) if path == "-"))?;
        Some((name, place, items[place].origin.clone()))
    })?;
    Some(Finding {
        class: Class::Meaning,
        origin,
        key_path: format!("sources.{name}.file.paths[{place}]"),
        message: "standard input cannot be read in streaming mode: what was read and not committed would be lost"
            .to_owned(),
        help: Some("write it to files, or mode = \"batch\"".to_owned()),
    })
}

/// Tables whose rows come with those of another, by whose keys what is in the lake already is found.
const WITH: [(&str, &str); 4] = [
    ("agent_", "agent_event"),
    ("case_events_flattened", "case_events"),
    ("latest_case_state", "case_events"),
    ("contact_flow_events", "contact_flow_log_events"),
];

fn tables_without_events(root: &Table) -> Option<Finding> {
    let connect = member(table_of(member(root, "transform")?)?, "connect").and_then(table_of)?;
    let Member { node: Node { origin, value: Value::List(items) }, .. } = member(connect, "tables")? else {
        return None;
    };
    let names: Vec<&str> = items
        .iter()
        .filter_map(|item| if let Value::Text(name) = &item.value { Some(name.as_str()) } else { None })
        .collect();
    let lacks =
        |(some, needed): &&(&str, &str)| names.iter().any(|name| name.starts_with(some)) && !names.contains(needed);
    let (_, needed) = WITH.iter().find(lacks)?;
    Some(Finding {
        class: Class::Meaning,
        origin: origin.clone(),
        key_path: "transform.connect.tables".to_owned(),
        message: format!("without {needed}, what is in the lake already cannot be told"),
        help: Some(format!("add \"{needed}\" to the list")),
    })
}

/// One input under two names would be read twice.
fn shared_inputs(files: &[(&String, &Member)]) -> Vec<Finding> {
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    let mut findings = Vec::new();
    for (name, file) in files {
        let paths = table_of(file).and_then(|table| member(table, "paths"));
        let Some(Member { node: Node { value: Value::List(items), .. }, .. }) = paths else { continue };
        for (index, item) in items.iter().enumerate() {
            let Value::Text(path) = &item.value else { continue };
            let owner = *owners.entry(path).or_insert(name);
            if owner != name.as_str() {
                findings.push(shared_input(&item.origin, format!("sources.{name}.file.paths[{index}]"), path, owner));
            }
        }
    }
    findings
}

fn shared_input(origin: &Origin, key_path: String, path: &str, owner: &str) -> Finding {
    let message = match path {
        "-" => format!("standard input is already read by the source {owner:?}"),
        _ => format!("{path:?} is already read by the source {owner:?}"),
    };
    let help = Some("name each input in one source".to_owned());
    Finding { class: Class::Meaning, origin: origin.clone(), key_path, message, help }
}

fn member<'a>(table: &'a Table, key: &str) -> Option<&'a Member> {
    table.members.get(key)
}

fn table_of(member: &Member) -> Option<&Table> {
    match &member.node.value {
        Value::Table(table) => Some(table),
        _ => None,
    }
}
