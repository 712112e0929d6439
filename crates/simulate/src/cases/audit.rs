//! What the service remembers of a case: its audit events, with what each field was before.
//!
//! They have ids of their own, and a source of chance of their own, so that whoever asks for them changes nothing. A
//! deleted case is forgotten: there is no audit event of it.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use crate::cases::answer::{self, Spelling};
use crate::cases::case::{Actor, Case, Happening};
use crate::cases::domain::Domain;
use crate::cases::fields::{Union, fields, item_fields};
use crate::cases::item::ItemNames;
use crate::random::{Random, Uuid};
use crate::truth::Truth;

/// What an audit event tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Created,
    Updated,
    ItemCreated,
    ItemUpdated,
    ItemDeleted,
}

impl Kind {
    /// `None` for what has no audit event.
    const fn of(happening: &Happening) -> Option<Self> {
        match happening {
            Happening::Created => Some(Self::Created),
            Happening::Updated(_) => Some(Self::Updated),
            Happening::Deleted => None,
            Happening::ItemCreated(_) => Some(Self::ItemCreated),
            Happening::ItemUpdated(_) => Some(Self::ItemUpdated),
            Happening::ItemDeleted(_) => Some(Self::ItemDeleted),
        }
    }

    /// As the service writes it.
    pub(crate) const fn api(self) -> &'static str {
        match self {
            Self::Created => "Case.Created",
            Self::Updated => "Case.Updated",
            Self::ItemCreated => "RelatedItem.Created",
            Self::ItemUpdated => "RelatedItem.Updated",
            Self::ItemDeleted => "RelatedItem.Deleted",
        }
    }

    /// As the lake writes it.
    pub(crate) const fn lake(self) -> &'static str {
        match self {
            Self::Created => "CASE.CREATED",
            Self::Updated => "CASE.UPDATED",
            Self::ItemCreated => "CASE.RELATED_ITEM.CREATED",
            Self::ItemUpdated => "CASE.RELATED_ITEM.UPDATED",
            Self::ItemDeleted => "CASE.RELATED_ITEM.DELETED",
        }
    }
}

/// An audit event.
#[derive(Debug)]
pub(crate) struct AuditEvent {
    pub(crate) id: Uuid,
    pub(crate) at: i64,
    pub(crate) kind: Kind,
    /// The type of the item that it is about.
    pub(crate) item: Option<ItemNames>,
    pub(crate) actor: Actor,
    pub(crate) changes: Vec<Change>,
}

/// A field that an event changed.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) field: String,
    /// What it was. Where it had never been anything, an event says so or says nothing.
    pub(crate) old: Option<Union>,
    pub(crate) new: Union,
}

/// What the service remembers of a case.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) events: Vec<AuditEvent>,
    /// What each field is now, of the case or of one of its items.
    values: HashMap<(Option<Uuid>, String), Union>,
}

/// The field that agreements move, without an event of the case in the stream.
const BREACH: &str = "next_sla_breach_datetime";

impl History {
    /// Remembers what happened to the case at `at`.
    fn follow(&mut self, (domain, case, happening): (&Domain, &Case, &Happening), at: i64, random: &mut Random) {
        let Some(kind) = Kind::of(happening) else {
            return;
        };
        let now = fields(domain, case);
        let Some(item) = happening.item() else {
            let changed = match happening {
                Happening::Updated(changed) => changed.iter().map(String::as_str).collect(),
                _ => now.iter().map(|(id, _)| *id).collect(),
            };
            return self.push(Deed { kind, item: None, changed, values: &now }, (case, at), random);
        };
        let about = Some((item.id, item.names()));
        let values = if kind == Kind::ItemDeleted { Vec::new() } else { item_fields(domain, item) };
        let changed = self.news(Some(item.id), &values);
        self.push(Deed { kind, item: about, changed, values: &values }, (case, at), random);
        let breach: Vec<(&str, Union)> = now.into_iter().filter(|(id, _)| *id == BREACH).collect();
        let was = self.values.get(&(None, BREACH.to_owned())).filter(|value| **value != Union::Empty);
        if was != breach.first().map(|(_, value)| value) {
            let deed = Deed { kind: Kind::Updated, item: None, changed: vec![BREACH], values: &breach };
            self.push(deed, (case, at), random);
        }
    }

