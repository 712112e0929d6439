//! The supervisor: builds a line, joins its stages, and decides what the end of one means.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tributary_commit::{CommitLog, Permit};
use tributary_core::{Clock, Fault};

use crate::budget::Budget;
use crate::error::{log_failure, with_causes};
use crate::patience::Patience;
use crate::progress::Reporter;
use crate::stage::CHANNEL;
use crate::stage::commit::Commit;
use crate::stage::heirs::Heirs;
use crate::stage::read::Read;
use crate::stage::scopes::Scopes;
use crate::stage::transform::{Applying, Transforming};
use crate::stage::write::Write;
use crate::tasks::{Fate, LineEnd, Tasks};
use crate::{Line, LineBuilder, Outcome, Phase, Progress, RunError, StageName, Summary};

/// The two ways to stop a run.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Reads no more and commits what was read.
    pub drain: CancellationToken,
    /// Drops everything at once.
    pub abort: CancellationToken,
}

/// Runs lines until the input ends, somebody stops it, or an error ends it.
///
/// A line that ends with [`Fault::Transient`] is built again from the commit log: up to five times in a row, after
/// 200 ms to 10 s, or for ever where [`Settings::is_endless`](crate::Settings::is_endless) and one could be built before.
/// One whose days others committed to first is built again at once. `progress` is set back and kept up
/// to date.
///
/// # Errors
/// The first error that is not transient, or the transient one that did not go away.
pub async fn run(
    builder: &dyn LineBuilder,
    clock: Arc<dyn Clock>,
    stop: Stop,
    progress: watch::Sender<Progress>,
) -> Result<Summary, RunError> {
    let reporter = Reporter::new(progress);
    tracing::info!("run starts");
    let abort = stop.abort.clone();
    let supervisor = Supervisor { builder, clock, stop, reporter, patience: Patience::default() };
    let result = supervisor.run().await;
    tokio::select! {
        biased;
        () = abort.cancelled() => {}
        () = builder.close() => {}
        // It is a courtesy.
        () = tokio::time::sleep(GOODBYE) => {}
    }
    match &result {
        Ok(summary) => tracing::info!(
            outcome = ?summary.outcome,
            epochs = summary.epochs,
            files = summary.files,
            bytes = summary.bytes,
            read = summary.tally.read,
            restarts = summary.restarts,
            "run ends"
        ),
        Err(error) => tracing::error!(code = error.code(), error = %with_causes(error), "run failed"),
    }
    result
}

/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(5);

/// Whoever has what we read is given time to notice, should it be us who are wrong.
const MOVED_PAUSE: Duration = Duration::from_millis(200);

/// Who reads splits that move may find that the new owner of one was faster.
fn moved(end: Result<LineEnd, RunError>, splits_move: bool) -> Result<LineEnd, RunError> {
    match end {
        Err(RunError::Fenced { by }) if splits_move => {
            tracing::warn!(%by, "somebody else has what was read: reading again");
            Ok(LineEnd::Moved)
        }
        end => end,
    }
}

struct Supervisor<'a> {
    builder: &'a dyn LineBuilder,
    clock: Arc<dyn Clock>,
    stop: Stop,
    reporter: Reporter,
    patience: Patience,
}

