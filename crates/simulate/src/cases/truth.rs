//! What is true of cases once their events are told.

use std::collections::BTreeMap;

use crate::cases::case::{Case, Happening, Status};
use crate::random::Uuid;

/// Where a case stands: its latest event of `CASE.*`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) latest: Option<Latest>,
    /// Events of the case itself, and of items related to it.
    pub(crate) case_events: u64,
    pub(crate) item_events: u64,
}

/// An event of a case. The order of the members is that of events: by their time, then by when the case says that it
/// was changed last (never, where it says nothing), then by their id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Latest {
    pub(crate) at: i64,
    pub(crate) last_updated: Option<i64>,
    pub(crate) event: Uuid,
    pub(crate) state: State,
}

/// What the event says of the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct State {
    pub(crate) event_type: &'static str,
    /// Nothing where the case was deleted.
    pub(crate) status: Option<&'static str>,
    pub(crate) custom_fields: usize,
}

impl Outcome {
    /// Takes in what happened at `at`, told by `event`.
    pub(crate) fn follow(&mut self, case: &Case, happening: &Happening, (at, event): (i64, Uuid)) {
        if happening.item().is_some() {
            self.item_events += 1;
            return;
        }
        self.case_events += 1;
        let is_there = *happening != Happening::Deleted;
        let state = State {
            event_type: happening.event_type(),
            status: is_there.then(|| Status::name(case.status)),
            custom_fields: custom_fields(case, happening),
        };
        let last_updated = is_there.then_some(case.last_updated);
        self.latest = self.latest.max(Some(Latest { at, last_updated, event, state }));
    }
}

/// How many events there were of each kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) cases: u64,
    pub(crate) case_events: u64,
    pub(crate) item_events: u64,
    /// By event type, in the lake's spelling.
    pub(crate) event_types: BTreeMap<String, u64>,
    /// By type of the item, in the lake's spelling.
    pub(crate) item_types: BTreeMap<&'static str, u64>,
    /// Values of custom fields in events of cases.
    pub(crate) custom_fields: u64,
}

impl Tally {
    pub(crate) fn count(&mut self, case: &Case, happening: &Happening) {
        if *happening == Happening::Created {
            self.cases += 1;
        }
        let event_type = match happening.item() {
            Some(item) => {
                self.item_events += 1;
                *self.item_types.entry(item.names().lake).or_default() += 1;
                format!("CASE.{}", happening.event_type())
            }
            None => {
                self.case_events += 1;
                happening.event_type().to_owned()
            }
        };
        *self.event_types.entry(event_type).or_default() += 1;
        self.custom_fields += custom_fields(case, happening) as u64;
    }
}

/// How many custom fields an event shows.
fn custom_fields(case: &Case, happening: &Happening) -> usize {
    match happening {
        Happening::Created | Happening::Updated(_) => case.custom.iter().flatten().count(),
        _ => 0,
    }
}
