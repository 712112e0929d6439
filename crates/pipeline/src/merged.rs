//! The file under the environment, merged by the `config` crate: where the values of a pipeline come from.
//!
//! The walk has judged the same text and the same variables before, with the place of every value, and found nothing
//! wrong; `config` knows no places, and turns a number into a text where a text is asked for, so it cannot judge.

use std::collections::{BTreeMap, HashMap};

use config::{Config, Environment, File, FileFormat};

use crate::file::PipelineFile;
use crate::option::{self, Kind, Shape};
use crate::tree::{PREFIX, SEPARATOR};

/// Reads the text with the variables laid over it. An error is a mistake of the option table.
pub(crate) fn merge(text: &str, environment: &BTreeMap<String, String>) -> Result<PipelineFile, String> {
    let mut variables = HashMap::new();
    let mut lists = Vec::new();
    for (variable, value) in environment {
        let Some(name) = variable.strip_prefix(PREFIX) else { continue };
        let path = name.to_lowercase();
        let keys: Vec<&str> = path.split(SEPARATOR).collect();
        let is_list = option::find(&keys).is_some_and(|entry| is_list(&entry.shape, value));
        let value = if is_list {
            lists.push(keys.join("."));
            let items = value.split(',').map(str::trim).filter(|item| !item.is_empty());
            items.collect::<Vec<_>>().join(",")
        } else {
            value.trim().to_owned()
        };
        variables.insert(variable.clone(), value);
    }
    let mut source = Environment::with_prefix(PREFIX.trim_end_matches('_'))
        .prefix_separator(SEPARATOR)
        .separator(SEPARATOR)
        .try_parsing(true)
        .source(Some(variables));
    if !lists.is_empty() {
        source = source.list_separator(",");
        for key in &lists {
            source = source.with_list_parse_key(key);
        }
    }
    let merged = Config::builder().add_source(File::from_str(text, FileFormat::Toml)).add_source(source).build();
    merged.and_then(Config::try_deserialize).map_err(|error| error.to_string())
}

fn is_list(shape: &Shape, value: &str) -> bool {
    match shape {
        Shape::Leaf(Kind::Paths | Kind::Patterns | Kind::Tags | Kind::Topics | Kind::CaseIds | Kind::Choices(_)) => {
            true
        }
        Shape::Leaf(Kind::AllOrChoices(_)) => value.trim() != "all",
        _ => false,
    }
}
