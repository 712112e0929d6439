//! Documents and variables at random: the walk and serde agree on them, and none panics.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

/// A value as it may be written, right for its kind or not.
fn written(kind: &Kind) -> BoxedStrategy<String> {
    let right = match kind {
        Kind::Integer => vec!["1", "7"],
        Kind::Count { .. } => vec!["1", "7", "0", "257", "\"7\""],
        Kind::Bucket => vec!["\"s3://bucket/a\"", "\"s3://bucket\"", "\"lake\"", "\"s3://B\""],
        Kind::Patterns => vec!["[\"a/**/*.gz\"]", "[\"a\", \"b\"]", "[\"a**\"]", "[\"\"]", "[]"],
        Kind::Start => vec![
            "\"latest\"",
            "\"2026-11-01\"",
            "\"now\"",
            "5",
            "{ t = { 0 = 5, 1 = 0 } }",
            "{ \"a.b\" = {} }",
            "{ t = 5 }",
            "{ t = { 0 = -1 } }",
            "{ t = { 01 = 1 } }",
            "{ t = { 0 = \"5\" } }",
        ],
        Kind::Settings => vec![
            "{ \"client.rack\" = \"a\", debug = \"all\" }",
            "{ client.rack = \"a\", client.id = \"b\" }",
            "{ \"socket.keepalive.enable\" = true }",
            "{ fetch = { min = { bytes = 5 } } }",
            "{ a = 1.5 }",
            "{ a = { b = [] } }",
            "{ a = 1979-05-27 }",
        ],
        Kind::Pairs => vec!["{ \"2-a\" = \"b\" }", "{}", "{ a = \"\" }", "{ a = 5 }", "{ a = { b = \"c\" } }", "\"a\""],
        Kind::Domain => vec!["\"d-1\"", "\"arn:aws:cases:eu-central-1:1:domain/d-1\"", "7"],
        Kind::Instance => vec!["\"0a1b-2\"", "\"arn:aws:connect:eu-central-1:1:instance/i-1\"", "7"],
        Kind::CaseIds => vec!["[\"a-1\"]", "[\"a b\"]", "[]", "\"a\""],
        Kind::Topics => vec!["[\"a.b\"]", "[\"^a.*\"]", "[\"a b\"]", "[]", "\"a\""],
        Kind::Begin => vec!["\"oldest\"", "\"latest\"", "\"2026-11-01T06:00:00Z\"", "\"now\"", "7"],
        Kind::Stream => vec![
            "\"agent-events\"",
            "\"arn:aws:kinesis:eu-central-1:123456789012:stream/agent-events\"",
            "\"arn:aws:s3:::bucket\"",
            "\"\"",
            "7",
        ],
        Kind::AwsName => vec!["\"tributary.agents-1\"", "\"a b\"", "\"\"", "7"],
        Kind::Moment => vec!["\"2026-11-01\"", "\"2026-11-01T06:00:00Z\"", "\"06:00\"", "2026-11-01"],
        Kind::Boolean => vec!["true", "false"],
        Kind::Name => vec!["\"a_b\"", "\"tables\"", "\"9\""],
        Kind::Folder => vec!["\"lake\"", "\".\""],
        Kind::Location => vec!["\"lake\"", "\"s3://bucket/a\"", "\"s3://B\"", "\"gs://abc\""],
        Kind::Text => vec!["\"a\"", "\"https://a\"", "\"\""],
        Kind::Tags => vec!["[\"a=b\"]", "[\"a\"]", "[]", "\"a=b\""],
        Kind::StatusArns => vec!["[\"arn:a/agent-state/b\"]", "[]", "[\"b\"]", "[5]"],
        Kind::Paths => vec!["[\"a\", \"b/*.gz\"]", "[]", "[5]", "[[\"a\"]]"],
        Kind::Size { .. } => vec!["\"128 MiB\"", "\"1GB\"", "\"5\"", "\"x\""],
        Kind::Time { .. } => vec!["\"60s\"", "\"1h 30m\"", "\"5\"", "\"2 weeks\""],
        Kind::Choice(choices) => {
            let words = choices.iter().map(|choice| format!("{:?}", choice.name));
            let tables = choices.iter().map(|choice| format!("{{ {} = {{}} }}", choice.name));
            return mixed(words.clone().chain(words.clone()).chain(words).chain(tables).collect());
        }
        Kind::Choices(choices) | Kind::AllOrChoices(choices) => {
            let lists = choices.iter().map(|choice| format!("[{:?}]", choice.name));
            let odd = ["\"all\"", "[\"agent\", 1]", "[{ agent = {} }]"].map(str::to_owned);
            return mixed(lists.chain(odd).collect());
        }
    };
    mixed(right.into_iter().map(str::to_owned).collect())
}

fn mixed(right: Vec<String>) -> BoxedStrategy<String> {
    let any =
        ["1", "-3", "true", "\"x\"", "[]", "[\"x\"]", "{}", "1.5", "1979-05-27", "{ x = 1 }", "9999999999999999999999"];
    let any = any.map(str::to_owned).to_vec();
    prop_oneof![6 => prop::sample::select(right), 1 => prop::sample::select(any)].boxed()
}

