//! Walks a document along the option table and collects everything that is wrong with it.

mod cases;
mod kafka;
mod kinesis;
mod pairs;
mod s3;

use std::collections::BTreeSet;

use tributary_connect::agent_time::CUSTOM_STATES;
use tributary_core::PipelineId;

use crate::location::Location;
use crate::option::{self, Choice, Default, Entry, FORMAT_VERSION, Kind, Shape};
use crate::problem::{Class, Finding, Origin, nearest};
use crate::tree::{Node, Table, Value};
use crate::unit::{self, BadUnit};

#[cfg(feature = "cases")]
pub(crate) use cases::is_case;
pub(crate) use kafka::partition;

/// Everything that is wrong with each key by itself, in no particular order.
pub(crate) fn walk(root: &Table) -> Vec<Finding> {
    let mut walk = Walk { findings: Vec::new() };
    walk.table(option::ROOT, root, &Origin::File(0), "");
    walk.findings
}

/// Whether a source may have this name.
pub(crate) fn is_source_name(name: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.starts_with(|first: char| first.is_ascii_lowercase()) && name.bytes().all(rest) && name.len() <= 64
}

struct Walk {
    findings: Vec<Finding>,
}

impl Walk {
    fn add(&mut self, class: Class, origin: &Origin, path: &str, message: String, help: impl Into<Option<String>>) {
        let (origin, key_path) = (origin.clone(), path.to_owned());
        self.findings.push(Finding { class, origin, key_path, message, help: help.into() });
    }

    fn table(&mut self, entries: &'static [Entry], table: &Table, origin: &Origin, path: &str) {
        for (key, member) in &table.members {
            let here = join(path, key);
            match entries.iter().find(|entry| entry.key == key) {
                Some(entry) => self.entry(entry, &member.node, &here),
                None => {
                    let message = format!("unknown key {key:?} {}", inside(path));
                    self.add(Class::Shape, &member.key, &here, message, help_for_unknown(key, entries));
                }
            }
        }
        let missing = |entry: &&Entry| !table.members.contains_key(entry.key);
        for entry in entries.iter().filter(missing) {
            if let Default::Required(line) = entry.default {
                let here = join(path, entry.key);
                let message = match entry.shape {
                    Shape::Leaf(_) => format!("missing key {:?} {}", entry.key, inside(path)),
                    _ => format!("missing section {}", section(&here)),
                };
                self.add(Class::Missing, origin, &here, message, format!("add {}", with_name(line, path)));
            }
        }
    }

    fn entry(&mut self, entry: &'static Entry, node: &Node, path: &str) {
        match (&entry.shape, &node.value) {
            (Shape::Leaf(kind), _) => self.leaf(entry.key, kind, node, path),
            (Shape::Table(inner) | Shape::TableOrFalse(inner), Value::Table(table)) => {
                self.table(inner, table, &node.origin, path);
            }
            (Shape::TableOrFalse(_), Value::Boolean(false)) => {}
            (Shape::TableOrFalse(_), Value::Boolean(true)) => {
                let help = format!("it is on by default: leave it out, or write a table of {}", keys_of(entry));
                self.add(Class::Shape, &node.origin, path, format!("{:?} cannot be true", entry.key), help);
            }
            (Shape::Named(inner), Value::Table(table)) => self.named(inner, table, node, path),
            (Shape::TableOrFalse(_), other) => {
                let message = format!("{:?} must be false or a table, not {}", entry.key, other.kind());
                self.add(Class::Shape, &node.origin, path, message, format!("its keys are {}", keys_of(entry)));
            }
            (_, other) => {
                let message = format!("{:?} must be a section, not {}", entry.key, other.kind());
                self.add(Class::Shape, &node.origin, path, message, format!("its keys are {}", keys_of(entry)));
            }
        }
    }

