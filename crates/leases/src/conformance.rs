//! What every [`LeaseTable`] has to do, as one suite: call [`run`] from a test of the implementation. It says no by
//! panicking.
#![expect(
    clippy::unwrap_used,
    reason = "a conformance suite is a test that other crates call: it says no by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::{Change, Lease, LeaseTable};

/// Runs the whole suite on an empty table, and leaves it empty. `others` are the same table as other workers see it.
pub async fn run(table: Arc<dyn LeaseTable>, others: Vec<Arc<dyn LeaseTable>>) {
    rows_live_and_die(table.as_ref()).await;
    changes_stand_alone(table.as_ref()).await;
    many_rows(table.as_ref()).await;
    for other in &others {
        everybody_sees_the_same(table.as_ref(), other.as_ref()).await;
    }
    races(&others).await;
    clear(table.as_ref()).await;
    assert_eq!(table.read().await.unwrap(), []);
}

fn lease(key: &str, owner: Option<&str>, counter: u64) -> Lease {
    Lease { key: key.to_owned(), owner: owner.map(str::to_owned), counter, ..Lease::default() }
}

async fn rows(table: &dyn LeaseTable) -> BTreeMap<String, Lease> {
    let rows = table.read().await.unwrap();
    let count = rows.len();
    let rows: BTreeMap<String, Lease> = rows.into_iter().map(|row| (row.key.clone(), row)).collect();
    assert_eq!(rows.len(), count, "a row is there twice");
    rows
}

async fn clear(table: &dyn LeaseTable) {
    let rows = table.read().await.unwrap();
    let changes: Vec<Change> = rows.into_iter().map(|row| Change::Delete { key: row.key, seen: row.counter }).collect();
    assert!(table.write(changes).await.unwrap().into_iter().all(|done| done));
}

async fn rows_live_and_die(table: &dyn LeaseTable) {
    assert_eq!(table.read().await.unwrap(), []);
    assert_eq!(table.write(Vec::new()).await.unwrap(), Vec::<bool>::new());
    let full = Lease {
        key: "stream:shardId-000000000001".to_owned(),
        owner: Some("worker ä/1".to_owned()),
        counter: 1,
        wanted_by: Some("another".to_owned()),
        rate: 1_234_567,
        checkpoint: Some("495903".to_owned()),
    };
    assert_eq!(table.write(vec![Change::Create(full.clone())]).await.unwrap(), [true]);
    assert_eq!(table.read().await.unwrap(), std::slice::from_ref(&full));
    let again = Lease { rate: 5, ..full.clone() };
    assert_eq!(table.write(vec![Change::Create(again)]).await.unwrap(), [false], "it is there");
    let bare = lease(&full.key, None, 2);
    let replace = |seen| vec![Change::Replace { seen, lease: bare.clone() }];
    assert_eq!(table.write(replace(7)).await.unwrap(), [false], "it is another");
    assert_eq!(table.read().await.unwrap(), std::slice::from_ref(&full));
    assert_eq!(table.write(replace(1)).await.unwrap(), [true]);
    assert_eq!(table.read().await.unwrap(), std::slice::from_ref(&bare), "what is not named is not there any more");
    let delete = |seen| vec![Change::Delete { key: full.key.clone(), seen }];
    assert_eq!(table.write(delete(1)).await.unwrap(), [false]);
    assert_eq!(table.write(delete(2)).await.unwrap(), [true]);
    assert_eq!(table.write(delete(2)).await.unwrap(), [false], "it is gone");
    assert_eq!(table.write(replace(2)).await.unwrap(), [false], "it is gone");
    assert_eq!(table.read().await.unwrap(), []);
}

/// One that does not take place keeps no other from it.
async fn changes_stand_alone(table: &dyn LeaseTable) {
    let made = table.write(vec![Change::Create(lease("a", Some("one"), 1)), Change::Create(lease("b", None, 1))]).await;
    assert_eq!(made.unwrap(), [true, true]);
    let changes = vec![
        Change::Create(lease("a", Some("two"), 1)),
        Change::Replace { seen: 1, lease: lease("b", Some("two"), 2) },
        Change::Create(lease("c", Some("two"), 1)),
        Change::Delete { key: "d".to_owned(), seen: 1 },
    ];
    assert_eq!(table.write(changes).await.unwrap(), [false, true, true, false]);
    let rows = rows(table).await;
    let owners: Vec<Option<&str>> = rows.values().map(|row| row.owner.as_deref()).collect();
    assert_eq!(owners, [Some("one"), Some("two"), Some("two")]);
    clear(table).await;
}

async fn many_rows(table: &dyn LeaseTable) {
    let keys: Vec<String> = (0..250).map(|number| format!("shardId-{number:012}")).collect();
    let created = keys.iter().map(|key| Change::Create(lease(key, Some("one"), 1))).collect();
    assert!(table.write(created).await.unwrap().into_iter().all(|done| done));
    let replaced = keys.iter().map(|key| Change::Replace { seen: 1, lease: lease(key, Some("two"), 2) }).collect();
    assert!(table.write(replaced).await.unwrap().into_iter().all(|done| done));
    let rows = rows(table).await;
    assert_eq!(rows.keys().cloned().collect::<BTreeSet<String>>(), keys.into_iter().collect());
    assert!(rows.values().all(|row| row.counter == 2 && row.owner.as_deref() == Some("two")));
    clear(table).await;
}

/// A reading shows every change that was answered before it began.
async fn everybody_sees_the_same(one: &dyn LeaseTable, other: &dyn LeaseTable) {
    for counter in 1..=10 {
        let (writer, reader) = if counter % 2 == 0 { (one, other) } else { (other, one) };
        let row = lease("shared", Some("one"), counter);
        let change = match counter {
            1 => Change::Create(row.clone()),
            _ => Change::Replace { seen: counter - 1, lease: row.clone() },
        };
        assert_eq!(writer.write(vec![change]).await.unwrap(), [true], "at {counter}");
        assert_eq!(reader.read().await.unwrap(), [row], "at {counter}");
    }
    clear(one).await;
}

/// Of all who change the same row one succeeds; rows of their own are nobody else's matter.
async fn races(tables: &[Arc<dyn LeaseTable>]) {
    let Some(first) = tables.first() else { return };
    for round in 0..10 {
        let key = format!("race-{round}");
        let mut racers = Vec::new();
        for number in 0..tables.len() {
            let own = format!("own-{number}");
            let me = format!("worker-{number}");
            let ours = match round {
                0 => Change::Create(lease(&own, Some(&me), 1)),
                _ => Change::Replace { seen: round, lease: lease(&own, Some(&me), round + 1) },
            };
            racers.push(vec![Change::Create(lease(&key, Some(&me), 1)), ours]);
        }
        let mut calls: Vec<_> =
            tables.iter().zip(racers).map(|(table, changes)| Box::pin(table.write(changes))).collect();
        let mut done = Vec::new();
        std::future::poll_fn(|context| {
            // Whoever is ready is taken out; the others are asked again when something moves.
            let mut at = 0;
            while at < calls.len() {
                match calls[at].as_mut().poll(context) {
                    std::task::Poll::Ready(answer) => {
                        done.push(answer.unwrap());
                        drop(calls.swap_remove(at));
                    }
                    std::task::Poll::Pending => at += 1,
                }
            }
            if calls.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
        assert_eq!(done.iter().filter(|answer| answer[0]).count(), 1, "round {round}: one creates it: {done:?}");
        assert!(done.iter().all(|answer| answer[1]), "round {round}: their own: {done:?}");
    }
    clear(first.as_ref()).await;
}