impl Supervisor<'_> {
    async fn run(mut self) -> Result<Summary, RunError> {
        loop {
            let pause = match self.one_line().await {
                Ok(LineEnd::Stopped { outcome, unread, held }) => {
                    return Ok(Summary::new(outcome, self.reporter.facts(), unread, held));
                }
                Ok(LineEnd::Overtaken(epoch)) => {
                    self.patience.overtaken(self.reporter.facts().epochs)?;
                    tracing::info!(%epoch, "another process committed to the same days first: reading again");
                    Duration::ZERO
                }
                Ok(LineEnd::Interrupted) => {
                    tracing::info!("the splits are other ones: going on from the log");
                    continue;
                }
                Ok(LineEnd::Moved) => {
                    self.patience.overtaken(self.reporter.facts().epochs)?;
                    MOVED_PAUSE
                }
                Err(error) if error.fault() == Fault::Transient => {
                    let Some(pause) = self.patience.failed(self.reporter.facts().epochs) else { return Err(error) };
                    let stage = error.stage().map(StageName::as_str);
                    let ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                    tracing::warn!(stage, code = error.code(), error = %with_causes(&error), pause_ms = ms, "line restarts");
                    pause
                }
                Err(error) => return Err(error),
            };
            self.reporter.note(Progress::restart);
            if let Some(outcome) = self.stopped_while(tokio::time::sleep(pause)).await.err() {
                return Ok(Summary::new(outcome, self.reporter.facts(), Vec::new(), Vec::new()));
            }
        }
    }

    /// Builds a line, finishes what an earlier one left, and runs it to its end.
    async fn one_line(&mut self) -> Result<LineEnd, RunError> {
        self.reporter.enter(Phase::Recovering);
        let line = match self.stopped_while(self.start()).await {
            Ok(line) => line?,
            Err(outcome) => return Ok(LineEnd::stopped(outcome)),
        };
        self.patience.started(line.settings.is_endless);
        let (deadline, splits_move) = (line.settings.drain_deadline, line.settings.splits_move);
        let mut tasks = self.spawn(line);
        let mut fate = Fate::default();
        let overdue = async {
            self.stop.drain.cancelled().await;
            tokio::time::sleep(deadline).await;
        };
        tokio::pin!(overdue);
        loop {
            tokio::select! {
                biased;
                () = self.stop.abort.cancelled() => break,
                () = &mut overdue => {
                    tracing::warn!(seconds = deadline.as_secs_f64(), "drain took too long and becomes an abort");
                    break;
                }
                ended = tasks.next() => match ended {
                    Some(end) => fate.learn(end),
                    None => return moved(fate.decide(), splits_move),
                },
            }
        }
        tasks.abort().await;
        Ok(LineEnd::stopped(Outcome::Aborted))
    }

    /// A line, with every epoch published that was claimed before.
    async fn start(&self) -> Result<Line, RunError> {
        let mut line = self.builder.build().await.map_err(RunError::Start)?;
        let unfinished = std::mem::take(&mut line.recovered.unfinished);
        let count = unfinished.len();
        for permit in unfinished {
            self.finish(&mut line.log, permit).await?;
        }
        tracing::info!(
            pipeline = %line.settings.pipeline,
            next = %line.recovered.next,
            splits = line.recovered.checkpoint.len(),
            files = line.recovered.live.len(),
            finished = count,
            "recovered"
        );
        Ok(line)
    }

    /// Publishes an epoch that was claimed and perhaps not published, and counts it: as ours, if it is the one whose
    /// claim or publishing this run did not see the end of.
    async fn finish(&self, log: &mut CommitLog, permit: Permit) -> Result<(), RunError> {
        let (attempt, files) = (permit.attempt().clone(), permit.adds().to_vec());
        let receipt = log.publish(permit).await.map_err(log_failure).map_err(RunError::Start)?;
        self.reporter.note(|progress| match progress.pending.take_if(|pending| pending.attempt == attempt) {
            Some(ours) if ours.counted => {}
            Some(_) => {
                progress.claimed(receipt.epoch(), receipt.tally(), &files);
                progress.tally.append(receipt.tally());
            }
            None => progress.recovered_epochs += 1,
        });
        Ok(())
    }

    /// Waits for `work`, unless the run is stopped meanwhile.
    async fn stopped_while<T>(&self, work: impl Future<Output = T>) -> Result<T, Outcome> {
        tokio::select! {
            biased;
            () = self.stop.abort.cancelled() => Err(Outcome::Aborted),
            () = self.stop.drain.cancelled() => Err(Outcome::Drained),
            done = work => Ok(done),
        }
    }

    /// The four stages, each a task, with one bounded channel between neighbours.
    fn spawn(&self, line: Line) -> Tasks {
        let Line { source, transform, sink, log, recovered, keys, settings } = line;
        let reporter = || self.reporter.clone();
        let (to_transform, batches) = mpsc::channel(CHANNEL);
        let (to_write, flow) = mpsc::channel(CHANNEL);
        let (to_commit, sealed) = mpsc::channel(CHANNEL);
        let (give_receipt, receipts) = watch::channel(None);
        let (want_seal, wanted) = watch::channel(None);
        let (budget, drain) = (Budget::new(settings.budget), self.stop.drain.clone());
        let clock = || Arc::clone(&self.clock);

        let heirs = Heirs::new(source.lineage());
        let read = Read { source, clock: clock(), budget, next: to_transform, receipts, drain, reporter: reporter() };
        let scopes = Scopes::new(Arc::clone(&transform), keys, settings.pipeline, recovered.states, heirs);
        let applying = Applying::new(scopes, settings.cadence, to_write, wanted, reporter());
        let transform = Transforming { transform, decoders: settings.decoders.get(), batches, applying };
        let write = Write {
            sink,
            clock: clock(),
            guarded: settings.guarded,
            flow,
            next: to_commit,
            wanted: want_seal,
            reporter: reporter(),
        };
        let commit = Commit {
            log,
            checkpoint: recovered.checkpoint,
            newest: None,
            on_gap: settings.on_gap,
            sealed,
            receipts: give_receipt,
            reporter: reporter(),
        };
        let mut tasks = Tasks::default();
        tasks.add(StageName::Read, read.run());
        tasks.add(StageName::Transform, transform.run());
        tasks.add(StageName::Write, write.run());
        tasks.add(StageName::Commit, commit.run());
        tasks
    }
}
