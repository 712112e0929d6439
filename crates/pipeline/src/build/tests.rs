use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;
use tokio::sync::watch;
use tributary_runtime::{Outcome, Progress, RunError, Stop, Summary, SystemClock, run};

use super::*;

/// A folder with events in `in/`, a lake, and the pipeline over both.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("in")).unwrap();
        Self { folder }
    }

    /// Writes a file of `events`, given by their numbers.
    fn write(&self, name: &str, events: &[u32]) {
        let lines: String = events.iter().map(|number| event(*number)).collect();
        fs::write(self.folder.path().join("in").join(name), lines).unwrap();
    }

    fn plan(&self, more: &str) -> Plan {
        let folder = self.folder.path().display();
        let text = format!(
            "version = 1\nname = \"agents\"\nmode = \"batch\"\n\
             [sources.first.file]\npaths = [\"{folder}/in/a*.jsonl\"]\n\
             [sources.second.file]\npaths = [\"{folder}/in/b*.jsonl\"]\noptional = true\n\
             [lake]\nlocation = \"{folder}/lake\"\n{more}\n"
        );
        check(&text, "test.toml", &BTreeMap::new()).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    async fn run(&self, more: &str, change: OptionChange) -> Result<Summary, RunError> {
        let factory = LineFactory::new(self.plan(more), change, Arc::new(SystemClock));
        let (progress, _) = watch::channel(Progress::default());
        run(&factory, Arc::new(SystemClock), Stop::default(), progress).await
    }

    /// The Parquet files of the lake, relative to it.
    fn files(&self) -> Vec<String> {
        fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, files);
                } else if path.extension().is_some_and(|extension| extension == "parquet") {
                    files.push(path);
                }
            }
        }
        let lake = self.folder.path().join("lake");
        let mut files = Vec::new();
        walk(&lake, &mut files);
        let relative = |path: PathBuf| path.strip_prefix(&lake).unwrap().display().to_string();
        let mut files: Vec<String> = files.into_iter().map(relative).filter(|file| !file.starts_with('_')).collect();
        files.sort();
        files
    }
}

fn event(number: u32) -> String {
    let instance = "arn:aws:connect:us-east-1:111122223333:instance/7b0f61af-955b-4e85-93ac-da29228b5542";
    format!(
        r#"{{"AWSAccountId":"111122223333","AgentARN":"{instance}/agent/090a313f-96ab-44f3-8fb9-bcb80298397e","CurrentAgentSnapshot":null,"EventId":"00000000-0000-4000-8000-{number:012}","EventTimestamp":"2025-07-0{day}T08:00:00.000Z","EventType":"LOGIN","InstanceARN":"{instance}","PreviousAgentSnapshot":null,"Version":"2017-10-01"}}
"#,
        day = number % 3 + 1
    )
}

