//! The newest states against a model, in whatever order events come, and whoever else keeps them up to date.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray as _;
use proptest::prelude::*;
use serde_json::{Value, json};
use tributary_connect::Lookups;
use tributary_core::Fault;
use tributary_store::MemoryStore;
use tributary_testkit::FixedClock;

use super::*;
use crate::memory_lake::{MemoryLake, play};

#[test]
fn what_is_folded_is_read_back_and_nothing_else() {
    let state = |bytes: &[u8]| [ScopeState { kind: StateKind::Full, bytes: Bytes::copy_from_slice(bytes) }];
    let bytes = Folded::bytes(Epoch::new(7));
    assert_eq!(Folded::of(&state(&bytes)).unwrap(), Folded(Some(Epoch::new(7))));
    assert_eq!(Folded::of(&[]).unwrap(), Folded::default());
    for cut in 0..bytes.len() {
        assert!(Folded::of(&state(&bytes[..cut])).is_err(), "{cut}");
    }
    let mut newer = bytes.to_vec();
    newer[8] = 2;
    assert!(Folded::of(&state(&newer)).unwrap_err().to_string().contains("newer version"));
}

/// An event of a case, in a few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    /// Its second, in one minute of one of two days.
    at: u8,
    /// The minute of the case's own last change, if it says one.
    updated: Option<u8>,
    id: u16,
    case: u8,
    domain: u8,
}

impl Told {
    fn payload(self) -> String {
        let Self { at, updated, id, case, domain } = self;
        let mut fields = json!({ "title": { "value": { "stringValue": format!("title of {id}") } } });
        if let Some(minute) = updated {
            let text = format!("2025-03-10T08:{minute:02}:00.000Z");
            fields["last_updated_datetime"] = json!({ "value": { "stringValue": text } });
        }
        let event: Value = json!({
            "version": "0", "id": format!("e{id:05}"), "detail-type": "Amazon Connect Cases Change", "source": "aws.cases",
            "account": "004711000815", "time": "2025-03-12T10:00:00Z",
            "resources": [format!("arn:aws:cases:eu-central-1:004711000815:domain/d{domain}")],
            "detail": {
                "eventType": "CASE.UPDATED",
                "approximateChangeTime": format!("2025-03-{:02}T09:05:{:02}.000Z", 10 + at % 2, at),
                "changedFieldIds": ["title"],
                "case": { "caseId": format!("case-{case}"), "templateId": "t1", "fields": fields },
            },
        });
        event.to_string()
    }

    /// What AWS's view and our tie-break order by.
    fn order(self) -> (u8, u8, Option<u8>, u16) {
        (self.at % 2, self.at, self.updated, self.id)
    }
}

/// Of each case the title of its newest event.
fn expected(events: &[Told]) -> BTreeMap<(String, String), String> {
    let mut newest: BTreeMap<(u8, u8), Told> = BTreeMap::new();
    for event in events {
        let known = newest.entry((event.domain, event.case)).or_insert(*event);
        if known.order() < event.order() {
            *known = *event;
        }
    }
    let row = |((domain, case), event): ((u8, u8), Told)| {
        ((format!("i{domain}"), format!("case-{case}")), format!("title of {}", event.id))
    };
    newest.into_iter().map(row).collect()
}

/// A lake of cases.
struct Lake(MemoryLake);

impl Lake {
    async fn open(store: &MemoryStore, process: u128) -> Self {
        Self(MemoryLake::open(store, process, &[EVENTS, LATEST]).await)
    }

    /// Commits the rows of events.
    async fn tell(&mut self, events: &[Told]) {
        let payloads: Vec<String> = events.iter().map(|event| event.payload()).collect();
        let instances = (0..2).map(|number| (format!("d{number}"), format!("i{number}"))).collect();
        self.0.tell(&payloads, Lookups { instances, ..Lookups::default() }).await;
    }

    /// Brings the table up to date, remembering so many bytes at once.
    async fn update(&mut self, memory: u64, folded: Option<Folded>) -> Result<Option<Updated>, Failure> {
        let recovered = self.0.log.recover().await.unwrap();
        let kept = recovered.states.get(&Folded::scope()).cloned().unwrap_or_default();
        self.update_as(memory, folded.unwrap_or_else(|| Folded::of(&kept).unwrap())).await
    }

    /// The same for a process that has looked at the log before.
    async fn update_as(&mut self, memory: u64, folded: Folded) -> Result<Option<Updated>, Failure> {
        let attempt = self.0.attempt();
        let mut sink = self.0.sink(latest_case_state());
        let clock = FixedClock::default();
        let mut latest = Latest { store: Arc::clone(&self.0.store), log: &mut self.0.log, memory, clock: &clock };
        latest.update(&mut sink, attempt, folded).await
    }

