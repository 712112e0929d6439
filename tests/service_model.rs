//! The models of services, as botocore carries them, and whether values have the shapes in them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::engines::venv;

/// The model of a service in a version; `None` where botocore cannot be had, said on stderr; a panic where `CI=true`.
pub(crate) fn model(service: &str, version: &str) -> Option<Value> {
    let script = format!(
        "import json, botocore.loaders; \
         print(json.dumps(botocore.loaders.Loader().load_service_model('{service}', 'service-2', '{version}')))"
    );
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engines/botocore.txt");
    let printed = venv::python(&requirements).and_then(|python| venv::run(Command::new(python).args(["-c", &script])));
    match printed {
        Ok(printed) => Some(serde_json::from_str(&printed).unwrap()),
        Err(reason) => {
            venv::leave_out(&format!("botocore's model of {service}"), &reason);
            None
        }
    }
}

/// Where values are not of their shapes.
pub(crate) struct Judge<'a> {
    model: &'a Value,
    pub(crate) wrong: Vec<String>,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(model: &'a Value) -> Self {
        Self { model, wrong: Vec::new() }
    }

    pub(crate) fn shape(&self, name: &str) -> &'a Value {
        &self.model["shapes"][name]
    }

    pub(crate) fn operation(&self, name: &str) -> &'a Value {
        &self.model["operations"][name]
    }

    /// The answer to a call of `operation`: what it returns, or one of its errors.
    pub(crate) fn answer(&mut self, operation: &str, status: u16, code: Option<&str>, answered: &Value) {
        let described = self.operation(operation);
        let place = format!("{operation} {code:?}");
        let Some(code) = code else {
            assert_eq!(status, 200, "{place}");
            return self.value(described["output"]["shape"].as_str().unwrap(), answered, &place);
        };
        let is_known = described["errors"].as_array().unwrap().iter().any(|error| error["shape"] == code);
        if !is_known || self.shape(code)["error"]["httpStatusCode"].as_u64().unwrap_or(500) != u64::from(status) {
            self.wrong.push(format!("{place}: {code} with {status}"));
        }
        self.value(code, answered, &place);
    }

    pub(crate) fn value(&mut self, shape: &str, value: &Value, place: &str) {
        let described = self.shape(shape);
        let length = |length: usize| {
            let (min, max) = (described["min"].as_u64().unwrap_or(0), described["max"].as_u64().unwrap_or(u64::MAX));
            (min..=max).contains(&(length as u64))
        };
        let is_right = match described["type"].as_str().unwrap() {
            "structure" => return self.structure(described, value, place),
            "list" => {
                let member = described["member"]["shape"].as_str().unwrap();
                let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
                for (number, item) in items.iter().enumerate() {
                    self.value(member, item, &format!("{place}[{number}]"));
                }
                value.is_array() && length(items.len())
            }
            "map" => value.is_object(),
            "string" => value.as_str().is_some_and(|text| {
                let words = described["enum"].as_array();
                length(text.chars().count()) && words.is_none_or(|words| words.iter().any(|word| word == text))
            }),
            // In a body of `rest-json` it is in seconds unless the model says something else.
            "timestamp" => match described["timestampFormat"].as_str() {
                Some("iso8601") => value.as_str().is_some_and(|text| text.ends_with('Z')),
                _ => value.is_number(),
            },
            "integer" | "long" => value.as_u64().is_some_and(|number| length(usize::try_from(number).unwrap())),
            "double" => value.is_number(),
            "boolean" => value.is_boolean(),
            other => panic!("{other} at {place}"),
        };
        if !is_right {
            self.wrong.push(format!("{place}: {value} is no {shape}"));
        }
    }

    fn structure(&mut self, described: &Value, value: &Value, place: &str) {
        let Some(members) = value.as_object() else {
            return self.wrong.push(format!("{place}: {value} is no structure"));
        };
        let known = described["members"].as_object().unwrap();
        for (name, member) in members {
            match known.get(name) {
                Some(shape) => self.value(shape["shape"].as_str().unwrap(), member, &format!("{place}.{name}")),
                None => self.wrong.push(format!("{place}: {name} is not known")),
            }
        }
        for name in described["required"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let name = name.as_str().unwrap();
            // What stands in the path is not in the body.
            if known[name]["location"].is_null() && !members.contains_key(name) {
                self.wrong.push(format!("{place}: {name} is missing"));
            }
        }
    }
}
