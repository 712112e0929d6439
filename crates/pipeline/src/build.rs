//! From a [`Plan`] to a line of real parts.

#[cfg(feature = "cases")]
mod cases;
mod kinesis;
mod names;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use tributary_commit::{CommitLog, LogOptions, OptionDigest};
use tributary_connect::agent_time::{LinkLog, MOST_LINK_BYTES};
use tributary_connect::{Connect, Known};
use tributary_core::{
    Checkpoint, Clock, CommittedKeys, Failure, Fault, RecordLimit, Scratch, Share, Source, TableId, Transform,
    rejected_table,
};
use tributary_maintain::LakeKeys;
use tributary_runtime::{Cadence, Line, LineBuilder, Settings, SystemClock, new_attempt};
use tributary_sink_parquet::{Identity, ParquetSink};
use tributary_source_file::FileSource;
use tributary_source_kafka::{Group, Signing};
use tributary_source_kinesis::Group as KinesisGroup;
use tributary_source_s3::S3Source;
use tributary_source_test_cases::TestCasesSource;
use tributary_spool::Spool;
use tributary_store::{FolderStore, ObjectStore, StoreError};
use tributary_store_s3::S3Store;

#[cfg(not(feature = "cases"))]
use crate::cases_plan::CasesPlan;
use crate::error::Error;
use crate::file::{Mode, OnChanged, OnGap};
use crate::kafka_plan::KafkaPlan;
use crate::merge::Merged;
use crate::plan::{ParquetPlan, Plan, SpoolPlan};
use crate::rebuild::looks_for_gaps;
use crate::source_plan::{FilePlan, S3Plan, SourceKind, SourcePlan};
use crate::test_cases_plan::TestCasesPlan;
use crate::{LakePlan, Problem, check};

/// How long an epoch of another process may stay unpublished before this one finishes it (architecture, section 6).
const TAKEOVER: Duration = Duration::from_secs(60);

/// An eighth of the budget is for what was fetched ahead of Kafka or Kinesis, and as much for what is gathered of it.
const QUEUE_SHARE: u64 = 8;

/// Smaller batches cost more than their rows.
const LEAST_BATCH_BYTES: u64 = 64 << 10;

/// How old an attempt's oldest upload may be when it is claimed (architecture, section 6).
const ATTEMPT_AGE: Duration = Duration::from_secs(24 * 3_600);

/// What to do when the options that give rows their meaning are not those of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OptionChange {
    /// The run is refused with the difference.
    #[default]
    Refuse,
    /// The run goes on with the new ones.
    Accept,
}

/// Reads and checks a pipeline file.
///
/// # Errors
/// [`Error::Unreadable`], and [`Error::Invalid`] with every mistake of the file and of the `TRIBUTARY__…` variables of
/// `environment`.
pub fn load(file: &Path, environment: &BTreeMap<String, String>) -> Result<Plan, Error> {
    let unreadable = |cause| Error::Unreadable { file: file.to_owned(), cause };
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    check(&text, &file.display().to_string(), environment).map_err(|problems: Vec<Problem>| Error::Invalid { problems })
}

/// Opens the store of a lake; a folder is made when it is missing. A server that does not honour conditional writes is
/// refused before anything is written to it.
///
/// # Errors
/// What the store says: its location cannot be used.
pub async fn open_lake(lake: &LakePlan) -> Result<Arc<dyn ObjectStore>, Failure> {
    let failure = |error: StoreError| Failure::new(error.fault(), error.code(), error);
    match lake {
        LakePlan::Folder(folder) => {
            let folder = folder.clone();
            let opened = blocking("the lake", move || FolderStore::open(&folder)).await?;
            Ok(Arc::new(opened.map_err(failure)?))
        }
        LakePlan::S3(options) => {
            let store = S3Store::open(options.as_ref().clone()).await.map_err(failure)?;
            store.prove_conditional_writes(&new_attempt(&SystemClock)).await.map_err(failure)?;
            Ok(Arc::new(store))
        }
    }
}

/// Builds the lines of a plan: opens the lake and its log, recovers, and puts sources, transform and sink behind one
/// another. What the log has claimed and not published is published by the runtime.
pub struct LineFactory {
    plan: Plan,
    change: OptionChange,
    clock: Arc<dyn Clock>,
    share: Option<Share>,
    /// Standard input was opened by a line of this process; no other line can read it from where it was committed.
    input_taken: AtomicBool,
    /// The member of a group of Kafka; it outlives lines.
    group: Mutex<Option<Arc<Group>>>,
    /// The worker that reads a stream of Kinesis; it outlives lines.
    kinesis: Mutex<Option<Arc<KinesisGroup>>>,
    /// How its members sign in; it outlives them.
    signing: Mutex<Option<Signing>>,
    /// What is known beside the events; it outlives lines.
    known: OnceCell<Arc<Known>>,
    /// Asks for names again and again; it ends with this.
    asking: Mutex<JoinSet<()>>,
    /// How the snapshots of the events hang together that passed; it outlives lines.
    pub(crate) links: Arc<LinkLog>,
}

