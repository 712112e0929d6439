//! Recover, claim: reads facts, asks [`decide`], acts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use tributary_core::{Attempt, Clock, Epoch, Key, ScopeId, ScopeState, Timestamp};
use tributary_store::{Created, ObjectStore};

use crate::checkpoint::side_object;
use crate::decide::{Decision, Facts, decide};
use crate::digest::{CheckpointSum, TextDigest};
use crate::head::{Head, Place};
use crate::layout::{Layout, LogName, log_name};
use crate::load::{Loaded, Step, load};
use crate::owner::{self, EVERYBODYS};
use crate::record::{Record, SideObject, StateEntry, encode, newest_format};
use crate::{Claim, CommitError, FencedBy, LiveFiles, LogOptions, Permit, Proposal, Recovered, invariants};

/// Snapshots that are read at once.
const AT_ONCE: usize = 8;

/// The commit log of one pipeline, as one process sees it. Not shared: the stage that commits owns it.
pub struct CommitLog {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: LogOptions,
    pub(crate) layout: Layout,
    pub(crate) head: Head,
    /// Epochs that are not known to be published.
    pub(crate) undone: BTreeMap<Epoch, Undone>,
    /// `open` has just read the log: `recover` need not read it again.
    fresh: bool,
    /// The newest checkpoint record that was written behind the head.
    pub(crate) written_behind: Option<Epoch>,
    /// Attempts that were proposed here and have no record yet, as far as is known.
    own: BTreeSet<Attempt>,
    /// The partitions that others added to since the recovery.
    touched: BTreeMap<Place, Epoch>,
    other_options: Option<Epoch>,
}

/// An epoch that is claimed and perhaps not published.
#[derive(Clone, Debug)]
pub(crate) struct Undone {
    pub(crate) step: Step,
    pub(crate) duty: Duty,
}

/// Who is to publish it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    /// Whoever holds our permit.
    Permit,
    /// Somebody else, who was first seen to have claimed it at this moment.
    Other(Timestamp),
}

impl fmt::Debug for CommitLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommitLog").field("pipeline", &self.options.pipeline).field("next", &self.head.next).finish()
    }
}

