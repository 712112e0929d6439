//! A line of a contact flow log, as far as executions need it.

use std::sync::Arc;

use tributary_core::Timestamp;

use crate::arn::part;

/// Where a line belongs: lines of one contact in one lane are of one execution after the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lane {
    /// The flow; of a module the flow that invoked it.
    pub flow: Option<Arc<str>>,
    /// The module.
    pub module: Option<Arc<str>>,
    /// The ARNs of the module and of what invoked it, the innermost first.
    pub stack: Vec<Arc<str>>,
}

impl Lane {
    /// The id of what runs.
    pub fn resource(&self) -> &str {
        self.module.as_ref().or(self.flow.as_ref()).map_or("", |id| id)
    }

    /// Whether it invoked, by itself or by what it invoked, what runs in the lane of a module.
    pub(crate) fn invoked(&self, module: &Self) -> bool {
        let Some((_, invoking)) = module.stack.split_first() else { return false };
        match &self.module {
            // A module runs with its own stack, which ends that of what it invoked.
            Some(_) => !self.stack.is_empty() && invoking.ends_with(&self.stack),
            None => {
                let flows = invoking.iter().filter_map(|arn| part(arn, "contact-flow"));
                flows.into_iter().any(|id| self.flow.as_deref().is_some_and(|flow| flow.eq_ignore_ascii_case(id)))
            }
        }
    }
}

/// What a block means for the execution that it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It goes on.
    Step,
    /// It sets the queue that the contact may be transferred to.
    SetsQueue,
    /// It ends.
    Ends(Ending),
}

/// How a block ends an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The contact is disconnected.
    Disconnects,
    /// The flow is over.
    Ends,
    /// A module goes back to what invoked it.
    Returns,
    /// The contact is transferred to what the parameters say; to the queue that is set where they say nothing.
    Transfers,
    ToQueue,
    ToAgent,
    ToFlow,
    ToPhone,
}

/// What the parameters of a block name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A flow, by its id.
    Flow(Box<str>),
    /// A queue, by its id.
    Queue(Box<str>),
    /// The queue of an agent, by the agent's id.
    AgentQueue(Box<str>),
    /// A phone number.
    Phone,
}

/// A line.
#[derive(Clone, Debug)]
pub struct Block {
    /// When it ran.
    pub at: Timestamp,
    /// The id of the line, by which lines of one moment are ordered.
    pub event_id: Box<str>,
    /// Where it belongs.
    pub lane: Arc<Lane>,
    /// The version of what runs, if the line says one.
    pub version: Option<Box<str>>,
    /// The kind of block.
    kind: Box<str>,
    identifier: Option<Box<str>>,
    /// Results, of a block that ends or is told apart by them.
    results: Option<Box<str>>,
    pub(crate) role: Role,
    pub(crate) target: Option<Target>,
}

/// What the columns of a line say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Said<'v> {
    /// `block_type`.
    pub kind: Option<&'v str>,
    /// `block_id`.
    pub identifier: Option<&'v str>,
    /// `results`.
    pub results: Option<&'v str>,
    /// `resource_version`.
    pub version: Option<&'v str>,
}

impl Block {
    /// A line of `lane` with these parameters.
    pub fn new<'v>(
        (at, event_id): (Timestamp, &str),
        lane: Arc<Lane>,
        said: Said<'_>,
        parameters: impl Iterator<Item = (&'v str, &'v str)>,
    ) -> Self {
        let kind = said.kind.unwrap_or_default();
        let role = role(kind);
        let is_looked_at = role != Role::Step;
        Self {
            at,
            event_id: event_id.into(),
            lane,
            version: said.version.map(Into::into),
            kind: kind.into(),
            identifier: said.identifier.map(Into::into),
            results: said.results.filter(|_| is_looked_at).map(Into::into),
            target: is_looked_at.then(|| target(parameters)).flatten(),
            role,
        }
    }

    /// Whether the block failed, so that the flow goes on behind it.
    pub(crate) fn has_failed(&self) -> bool {
        let Some(results) = &self.results else { return false };
        let begins = |sign: &str| results.get(..sign.len()).is_some_and(|head| head.eq_ignore_ascii_case(sign));
        // "At capacity" is what a transfer to a queue answers.
        let is_full = matches!(self.role, Role::Ends(Ending::Transfers | Ending::ToQueue)) && &**results == "true";
        begins("error") || begins("status code") || is_full
    }

    /// Whether it is the same line under another id: logs that are delivered in two ways have ids in one of them.
    pub(crate) fn repeats(&self, other: &Self) -> bool {
        self.at == other.at
            && self.kind == other.kind
            && self.identifier == other.identifier
            && self.results == other.results
            && self.target == other.target
    }

    /// Whether it is the second line of the block whose first line is `first`.
    pub(crate) fn concludes(&self, first: &Self) -> bool {
        self.kind == first.kind
            && self.identifier == first.identifier
            && first.results.is_none()
            && self.results.is_some()
    }
}

/// Names of blocks in logs are not those of the flow language, and both are met.
///
/// Source: Amazon Connect Administrator Guide, "Flow block definitions"; Amazon Connect API Reference, "Amazon Connect Flow language".
fn role(kind: &str) -> Role {
    Role::Ends(match kind {
        "SetQueue" | "SetWorkingQueue" | "UpdateContactTargetQueue" => return Role::SetsQueue,
        "Disconnect" | "DisconnectParticipant" => Ending::Disconnects,
        "Resume" | "EndFlowExecution" => Ending::Ends,
        "ReturnFromFlowModule" => Ending::Returns,
        "Transfer" => Ending::Transfers,
        "TransferToQueue" | "TransferContactToQueue" => Ending::ToQueue,
        "TransferToAgent" | "TransferContactToAgent" => Ending::ToAgent,
        "TransferToFlow" => Ending::ToFlow,
        "Dial" | "TransferToPhoneNumber" | "TransferParticipantToThirdParty" => Ending::ToPhone,
        _ => return Role::Step,
    })
}

fn target<'v>(parameters: impl Iterator<Item = (&'v str, &'v str)>) -> Option<Target> {
    let mut found = None;
    for (key, value) in parameters {
        // Lines of 2017 have lists.
        let value = value.trim_matches(['[', ']', '"']);
        let id = |name| part(value, name).map(|id| id.to_ascii_lowercase().into_boxed_str());
        let named = if let Some(flow) = id("contact-flow") {
            Target::Flow(flow)
        } else if value.contains("/queue/agent/") {
            Target::AgentQueue(id("agent").unwrap_or_default())
        } else if let Some(queue) = id("queue") {
            Target::Queue(queue)
        } else if is_number(value) {
            Target::Phone
        } else if key.eq_ignore_ascii_case("queue") && !value.is_empty() {
            Target::Queue(value.to_ascii_lowercase().into())
        } else {
            continue;
        };
        // A flow or a number says where a transfer goes even where a queue is named beside it.
        if !matches!(found, Some(Target::Flow(_) | Target::Phone)) {
            found = Some(named);
        }
    }
    found
}

/// E.164: a plus sign and up to 15 digits.
fn is_number(value: &str) -> bool {
    value
        .strip_prefix('+')
        .is_some_and(|digits| (6..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()))
}