    /// The rows of the table; each in the bucket of its case.
    async fn rows(&mut self) -> BTreeMap<(String, String), String> {
        self.0.log.recover().await.unwrap();
        let mut rows = BTreeMap::new();
        let live = self.0.log.live().clone();
        for (_, partition, file) in live.iter().filter(|(table, ..)| table.as_str() == LATEST) {
            assert!(file.key.as_str().starts_with(&format!("{LATEST}/{partition}/")), "{} {partition}", file.key);
            let mut seen = 0;
            scan(self.0.store.as_ref(), file, &["instance_id", "case_id", "case_title"], &mut |batch| {
                let column = |name: &str| batch.column_by_name(name).unwrap().as_string::<i32>().clone();
                let (instances, cases, titles) = (column("instance_id"), column("case_id"), column("case_title"));
                for row in 0..batch.num_rows() {
                    let case = (instances.value(row).to_owned(), cases.value(row).to_owned());
                    assert_eq!(partition, PartitionPath::Bucket(Bucket::of(&case.1)));
                    assert_eq!(rows.insert(case, titles.value(row).to_owned()), None, "a case is there once");
                    seen += 1;
                }
                Ok(())
            })
            .await
            .unwrap();
            assert_eq!(seen, file.rows);
        }
        rows
    }
}

fn told() -> impl Strategy<Value = Told> {
    (0..6_u8, prop::option::of(0..2_u8), 0..60_u16, 0..5_u8, 0..2_u8).prop_map(|(at, updated, id, case, domain)| Told {
        at,
        updated,
        id,
        case,
        domain,
    })
}

/// What happens to a lake: events are committed, and the table may be brought up to date behind them.
fn happenings() -> impl Strategy<Value = Vec<(Vec<Told>, bool)>> {
    // Of one id there is one event: an id that comes again is a repeat.
    let events = prop::collection::btree_map(0..60_u16, told(), 1..24);
    let events =
        events.prop_map(|events| -> Vec<Told> { events.into_iter().map(|(id, event)| Told { id, ..event }).collect() });
    let repeated = events.prop_flat_map(|events| {
        let repeats = prop::collection::vec(prop::sample::select(events.clone()), 0..8);
        repeats.prop_map(move |repeats| [events.clone(), repeats].concat())
    });
    let shuffled = repeated.prop_flat_map(|events| Just(events).prop_shuffle());
    (shuffled, prop::collection::vec((1..6_usize, any::<bool>()), 24)).prop_map(|(events, cuts)| {
        let (mut rest, mut all) = (events.as_slice(), Vec::new());
        for (most, updates) in cuts {
            let (now, later) = rest.split_at(most.min(rest.len()));
            if !now.is_empty() {
                all.push((now.to_vec(), updates));
            }
            rest = later;
        }
        all.push((rest.to_vec(), true));
        all.into_iter().filter(|(events, _)| !events.is_empty()).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_repetition_gives_the_same(happenings in happenings(), memory in 1..2_000_u64) {
        play(async {
            let store = MemoryStore::new();
            let mut lake = Lake::open(&store, 1).await;
            let mut so_far = Vec::new();
            for (events, updates) in &happenings {
                lake.tell(events).await;
                so_far.extend_from_slice(events);
                if *updates {
                    lake.update(memory, None).await.unwrap();
                    assert_eq!(lake.rows().await, expected(&so_far));
                }
            }
            lake.update(memory, None).await.unwrap();
            assert!(lake.update(memory, None).await.unwrap().is_none(), "nothing is new");
            assert_eq!(lake.rows().await, expected(&so_far));
            // All of it anew is the same.
            lake.update(memory, Some(Folded::default())).await.unwrap();
            assert_eq!(lake.rows().await, expected(&so_far));
        });
    }
}

#[test]
fn of_two_processes_one_is_first() {
    play(async {
        let store = MemoryStore::new();
        let (mut one, mut other) = (Lake::open(&store, 1).await, Lake::open(&store, 2).await);
        let event = |id, at| Told { at, updated: None, id, case: 1, domain: 0 };
        one.tell(&[event(1, 0)]).await;
        other.0.log.recover().await.unwrap();
        one.update(1 << 20, None).await.unwrap();
        // The other has the same news, and does not know that they are in the table already.
        let late = other.update_as(1 << 20, Folded::default()).await.unwrap_err();
        assert_eq!(late.fault(), Fault::Fenced, "{late}");
        assert!(other.update(1 << 20, None).await.unwrap().is_none());
        // Events that come while it works on others are for the next time.
        one.tell(&[event(2, 2)]).await;
        let folded = Folded::of(&other.0.log.recover().await.unwrap().states[&Folded::scope()]).unwrap();
        one.tell(&[event(3, 4)]).await;
        other.update_as(1 << 20, folded).await.unwrap();
        one.update(1 << 20, None).await.unwrap();
        assert_eq!(one.rows().await, expected(&[event(1, 0), event(2, 2), event(3, 4)]));
    });
}

/// Tied by time, the case's own time decides, and none is before any; then the id.
#[test]
fn ties_are_broken_as_they_are_documented() {
    play(async {
        let told = |id, updated| Told { at: 3, updated, id, case: 1, domain: 0 };
        let events = [told(9, None), told(1, Some(0)), told(3, Some(1)), told(2, Some(1))];
        let newest = BTreeMap::from([(("i0".to_owned(), "case-1".to_owned()), "title of 3".to_owned())]);
        assert_eq!(expected(&events), newest);
        let mut lake = Lake::open(&MemoryStore::new(), 1).await;
        lake.tell(&events).await;
        lake.update(1 << 20, None).await.unwrap();
        assert_eq!(lake.rows().await, newest);
    });
}
