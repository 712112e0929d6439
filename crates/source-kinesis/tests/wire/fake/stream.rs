//! A stream: shards that take records by the hash of their keys, are closed by a split or a merge, and forget.

use tributary_core::Timestamp;
use tributary_testkit::hash_key;

/// A record as it is kept.
#[derive(Clone, Debug)]
pub struct Stored {
    pub sequence: u128,
    pub key: String,
    pub data: Vec<u8>,
    /// In milliseconds, as the service has it.
    pub arrived: i64,
}

#[derive(Clone, Debug)]
pub struct Shard {
    pub id: String,
    pub parents: Vec<String>,
    /// Both ends included.
    pub range: (u128, u128),
    pub first: u128,
    /// The number at which it was closed, and when.
    pub closed: Option<(u128, i64)>,
    pub records: Vec<Stored>,
}

#[derive(Clone, Debug)]
pub struct Stream {
    pub name: String,
    /// In milliseconds.
    pub created: i64,
    pub retention_hours: u32,
    pub shards: Vec<Shard>,
    /// Shards that were there once, and their parents.
    pub family: Vec<(String, Vec<String>)>,
    next: u128,
}

impl Stream {
    pub fn new(name: &str, shards: usize, now: Timestamp) -> Self {
        let mut stream = Self {
            name: name.to_owned(),
            created: now.millis(),
            retention_hours: 24,
            shards: Vec::new(),
            family: Vec::new(),
            // Numbers soon have a digit more: they are compared as numbers.
            next: 95,
        };
        let width = u128::MAX / shards as u128;
        for number in 0..shards as u128 {
            let last = if number + 1 == shards as u128 { u128::MAX } else { width * (number + 1) - 1 };
            stream.add(Vec::new(), (width * number, last));
        }
        stream
    }

    fn add(&mut self, parents: Vec<String>, range: (u128, u128)) -> String {
        let id = format!("shardId-{:012}", self.family.len());
        let first = self.number();
        self.family.push((id.clone(), parents.clone()));
        self.shards.push(Shard { id: id.clone(), parents, range, first, closed: None, records: Vec::new() });
        id
    }

    fn number(&mut self) -> u128 {
        self.next += 1;
        self.next
    }

    pub fn shard(&self, id: &str) -> Option<&Shard> {
        self.shards.iter().find(|shard| shard.id == id)
    }

    /// The parents of a shard, also of one that is gone.
    pub fn parents(&self, id: &str) -> Vec<String> {
        self.family.iter().find(|(known, _)| known == id).map(|(_, parents)| parents.clone()).unwrap()
    }

    pub fn open(&self) -> Vec<String> {
        let mut open: Vec<&Shard> = self.shards.iter().filter(|shard| shard.closed.is_none()).collect();
        open.sort_by_key(|shard| shard.range);
        open.into_iter().map(|shard| shard.id.clone()).collect()
    }

    pub fn put(&mut self, key: &str, data: Vec<u8>, now: Timestamp) -> String {
        let (hash, sequence) = (hash_key(key), self.number());
        let takes = |shard: &&mut Shard| shard.closed.is_none() && shard.range.0 <= hash && hash <= shard.range.1;
        let shard = self.shards.iter_mut().find(takes).unwrap();
        shard.records.push(Stored { sequence, key: key.to_owned(), data, arrived: now.millis() });
        shard.id.clone()
    }

    /// Closes an open shard; its hash keys.
    fn close(&mut self, id: &str, now: Timestamp) -> (u128, u128) {
        let number = self.number();
        let shard = self.shards.iter_mut().find(|shard| shard.id == id && shard.closed.is_none()).unwrap();
        shard.closed = Some((number, now.millis()));
        shard.range
    }

    pub fn split(&mut self, id: &str, now: Timestamp) -> [String; 2] {
        let (first, last) = self.close(id, now);
        let middle = first + (last - first) / 2;
        [self.add(vec![id.to_owned()], (first, middle)), self.add(vec![id.to_owned()], (middle + 1, last))]
    }

    pub fn merge(&mut self, one: &str, other: &str, now: Timestamp) -> String {
        let (left, right) = (self.close(one, now), self.close(other, now));
        let range = (left.0.min(right.0), left.1.max(right.1));
        assert!(left.1.wrapping_add(1) == right.0 || right.1.wrapping_add(1) == left.0, "they are neighbours");
        self.add(vec![one.to_owned(), other.to_owned()], range)
    }

    pub fn trim(&mut self, moment: Timestamp) {
        let before = moment.millis();
        for shard in &mut self.shards {
            shard.records.retain(|record| record.arrived >= before);
        }
        self.shards.retain(|shard| !shard.records.is_empty() || shard.closed.is_none_or(|(_, at)| at >= before));
    }

    /// Every record that is kept, in the order of its arrival.
    pub fn records(&self) -> Vec<Stored> {
        let mut records: Vec<Stored> = self.shards.iter().flat_map(|shard| shard.records.clone()).collect();
        records.sort_by_key(|record| record.sequence);
        records
    }
}