    fn named(&mut self, inner: &'static [Entry], table: &Table, node: &Node, path: &str) {
        if table.members.is_empty() {
            let help = "add [sources.agents.file] with paths = [\"in/*.jsonl.gz\"]".to_owned();
            self.add(Class::Meaning, &node.origin, path, format!("{} has no source", section(path)), help);
        }
        for (name, member) in &table.members {
            let here = join(path, name);
            if !is_source_name(name) {
                let message = format!("{name:?} is not a usable name of a source");
                let help =
                    "it begins with a lower-case letter; lower-case letters, digits and _ follow; at most 64 in all";
                self.add(Class::Shape, &member.key, &here, message, help.to_owned());
            }
            match &member.node.value {
                Value::Table(kinds) => {
                    self.table(inner, kinds, &member.node.origin, &here);
                    self.one_kind(inner, kinds, &member.node.origin, &here);
                }
                other => {
                    let message = format!("{} must be a section, not {}", section(&here), other.kind());
                    self.add(Class::Shape, &member.node.origin, &here, message, format!("write [{here}.file]"));
                }
            }
        }
    }

    /// A source is of one kind. One that is not in this version was told of already.
    fn one_kind(&mut self, kinds: &'static [Entry], source: &Table, origin: &Origin, path: &str) {
        let known = |key: &&String| kinds.iter().any(|kind| kind.key == **key);
        let found: Vec<&String> = source.members.keys().filter(known).collect();
        match found.as_slice() {
            [] if source.members.is_empty() => {
                let message = format!("nothing says what {} reads", section(path));
                self.add(
                    Class::Missing,
                    origin,
                    path,
                    message,
                    format!(
                        "add [{path}.file], [{path}.s3], [{path}.kafka], [{path}.kinesis], [{path}.cases] or \
                         [{path}.test_cases]"
                    ),
                );
            }
            [] | [_] => {}
            [_, second, ..] => {
                let message = format!(
                    "{} is of several kinds: {}",
                    section(path),
                    quoted(found.iter().map(|kind| kind.as_str()))
                );
                let origin = source.members.get(*second).map_or(origin, |member| &member.key);
                self.add(Class::Meaning, origin, path, message, "give each a source of its own name".to_owned());
            }
        }
    }

    fn leaf(&mut self, key: &str, kind: &'static Kind, node: &Node, path: &str) {
        let refused = match (kind, &node.value) {
            (Kind::Integer, Value::Integer(number)) => integer(*number),
            (Kind::Count { least, most }, Value::Integer(Some(number))) => {
                within(&number.to_string(), *number, *least..=*most, (least.to_string(), most.to_string()))
            }
            (Kind::Boolean, Value::Boolean(_)) => Ok(()),
            (Kind::Name, Value::Text(text)) => name(text),
            (Kind::Folder, Value::Text(text)) => folder(text),
            (Kind::Location, Value::Text(text)) => location(text),
            (Kind::Text, Value::Text(text)) => plain_text(text),
            (Kind::Bucket, Value::Text(text)) => s3::bucket(text),
            (Kind::Moment, Value::Text(text)) => s3::moment(text),
            (Kind::Begin, Value::Text(text)) => kinesis::begin(text),
            (Kind::Stream, Value::Text(text)) => kinesis::stream(text),
            (Kind::AwsName, Value::Text(text)) => kinesis::name(text),
            (Kind::Domain, Value::Text(text)) => cases::domain(text),
            (Kind::Instance, Value::Text(text)) => cases::instance(text),
            (Kind::CaseIds, Value::List(items)) => return self.list(key, node, items, path, &cases::case),
            (Kind::Start, Value::Text(text)) => kafka::start(text),
            (Kind::Start, Value::Table(topics)) => return self.offsets(topics, path),
            (Kind::Settings, Value::Table(settings)) => return self.settings(settings, path),
            (Kind::Pairs, Value::Table(pairs)) => return self.pairs(pairs, path),
            (Kind::Topics, Value::List(items)) => return self.list(key, node, items, path, &kafka::topic),
            (Kind::Patterns, Value::List(items)) => return self.list(key, node, items, path, &s3::pattern),
            (Kind::Tags, Value::List(items)) => return self.list(key, node, items, path, &s3::tag),
            (Kind::Size { least, most }, Value::Text(text)) => size(text, *least, *most),
            (Kind::Time { least, most }, Value::Text(text)) => {
                let bounds = (unit::time_text(*least), unit::time_text(*most));
                unit::read_time(text)
                    .map_err(Refused::shape)
                    .and_then(|time| within(text, time, *least..=*most, bounds))
            }
            (Kind::Choice(choices), Value::Text(text)) => choice(text, choices),
            (Kind::AllOrChoices(choices), Value::Text(text)) => all(text, choices),
            (Kind::Paths, Value::List(items)) => return self.list(key, node, items, path, &input),
            (Kind::StatusArns, Value::List(items)) => {
                if let Some(item) = items.get(CUSTOM_STATES) {
                    let message =
                        format!("{key:?} has {} statuses, and {CUSTOM_STATES} columns to count them", items.len());
                    let here = format!("{path}[{CUSTOM_STATES}]");
                    self.add(
                        Class::Meaning,
                        &item.origin,
                        &here,
                        message,
                        "leave out those nobody asks for".to_owned(),
                    );
                }
                return self.list(key, node, items, path, &status_arn);
            }
            (Kind::Choices(choices) | Kind::AllOrChoices(choices), Value::List(items)) => {
                return self.list(key, node, items, path, &|text| choice(text, choices));
            }
            (kind, value) => Err(wrong_type(key, kind, value)),
        };
        if let Err(Refused { class, message, help }) = refused {
            self.add(class, &node.origin, path, message, help);
        }
    }

