//! A document as a tree in which every key and every value knows where it was written: the file, or the environment.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;

use toml::de::{DeTable, DeValue};

use crate::option::{self, Kind, Shape};
use crate::problem::{Class, Finding, Origin};

/// What the names of environment variables begin with; the keys follow, separated by [`SEPARATOR`].
pub(crate) const PREFIX: &str = "TRIBUTARY__";

/// Between two keys of a variable's name. One underscore is part of many keys.
pub(crate) const SEPARATOR: &str = "__";

/// No option is deeper than six keys. A limit, so that a variable of a thousand keys builds no tower.
const DEEPEST: usize = 8;

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) origin: Origin,
    pub(crate) value: Value,
}

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    /// `None` when it does not fit 64 bits.
    Integer(Option<i64>),
    Float(#[cfg_attr(not(test), expect(dead_code, reason = "no option is a float: only its kind matters"))] f64),
    Boolean(bool),
    Datetime,
    List(Vec<Node>),
    Table(Table),
}

impl Value {
    /// What it is, with its article, for a message.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a decimal number",
            Self::Boolean(_) => "true or false",
            Self::Datetime => "a date",
            Self::List(_) => "a list",
            Self::Table(_) => "a section",
        }
    }
}

/// The keys of a table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) members: BTreeMap<String, Member>,
}

/// A key with where it was written, and its value.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) key: Origin,
    pub(crate) node: Node,
}

/// The tree of a parsed file.
pub(crate) fn from_toml(table: &DeTable<'_>) -> Table {
    let members = table.iter().map(|(key, value)| {
        let node = Node { origin: Origin::File(value.span().start), value: from_value(value.get_ref()) };
        (key.get_ref().to_string(), Member { key: Origin::File(key.span().start), node })
    });
    Table { members: members.collect() }
}

fn from_value(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok()),
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(truth) => Value::Boolean(*truth),
        DeValue::Datetime(_) => Value::Datetime,
        DeValue::Table(table) => Value::Table(from_toml(table)),
        DeValue::Array(items) => {
            let node = |item: &toml::Spanned<DeValue<'_>>| Node {
                origin: Origin::File(item.span().start),
                value: from_value(item.get_ref()),
            };
            Value::List(items.iter().map(node).collect())
        }
    }
}

#[cfg(test)]
/// The tree as plain values, for serde.
pub(crate) fn to_toml(table: Table) -> toml::Table {
    table.members.into_iter().map(|(key, member)| (key, to_value(member.node.value))).collect()
}

#[cfg(test)]
fn to_value(value: Value) -> toml::Value {
    match value {
        Value::Text(text) => toml::Value::String(text),
        // No option is so large a number, a decimal one or a date. As a decimal serde refuses all of them, as the walk
        // does; a date it would take for a text.
        Value::Integer(number) => number.map_or(toml::Value::Float(f64::INFINITY), toml::Value::Integer),
        Value::Datetime => toml::Value::Float(f64::NAN),
        Value::Float(number) => toml::Value::Float(number),
        Value::Boolean(truth) => toml::Value::Boolean(truth),
        Value::List(items) => toml::Value::Array(items.into_iter().map(|item| to_value(item.value)).collect()),
        Value::Table(table) => toml::Value::Table(to_toml(table)),
    }
}

/// Lays the `TRIBUTARY__…` variables of `environment` over a file's tree. A variable names the keys of an option in any
/// case, joined by two underscores; what it says is read as the option table asks (a list is cut at commas).
///
/// The `config` crate does the same to the values themselves ([`merge`](crate::merged::merge)), but it forgets where each
/// was written, which is what a problem needs.
pub(crate) fn overlay(root: &mut Table, environment: &BTreeMap<String, String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let named = environment.iter().filter_map(|(variable, text)| {
        let keys = variable.strip_prefix(PREFIX)?.to_lowercase();
        Some((keys.splitn(DEEPEST, SEPARATOR).map(str::to_owned).collect::<Vec<_>>(), variable, text))
    });
    // A section before its keys, so that one variable for both is noticed.
    let mut named: Vec<_> = named.collect();
    named.sort_by_key(|(path, variable, _)| (path.len(), *variable));
    for (path, variable, text) in named {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let value = match option::find(&path) {
            Some(entry) => read(&entry.shape, variable, text),
            None => Value::Text(text.clone()),
        };
        if let Err(other) = insert(root, &path, variable, value) {
            findings.push(Finding {
                class: Class::Meaning,
                origin: Origin::Variable(variable.clone()),
                key_path: path.join("."),
                message: format!("contradicts the variable {other}"),
                help: Some("unset one of them".to_owned()),
            });
        }
    }
    findings
}

/// Reads a variable's text as the value its option wants. What cannot be read stays a text, for the walk to refuse.
fn read(shape: &Shape, variable: &str, text: &str) -> Value {
    let kept = || Value::Text(text.to_owned());
    let truth = || text.trim().to_lowercase().parse::<bool>().map_or_else(|_| kept(), Value::Boolean);
    match shape {
        Shape::Leaf(Kind::Boolean) | Shape::TableOrFalse(_) => truth(),
        Shape::Leaf(Kind::Integer | Kind::Count { .. }) => {
            text.trim().parse().map_or_else(|_| kept(), |number| Value::Integer(Some(number)))
        }
        Shape::Leaf(Kind::AllOrChoices(_)) if text.trim() == "all" => Value::Text("all".to_owned()),
        Shape::Leaf(
            Kind::Paths
            | Kind::Patterns
            | Kind::Tags
            | Kind::Topics
            | Kind::CaseIds
            | Kind::Choices(_)
            | Kind::AllOrChoices(_),
        ) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            let origin = || Origin::Variable(variable.to_owned());
            Value::List(items.map(|item| Node { origin: origin(), value: Value::Text(item.to_owned()) }).collect())
        }
        Shape::Leaf(_) | Shape::Table(_) | Shape::Named(_) => kept(),
    }
}

/// Puts a variable's value at its path, over whatever the file says there. `Err` names another variable that is in the
/// way.
fn insert(table: &mut Table, path: &[&str], variable: &str, value: Value) -> Result<(), String> {
    let Some((key, rest)) = path.split_first() else { return Ok(()) };
    let origin = Origin::Variable(variable.to_owned());
    if rest.is_empty() {
        let node = Node { origin: origin.clone(), value };
        return match table.members.entry((*key).to_owned()) {
            Place::Occupied(place) if is_from_environment(&place.get().node) => Err(name_of(&place.get().node)),
            Place::Occupied(mut place) => {
                place.get_mut().node = node;
                Ok(())
            }
            Place::Vacant(place) => {
                place.insert(Member { key: origin, node });
                Ok(())
            }
        };
    }
    let empty = || Node { origin: origin.clone(), value: Value::Table(Table::default()) };
    let member = table.members.entry((*key).to_owned());
    let member = member.or_insert_with(|| Member { key: origin.clone(), node: empty() });
    if !matches!(member.node.value, Value::Table(_)) {
        if is_from_environment(&member.node) {
            return Err(name_of(&member.node));
        }
        member.node = empty();
    }
    match &mut member.node.value {
        Value::Table(inner) => insert(inner, rest, variable, value),
        _ => Ok(()),
    }
}

fn is_from_environment(node: &Node) -> bool {
    matches!(node.origin, Origin::Variable(_))
}

fn name_of(node: &Node) -> String {
    match &node.origin {
        Origin::Variable(name) => name.clone(),
        Origin::File(_) => String::new(),
    }
}
