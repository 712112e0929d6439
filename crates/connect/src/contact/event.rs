//! An EventBridge event of a contact.

use serde_json::Value;
use tributary_core::{RejectReason, Timestamp};

use crate::arn::{account_of, instance_of, last_of};
use crate::object::{Object, Refused, Unknown};

/// An event as it came.
#[derive(Debug)]
pub(crate) struct ContactEvent<'v> {
    pub(crate) instance_id: &'v str,
    pub(crate) contact_id: String,
    pub(crate) kind: &'v str,
    pub(crate) at: Option<Timestamp>,
    pub(crate) id: Option<&'v str>,
    pub(crate) instance_arn: &'v str,
    pub(crate) account_id: Option<&'v str>,
    /// Initial, previous, related.
    pub(crate) others: [Option<String>; 3],
    pub(crate) channel: Option<String>,
    pub(crate) sub_type: Option<&'v str>,
    pub(crate) initiation_method: Option<&'v str>,
    pub(crate) queue_arn: Option<&'v str>,
    pub(crate) queue_id: Option<&'v str>,
    pub(crate) queue_type: Option<&'v str>,
    pub(crate) agent_arn: Option<&'v str>,
    pub(crate) agent_id: Option<&'v str>,
    pub(crate) disconnect_reason: Option<&'v str>,
    /// Initiated, connected to the system, enqueued, connected to an agent, disconnected, scheduled.
    pub(crate) moments: [Option<Timestamp>; 6],
}

/// What an event has beside what is asked for by name below.
const ENVELOPE: &[&str] =
    &["version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail", "replay-name"];

/// What the detail of an event may have, with or without a column. Source: the guide's page on contact events.
const DETAIL: &[&str] = &[
    "agentInfo",
    "answeringMachineDetectionStatus",
    "campaign",
    "channel",
    "connectedToSystemTimestamp",
    "contactDetails",
    "contactEvaluations",
    "contactId",
    "contactLens",
    "customerId",
    "customerVoiceActivity",
    "disconnectReason",
    "disconnectTimestamp",
    "eventType",
    "globalResiliencyMetadata",
    "initialContactId",
    "initiationMethod",
    "initiationTimestamp",
    "instanceArn",
    "outboundStrategy",
    "previousContactId",
    "queueInfo",
    "recordings",
    "relatedContactId",
    "routingCriteria",
    "scheduledTimestamp",
    "segmentAttributes",
    "systemEndpoint",
    "customerEndpoint",
    "tags",
    "updatedProperties",
    "chatMetrics",
    "qualityMetrics",
    "totalPauseCount",
    "totalPauseDurationInSeconds",
    "lastPausedTimestamp",
    "lastResumedTimestamp",
];

const INITIATED: usize = 0;
const SYSTEM: usize = 1;
const ENQUEUED: usize = 2;
const AGENT: usize = 3;
const DISCONNECTED: usize = 4;

impl<'v> ContactEvent<'v> {
    /// Reads an event whose envelope was recognised.
    pub(crate) fn read(value: &'v Value, unknown: &mut Unknown) -> Result<Self, Refused> {
        let envelope = Object::of(Some(value), "");
        envelope.count_unknown(ENVELOPE, unknown);
        let detail = envelope.object("detail", "detail");
        detail.count_unknown(DETAIL, unknown);
        let required = |name: &str| detail.text(name).ok_or_else(|| Refused::missing(&format!("detail.{name}")));
        let (instance_arn, contact_id, kind) =
            (required("instanceArn")?, required("contactId")?, required("eventType")?);
        let instance_id = instance_of(instance_arn).ok_or_else(|| Refused {
            reason: RejectReason::NoInstance,
            field: "detail.instanceArn".to_owned(),
            message: "it is not the ARN of an instance".to_owned(),
        })?;
        let queue = detail.object("queueInfo", "detail.queueInfo");
        let agent = detail.object("agentInfo", "detail.agentInfo");
        let (queue_arn, agent_arn) = (queue.text("queueArn"), agent.text("agentArn"));
        let moments = [
            moment(detail, &["initiationTimestamp"])?,
            moment(detail, &["connectedToSystemTimestamp"])?,
            moment(queue, &["enqueueTimestamp", "enqueuedTimestamp", "EnqueueTimestamp", "EnqueuedTimestamp"])?,
            moment(agent, &["connectedToAgentTimestamp"])?,
            moment(detail, &["disconnectTimestamp"])?,
            moment(detail, &["scheduledTimestamp"])?,
        ];
        let own = match kind {
            "INITIATED" => moments[INITIATED],
            "CONNECTED_TO_SYSTEM" => moments[SYSTEM],
            "QUEUED" => moments[ENQUEUED],
            "CONNECTED_TO_AGENT" => moments[AGENT],
            "DISCONNECTED" => moments[DISCONNECTED],
            _ => None,
        };
        let other = |name| detail.text(name).map(str::to_ascii_lowercase);
        Ok(Self {
            instance_id,
            contact_id: contact_id.to_ascii_lowercase(),
            kind,
            at: own.map_or_else(|| moment(envelope, &["time"]), |own| Ok(Some(own)))?,
            id: envelope.text("id"),
            instance_arn,
            account_id: envelope.text("account").or_else(|| account_of(instance_arn)),
            others: [other("initialContactId"), other("previousContactId"), other("relatedContactId")],
            channel: detail.text("channel").map(str::to_ascii_uppercase),
            sub_type: sub_type(detail),
            initiation_method: detail.text("initiationMethod"),
            queue_arn,
            queue_id: queue_arn.and_then(last_of),
            queue_type: queue.text("queueType"),
            agent_arn,
            agent_id: agent_arn.and_then(last_of),
            disconnect_reason: detail.text("disconnectReason"),
            moments,
        })
    }
}

fn moment(object: Object<'_>, names: &[&str]) -> Result<Option<Timestamp>, Refused> {
    let Some(value) = object.any(names) else { return Ok(None) };
    crate::case::moment(value).map(Some).ok_or_else(|| Refused {
        reason: RejectReason::BadTimestamp,
        field: object.path_of(names[0]),
        message: "it is not a UTC timestamp like 2025-07-01T12:21:28.833Z".to_owned(),
    })
}

/// `segmentAttributes` has members `{"valueString": ...}`; contact records write it with a capital.
fn sub_type(detail: Object<'_>) -> Option<&str> {
    let attributes = detail.object("segmentAttributes", "detail.segmentAttributes");
    let sub_type = attributes.object("connect:Subtype", "detail.segmentAttributes.connect:Subtype");
    sub_type.text("valueString").or_else(|| sub_type.text("ValueString"))
}