    /// Which of the fields of `owner` are not what they were.
    fn news<'v>(&self, owner: Option<Uuid>, values: &[(&'v str, Union)]) -> Vec<&'v str> {
        let is_new = |id: &str, value| self.values.get(&(owner, id.to_owned())) != Some(value);
        values.iter().filter(|(id, value)| is_new(id, value)).map(|(id, _)| *id).collect()
    }

    /// Appends the event that tells of a deed.
    fn push(&mut self, deed: Deed<'_>, (case, at): (&Case, i64), random: &mut Random) {
        let id = random.uuid();
        let changes = deed.changed.iter().map(|field| self.change(&deed, field, random)).collect();
        let item = deed.item.map(|(_, names)| names);
        self.events.push(AuditEvent { id, at, kind: deed.kind, item, actor: case.actor, changes });
    }

    fn change(&mut self, deed: &Deed<'_>, field: &str, random: &mut Random) -> Change {
        let new = deed.values.iter().find(|(id, _)| *id == field).map_or(Union::Empty, |(_, value)| value.clone());
        let key = (deed.item.map(|(id, _)| id), field.to_owned());
        let says_nothing = deed.kind != Kind::Updated || random.chance(500);
        let old = self.values.insert(key, new.clone());
        Change { field: field.to_owned(), old: old.or_else(|| (!says_nothing).then_some(Union::Empty)), new }
    }
}

/// What an event is to tell of: the fields that changed, and what fields have now; what has no value any more is empty.
struct Deed<'v> {
    kind: Kind,
    item: Option<(Uuid, ItemNames)>,
    changed: Vec<&'v str>,
    values: &'v [(&'v str, Union)],
}

/// How much was answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct AuditTally {
    pub(crate) answers: u64,
    pub(crate) events: u64,
    /// Fields, and events without any.
    pub(crate) rows: u64,
    /// Events by type, in the lake's spelling.
    pub(crate) event_types: BTreeMap<&'static str, u64>,
}

/// An answer that was written.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) line: Range<usize>,
    pub(crate) events: u64,
}

/// The most events of an answer.
const PAGE: usize = 25;

/// Those who ask for fewer ask for so many.
const SMALL_PAGE: usize = 10;

/// Whoever asks for the histories of cases.
#[derive(Debug)]
pub(crate) struct Audits {
    chance: Random,
    pub(crate) tally: AuditTally,
}

impl Audits {
    pub(crate) fn new(seed: u64) -> Self {
        Self { chance: Random::new(seed, 6), tally: AuditTally::default() }
    }

    /// Lets the service remember what happened at `at`.
    pub(crate) fn follow(&mut self, history: &mut History, told: (&Domain, &Case, &Happening), at: i64) {
        history.follow(told, at, &mut self.chance);
    }

    /// Appends the answers that tell a case's history, a line each, and says what is true of it.
    pub(crate) fn tell(
        &mut self,
        out: &mut Vec<u8>,
        (domain, case, history): (&Domain, &Uuid, &History),
        mut truth: Option<&mut Truth<'_>>,
    ) -> Vec<Answer> {
        let page = if self.chance.chance(200) { SMALL_PAGE } else { PAGE };
        let mut answers = Vec::new();
        for events in history.events.chunks(page) {
            for event in events {
                self.count(event);
                if let Some(truth) = &mut truth {
                    truth.audit(domain, case, event);
                }
            }
            let begin = out.len();
            let spelling = Spelling::of(self.tally.answers, &mut self.chance);
            answer::push_answer(out, (domain, case), events, spelling);
            answers.push(Answer { line: begin..out.len(), events: events.len() as u64 });
            self.tally.answers += 1;
        }
        answers
    }

    fn count(&mut self, event: &AuditEvent) {
        self.tally.events += 1;
        self.tally.rows += event.changes.len().max(1) as u64;
        *self.tally.event_types.entry(event.kind.lake()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests;
