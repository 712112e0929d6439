mod cases;
mod generated;
mod kafka;
mod kinesis;
mod privacy;
mod s3;

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::option::{self, Default as OptionDefault, Entry, Kind, Shape};
use crate::source_plan::SourceKind;

const GOOD: &str = "\
version = 1
name = \"agents\"
mode = \"batch\"
[sources.agents.file]
paths = [\"in/*.gz\"]
[lake]
location = \"lake\"
";

fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The problems of a text, each as `line:column key_path: message (help)`.
fn problems(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let Err(problems) = check(text, "p.toml", &environment(variables)) else { return Vec::new() };
    let print = |problem: Problem| {
        let place = problem.variable.unwrap_or_else(|| format!("{}:{}", problem.line, problem.column));
        let help = problem.help.map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{place} {}: {}{help}", problem.key_path, problem.message)
    };
    problems.into_iter().map(print).collect()
}

fn assert_problems(text: &str, variables: &[(&str, &str)], expected: &[&str]) {
    let found = problems(text, variables);
    assert_eq!(found, expected, "\n{text}\nfound:\n{}", found.join("\n"));
}

/// The good document with one line put in after the line `after`.
fn with(after: &str, line: &str) -> String {
    assert!(GOOD.contains(after), "{after}");
    GOOD.replacen(after, &format!("{after}\n{line}"), 1)
}

/// The good document with its lake in S3 and this line about it.
fn in_s3(line: &str) -> String {
    GOOD.replace("\"lake\"", &format!("\"s3://lake/x\"\n[lake.s3]\n{line}"))
}

fn plan(text: &str, variables: &[(&str, &str)]) -> Plan {
    check(text, "p.toml", &environment(variables)).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"))
}

#[test]
fn a_list_of_tables_needs_the_one_whose_keys_find_duplicates() {
    let text = format!("{GOOD}[transform.connect]\ntables = [\"agent_event_contacts\"]\n");
    assert_problems(
        &text,
        &[],
        &[
            "9:10 transform.connect.tables: without agent_event, what is in the lake already cannot be told (add \"agent_event\" to the list)",
        ],
    );
}

#[test]
fn many_mistakes_of_one_file_are_all_named() {
    let text = include_str!("testdata/many.toml");
    assert_problems(
        text,
        &[],
        &[
            "1:11 version: version 2 of the file format is not known (this version of Tributary reads version = 1)",
            "2:8 name: \"Agent-Events\" is not a usable name: it begins with a lower-case letter (write name = \"agent_events\")",
            "3:8 mode: \"btach\" is not known here (did you mean \"batch\"?)",
            "4:1 colour: unknown key \"colour\" at the top of the file (known here: version, name, mode, sources, transform, privacy, lake, sink, commit, memory)",
            "7:3 sources.agents.file.strem: unknown key \"strem\" in [sources.agents.file] (known here: paths, record_limit, on_changed, optional, poll)",
            "8:11 sources.agents.file.paths: \"paths\" must be a list of texts, not a text (write paths = [\"in/*.gz\"])",
            "9:18 sources.agents.file.record_limit: \"record_limit\" must be a size with its unit, not a whole number (write \"16 MiB\" for 16777216 bytes)",
            "10:16 sources.agents.file.on_changed: \"on_changed\" must be a text, not true or false (one of \"read\", \"fail\")",
            "11:14 sources.agents.file.optional: \"optional\" must be true or false, not a text (write optional = true without quotes)",
            "13:10 sources.Bad: \"Bad\" is not a usable name of a source (it begins with a lower-case letter; lower-case letters, digits and _ follow; at most 64 in all)",
            "14:15 sources.Bad.file.paths[1]: \"paths\" must hold texts, not a whole number (write each in quotes)",
            "14:18 sources.Bad.file.paths[2]: \"a\" stands twice in \"paths\" (remove one of them)",
            "14:23 sources.Bad.file.paths[3]: s3:// is no file of this machine (write [sources.NAME.s3] with location = \"s3://bucket/prefix\")",
            "16:1 sources.queue.test_cases.instance: missing key \"instance\" in [sources.queue.test_cases] (add instance = \"11111111-2222-3333-4444-555555555555\")",
            "17:1 sources.queue.test_cases.stream: unknown key \"stream\" in [sources.queue.test_cases] (it belongs to [sources.NAME.kinesis])",
            "19:1 sources.empty: nothing says what [sources.empty] reads (add [sources.empty.file], [sources.empty.s3], [sources.empty.kafka], [sources.empty.kinesis], [sources.empty.cases] or [sources.empty.test_cases])",
            "22:35 transform.connect.families[2]: \"agnet\" is not known here (did you mean \"agent\"?)",
            "23:10 transform.connect.tables: \"agent_event\" must be \"all\" or a list (write [\"agent_event\"])",
            "24:21 transform.connect.dedup.horizon: \"48\" has no unit (write \"48s\" for seconds, or \"48m\" for minutes)",
            "24:36 transform.connect.dedup.memory: \"64 mib\" has an unknown unit (write \"64 MiB\")",
            "27:12 lake.location: gs:// is not in this version (name a folder of this machine, or s3://bucket/prefix)",
            "28:1 lake.file_size: unknown key \"file_size\" in [lake] (it belongs to [sink.parquet])",
            "31:13 sink.parquet.file_size: \"128\" has no unit (write \"128 MiB\" for mebibytes (\"128 B\" for bytes))",
            "32:10 sink.parquet.memory: \"1 KiB\" is too small (from 1 MiB to 1 TiB)",
            "33:9 sink.parquet.spool: \"spool\" cannot be true (it is on by default: leave it out, or write a table of folder, size)",
            "36:9 commit.every: \"every\" must be a time with its unit, not a whole number (write \"60s\" for seconds, or \"60m\" for minutes)",
            "37:9 commit.input: \"8 gigs\" has an unknown unit (a size is a whole number with B, kB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB (powers of 1024))",
            "38:10 commit.on_gap: \"ignore\" is not known here (one of \"fail\", \"continue\")",
            "41:10 memory.budget: \"budget\" must be a size with its unit, not a list (write for example budget = \"128 MiB\")",
        ],
    );
}

#[test]
fn an_empty_file_is_told_what_it_needs() {
    assert_problems(
        "",
        &[],
        &[
            "1:1 version: missing key \"version\" at the top of the file (add version = 1)",
            "1:1 name: missing key \"name\" at the top of the file (add name = \"connect_agent_events\")",
            "1:1 sources: missing section [sources] (add [sources.agents.file] with paths = [\"in/*.jsonl.gz\"])",
            "1:1 lake: missing section [lake] (add [lake] with location = \"lake\")",
        ],
    );
}

#[test]
fn one_mistake_each() {
    let cases = [
        (
            with("[sources.agents.file]", "pathes = []"),
            "5:1 sources.agents.file.pathes: unknown key \"pathes\" in [sources.agents.file] (did you mean \"paths\"?)",
        ),
        (
            with("[sources.agents.file]", "\"on-changed\" = \"read\""),
            "5:1 sources.agents.file.on-changed: unknown key \"on-changed\" in [sources.agents.file] (did you mean \"on_changed\"?)",
        ),
        (
            GOOD.replace("paths = [\"in/*.gz\"]\n", ""),
            "4:1 sources.agents.file.paths: missing key \"paths\" in [sources.agents.file] (add paths = [\"in/*.jsonl.gz\"])",
        ),
        (GOOD.replace("[\"in/*.gz\"]", "[]"), "5:9 sources.agents.file.paths: \"paths\" is empty (name at least one)"),
        (
            GOOD.replace("in/*.gz", "in/[a.gz"),
            "5:10 sources.agents.file.paths[0]: \"in/[a.gz\" is not a pattern: invalid range pattern (* and ? stand for letters, ** for folders, [ab] for a or b; a plain [ is written [[])",
        ),
        (
            GOOD.replace("in/*.gz", "in/"),
            "5:10 sources.agents.file.paths[0]: \"in/\" is a folder (write \"in/*\" for the files in it)",
        ),
        (
            GOOD.replace("\"lake\"", "\"\""),
            "7:12 lake.location: a folder needs a name (name a folder; \".\" is the working directory)",
        ),
        (
            GOOD.replace("\"lake\"", "\"gs://lake\""),
            "7:12 lake.location: gs:// is not in this version (name a folder of this machine, or s3://bucket/prefix)",
        ),
        (
            GOOD.replace("\"lake\"", "\"s3://Lake/x\""),
            "7:12 lake.location: \"Lake\" is not the name of a bucket (3 to 63 lower-case letters, digits, dots and hyphens, as in s3://bucket/prefix)",
        ),
        (
            with("location = \"lake\"", "[lake.s3]\npath_style = true"),
            "8:7 lake.s3: [lake.s3] is about S3, and the lake is a folder (write location = \"s3://bucket/prefix\", or remove the section)",
        ),
        (
            in_s3("endpoint = \"127.0.0.1:8333\""),
            "9:12 lake.s3.endpoint: \"127.0.0.1:8333\" is not a URL (write for example endpoint = \"https://s3.example.org\")",
        ),
        (
            in_s3("external_id = \"x\""),
            "9:15 lake.s3.external_id: an external id belongs to a role (add role, or remove it)",
        ),
        (
            in_s3("kms_key = \"x\"\nencryption = \"s3\""),
            "9:11 lake.s3.kms_key: it is used with encryption = \"kms\" alone (write encryption = \"kms\", or remove it)",
        ),
        (
            in_s3("tags = [\"team\"]"),
            "9:9 lake.s3.tags[0]: \"team\" is not name=value (write for example tags = [\"team=wfm\"])",
        ),
        (in_s3("part_size = \"1 MiB\""), "9:13 lake.s3.part_size: \"1 MiB\" is too small (from 5 MiB to 1 GiB)"),
        (
            GOOD.replace("location = \"lake\"", ""),
            "6:1 lake.location: missing key \"location\" in [lake] (add location = \"lake\")",
        ),
        (
            GOOD.replace("version = 1", "version = \"1\""),
            "1:11 version: \"version\" must be a whole number, not a text (write version = 1 without quotes)",
        ),
        (
            GOOD.replace("version = 1", "version = 99999999999999999999"),
            "1:11 version: \"version\" must be a small whole number (write version = 1)",
        ),
        (
            GOOD.replace("version = 1", "version = 1.0"),
            "1:11 version: \"version\" must be a whole number, not a decimal number",
        ),
        (
            GOOD.replace("version = 1", "version = 1979-05-27"),
            "1:11 version: \"version\" must be a whole number, not a date",
        ),
        (GOOD.replace("\"agents\"", "\"tables\""), "2:8 name: \"tables\" is not a usable name: `tables` is reserved"),
        (
            GOOD.replace("[lake]", "[[lake]]"),
            "6:1 lake: \"lake\" must be a section, not a list (its keys are location, s3)",
        ),
        (
            with("location = \"lake\"", "[commit]\nevery = \"500ms\""),
            "9:9 commit.every: \"500ms\" is too small (from 1s to 1d)",
        ),
        (
            with("location = \"lake\"", "[memory]\nbudget = \"2 TiB\""),
            "9:10 memory.budget: \"2 TiB\" is too large (from 1 MiB to 1 TiB)",
        ),
        (
            with("location = \"lake\"", "[sink.parquet.spool]\nfolder = 5"),
            "9:10 sink.parquet.spool.folder: \"folder\" must be the name of a folder, not a whole number",
        ),
        (
            with("location = \"lake\"", "[transform.connect]\nfamilies = \"agent\""),
            "9:12 transform.connect.families: \"families\" must be a list of texts, not a text (write families = [\"agent\"])",
        ),
        (
            with("location = \"lake\"", "[transform.connect]\ntables = [\"agent_event\", \"agent_event\"]"),
            "9:26 transform.connect.tables[1]: \"agent_event\" stands twice in \"tables\" (remove one of them)",
        ),
        (
            with("location = \"lake\"", "[log]"),
            "8:2 log: unknown key \"log\" at the top of the file (known here: version, name, mode, sources, transform, privacy, lake, sink, commit, memory)",
        ),
    ];
    for (text, expected) in cases {
        assert_problems(&text, &[], &[expected]);
    }
}

#[test]
fn columns_count_characters() {
    let text = GOOD.replace("[\"in/*.gz\"]", "[\"é\", 5]");
    assert_problems(
        &text,
        &[],
        &["5:15 sources.agents.file.paths[1]: \"paths\" must hold texts, not a whole number (write each in quotes)"],
    );
}

#[test]
fn options_that_exclude_one_another() {
    assert_problems(
        &GOOD.replace("mode = \"batch\"\n", ""),
        &[],
        &[
            "3:17 sources.agents.file: whether [sources.agents.file] is read once or for ever is not said (add mode = \"batch\" at the top of the file to read what is there, or mode = \"streaming\" to wait for more)",
        ],
    );
    assert_problems(
        &GOOD.replace("batch", "streaming").replace("paths = [", "paths = [\"-\", "),
        &[],
        &[
            "5:10 sources.agents.file.paths[0]: standard input cannot be read in streaming mode: what was read and not committed would be lost (write it to files, or mode = \"batch\")",
        ],
    );
    let twice = "[sources.more.file]\npaths = [\"-\", \"in/*.gz\"]\n[sources.other.file]\npaths = [\"-\"]\n";
    assert_problems(
        &format!("{GOOD}{twice}"),
        &[],
        &[
            "9:15 sources.more.file.paths[1]: \"in/*.gz\" is already read by the source \"agents\" (name each input in one source)",
            "11:10 sources.other.file.paths[0]: standard input is already read by the source \"more\" (name each input in one source)",
        ],
    );
}

#[test]
fn broken_syntax_is_told_with_what_stands_before_it() {
    let text = "version = 3\nname = \nmode = \"x\n[lake\n";
    assert_problems(
        text,
        &[],
        &[
            "1:11 version: version 3 of the file format is not known (this version of Tributary reads version = 1)",
            "2:8 : string values must be quoted, expected literal string",
            "3:10 : invalid basic string, expected `\"`",
            "4:6 : unclosed table, expected `]`",
        ],
    );
}

#[test]
fn what_is_written_twice_hides_nothing_else() {
    let text = format!("{GOOD}locatoin = \"x\"\nlocation = \"y\"\n[lake]\n[commit]\nevery = \"1\"\n");
    assert_problems(
        &text,
        &[],
        &[
            "8:1 lake.locatoin: unknown key \"locatoin\" in [lake] (did you mean \"location\"?)",
            "9:1 : key \"location\" is written twice (remove one of them)",
            "10:2 : key \"lake\" is written twice (remove one of them)",
            "12:9 commit.every: \"1\" has no unit (write \"1s\" for seconds, or \"1m\" for minutes)",
        ],
    );
}

#[test]
fn the_environment_overrides_the_file() {
    let variables = [
        ("TRIBUTARY__SOURCES__AGENTS__FILE__PATHS", "a.jsonl, b.jsonl"),
        ("TRIBUTARY__SOURCES__AGENTS__FILE__OPTIONAL", "TRUE"),
        ("TRIBUTARY__SOURCES__MORE_2__FILE__PATHS", "-"),
        ("TRIBUTARY__TRANSFORM__CONNECT__TABLES", "agent_event"),
        ("TRIBUTARY__SINK__PARQUET__SPOOL", "false"),
        ("TRIBUTARY__COMMIT__EVERY", "5s"),
        ("TRIBUTARY__VERSION", "1"),
        ("TRIBUTARY__NAME", "other"),
        ("TRIBUTARY_LOG", "debug"),
        ("PATH", "/bin"),
    ];
    let plan = plan(&with("location = \"lake\"", "[sink.parquet]\nspool = { size = \"1 GiB\" }"), &variables);
    let [SourceKind::File(agents), SourceKind::File(more)] = [&plan.sources[0].kind, &plan.sources[1].kind] else {
        panic!("{:?}", plan.sources)
    };
    assert_eq!(agents.paths, ["a.jsonl", "b.jsonl"]);
    assert!(agents.optional);
    assert_eq!((plan.sources[1].name.as_str(), more.paths.as_slice()), ("more_2", ["-".to_owned()].as_slice()));
    assert_eq!(plan.connect.tables.iter().map(|table| table.as_str()).collect::<Vec<_>>(), ["agent_event"]);
    assert_eq!(plan.parquet.spool, None);
    assert_eq!(plan.commit.every, Duration::from_secs(5));
    assert_eq!(plan.pipeline.as_str(), "other");

    let all = [("TRIBUTARY__TRANSFORM__CONNECT__TABLES", "all"), ("TRIBUTARY__SINK__PARQUET__SPOOL__SIZE", "2 GiB")];
    let plan = self::plan(&with("location = \"lake\"", "[sink.parquet]\nspool = false"), &all);
    assert_eq!(plan.connect.tables.len(), 15);
    assert_eq!(plan.parquet.spool.map(|spool| spool.size.get()), Some(2 << 30));
}

#[test]
fn a_mistake_of_the_environment_is_named_by_its_variable() {
    let variables = [
        ("TRIBUTARY__COMIT__EVERY", "5s"),
        ("TRIBUTARY__COMMIT__EVERY", "5"),
        ("TRIBUTARY__LAKE", "x"),
        ("TRIBUTARY__SINK__PARQUET__SPOOL", "false"),
        ("TRIBUTARY__SINK__PARQUET__SPOOL__SIZE", "1 GiB"),
        ("TRIBUTARY__SOURCES__AGENTS__FILE__OPTIONAL", "maybe"),
        ("TRIBUTARY__SOURCES__AGENTS__FILE__PATHS", ""),
        ("TRIBUTARY__VERSION", "one"),
        ("TRIBUTARY__version", "1"),
    ];
    assert_problems(
        GOOD,
        &variables,
        &[
            "TRIBUTARY__COMIT__EVERY comit: unknown key \"comit\" at the top of the file (did you mean \"commit\"?)",
            "TRIBUTARY__COMMIT__EVERY commit.every: \"5\" has no unit (write \"5s\" for seconds, or \"5m\" for minutes)",
            "TRIBUTARY__LAKE lake: \"lake\" must be a section, not a text (its keys are location, s3)",
            "TRIBUTARY__SINK__PARQUET__SPOOL__SIZE sink.parquet.spool.size: contradicts the variable TRIBUTARY__SINK__PARQUET__SPOOL (unset one of them)",
            "TRIBUTARY__SOURCES__AGENTS__FILE__OPTIONAL sources.agents.file.optional: \"optional\" must be true or false, not a text",
            "TRIBUTARY__SOURCES__AGENTS__FILE__PATHS sources.agents.file.paths: \"paths\" is empty (name at least one)",
            "TRIBUTARY__VERSION version: \"version\" must be a whole number, not a text",
            "TRIBUTARY__version version: contradicts the variable TRIBUTARY__VERSION (unset one of them)",
        ],
    );
}

#[test]
fn a_variable_of_a_thousand_keys_is_one_unknown_key() {
    let name = format!("TRIBUTARY{}", "__A".repeat(1_000));
    assert_eq!(problems(GOOD, &[(&name, "x")]).len(), 1);
}

/// The option table tells people the defaults; the plan fills them in. Written out or left out must be the same.
#[test]
fn the_defaults_of_the_option_table_are_those_of_the_plan() {
    fn defaults(entries: &[Entry], path: &str, text: &mut Vec<String>) {
        for entry in entries {
            let here = if path.is_empty() { entry.key.to_owned() } else { format!("{path}.{}", entry.key) };
            match (&entry.shape, &entry.default) {
                (Shape::Leaf(_), OptionDefault::Value(value)) if here != "mode" => {
                    text.push(format!("{here} = {value}"))
                }
                (Shape::Leaf(_), _) => {}
                (Shape::Table(inner) | Shape::TableOrFalse(inner), _) => defaults(inner, &here, text),
                (Shape::Named(inner), _) => defaults(inner, &format!("{here}.agents"), text),
            }
        }
    }
    let required = "version = 1\nname = \"agents\"\nmode = \"batch\"\nsources.agents.file.paths = [\"in/*.gz\"]\nlake.location = \"lake\"\n";
    let mut lines = Vec::new();
    defaults(option::ROOT, "", &mut lines);
    assert!(lines.len() >= 12, "{lines:?}");
    let (objects, lines): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.starts_with("sources.agents.s3."));
    let (topics, lines): (Vec<_>, Vec<_>) =
        lines.into_iter().partition(|line| line.starts_with("sources.agents.kafka."));
    assert!(topics.len() >= 5, "{topics:?}");
    let (audits, lines): (Vec<_>, Vec<_>) =
        lines.into_iter().partition(|line| line.starts_with("sources.agents.cases."));
    assert_eq!(audits.len(), 3, "{audits:?}");
    let audited = required.replace("file.paths = [\"in/*.gz\"]", "cases.domain = \"d-1\"");
    assert_eq!(plan(&format!("{audited}{}", audits.join("\n")), &[]), plan(&audited, &[]));
    let (tests, lines): (Vec<_>, Vec<_>) =
        lines.into_iter().partition(|line| line.starts_with("sources.agents.test_cases."));
    assert_eq!(tests.len(), 4, "{tests:?}");
    let tested = required.replace("file.paths = [\"in/*.gz\"]", "test_cases.instance = \"i-1\"");
    assert_eq!(plan(&format!("{tested}{}", tests.join("\n")), &[]), plan(&tested, &[]));
    let (facts, lines): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.contains(".flow_api."));
    assert_eq!(facts.len(), 2, "{facts:?}");
    let asking = format!("{required}transform.connect.flow_api = {{ cache = \"flows.json\", instance = \"i-1\" }}\n");
    let spelled = asking.replace(
        "transform.connect.flow_api = { cache = \"flows.json\", instance = \"i-1\" }",
        "transform.connect.flow_api.cache = \"flows.json\"\ntransform.connect.flow_api.instance = \"i-1\"",
    );
    assert_eq!(plan(&format!("{spelled}{}", facts.join("\n")), &[]), plan(&asking, &[]));
    let (names, lines): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.contains(".cases_api."));
    assert_eq!(names.len(), 2, "{names:?}");
    let asking = format!("{required}transform.connect.cases_api.cache = \"names.json\"\n");
    assert_eq!(plan(&format!("{asking}{}", names.join("\n")), &[]), plan(&asking, &[]));
    let (shards, mut lines): (Vec<_>, Vec<_>) =
        lines.into_iter().partition(|line| line.starts_with("sources.agents.kinesis."));
    assert!(shards.len() >= 5, "{shards:?}");
    let streaming =
        required.replace("batch", "streaming").replace("file.paths = [\"in/*.gz\"]", "kinesis.stream = \"s\"");
    assert_eq!(plan(&format!("{streaming}{}", shards.join("\n")), &[]), plan(&streaming, &[]));
    let stream = required.replace("file.paths = [\"in/*.gz\"]", "kafka = { brokers = \"b:9092\", topics = [\"t\"] }");
    let dotted = stream.replace(
        "kafka = { brokers = \"b:9092\", topics = [\"t\"] }",
        "kafka.brokers = \"b:9092\"\nsources.agents.kafka.topics = [\"t\"]",
    );
    assert_eq!(plan(&format!("{dotted}{}", topics.join("\n")), &[]), plan(&stream, &[]));
    assert!(objects.len() >= 5, "{objects:?}");
    let archive = required.replace("file.paths = [\"in/*.gz\"]", "s3.location = \"s3://abc/x\"");
    assert_eq!(plan(&format!("{archive}{}", objects.join("\n")), &[]), plan(&archive, &[]));
    let in_s3 = required.replace("\"lake\"", "\"s3://lake/x\"");
    assert_eq!(
        plan(&format!("{in_s3}{}", lines.join("\n")), &[]),
        plan(&GOOD.replace("\"lake\"", "\"s3://lake/x\""), &[])
    );
    lines.retain(|line| !line.starts_with("lake.s3."));
    assert_eq!(plan(&format!("{required}{}", lines.join("\n")), &[]), plan(GOOD, &[]));
    assert_eq!(plan(GOOD, &[]).commit.every, Duration::from_secs(900));
}