    fn list(
        &mut self,
        key: &str,
        list: &Node,
        items: &[Node],
        path: &str,
        check: &dyn Fn(&str) -> Result<(), Refused>,
    ) {
        if items.is_empty() {
            self.add(Class::Meaning, &list.origin, path, format!("{key:?} is empty"), "name at least one".to_owned());
        }
        let mut seen = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let here = format!("{path}[{index}]");
            let Value::Text(text) = &item.value else {
                let message = format!("{key:?} must hold texts, not {}", item.value.kind());
                self.add(Class::Shape, &item.origin, &here, message, "write each in quotes".to_owned());
                continue;
            };
            if let Err(Refused { class, message, help }) = check(text) {
                self.add(class, &item.origin, &here, message, help);
            } else if !seen.insert(text) {
                let message = format!("{text:?} stands twice in {key:?}");
                self.add(Class::Meaning, &item.origin, &here, message, "remove one of them".to_owned());
            }
        }
    }
}

/// Why a value is refused.
struct Refused {
    class: Class,
    message: String,
    help: Option<String>,
}

impl Refused {
    fn new(class: Class, message: String, help: impl Into<Option<String>>) -> Self {
        Self { class, message, help: help.into() }
    }

    fn shape(bad: BadUnit) -> Self {
        Self::new(Class::Shape, bad.message, bad.help)
    }
}

fn integer(number: Option<i64>) -> Result<(), Refused> {
    match number {
        Some(FORMAT_VERSION) => Ok(()),
        Some(other) if u32::try_from(other).is_ok() => {
            let message = format!("version {other} of the file format is not known");
            Err(Refused::new(
                Class::Meaning,
                message,
                format!("this version of Tributary reads version = {FORMAT_VERSION}"),
            ))
        }
        _ => {
            let message = "\"version\" must be a small whole number".to_owned();
            Err(Refused::new(Class::Shape, message, format!("write version = {FORMAT_VERSION}")))
        }
    }
}

fn name(text: &str) -> Result<(), Refused> {
    let Err(invalid) = text.parse::<PipelineId>() else { return Ok(()) };
    let cleaned: String =
        text.to_lowercase().chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
    let help = cleaned.parse::<PipelineId>().ok().map(|usable| format!("write name = \"{usable}\""));
    Err(Refused::new(Class::Shape, invalid.to_string(), help))
}

fn status_arn(text: &str) -> Result<(), Refused> {
    if text.starts_with("arn:") && text.split_once("/agent-state/").is_some_and(|(_, id)| !id.is_empty()) {
        return Ok(());
    }
    let help = "write it as `agent_status_intervals.status_arn` has it: \"arn:...:instance/.../agent-state/...\"";
    Err(Refused::new(Class::Meaning, format!("{text:?} is no ARN of an agent status"), help.to_owned()))
}