impl LineFactory {
    /// A factory for `plan`. `clock` is the commit log's.
    pub fn new(plan: Plan, change: OptionChange, clock: Arc<dyn Clock>) -> Self {
        Self {
            plan,
            change,
            clock,
            share: None,
            input_taken: AtomicBool::new(false),
            group: Mutex::new(None),
            kinesis: Mutex::new(None),
            signing: Mutex::new(None),
            known: OnceCell::new(),
            asking: Mutex::default(),
            links: Arc::default(),
        }
    }

    /// The same for one of several workers that share the inputs among them, on one commit log.
    #[must_use]
    pub fn shared(mut self, share: Option<Share>) -> Self {
        self.share = share;
        self
    }

    /// What is built.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// Opens the commit log of the plan's pipeline in `store`.
    ///
    /// # Errors
    /// What the commit log says: a table belongs to another pipeline, the options differ, the log is damaged.
    pub async fn open_log(&self, store: Arc<dyn ObjectStore>) -> Result<CommitLog, Failure> {
        let written = self.plan.connect.tables.iter().map(|table| TableId::new(table.as_str()));
        let mut entries = self.plan.option_digest_entries();
        // Under another key equal values are no longer equal.
        entries.extend(self.plan.privacy.with_key()?.key_mark().map(|mark| ("privacy.key".to_owned(), mark)));
        let options = LogOptions {
            pipeline: self.plan.pipeline.clone(),
            options: OptionDigest::new(entries),
            accept_change: self.change == OptionChange::Accept,
            tables: written.chain([rejected_table().id]).collect(),
            takeover: TAKEOVER,
            attempt_age: ATTEMPT_AGE,
            checkpoint_every: LogOptions::CHECKPOINT_EVERY,
        };
        let opened = CommitLog::open(store, options, Arc::clone(&self.clock)).await;
        opened.map_err(|error| Failure::new(error.fault(), error.code(), error))
    }

    async fn transform(&self, scratch: Option<Arc<dyn Scratch>>) -> Result<Connect, Failure> {
        let connect = &self.plan.connect;
        let limits = self.plan.sources.iter().map(SourcePlan::record_limit);
        Ok(Connect::new(tributary_connect::Options {
            families: connect.families.iter().map(|family| family.of_connect()).collect(),
            lookups: self.known().await?,
            tables: connect.tables.iter().map(|table| TableId::new(table.as_str())).collect(),
            dedup_horizon: connect.dedup_horizon,
            dedup_memory: connect.dedup_memory.get(),
            recall: tributary_connect::Recall::Remember,
            privacy: self.plan.privacy.with_key()?,
            // Sources cut first; what one of them lets through is not refused when it comes out of a wrapper.
            record_limit: limits.max().unwrap_or(RecordLimit::DEFAULT),
            links: self.links().await?,
            scratch,
        }))
    }

    /// Where it is kept how the snapshots of events hang together; none where nobody looks for gaps, or without spool. It has a
    /// small one of its own: it outlives lines, and takes no room from rows and keys.
    async fn links(&self) -> Result<Option<Arc<LinkLog>>, Failure> {
        let Some(spool) = self.plan.parquet.spool.as_ref().filter(|_| looks_for_gaps(&self.plan.connect)) else {
            return Ok(None);
        };
        if !self.links.has_scratch() {
            let size = spool.size.min(NonZeroU64::MIN.saturating_add(MOST_LINK_BYTES));
            if let Some(own) = open_spool(Some(&SpoolPlan { size, ..spool.clone() })).await? {
                self.links.spill_to(own);
            }
        }
        Ok(Some(Arc::clone(&self.links)))
    }

    async fn source(&self, store: &Arc<dyn ObjectStore>, checkpoint: &Checkpoint) -> Result<Box<dyn Source>, Failure> {
        let mut sources: Vec<Box<dyn Source>> = Vec::new();
        for source in &self.plan.sources {
            sources.push(match &source.kind {
                SourceKind::File(file) => Box::new(self.file_source(source.name.as_str(), file, checkpoint).await?),
                SourceKind::S3(s3) => Box::new(S3Source::open(self.s3_options(s3), checkpoint).await?),
                SourceKind::Cases(cases) => self.cases_source(source.name.as_str(), cases, checkpoint).await?,
                SourceKind::TestCases(tests) => {
                    Box::new(TestCasesSource::open(self.test_cases_options(tests)?, checkpoint).await?)
                }
                // The only one: its partitions have scopes of their own.
                SourceKind::Kafka(kafka) => return Ok(Box::new(self.group(kafka).await?.attach(checkpoint)?)),
                // So have its shards.
                SourceKind::Kinesis(kinesis) => {
                    let group = self.kinesis_group(kinesis, store).await?;
                    return Ok(Box::new(group.attach(checkpoint).await?));
                }
            });
        }
        Ok(Box::new(Merged::new(sources, self.plan.mode == Mode::Streaming)))
    }

