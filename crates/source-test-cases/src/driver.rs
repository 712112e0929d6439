//! One sweep after the other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;
use tributary_connect_api::{Execution, Sent};
use tributary_core::{
    Body, Checkpoint, Conflict, Delta, Headers, Polled, Position, RawBatch, Record, ScopeId, Span, SplitId, Sweep,
    Timestamp,
};

use crate::Error;
use crate::facts::Facts;
use crate::instance::{Instance, TestCases};

/// What was taken is handed on after so long, however little it is.
const LINGER: Duration = Duration::from_secs(1);

/// 2025-01-01: Amazon Connect has had test cases since that year.
const FIRST: Timestamp = Timestamp::from_micros(1_735_689_600_000_000);

/// The longest slice, so that memory holds no year: 31 days.
const SLICE: i64 = 31 * 86_400_000_000;

/// Why the driver stops.
enum Ended {
    /// Nobody takes batches any more.
    Unwanted,
    Wrong(Error),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Wrong(error)
    }
}

impl From<Conflict> for Ended {
    fn from(conflict: Conflict) -> Self {
        Self::Wrong(Error::Positions(conflict))
    }
}

/// Sweeps over the executions of an instance.
pub(crate) struct Driver {
    instance: Instance,
    facts: Arc<Facts>,
    batches: Sender<Result<RawBatch, Error>>,
    split: SplitId,
    scope: ScopeId,
    /// Where reading goes on.
    at: Polled,
    /// Up to where batches were handed on.
    handed: Position,
    records: Vec<Record>,
    bytes: usize,
    /// When the last batch was handed on.
    since: Instant,
    /// Executions without a beginning of which it was said.
    unplaced: BTreeSet<String>,
}

impl Driver {
    pub(crate) fn new(
        instance: Instance,
        checkpoint: &Checkpoint,
        facts: Arc<Facts>,
        batches: Sender<Result<RawBatch, Error>>,
    ) -> Self {
        let options = &instance.options;
        let split = options.split();
        let handed = checkpoint.position(&split).clone();
        let at = match &handed {
            Position::Polled(polled) => polled.as_ref().clone(),
            _ => Polled { since: options.since.unwrap_or(FIRST), sweep: None },
        };
        let scope = ScopeId::new(format!("source:{}", options.name));
        Self {
            instance,
            facts,
            batches,
            split,
            scope,
            at,
            handed,
            records: Vec::new(),
            bytes: 0,
            since: Instant::now(),
            unplaced: BTreeSet::new(),
        }
    }

    /// Sweeps until nobody wants more, or once.
    pub(crate) async fn run(mut self) {
        loop {
            match self.sweep().await {
                Ok(()) => {}
                Err(Ended::Unwanted) => return,
                Err(Ended::Wrong(error)) => {
                    // Who does not want it has ended already.
                    self.batches.send(Err(error)).await.ok();
                    return;
                }
            }
            match self.instance.options.poll {
                Some(poll) => tokio::time::sleep(poll).await,
                None => return,
            }
        }
    }

    /// Takes slice after slice, up to now or to an execution that is not over.
    async fn sweep(&mut self) -> Result<(), Ended> {
        let now = self.instance.now().await?;
        let settled = now.plus_micros(-micros(self.instance.options.settle));
        while self.slice(now, settled).await? {}
        self.facts.is_up_to(self.at.since, now);
        // A stream in which nothing happens commits nothing.
        let is_batch = self.instance.options.poll.is_none();
        if is_batch || !self.records.is_empty() || self.is_within_a_slice() {
            self.flush().await?;
        }
        Ok(())
    }

    /// Takes the next slice; whether another one follows.
    async fn slice(&mut self, now: Timestamp, settled: Timestamp) -> Result<bool, Ended> {
        let since = self.at.since;
        let begun = self.at.sweep.take();
        let month = settled.min(since.plus_micros(SLICE));
        let end = begun.as_ref().map_or(month, |sweep| sweep.until);
        if end <= since {
            return Ok(false);
        }
        let mut executions = self.instance.executions(&(since..end)).await?;
        // What was begun is gone on with as it was: it held none that was waited for.
        let open = if begun.is_some() { None } else { self.first_open(&executions, now) };
        let until = open.unwrap_or(end);
        for execution in executions.extract_if(.., |execution| execution.read.start_time.is_none()) {
            self.leave_out(execution.read);
        }
        executions.retain(|execution| execution.read.start_time.is_some_and(|start| start < until));
        executions.sort_by(|left, right| left.read.id.cmp(&right.read.id));
        if let Some(done) = begun {
            executions.retain(|execution| *execution.read.id > *done.item);
        }
        tracing::debug!(executions = executions.len(), %since, %until, is_waiting = open.is_some(), "a slice is taken");
        let mut known = TestCases::default();
        for execution in executions {
            self.take(&execution, until, &mut known).await?;
        }
        self.at = Polled { since: until, sweep: None };
        Ok(open.is_none() && until < settled)
    }

    /// Without a beginning it is in no slice.
    fn leave_out(&mut self, execution: Execution) {
        if self.unplaced.insert(execution.id.clone()) {
            let (execution, status) = (execution.id, execution.status);
            tracing::warn!(execution, ?status, "an execution has no StartTime: it is left out until it has one");
        }
    }

    /// When the first one began that is waited for.
    fn first_open(&self, executions: &[Sent<Execution>], now: Timestamp) -> Option<Timestamp> {
        let given_up = now.plus_micros(-micros(self.instance.options.open_for));
        let open = executions.iter().map(|execution| &execution.read);
        let open = open.filter(|execution| !execution.status.as_ref().is_some_and(|status| status.is_over()));
        open.filter_map(|execution| execution.start_time).filter(|start| *start > given_up).min()
    }

    /// Whether what was handed on last lies within a slice.
    fn is_within_a_slice(&self) -> bool {
        matches!(&self.handed, Position::Polled(polled) if polled.sweep.is_some())
    }

    async fn take(
        &mut self,
        execution: &Sent<Execution>,
        until: Timestamp,
        known: &mut TestCases,
    ) -> Result<(), Ended> {
        let body = self.instance.record(execution, known).await?;
        self.add(&execution.read.id, body);
        self.at.sweep = Some(Sweep { until, item: execution.read.id.as_str().into() });
        if self.since.elapsed() >= LINGER || self.bytes >= self.instance.options.batch_bytes {
            self.flush().await?;
        }
        Ok(())
    }

    fn add(&mut self, execution: &str, body: Bytes) {
        self.bytes += body.len();
        self.records.push(Record {
            split: self.split.clone(),
            origin: format!("execution {execution} of {}", self.instance.options.instance).into(),
            position: Position::from(self.at.clone()),
            arrived_at: None,
            key: None,
            headers: Headers::default(),
            body: Body::Whole(body),
        });
    }

    /// Hands on what was taken.
    async fn flush(&mut self) -> Result<(), Ended> {
        (self.bytes, self.since) = (0, Instant::now());
        let to = Position::from(self.at.clone());
        if to == self.handed {
            return Ok(());
        }
        let delta = Delta::of(self.split.clone(), Span::new(self.handed.clone(), to.clone())?);
        let records = std::mem::take(&mut self.records);
        let batch = RawBatch { scope: self.scope.clone(), records, delta, read_at: None };
        self.batches.send(Ok(batch)).await.map_err(|_| Ended::Unwanted)?;
        self.handed = to;
        Ok(())
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
