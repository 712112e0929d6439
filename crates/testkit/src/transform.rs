//! A transform for notes, with everything that a real one has: decoders, a scope with state, duplicates, rejections.

use std::collections::BTreeSet;

use bytes::Bytes;
use tributary_core::{
    Day, Decoded, Decoder, Failure, Fault, Held, Normalized, RawBatch, RejectReason, Rejection, RowKey, Scope, ScopeId,
    ScopeState, SkipReason, StateKind, Table, Tally, Transform,
};

use crate::note::{Note, batch_of, note_key, notes_of};
use crate::{Faults, Place, note_table};

/// Makes a row of each note.
pub struct NoteTransform {
    tables: [Table; 1],
    faults: Faults,
}

impl NoteTransform {
    /// A transform that goes wrong as ordered.
    pub fn new(faults: Faults) -> Self {
        Self { tables: [note_table()], faults }
    }
}

impl Transform for NoteTransform {
    fn tables(&self) -> &[Table] {
        &self.tables
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(NoteDecoder { faults: self.faults.clone() })
    }

    fn scope(&self, _id: &ScopeId, states: &[ScopeState]) -> Result<Box<dyn Scope>, Failure> {
        self.faults.hit(Place::Restore)?;
        let mut seen = BTreeSet::new();
        for (index, state) in states.iter().enumerate() {
            if index > 0 && state.kind == StateKind::Full {
                return Err(Failure::new(Fault::Bug, "test/scope", "a full snapshot comes first"));
            }
            seen.extend(
                state.bytes.chunks_exact(16).filter_map(|chunk| chunk.try_into().ok().map(u128::from_le_bytes)),
            );
        }
        Ok(Box::new(NoteScope { faults: self.faults.clone(), seen, fresh: Vec::new(), known: BTreeSet::new() }))
    }
}

struct NoteDecoder {
    faults: Faults,
}

impl Decoder for NoteDecoder {
    #[expect(clippy::panic, reason = "decoding cannot fail, so whoever orders a failure means a panic")]
    fn decode(&mut self, batch: &RawBatch) -> Decoded {
        if let Err(failure) = self.faults.hit(Place::Decode) {
            panic!("{failure}");
        }
        let mut decoded = Decoded::default();
        let mut notes = Vec::new();
        for record in &batch.records {
            decoded.read += 1;
            let bytes = record.body.bytes();
            let text = String::from_utf8_lossy(bytes);
            if text == "skip" {
                *decoded.skipped.entry(SkipReason::OtherEvent).or_default() += 1;
            } else if let Some(note) = Note::parse(&text) {
                decoded.events.push(note_key(note.day, &note.key));
                notes.push(note);
            } else {
                decoded.rejected.push(Rejection {
                    split: record.split.clone(),
                    origin: record.origin.clone(),
                    position: record.position.clone(),
                    index: 0,
                    key: None,
                    headers: tributary_core::Headers::default(),
                    arrived_at: record.arrived_at,
                    reason: RejectReason::Malformed,
                    field: None,
                    message: "not a note".into(),
                    bytes: bytes.clone(),
                    length: bytes.len() as u64,
                });
            }
        }
        decoded.days = notes.iter().map(|note| note.day).collect::<BTreeSet<Day>>().into_iter().collect();
        decoded.latest = decoded.days.last().map(|day| day.start());
        decoded.owners = vec![(0..u32::try_from(notes.len()).unwrap_or(u32::MAX)).collect()];
        decoded.tables = vec![batch_of(&notes)];
        decoded
    }
}

struct NoteScope {
    faults: Faults,
    seen: BTreeSet<u128>,
    fresh: Vec<u128>,
    known: BTreeSet<Day>,
}

impl Scope for NoteScope {
    fn unknown_days(&self, days: &[Day]) -> Vec<Day> {
        days.iter().filter(|day| !self.known.contains(day)).copied().collect()
    }

    fn learn(&mut self, day: Day, keys: &[RowKey]) {
        self.known.insert(day);
        self.seen.extend(keys.iter().map(|key| key.hash));
    }

    #[expect(clippy::panic, reason = "applying cannot fail, so whoever orders a failure means a panic")]
    fn apply(&mut self, decoded: Decoded) -> Normalized {
        if let Err(failure) = self.faults.hit(Place::Apply) {
            panic!("{failure}");
        }
        let mut kept = Vec::new();
        let notes = decoded.tables.iter().flat_map(|batch| notes_of(&batch.rows));
        for (note, key) in notes.zip(&decoded.events) {
            if self.seen.insert(key.hash) {
                self.fresh.push(key.hash);
                kept.push(note);
            }
        }
        let made_rows = kept.len() as u64;
        let tally = Tally {
            read: decoded.read,
            made_rows,
            duplicates: decoded.events.len() as u64 - made_rows,
            rejected: decoded.rejected.len() as u64,
            skipped: decoded.skipped,
            ..Tally::default()
        };
        Normalized { tables: vec![batch_of(&kept)], rejected: decoded.rejected, tally }
    }

    fn snapshot(&mut self, kind: StateKind) -> Bytes {
        let fresh = std::mem::take(&mut self.fresh);
        match kind {
            StateKind::Full => self.seen.iter().flat_map(|hash| hash.to_le_bytes()).collect(),
            StateKind::Delta => fresh.iter().flat_map(|hash| hash.to_le_bytes()).collect(),
        }
    }

    fn held(&self) -> Held {
        Held { keys: self.seen.len() as u64, short_since: None }
    }
}