fn folder(text: &str) -> Result<(), Refused> {
    match Location::read(text) {
        Ok(Location::Folder(_)) => Ok(()),
        Ok(Location::S3 { .. }) => {
            let help = "name a folder of this machine".to_owned();
            Err(Refused::new(Class::Meaning, "s3:// is no folder of this machine".to_owned(), help))
        }
        Err((message, help)) => Err(Refused::new(Class::Meaning, message, help.to_owned())),
    }
}

fn location(text: &str) -> Result<(), Refused> {
    let read = Location::read(text).map(drop);
    read.map_err(|(message, help)| Refused::new(Class::Meaning, message, help.to_owned()))
}

fn plain_text(text: &str) -> Result<(), Refused> {
    if text.trim().is_empty() || text.contains(|letter: char| letter.is_control()) {
        let message = format!("{text:?} says nothing, or holds control characters");
        return Err(Refused::new(Class::Meaning, message, "write a text, or leave the key out".to_owned()));
    }
    Ok(())
}

fn input(text: &str) -> Result<(), Refused> {
    let refuse = |message: String, help: &str| Err(Refused::new(Class::Meaning, message, help.to_owned()));
    match text.split_once("://") {
        Some(("s3", _)) => {
            let help = "write [sources.NAME.s3] with location = \"s3://bucket/prefix\"";
            return refuse("s3:// is no file of this machine".to_owned(), help);
        }
        Some((scheme, _)) => {
            return refuse(format!("{scheme}:// is not in this version"), "name files of this machine");
        }
        None if text.is_empty() => {
            return refuse("a path is empty".to_owned(), "name a file, a glob, or \"-\" for standard input");
        }
        None if text.contains('\0') => return refuse("no file has a zero byte in its name".to_owned(), "remove it"),
        None if text.ends_with('/') => {
            return refuse(format!("{text:?} is a folder"), &format!("write \"{text}*\" for the files in it"));
        }
        None => {}
    }
    match glob::Pattern::new(text) {
        Ok(_) => Ok(()),
        Err(error) => {
            let help = "* and ? stand for letters, ** for folders, [ab] for a or b; a plain [ is written [[]";
            refuse(format!("{text:?} is not a pattern: {}", error.msg), help)
        }
    }
}

fn size(text: &str, least: u64, most: u64) -> Result<(), Refused> {
    let bounds = (unit::size_text(least), unit::size_text(most));
    unit::read_size(text).map_err(Refused::shape).and_then(|bytes| within(text, bytes, least..=most, bounds))
}

fn within<T: PartialOrd>(
    text: &str,
    value: T,
    range: std::ops::RangeInclusive<T>,
    (least, most): (String, String),
) -> Result<(), Refused> {
    if range.contains(&value) {
        return Ok(());
    }
    let what = if value < *range.start() { "small" } else { "large" };
    Err(Refused::new(Class::Meaning, format!("{text:?} is too {what}"), format!("from {least} to {most}")))
}

fn choice(text: &str, choices: &[Choice]) -> Result<(), Refused> {
    let names = || choices.iter().map(|choice| choice.name);
    match choices.iter().find(|choice| choice.name == text) {
        Some(_) => Ok(()),
        None => {
            let near = nearest(text, names()).map(|name| format!("did you mean {name:?}?"));
            Err(Refused::new(
                Class::Shape,
                format!("{text:?} is not known here"),
                near.unwrap_or_else(|| one_of(names())),
            ))
        }
    }
}

fn all(text: &str, choices: &[Choice]) -> Result<(), Refused> {
    if text == "all" {
        return Ok(());
    }
    let message = format!("{text:?} must be \"all\" or a list");
    let known = choices.iter().any(|choice| choice.name == text);
    let help = if known {
        format!("write [\"{text}\"]")
    } else {
        format!("a list of {}", quoted(choices.iter().map(|choice| choice.name)))
    };
    Err(Refused::new(Class::Shape, message, help))
}

