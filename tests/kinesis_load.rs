//! A stream that is fed at a steady rate while its shards are split and merged.
//!
//! What an agent does comes in its order: a call of the service, which may take its records in any order, holds one record
//! of an agent at most, and nothing of the next call is sent before all of it was taken. From time to time records are
//! packed as the Kinesis Producer Library does it: by the shards that it knows of. When it turns out that there are others
//! now, what came into a shard where it does not belong is put again.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tributary_testkit::{aggregate, hash_key};

use crate::engines::kinesis_streams::{Entry, Shard, Streams};

/// Open shards stay between these numbers.
const OPEN: (usize, usize) = (2, 6);

/// The most records of one call: of 200 a second there are ten calls.
const CALL: usize = 20;

/// The partition key that the library gives to what it has packed; an explicit hash key says where it goes.
const PACKED_KEY: &str = "a";

/// How a stream is fed.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) endpoint: String,
    pub(crate) region: String,
    pub(crate) stream: String,
    /// Records a second.
    pub(crate) rate: u32,
    /// Of so many calls one puts packed records.
    pub(crate) packed: u64,
    /// The time between two splits or merges.
    pub(crate) every: Duration,
    /// Of what is split and merged.
    pub(crate) seed: u64,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fed {
    /// Records that were put, packed or not.
    pub(crate) records: u64,
    /// Records into which several were packed.
    pub(crate) packed: u64,
    /// Records that were put again, for they had come into a shard where they do not belong.
    pub(crate) again: u64,
    pub(crate) splits: u32,
    pub(crate) merges: u32,
}

/// A record to be, and the agent whose it is.
type Line<'a> = (&'a str, &'a str);

impl Load {
    /// Puts one record a line, keyed by its agent.
    pub(crate) fn feed<'a>(&self, lines: impl Iterator<Item = &'a str>) -> Result<Fed, String> {
        let (going, over) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            let resharding = scope.spawn(move || self.reshard(&over));
            let fed = Feeder::new(self).and_then(|mut feeder| feeder.feed(lines).map(|()| feeder.fed));
            drop(going);
            let (splits, merges) = resharding.join().map_err(|_| "the thread that splits and merges failed")??;
            Ok(Fed { splits, merges, ..fed? })
        })
    }

    /// Splits and merges until nobody holds the other end; how often.
    fn reshard(&self, over: &Receiver<()>) -> Result<(u32, u32), String> {
        let streams = Streams::on(&self.endpoint, &self.region)?;
        let (mut splits, mut merges) = (0, 0);
        while over.recv_timeout(self.every) == Err(RecvTimeoutError::Timeout) {
            let open = streams.open_shards(&self.stream)?;
            let chance = self.chance(splits + merges);
            match (open.len(), chance % 2) {
                (count, even) if count <= OPEN.0 || (count < OPEN.1 && even == 0) => {
                    streams.split(&self.stream, &open[chance / 2 % count])?;
                    splits += 1;
                }
                (count, _) => {
                    let at = chance / 2 % (count - 1);
                    streams.merge(&self.stream, &open[at], &open[at + 1])?;
                    merges += 1;
                }
            }
        }
        Ok((splits, merges))
    }

    fn chance(&self, number: u32) -> usize {
        let mut hasher = DefaultHasher::new();
        (self.seed, number).hash(&mut hasher);
        hasher.finish() as usize >> 1
    }
}

/// The one who puts.
struct Feeder<'a> {
    load: &'a Load,
    streams: Streams,
    /// The shards that it knows of; open ones once were.
    shards: Vec<Shard>,
    fed: Fed,
}

impl<'a> Feeder<'a> {
    fn new(load: &'a Load) -> Result<Self, String> {
        let streams = Streams::on(&load.endpoint, &load.region)?;
        let shards = streams.shards(&load.stream)?;
        Ok(Self { load, streams, shards, fed: Fed::default() })
    }

    fn feed<'l>(&mut self, lines: impl Iterator<Item = &'l str>) -> Result<(), String> {
        let mut lines = lines.map(|line| (agent(line), line)).peekable();
        let begun = Instant::now();
        for call in 1_u64.. {
            let is_packed = call.is_multiple_of(self.load.packed);
            let mut agents = HashSet::new();
            let mut now = Vec::new();
            // Those of an agent keep their order within a packed record.
            while let Some(line) = lines.next_if(|(agent, _)| is_packed || !agents.contains(agent)) {
                agents.insert(line.0);
                now.push(line);
                if now.len() == CALL {
                    break;
                }
            }
            if now.is_empty() {
                return Ok(());
            }
            self.fed.records += now.len() as u64;
            wait_until(begun + Duration::from_secs_f64(self.fed.records as f64 / f64::from(self.load.rate)));
            if is_packed { self.put_packed(now)? } else { self.put(&now)? }
        }
        Ok(())
    }

    fn put(&self, lines: &[Line<'_>]) -> Result<(), String> {
        let entries: Vec<Entry> = lines.iter().map(single).collect();
        self.streams.put(&self.load.stream, &entries).map(drop)
    }

    /// Packs what goes into the same shard, by what is known, and goes on until each is where it belongs.
    fn put_packed(&mut self, mut lines: Vec<Line<'_>>) -> Result<(), String> {
        while !lines.is_empty() {
            let mut groups: BTreeMap<&str, Vec<Line<'_>>> = BTreeMap::new();
            for line in lines {
                let hash_key = hash_key(line.0);
                let shard = self.shards.iter().find(|shard| shard.is_open && shard.holds(hash_key));
                groups.entry(&shard.ok_or("no shard is open for a hash key")?.id).or_default().push(line);
            }
            let groups: Vec<Vec<Line<'_>>> = groups.into_values().collect();
            let entries: Vec<Entry> = groups.iter().map(|group| packed(group)).collect();
            self.fed.packed += groups.iter().filter(|group| group.len() > 1).count() as u64;
            let shards = self.streams.put(&self.load.stream, &entries)?;
            if shards.iter().any(|id| !self.shards.iter().any(|shard| shard.id == *id && shard.is_open)) {
                self.shards = self.streams.shards(&self.load.stream)?;
            }
            lines = Vec::new();
            for (group, id) in groups.into_iter().zip(&shards) {
                let shard = self.shards.iter().find(|shard| shard.id == *id).ok_or("a shard that is not listed")?;
                lines.extend(group.into_iter().filter(|(agent, _)| !shard.holds(hash_key(agent))));
            }
            self.fed.again += lines.len() as u64;
        }
        Ok(())
    }
}

fn single((agent, line): &Line<'_>) -> Entry {
    Entry { key: (*agent).to_owned(), explicit_hash_key: None, data: line.as_bytes().to_vec() }
}

/// Several as one; the first says where it goes. One alone is not packed.
fn packed(lines: &[Line<'_>]) -> Entry {
    match lines {
        [line] => single(line),
        lines => {
            let records: Vec<_> = lines.iter().map(|(agent, line)| (*agent, None, line.as_bytes())).collect();
            let first = lines.first().map(|(agent, _)| hash_key(agent));
            Entry { key: PACKED_KEY.to_owned(), explicit_hash_key: first, data: aggregate(&records) }
        }
    }
}

/// The agent of an event as the simulator writes it.
pub(crate) fn agent(line: &str) -> &str {
    let after = line.split_once("\"AgentARN\":\"").map_or("none", |(_, after)| after);
    after.split('"').next().unwrap_or_default()
}

fn wait_until(moment: Instant) {
    while let Some(left) = moment.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
}
