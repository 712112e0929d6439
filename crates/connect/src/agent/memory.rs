//! What is remembered of each agent's last snapshots, so that what recurs byte for byte is not read again.
//!
//! An agent's configuration is three quarters of an event and hardly ever changes, and a previous snapshot repeats the
//! current one before it. The JSON of each such part is kept with the codes that were made of it; where the same bytes
//! stand again, they are compared instead of parsed. Correctness never depends on it: what is forgotten is read again.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::codes::{Configuration, Groups, Outbound, Status};
use super::contact::Contacts;
use super::reader::{Path, Reader, Refusal};
use crate::dictionary::Code;
use crate::json::Kind;
use crate::transform::Recall;

/// One part: its JSON, and the codes that were made of it.
#[derive(Debug, Default)]
pub(crate) struct Slot<T> {
    json: Vec<u8>,
    generation: u32,
    codes: T,
    /// Keys inside it that no column takes, by their path below it.
    unknown: BTreeMap<Box<str>, u64>,
}

impl<T: Copy + Default> Slot<T> {
    /// The codes of what stands here if it is what is remembered; goes over it then.
    fn same(&self, reader: &mut Reader<'_, '_>, path: &Path<'_>) -> Option<T> {
        if self.generation != reader.dictionaries.generation || !reader.cursor.take_same(&self.json) {
            return None;
        }
        for (below, count) in &self.unknown {
            let path = format!("{}.{below}", path.text()).into_boxed_str();
            *reader.unknown.entry(path).or_default() += count;
        }
        Some(self.codes)
    }

    /// The codes of what stands here, remembered or read; the default when it is null.
    pub(crate) fn read<'a>(
        &mut self,
        reader: &mut Reader<'a, '_>,
        path: &Path<'_>,
        record: &mut Record,
        read: impl FnOnce(&mut Reader<'a, '_>, &Path<'_>, &mut Record) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        if let Some(codes) = self.same(reader, path) {
            record.hit(self.json.len());
            return Ok(codes);
        }
        if is_null(reader)? {
            return Ok(T::default());
        }
        self.learn(reader, path, record, read)
    }

    fn learn<'a>(
        &mut self,
        reader: &mut Reader<'a, '_>,
        path: &Path<'_>,
        record: &mut Record,
        read: impl FnOnce(&mut Reader<'a, '_>, &Path<'_>, &mut Record) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let from = reader.cursor.at();
        let mut unknown = BTreeMap::new();
        let mut inner =
            Reader { cursor: reader.cursor.clone(), unknown: &mut unknown, dictionaries: &mut *reader.dictionaries };
        let codes = read(&mut inner, path, record)?;
        reader.cursor = inner.cursor;
        for (path, count) in &unknown {
            *reader.unknown.entry(path.clone()).or_default() += count;
        }
        let json = reader.cursor.since(from);
        record.miss(json.len());
        // Only what begins and ends with a bracket tells by its own bytes where it ends.
        if record.remember && matches!(json.first(), Some(b'{' | b'[')) {
            self.unknown = below(path, &unknown);
            let before = self.json.capacity();
            keep(&mut self.json, json);
            record.replaced(before, self.json.capacity());
            self.codes = codes;
            self.generation = reader.dictionaries.generation;
        }
        Ok(codes)
    }
}

/// Keeps a part's JSON in the place of another's. Where there is too little room, or more than twice what is needed, the room
/// is made anew: there are thousands of parts, and what `Vec` grows to is up to twice what they take.
pub(crate) fn keep(kept: &mut Vec<u8>, json: &[u8]) {
    if (json.len()..=json.len() * 2).contains(&kept.capacity()) {
        kept.clear();
        kept.extend_from_slice(json);
    } else {
        *kept = json.to_vec();
    }
}

/// Paths are kept below the part, which stands in the current and in the previous snapshot.
fn below(path: &Path<'_>, unknown: &BTreeMap<Box<str>, u64>) -> BTreeMap<Box<str>, u64> {
    if unknown.is_empty() {
        return BTreeMap::new();
    }
    let prefix = path.text();
    let below = |path: &str| path.strip_prefix(prefix.as_str()).unwrap_or(path).trim_start_matches('.').into();
    unknown.iter().map(|(path, count)| (below(path), *count)).collect()
}

