//! A line of a contact flow log.

use std::borrow::Cow;

use serde_json::Value;
use sha2::{Digest, Sha256};
use tributary_core::{RejectReason, Timestamp};
use tributary_framing::Envelope;

use crate::arn::{account_of, instance_arn_of, instance_of, part};
use crate::case::{Lookups, moment};
use crate::cells::Entry;
use crate::object::{Object, Refused, Unknown};
use crate::timestamp;

/// The names of a line's members, each as Amazon Connect writes it and as tools do that fold names.
const CONTACT: [&str; 2] = ["ContactId", "contactid"];
const FLOW: [&str; 2] = ["ContactFlowId", "contactflowid"];
const NAME: [&str; 2] = ["ContactFlowName", "contactflowname"];
const KIND: [&str; 2] = ["ContactFlowModuleType", "contactflowmoduletype"];
const IDENTIFIER: [&str; 2] = ["Identifier", "identifier"];
const TIMESTAMP: [&str; 2] = ["Timestamp", "timestamp"];
const PARAMETERS: [&str; 4] = ["Parameters", "parameters", "Events", "events"];
const RESULTS: [&str; 4] = ["Results", "results", "ResultData", "resultdata"];
const EXTERNAL: [&str; 2] = ["ExternalResults", "externalresults"];
const STACK: [&str; 2] = ["ModuleExecutionStack", "moduleexecutionstack"];

/// A line as it came. What is no text of the payload was made of it.
#[derive(Debug)]
pub(crate) struct Line<'v> {
    pub(crate) instance_id: &'v str,
    pub(crate) id: Cow<'v, str>,
    pub(crate) instance_arn: Option<&'v str>,
    pub(crate) account_id: Option<&'v str>,
    pub(crate) contact_id: Option<String>,
    pub(crate) at: Option<Timestamp>,
    pub(crate) flow_id: Option<String>,
    pub(crate) module_id: Option<String>,
    pub(crate) resource_type: Option<&'static str>,
    pub(crate) version: Option<&'v str>,
    pub(crate) name: Option<&'v str>,
    pub(crate) kind: Option<&'v str>,
    pub(crate) identifier: Option<&'v str>,
    pub(crate) parameters: Option<Vec<Entry<'v>>>,
    pub(crate) results: Option<Cow<'v, str>>,
    pub(crate) external: Option<Vec<Entry<'v>>>,
    pub(crate) stack: Option<Vec<String>>,
    pub(crate) log_group: Option<&'v str>,
    pub(crate) log_stream: Option<&'v str>,
}

/// What an envelope says of a line.
#[derive(Clone, Copy, Debug, Default)]
struct Told<'v> {
    id: Option<&'v str>,
    at: Option<Timestamp>,
    owner: Option<&'v str>,
    log_group: Option<&'v str>,
    log_stream: Option<&'v str>,
}

impl<'v> Told<'v> {
    fn by(envelope: &'v Envelope) -> Self {
        let text = |text: &'v String| Some(text.as_str()).filter(|text| !text.is_empty());
        match envelope {
            Envelope::CloudWatch { owner, log_group, log_stream, id, timestamp_ms } => Self {
                id: text(id),
                at: timestamp_ms.map(|millis| Timestamp::from_micros(millis.saturating_mul(1_000))),
                owner: text(owner),
                log_group: text(log_group),
                log_stream: text(log_stream),
            },
            Envelope::FirehoseRow { event_id, timestamp } => {
                let millis = timestamp.parse::<i64>().ok();
                let at = millis.map(|millis| Timestamp::from_micros(millis.saturating_mul(1_000)));
                let at = at.or_else(|| moment(&Value::String(timestamp.clone())));
                Self { id: text(event_id), at, ..Self::default() }
            }
            _ => Self::default(),
        }
    }
}

