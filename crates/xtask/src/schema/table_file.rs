//! One file of `schemas/tables`: a table as it is written down once.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// A table: the source of truth of its names, types, ids and meanings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableFile {
    /// Its name, and the name of its file.
    pub name: String,
    /// The version of its schema: rises when a column is added.
    pub version: u32,
    /// What a row is.
    pub meaning: String,
    /// The columns that identify a row.
    pub key: Vec<String>,
    /// The column that says the partition.
    pub partition: String,
    /// How it does.
    #[serde(default)]
    pub partition_by: PartitionBy,
    /// The columns by which the rows of a row group are sorted.
    pub sort: Vec<String>,
    /// The columns with hardly any repeated value.
    pub distinct: Vec<String>,
    /// The room that builds its rows from generated code.
    pub generated_in: Room,
    /// Its columns, in order.
    #[serde(rename = "column")]
    pub columns: Vec<Column>,
}

/// How a column says the partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartitionBy {
    /// By the UTC day of a timestamp.
    #[default]
    Day,
    /// By the hash of a text.
    Bucket,
}

/// Which room gets a generated function for a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Room {
    /// `connect`.
    Connect,
    /// None: the table is written by hand, and a test compares.
    None,
}

/// The type of a column, an element or a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// UTF-8 text.
    String,
    /// Microseconds since 1970 in UTC, without a zone.
    Timestamp,
    /// True or false.
    Boolean,
    /// 32 bits, signed.
    Int,
    /// 64 bits, signed.
    Bigint,
    /// 64 bits, floating.
    Double,
    /// Bytes.
    Binary,
    /// A list; `element` says of what.
    Array,
    /// A struct; `members` says of what.
    Struct,
    /// Texts by texts; `entries` has their ids.
    Map,
}

/// A column.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its field id; never given to another.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: Type,
    /// Whether it may be null in the written schema.
    pub nullable: bool,
    /// What it says.
    pub meaning: String,
    /// Where it comes from: a path of the payload.
    pub source: String,
    /// When it is null; there exactly for nullable columns.
    pub null_when: Option<String>,
    /// What an array holds.
    pub element: Option<Element>,
    /// What a map holds.
    pub entries: Option<Entries>,
}

/// What a map holds: texts by texts.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entries {
    /// The field id of keys.
    pub key_id: u32,
    /// The field id of values, which may be null.
    pub value_id: u32,
}

/// What an array holds. May be null.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Element {
    /// Its field id.
    pub id: u32,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: Type,
    /// The members of a struct.
    #[serde(default)]
    pub members: Vec<Member>,
}

/// A member of a struct. May be null.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its field id.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: Type,
    /// What it says.
    pub meaning: String,
    /// Where it comes from, below its column's source.
    pub source: String,
    /// The members of a struct.
    #[serde(default)]
    pub members: Vec<Member>,
    /// What an array holds.
    pub element: Option<Element>,
}

impl TableFile {
    /// Reads and checks a file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let table = Self::parse(&text).with_context(|| format!("in {}", path.display()))?;
        ensure!(path.file_stem().is_some_and(|stem| stem == table.name.as_str()), "{} is not its name", path.display());
        Ok(table)
    }

    /// Reads and checks the text of a file.
    pub fn parse(text: &str) -> Result<Self> {
        let table: Self = toml::from_str(text)?;
        table.check()?;
        Ok(table)
    }

    fn check(&self) -> Result<()> {
        check_name(&self.name)?;
        ensure!(self.version > 0, "versions begin at 1");
        let mut ids = Ids::default();
        let mut names = BTreeSet::new();
        for column in &self.columns {
            column.check(&mut ids)?;
            ensure!(names.insert(column.name.as_str()), "column {} stands there twice", column.name);
        }
        for name in self.key.iter().chain(&self.sort).chain(&self.distinct).chain([&self.partition]) {
            ensure!(names.contains(name.as_str()), "there is no column {name}");
        }
        let partition = self.columns.iter().find(|column| column.name == self.partition);
        match self.partition_by {
            PartitionBy::Day => {
                ensure!(
                    partition.is_some_and(|column| column.kind == Type::Timestamp),
                    "the partition is no timestamp"
                );
            }
            PartitionBy::Bucket => {
                ensure!(partition.is_some_and(|column| column.kind == Type::String), "the partition is no text");
            }
        }
        Ok(())
    }
}

impl Column {
    fn check(&self, ids: &mut Ids) -> Result<()> {
        check_name(&self.name)?;
        ids.take(self.id, &self.name)?;
        let name = &self.name;
        ensure!(!self.meaning.is_empty() && !self.source.is_empty(), "{name} has no meaning or no source");
        ensure!(self.nullable == self.null_when.is_some(), "{name}: null_when belongs to nullable columns");
        ensure!(self.kind != Type::Struct, "{name}: a struct stands inside an array only");
        ensure!((self.kind == Type::Map) == self.entries.is_some(), "{name}: maps, and they alone, have entries");
        if let Some(Entries { key_id, value_id }) = self.entries {
            ids.take(key_id, name)?;
            ids.take(value_id, name)?;
        }
        check_element(name, self.kind, self.element.as_ref(), ids)
    }