impl Slot<Configuration> {
    /// What was just gone over, which is what is remembered; none where it has keys that are to be counted each time.
    fn here<'a>(&self, reader: &Reader<'a, '_>) -> Here<'a> {
        let json = reader.cursor.since(reader.cursor.at().checked_sub(self.json.len())?);
        self.unknown.is_empty().then_some((json, self.codes))
    }
}

/// Whether null stands here; goes over it then.
fn is_null(reader: &mut Reader<'_, '_>) -> Result<bool, Refusal> {
    let is_null = reader.cursor.kind()? == Kind::Null;
    if is_null {
        reader.cursor.null()?;
    }
    Ok(is_null)
}

/// How many whole configurations are remembered of an agent: slots are taken and freed as contacts come and go.
const VARIANTS: usize = 3;

/// The last configurations of an agent.
#[derive(Debug, Default)]
pub(crate) struct Variants {
    slots: [Variant; VARIANTS],
    /// Which of them is forgotten next.
    oldest: usize,
    /// Which of them stood in the first snapshot of the event that was read last: the current one.
    last: usize,
}

#[derive(Debug, Default)]
struct Variant {
    slot: Slot<Configuration>,
    /// Where something else stood when it was last asked for in vain: looked at first, for configurations of an agent
    /// differ far behind their beginning.
    differs: usize,
}

/// The configuration in the snapshot of the same event that was read before, which in most events is that of the other
/// snapshot too: its bytes were looked at just now.
pub(crate) type Here<'a> = Option<(&'a [u8], Configuration)>;

impl Variant {
    fn same(&mut self, reader: &mut Reader<'_, '_>, path: &Path<'_>) -> Option<Configuration> {
        if !reader.cursor.agrees_at(self.differs, &self.slot.json) {
            return None;
        }
        let codes = self.slot.same(reader, path);
        if codes.is_none() {
            self.differs = reader.cursor.first_difference(&self.slot.json);
        }
        codes
    }
}

impl Variants {
    /// The configuration that stands here, remembered or read; all null when it is null.
    pub(crate) fn read<'a>(
        &mut self,
        reader: &mut Reader<'a, '_>,
        path: &Path<'_>,
        (record, here): (&mut Record, &mut Here<'a>),
        read: impl FnOnce(&mut Reader<'a, '_>, &Path<'_>, &mut Record) -> Result<Configuration, Refusal>,
    ) -> Result<Configuration, Refusal> {
        if let Some((json, codes)) = *here
            && reader.cursor.take_same(json)
        {
            record.hit(json.len());
            return Ok(codes);
        }
        for (at, variant) in self.slots.iter_mut().enumerate() {
            if let Some(codes) = variant.same(reader, path) {
                if here.is_none() {
                    self.last = at;
                }
                record.hit(variant.slot.json.len());
                *here = variant.slot.here(reader);
                return Ok(codes);
            }
        }
        if is_null(reader)? {
            return Ok(Configuration::default());
        }
        self.oldest = (self.oldest + 1) % VARIANTS;
        if here.is_none() {
            self.last = self.oldest;
        }
        let Variant { slot, differs } = &mut self.slots[self.oldest];
        *differs = 0;
        let codes = slot.learn(reader, path, record, read)?;
        if record.remember {
            *here = slot.here(reader);
        }
        Ok(codes)
    }

    /// Forgets all but that of the last current snapshot; how many bytes of JSON that were.
    fn keep_last(&mut self) -> usize {
        self.oldest = self.last;
        let others = self.slots.iter_mut().enumerate().filter(|(at, _)| *at != self.last);
        others.map(|(_, variant)| std::mem::take(variant).slot.json.capacity()).sum()
    }
}

/// What is remembered of the parts of a configuration.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    pub(crate) groups: Slot<Groups>,
    pub(crate) proficiencies: Slot<Code>,
    pub(crate) concurrency: Slot<Code>,
    pub(crate) outbound: Slot<Outbound>,
    pub(crate) inbound: Slot<Code>,
}

impl Parts {
    /// The room that their JSON takes.
    fn memory(&self) -> usize {
        let codes = [&self.proficiencies, &self.concurrency, &self.inbound].map(|slot| slot.json.capacity());
        codes.iter().sum::<usize>() + self.groups.json.capacity() + self.outbound.json.capacity()
    }
}

