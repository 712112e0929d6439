//! The scopes of a transform: made from their snapshots, told what is committed, applied in order, snapshot in turn.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::spawn_blocking;
use tributary_core::{
    CommittedKeys, Decoded, Failure, Fault, Held, PipelineId, Scope, ScopeId, ScopeState, StateKind, TableBatch, Tally,
    Timestamp, Transform, rejected_batch, rejected_table,
};

use super::heirs::{Heirs, States};
use crate::{RunError, StageName};

const STAGE: StageName = StageName::Transform;

/// A full snapshot every so many of a scope: recovery reads at most so many deltas.
const FULL_EVERY: usize = 50;

/// A scope that was recovered from more deltas than this begins with a full snapshot: short runs would otherwise
/// lengthen the chain for ever.
const DELTAS_AT_START: usize = 16;

/// All scopes of a line.
pub(crate) struct Scopes {
    transform: Arc<dyn Transform>,
    keys: Option<Box<dyn CommittedKeys>>,
    pipeline: PipelineId,
    /// What was recovered and nobody asked for yet.
    states: States,
    heirs: Heirs,
    /// Scopes whose state is nobody's any more, which the next snapshot says.
    outlived: Vec<ScopeId>,
    slots: BTreeMap<ScopeId, Slot>,
}

/// One scope and its chain of snapshots.
struct Slot {
    scope: Box<dyn Scope>,
    chain: Chain,
    /// Whether the open epoch changed it.
    touched: bool,
}

/// Which snapshot comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Chain {
    /// Snapshots after the last full one; `None` when there is no full one.
    deltas: Option<usize>,
    /// Whether this line took one.
    begun: bool,
}

impl Chain {
    fn of(states: &[ScopeState]) -> Self {
        let full = states.iter().rposition(|state| state.kind == StateKind::Full);
        Self { deltas: full.map(|full| states.len() - full - 1), begun: false }
    }

    /// The kind of the next snapshot, which is thereby taken.
    fn step(&mut self) -> StateKind {
        let begun = mem::replace(&mut self.begun, true);
        let kind = match self.deltas {
            None => StateKind::Full,
            Some(deltas) if deltas + 1 >= FULL_EVERY || (!begun && deltas > DELTAS_AT_START) => StateKind::Full,
            Some(_) => StateKind::Delta,
        };
        self.deltas = match kind {
            StateKind::Full => Some(0),
            StateKind::Delta => self.deltas.map(|deltas| deltas + 1),
        };
        kind
    }
}

impl Scopes {
    /// Scopes that go on from `states`.
    pub(crate) fn new(
        transform: Arc<dyn Transform>,
        keys: Option<Box<dyn CommittedKeys>>,
        pipeline: PipelineId,
        states: States,
        heirs: Heirs,
    ) -> Self {
        let outlived = heirs.outlived(&states).cloned().collect();
        Self { transform, keys, pipeline, states, heirs, outlived, slots: BTreeMap::new() }
    }

    /// The rows of a decoded batch and its count.
    pub(crate) async fn apply(
        &mut self,
        id: ScopeId,
        decoded: Decoded,
        read_at: Timestamp,
    ) -> Result<(Vec<TableBatch>, Tally), RunError> {
        if decoded.read == 0 {
            // Only positions moved.
            return Ok((Vec::new(), Tally::default()));
        }
        let mut slot = match self.slots.remove(&id) {
            Some(slot) => slot,
            None => self.open(&id).await?,
        };
        slot = self.tell_committed(slot, &decoded).await?;
        let pipeline = self.pipeline.clone();
        let (slot, rows) = blocking(move || {
            slot.touched = true;
            let rows = rows_of(slot.scope.as_mut(), decoded, &pipeline, read_at);
            (slot, rows)
        })
        .await?;
        self.slots.insert(id, slot);
        rows.map_err(RunError::at(STAGE))
    }

