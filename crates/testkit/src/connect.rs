//! An instance of Amazon Connect behind the interface of the service: what `connect-api` asks, as it stands on the wire.
//!
//! Source: the service's model (`connect`, 2017-08-08), by which `tests/connect_model.rs` judges what is answered here.

mod calls;
mod described;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::ServiceFault;
use crate::http::{self, Asked};

/// The instance behind an endpoint of its own.
#[derive(Clone)]
pub struct ConnectServer {
    endpoint: String,
    state: Arc<Mutex<ConnectInstance>>,
}

/// A call and what came of it.
#[derive(Clone, Debug)]
pub struct ConnectCall {
    /// Its name, as in `ListContactFlows`.
    pub operation: &'static str,
    /// The path, as it came.
    pub path: String,
    /// The query, as it is meant.
    pub query: BTreeMap<String, String>,
    /// The status of the answer.
    pub status: u16,
    /// The code of the error, if it is one.
    pub code: Option<&'static str>,
    /// The answer.
    pub answered: Value,
}

type Act = Box<dyn FnOnce(&mut ConnectInstance) + Send>;

/// What is behind the endpoint. All moments are milliseconds since 1970.
pub struct ConnectInstance {
    id: String,
    now: i64,
    flows: BTreeMap<String, Design>,
    modules: BTreeMap<String, Design>,
    test_cases: BTreeMap<String, Value>,
    /// As they were told.
    executions: Vec<Value>,
    /// Of which execution.
    records: BTreeMap<String, Vec<Value>>,
    /// What a page holds at most, if less than was asked for.
    pub page: usize,
    /// What goes wrong.
    pub faults: Vec<ServiceFault>,
    calls: Vec<ConnectCall>,
    number: u64,
    /// What happens before a call of this number is answered.
    acts: BTreeMap<u64, Act>,
}

/// A flow, or a module of flows.
#[derive(Clone, Debug)]
struct Design {
    name: String,
    /// The type of a flow.
    kind: String,
    content: String,
    saved: i64,
    published: Option<i64>,
    /// When each version was made; the first has the number 1.
    versions: Vec<i64>,
}

impl ConnectServer {
    /// An instance of this id with nothing in it, on a port of its own. Its clock says `now`.
    ///
    /// # Errors
    /// When there is no port.
    pub fn start(id: &str, now: i64) -> io::Result<Self> {
        let instance = ConnectInstance {
            id: id.to_owned(),
            now,
            flows: BTreeMap::new(),
            modules: BTreeMap::new(),
            test_cases: BTreeMap::new(),
            executions: Vec::new(),
            records: BTreeMap::new(),
            page: usize::MAX,
            faults: Vec::new(),
            calls: Vec::new(),
            number: 0,
            acts: BTreeMap::new(),
        };
        let state = Arc::new(Mutex::new(instance));
        let shared = Arc::clone(&state);
        let endpoint = http::start(move |asked: Asked| {
            let mut instance = lock(&shared);
            let answered = calls::answer(&mut instance, &asked);
            (answered, instance.now)
        })?;
        Ok(Self { endpoint, state })
    }

    /// Where it listens.
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// What is behind it; no call is answered while it is held.
    pub fn instance(&self) -> MutexGuard<'_, ConnectInstance> {
        lock(&self.state)
    }
}

impl ConnectInstance {
    /// A flow is saved, of a type as in `CONTACT_FLOW`.
    pub fn save_flow(&mut self, id: &str, name: &str, kind: &str, moment: i64) {
        save(&mut self.flows, id, name, kind, moment);
    }

    /// What is saved of a flow is published.
    pub fn publish_flow(&mut self, id: &str, moment: i64) {
        publish(&mut self.flows, id, moment);
    }

    /// A version is made of what is published of a flow.
    pub fn version_flow(&mut self, id: &str, moment: i64) {
        version(&mut self.flows, id, moment);
    }

    /// A module is saved.
    pub fn save_module(&mut self, id: &str, name: &str, moment: i64) {
        save(&mut self.modules, id, name, "", moment);
    }

    /// What is saved of a module is published.
    pub fn publish_module(&mut self, id: &str, moment: i64) {
        publish(&mut self.modules, id, moment);
    }