impl<'v> Line<'v> {
    /// Reads a line that was recognised. `bytes` are its own, for a line that has no id.
    pub(crate) fn read(
        value: &'v Value,
        envelope: &'v Envelope,
        bytes: &[u8],
        lookups: &'v Lookups,
        unknown: &mut Unknown,
    ) -> Result<Self, Refused> {
        let line = Object::of(Some(value), "");
        line.count_unknown(&known(), unknown);
        let told = Told::by(envelope);
        let resource = text(line, &FLOW);
        let stack: Option<Vec<&str>> =
            line.any(&STACK).and_then(Value::as_array).map(|stack| stack.iter().filter_map(Value::as_str).collect());
        let arns: Vec<&str> = resource.into_iter().chain(stack.iter().flatten().copied()).collect();
        let arn = arns.iter().find(|arn| instance_of(arn).is_some()).copied();
        let instance_id = match (arn.and_then(instance_of), told.log_group) {
            (Some(instance), _) => instance,
            (None, log_group) => of_log_group(log_group, lookups)?,
        };
        let module_id = resource.and_then(|arn| part(arn, "flow-module")).map(str::to_ascii_lowercase);
        let invoking = || stack.iter().flatten().rev().find_map(|arn| part(arn, "contact-flow"));
        // An id that stands alone is that of a flow: modules are told by their ARN.
        let bare = || resource.filter(|id| !id.contains(['/', ':']));
        let flow_id = match &module_id {
            Some(_) => invoking(),
            None => resource.and_then(|arn| part(arn, "contact-flow")).or_else(bare),
        };
        Ok(Self {
            instance_id,
            id: told.id.map_or_else(|| Cow::Owned(hash(bytes)), Cow::Borrowed),
            instance_arn: arn.and_then(instance_arn_of),
            account_id: arn.and_then(account_of).or(told.owner),
            contact_id: text(line, &CONTACT).map(str::to_ascii_lowercase),
            at: at(line)?.or(told.at),
            resource_type: match (&module_id, flow_id) {
                (Some(_), _) => Some("module"),
                (None, Some(_)) => Some("flow"),
                (None, None) => None,
            },
            flow_id: flow_id.map(str::to_ascii_lowercase),
            module_id,
            version: resource.and_then(version_of),
            name: text(line, &NAME),
            kind: text(line, &KIND),
            identifier: text(line, &IDENTIFIER),
            parameters: line.any(&PARAMETERS).and_then(entries),
            results: line.any(&RESULTS).map(written),
            external: line.any(&EXTERNAL).and_then(entries),
            stack: stack.map(|stack| stack.into_iter().map(str::to_owned).collect()),
            log_group: told.log_group,
            log_stream: told.log_stream,
        })
    }
}

fn known() -> Vec<&'static str> {
    let pairs = [CONTACT, FLOW, NAME, KIND, IDENTIFIER, TIMESTAMP, EXTERNAL, STACK];
    pairs.into_iter().flatten().chain(PARAMETERS).chain(RESULTS).collect()
}

fn text<'v>(line: Object<'v>, names: &[&str]) -> Option<&'v str> {
    line.any(names).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn at(line: Object<'_>) -> Result<Option<Timestamp>, Refused> {
    let Some(text) = text(line, &TIMESTAMP) else { return Ok(None) };
    timestamp::parse(text).map(Some).ok_or_else(|| Refused {
        reason: RejectReason::BadTimestamp,
        field: "Timestamp".to_owned(),
        message: "it is not a UTC timestamp like 2025-07-01T12:21:28.833Z".to_owned(),
    })
}

/// What follows the id of a flow or module: `.../contact-flow/<id>:$SAVED`.
fn version_of(arn: &str) -> Option<&str> {
    let (_, id) = arn.rsplit_once('/')?;
    id.split_once(':').map(|(_, version)| version).filter(|version| !version.is_empty())
}

/// Log groups are called by the alias of the instance: `/aws/connect/<alias>`.
fn of_log_group<'v>(log_group: Option<&str>, lookups: &'v Lookups) -> Result<&'v str, Refused> {
    let alias = log_group.and_then(|group| group.rsplit('/').next());
    if let Some(instance) = alias.and_then(|alias| lookups.instances.get(alias)) {
        return Ok(instance);
    }
    let message = match alias {
        Some(alias) => format!(
            "ContactFlowId is no ARN, and nothing says which Connect instance the log group of {alias} belongs to: add instances = \
             {{ \"{alias}\" = \"<instance id>\" }} to [transform.connect]"
        ),
        None => "ContactFlowId is no ARN, so that nothing says which Connect instance the line belongs to".to_owned(),
    };
    Err(Refused { reason: RejectReason::NoInstance, field: "ContactFlowId".to_owned(), message })
}

/// The members of an object; values that are no texts as JSON.
fn entries(value: &Value) -> Option<Vec<Entry<'_>>> {
    let written = |value| if matches!(value, &Value::Null) { None } else { Some(written(value)) };
    Some(value.as_object()?.iter().map(|(key, value)| (key.as_str(), written(value))).collect())
}

fn written(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