/// Read, rows made, duplicates: what a run did.
fn counts(summary: &Summary) -> (u64, u64, u64) {
    assert!(summary.tally.is_balanced());
    assert_eq!(summary.outcome, Outcome::Finished);
    (summary.tally.read, summary.tally.made_rows, summary.tally.duplicates)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_becomes_a_lake_and_runs_again_without_repeats() {
    let place = Place::new();
    place.write("a.jsonl", &[1, 2, 3, 2]);
    place.write("b.jsonl", &[4, 5]);
    let first = place.run("", OptionChange::Refuse).await.unwrap();
    assert_eq!(counts(&first), (6, 5, 1));
    let days = [1, 2, 3].map(|day| format!("agent_event/day=2025-07-0{day}/"));
    let files = place.files();
    assert!(days.iter().all(|day| files.iter().any(|file| file.starts_with(day))), "{files:?}");

    let again = place.run("", OptionChange::Refuse).await.unwrap();
    assert_eq!((counts(&again), again.epochs), ((0, 0, 0), 0));

    // A new file adds just what is new, though its events lie in another source's day.
    place.write("b2.jsonl", &[5, 1, 6]);
    let more = place.run("", OptionChange::Refuse).await.unwrap();
    assert_eq!(counts(&more), (3, 1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_option_reaches_its_part() {
    let place = Place::new();
    place.write("a.jsonl", &[1, 2]);
    let options = "[transform.connect]\ntables = [\"agent_event\"]\n[sink.parquet]\nspool = false\nfile_size = \"1 MiB\"\n\
                   memory = \"1 MiB\"\n[commit]\nevery = \"1s\"\ninput = \"1 KiB\"\non_gap = \"continue\"\n[memory]\nbudget = \"1 MiB\"";
    let factory = LineFactory::new(place.plan(options), OptionChange::Refuse, Arc::new(SystemClock));
    let line = factory.build().await.unwrap();
    assert_eq!(
        line.settings.cadence,
        Cadence { every: Duration::from_secs(1), input: Some(1_024), splits: Cadence::SPLITS }
    );
    assert_eq!((line.settings.budget, line.settings.on_gap), (1 << 20, tributary_runtime::OnGap::Continue));
    assert!(line.settings.guarded && line.keys.is_some());
    assert_eq!(line.transform.tables().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_options_are_refused_unless_accepted() {
    let place = Place::new();
    place.write("a.jsonl", &[1]);
    place.run("", OptionChange::Refuse).await.unwrap();
    place.write("a2.jsonl", &[2]);
    let other = "[transform.connect.dedup]\nhorizon = \"1h\"";
    let refused = place.run(other, OptionChange::Refuse).await.unwrap_err();
    assert_eq!((refused.code(), refused.fault()), ("commit/options-differ", Fault::Config));
    assert_eq!(counts(&place.run(other, OptionChange::Accept).await.unwrap()), (1, 1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_opened_is_named() {
    let place = Place::new();
    let no_match = place.run("", OptionChange::Refuse).await.unwrap_err();
    assert_eq!((no_match.code(), no_match.fault()), ("source-file/no-match", Fault::Config));
    place.write("a.jsonl", &[1]);
    let no_folder =
        place.run("[sink.parquet.spool]\nfolder = \"/does/not/exist\"", OptionChange::Refuse).await.unwrap_err();
    assert_eq!((no_folder.code(), no_folder.fault()), ("spool/folder", Fault::Config));
}

/// A line that begins again would go on in standard input behind what was read and never committed.
#[tokio::test]
async fn standard_input_is_not_read_by_a_second_line() {
    let place = Place::new();
    let mut plan = place.plan("");
    let SourceKind::File(first) = &mut plan.sources[0].kind else { panic!("{:?}", plan.sources) };
    first.paths = vec!["-".to_owned()];
    let factory = LineFactory::new(plan, OptionChange::Refuse, Arc::new(SystemClock));
    factory.build().await.unwrap();
    let refused = factory.build().await.unwrap_err();
    assert_eq!((refused.code(), refused.fault()), ("pipeline/standard-input", Fault::Data));
}

#[test]
fn a_file_that_is_not_there_or_wrong_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = load(&folder.path().join("none.toml"), &BTreeMap::new()).unwrap_err();
    assert_eq!((missing.code(), missing.fault()), ("pipeline/unreadable", Fault::Config));
    let wrong = folder.path().join("wrong.toml");
    fs::write(&wrong, "version = 2\n").unwrap();
    let invalid = load(&wrong, &BTreeMap::new()).unwrap_err();
    assert_eq!(invalid.code(), "pipeline/invalid");
    let text = invalid.to_string();
    assert!(text.starts_with("4 mistakes:\n") && text.contains("wrong.toml:1:11: error: version 2"), "{text}");
}

/// A pipeline that signs in to Kafka so; no broker is there.
fn kafka(folder: &Path, lines: &str) -> LineFactory {
    let text = format!(
        "version = 1\nname = \"agents\"\nmode = \"streaming\"\n[lake]\nlocation = \"{0}/lake\"\n[sources.a.kafka]\n\
         brokers = \"localhost:1\"\ntopics = [\"t\"]\n{lines}\n",
        folder.display()
    );
    let plan = check(&text, "test.toml", &BTreeMap::new()).unwrap_or_else(|problems| panic!("{problems:?}"));
    LineFactory::new(plan, OptionChange::Refuse, Arc::new(SystemClock))
}

fn kafka_plan(factory: &LineFactory) -> &KafkaPlan {
    let SourceKind::Kafka(kafka) = &factory.plan.sources[0].kind else { panic!("{:?}", factory.plan.sources) };
    kafka
}

#[tokio::test]
async fn a_member_that_joins_again_waits_for_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let factory = kafka(folder.path(), &format!("sasl = \"oauthbearer\"\ntoken_file = \"{}\"", file.display()));
    let options = factory.kafka_options(kafka_plan(&factory)).unwrap();
    let missing = factory.signing(&options).await.unwrap_err();
    assert_eq!((missing.code(), missing.fault()), ("source-kafka/token", Fault::Config));
    // {"exp":4102444800}
    fs::write(&file, "e30.eyJleHAiOjQxMDI0NDQ4MDB9.").unwrap();
    factory.signing(&options).await.unwrap();
    fs::remove_file(&file).unwrap();
    factory.signing(&options).await.unwrap();
}

#[tokio::test]
async fn a_password_that_is_gone_ends_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    let lines = format!("sasl = \"plain\"\nusername = \"us\"\npassword_file = \"{}\"", file.display());
    let factory = kafka(folder.path(), &lines);
    let missing = factory.group(kafka_plan(&factory)).await.unwrap_err();
    assert_eq!((missing.code(), missing.fault()), ("pipeline/password", Fault::Config));
    fs::write(&file, "secret").unwrap();
    let options = factory.kafka_options(kafka_plan(&factory)).unwrap();
    factory.signing(&options).await.unwrap();
    fs::remove_file(&file).unwrap();
    let gone = factory.group(kafka_plan(&factory)).await.unwrap_err();
    assert_eq!((gone.code(), gone.fault()), ("pipeline/password", Fault::Transient));
    assert!(gone.to_string().contains("no password in"), "{gone}");
}