/// Lines `path = value` for a random part of the option table, now and then with a key that nobody knows.
fn lines(entries: &'static [Entry], path: String) -> BoxedStrategy<Vec<String>> {
    let mut parts: Vec<BoxedStrategy<Vec<String>>> = Vec::new();
    for entry in entries {
        let here = format!("{path}{}", entry.key);
        let one = |value: BoxedStrategy<String>| {
            let here = here.clone();
            value.prop_map(move |value| vec![format!("{here} = {value}")]).boxed()
        };
        let part = match &entry.shape {
            Shape::Leaf(kind) => one(written(kind)),
            Shape::Table(inner) => {
                prop_oneof![8 => lines(inner, format!("{here}.")), 1 => one(mixed(vec!["{}".to_owned()]))].boxed()
            }
            Shape::TableOrFalse(inner) => {
                prop_oneof![4 => lines(inner, format!("{here}.")), 2 => one(mixed(vec!["false".to_owned()]))].boxed()
            }
            Shape::Named(inner) => {
                let name = prop::sample::select(vec!["agents", "b2", "Bad", "\"a-b\""]);
                // Mostly of one kind.
                let kinds =
                    prop_oneof![1 => Just(0..inner.len()), 8 => (0..inner.len()).prop_map(|kind| kind..kind + 1)];
                let named =
                    (name, kinds).prop_flat_map(move |(name, kinds)| lines(&inner[kinds], format!("{here}.{name}.")));
                named.boxed()
            }
        };
        let (kept, dropped) = if entry.is_required() { (30, 1) } else { (1, 2) };
        parts.push(prop_oneof![kept => part, dropped => Just(Vec::new())].boxed());
    }
    let unknown = prop_oneof![30 => Just(Vec::new()), 1 => Just(vec![format!("{path}zebra = 1")])];
    (parts, unknown).prop_map(|(parts, unknown)| parts.into_iter().flatten().chain(unknown).collect()).boxed()
}

/// The tree as serde reads it, without `config` in between: types stay what they are.
fn typed(root: Table) -> Result<PipelineFile, (String, String)> {
    let mut track = serde_path_to_error::Track::new();
    let value = toml::Value::Table(tree::to_toml(root));
    let read = PipelineFile::deserialize(serde_path_to_error::Deserializer::new(value, &mut track));
    read.map_err(|error| (track.path().to_string(), error.message().to_owned()))
}

#[test]
fn config_reads_the_same_values_from_the_variables() {
    let variables = environment(&[
        ("TRIBUTARY__NAME", "p123"),
        ("TRIBUTARY__MODE", "batch"),
        ("TRIBUTARY__SOURCES__AGENTS__FILE__PATHS", " a.gz, b,"),
        ("TRIBUTARY__SOURCES__AGENTS__FILE__OPTIONAL", "true"),
        ("TRIBUTARY__TRANSFORM__CONNECT__TABLES", "all"),
        ("TRIBUTARY__TRANSFORM__CONNECT__FAMILIES", "agent"),
        ("TRIBUTARY__LAKE__LOCATION", "2025"),
        ("TRIBUTARY__SINK__PARQUET__SPOOL", "false"),
        ("TRIBUTARY__COMMIT__EVERY", "90s"),
        ("TRIBUTARY__COMMIT__INPUT", "8 MiB"),
    ]);
    let document = Document::read(GOOD, &variables);
    assert!(walk(&document.root).is_empty());
    assert_eq!(merge(GOOD, &variables), Ok(typed(document.root).unwrap()));
}

proptest! {
    /// The walk and serde agree on the shape of every document: neither lets through what the other refuses.
    #[test]
    fn the_walk_and_serde_accept_the_same_documents(lines in lines(option::ROOT, String::new())) {
        let text = lines.join("\n");
        let document = Document::read(&text, &BTreeMap::new());
        prop_assume!(document.syntax.is_empty());
        let shapes: Vec<Finding> =
            walk(&document.root).into_iter().filter(|finding| finding.class != Class::Meaning).collect();
        let is_right = walk(&document.root).is_empty();
        let typed = typed(document.root);
        if is_right {
            let merged = merge(&text, &BTreeMap::new());
            prop_assert_eq!(merged.as_ref().ok(), typed.as_ref().ok(), "\n{}\n{:?}", text, merged);
        }
        prop_assert_eq!(shapes.is_empty(), typed.is_ok(), "\n{}\nwalk: {:?}\nserde: {:?}", text, shapes, typed);
    }

    /// Whatever the bytes, there is an answer, and every problem has a place inside the text.
    #[test]
    fn random_text_never_panics(text in "(?s).{0,200}") {
        if let Err(problems) = check(&text, "p.toml", &BTreeMap::new()) {
            prop_assert!(problems.iter().all(|problem| problem.line >= 1 && problem.line <= text.split('\n').count()));
        }
    }

    /// The same for text that is nearly a pipeline file.
    #[test]
    fn a_damaged_file_never_panics(at: prop::sample::Index, length in 0_usize..20, put in "[\\[\\]{}\"'=.\n a-z0-9]{0,5}") {
        let archive = include_str!("../../../../../pipelines/archive.toml");
        let letters: Vec<char> = archive.chars().collect();
        let at = at.index(letters.len());
        let end = (at + length).min(letters.len());
        let text: String = letters[..at].iter().copied().chain(put.chars()).chain(letters[end..].iter().copied()).collect();
        if let Err(problems) = check(&text, "p.toml", &BTreeMap::new()) {
            prop_assert!(!problems.is_empty());
            prop_assert!(problems.iter().all(|problem| problem.help.as_deref().is_none_or(|help| !help.contains("mistake of Tributary"))), "{:?}", problems);
        }
    }

    /// Any variables, whatever their names and values.
    #[test]
    fn random_variables_never_panic(names in prop::collection::vec("(SOURCES|AGENTS|FILE|PATHS|SINK|PARQUET|SPOOL|_|__|x){1,9}", 0..5), value in ".{0,10}") {
        let variables = names.into_iter().map(|name| (format!("TRIBUTARY__{name}"), value.clone())).collect();
        if let Err(problems) = check(GOOD, "p.toml", &variables) {
            prop_assert!(!problems.is_empty());
        }
    }
}
