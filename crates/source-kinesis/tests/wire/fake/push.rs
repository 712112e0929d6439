//! Records that are pushed: an answer that does not end, of messages as the AWS event stream has them.
//!
//! Source: API Reference, `SubscribeToShard`; smithy.io, "Amazon Event Stream Specification".

use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use super::State;
use super::calls::{Refused, first, no_shard, seconds, told};
use super::stream::Stored;

/// How often it is looked for records.
const LOOK: Duration = Duration::from_millis(20);

/// Something is said so often, though there be no record.
const HEARTBEAT: usize = 10;

pub(super) fn consumer(state: &mut State, operation: &str, asked: &Value) -> Result<Value, Refused> {
    let name = asked["ConsumerName"].as_str().unwrap().to_owned();
    let is_known = state.consumers.contains(&name);
    let described = json!({
        "ConsumerName": name,
        "ConsumerARN": format!("{}/consumer/{name}:1751328000", asked["StreamARN"].as_str().unwrap()),
        "ConsumerStatus": "ACTIVE",
        "ConsumerCreationTimestamp": seconds(state.stream.as_ref().unwrap().created),
    });
    if operation == "RegisterStreamConsumer" {
        state.consumers.push(name);
        return Ok(json!({"Consumer": described}));
    }
    let unknown = || ("ResourceNotFoundException", "Consumer is not found.".to_owned());
    if is_known { Ok(json!({"ConsumerDescription": described})) } else { Err(unknown()) }
}

/// Where a subscription begins.
pub(super) fn begin(state: &State, asked: &Value) -> Result<Value, Refused> {
    let (id, at) = (asked["ShardId"].as_str().unwrap(), &asked["StartingPosition"]);
    let shard = state.stream.as_ref().and_then(|stream| stream.shard(id)).ok_or_else(|| no_shard(id))?;
    let from = first(shard, at["Type"].as_str().unwrap(), &at["SequenceNumber"], &at["Timestamp"])?;
    Ok(json!({"shard": id, "from": from.to_string()}))
}

pub(super) fn push(mut client: &TcpStream, state: &Mutex<State>, begun: &Value) -> io::Result<()> {
    client.write_all(
        b"HTTP/1.1 200 x\r\nContent-Type: application/vnd.amazon.eventstream\r\nConnection: close\r\n\r\n",
    )?;
    client.write_all(&message("initial-response", &json!({})))?;
    let (id, mut from) = (begun["shard"].as_str().unwrap(), begun["from"].as_str().unwrap().parse().unwrap());
    let (mut silent, mut sent) = (0, 0);
    loop {
        let (event, next, is_over, most) = {
            let state = state.lock().unwrap();
            let Some((event, next, is_over)) = event(&state, id, from) else { return Ok(()) };
            (event, next, is_over, state.events)
        };
        silent += 1;
        if next != from || is_over || silent == HEARTBEAT {
            client.write_all(&message("SubscribeToShardEvent", &event))?;
            (from, silent, sent) = (next, 0, sent + 1);
        }
        if is_over || sent == most {
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
}

/// The next event of a shard, where the one after it begins, and whether the shard is over.
fn event(state: &State, id: &str, from: u128) -> Option<(Value, u128, bool)> {
    let stream = state.stream.as_ref()?;
    let shard = stream.shard(id)?;
    let wanted: Vec<&Stored> = shard.records.iter().filter(|record| record.sequence >= from).collect();
    let page = &wanted[..wanted.len().min(state.page)];
    let next = page.last().map_or(from, |record| record.sequence + 1);
    let is_over = page.len() == wanted.len() && shard.closed.is_some();
    let children = stream.shards.iter().filter(|child| child.parents.iter().any(|parent| parent == id));
    let children: Vec<Value> = children
        .map(|child| {
            let (first, last) = (child.range.0.to_string(), child.range.1.to_string());
            let range = json!({"StartingHashKey": first, "EndingHashKey": last});
            json!({"ShardId": child.id, "ParentShards": child.parents, "HashKeyRange": range})
        })
        .collect();
    let mut event = json!({
        "Records": page.iter().map(|record| told(record)).collect::<Vec<_>>(),
        "ContinuationSequenceNumber": (next.max(1) - 1).max(shard.first).to_string(),
        "MillisBehindLatest": i64::from(page.len() < wanted.len()),
    });
    if is_over {
        event["ChildShards"] = json!(children);
    }
    Some((event, next, is_over))
}

fn message(kind: &str, payload: &Value) -> Vec<u8> {
    let mut headers = Vec::new();
    for (name, value) in [(":message-type", "event"), (":event-type", kind), (":content-type", "application/json")] {
        headers.push(name.len() as u8);
        headers.extend(name.as_bytes());
        // A text.
        headers.push(7);
        headers.extend((value.len() as u16).to_be_bytes());
        headers.extend(value.as_bytes());
    }
    let payload = payload.to_string();
    let total = 16 + headers.len() + payload.len();
    let mut message = Vec::new();
    message.extend((total as u32).to_be_bytes());
    message.extend((headers.len() as u32).to_be_bytes());
    message.extend(crc32(&message).to_be_bytes());
    message.extend(headers);
    message.extend(payload.as_bytes());
    message.extend(crc32(&message).to_be_bytes());
    message
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| sum >> 1 ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}
