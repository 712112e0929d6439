//! What the tests of Kinesis stand on: a server and a client that lose nothing and double nothing across splits and merges.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_kinesis::types::Record;
use bytes::Bytes;
use tributary_source_kinesis::user_records;
use tributary_testkit::aggregate;

use crate::engines::kinesis::{Kinesis, REGION};
use crate::engines::kinesis_streams::{Entry, Shard, Streams};
use crate::inputs::events;
use crate::kinesis_load::{Fed, Load, agent};
use crate::streams_of_kinesis::STREAM;

/// A record of each of so many keys, every tenth packed with another.
fn entries(round: usize) -> Vec<Entry> {
    let entry = |number: usize| {
        let (key, payload) = (format!("agent-{number}"), format!("{round}/{number}"));
        let other = format!("{payload}/again");
        let data = if number.is_multiple_of(10) {
            aggregate(&[(&key, None, payload.as_bytes()), (&key, None, other.as_bytes())])
        } else {
            payload.into_bytes()
        };
        Entry { key, explicit_hash_key: None, data }
    };
    (0..50).map(entry).collect()
}

#[test]
fn everything_is_read_once_across_a_split_and_a_merge() {
    let folder = tempfile::tempdir().unwrap();
    let Some(kinesis) = Kinesis::start(folder.path()) else { return };
    let streams = Streams::on(&kinesis.endpoint(), REGION).unwrap();
    streams.create(STREAM, 2).unwrap();

    let mut put = streams.put(STREAM, &entries(0)).unwrap();
    let open = streams.open_shards(STREAM).unwrap();
    streams.split(STREAM, &open[0]).unwrap();
    put.extend(streams.put(STREAM, &entries(1)).unwrap());
    let open = streams.open_shards(STREAM).unwrap();
    assert_eq!(open.len(), 3);
    // A child of the split, and a shard that was there before.
    streams.merge(STREAM, &open[1], &open[2]).unwrap();
    put.extend(streams.put(STREAM, &entries(2)).unwrap());
    assert_eq!(streams.open_shards(STREAM).unwrap().len(), 2);

    let mut expect: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for (shard, entry) in put.into_iter().zip((0..3).flat_map(entries)) {
        expect.entry(shard).or_default().push(entry.data);
    }
    let mut read: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    let each = |shard: &str, record: &Record| {
        read.entry(shard.to_owned()).or_default().push(record.data().as_ref().to_vec());
    };
    streams.read(STREAM, each).unwrap();
    assert_eq!(expect.len(), 5, "each shard has its part");
    // One call keeps no order.
    expect.values_mut().chain(read.values_mut()).for_each(|records| records.sort());
    assert_eq!(read, expect);

    streams.delete(STREAM).unwrap();
    streams.create(STREAM, 1).unwrap();
    streams.read(STREAM, |shard, _| panic!("{shard} is new")).unwrap();
}

/// Of a shard's records, what belongs to the shard.
fn belonging(shard: &Shard, record: &Record) -> Vec<Bytes> {
    let record = Bytes::copy_from_slice(record.data().as_ref());
    match user_records(&record) {
        Some(found) => found.into_iter().filter(|found| shard.holds(found.hash_key)).map(|found| found.data).collect(),
        None => vec![record],
    }
}

/// By agent, each in its order: parents before their children, who have higher numbers. Whether the service refuses anything, so
/// that it is put again, hangs on when a shard is closed: loads are put until one has met that.
#[test]
fn a_load_puts_everything_once_and_in_the_order_of_agents() {
    let folder = tempfile::tempdir().unwrap();
    let Some(kinesis) = Kinesis::start(folder.path()) else { return };
    let streams = Streams::on(&kinesis.endpoint(), REGION).unwrap();
    let met = (3..9).any(|seed| {
        streams.create(STREAM, 2).unwrap();
        let fed = load_is_in_order(&kinesis.endpoint(), &streams, seed);
        streams.delete(STREAM).unwrap();
        fed.again > 0
    });
    assert!(met, "no load had to put anything again");
}

fn load_is_in_order(endpoint: &str, streams: &Streams, seed: u64) -> Fed {
    let lines = events("--agents 40 --events 900 --seed 61");
    let load = Load {
        endpoint: endpoint.to_owned(),
        region: REGION.to_owned(),
        stream: STREAM.to_owned(),
        rate: 200,
        packed: 3,
        every: Duration::from_millis(800),
        seed,
    };
    let fed = load.feed(lines.lines()).unwrap();
    assert!(fed.splits > 0 && fed.merges > 0 && fed.packed > 0, "{fed:?}");
    assert_eq!(fed.records as usize, lines.lines().count());

    let mut expect: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    lines.lines().for_each(|line| expect.entry(agent(line)).or_default().push(line));
    let shards = streams.shards(STREAM).unwrap();
    let mut read = Vec::new();
    let each = |id: &str, record: &Record| {
        let shard = shards.iter().find(|shard| shard.id == id).unwrap();
        read.extend(belonging(shard, record).into_iter().map(|data| String::from_utf8(data.into()).unwrap()));
    };
    streams.read(STREAM, each).unwrap();
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    read.iter().for_each(|line| found.entry(agent(line)).or_default().push(line));
    assert_eq!(found, expect);
    fed
}