    /// Its type in the words of the documentation: `array(struct{name string, level double})`.
    pub fn type_text(&self) -> String {
        type_text(self.kind, self.element.as_ref(), &[])
    }
}

impl Member {
    fn check(&self, ids: &mut Ids) -> Result<()> {
        check_name(&self.name)?;
        ids.take(self.id, &self.name)?;
        ensure!(!self.meaning.is_empty() && !self.source.is_empty(), "{} has no meaning or no source", self.name);
        check_members(&self.name, self.kind, &self.members, ids)?;
        ensure!(self.kind != Type::Map, "{}: a map is a column", self.name);
        check_element(&self.name, self.kind, self.element.as_ref(), ids)
    }

    /// Its type in the words of the documentation.
    pub fn type_text(&self) -> String {
        type_text(self.kind, self.element.as_ref(), &self.members)
    }
}

fn check_element(name: &str, kind: Type, element: Option<&Element>, ids: &mut Ids) -> Result<()> {
    ensure!((kind == Type::Array) == element.is_some(), "{name}: arrays, and they alone, have an element");
    let Some(element) = element else { return Ok(()) };
    ids.take(element.id, name)?;
    ensure!(element.kind != Type::Array, "{name}: an array of arrays");
    ensure!(element.kind != Type::Map, "{name}: a map is a column");
    check_members(name, element.kind, &element.members, ids)
}

fn check_members(name: &str, kind: Type, members: &[Member], ids: &mut Ids) -> Result<()> {
    ensure!((kind == Type::Struct) != members.is_empty(), "{name}: structs, and they alone, have members");
    let mut names = BTreeSet::new();
    for member in members {
        member.check(ids)?;
        ensure!(names.insert(member.name.as_str()), "{name}: member {} stands there twice", member.name);
    }
    Ok(())
}

/// Names are lower case: Athena and Hive fold the rest.
fn check_name(name: &str) -> Result<()> {
    let begins = name.starts_with(|first: char| first.is_ascii_lowercase());
    let goes_on = name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    ensure!(begins && goes_on, "{name:?} is not [a-z][a-z0-9_]*");
    Ok(())
}

#[derive(Default)]
struct Ids(BTreeSet<u32>);

impl Ids {
    fn take(&mut self, id: u32, name: &str) -> Result<()> {
        ensure!(id > 0, "{name}: ids begin at 1");
        ensure!(self.0.insert(id), "{name}: id {id} belongs to another");
        Ok(())
    }
}

fn type_text(kind: Type, element: Option<&Element>, members: &[Member]) -> String {
    match (kind, element) {
        (Type::Array, Some(element)) => format!("array({})", type_text(element.kind, None, &element.members)),
        (Type::Struct, _) => {
            let members: Vec<String> =
                members.iter().map(|member| format!("{} {}", member.name, member.type_text())).collect();
            format!("struct{{{}}}", members.join(", "))
        }
        (Type::Map, _) => "map(string, string)".to_owned(),
        _ => kind.to_string(),
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::String => "string",
            Self::Timestamp => "timestamp",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Bigint => "bigint",
            Self::Double => "double",
            Self::Binary => "binary",
            Self::Array => "array",
            Self::Struct => "struct",
            Self::Map => "map",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#"
        name = "t"
        version = 1
        meaning = "m"
        key = ["a"]
        partition = "a"
        sort = []
        distinct = []
        generated_in = "none"
    "#;

    fn refused(columns: &str, message: &str) {
        let error = TableFile::parse(&format!("{HEAD}{columns}")).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }

    #[test]
    fn mistakes_that_would_be_frozen_into_files_are_refused() {
        let column = |id: u32, name: &str, rest: &str| {
            format!("[[column]]\nid = {id}\nname = \"{name}\"\nmeaning = \"m\"\nsource = \"s\"\n{rest}\n")
        };
        let a = column(1, "a", "type = \"timestamp\"\nnullable = false");
        assert!(TableFile::parse(&format!("{HEAD}{a}")).is_ok());

        let text = "type = \"string\"\nnullable = false";
        refused(&format!("{a}{}", column(1, "b", text)), "id 1 belongs to another");
        refused(&format!("{a}{}", column(2, "a", text)), "stands there twice");
        refused(&format!("{a}{}", column(2, "B", text)), "is not [a-z]");
        refused(&column(1, "a", text), "the partition is no timestamp");
        refused(&column(1, "b", "type = \"timestamp\"\nnullable = false"), "there is no column a");
        refused(&format!("{a}{}", column(2, "b", "type = \"string\"\nnullable = true")), "null_when");
        refused(&format!("{a}{}", column(2, "b", "type = \"array\"\nnullable = false")), "have an element");
        let same = "type = \"array\"\nnullable = false\nelement = { id = 1, type = \"string\" }";
        refused(&format!("{a}{}", column(2, "b", same)), "id 1 belongs to another");
    }
}