    pub(crate) async fn file_source(
        &self,
        name: &str,
        file: &FilePlan,
        checkpoint: &Checkpoint,
    ) -> Result<FileSource, Failure> {
        if file.paths.iter().any(|path| path == "-") && self.input_taken.swap(true, Ordering::Relaxed) {
            return Err(Error::StandardInput { name: name.to_owned() }.into());
        }
        let mut options = file_options(name, file, self.most_batch_bytes());
        options.share = self.share;
        options.poll = (self.plan.mode == Mode::Streaming).then_some(file.poll);
        let checkpoint = checkpoint.clone();
        Ok(blocking("the files", move || FileSource::open(options, &checkpoint)).await??)
    }

    #[cfg(not(feature = "cases"))]
    async fn cases_source(&self, name: &str, _: &CasesPlan, _: &Checkpoint) -> Result<Box<dyn Source>, Failure> {
        Err(Error::NoCases { whom: format!("source {name}") }.into())
    }

    /// What the source is told in this run.
    pub(crate) fn test_cases_options(
        &self,
        tests: &TestCasesPlan,
    ) -> Result<tributary_source_test_cases::Options, Error> {
        let options = tests.options.clone();
        if self.share.is_some() {
            return Err(Error::Worker { name: options.name });
        }
        let poll = options.poll.filter(|_| self.plan.mode == Mode::Streaming);
        Ok(tributary_source_test_cases::Options { poll, batch_bytes: self.most_batch_bytes(), ..options })
    }

    /// What the source is told in this run.
    pub(crate) fn s3_options(&self, s3: &S3Plan) -> tributary_source_s3::Options {
        tributary_source_s3::Options {
            batch_bytes: self.most_batch_bytes(),
            share: self.share,
            poll: (self.plan.mode == Mode::Streaming).then_some(s3.poll),
            ..s3.options.clone()
        }
    }

    /// The member of the plan's group; it joins when it is first asked for.
    async fn group(&self, kafka: &KafkaPlan) -> Result<Arc<Group>, Failure> {
        let known = self.group.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // A batch that has to be read again joins again.
        if let Some(group) = known.filter(|group| !group.has_left()) {
            return Ok(group);
        }
        let begun = self.signing.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let options = self.kafka_options(kafka).map_err(|failure| {
            // What was there when the run began is waited for.
            if begun { Failure::new(Fault::Transient, failure.code(), failure) } else { failure }
        })?;
        let signing = self.signing(&options).await?;
        let group = Arc::new(blocking("Kafka", move || Group::join(options, &signing)).await??);
        *self.group.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&group));
        Ok(group)
    }

    /// How members sign in. Only the first waits for a token: whoever joins again later is a run that goes on.
    async fn signing(&self, options: &tributary_source_kafka::Options) -> Result<Signing, Failure> {
        let known = self.signing.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(signing) = known {
            return Ok(signing);
        }
        let (options, clock) = (options.clone(), self.clock());
        let signing = blocking("the tokens", move || Signing::start(&options, &clock)).await??;
        *self.signing.lock().unwrap_or_else(PoisonError::into_inner) = Some(signing.clone());
        Ok(signing)
    }

    /// What the source is told in this run.
    pub(crate) fn kafka_options(&self, kafka: &KafkaPlan) -> Result<tributary_source_kafka::Options, Failure> {
        if self.share.is_some() {
            return Err(Error::Worker { name: kafka.options.name.clone() }.into());
        }
        Ok(tributary_source_kafka::Options {
            batch: self.plan.mode == Mode::Batch,
            batch_bytes: self.most_batch_bytes().min(tributary_source_kafka::Options::BATCH_BYTES),
            queue_bytes: usize::try_from(self.queue_bytes()).unwrap_or(usize::MAX),
            ..kafka.with_secrets()?
        })
    }

    /// What the client of Kafka, or pages of Kinesis, may hold of the budget.
    fn queue_bytes(&self) -> u64 {
        self.plan.budget.get() / QUEUE_SHARE
    }

    /// Whether the inputs are partitions of Kafka or shards of Kinesis, each with state of its own, which processes share.
    fn reads_partitions(&self) -> bool {
        self.plan.sources.iter().any(|source| matches!(source.kind, SourceKind::Kafka(_) | SourceKind::Kinesis(_)))
    }

    /// Bytes of input in a batch: commits fall between batches, and at least two batches should be in flight.
    fn most_batch_bytes(&self) -> usize {
        let commit = self.plan.commit.input.map_or(u64::MAX, NonZeroU64::get);
        let most = commit.min(self.plan.budget.get() / 2).max(LEAST_BATCH_BYTES);
        usize::try_from(most).unwrap_or(usize::MAX).min(tributary_source_file::Options::BATCH_BYTES)
    }

    fn settings(&self) -> Settings {
        let commit = &self.plan.commit;
        let mut settings = Settings::new(self.plan.pipeline.clone());
        settings.cadence =
            Cadence { every: commit.every, input: commit.input.map(std::num::NonZero::get), splits: Cadence::SPLITS };
        settings.budget = self.plan.budget.get();
        settings.on_gap = match commit.on_gap {
            OnGap::Fail => tributary_runtime::OnGap::Fail,
            OnGap::Continue => tributary_runtime::OnGap::Continue,
        };
        // The keys of the days were read up to the recovery; a claim after somebody else's commit would miss some.
        settings.guarded = !self.reads_partitions();
        settings.is_endless = self.plan.mode == Mode::Streaming;
        if self.reads_partitions() {
            settings.splits_move = true;
            settings.budget = settings.budget.saturating_sub(2 * self.queue_bytes());
        }
        settings
    }
}