#[test]
fn what_gives_rows_their_meaning() {
    let entries = plan(GOOD, &[]).option_digest_entries();
    let expected = [
        ("transform.connect.dedup.horizon", "2d"),
        ("transform.connect.families", "agent,case,audit,test_case"),
        (
            "transform.connect.tables",
            "agent_event,agent_event_contacts,agent_status_intervals,agent_contact_segments,agent_acw,agent_sessions,\
             agent_statistic_record,agent_queue_statistic_record,agent_stream_gaps,case_events,case_related_item_events,\
             case_events_flattened,case_field_changes,latest_case_state,connect_test_case_execution_results",
        ),
        ("transform.connect.agent_time.silence", "15m"),
        ("transform.connect.agent_time.open", "false"),
        ("transform.connect.agent_time.early_seconds", "false"),
        ("transform.connect.agent_time.interval", "15m"),
        ("transform.connect.agent_time.custom_states", "[]"),
    ];
    assert_eq!(entries, environment(&expected));
    // Another order or another way to say "all" means the same rows; sources, commits and memory do not matter.
    let same = with(
        "location = \"lake\"",
        "[transform.connect]\ntables = [\"connect_test_case_execution_results\", \"latest_case_state\", \"case_field_changes\", \"case_events_flattened\", \"case_related_item_events\", \"case_events\", \"agent_stream_gaps\", \"agent_queue_statistic_record\", \"agent_statistic_record\", \"agent_sessions\", \"agent_acw\", \"agent_contact_segments\", \"agent_status_intervals\", \"agent_event_contacts\", \"agent_event\"]\n[commit]\nevery = \"1m\"\n[memory]\nbudget = \"1 GiB\"",
    );
    assert_eq!(plan(&same, &[]).option_digest_entries(), entries);
    let other = with("location = \"lake\"", "[transform.connect]\ntables = [\"agent_event\"]");
    assert_ne!(plan(&other, &[]).option_digest_entries(), entries);
}