/// What is remembered of one agent.
#[derive(Debug, Default)]
pub(crate) struct AgentMemory {
    pub(crate) status: Slot<Status>,
    pub(crate) configurations: Variants,
    pub(crate) contacts: Contacts,
    pub(crate) parts: Parts,
    /// The generation of the two codes below.
    generation: Option<u32>,
    arn: Code,
    id: Code,
}

impl AgentMemory {
    /// The codes of the agent's ARN and id.
    pub(crate) fn codes(&mut self, generation: u32, make: impl FnOnce() -> (Code, Code)) -> (Code, Code) {
        if self.generation != Some(generation) {
            (self.arn, self.id) = make();
            self.generation = Some(generation);
        }
        (self.arn, self.id)
    }

    /// Forgets what the first events of another session hardly have: how many bytes that were.
    fn rest(&mut self) -> usize {
        let Self { configurations, contacts, parts, .. } = self;
        let freed = parts.memory() + contacts.memory();
        (*parts, *contacts) = Default::default();
        freed + configurations.keep_last()
    }
}

/// How remembering went while one snapshot was read.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Whether what is read shall be remembered.
    pub(crate) remember: bool,
    /// Bytes that were remembered, and that had to be read.
    hits: usize,
    misses: usize,
    grown: usize,
    freed: usize,
}

impl Record {
    /// A part of so many bytes was remembered.
    pub(crate) fn hit(&mut self, bytes: usize) {
        self.hits += bytes;
    }

    /// A part of so many bytes had to be read.
    pub(crate) fn miss(&mut self, bytes: usize) {
        self.misses += bytes;
    }

    /// What is remembered of a part takes `after` bytes in the place of `before`.
    pub(crate) fn replaced(&mut self, before: usize, after: usize) {
        self.freed += before;
        self.grown += after;
    }
}

/// Bytes remembered at most: JSON and what each agent costs.
const LIMIT: usize = 16 << 20;

/// After so many bytes of parts it is judged whether remembering pays: some hundred snapshots.
const TRIAL: usize = 1 << 20;

/// It pays when of so many bytes that are read at least one is remembered: reading costs that much more than keeping.
/// Bytes are judged and not parts, for small parts such as slots recur where nothing else does.
const WORTH: usize = 4;

/// So many snapshots go without it when it did not.
const PAUSE: u32 = 32_768;

/// The memory of a decoder.
#[derive(Debug)]
pub(crate) struct Memory {
    recall: Recall,
    agents: HashMap<String, AgentMemory>,
    /// For events whose agent is not known yet when a snapshot comes, or while remembering is paused.
    spare: AgentMemory,
    bytes: usize,
    hits: usize,
    misses: usize,
    paused: u32,
}

impl Memory {
    /// One that remembers nothing yet.
    pub(crate) fn new(recall: Recall) -> Self {
        Self { recall, agents: HashMap::new(), spare: AgentMemory::default(), bytes: 0, hits: 0, misses: 0, paused: 0 }
    }

    /// What is remembered of the agent of this ARN.
    pub(crate) fn agent(&mut self, arn: Option<&str>) -> (&mut AgentMemory, Record) {
        if self.paused > 0 || self.recall == Recall::Forget {
            self.paused = self.paused.saturating_sub(1);
            // Without `remember` each part is read and nothing is copied.
            return (&mut self.spare, Record::default());
        }
        let record = Record { remember: true, ..Record::default() };
        let Some(arn) = arn else { return (&mut self.spare, record) };
        if !self.agents.contains_key(arn) {
            if self.bytes > LIMIT {
                self.forget();
            }
            // An agent of whom nothing recurs costs its entry all the same.
            self.bytes += size_of::<AgentMemory>() + arn.len();
        }
        (self.agents.entry_ref(arn).or_default(), record)
    }

    /// What is remembered of the agent of this ARN, if anything.
    pub(crate) fn known(&mut self, arn: &str) -> Option<&mut AgentMemory> {
        self.agents.get_mut(arn)
    }

    /// An agent has logged out: one configuration is kept of the several. Of the agents of a day only some are there at a time.
    /// Who is not known to have logged out, or not by this decoder, keeps all.
    pub(crate) fn rest(&mut self, arn: &str) {
        let freed = self.agents.get_mut(arn).map_or(0, AgentMemory::rest);
        self.bytes = self.bytes.saturating_sub(freed);
    }

