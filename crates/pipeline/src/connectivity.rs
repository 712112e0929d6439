//! Whether the sources and the lake can be reached and used as the pipeline would: what `tributary check` asks.
//!
//! Each right is tried by what needs it, on objects of its own below `_tributary/probes/`, which are removed.

use std::sync::Arc;

use bytes::Bytes;
use tributary_aws::in_words;
use tributary_core::{Attempt, Checkpoint, Clock, Key, Ticket};
use tributary_runtime::{SystemClock, new_attempt};
use tributary_source_s3::S3Source;
use tributary_store::{Created, FolderStore, ObjectStore, StoreError};
use tributary_store_s3::{Lifecycle, S3Store};

use crate::cases_api::CaseNames;
use crate::cases_plan::CasesPlan;
use crate::kept::Kept;
use crate::{LakePlan, LineFactory, SourceKind};

/// The fewest days after which a rule of the bucket may throw away unfinished uploads: a run that was stopped for a
/// weekend publishes what it has claimed (architecture, section 6).
const LEAST_DAYS: i32 = 7;

/// What the probes hold.
const PROBE: &[u8] = b"a probe of tributary check\n";
const OTHER: &[u8] = b"another";

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What.
    pub what: String,
    /// What came of it, in a few words; or why not, with a cure.
    pub outcome: Result<String, String>,
}

/// Tries everything; the steps in their order. Where the lake cannot be opened, nothing of it is tried.
pub async fn check_connections(factory: &LineFactory) -> Vec<Step> {
    let mut steps = sources(factory).await;
    if let Some(api) = &factory.plan().connect.cases_api {
        let outcome = factory.ask_for_names(api).await.map_err(|failure| in_words(&failure));
        let counted = |Kept { said: names, .. }: Kept<CaseNames>| {
            format!("{} templates and {} fields", names.templates.len(), names.fields())
        };
        steps
            .push(Step { what: "ask for the names of templates and fields".to_owned(), outcome: outcome.map(counted) });
    }
    if let Some(api) = &factory.plan().connect.flow_api {
        let outcome = factory.ask_for_flows(api).await.map_err(|failure| in_words(&failure));
        let outcome = outcome.map(|facts| format!("{} of them", facts.said.len()));
        steps.push(Step { what: "ask for flows and modules".to_owned(), outcome });
    }
    match &factory.plan().lake {
        LakePlan::Folder(folder) => {
            let opened = FolderStore::open(folder);
            if let Some(store) = opening(&mut steps, factory, opened) {
                Prober::new(&store, &mut steps).run().await;
            }
        }
        LakePlan::S3(options) => {
            let opened = S3Store::open(options.as_ref().clone()).await;
            if let Some(store) = opening(&mut steps, factory, opened) {
                Prober::new(&store, &mut steps).run().await;
                steps.push(lifecycle(&store).await);
            }
        }
    }
    steps
}

async fn sources(factory: &LineFactory) -> Vec<Step> {
    let mut steps = Vec::new();
    for source in &factory.plan().sources {
        let name = source.name.as_str();
        let outcome = match &source.kind {
            SourceKind::File(file) if file.paths.iter().any(|path| path == "-") => {
                Ok("standard input, which is not touched".to_owned())
            }
            SourceKind::File(file) => {
                let opened = factory.file_source(name, file, &Checkpoint::default()).await;
                opened.map(|_| "found".to_owned()).map_err(|failure| in_words(&failure))
            }
            SourceKind::Kafka(kafka) => match factory.kafka_options(kafka) {
                Ok(options) => kafka_topics(options, factory.clock()).await,
                Err(failure) => Err(in_words(&failure)),
            },
            SourceKind::Kinesis(kinesis) => match factory.kinesis_options(kinesis) {
                Ok(options) => tributary_source_kinesis::probe(&options).await.map_err(|error| in_words(&error)),
                Err(failure) => Err(in_words(&failure)),
            },
            SourceKind::Cases(cases) => domain(factory, name, cases).await,
            SourceKind::TestCases(tests) => match factory.test_cases_options(tests) {
                Ok(options) => {
                    let probed = Box::pin(tributary_source_test_cases::TestCasesSource::probe(options));
                    probed.await.map_err(|error| in_words(&error))
                }
                Err(error) => Err(in_words(&error)),
            },
            SourceKind::S3(s3) => {
                let probed = S3Source::probe(factory.s3_options(s3)).await;
                probed.map_err(|error| in_words(&error))
            }
        };
        steps.push(Step { what: format!("open the source {name}"), outcome });
    }
    steps
}

