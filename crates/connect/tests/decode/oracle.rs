//! The mapping of an agent event to its rows once more, written from the documentation's tables over a DOM: slow, plain,
//! and without a line in common with the decoder.

use chrono::{DateTime, NaiveDate};
use serde_json::{Map, Value, json};
use tributary_core::Timestamp;

/// The row of `agent_event` and those of `agent_event_contacts`; `None` when the event must be rejected.
pub(crate) fn rows(event: &Value, read_at: Timestamp) -> Option<(Value, Vec<Value>)> {
    let event = event.as_object()?;
    if !event.contains_key("AgentARN") || !event.contains_key("EventType") {
        return None;
    }
    let instance_arn = text(event, "InstanceARN")?;
    let instance_arn = instance_arn.as_str().filter(|arn| !arn.is_empty() && !arn.ends_with('/'))?.to_owned();
    let instance_id = instance_arn.rsplit('/').next()?.to_owned();
    let event_id = text(event, "EventId")?;
    event_id.as_str().filter(|id| !id.is_empty())?;
    let timestamp = moment(event, "EventTimestamp")?;
    let day = NaiveDate::parse_from_str(timestamp.as_str()?.get(..10)?, "%Y-%m-%d").ok()?;
    let arrival = DateTime::from_timestamp_micros(read_at.micros())?.date_naive();
    if day < NaiveDate::from_ymd_opt(2015, 1, 1)? || day > arrival.succ_opt()? {
        return None;
    }
    let agent_arn = text(event, "AgentARN")?;
    let empty = Map::new();
    let current = object(event, "CurrentAgentSnapshot", &empty)?;
    let previous = object(event, "PreviousAgentSnapshot", &empty)?;

    let mut row = Map::new();
    let mut put = |name: &str, value: Value| assert!(row.insert(name.to_owned(), value).is_none(), "{name}");
    put("instance_id", json!(instance_id));
    put("instance_arn", json!(instance_arn));
    put("event_id", event_id);
    put("event_timestamp", timestamp);
    put("data_lake_last_processed_timestamp", json!(read_at.to_string()));
    for (name, key) in [
        ("aws_account_id", "AWSAccountId"),
        ("agent_arn", "AgentARN"),
        ("event_type", "EventType"),
        ("version", "Version"),
    ] {
        put(name, text(event, key)?);
    }
    for (side, snapshot) in [("current", current), ("previous", previous)] {
        put(&format!("{side}_snapshot_timestamp"), Value::Null);
        let status = object(snapshot, "AgentStatus", &empty)?;
        put(&format!("{side}_agent_status_arn"), text(status, "ARN")?);
        put(&format!("{side}_agent_status_name"), text(status, "Name")?);
        put(&format!("{side}_agent_status_start_timestamp"), moment(status, "StartTimestamp")?);
        put(&format!("{side}_agent_status_type"), text(status, "Type")?);
        let next = object(snapshot, "NextAgentStatus", &empty)?;
        let next_columns = [
            ("arn", text(next, "ARN")?),
            ("name", text(next, "Name")?),
            ("enqueued_timestamp", either(moment(next, "EnqueuedTimestamp")?, moment(next, "EnqueueTimestamp")?)),
            ("type", text(next, "Type")?),
        ];
        let configuration = object(snapshot, "Configuration", &empty)?;
        let own_columns = [
            ("username", text(configuration, "Username")?),
            ("first_name", text(configuration, "FirstName")?),
            ("last_name", text(configuration, "LastName")?),
            ("sip_address", text(configuration, "SipAddress")?),
            ("auto_accept", boolean(configuration, "AutoAccept")?),
            ("language_code", text(configuration, "LanguageCode")?),
        ];
        if side == "current" {
            next_columns.into_iter().for_each(|(name, value)| put(&format!("current_next_agent_status_{name}"), value));
            own_columns.into_iter().for_each(|(name, value)| put(&format!("current_configuration_{name}"), value));
        }
        let proficiencies = list(configuration, "Proficiencies", &|item| {
            let level = either(number(item, "ProficiencyLevel")?, number(item, "Level")?);
            Some(json!({"name": text(item, "Name")?, "value": text(item, "Value")?, "level": level}))
        })?;
        put(&format!("{side}_configuration_proficiencies"), proficiencies);
        let profile = object(configuration, "RoutingProfile", &empty)?;
        put(&format!("{side}_routing_profile_arn"), text(profile, "ARN")?);
        put(&format!("{side}_routing_profile_name"), text(profile, "Name")?);
        let concurrency = list(profile, "Concurrency", &|item| {
            Some(json!({
                "channel": text(item, "Channel")?,
                "available_slots": integer(item, "AvailableSlots")?,
                "maximum_slots": integer(item, "MaximumSlots")?,
                "current_available_slots": integer(item, "CurrentAvailableSlots")?,
            }))
        })?;
        put(&format!("{side}_routing_profile_concurrency"), concurrency);
        let outbound = object(profile, "DefaultOutboundQueue", &empty)?;
        put(&format!("{side}_routing_profile_default_outbound_queue_arn"), text(outbound, "ARN")?);
        put(&format!("{side}_routing_profile_default_outbound_queue_name"), text(outbound, "Name")?);
        put(&format!("{side}_routing_profile_default_outbound_queue_channels"), texts(outbound, "Channels")?);
        let inbound = list(profile, "InboundQueues", &|item| {
            Some(json!({"arn": text(item, "ARN")?, "name": text(item, "Name")?, "channels": texts(item, "Channels")?}))
        })?;
        put(&format!("{side}_routing_profile_inbound_queues"), inbound);
        let groups = object(configuration, "AgentHierarchyGroups", &empty)?;
        for level in 1..=5 {
            let group = object(groups, &format!("Level{level}"), &empty)?;
            put(&format!("{side}_agent_hierarchy_groups_level_{level}_arn"), text(group, "ARN")?);
            put(&format!("{side}_agent_hierarchy_groups_level_{level}_name"), text(group, "Name")?);
        }
        put(&format!("{side}_contacts"), list(snapshot, "Contacts", &contact)?);
    }
    let contacts = contact_rows(&row, &agent_arn)?;
    Some((Value::Object(row), contacts))
}

