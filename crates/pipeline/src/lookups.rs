//! What events do not say: read from a file, or asked for.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tributary_connect::{FieldLookup, FlowLookup, Lookups};
use tributary_core::Failure;

use crate::cases_api::CaseNames;
use crate::error::Error;
use crate::file::Moment;
use crate::flow_api::FlowFacts;
use crate::plan::ConnectPlan;

/// What services answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// What templates and fields are called.
    pub(crate) names: Option<CaseNames>,
    /// What is known of flows.
    pub(crate) flows: Option<FlowFacts>,
}

impl Asked {
    /// What was answered since takes the place of what was answered before.
    pub(crate) fn take(&mut self, news: Self) {
        let Self { names, flows } = news;
        self.names = names.or_else(|| self.names.take());
        self.flows = flows.or_else(|| self.flows.take());
    }
}

/// The file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LookupFile {
    #[serde(default)]
    instances: BTreeMap<String, String>,
    #[serde(default)]
    templates: BTreeMap<String, String>,
    #[serde(default)]
    fields: BTreeMap<String, LookupField>,
    #[serde(default)]
    flows: BTreeMap<String, LookupFlow>,
}

/// What is said of a flow or module.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LookupFlow {
    #[serde(rename = "type")]
    kind: Option<String>,
    version: Option<String>,
    language_version: Option<String>,
    published: Option<Moment>,
}

/// What is said of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookupField {
    pub(crate) name: Option<String>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
}

/// The types that a field can have (Amazon Connect Cases API Reference, `FieldSummary`).
const TYPES: [&str; 7] = ["Text", "Number", "Boolean", "DateTime", "SingleSelect", "Url", "User"];

/// The look-ups of a plan: those of the pipeline file itself win over those of its file, and these over what was `asked`.
///
/// # Errors
/// When the file cannot be read, or is not what it should be.
pub(crate) fn read_lookups(plan: &ConnectPlan, asked: Asked) -> Result<Lookups, Failure> {
    let file = match &plan.lookups {
        None => LookupFile::default(),
        Some(path) => read(path).map_err(|reason| Error::Lookups { path: path.clone(), reason })?,
    };
    let mut instances = file.instances;
    instances.extend(plan.instances.clone());
    let Asked { names, flows } = asked;
    let CaseNames { mut templates, mut fields } = names.unwrap_or_default();
    templates.extend(file.templates);
    for (id, said) in file.fields {
        let field = fields.entry(id).or_insert(LookupField { name: None, kind: None });
        field.name = said.name.or_else(|| field.name.take());
        field.kind = said.kind.or_else(|| field.kind.take());
    }
    let field = |field: LookupField| FieldLookup { name: field.name, kind: field.kind };
    let fields = fields.into_iter().map(|(id, lookup)| (id, field(lookup))).collect();
    let flow = |(id, flow): (String, LookupFlow)| {
        let LookupFlow { kind, version, language_version, published } = flow;
        let published = published.map(Moment::timestamp);
        (id.to_ascii_lowercase(), FlowLookup { kind, version, language_version, published })
    };
    let mut flows: BTreeMap<String, FlowLookup> = flows.unwrap_or_default().lookups().collect();
    flows.extend(file.flows.into_iter().map(flow));
    Ok(Lookups { instances, templates, fields, flows })
}

fn read(path: &Path) -> Result<LookupFile, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let file: LookupFile = match path.extension().is_some_and(|extension| extension == "json") {
        true => serde_json::from_str(&text).map_err(|error| error.to_string())?,
        false => toml::from_str(&text).map_err(|error| error.to_string())?,
    };
    for (id, field) in &file.fields {
        if let Some(kind) = field.kind.as_deref().filter(|kind| !TYPES.contains(kind)) {
            return Err(format!("the field {id} has the type {kind:?}, which is none of {}", TYPES.join(", ")));
        }
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(name: &str, text: &str) -> Result<LookupFile, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn toml_and_json_say_the_same() {
        let toml =
            parsed("a.toml", "[templates]\nt = \"Loss\"\n[fields]\nf = { name = \"Due\", type = \"DateTime\" }\n");
        let json =
            parsed("a.json", r#"{"templates": {"t": "Loss"}, "fields": {"f": {"name": "Due", "type": "DateTime"}}}"#);
        for file in [toml.unwrap(), json.unwrap()] {
            assert_eq!(file.templates["t"], "Loss");
            assert_eq!(file.fields["f"].kind.as_deref(), Some("DateTime"));
        }
    }

    #[test]
    fn flows_are_known_by_their_ids_and_the_file_wins_by_member() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        let text = "[flows]\nF-1 = { type = \"CUSTOMER_QUEUE\", published = \"2026-11-01T06:00:00Z\" }\n[fields]\nf = { type = \"DateTime\" }\n";
        std::fs::write(&path, text).unwrap();
        let checked = crate::check(
            &format!(
                "version = 1\nname = \"a\"\nmode = \"batch\"\n[sources.a.file]\npaths = [\"x\"]\n[transform.connect]\nlookups = {:?}\n[lake]\nlocation = \"lake\"\n",
                path.display().to_string()
            ),
            "p.toml",
            &BTreeMap::new(),
        );
        let names = serde_json::json!({"templates": {"t": "Loss"}, "fields": {"f": {"name": "Due", "type": "Text"}}});
        let asked = Asked { names: Some(serde_json::from_value(names).unwrap()), flows: None };
        let lookups = read_lookups(&checked.unwrap().connect, asked).unwrap();
        let flow = &lookups.flows["f-1"];
        assert_eq!((flow.kind.as_deref(), flow.version.as_deref()), (Some("CUSTOMER_QUEUE"), None));
        assert_eq!(flow.published.map(|at| at.to_string()).as_deref(), Some("2026-11-01T06:00:00.000000Z"));
        let field = &lookups.fields["f"];
        assert_eq!((field.name.as_deref(), field.kind.as_deref()), (Some("Due"), Some("DateTime")));
        assert_eq!(lookups.templates["t"], "Loss");
    }

    #[test]
    fn mistakes_are_named() {
        let refused = |name, text| parsed(name, text).err().unwrap();
        assert!(refused("a.toml", "[field]\n").contains("unknown field `field`"));
        assert!(
            refused("a.toml", "[fields]\nf = { type = \"Date\" }\n")
                .contains("the type \"Date\", which is none of Text")
        );
        assert!(refused("a.json", "7").contains("invalid type"));
        assert!(read(Path::new("/nowhere/a.toml")).err().unwrap().contains("No such file"));
    }
}
