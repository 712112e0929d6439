//! Row groups of `agent_event` as they are merged: each gives its rows batch by batch, with their links.

use std::sync::Arc;

use parquet::file::metadata::ParquetMetaData;
use tributary_commit::LiveFile;
use tributary_connect::agent_event_key;
use tributary_connect::agent_time::{Digester, Link, Links};
use tributary_core::Timestamp;
use tributary_store::ObjectStore;

use crate::error::Error;
use crate::scan::{Reader, Reading};
use crate::sightings::{DISTINCT, Origins, Rows, columns};

/// A row group of a file: its footer, and which of its row groups.
#[derive(Clone)]
pub(crate) struct Group {
    pub(crate) file: LiveFile,
    pub(crate) footer: Arc<ParquetMetaData>,
    pub(crate) number: usize,
}

impl Group {
    /// How many rows it has.
    pub(crate) fn rows(&self) -> usize {
        usize::try_from(self.footer.row_group(self.number).num_rows()).unwrap_or(0)
    }

    /// Reads its rows so many at a time, with `links` also the columns that snapshots are compared by.
    fn reader(&self, links: bool, batch_rows: usize) -> Result<Reader, Error> {
        let columns = columns(links);
        let names: Vec<&str> = columns.iter().map(String::as_str).collect();
        let (key, reading) = (self.file.key.clone(), Reading::Coded(&DISTINCT));
        Reader::new(key, &self.footer, &names, Some(self.number), batch_rows, &reading)
    }
}

/// How the links of rows come to be known.
pub(crate) enum Linking {
    /// Nobody asks.
    None,
    /// Whoever decoded the events has told them.
    Passed(Arc<Links>),
    /// The columns are read.
    Read(Digester),
}

/// A row group that is read.
pub(crate) struct Feed {
    group: Group,
    /// The number by which its rows are found again.
    id: u32,
    batch_rows: usize,
    linking: Linking,
    /// Gone when all rows were read: it may be larger than they are.
    reader: Option<Reader>,
    /// Rows that were handed out.
    done: usize,
    key: Vec<u8>,
}

impl Feed {
    /// One that hands out so many rows at a time.
    pub(crate) fn new(group: Group, id: u32, batch_rows: usize, linking: Linking) -> Result<Self, Error> {
        let reader = Some(group.reader(matches!(linking, Linking::Read(_)), batch_rows)?);
        Ok(Self { group, id, batch_rows, linking, reader, done: 0, key: Vec::new() })
    }

    /// The next rows, if there are any.
    pub(crate) async fn next(&mut self, store: &dyn ObjectStore) -> Result<Option<Rows>, Error> {
        loop {
            let Some(reader) = &mut self.reader else { return Ok(None) };
            let Some(batch) = reader.next(store).await? else { return Ok(None) };
            let key = &self.group.file.key;
            // A row group has fewer than 2^32 rows.
            let origins = Origins::From { group: self.id, row: self.done as u32 };
            let rows = match &mut self.linking {
                Linking::None => Rows::read(key, &batch)?,
                Linking::Read(digester) => Rows::linked(key, &batch, digester, origins)?,
                Linking::Passed(links) => {
                    let rows = Rows::read(key, &batch)?;
                    match passed(&rows, links, &mut self.key) {
                        Some(links) => rows.with_links(links, origins),
                        None => {
                            self.read_columns(store).await?;
                            continue;
                        }
                    }
                }
            };
            self.done += rows.len();
            if self.done >= self.group.rows() {
                self.reader = None;
            }
            return Ok(Some(rows));
        }
    }

    /// Goes on with the columns themselves, for what has passed does not have these rows.
    async fn read_columns(&mut self, store: &dyn ObjectStore) -> Result<(), Error> {
        let mut reader = self.group.reader(true, self.batch_rows)?;
        let mut skipped = 0;
        while skipped < self.done {
            let Some(batch) = reader.next(store).await? else { break };
            skipped += batch.num_rows();
        }
        self.linking = Linking::Read(Digester::default());
        self.reader = Some(reader);
        Ok(())
    }
}

