//! What each call is answered.

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tributary_core::Clock as _;

use super::stream::{Shard, Stored, Stream};
use super::{Call, Came, Fault, State, push};

/// The code of an error and what it says.
pub(super) type Refused = (&'static str, String);

/// Status and body; `None` to say nothing and hang up.
pub(super) fn answer(state: &mut State, operation: &str, asked: &Value) -> Option<(u16, Value)> {
    let call = match operation {
        "DescribeStreamSummary" => Call::Describe,
        "ListShards" => Call::List,
        "GetShardIterator" => Call::Iterator,
        "GetRecords" => Call::Records,
        "DescribeStreamConsumer" | "RegisterStreamConsumer" => Call::Consumer,
        "SubscribeToShard" => Call::Subscribe,
        _ => return Some(refusal("UnknownOperationException", operation)),
    };
    let shard = match call {
        Call::Iterator | Call::Subscribe => asked["ShardId"].as_str().map(str::to_owned),
        Call::Records => asked["ShardIterator"].as_str().and_then(Place::read).map(|place| place.shard),
        Call::Describe | Call::List | Call::Consumer => None,
    };
    let kind = asked["ShardIteratorType"].as_str().map(str::to_owned);
    state.came.push(Came { call, shard, at: Instant::now(), kind });
    let mut is_empty = false;
    match fault(state, call) {
        Some(Fault::Cut) => return None,
        Some(Fault::Internal) => return Some((500, json!({"__type": "InternalFailure", "message": "try again"}))),
        Some(Fault::Throttled) => {
            return Some(refusal("ProvisionedThroughputExceededException", "Rate exceeded for shard"));
        }
        Some(Fault::Expired) => return Some(refusal("ExpiredIteratorException", "Iterator expired")),
        Some(Fault::Denied) => {
            return Some(refusal("AccessDeniedException", "User is not authorized to perform this action"));
        }
        Some(Fault::Empty) => is_empty = true,
        None => {}
    }
    let answered = match call {
        Call::Describe => stream(state, asked).map(describe),
        Call::List => list(state, asked),
        Call::Iterator => iterator(state, asked),
        Call::Records => records(state, asked, is_empty),
        Call::Consumer => push::consumer(state, operation, asked),
        Call::Subscribe => push::begin(state, asked),
    };
    Some(answered.map_or_else(|(code, said)| refusal(code, &said), |said| (200, said)))
}

fn refusal(code: &str, said: &str) -> (u16, Value) {
    (400, json!({"__type": code, "message": said}))
}

/// The fault that is due.
fn fault(state: &mut State, call: Call) -> Option<Fault> {
    if let Some(fault) = state.faults.get_mut(&call).and_then(|faults| faults.pop_front()) {
        return Some(fault);
    }
    let (random, one_in) = state.trouble.as_mut()?;
    if !random.one_in(*one_in) {
        return None;
    }
    let faults: &[Fault] = match call {
        Call::Records => &[Fault::Throttled, Fault::Internal, Fault::Cut, Fault::Expired, Fault::Empty],
        _ => &[Fault::Throttled, Fault::Internal, Fault::Cut],
    };
    Some(faults[random.below(faults.len())])
}

fn stream<'a>(state: &'a State, asked: &Value) -> Result<&'a Stream, Refused> {
    let name = asked["StreamName"].as_str().or_else(|| asked["StreamARN"].as_str()?.rsplit_once('/').map(|at| at.1));
    let found = state.stream.as_ref().filter(|stream| Some(stream.name.as_str()) == name);
    found.ok_or_else(|| ("ResourceNotFoundException", format!("Stream {name:?} under account 111122223333 not found.")))
}

fn describe(stream: &Stream) -> Value {
    json!({"StreamDescriptionSummary": {
        "StreamName": stream.name,
        "StreamARN": format!("arn:aws:kinesis:us-east-1:111122223333:stream/{}", stream.name),
        "StreamStatus": "ACTIVE",
        "RetentionPeriodHours": stream.retention_hours,
        "StreamCreationTimestamp": seconds(stream.created),
        "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
        "EncryptionType": "NONE",
        "OpenShardCount": stream.open().len(),
        "ConsumerCount": 0,
    }})
}

/// Seconds with a fraction, as the service writes moments.
pub(super) fn seconds(millis: i64) -> f64 {
    millis as f64 / 1_000.0
}

fn list(state: &State, asked: &Value) -> Result<Value, Refused> {
    let (stream, from) = match asked["NextToken"].as_str() {
        Some(_) if asked["StreamName"].is_string() => {
            return Err((
                "InvalidArgumentException",
                "NextToken and StreamName cannot be provided together.".to_owned(),
            ));
        }
        Some(token) => (state.stream.as_ref().unwrap(), token.parse().unwrap()),
        None => (stream(state, asked)?, 0),
    };
    let page = stream.shards.iter().skip(from).take(state.listed_at_once).map(listed);
    let next = from + state.listed_at_once;
    let token = (next < stream.shards.len()).then(|| next.to_string());
    Ok(json!({"Shards": page.collect::<Vec<_>>(), "NextToken": token}))
}