    /// Learns from how it went: forgets everything when it grew too large, pauses when it does not pay.
    pub(crate) fn learn(&mut self, record: &Record) {
        self.bytes = (self.bytes + record.grown).saturating_sub(record.freed);
        if self.bytes > LIMIT {
            self.forget();
        }
        self.hits += record.hits;
        self.misses += record.misses;
        if self.hits + self.misses >= TRIAL {
            if self.hits < self.misses / WORTH {
                self.paused = PAUSE;
                self.forget();
            }
            (self.hits, self.misses) = (0, 0);
        }
    }

    /// Forgets everything.
    pub(crate) fn forget(&mut self) {
        self.agents = HashMap::new();
        self.spare = AgentMemory::default();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::{Dictionaries, read_event};
    use crate::privacy::Privacy;

    /// An event of an agent with one of several routing profiles, and with another one before it.
    fn event(event_type: &str, before: usize, after: usize) -> String {
        let snapshot = |profile: usize| {
            let queues = r#"[{"ARN":"q/1","Channels":["VOICE"],"Name":"Sales"}]"#;
            let profile = format!(r#"{{"ARN":"p/{profile}","InboundQueues":{queues},"Name":"{profile:99}"}}"#);
            let contacts = r#"[{"Channel":"VOICE","ContactId":"c","State":"CONNECTED"}]"#;
            format!(r#"{{"Configuration":{{"FirstName":"A","RoutingProfile":{profile}}},"Contacts":{contacts}}}"#)
        };
        let (before, after) = (snapshot(before), snapshot(after));
        format!(
            r#"{{"AgentARN":"a/1","CurrentAgentSnapshot":{after},"EventId":"e","EventTimestamp":"2025-07-01T09:00:00Z","EventType":"{event_type}","InstanceARN":"i/1","PreviousAgentSnapshot":{before},"Version":"2017-10-01"}}"#
        )
    }

    /// The room that everything of an agent takes.
    fn room(agent: &AgentMemory) -> usize {
        let json: usize = agent.configurations.slots.iter().map(|variant| variant.slot.json.capacity()).sum();
        json + agent.status.json.capacity() + agent.parts.memory() + agent.contacts.memory()
    }

    #[test]
    fn who_has_logged_out_is_remembered_by_the_last_configuration() {
        let mut memory = Memory::new(Recall::Remember);
        let mut dictionaries = Dictionaries::new(&Privacy::default());
        let mut read = |memory: &mut Memory, event_type, before, after| {
            let event = event(event_type, before, after);
            assert!(read_event(event.as_bytes(), memory, &mut dictionaries, &mut BTreeMap::new()).is_ok());
            let agent = &memory.agents["a/1"];
            assert_eq!(memory.bytes, size_of::<AgentMemory>() + "a/1".len() + room(agent));
            agent.configurations.slots.iter().filter(|variant| !variant.slot.json.is_empty()).count()
        };
        let kept = [("LOGIN", 0, 0), ("STATE_CHANGE", 0, 1), ("STATE_CHANGE", 1, 2), ("STATE_CHANGE", 2, 2)]
            .map(|(event_type, before, after)| read(&mut memory, event_type, before, after));
        assert_eq!(kept, [1, 2, 3, 3]);
        let agent = &memory.agents["a/1"];
        let all = memory.bytes;
        assert!(agent.parts.memory() > 0 && agent.contacts.memory() > 0);
        // The one after it is kept, though the one before it is read after that.
        assert_eq!(read(&mut memory, "LOGOUT", 2, 1), 1);
        assert!(memory.bytes < all - 400, "{all} {}", memory.bytes);
        assert_eq!(memory.agents["a/1"].parts.memory() + memory.agents["a/1"].contacts.memory(), 0);
        assert_eq!(read(&mut memory, "STATE_CHANGE", 1, 1), 1, "it is known");
        // A new one does not take its place.
        assert_eq!(read(&mut memory, "LOGIN", 1, 5), 2);
        (0..100).for_each(|_| assert_eq!(read(&mut memory, "LOGOUT", 5, 5), 1));
        memory.rest("nobody");
    }
}