#[test]
fn every_file_in_pipelines_is_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pipelines");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = std::fs::read_to_string(&path).unwrap();
            let checked = check(&text, &path.display().to_string(), &BTreeMap::new());
            assert!(checked.is_ok(), "{:#?}", checked.err());
            names.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    names.sort();
    assert!(names.contains(&"archive.toml".to_owned()) && names.contains(&"quickstart.toml".to_owned()), "{names:?}");
}

/// The archive example promises to show every option, those of S3 and of Kafka theirs.
#[test]
fn the_examples_show_every_option() {
    fn leaves(entries: &[Entry], found: &mut Vec<&'static str>) {
        for entry in entries {
            match entry.shape {
                Shape::Leaf(_) => found.push(entry.key),
                Shape::Table(inner) | Shape::TableOrFalse(inner) | Shape::Named(inner) => leaves(inner, found),
            }
        }
    }
    let text = concat!(
        include_str!("../../../../pipelines/archive.toml"),
        include_str!("../../../../pipelines/s3.toml"),
        include_str!("../../../../pipelines/kafka.toml"),
        include_str!("../../../../pipelines/kinesis.toml"),
        include_str!("../../../../pipelines/cases.toml"),
        include_str!("../../../../pipelines/flows.toml"),
        include_str!("../../../../pipelines/test_cases.toml"),
    );
    let mut keys = Vec::new();
    leaves(option::ROOT, &mut keys);
    for key in keys {
        assert!(text.contains(&format!("{key} = ")), "{key}");
    }
}
