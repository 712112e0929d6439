//! The JSON Schema of a pipeline file, for editors.

use serde_json::{Map, Value, json};
use tributary_connect::agent_time::CUSTOM_STATES;

use crate::option::{Choice, Default, Entry, FORMAT_VERSION, Kind, ROOT, Shape};
use crate::unit::{SIZE_PATTERN, TIME_PATTERN};

/// The JSON Schema (draft 2020-12) of a pipeline file, made from the option table; ends with a line feed.
///
/// It says less than [`check`](crate::check): ranges of sizes and times and what options exclude one another are beyond
/// it. Source: <https://json-schema.org/draft/2020-12>.
pub fn json_schema() -> String {
    let mut schema = table(ROOT);
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".to_owned(), json!("Tributary pipeline"));
    let mut text = format!("{:#}", Value::Object(schema));
    text.push('\n');
    text
}

fn table(entries: &[Entry]) -> Map<String, Value> {
    let properties: Map<String, Value> = entries.iter().map(|entry| (entry.key.to_owned(), property(entry))).collect();
    let required: Vec<&str> = entries.iter().filter(|entry| entry.is_required()).map(|entry| entry.key).collect();
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("additionalProperties".to_owned(), json!(false));
    schema.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}

fn property(entry: &Entry) -> Value {
    let mut schema = match &entry.shape {
        Shape::Leaf(kind) => leaf(kind),
        Shape::Table(inner) => table(inner),
        Shape::TableOrFalse(inner) => object(json!({"oneOf": [{"const": false}, table(inner)]})),
        Shape::Named(inner) => object(json!({
            "type": "object",
            "minProperties": 1,
            "patternProperties": {"^[a-z][a-z0-9_]{0,63}$": one_of(inner)},
            "additionalProperties": false,
        })),
    };
    schema.insert("description".to_owned(), json!(entry.meaning));
    if let Default::Value(written) = entry.default
        && let Ok(value) = written.parse::<toml::Value>()
        && let Ok(value) = serde_json::to_value(value)
    {
        schema.insert("default".to_owned(), value);
    }
    Value::Object(schema)
}

/// A table that has exactly one of these keys.
fn one_of(entries: &[Entry]) -> Value {
    let mut schema = table(entries);
    schema.insert("minProperties".to_owned(), json!(1));
    schema.insert("maxProperties".to_owned(), json!(1));
    Value::Object(schema)
}

fn leaf(kind: &Kind) -> Map<String, Value> {
    object(match kind {
        Kind::Integer => json!({"const": FORMAT_VERSION}),
        Kind::Count { least, most } => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Name => json!({"type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$", "not": {"const": "tables"}}),
        Kind::Folder | Kind::Location | Kind::Text => json!({"type": "string", "minLength": 1}),
        Kind::Bucket => json!({"type": "string", "pattern": "^s3://"}),
        Kind::Start => json!({"oneOf": [
            {"type": "string", "pattern": "^(earliest|latest|[0-9]{4}-[0-9]{2}-[0-9]{2}.*)$"},
            {"type": "object", "additionalProperties": {
                "type": "object",
                "patternProperties": {"^[0-9]+$": {"type": "integer", "minimum": 0}},
                "additionalProperties": false,
            }},
        ]}),
        Kind::Settings => json!({"type": "object", "additionalProperties": {
            "type": ["string", "integer", "boolean", "object"],
        }}),
        Kind::Pairs => json!({"type": "object", "additionalProperties": {"type": "string", "minLength": 1}}),
        Kind::Begin => json!({"oneOf": [
            {"enum": ["oldest", "latest"]},
            {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}"},
        ]}),
        Kind::Stream => json!({"type": "string", "minLength": 1}),
        Kind::AwsName => json!({"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"}),
        Kind::Domain => json!({"type": "string", "pattern": "^[A-Za-z0-9._-]{1,500}$"}),
        Kind::Instance => json!({"type": "string", "pattern": "^[A-Za-z0-9-]{1,100}$"}),
        Kind::CaseIds => json!({
            "type": "array",
            "items": {"type": "string", "pattern": "^[A-Za-z0-9._/:#=+-]{1,500}$"},
            "minItems": 1,
            "uniqueItems": true,
        }),
        Kind::Moment => json!({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}"}),
        Kind::Tags => json!({
            "type": "array",
            "items": {"type": "string", "pattern": "^[^=]+="},
            "minItems": 1,
            "maxItems": 10,
            "uniqueItems": true,
        }),
        Kind::Paths | Kind::Patterns | Kind::Topics => json!({
            "type": "array",
            "items": {"type": "string", "minLength": 1},
            "minItems": 1,
            "uniqueItems": true,
        }),
        Kind::StatusArns => json!({
            "type": "array",
            "items": {"type": "string", "pattern": "^arn:.*/agent-state/."},
            "minItems": 1,
            "maxItems": CUSTOM_STATES,
            "uniqueItems": true,
        }),
        Kind::Size { .. } => json!({"type": "string", "pattern": SIZE_PATTERN}),
        Kind::Time { .. } => json!({"type": "string", "pattern": TIME_PATTERN}),
        Kind::Choice(choices) => json!({"enum": names(choices)}),
        Kind::Choices(choices) => list_of(choices),
        Kind::AllOrChoices(choices) => json!({"oneOf": [{"const": "all"}, list_of(choices)]}),
    })
}

fn list_of(choices: &[Choice]) -> Value {
    json!({"type": "array", "items": {"enum": names(choices)}, "minItems": 1, "uniqueItems": true})
}

fn names(choices: &[Choice]) -> Vec<&'static str> {
    choices.iter().map(|choice| choice.name).collect()
}

/// The members of a literal that is an object.
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_in_the_repository_is_this_schema() {
        crate::reference::assert_generated("schemas/pipeline.schema.json", &json_schema());
    }

    #[test]
    fn every_default_is_in_the_schema() {
        let schema: Value = serde_json::from_str(&json_schema()).unwrap();
        let file = "/properties/sources/patternProperties/^[a-z][a-z0-9_]{0,63}$/properties/file";
        assert_eq!(schema.pointer(&format!("{file}/properties/record_limit/default")), Some(&json!("16 MiB")));
        assert_eq!(schema.pointer(&format!("{file}/required")), Some(&json!(["paths"])));
        assert_eq!(
            schema.pointer("/properties/transform/properties/connect/properties/families/default"),
            Some(&json!(["agent", "case", "audit", "test_case"]))
        );
    }
}
