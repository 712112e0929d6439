//! The identity of an event.

use tributary_core::{RowKey, Timestamp};
use twox_hash::XxHash3_128;

/// The key of an agent event: XXH3-128 (seed 0) of `agent_event`, the instance id and the event id, each ended by a
/// zero byte. It is stored in states and compared with keys read back from the lake, so it never changes. `text` is
/// room to work in, kept by the caller.
///
/// Two events of one id are duplicates even when their bytes differ: Amazon promises no exactly-once delivery, and the
/// id is what it tells consumers to compare.
pub fn agent_event_key(instance_id: &str, event_id: &str, at: Timestamp, text: &mut Vec<u8>) -> RowKey {
    key_of(&["agent_event", instance_id, event_id], at, text)
}

/// The same of an event of a case or of something related to one: both kinds have ids of one space.
pub fn case_event_key(instance_id: &str, event_id: &str, at: Timestamp, text: &mut Vec<u8>) -> RowKey {
    key_of(&["case_events", instance_id, event_id], at, text)
}

/// The same of an audit event of a case.
pub fn field_change_key(domain_id: &str, case_id: &str, event_id: &str, at: Timestamp, text: &mut Vec<u8>) -> RowKey {
    key_of(&["case_field_changes", domain_id, case_id, event_id], at, text)
}

/// The same of a line of a contact flow log.
pub fn flow_log_key(instance_id: &str, event_id: &str, at: Timestamp, text: &mut Vec<u8>) -> RowKey {
    key_of(&["contact_flow_log_events", instance_id, event_id], at, text)
}

/// The same of a contact event: of kinds that happen at a moment of the contact the moment, else the event's id. The service
/// delivers the same event twice with different ids.
pub fn contact_event_key(
    (instance_id, contact_id): (&str, &str),
    (kind, event_id): (&str, &str),
    at: Timestamp,
    text: &mut Vec<u8>,
) -> RowKey {
    let has_moment =
        ["INITIATED", "CONNECTED_TO_SYSTEM", "QUEUED", "CONNECTED_TO_AGENT", "DISCONNECTED"].contains(&kind);
    let moment = at.micros().to_string();
    let told_by = if has_moment { &moment } else { event_id };
    key_of(&["contact_events", instance_id, contact_id, kind, told_by], at, text)
}

/// The same of an execution of a test case. One that was told while it ran is another than the same when it was over.
pub fn test_case_key(arn: &str, execution_id: &str, status: &str, start: Timestamp, text: &mut Vec<u8>) -> RowKey {
    key_of(&["connect_test_case_execution_results", arn, execution_id, status], start, text)
}

fn key_of(parts: &[&str], at: Timestamp, text: &mut Vec<u8>) -> RowKey {
    text.clear();
    for part in parts {
        text.extend_from_slice(part.as_bytes());
        text.push(0);
    }
    // The years 1970 +- 4,000 fit; rows have days between 2015 and tomorrow.
    let minute = at.minute().clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
    RowKey { hash: XxHash3_128::oneshot(text), minute }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_pinned() {
        let at = Timestamp::from_micros(120_000_000);
        let key = agent_event_key("i", "e", at, &mut Vec::new());
        assert_eq!(key.minute, 2);
        assert_eq!(format!("{:032x}", key.hash), PINNED);
        assert_ne!(key.hash, agent_event_key("ie", "", at, &mut Vec::new()).hash);
    }

    // The same as the reference implementation gives for "agent_event\0i\0e\0".
    const PINNED: &str = "d76c1355137f373e51a9b44b44997373";
}
