//! A domain of Amazon Connect Cases behind the interface of the service: what `source-cases` asks, as the client puts it on
//! the wire.
//!
//! Source: the service's model (`connectcases`, 2022-10-03), by which `tests/cases_model.rs` judges what is answered here.

mod calls;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::ServiceFault;
use crate::http::{self, Asked};

/// What a page of the history holds at most.
pub(crate) const PAGE: usize = 25;

/// The domain behind an endpoint of its own.
#[derive(Clone)]
pub struct CasesServer {
    endpoint: String,
    state: Arc<Mutex<CasesDomain>>,
}

/// A call and what came of it.
#[derive(Clone, Debug)]
pub struct CasesCall {
    /// As `SearchCases`.
    pub operation: &'static str,
    /// The case, of a history.
    pub case: Option<String>,
    /// What was asked.
    pub asked: Value,
    /// The status of the answer.
    pub status: u16,
    /// The code of the error, if it is one.
    pub code: Option<&'static str>,
    /// The answer.
    pub answered: Value,
}

/// In which order a history is told. The service does not say which is its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HistoryOrder {
    /// As it happened.
    #[default]
    OldestFirst,
    /// The other way: what comes while pages are read moves those that follow.
    NewestFirst,
}

/// What is to be answered in the place of an answer.
pub type CasesFault = ServiceFault;

type Act = Box<dyn FnOnce(&mut CasesDomain) + Send>;

/// What is behind the endpoint.
pub struct CasesDomain {
    id: String,
    /// Milliseconds since 1970.
    now: i64,
    cases: BTreeMap<String, Case>,
    /// The names of templates by their ids.
    pub templates: BTreeMap<String, String>,
    /// The name and the type of each field by its id.
    pub fields: BTreeMap<String, (String, String)>,
    /// What order histories are told in.
    pub order: HistoryOrder,
    /// What goes wrong.
    pub faults: Vec<CasesFault>,
    calls: Vec<CasesCall>,
    number: u64,
    /// What happens before a call of this number is answered.
    acts: BTreeMap<u64, Act>,
}

#[derive(Clone, Debug)]
struct Case {
    /// When it was changed last, in milliseconds since 1970.
    updated: i64,
    /// As they happened.
    events: Vec<Value>,
}

impl CasesServer {
    /// A domain of this id without cases, on a port of its own. Its clock says `now` (milliseconds since 1970) until it is
    /// told another time.
    ///
    /// # Errors
    /// When there is no port.
    pub fn start(id: &str, now: i64) -> io::Result<Self> {
        let domain = CasesDomain {
            id: id.to_owned(),
            now,
            cases: BTreeMap::new(),
            templates: BTreeMap::new(),
            fields: BTreeMap::new(),
            order: HistoryOrder::default(),
            faults: Vec::new(),
            calls: Vec::new(),
            number: 0,
            acts: BTreeMap::new(),
        };
        let state = Arc::new(Mutex::new(domain));
        let shared = Arc::clone(&state);
        let endpoint = http::start(move |asked: Asked| {
            let mut domain = lock(&shared);
            let answered = calls::answer(&mut domain, &asked.target, asked.body);
            (answered, domain.now)
        })?;
        Ok(Self { endpoint, state })
    }

    /// Where it listens.
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// What is behind it; no call is answered while it is held.
    pub fn domain(&self) -> MutexGuard<'_, CasesDomain> {
        lock(&self.state)
    }
}

impl CasesDomain {
    /// What the clock says, in milliseconds since 1970.
    pub fn now(&self) -> i64 {
        self.now
    }

    /// The clock says so.
    pub fn set_now(&mut self, now: i64) {
        self.now = now;
    }

    /// An audit event: a field of the case gets a value at `moment` (milliseconds since 1970). A case that was not there is
    /// created by it.
    pub fn change(&mut self, case: &str, event: &str, moment: i64, value: &str) {
        let kind = if self.cases.contains_key(case) { "Case.Updated" } else { "Case.Created" };
        let told = json!({
            "eventId": event,
            "type": kind,
            "performedTime": text(moment),
            "fields": [{ "eventFieldId": "status", "newValue": { "stringValue": value } }],
            "performedBy": {
                "user": { "userArn": "arn:aws:connect:eu-central-1:123456789012:instance/i-1/agent/a-1" },
                "iamPrincipalArn": "arn:aws:iam::123456789012:role/cases",
            },
        });
        self.tell(case, moment, told);
    }

    /// An audit event as it is told, of a case that was changed by it at `moment`.
    pub fn tell(&mut self, case: &str, moment: i64, event: Value) {
        let case = self.cases.entry(case.to_owned()).or_insert(Case { updated: moment, events: Vec::new() });
        case.updated = case.updated.max(moment);
        case.events.push(event);
    }

    /// The case is deleted, with its history.
    pub fn delete(&mut self, case: &str) {
        self.cases.remove(case);
    }

    /// What happens before the `number`th call from now is answered, counted from 1.
    pub fn at_call(&mut self, number: u64, act: impl FnOnce(&mut Self) + Send + 'static) {
        self.acts.insert(self.number + number, Box::new(act));
    }

    /// The calls so far.
    pub fn calls(&self) -> &[CasesCall] {
        &self.calls
    }

    /// The ids of all audit events, sorted.
    pub fn event_ids(&self) -> Vec<String> {
        let events = self.cases.values().flat_map(|case| &case.events);
        let mut ids: Vec<String> =
            events.filter_map(|event| event.get("eventId").and_then(Value::as_str)).map(str::to_owned).collect();
        ids.sort();
        ids
    }
}

fn lock(state: &Mutex<CasesDomain>) -> MutexGuard<'_, CasesDomain> {
    // Who panicked while it held it has failed its test.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A moment as the service writes it.
fn text(millis: i64) -> String {
    let moment = chrono::DateTime::from_timestamp_millis(millis).unwrap_or_default();
    moment.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