#[cfg(feature = "cases")]
async fn domain(factory: &LineFactory, name: &str, cases: &CasesPlan) -> Result<String, String> {
    let options = factory.cases_options(name, cases).await.map_err(|failure| in_words(&failure))?;
    tributary_source_cases::CasesSource::probe(options).await.map_err(|error| in_words(&error))
}

#[cfg(not(feature = "cases"))]
async fn domain(_: &LineFactory, name: &str, _: &CasesPlan) -> Result<String, String> {
    Err(in_words(&crate::error::Error::NoCases { whom: format!("source {name}") }))
}

async fn kafka_topics(options: tributary_source_kafka::Options, clock: Arc<dyn Clock>) -> Result<String, String> {
    let probed = tokio::task::spawn_blocking(move || tributary_source_kafka::probe(&options, &clock)).await;
    match probed {
        Ok(probed) => probed.map_err(|error| in_words(&error)),
        Err(died) => Err(in_words(&died)),
    }
}

fn opening<S>(steps: &mut Vec<Step>, factory: &LineFactory, opened: Result<S, StoreError>) -> Option<S> {
    let what = format!("open the lake {}", factory.plan().lake);
    let (outcome, store) = match opened {
        Ok(store) => (Ok("opened".to_owned()), Some(store)),
        Err(error) => (Err(in_words(&error)), None),
    };
    steps.push(Step { what, outcome });
    store
}

/// Tries one verb of the store after the other.
struct Prober<'a> {
    store: &'a dyn ObjectStore,
    steps: &'a mut Vec<Step>,
    attempt: Attempt,
}

impl<'a> Prober<'a> {
    fn new(store: &'a dyn ObjectStore, steps: &'a mut Vec<Step>) -> Self {
        Self { store, steps, attempt: new_attempt(&SystemClock) }
    }

    async fn run(mut self) {
        let (Some(object), Some(upload), Some(thrown)) = (self.key("object"), self.key("upload"), self.key("thrown"))
        else {
            return;
        };
        self.objects(&object).await;
        self.uploads(&upload, &thrown).await;
        let deleted = [self.store.delete(&object).await, self.store.delete(&upload).await];
        let deleted: Result<Vec<()>, StoreError> = deleted.into_iter().collect();
        self.say("delete objects", deleted.map(|_| "deleted".to_owned()));
    }

    fn key(&self, name: &str) -> Option<Key> {
        format!("_tributary/probes/{name}-{}", self.attempt).parse().ok()
    }

    fn say(&mut self, what: &str, outcome: Result<String, StoreError>) {
        self.steps.push(Step { what: what.to_owned(), outcome: outcome.map_err(|error| in_words(&error)) });
    }

    fn refuse(&mut self, what: &str, reason: &str) {
        self.steps.push(Step { what: what.to_owned(), outcome: Err(reason.to_owned()) });
    }