/// The links of all these rows; none where any is not known.
fn passed(rows: &Rows, links: &Links, key: &mut Vec<u8>) -> Option<Vec<Link>> {
    let link = |row: usize| {
        let at = Timestamp::from_micros(rows.timestamp.value(row));
        links.get(agent_event_key(rows.instance_id.value(row), rows.event_id.value(row), at, key))
    };
    (0..rows.len()).map(link).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::{Value, json};
    use tributary_connect::Lookups;
    use tributary_connect::agent_time::LinkLog;
    use tributary_core::{Day, Extent, PartitionPath, Scratch, ScratchError, TableId};
    use tributary_store::MemoryStore;

    use super::*;
    use crate::memory_lake::{MemoryLake, play};
    use crate::merge::{Events, Merge, Opened};
    use crate::scan::metadata;
    use crate::sightings::Origin;

    #[derive(Default)]
    struct Memory(Mutex<Vec<u8>>);

    impl Scratch for Memory {
        fn append(&self, bytes: &[u8]) -> Result<Extent, ScratchError> {
            let mut all = self.0.lock().unwrap();
            all.extend_from_slice(bytes);
            Ok(Extent { offset: (all.len() - bytes.len()) as u64, length: bytes.len() as u64 })
        }

        fn read(&self, extent: Extent, skip: u64, into: &mut [u8]) -> Result<(), ScratchError> {
            let from = (extent.offset + skip) as usize;
            into.copy_from_slice(&self.0.lock().unwrap()[from..from + into.len()]);
            Ok(())
        }

        fn release(&self, _: Extent) {}
    }

    fn log() -> Arc<LinkLog> {
        let log = LinkLog::default();
        log.spill_to(Arc::new(Memory::default()));
        Arc::new(log)
    }

    /// 2025-03-01.
    fn day() -> Day {
        Timestamp::from_micros(1_740_787_200_000_000).day()
    }

    /// A snapshot with so many contacts; an odd one has hardly anything else.
    fn snapshot(contacts: usize) -> Value {
        let contact = |number: usize| {
            json!({
                "Channel": "CHAT", "ContactId": format!("c-{number}"), "InitialContactId": null,
                "ConnectedToAgentTimestamp": null, "InitiationMethod": "API", "QueueTimestamp": null,
                "State": "CONNECTED", "StateStartTimestamp": "2025-03-01T08:00:00.123Z",
                "Queue": if number.is_multiple_of(2) { json!({"ARN": "q", "Name": null}) } else { Value::Null },
            })
        };
        let contacts = (0..contacts).map(contact).collect::<Vec<_>>();
        if !contacts.len().is_multiple_of(2) {
            return json!({"AgentStatus": null, "Configuration": null, "Contacts": contacts, "NextAgentStatus": null});
        }
        let queue = json!({"ARN": "q", "Name": "Sales", "Channels": ["VOICE", null]});
        json!({
            "AgentStatus": {"ARN": "s", "Name": "Available", "StartTimestamp": "2025-03-01T07:00:00.5Z", "Type": null},
            "NextAgentStatus": null,
            "Configuration": {
                "AgentHierarchyGroups": {"Level1": {"ARN": "g", "Name": "Group"}, "Level2": null},
                "FirstName": "A", "LastName": "B", "Username": "ab",
                "Proficiencies": [{"Name": "Language", "Value": "de", "ProficiencyLevel": 4.0}],
                "RoutingProfile": {
                    "ARN": "p", "Name": "Profile", "DefaultOutboundQueue": queue, "InboundQueues": [queue, queue],
                    "Concurrency": [{"Channel": "VOICE", "AvailableSlots": 1, "MaximumSlots": 2}],
                },
            },
            "Contacts": contacts,
        })
    }

    fn event(number: usize) -> String {
        let previous = if number == 0 { Value::Null } else { snapshot(number - 1) };
        json!({
            "AWSAccountId": "1", "AgentARN": "arn:aws:connect:eu:1:instance/i/agent/a", "EventId": format!("e-{number}"),
            "EventTimestamp": format!("2025-03-01T09:00:0{number}.000Z"), "EventType": "STATE_CHANGE",
            "InstanceARN": "arn:aws:connect:eu:1:instance/i", "Version": "2017-10-01",
            "CurrentAgentSnapshot": snapshot(number), "PreviousAgentSnapshot": previous,
        })
        .to_string()
    }

    async fn links(lake: &MemoryLake, group: &Group, linking: Linking) -> Vec<(Link, Origin)> {
        let mut feed = Feed::new(group.clone(), 7, 2, linking).unwrap();
        let mut links = Vec::new();
        while let Some(rows) = feed.next(lake.store.as_ref()).await.unwrap() {
            links.extend((0..rows.len()).map(|row| rows.link(row).unwrap()));
        }
        links
    }

    /// What a decoder tells is what the columns tell, also where it tells it of the first rows alone.
    #[test]
    fn links_that_passed_are_those_of_the_columns() {
        play(async {
            let mut lake = MemoryLake::open(&MemoryStore::new(), 1, &["agent_event", "agent_event_contacts"]).await;
            let all = log();
            lake.links = Some(Arc::clone(&all));
            lake.tell(&(0..6).map(event).collect::<Vec<_>>(), Lookups::default()).await;
            let day = day();
            let [file] = lake.log.live().day(&TableId::new("agent_event"), PartitionPath::of(day)) else { panic!() };
            let footer = metadata(lake.store.as_ref(), file).await.unwrap();
            let group = Group { file: file.clone(), footer, number: 0 };

            let read = links(&lake, &group, Linking::Read(Digester::default())).await;
            assert_eq!(read.len(), 6);
            assert!((0..6).all(|row| read[row as usize].1 == Origin { group: 7, row }));
            assert!(read.windows(2).all(|pair| pair[0].0.current == pair[1].0.previous), "each goes on from the last");
            assert!(read.windows(2).all(|pair| pair[0].0.current != pair[1].0.current));
            let passed = all.of(day).unwrap();
            assert_eq!(links(&lake, &group, Linking::Passed(Arc::new(passed))).await, read);

            // Wrong ones, to see which are taken: of the first three events, so that the second two rows are read.
            let few = log();
            let wrong = read[5].0;
            let key = |row: usize| {
                let at = Timestamp::from_micros(1_740_819_600_000_000 + row as i64 * 1_000_000);
                agent_event_key("i", &format!("e-{row}"), at, &mut Vec::new())
            };
            few.append((0..3).map(|row| (day, key(row), wrong)));
            let mixed = links(&lake, &group, Linking::Passed(Arc::new(few.of(day).unwrap()))).await;
            assert_eq!(mixed[..2].iter().map(|(link, _)| *link).collect::<Vec<_>>(), [wrong, wrong]);
            assert_eq!(mixed[2..], read[2..]);
            assert!(mixed.iter().zip(&read).all(|(mixed, read)| mixed.1 == read.1));
        });
    }

    /// The events of a day, merged by runs on the scratch, with the links that passed.
    async fn merged(lake: &MemoryLake, passed: Option<&LinkLog>) -> Vec<(String, Link)> {
        let passed = passed.map(|log| Arc::new(log.of(day()).unwrap()));
        let merge = Merge { links: true, reads_columns: passed.is_none(), passed, bytes: 1 };
        let scratch: Arc<dyn Scratch> = Arc::new(Memory::default());
        let (store, live, mut opened) = (lake.store.as_ref(), lake.log.live(), Opened::default());
        let mut events = Events::of(store, live, (day(), &merge), Some(&scratch), &mut opened).await.unwrap();
        let mut all = Vec::new();
        while events.next(store).await.unwrap() {
            let (rows, row) = events.current().unwrap();
            all.push((rows.event_id.value(row).to_owned(), rows.link(row).unwrap().0));
        }
        all
    }

    /// Runs hold rows whose links passed beside rows whose columns were read.
    #[test]
    fn files_of_others_are_merged_with_those_that_passed() {
        play(async {
            let mut lake = MemoryLake::open(&MemoryStore::new(), 1, &["agent_event", "agent_event_contacts"]).await;
            let first = log();
            for file in 0..4 {
                lake.links = (file == 0).then(|| Arc::clone(&first));
                lake.tell(&(2 * file..2 * file + 2).map(event).collect::<Vec<_>>(), Lookups::default()).await;
            }
            let read = merged(&lake, None).await;
            let ids: Vec<&str> = read.iter().map(|(id, _)| id.as_str()).collect();
            assert_eq!(ids, ["e-0", "e-1", "e-2", "e-3", "e-4", "e-5", "e-6", "e-7"]);
            assert_eq!(first.of(day()).unwrap().len(), 2);
            assert_eq!(merged(&lake, Some(&first)).await, read);
        });
    }
}