    /// A version is made of what is published of a module.
    pub fn version_module(&mut self, id: &str, moment: i64) {
        version(&mut self.modules, id, moment);
    }

    /// A test case of a flow, which begins with a call.
    pub fn add_test_case(&mut self, id: &str, name: &str, flow: &str, moment: i64) {
        let told = json!({
            "Id": id,
            "Arn": described::arn(&self.id, "test-case", id),
            "Name": name,
            "Content": "{\"Version\":\"2019-10-30\",\"Observations\":[]}",
            "EntryPoint": { "Type": "VOICE_CALL", "VoiceCallEntryPointParameters": { "FlowId": flow } },
            "Status": "PUBLISHED",
            "LastModifiedTime": described::seconds(moment),
            "LastModifiedRegion": "eu-central-1",
            "Tags": { "team": "voice" },
        });
        self.tell_test_case(id, told);
    }

    /// A test case as it is told.
    pub fn tell_test_case(&mut self, id: &str, told: Value) {
        self.test_cases.insert(id.to_owned(), told);
    }

    /// An execution of a test case, which ended or has not yet.
    pub fn add_execution(&mut self, test_case: &str, id: &str, status: &str, start: i64, end: Option<i64>) {
        let mut told = json!({
            "TestCaseExecutionId": id,
            "TestCaseId": test_case,
            "TestCaseExecutionStatus": status,
            "StartTime": described::seconds(start),
            "Tags": { "team": "voice" },
        });
        if let (Some(end), Some(members)) = (end, told.as_object_mut()) {
            members.insert("EndTime".to_owned(), described::seconds(end));
        }
        self.tell_execution(told);
    }

    /// An execution ended.
    pub fn end_execution(&mut self, id: &str, status: &str, end: i64) {
        let is_it = |told: &&mut Value| told.get("TestCaseExecutionId").and_then(Value::as_str) == Some(id);
        if let Some(members) = self.executions.iter_mut().find(is_it).and_then(Value::as_object_mut) {
            members.insert("TestCaseExecutionStatus".to_owned(), status.into());
            members.insert("EndTime".to_owned(), described::seconds(end));
        }
    }

    /// An execution as it is told.
    pub fn tell_execution(&mut self, told: Value) {
        self.executions.push(told);
    }

    /// A step of an execution.
    pub fn add_record(&mut self, execution: &str, observation: &str, status: &str, moment: i64, record: &str) {
        let told = json!({
            "ObservationId": observation,
            "Status": status,
            "Timestamp": described::seconds(moment),
            "Record": record,
        });
        self.records.entry(execution.to_owned()).or_default().push(told);
    }

    /// What the clock says.
    pub fn now(&self) -> i64 {
        self.now
    }

    /// The clock says so.
    pub fn set_now(&mut self, now: i64) {
        self.now = now;
    }

    /// What happens before the `number`th call from now is answered, counted from 1.
    pub fn at_call(&mut self, number: u64, act: impl FnOnce(&mut Self) + Send + 'static) {
        self.acts.insert(self.number + number, Box::new(act));
    }

    /// The calls so far.
    pub fn calls(&self) -> &[ConnectCall] {
        &self.calls
    }
}

fn save(designs: &mut BTreeMap<String, Design>, id: &str, name: &str, kind: &str, moment: i64) {
    let design = designs.entry(id.to_owned()).or_insert_with(|| Design {
        name: String::new(),
        kind: kind.to_owned(),
        content: "{\"Version\":\"2019-10-30\",\"StartAction\":\"a\",\"Actions\":[]}".to_owned(),
        saved: moment,
        published: None,
        versions: Vec::new(),
    });
    name.clone_into(&mut design.name);
    design.saved = moment;
}

fn publish(designs: &mut BTreeMap<String, Design>, id: &str, moment: i64) {
    if let Some(design) = designs.get_mut(id) {
        design.published = Some(moment);
    }
}

fn version(designs: &mut BTreeMap<String, Design>, id: &str, moment: i64) {
    if let Some(design) = designs.get_mut(id) {
        design.versions.push(moment);
    }
}

fn lock(state: &Mutex<ConnectInstance>) -> MutexGuard<'_, ConnectInstance> {
    // Who panicked while it held it has failed its test.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
