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
    text.clear();
    for part in ["agent_event", instance_id, event_id] {
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
