//! What no client at hand lets a test say to a broker, byte by byte.
//!
//! Source: Kafka protocol guide (request header version 1, Produce version 3), "Record Batch", "Record".

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::stream::wait_until;

/// What a broker says of a partition that was made and is not led yet: unknown topic, no leader, not the leader.
const NOT_YET: [i16; 3] = [3, 5, 6];

/// The answer to a call, without its length.
pub(crate) fn ask(broker: &str, call: i16, version: i16, body: &[u8]) -> Vec<u8> {
    let mut request = Vec::new();
    request.extend(call.to_be_bytes());
    request.extend(version.to_be_bytes());
    request.extend(7_i32.to_be_bytes());
    text(&mut request, "tests");
    request.extend(body);
    let mut broker = TcpStream::connect(broker).unwrap();
    broker.write_all(&i32::try_from(request.len()).unwrap().to_be_bytes()).unwrap();
    broker.write_all(&request).unwrap();
    let mut length = [0; 4];
    broker.read_exact(&mut length).unwrap();
    let mut answer = vec![0; usize::try_from(i32::from_be_bytes(length)).unwrap()];
    broker.read_exact(&mut answer).unwrap();
    answer
}

pub(crate) fn text(out: &mut Vec<u8>, text: &str) {
    out.extend(i16::try_from(text.len()).unwrap().to_be_bytes());
    out.extend(text.as_bytes());
}

/// One record without a key into partition 0, with headers of any bytes.
pub(crate) fn produce(broker: &str, topic: &str, value: &[u8], headers: &[(&[u8], &[u8])]) {
    let batch = batch(&record(value, headers));
    let mut body = Vec::new();
    body.extend((-1_i16).to_be_bytes()); // no transaction
    body.extend(1_i16.to_be_bytes()); // acknowledged by the leader
    body.extend(10_000_i32.to_be_bytes());
    body.extend(1_i32.to_be_bytes());
    text(&mut body, topic);
    body.extend(1_i32.to_be_bytes());
    body.extend(0_i32.to_be_bytes());
    body.extend(i32::try_from(batch.len()).unwrap().to_be_bytes());
    body.extend(batch);
    // Correlation, how many topics, the name, how many partitions, which, and then its error.
    let at = 4 + 4 + 2 + topic.len() + 4 + 4;
    let mut said = 0;
    wait_until("a record is taken", || {
        let answer = ask(broker, 0, 3, &body);
        said = i16::from_be_bytes([answer[at], answer[at + 1]]);
        !NOT_YET.contains(&said)
    });
    assert_eq!(said, 0, "the error of the broker");
}

fn record(value: &[u8], headers: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut record = vec![0]; // attributes
    varint(&mut record, 0);
    varint(&mut record, 0);
    varint(&mut record, -1);
    sized(&mut record, value);
    varint(&mut record, i64::try_from(headers.len()).unwrap());
    for (name, value) in headers {
        sized(&mut record, name);
        sized(&mut record, value);
    }
    let mut whole = Vec::new();
    sized(&mut whole, &record);
    whole
}

fn batch(record: &[u8]) -> Vec<u8> {
    let mut summed = Vec::new();
    summed.extend(0_i16.to_be_bytes()); // attributes
    summed.extend(0_i32.to_be_bytes());
    summed.extend(1_700_000_000_000_i64.to_be_bytes());
    summed.extend(1_700_000_000_000_i64.to_be_bytes());
    summed.extend((-1_i64).to_be_bytes());
    summed.extend((-1_i16).to_be_bytes());
    summed.extend((-1_i32).to_be_bytes());
    summed.extend(1_i32.to_be_bytes());
    summed.extend(record);
    let mut batch = Vec::from(0_i64.to_be_bytes());
    batch.extend(i32::try_from(summed.len() + 9).unwrap().to_be_bytes());
    batch.extend((-1_i32).to_be_bytes());
    batch.push(2); // magic
    batch.extend(crc32c(&summed).to_be_bytes());
    batch.extend(summed);
    batch
}

fn sized(out: &mut Vec<u8>, bytes: &[u8]) {
    varint(out, i64::try_from(bytes.len()).unwrap());
    out.extend(bytes);
}

/// Zigzag, seven bits a byte.
fn varint(out: &mut Vec<u8>, number: i64) {
    let mut rest = u64::from_ne_bytes(((number << 1) ^ (number >> 63)).to_ne_bytes());
    while rest >= 0x80 {
        out.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
        rest >>= 7;
    }
    out.push(u8::try_from(rest).unwrap());
}

/// Castagnoli's, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0x82f6_3b78 } else { sum >> 1 })
    };
    !bytes.iter().fold(!0, step)
}