impl CommitLog {
    /// Opens the log: takes possession of the tables and reads what was committed. Creates nothing else.
    ///
    /// # Errors
    /// [`CommitError::TableOwned`], [`CommitError::OptionsDiffer`], [`CommitError::NewerFormat`], a damaged log, and
    /// what the store says.
    pub async fn open(
        store: Arc<dyn ObjectStore>,
        options: LogOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CommitError> {
        owner::own(store.as_ref(), &options.pipeline, &options.tables).await?;
        let layout = Layout::of(&options.pipeline);
        let mut log = Self {
            store,
            clock,
            options,
            layout,
            head: Head::default(),
            undone: BTreeMap::new(),
            fresh: true,
            written_behind: None,
            own: BTreeSet::new(),
            touched: BTreeMap::new(),
            other_options: None,
        };
        log.reload().await?;
        Ok(log)
    }

    /// Reads where the log stands: where to resume, which epochs have to be published first, and the state of every
    /// scope. What others commit counts as somebody else's from here on ([`Proposal::guarded`]).
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn recover(&mut self) -> Result<Recovered, CommitError> {
        if !std::mem::take(&mut self.fresh) {
            self.reload().await?;
        }
        fail::fail_point!("commit:recovering", |_| std::process::abort());
        let states = match self.load_states().await {
            // A snapshot may be superseded and deleted between the log and it.
            Err(CommitError::Damaged { .. }) => {
                self.reload().await?;
                self.load_states().await?
            }
            states => states?,
        };
        let mut unfinished = Vec::new();
        for undone in self.undone.values_mut() {
            undone.duty = Duty::Permit;
            unfinished.push(permit(&undone.step));
        }
        Ok(Recovered {
            checkpoint: self.head.checkpoint.as_ref().clone(),
            next: self.head.next(),
            unfinished,
            states,
            live: self.head.live.clone(),
        })
    }

    /// Tries to make `proposal` the next epoch. This is the commit point: once [`Claim::Owned`] is returned, or merely
    /// on its way, the data counts as delivered, whatever becomes of this process. The snapshots of the proposal are
    /// stored before.
    ///
    /// # Errors
    /// [`CommitError::Invalid`] and [`CommitError::AttemptTooOld`] before anything was done. After any other error it
    /// is unknown whether the epoch was claimed: recover.
    pub async fn claim(&mut self, proposal: Proposal) -> Result<Claim, CommitError> {
        let now = self.clock.now();
        self.refuse(&proposal, now)?;
        self.fresh = false;
        self.finish_stale(now).await?;
        fail::fail_point!("commit:before_claim", |_| std::process::abort());
        let mut state = None;
        loop {
            let facts = Facts {
                head: &self.head,
                proposal: &proposal,
                touched: &self.touched,
                other_options: self.other_options,
            };
            let (epoch, sum) = match decide(&facts) {
                Decision::Ours { epoch } => return self.owned(epoch, &proposal),
                Decision::Fenced(by) => return Ok(self.fenced(by, &proposal)),
                Decision::Overtaken { epoch } => return Ok(Claim::Overtaken { epoch }),
                Decision::Try { epoch, sum } => (epoch, sum),
            };
            let state = match &state {
                Some(state) => state,
                None => state.insert(self.store_states(&proposal).await?),
            };
            let record = self.record(&proposal, epoch, sum, state, now);
            self.try_create(record).await?;
        }
    }

    /// The files that make up the lake, as far as the log was read; includes what is claimed and not yet published.
    pub fn live(&self) -> &LiveFiles {
        &self.head.live
    }

    /// Reads the log anew, and checks that it was written with our options.
    async fn reload(&mut self) -> Result<(), CommitError> {
        let Loaded { head, steps } = load(self.store.as_ref(), &self.layout, &self.options.pipeline, None).await?;
        let ours = self.options.options.digest();
        if head.options.is_some_and(|log| log != ours) && !self.options.accept_change {
            let difference = self.options.options.difference(&head.options_text);
            return Err(CommitError::OptionsDiffer { difference });
        }
        self.head = head;
        let duty = Duty::Other(self.clock.now());
        let undone = steps.into_iter().filter(|step| !step.published);
        self.undone = undone.map(|step| (step.record.epoch, Undone { step, duty })).collect();
        self.own.clear();
        self.touched.clear();
        self.other_options = None;
        Ok(())
    }

    async fn load_states(&self) -> Result<BTreeMap<ScopeId, Vec<ScopeState>>, CommitError> {
        let entries: Vec<&StateEntry> = self.head.states.values().flatten().collect();
        let bodies: Vec<_> = entries.iter().map(|entry| side_object(self.store.as_ref(), &entry.object)).collect();
        let bodies: Vec<Bytes> = stream::iter(bodies).buffered(AT_ONCE).try_collect().await?;
        let mut states: BTreeMap<ScopeId, Vec<ScopeState>> = BTreeMap::new();
        for (entry, bytes) in entries.into_iter().zip(bodies) {
            states.entry(entry.scope.clone()).or_default().push(ScopeState { kind: entry.kind, bytes });
        }
        Ok(states)
    }

    /// Refuses a proposal that contradicts itself, and one whose uploads may be gone.
    fn refuse(&self, proposal: &Proposal, now: Timestamp) -> Result<(), CommitError> {
        let attempt = &proposal.attempt;
        let invalid = |reason: String| Err(CommitError::Invalid { attempt: attempt.clone(), reason });
        if let Err(violation) = invariants::conservation(&proposal.tally) {
            return invalid(violation.to_string());
        }
        if let Some(file) = proposal.adds.iter().find(|file| !self.options.tables.contains(&file.table)) {
            return invalid(format!("table {} is not one of the log's tables", file.table));
        }
        if let Some(file) = proposal.adds.iter().find(|file| file.rows == 0) {
            return invalid(format!("{} has no rows", file.key));
        }
        let keys: BTreeSet<&Key> = proposal.adds.iter().map(|file| &file.key).collect();
        if keys.len() != proposal.adds.len() || keys.iter().any(|key| self.head.live.contains(key)) {
            let known = self.head.since.claimed.contains_key(attempt);
            if !known {
                return invalid("one of its files is part of the lake already".to_owned());
            }
        }
        if proposal.bans.contains(attempt) {
            return invalid("it bans itself".to_owned());
        }
        let age = Duration::from_micros(u64::try_from(now.micros() - proposal.began.micros()).unwrap_or(0));
        if age > self.options.attempt_age {
            return Err(CommitError::AttemptTooOld {
                attempt: attempt.clone(),
                age_hours: age.as_secs() / 3_600,
                limit_hours: self.options.attempt_age.as_secs() / 3_600,
            });
        }
        Ok(())
    }

    fn owned(&self, epoch: Epoch, proposal: &Proposal) -> Result<Claim, CommitError> {
        fail::fail_point!("commit:after_claim", |_| std::process::abort());
        match self.undone.get(&epoch) {
            Some(undone) => Ok(Claim::Owned(permit(&undone.step))),
            None => Err(CommitError::Invalid {
                attempt: proposal.attempt.clone(),
                reason: format!("it was claimed and published before, as epoch {epoch}"),
            }),
        }
    }

    fn fenced(&self, by: FencedBy, proposal: &Proposal) -> Claim {
        tracing::warn!(attempt = %proposal.attempt, %by, "claim fenced");
        Claim::Fenced(by)
    }

    fn record(
        &self,
        proposal: &Proposal,
        epoch: Epoch,
        sum: CheckpointSum,
        state: &[StateEntry],
        now: Timestamp,
    ) -> Record {
        let options = self.options.options.digest();
        let new_options = self.head.options != Some(options);
        Record {
            format: newest_format(),
            pipeline: self.options.pipeline.clone(),
            epoch,
            attempt: proposal.attempt.clone(),
            claimed_at: now,
            parent: self.head.parent,
            options,
            options_text: new_options.then(|| self.options.options.text().clone()),
            delta: proposal.delta.clone(),
            checkpoint: sum.digest(),
            adds: proposal.adds.clone(),
            replaces: proposal.replaces.clone(),
            bans: proposal.bans.clone(),
            state: state.to_vec(),
            tally: proposal.tally.clone(),
        }
    }

    /// Stores the snapshots of a proposal. A repeat finds its own objects there.
    async fn store_states(&self, proposal: &Proposal) -> Result<Vec<StateEntry>, CommitError> {
        let mut entries = Vec::with_capacity(proposal.state.len());
        for (number, (scope, kind, bytes)) in proposal.state.iter().enumerate() {
            let key = self.layout.state(&proposal.attempt, number)?;
            self.create(&key, bytes.clone()).await?;
            let object = SideObject::of(key, bytes);
            entries.push(StateEntry { scope: scope.clone(), kind: *kind, object });
        }
        Ok(entries)
    }

    /// Creates the record, or reads who was first and everything after him.
    async fn try_create(&mut self, record: Record) -> Result<(), CommitError> {
        let key = self.layout.commit(record.epoch)?;
        let body = encode(&record)?;
        self.own.insert(record.attempt.clone());
        match self.create(&key, body.clone()).await? {
            Created::New => {
                self.refuse_behind(record.epoch).await?;
                self.head.apply(&key, &record, TextDigest::of(&body))?;
                self.took_place(Arc::new(record));
                Ok(())
            }
            Created::Exists(winner) => {
                if winner == body {
                    self.refuse_behind(record.epoch).await?;
                }
                self.take(&key, &winner).await?;
                self.catch_up().await
            }
        }
    }

    /// A number at or below a checkpoint record was given away long ago, and its record deleted ([`prune`](crate::prune));
    /// who created it anew stood still meanwhile. Recoveries begin above what he created; others who stood still may read
    /// it, and are refused in their turn.
    pub(crate) async fn refuse_behind(&self, epoch: Epoch) -> Result<(), CommitError> {
        if self.passed(epoch).await? { Err(CommitError::Behind { epoch }) } else { Ok(()) }
    }

    /// Whether there is a checkpoint record of this epoch or a later one: then it is published, whatever is left of it.
    pub(crate) async fn passed(&self, epoch: Epoch) -> Result<bool, CommitError> {
        let before = epoch.number().checked_sub(1).map(|before| self.layout.checkpoint(Epoch::new(before)));
        let names = self.store.list(&self.layout.checkpoints()?, before.transpose()?.as_ref()).await?;
        Ok(names.iter().any(|key| matches!(log_name(key), Some(LogName::Record(found)) if found >= epoch)))
    }

    /// `create`, but after a failure it is looked at what became of it: a lost reply is no failure.
    async fn create(&self, key: &Key, body: Bytes) -> Result<Created, CommitError> {
        match self.store.create(key, body.clone()).await {
            Ok(created) => Ok(created),
            Err(error) => match self.store.read(key).await {
                Ok(Some(there)) => Ok(Created::Exists(there)),
                Ok(None) | Err(_) => Err(error.into()),
            },
        }
    }

    /// Reads every record that was created since.
    pub(crate) async fn catch_up(&mut self) -> Result<(), CommitError> {
        loop {
            let key = self.layout.commit(self.head.next())?;
            let Some(body) = self.store.read(&key).await? else { return Ok(()) };
            self.take(&key, &body).await?;
        }
    }

    /// Adds the record of the next epoch. One that does not fit may be what somebody who stood still has left under a deleted
    /// number, or what follows it.
    async fn take(&mut self, key: &Key, body: &Bytes) -> Result<(), CommitError> {
        let next = self.head.next();
        match self.head.read(key, body) {
            Ok(record) => {
                self.took_place(record);
                Ok(())
            }
            Err(error @ (CommitError::Damaged { .. } | CommitError::Contradiction { .. })) => {
                self.refuse_behind(next).await?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Takes note of a record that was just added to the head.
    fn took_place(&mut self, record: Arc<Record>) {
        let ours = self.own.remove(&record.attempt);
        if !ours {
            for file in record.adds.iter().filter(|file| file.table.as_str() != EVERYBODYS) {
                self.touched.insert((file.table.clone(), file.partition), record.epoch);
            }
            if record.options != self.options.options.digest() {
                self.other_options = Some(record.epoch);
            }
        }
        let duty = if ours { Duty::Permit } else { Duty::Other(self.clock.now()) };
        let epoch = record.epoch;
        let step = Step { record, checkpoint: Arc::clone(&self.head.checkpoint), published: false };
        self.undone.insert(epoch, Undone { step, duty });
    }
}

/// The permit for an epoch that has a record.
fn permit(step: &Step) -> Permit {
    Permit { record: Arc::clone(&step.record), checkpoint: Arc::clone(&step.checkpoint) }
}