fn wrong_type(key: &str, kind: &Kind, value: &Value) -> Refused {
    let (wanted, mut help) = match kind {
        Kind::Integer | Kind::Count { .. } => ("a whole number", None),
        Kind::Boolean => ("true or false", None),
        Kind::Name => ("a text", None),
        Kind::Folder => ("the name of a folder", None),
        Kind::Location => ("the name of a folder, or s3://bucket/prefix", None),
        Kind::Text => ("a text", None),
        Kind::Bucket => ("a text, s3://bucket/prefix", None),
        Kind::Moment => ("a text", Some(format!("write it in quotes, for example {key} = \"2026-11-01T06:00:00Z\""))),
        Kind::Settings => ("a table", Some(format!("write for example {key} = {{ \"client.rack\" = \"a\" }}"))),
        Kind::Pairs => {
            ("a table", Some(format!("write for example {key} = {{ \"<domain id>\" = \"<instance id>\" }}")))
        }
        Kind::Begin => ("a text", Some(format!("write for example {key} = \"latest\""))),
        Kind::Stream | Kind::AwsName => {
            ("a text", Some(format!("write it in quotes, for example {key} = \"agent-events\"")))
        }
        Kind::Start => ("a text or a table", Some(format!("write for example {key} = \"latest\""))),
        Kind::Domain | Kind::Instance => {
            ("a text", Some(format!("write for example {key} = \"11111111-2222-3333-4444-555555555555\"")))
        }
        Kind::Paths | Kind::Patterns | Kind::StatusArns | Kind::Tags | Kind::Topics | Kind::CaseIds => {
            ("a list of texts", None)
        }
        Kind::Size { .. } => ("a size with its unit", Some(format!("write for example {key} = \"128 MiB\""))),
        Kind::Time { .. } => ("a time with its unit", Some(format!("write for example {key} = \"60s\""))),
        Kind::Choice(choices) => ("a text", Some(one_of(choices.iter().map(|choice| choice.name)))),
        Kind::Choices(_) => ("a list of texts", None),
        Kind::AllOrChoices(_) => ("\"all\" or a list of texts", None),
    };
    match (kind, value) {
        (Kind::Size { .. }, Value::Integer(Some(number))) => help = Some(unit::with_size_unit(&number.to_string())),
        (Kind::Time { .. }, Value::Integer(Some(number))) => {
            help = Some(format!("write \"{number}s\" for seconds, or \"{number}m\" for minutes"));
        }
        (
            Kind::Paths
            | Kind::Patterns
            | Kind::StatusArns
            | Kind::Tags
            | Kind::Topics
            | Kind::CaseIds
            | Kind::Choices(_),
            Value::Text(text),
        ) => help = Some(format!("write {key} = [{text:?}]")),
        (Kind::Boolean, Value::Text(text)) if matches!(text.as_str(), "true" | "false") => {
            help = Some(format!("write {key} = {text} without quotes"));
        }
        (Kind::Integer | Kind::Count { .. }, Value::Text(text)) if text.parse::<u32>().is_ok() => {
            help = Some(format!("write {key} = {text} without quotes"));
        }
        _ => {}
    }
    Refused::new(Class::Shape, format!("{key:?} must be {wanted}, not {}", value.kind()), help)
}

fn help_for_unknown(key: &str, entries: &[Entry]) -> String {
    let usable = || entries.iter().map(|entry| entry.key);
    if let Some(near) = nearest(key, usable()) {
        return format!("did you mean {near:?}?");
    }
    match option::sections_with(key).as_slice() {
        [] => format!("known here: {}", usable().collect::<Vec<_>>().join(", ")),
        sections => format!("it belongs to {}", sections.join(" or ")),
    }
}

fn keys_of(entry: &Entry) -> String {
    match entry.shape {
        Shape::Table(inner) | Shape::TableOrFalse(inner) => {
            inner.iter().map(|entry| entry.key).collect::<Vec<_>>().join(", ")
        }
        Shape::Leaf(_) | Shape::Named(_) => "names of your choice".to_owned(),
    }
}

fn one_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    match names.as_slice() {
        [only] => format!("this version has only \"{only}\""),
        _ => format!("one of {}", quoted(names.into_iter())),
    }
}

fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

/// Puts the name of the source that `path` leads through where the option table says NAME.
fn with_name(text: &str, path: &str) -> String {
    match path.strip_prefix("sources.") {
        Some(name) => text.replace("NAME", name),
        None => text.to_owned(),
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn section(path: &str) -> String {
    format!("[{path}]")
}

fn inside(path: &str) -> String {
    if path.is_empty() { "at the top of the file".to_owned() } else { format!("in {}", section(path)) }
}