#[async_trait]
impl LineBuilder for LineFactory {
    async fn close(&self) {
        let kinesis = self.kinesis.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(group) = kinesis {
            group.leave().await;
        }
    }

    async fn build(&self) -> Result<Line, Failure> {
        let store = open_lake(&self.plan.lake).await?;
        let scratch = open_spool(self.plan.parquet.spool.as_ref()).await?;
        let transform = self.transform(scratch.clone()).await?;
        let mut tables = transform.tables().to_vec();
        tables.push(rejected_table());

        let mut log = self.open_log(Arc::clone(&store)).await?;
        let recovered = log.recover().await;
        let recovered = recovered.map_err(|error| Failure::new(error.fault(), error.code(), error))?;

        let source = self.source(&store, &recovered.checkpoint).await?;
        let identity = Identity { pipeline: self.plan.pipeline.clone() };
        // What anybody has committed to a day that a file touches is left out, whatever the horizon (18.1).
        let keys = LakeKeys::new(Arc::clone(&store), recovered.live.clone());
        let sink = ParquetSink::new(store, tables, sink_options(&self.plan.parquet), scratch, identity)?;
        tracing::debug!(pipeline = %self.plan.pipeline, next = %recovered.next, "line built");
        Ok(Line {
            source,
            transform: Arc::new(transform),
            sink: Box::new(sink),
            log,
            recovered,
            // Of a stream each partition has its own, in its state.
            keys: (!self.reads_partitions()).then(|| Box::new(keys) as Box<dyn CommittedKeys>),
            settings: self.settings(),
        })
    }
}

fn file_options(name: &str, file: &FilePlan, batch_bytes: usize) -> tributary_source_file::Options {
    let mut options = tributary_source_file::Options::new(name, file.paths.clone());
    options.batch_bytes = batch_bytes;
    options.record_limit = file.record_limit;
    options.on_changed = match file.on_changed {
        OnChanged::Read => tributary_source_file::OnChanged::Read,
        OnChanged::Fail => tributary_source_file::OnChanged::Fail,
    };
    options.optional = file.optional;
    options.nonce = nonce();
    options
}

/// A text that no other run has. A `RandomState` is keyed by the operating system, anew for each value.
fn nonce() -> String {
    let half = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", half(), half())
}

pub(crate) fn sink_options(parquet: &ParquetPlan) -> tributary_sink_parquet::Options {
    tributary_sink_parquet::Options {
        file_size: parquet.file_size.get(),
        memory: parquet.memory.get(),
        workers: available_parallelism().map_or(1, NonZeroUsize::get),
        ..tributary_sink_parquet::Options::default()
    }
}

pub(crate) async fn open_spool(spool: Option<&SpoolPlan>) -> Result<Option<Arc<dyn Scratch>>, Failure> {
    let Some(spool) = spool else { return Ok(None) };
    let folder = spool.folder.clone().unwrap_or_else(std::env::temp_dir);
    let limit = spool.size.get();
    let opened = blocking("the spool", move || Spool::create(&folder, limit)).await?;
    let spool = opened.map_err(|error| Failure::new(error.fault(), error.code(), error))?;
    Ok(Some(Arc::new(spool)))
}

/// Runs what touches the disk where it holds up nobody.
pub(crate) async fn blocking<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(|cause| Error::Interrupted { what, cause }.into())
}

#[cfg(test)]
mod tests;