fn contact_rows(row: &Map<String, Value>, agent_arn: &Value) -> Option<Vec<Value>> {
    let none = Vec::new();
    let side = |side: &str| row[&format!("{side}_contacts")].as_array().unwrap_or(&none).clone();
    let current = side("current");
    let mut rows = Vec::new();
    let is_there = |id: &Value| current.iter().any(|contact| contact["contact_id"] == *id);
    let previous = side("previous").into_iter().filter(|contact| !is_there(&contact["contact_id"]));
    let all = current.iter().cloned().map(|contact| ("current", contact));
    for (snapshot, contact) in all.chain(previous.map(|contact| ("previous", contact))) {
        let mut columns = Map::new();
        for name in [
            "instance_id",
            "event_id",
            "event_timestamp",
            "event_type",
            "aws_account_id",
            "data_lake_last_processed_timestamp",
        ] {
            columns.insert(name.to_owned(), row[name].clone());
        }
        columns.insert("agent_arn".to_owned(), agent_arn.clone());
        columns
            .insert("agent_id".to_owned(), agent_arn.as_str().map_or(Value::Null, |arn| json!(arn.rsplit('/').next())));
        columns.insert("snapshot".to_owned(), json!(snapshot));
        columns.insert("queue_arn".to_owned(), contact["queue"]["arn"].clone());
        columns.insert("queue_name".to_owned(), contact["queue"]["name"].clone());
        for (name, value) in contact.as_object()?.iter().filter(|(name, _)| *name != "queue") {
            columns.insert(name.clone(), value.clone());
        }
        rows.push(Value::Object(columns));
    }
    Some(rows)
}

fn contact(item: &Map<String, Value>) -> Option<Value> {
    text(item, "ContactId")?.as_str().filter(|id| !id.is_empty())?;
    let queue = match item.get("Queue").unwrap_or(&Value::Null) {
        Value::Null => Value::Null,
        Value::Object(queue) => json!({"arn": text(queue, "ARN")?, "name": text(queue, "Name")?}),
        _ => return None,
    };
    Some(json!({
        "contact_id": text(item, "ContactId")?,
        "initial_contact_id": text(item, "InitialContactId")?,
        "channel": text(item, "Channel")?,
        "initiation_method": text(item, "InitiationMethod")?,
        "state": text(item, "State")?,
        "state_start_timestamp": moment(item, "StateStartTimestamp")?,
        "connected_to_agent_timestamp": moment(item, "ConnectedToAgentTimestamp")?,
        "queue_timestamp": moment(item, "QueueTimestamp")?,
        "queue": queue,
    }))
}

// Each of these answers `Some(Value::Null)` for a missing key or null, and `None` for a value of the wrong type.

fn either(first: Value, second: Value) -> Value {
    if first.is_null() { second } else { first }
}

fn text(object: &Map<String, Value>, key: &str) -> Option<Value> {
    of_kind(object, key, Value::is_string)
}

fn boolean(object: &Map<String, Value>, key: &str) -> Option<Value> {
    of_kind(object, key, Value::is_boolean)
}

fn number(object: &Map<String, Value>, key: &str) -> Option<Value> {
    let value = of_kind(object, key, Value::is_number)?;
    Some(value.as_f64().map_or(Value::Null, |number| json!(number)))
}

fn integer(object: &Map<String, Value>, key: &str) -> Option<Value> {
    of_kind(object, key, |value| value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()))
}

fn of_kind(object: &Map<String, Value>, key: &str, is_right: impl Fn(&Value) -> bool) -> Option<Value> {
    let value = object.get(key).unwrap_or(&Value::Null);
    (value.is_null() || is_right(value)).then(|| value.clone())
}

fn moment(object: &Map<String, Value>, key: &str) -> Option<Value> {
    let value = text(object, key)?;
    let Some(written) = value.as_str() else { return Some(Value::Null) };
    let moment = DateTime::parse_from_rfc3339(written).ok()?;
    Some(json!(moment.to_utc().format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()))
}

fn object<'v>(
    object: &'v Map<String, Value>,
    key: &str,
    empty: &'v Map<String, Value>,
) -> Option<&'v Map<String, Value>> {
    match object.get(key).unwrap_or(&Value::Null) {
        Value::Null => Some(empty),
        value => value.as_object(),
    }
}

fn list(
    object: &Map<String, Value>,
    key: &str,
    element: &dyn Fn(&Map<String, Value>) -> Option<Value>,
) -> Option<Value> {
    let empty = Map::new();
    match object.get(key).unwrap_or(&Value::Null) {
        Value::Null => Some(Value::Null),
        Value::Array(items) => {
            let read = |item: &Value| element(if item.is_null() { &empty } else { item.as_object()? });
            Some(Value::Array(items.iter().map(read).collect::<Option<_>>()?))
        }
        _ => None,
    }
}

fn texts(object: &Map<String, Value>, key: &str) -> Option<Value> {
    match object.get(key).unwrap_or(&Value::Null) {
        Value::Null => Some(Value::Null),
        Value::Array(items) if items.iter().all(|item| item.is_string() || item.is_null()) => Some(json!(items)),
        _ => None,
    }
}