    /// Snapshots of the scopes that changed since the last call.
    pub(crate) async fn snapshot(&mut self) -> Result<Vec<(ScopeId, StateKind, Bytes)>, RunError> {
        let mut slots = mem::take(&mut self.slots);
        let mut states = self.empty_outlived()?;
        let (slots, states) = blocking(move || {
            for (id, slot) in slots.iter_mut().filter(|(_, slot)| slot.touched) {
                slot.touched = false;
                let kind = slot.chain.step();
                states.push((id.clone(), kind, slot.scope.snapshot(kind)));
            }
            (slots, states)
        })
        .await?;
        self.slots = slots;
        Ok(states)
    }

    /// Empty snapshots in the place of those that nobody needs: what is recovered shall not grow with every heir.
    fn empty_outlived(&mut self) -> Result<Vec<(ScopeId, StateKind, Bytes)>, RunError> {
        let mut states = Vec::new();
        for id in mem::take(&mut self.outlived) {
            let known = self.states.remove(&id).unwrap_or_default();
            let empty = self.transform.scope(&id, &[]).map_err(RunError::at(STAGE))?.snapshot(StateKind::Full);
            if known.iter().any(|state| state.bytes != empty) {
                states.push((id, StateKind::Full, empty));
            }
        }
        Ok(states)
    }

    /// What each scope remembers.
    pub(crate) fn held(&self) -> Vec<(ScopeId, Held)> {
        self.slots.iter().map(|(id, slot)| (id.clone(), slot.scope.held())).collect()
    }

    async fn open(&mut self, id: &ScopeId) -> Result<Slot, RunError> {
        let own = self.states.remove(id);
        // Of what is inherited the first snapshot of its own is a full one.
        let chain = Chain::of(own.as_deref().unwrap_or_default());
        let states = own.unwrap_or_else(|| self.heirs.inherited(id, &self.states));
        let (transform, name) = (Arc::clone(&self.transform), id.clone());
        let scope = blocking(move || transform.scope(&name, &states)).await?;
        Ok(Slot { scope: scope.map_err(RunError::at(STAGE))?, chain, touched: false })
    }

    /// Hands the scope the keys of the batch's days that it has not heard of. One day at a time: a day may be large.
    async fn tell_committed(&mut self, mut slot: Slot, decoded: &Decoded) -> Result<Slot, RunError> {
        let Some(keys) = &mut self.keys else { return Ok(slot) };
        for day in slot.scope.unknown_days(&decoded.days) {
            let known = keys.day(day).await.map_err(RunError::at(STAGE))?;
            slot = blocking(move || {
                slot.scope.learn(day, &known);
                slot
            })
            .await?;
        }
        Ok(slot)
    }
}

/// Applies a batch and makes rows of its rejections. The count of rows is taken from the rows themselves.
fn rows_of(
    scope: &mut dyn Scope,
    decoded: Decoded,
    pipeline: &PipelineId,
    read_at: Timestamp,
) -> Result<(Vec<TableBatch>, Tally), Failure> {
    let normalized = scope.apply(decoded);
    let (mut tables, mut tally) = (normalized.tables, normalized.tally);
    if !normalized.rejected.is_empty() {
        let rows = rejected_batch(pipeline, read_at, &normalized.rejected)
            .map_err(|error| Failure::new(Fault::Bug, "runtime/broken", error))?;
        tables.push(TableBatch { table: rejected_table().id, rows, dictionaries: None });
    }
    tables.retain(|batch| batch.rows.num_rows() > 0);
    tally.rows.clear();
    for batch in &tables {
        *tally.rows.entry(batch.table.clone()).or_default() += batch.rows.num_rows() as u64;
    }
    Ok((tables, tally))
}

/// Runs CPU work where it does not hold up the tasks; a panic of it is the stage's.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, RunError> {
    spawn_blocking(work).await.map_err(|join| RunError::lost(STAGE, join))
}

#[cfg(test)]
mod tests {
    use tributary_core::{Body, Delta, Headers, Lineage, Position, RawBatch, Record, SplitId};
    use tributary_testkit::{Faults, NoteTransform};

    use super::*;

    fn states(kinds: &[StateKind]) -> Vec<ScopeState> {
        kinds.iter().map(|&kind| ScopeState { kind, bytes: Bytes::new() }).collect()
    }

