//! Packs records into one, as the Kinesis Producer Library does. It shares no code with what unpacks them.
//!
//! Source: github.com/awslabs/amazon-kinesis-producer, aggregation-format.md.

use md5::{Digest as _, Md5};

/// An aggregated record of these user records: partition key, explicit hash key (a number in decimal digits), payload. Keys
/// that are the same stand once in their table.
pub fn aggregate(records: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut partition_keys: Vec<&str> = Vec::new();
    let mut hash_keys: Vec<&str> = Vec::new();
    let mut packed = Vec::new();
    for (partition_key, hash_key, data) in records {
        let mut record = Vec::new();
        put_number(&mut record, 1, index(&mut partition_keys, partition_key));
        if let Some(hash_key) = hash_key {
            put_number(&mut record, 2, index(&mut hash_keys, hash_key));
        }
        put_bytes(&mut record, 3, data);
        put_bytes(&mut packed, 3, &record);
    }
    let mut message = Vec::new();
    partition_keys.iter().for_each(|key| put_bytes(&mut message, 1, key.as_bytes()));
    hash_keys.iter().for_each(|key| put_bytes(&mut message, 2, key.as_bytes()));
    message.extend(packed);
    let digest = Md5::digest(&message);
    [&[0xf3, 0x89, 0x9a, 0xc2], message.as_slice(), digest.as_slice()].concat()
}

/// The hash key that Kinesis gives to a partition key: its MD5, the first byte the highest. Source: Kinesis API reference,
/// PutRecord, PartitionKey.
pub fn hash_key(partition_key: &str) -> u128 {
    Md5::digest(partition_key).iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

/// Where a key stands in its table, into which it comes when it is new.
fn index<'a>(table: &mut Vec<&'a str>, key: &'a str) -> usize {
    table.iter().position(|known| *known == key).unwrap_or_else(|| {
        table.push(key);
        table.len() - 1
    })
}

fn put_number(to: &mut Vec<u8>, field: u8, number: usize) {
    to.push(field << 3);
    put_varint(to, number);
}

fn put_bytes(to: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    to.push(field << 3 | 2);
    put_varint(to, bytes.len());
    to.extend(bytes);
}

fn put_varint(to: &mut Vec<u8>, mut number: usize) {
    while number > 0x7f {
        to.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}
