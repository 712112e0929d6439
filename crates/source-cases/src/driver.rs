//! One sweep after the other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;
use tributary_core::{
    Body, Checkpoint, Conflict, Delta, Headers, Polled, Position, RawBatch, Record, ScopeId, Span, SplitId, Sweep,
    Timestamp,
};

use crate::answer::Answer;
use crate::client::Domain;
use crate::error::Error;
use crate::source::Facts;
use crate::{Cases, history, search};

/// What was taken is handed on after so long, however little it is.
const LINGER: Duration = Duration::from_secs(1);

/// After so many cases without an event their place is handed on, so that a run that comes later need not ask them again.
const CASES: u32 = 1_000;

/// A case that was changed at a moment may have an event that is said to be so much later: the two come from different
/// places of the service.
const OVERLAP: i64 = 120_000_000;

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

/// Sweeps over the cases of a domain.
pub(crate) struct Driver {
    domain: Domain,
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
    /// Cases since the last batch.
    cases: u32,
    /// When the last batch was handed on.
    since: Instant,
}

impl Driver {
    pub(crate) fn new(
        domain: Domain,
        checkpoint: &Checkpoint,
        facts: Arc<Facts>,
        batches: Sender<Result<RawBatch, Error>>,
    ) -> Self {
        let options = &domain.options;
        let split = options.split();
        let handed = checkpoint.position(&split).clone();
        let at = match &handed {
            Position::Polled(polled) => polled.as_ref().clone(),
            // Nothing of Amazon Connect is older than 1970.
            _ => Polled { since: options.since.unwrap_or(Timestamp::from_micros(0)), sweep: None },
        };
        let scope = ScopeId::new(format!("source:{}", options.name));
        let (records, since) = (Vec::new(), Instant::now());
        Self { domain, facts, batches, split, scope, at, handed, records, bytes: 0, cases: 0, since }
    }

    /// Sweeps until nobody wants more, or once.
    pub(crate) async fn run(mut self) {
        loop {
            // What an earlier run has begun is no answer to who asks for everything up to now.
            let is_another = self.at.sweep.is_some();
            match self.sweep().await {
                Ok(()) => {}
                Err(Ended::Unwanted) => return,
                Err(Ended::Wrong(error)) => {
                    // Who does not want it has ended already.
                    self.batches.send(Err(error)).await.ok();
                    return;
                }
            }
            match self.domain.options.poll {
                Some(poll) => tokio::time::sleep(poll).await,
                None if is_another => {}
                None => return,
            }
        }
    }

    /// Takes a slice from every case that may have events in it.
    async fn sweep(&mut self) -> Result<(), Ended> {
        let now = self.domain.now().await?;
        let settle = i64::try_from(self.domain.options.settle.as_micros()).unwrap_or(i64::MAX);
        let (until, done) = match &self.at.sweep {
            Some(sweep) => (sweep.until, Some(sweep.item.to_string())),
            None => (now.plus_micros(-settle), None),
        };
        if until > self.at.since {
            let mut cases = self.candidates().await?;
            if let Some(done) = &done {
                cases = cases.split_off(done);
                cases.remove(done);
            }
            tracing::debug!(cases = cases.len(), since = %self.at.since, %until, "a sweep over cases begins");
            for case in cases {
                self.take(case, until).await?;
            }
            self.at = Polled { since: until, sweep: None };
        }
        self.facts.is_up_to(self.at.since, now);
        // A stream in which nothing happens commits nothing.
        let is_batch = self.domain.options.poll.is_none();
        if is_batch || !self.records.is_empty() || self.is_within_a_sweep() {
            self.flush().await?;
        }
        Ok(())
    }

    async fn candidates(&mut self) -> Result<BTreeSet<String>, Error> {
        if let Cases::Listed(listed) = &self.domain.options.cases {
            return Ok(listed.clone());
        }
        let since = Some(self.at.since).filter(|since| since.micros() > 0);
        search::changed(&mut self.domain, since.map(|since| since.plus_micros(-OVERLAP))).await
    }

    /// Whether what was handed on last lies within a sweep.
    fn is_within_a_sweep(&self) -> bool {
        matches!(&self.handed, Position::Polled(polled) if polled.sweep.is_some())
    }

    /// Takes the slice of one case.
    async fn take(&mut self, case: String, until: Timestamp) -> Result<(), Ended> {
        match history::read(&mut self.domain, &case, &(self.at.since..until)).await {
            Ok(bodies) => bodies.into_iter().for_each(|body| self.add(&case, body)),
            Err(Answer::NotFound(said)) => self.gone(&case, &said),
            Err(answer) => {
                return Err(Error::refused(&self.domain.options.name, "reading the case", &case, answer).into());
            }
        }
        self.at.sweep = Some(Sweep { until, item: case.into() });
        self.cases += 1;
        let is_due = !self.records.is_empty() && self.since.elapsed() >= LINGER;
        if is_due || self.cases >= CASES || self.bytes >= self.domain.options.batch_bytes {
            self.flush().await?;
        }
        Ok(())
    }

    fn add(&mut self, case: &str, body: Bytes) {
        self.bytes += body.len();
        self.records.push(Record {
            split: self.split.clone(),
            origin: format!("case {case} of {}", self.domain.options.domain).into(),
            position: Position::from(self.at.clone()),
            arrived_at: None,
            key: None,
            headers: Headers::default(),
            body: Body::Whole(body),
        });
    }

    /// A case that was found and deleted before it was asked has no history any more. One that somebody wrote into a list is
    /// missed.
    fn gone(&self, case: &str, said: &str) {
        match self.domain.options.cases {
            Cases::Changed => tracing::info!(case, said, "a case was deleted before its history was read"),
            Cases::Listed(_) => self.facts.missing(case, &self.domain.options.domain, said),
        }
    }

    /// Hands on what was taken.
    async fn flush(&mut self) -> Result<(), Ended> {
        (self.bytes, self.cases, self.since) = (0, 0, Instant::now());
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