fn listed(shard: &Shard) -> Value {
    json!({
        "ShardId": shard.id,
        "ParentShardId": shard.parents.first(),
        "AdjacentParentShardId": shard.parents.get(1),
        "HashKeyRange": {"StartingHashKey": shard.range.0.to_string(), "EndingHashKey": shard.range.1.to_string()},
        "SequenceNumberRange": {
            "StartingSequenceNumber": shard.first.to_string(),
            "EndingSequenceNumber": shard.closed.map(|(number, _)| number.to_string()),
        },
    })
}

/// What an iterator says.
struct Place {
    created: i64,
    shard: String,
    /// The first number that is wanted.
    from: u128,
    pages: u64,
}

impl Place {
    fn read(iterator: &str) -> Option<Self> {
        let mut parts = iterator.split('/');
        let mut part = || parts.next();
        Some(Self {
            created: part()?.parse().ok()?,
            shard: part()?.to_owned(),
            from: part()?.parse().ok()?,
            pages: part()?.parse().ok()?,
        })
    }

    fn write(&self) -> String {
        format!("{}/{}/{}/{}", self.created, self.shard, self.from, self.pages)
    }
}

fn iterator(state: &State, asked: &Value) -> Result<Value, Refused> {
    let stream = stream(state, asked)?;
    let id = asked["ShardId"].as_str().unwrap();
    let shard = stream.shard(id).ok_or_else(|| no_shard(id))?;
    let kind = asked["ShardIteratorType"].as_str().unwrap();
    let from = first(shard, kind, &asked["StartingSequenceNumber"], &asked["Timestamp"])?;
    let place = Place { created: stream.created, shard: id.to_owned(), from, pages: 0 };
    Ok(json!({"ShardIterator": place.write()}))
}

/// The first number that is wanted.
pub(super) fn first(shard: &Shard, kind: &str, number: &Value, moment: &Value) -> Result<u128, Refused> {
    let after_last = shard.records.last().map_or(shard.first, |record| record.sequence) + 1;
    let given = || {
        let number: u128 = number.as_str().unwrap().parse().unwrap();
        let is_of_shard = number >= shard.first && shard.closed.is_none_or(|(last, _)| number <= last);
        let said = || format!("StartingSequenceNumber {number} is invalid because it did not come from this stream.");
        if is_of_shard { Ok(number) } else { Err(("InvalidArgumentException", said())) }
    };
    Ok(match kind {
        "TRIM_HORIZON" => 0,
        "LATEST" => after_last,
        "AT_SEQUENCE_NUMBER" => given()?,
        "AFTER_SEQUENCE_NUMBER" => given()? + 1,
        "AT_TIMESTAMP" => {
            let millis = (moment.as_f64().unwrap() * 1_000.0).round() as i64;
            let first = shard.records.iter().find(|record| record.arrived >= millis);
            first.map_or(after_last, |record| record.sequence)
        }
        kind => return Err(("ValidationException", kind.to_owned())),
    })
}

pub(super) fn no_shard(id: &str) -> Refused {
    ("ResourceNotFoundException", format!("Shard {id} in stream under account 111122223333 does not exist"))
}

fn records(state: &State, asked: &Value, is_empty: bool) -> Result<Value, Refused> {
    let place = Place::read(asked["ShardIterator"].as_str().unwrap()).unwrap();
    let stream = state.stream.as_ref().filter(|stream| state.any_iterator || stream.created == place.created);
    let shard = stream.and_then(|stream| stream.shard(&place.shard)).ok_or_else(|| no_shard(&place.shard))?;
    if place.pages >= state.iterator_life {
        return Err(("ExpiredIteratorException", "Iterator expired".to_owned()));
    }
    let limit = asked["Limit"].as_u64().map_or(10_000, |limit| limit as usize).min(state.page);
    let wanted: Vec<&Stored> = shard.records.iter().filter(|record| record.sequence >= place.from).collect();
    let page = &wanted[..if is_empty { 0 } else { wanted.len().min(limit) }];
    let is_read = page.len() == wanted.len();
    let behind = match (page.last(), wanted.last()) {
        // It compares when records arrived, so that it says 0 too where others arrived in the same millisecond.
        (Some(last), Some(newest)) => newest.arrived - last.arrived,
        (None, Some(_)) => (state.clock.now().millis() - wanted[0].arrived).max(1),
        _ => 0,
    };
    let next =
        Place { from: page.last().map_or(place.from, |record| record.sequence + 1), pages: place.pages + 1, ..place };
    let is_over = is_read && shard.closed.is_some();
    let records: Vec<Value> = page.iter().map(|record| told(record)).collect();
    Ok(json!({
        "Records": records,
        "NextShardIterator": (!is_over).then(|| next.write()),
        "MillisBehindLatest": behind,
    }))
}

pub(super) fn told(record: &Stored) -> Value {
    json!({
        "SequenceNumber": record.sequence.to_string(),
        "ApproximateArrivalTimestamp": seconds(record.arrived),
        "PartitionKey": record.key,
        "Data": STANDARD.encode(&record.data),
        "EncryptionType": "NONE",
    })
}