    async fn objects(&mut self, key: &Key) {
        let made = self.store.create(key, Bytes::from_static(PROBE)).await;
        let was_made = made.is_ok();
        let mut content = PROBE;
        self.say("create an object", made.map(|_| "created".to_owned()));
        if was_made {
            match self.store.create(key, Bytes::from_static(OTHER)).await {
                Ok(Created::Exists(_)) => self.say("create it once only", Ok("refused the second time".to_owned())),
                Ok(Created::New) => {
                    content = OTHER;
                    self.refuse(
                        "create it once only",
                        "the server ignores conditional writes (PutObject with If-None-Match: *), on which exactly-once \
                         stands; use S3, or a server that has them, or set exclusive = true in [lake.s3] if never more \
                         than one process writes to this lake",
                    );
                }
                Err(error) => self.say("create it once only", Err(error)),
            }
        }
        match self.store.read(key).await {
            Ok(Some(body)) if body == content => self.say("read it", Ok("read".to_owned())),
            Ok(_) if was_made => self.refuse("read it", "it is not what was written"),
            Ok(_) => {}
            Err(error) => self.say("read it", Err(error)),
        }
        let Ok(folder) = "_tributary/probes".parse::<Key>() else { return };
        match self.store.list(&folder, None).await {
            Ok(keys) if was_made && !keys.contains(key) => {
                self.refuse("list objects", "what was just written is not listed");
            }
            listed => self.say("list objects", listed.map(|keys| format!("{} below _tributary/probes", keys.len()))),
        }
    }

    async fn uploads(&mut self, kept: &Key, thrown: &Key) {
        let sealed = self.upload(kept).await;
        let ticket = sealed.as_ref().ok().cloned();
        self.say("upload in parts", sealed.map(|ticket| format!("{} bytes", ticket.bytes)));
        let listed = self.store.uploads().await;
        match (&listed, &ticket) {
            (Ok(pending), Some(_)) if !pending.iter().any(|pending| pending.key == *kept) => {
                self.refuse("list uploads", "what was just uploaded is not listed");
            }
            _ => self.say("list uploads", listed.map(|pending| format!("{} unfinished", pending.len()))),
        }
        if let Some(ticket) = ticket {
            let completed = self.store.complete(kept, &ticket).await;
            self.say("complete an upload", completed.map(|_| "visible".to_owned()));
        }
        if let Ok(ticket) = self.upload(thrown).await {
            let aborted = self.store.abort(thrown, &ticket.upload).await;
            self.say("throw an upload away", aborted.map(|()| "gone".to_owned()));
        }
    }

    async fn upload(&self, key: &Key) -> Result<Ticket, StoreError> {
        let mut upload = self.store.begin(&self.attempt, key).await?;
        upload.write(Bytes::from_static(PROBE)).await?;
        upload.seal().await
    }
}

async fn lifecycle(store: &S3Store) -> Step {
    let outcome = match store.lifecycle().await {
        Ok(Lifecycle { of_log, .. }) if !of_log.is_empty() => Err(format!(
            "{}, and with them the commit log, without which the lake cannot be gone on with; leave what lies below \
             _tributary/ out of the rule",
            of_log.join(", and ")
        )),
        Ok(Lifecycle { upload_days: Some(days), .. }) if days < LEAST_DAYS => Err(format!(
            "a lifecycle rule of the bucket throws unfinished uploads away after {days} days, and with them what a run \
             has claimed and not published; set DaysAfterInitiation to {LEAST_DAYS} or more (deploy/s3-lifecycle.json)"
        )),
        Ok(Lifecycle { upload_days, of_data, .. }) => {
            let uploads = match upload_days {
                Some(days) => format!("unfinished uploads live {days} days"),
                None => "no rule for unfinished uploads; deploy/s3-lifecycle.json advises one".to_owned(),
            };
            Ok([vec![uploads], of_data].concat().join("; "))
        }
        // Some servers have no such rules. A right that is missing is told as any other.
        Err(error @ StoreError::Denied { .. }) => Err(in_words(&error)),
        Err(error) => {
            Ok(format!("not known, so look whether unfinished uploads live {LEAST_DAYS} days: {}", in_words(&error)))
        }
    };
    Step { what: "read the lifecycle rules".to_owned(), outcome }
}