    /// Scopes that were recovered from `states`, where 1 and 2 took over from 0.
    fn recovered(states: States) -> Scopes {
        let parents = [("1", "0"), ("2", "0")].map(|(child, parent)| (ScopeId::new(child), vec![ScopeId::new(parent)]));
        let transform = Arc::new(NoteTransform::new(Faults::default()));
        Scopes::new(transform, None, "p".parse().unwrap(), states, Heirs::new(Lineage::from(parents)))
    }

    /// Made rows and duplicates of notes with these keys.
    async fn apply(scopes: &mut Scopes, scope: &str, keys: &[&str]) -> (u64, u64) {
        let record = |key: &&str| Record {
            split: SplitId::new("s"),
            origin: "s".into(),
            position: Position::Start,
            arrived_at: None,
            key: None,
            headers: Headers::default(),
            body: Body::Whole(Bytes::from(format!("2026-11-01|{key}|text"))),
        };
        let id = ScopeId::new(scope);
        let records = keys.iter().map(record).collect();
        let batch = RawBatch { scope: id.clone(), records, delta: Delta::default(), read_at: None };
        let decoded = scopes.transform.decoder().decode(&batch);
        let (_, tally) = scopes.apply(id, decoded, Timestamp::from_micros(0)).await.unwrap();
        (tally.made_rows, tally.duplicates)
    }

    /// What the next run would recover.
    async fn keep(scopes: &mut Scopes, states: &mut States) {
        for (id, kind, bytes) in scopes.snapshot().await.unwrap() {
            let chain = states.entry(id).or_default();
            if kind == StateKind::Full {
                chain.clear();
            }
            chain.push(ScopeState { kind, bytes });
        }
    }

    fn kept(states: &States, id: &str) -> usize {
        states[&ScopeId::new(id)].iter().map(|state| state.bytes.len()).sum()
    }

    /// Also the heir that begins in a later run than the other, which needs the state of the parent until then.
    #[tokio::test]
    async fn an_heir_knows_what_its_parents_saw() {
        let mut states = States::new();
        let mut parent = recovered(states.clone());
        assert_eq!(apply(&mut parent, "0", &["a", "b"]).await, (2, 0));
        keep(&mut parent, &mut states).await;
        let all = kept(&states, "0");

        let mut first = recovered(states.clone());
        assert_eq!(apply(&mut first, "1", &["a", "c"]).await, (1, 1));
        keep(&mut first, &mut states).await;
        assert_eq!(kept(&states, "0"), all, "the other has no state yet");

        let mut second = recovered(states.clone());
        assert_eq!(apply(&mut second, "2", &["b", "c"]).await, (1, 1), "c is the sister's");
        keep(&mut second, &mut states).await;
        assert_eq!(kept(&states, "0"), all, "it was not outlived when this run began");

        let mut third = recovered(states.clone());
        assert_eq!(apply(&mut third, "1", &["a", "b", "c"]).await, (0, 3));
        keep(&mut third, &mut states).await;
        assert_eq!(kept(&states, "0"), 0);
        let mut last = recovered(states.clone());
        assert_eq!(apply(&mut last, "2", &["a", "b", "c"]).await, (0, 3));
    }

    #[test]
    fn a_new_scope_begins_with_a_full_snapshot() {
        let mut chain = Chain::of(&[]);
        assert_eq!([chain.step(), chain.step()], [StateKind::Full, StateKind::Delta]);
    }

    #[test]
    fn a_long_chain_is_cut_at_the_start_and_every_fifty() {
        let mut seventeen = vec![StateKind::Full];
        seventeen.extend([StateKind::Delta; DELTAS_AT_START + 1]);
        assert_eq!(Chain::of(&states(&seventeen)).step(), StateKind::Full);

        seventeen.pop();
        let mut chain = Chain::of(&states(&seventeen));
        let kinds: Vec<StateKind> = (0..100).map(|_| chain.step()).collect();
        let fulls: Vec<usize> = (0..100).filter(|&step| kinds[step] == StateKind::Full).collect();
        assert_eq!(fulls, [FULL_EVERY - DELTAS_AT_START - 1, 2 * FULL_EVERY - DELTAS_AT_START - 1]);
    }
}
